import { printable } from './base/printable.js';
import { CRASHED_THREAD, headOf } from './base/stack.js';

/**
 * What every failure of the pool is: an `Error` with a `code` that never changes, the facts as fields, and a message
 * that says what happened, in numbers, and what to try. An aborted call is no `PoolError`: it rejects with
 * `signal.reason` itself. `docs/errors.md` has a heading for each code.
 */
export abstract class PoolError<Code extends PoolErrorCode = PoolErrorCode> extends Error {
  /** Stable for good: compare this, not the message. */
  readonly code: Code;
  // Its own from the start, since none can be given to it where somebody has frozen `Error.prototype`.
  override name: string;
  /** Which item of a `map` it is of, 0 for the first: of an error that `map` throws, and absent from any other. */
  declare readonly index?: number | undefined;

  protected constructor(name: string, code: Code, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = name;
    this.code = code;
    // V8 writes the first line of `stack` while `Error` is constructed, when the name is not there yet.
    Error.captureStackTrace(this, new.target);
  }
}

/** Every `code` that a {@link PoolError} can have. */
export type PoolErrorCode =
  | 'ERR_PYTHON'
  | 'ERR_WORKER_DIED'
  | 'ERR_CALL_TIMEOUT'
  | 'ERR_CALL_HUNG'
  | 'ERR_QUEUE_TIMEOUT'
  | 'ERR_DEADLOCK'
  | 'ERR_POISON'
  | 'ERR_IDEMPOTENCY_KEY'
  | 'ERR_QUEUE_FULL'
  | 'ERR_OVERLOADED'
  | 'ERR_POOL_CLOSED'
  | 'ERR_POOL_DEGRADED'
  | 'ERR_BOOT'
  | 'ERR_NOT_EXPOSED'
  | 'ERR_VALUE'
  | 'ERR_ARGUMENT'
  | 'ERR_RESULT'
  | 'ERR_SCHEMA_TIMEOUT'
  | 'ERR_MESSAGE_TOO_LARGE'
  | 'ERR_SESSION_LOST'
  | 'ERR_SESSION_LIMIT'
  | 'ERR_LEASE_ENDED'
  | 'ERR_HANDLE_ENDED'
  | 'ERR_FUNCTION_RELEASED'
  | 'ERR_OPTION'
  | 'ERR_PYTHON_NOT_FOUND'
  | 'ERR_SPAWN'
  | 'ERR_PLATFORM'
  | 'ERR_PROTOCOL';

/** One line of Python that an exception came through. */
export interface PythonFrame {
  readonly file: string;
  readonly line: number | undefined;
  /** The function, or `<module>`. */
  readonly function: string;
  /** The line itself, without what it is indented by, where Python could read it. */
  readonly source: string | undefined;
}

/** What an exception was, as {@link PythonError} is made of it. */
export interface PythonRaised {
  readonly type: string;
  readonly module: string;
  readonly pythonMessage: string;
  readonly traceback: string;
  readonly notes: readonly string[];
  readonly mro?: readonly string[] | undefined;
  readonly frames?: readonly PythonFrame[] | undefined;
  readonly framesLeftOut?: number | undefined;
  readonly cause?: Error | undefined;
  readonly whileHandling?: boolean | undefined;
  readonly errors?: readonly PythonError[] | undefined;
}

/** Python raised an exception. The worker is well and goes on. */
export class PythonError extends PoolError<'ERR_PYTHON'> implements PythonRaised {
  /** The class of the exception, such as `ValueError`. */
  readonly type: string;
  /** The module of that class, such as `builtins`. */
  readonly module: string;
  /** `str(exception)`, without the type. */
  readonly pythonMessage: string;
  /** What `exception.add_note()` added (Python 3.11 and newer). */
  readonly notes: readonly string[];
  /** What Python would have printed, chained exceptions included. */
  declare readonly traceback: string;
  /** The class and its bases in the order in which Python looks them up: `builtins:ValueError`. */
  declare readonly mro: readonly string[];
  /** Where it came through in Python, the innermost first; of more than 64, the first and the last 32. */
  declare readonly frames: readonly PythonFrame[];
  /** How many of the `frames` are left out in the middle. */
  declare readonly framesLeftOut: number;
  /**
   * The exception that this one was raised from, or while handling: a `PythonError`. For an error that a JavaScript
   * function threw at Python in this call, that very error.
   */
  declare readonly cause: Error | undefined;
  /** The `cause` was being handled when this was raised; false where Python says `raise … from …`. */
  declare readonly whileHandling: boolean;
  /** The exceptions of an exception group; `undefined` for any other. */
  declare readonly errors: readonly PythonError[] | undefined;

  constructor(seen: PythonRaised) {
    super(
      nameOf(new.target),
      'ERR_PYTHON',
      seen.pythonMessage === '' ? seen.type : `${seen.type}: ${seen.pythonMessage}`,
      seen.cause,
    );
    this.type = seen.type;
    this.module = seen.module;
    this.pythonMessage = seen.pythonMessage;
    this.notes = seen.notes;
    hide(this, 'traceback', seen.traceback);
    hide(this, 'mro', seen.mro ?? [`${seen.module}:${seen.type}`]);
    hide(this, 'frames', seen.frames ?? []);
    hide(this, 'framesLeftOut', seen.framesLeftOut ?? 0);
    hide(this, 'whileHandling', seen.whileHandling ?? false);
    hide(this, 'errors', seen.errors);
    const frames = this.stack?.slice(`${this.name}: ${this.message}`.length) ?? '';
    this.stack = `${headOf(this)}${frames}`;
  }

  /**
   * True if the exception is of that Python class or of one derived from it, as `isinstance` would say.
   *
   * @param name The class's name, `NotFound`, or with its module, `app.NotFound`, which tells classes of one name apart.
   */
  is(name: string): boolean {
    return this.mro.some((one) => one.endsWith(`:${name}`) || one.replace(':', '.') === name);
  }
}

/** The worker's process ended before it had answered. */
export class WorkerDiedError extends PoolError<'ERR_WORKER_DIED'> {
  /** The worker's name, such as `worker-0`. */
  readonly worker: string;
  /** Its exit code, or `null` when a signal ended it or nobody knows. */
  readonly exitCode: number | null;
  /** The signal that ended it, or `null`. */
  readonly signal: string | null;
  /** The last lines it wrote to standard error, oldest first; of a crash, those from its innermost call on. At most 20. */
  readonly stderr: readonly string[];
  /** Whether Python had begun with the call; `'unknown'` counts as begun. Only `false` makes it safe to repeat. */
  readonly started: boolean | 'unknown';
  /** The function that was called, if a call was cut short. */
  readonly call: string | undefined;
  /** How often the call was tried; `started` is true if Python had begun with any of them. */
  readonly attempts: number;

  constructor(seen: {
    worker: string;
    exitCode: number | null;
    signal: string | null;
    stderr: readonly string[];
    started: boolean | 'unknown';
    call?: string | undefined;
    attempts?: number;
    /** The pool ended it for another call. */
    evicted?: boolean;
    /** The option `limits.cpuSeconds`. */
    cpuSeconds?: number | undefined;
    /** The pool ended it because it did not answer a ping. */
    silent?: boolean;
  }) {
    super(
      'WorkerDiedError',
      'ERR_WORKER_DIED',
      `${seen.worker} died ${howItEnded(seen)}${seen.call === undefined ? '' : ` with ${quoted(seen.call)} unanswered`}. ` +
        `${seen.call === undefined ? '' : `${whatStarted(seen.started)}${afterAttempts(seen.attempts)} `}${whyItMayHaveDied(seen)}${lastLines(seen.stderr)}`,
    );
    this.worker = seen.worker;
    this.exitCode = seen.exitCode;
    this.signal = seen.signal;
    this.stderr = seen.stderr;
    this.started = seen.started;
    this.call = seen.call;
    this.attempts = seen.attempts ?? 1;
  }
}

/** The call had a worker, and its budget ran out before Python answered. */
export class CallTimeoutError extends PoolError<'ERR_CALL_TIMEOUT'> {
  /** The function that was called. */
  readonly call: string;
  /** The whole budget, waiting and running together; `attemptTimeoutMs`, if the last attempt ran out of that. */
  readonly timeoutMs: number;
  /** How long after it was asked for the call was sent, with all attempts before the last. */
  readonly waitedMs: number;
  /** How long it has run since. */
  readonly ranMs: number;
  /** How often the call was tried. */
  readonly attempts: number;

  /** @param seen With `cause`: what the last attempt but one failed by. */
  constructor(seen: {
    call: string;
    timeoutMs: number;
    waitedMs: number;
    ranMs: number;
    attempts?: number;
    /** The budget was that of one attempt. */
    isOfAttempt?: boolean;
    cause?: unknown;
  }) {
    const { timeoutMs, waitedMs, ranMs, attempts = 1 } = seen;
    // What the attempts before the last took is no waiting for a worker.
    const hasWaitedMost = attempts === 1 && waitedMs > ranMs;
    super(
      'CallTimeoutError',
      'ERR_CALL_TIMEOUT',
      `${quoted(seen.call)} did not answer within ${timeoutMs} ms: ${waitedMs} ms went on waiting for a worker` +
        `${attempts === 1 ? '' : ' and on the attempts before'}, ${ranMs} ms on running.${afterAttempts(attempts)} ` +
        `${hasWaitedMost ? 'Raise `size`, send less at once' : 'Give the function less to do'}, ` +
        `or allow a longer \`${seen.isOfAttempt ? 'attemptTimeoutMs' : 'timeoutMs'}\`.`,
      seen.cause,
    );
    this.call = seen.call;
    this.timeoutMs = timeoutMs;
    this.waitedMs = waitedMs;
    this.ranMs = ranMs;
    this.attempts = attempts;
  }
}

/** The call ran longer than the pool lets any call run, or gave no sign of progress for too long. */
export class CallHungError extends PoolError<'ERR_CALL_HUNG'> {
  /** The function that was called. */
  readonly call: string;
  /** The limit that it broke: `hardLimitMs`, or `heartbeatTimeoutMs`. */
  readonly by: 'hard-limit' | 'heartbeat';
  /** That limit. */
  readonly limitMs: number;
  /** How long it had run. */
  readonly ranMs: number;

  constructor(seen: { call: string; by: 'hard-limit' | 'heartbeat'; limitMs: number; ranMs: number }) {
    super(
      'CallHungError',
      'ERR_CALL_HUNG',
      seen.by === 'hard-limit'
        ? `${quoted(seen.call)} ran for ${seen.ranMs} ms, and no call of this pool may run longer than ${seen.limitMs} ms. ` +
            'Raise `hardLimitMs`, or give the function less to do; the event `call.hung` says where it stood.'
        : `${quoted(seen.call)} gave no sign of progress for ${seen.limitMs} ms, after ${seen.ranMs} ms in all. ` +
            'Call `pythonarium.heartbeat()` more often, or raise `heartbeatTimeoutMs`; the event `call.hung` says where it stood.',
    );
    this.call = seen.call;
    this.by = seen.by;
    this.limitMs = seen.limitMs;
    this.ranMs = seen.ranMs;
  }
}

/** What somebody waited for in vain. */
export type WaitedFor =
  | 'worker'
  | 'session-worker'
  | 'ready'
  | 'reloaded'
  | 'drained'
  | 'closed'
  | 'checked-in'
  | 'session-end';

/** A budget ran out while waiting: for a worker, or for the pool, a lease or a session to come to its end. */
export class QueueTimeoutError extends PoolError<'ERR_QUEUE_TIMEOUT'> {
  /** How long the caller waited. */
  readonly waitedMs: number;
  /** Leases that were live at that moment. */
  readonly leased: number;
  /** Callers that were waiting at that moment. */
  readonly waiting: number;

  constructor(seen: {
    waitedMs: number;
    leased: number;
    waiting: number;
    waitedFor?: WaitedFor | undefined;
    /** There was no worker that could have come free. */
    isNobodyUp?: boolean;
  }) {
    const { waitedFor = 'worker' } = seen;
    const { what, remedy } = WAITS[waitedFor === 'worker' && seen.isNobodyUp ? 'worker-up' : waitedFor];
    super(
      'QueueTimeoutError',
      'ERR_QUEUE_TIMEOUT',
      `${what(seen.waitedMs)}: ${seen.leased} leased, ${seen.waiting} waiting. ${remedy}`,
    );
    this.waitedMs = seen.waitedMs;
    this.leased = seen.leased;
    this.waiting = seen.waiting;
  }
}

/**
 * A call, made in a function that Python had called, would have waited for ever, and Python never begins with it; or such a
 * function would have, for the end of the very call that waits for it, which comes all the same.
 */
export class DeadlockError extends PoolError<'ERR_DEADLOCK'> {
  /** The names of the calls that wait for each other, the outermost first. */
  readonly chain: readonly string[];

  constructor(seen: { chain: readonly string[]; slots: number | undefined; isOnLost?: boolean }) {
    super(
      'DeadlockError',
      'ERR_DEADLOCK',
      `${seen.chain.map(printable).join(' → ')} would wait for ever: each was made in a function of the one before, and ${whyForEver(seen)}`,
    );
    this.chain = seen.chain;
  }
}

function whyForEver({ slots, isOnLost }: { slots: number | undefined; isOnLost?: boolean }): string {
  if (slots === undefined) {
    const what = isOnLost ? 'the end of `onLost`, which' : 'the end of a call that';
    return `the last waits for ${what} waits for it. It is done all the same once that has ended: do not await it there.`;
  }
  if (isOnLost) {
    const what = 'the state that `onLost` builds, or for the worker that it holds';
    return `the last waits for ${what}. Call through the lease that it is given.`;
  }
  return (
    `${slots === 1 ? 'the one slot' : `all ${slots} slots`} that could serve the last ${slots === 1 ? 'is' : 'are'} held by calls that wait for such a call. ` +
    'Raise `size` or `slots`, do not wait for a lease or a strict session in its own call, or pass what is needed as an argument.'
  );
}

/** The same call has ended its worker so often that it is refused for a while. Nothing was sent to Python. */
export class PoisonError extends PoolError<'ERR_POISON'> {
  /** The function that was called. */
  readonly call: string;
  /** How many workers it has ended since it was last answered. */
  readonly deaths: number;
  /** How long ago the first of them ended. */
  readonly sinceMs: number;
  /** How long it is refused from now on. */
  readonly refusedMs: number;

  constructor(seen: { call: string; deaths: number; sinceMs: number; refusedMs: number }) {
    super(
      'PoisonError',
      'ERR_POISON',
      `${quoted(seen.call)} with these arguments has ended ${counted(seen.deaths, 'worker')} in ${seen.sinceMs} ms, with no answer in between; ` +
        `it is refused for ${seen.refusedMs} ms more. See what these arguments do to Python; ` +
        '`poisonDeaths` and `poisonMs` say when and for how long a call is refused.',
    );
    this.call = seen.call;
    this.deaths = seen.deaths;
    this.sinceMs = seen.sinceMs;
    this.refusedMs = seen.refusedMs;
  }
}

/** What an `idempotencyKey` cannot be used for. */
export type IdempotencyKeyReason = 'other-request' | 'given-up';

/** The key of the call was used before, and the call cannot have the outcome of that one. Nothing was sent to Python. */
export class IdempotencyKeyError extends PoolError<'ERR_IDEMPOTENCY_KEY'> {
  /** The key. */
  readonly key: string;
  /** `other-request`: it belongs to another function or other arguments. `given-up`: nobody waited for its outcome. */
  readonly reason: IdempotencyKeyReason;

  constructor(seen: { key: string; call: string; reason: IdempotencyKeyReason }) {
    super(
      'IdempotencyKeyError',
      'ERR_IDEMPOTENCY_KEY',
      `The call of ${quoted(seen.call)} has the key ${quoted(seen.key)}, ${KEY_REASONS[seen.reason]}`,
    );
    this.key = seen.key;
    this.reason = seen.reason;
  }
}

/** As many callers wait as may wait. Nothing was sent to Python. */
export class QueueFullError extends PoolError<'ERR_QUEUE_FULL'> {
  /** The greatest number of callers that may wait: `queueMax`, or `queueMaxPerKey` if it was that. */
  readonly queueMax: number;
  /** The key whose callers are so many; absent if it is all of them. */
  readonly fairnessKey: string | undefined;

  constructor(seen: { queueMax: number; fairnessKey?: string | undefined }) {
    const { queueMax, fairnessKey } = seen;
    const isKeys = fairnessKey !== undefined;
    const option = isKeys ? 'queueMaxPerKey' : 'queueMax';
    super(
      'QueueFullError',
      'ERR_QUEUE_FULL',
      `${counted(queueMax, 'caller')}${isKeys ? ` of the key ${quoted(fairnessKey)}` : ''} ${queueMax === 1 ? 'waits' : 'wait'} already, which is all that \`${option}\` allows. ` +
        `Send less at once (\`pool.map\` never runs ahead of its consumer), raise \`size\`, or raise \`${option}\`.`,
    );
    this.queueMax = queueMax;
    this.fairnessKey = fairnessKey;
  }
}

/** The caller had waited so long that it was refused, for the others to be served in time. Nothing was sent to Python. */
export class OverloadedError extends PoolError<'ERR_OVERLOADED'> {
  /** How long the caller waited. */
  readonly waitedMs: number;
  /** How long a caller is to wait at the most, usually: `shed.targetMs`. */
  readonly targetMs: number;

  constructor(seen: { waitedMs: number; targetMs: number }) {
    super(
      'OverloadedError',
      'ERR_OVERLOADED',
      `The pool is overloaded: after ${seen.waitedMs} ms of waiting this caller was refused, so that others are served near \`shed.targetMs\` (${seen.targetMs} ms). ` +
        'Send less, answer from elsewhere, or try again after a pause; raise `size` if this happens often.',
    );
    this.waitedMs = seen.waitedMs;
    this.targetMs = seen.targetMs;
  }
}

/** The pool takes no new callers, or was stopped under this one. */
export class PoolClosedError extends PoolError<'ERR_POOL_CLOSED'> {
  /** The method that ended the pool. */
  readonly by: 'drain' | 'close' | 'destroy';

  constructor(seen: { by: PoolClosedError['by'] }) {
    super(
      'PoolClosedError',
      'ERR_POOL_CLOSED',
      `The pool takes no more work: \`${seen.by}()\` was called, and that is final. ` +
        'Create a new pool, or close this one only when its last caller is done.',
    );
    this.by = seen.by;
  }
}

/** No worker lives and starts keep failing. */
export class PoolDegradedError extends PoolError<'ERR_POOL_DEGRADED'> {
  /** Bad starts in a row: of workers that did not become ready, or died before they had served. */
  readonly failures: number;
  /** The last lines that the last of them wrote to standard error, oldest first; at most 20. */
  declare readonly stderr: readonly string[];

  constructor(seen: { failures: number; cause: unknown }) {
    super(
      'PoolDegradedError',
      'ERR_POOL_DEGRADED',
      `No worker lives, and the last ${seen.failures === 1 ? 'start' : `${seen.failures} starts`} came to nothing. ` +
        `The pool goes on trying; \`cause\` is the last failure${quotedFailure(seen.cause)}`,
      seen.cause,
    );
    this.failures = seen.failures;
    const { cause } = seen;
    hide(this, 'stderr', cause instanceof BootError || cause instanceof WorkerDiedError ? cause.stderr : []);
  }
}

function quotedFailure(failure: unknown): string {
  if (!(failure instanceof Error)) return '.';
  // What it calls `cause` is its own.
  return `: ${sentence(failure instanceof BootError ? failure.messageTo('See its `cause`') : failure.message)}`;
}

/**
 * Where a start failed: `start` before Python said hello, `limits`, `import`, `setup` and `expose` as Python reported it,
 * `load` when it died after hello without a report, `protocol` when the two sides do not speak the same version,
 * `timeout` when it was not ready in time.
 */
export type BootStage = 'start' | 'load' | 'limits' | 'import' | 'setup' | 'expose' | 'protocol' | 'timeout';

/** A worker did not become ready. */
export class BootError extends PoolError<'ERR_BOOT'> {
  /** The worker's name, such as `worker-0`. */
  readonly worker: string;
  /** Where it failed. */
  readonly stage: BootStage;
  /** The exit code of the process, or `null`. */
  readonly exitCode: number | null;
  /** The signal that ended the process, or `null`. */
  readonly signal: string | null;
  /** The last lines it wrote to standard error, oldest first. */
  readonly stderr: readonly string[];
  /** The program of the Python that it ran on; `undefined` before that had said hello. */
  readonly python: string | undefined;
  readonly #seen: FailedBoot;

  constructor(seen: FailedBoot) {
    super('BootError', 'ERR_BOOT', whyNotReady(seen, 'See `cause`'), seen.cause);
    this.#seen = seen;
    this.worker = seen.worker;
    this.stage = seen.stage;
    this.exitCode = seen.exitCode;
    this.signal = seen.signal;
    this.stderr = seen.stderr;
    this.python = seen.python?.executable;
  }

  /**
   * @internal The message for somebody who has no object to look into.
   *
   * @param see Where they see what `cause` says, such as `See below`.
   */
  messageTo(see: string): string {
    return whyNotReady(this.#seen, see);
  }
}

/** What is known of a worker that did not become ready. */
interface FailedBoot {
  readonly worker: string;
  readonly stage: BootStage;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderr: readonly string[];
  /** What it ran on, once that had said hello. */
  readonly python?: { readonly executable: string; readonly python: string } | undefined;
  /** The budget that ran out, for the stage `timeout`. */
  readonly bootTimeoutMs?: number | undefined;
  /** The exception Python reported, if it reported one. */
  readonly cause?: unknown;
}

function whyNotReady(seen: FailedBoot, see: string): string {
  const { what, remedy, isOfPython, isTold } = BOOT_STAGES[seen.stage];
  const { python, stderr, cause } = seen;
  const within = seen.bootTimeoutMs === undefined ? '' : ` within ${seen.bootTimeoutMs} ms`;
  const said = cause instanceof Error ? ` ${sentence(inLines(cause.message))}` : '';
  // What has said why it failed ends by itself.
  const isOrderly = said !== '' && seen.exitCode === 1;
  const ended = isOrderly || (seen.exitCode === null && seen.signal === null) ? '' : ` (it ended ${howItEnded(seen)})`;
  const advice = said !== '' && isTold ? '' : ` ${remedy(see)}`;
  const ranOn = isOfPython && python ? printable(` It ran on Python ${python.python}, ${python.executable}.`) : '';
  const lines = said !== '' && stderr.length === 0 ? '' : lastLines(stderr);
  return `${seen.worker} did not become ready${within}: ${what}${ended}.${said}${advice}${ranOn}${lines}`;
}

/** Python has no function of that name for Node to call. */
export class NotExposedError extends PoolError<'ERR_NOT_EXPOSED'> {
  /** The name that was called; `undefined` if a worker could not start for want of a function. */
  readonly call: string | undefined;
  /** The names that can be called. */
  declare readonly functions: readonly string[];

  constructor(seen: {
    call?: string | undefined;
    functions: readonly string[];
    /** What Python said and advised, in whole sentences, if no name was asked for. */
    detail?: string | undefined;
  }) {
    super(
      'NotExposedError',
      'ERR_NOT_EXPOSED',
      seen.call === undefined
        ? printable(seen.detail ?? 'A function is missing in the modules of this pool.')
        : `Python exposes no function ${quoted(seen.call)}.${didYouMean(seen.call, seen.functions)} ` +
            `It exposes ${listed(seen.functions)}. ` +
            "A function needs `@expose`, or a public name and `expose: 'all'` (`--expose all`).",
    );
    this.call = seen.call;
    hide(this, 'functions', seen.functions);
  }
}

/** A value cannot cross faithfully. Its sender refused it, and nothing was changed. */
export class ValueRefusedError extends PoolError<'ERR_VALUE'> {
  /** Where the value is: `args[0].rows[3]` on Node's side, `value['rows'][3]` on Python's. */
  readonly path: string;
  /** The side that refused to send it. */
  readonly sender: 'node' | 'python';

  constructor(seen: {
    path: string;
    sender: 'node' | 'python';
    /** What is there and what to send instead, in whole sentences that begin after the path: `is NaN. Send …`. */
    problem: string;
    /** The function that was called, if the value is not part of the options. */
    call?: string | undefined;
  }) {
    const message = seen.sender === 'node' ? 'call' : 'answer';
    const where = seen.call === undefined ? '' : `In the ${message} of ${quoted(seen.call)}, `;
    super('ValueRefusedError', 'ERR_VALUE', `${where}\`${printable(seen.path)}\` ${printable(seen.problem)}`);
    this.path = seen.path;
    this.sender = seen.sender;
  }
}

/** A message is larger than the line may carry. Its sender did not send it. */
export class MessageTooLargeError extends PoolError<'ERR_MESSAGE_TOO_LARGE'> {
  /** The size of the message in bytes of UTF-8; the least it can be, where counting on would have cost too much. */
  readonly bytes: number;
  /** The greatest size allowed, the option `messageBytesMax` or `attachmentBytesMax`. */
  readonly limit: number;
  /** The option that sets the limit. */
  readonly option: 'messageBytesMax' | 'attachmentBytesMax';
  /** The side that refused to send it. */
  readonly sender: 'node' | 'python';

  constructor(seen: {
    bytes: number;
    limit: number;
    option?: MessageTooLargeError['option'] | undefined;
    sender: 'node' | 'python';
    call?: string | undefined;
    /** What of the call it is; absent for its arguments and for its answer. */
    what?: string | undefined;
    /** Whether there is nobody who could raise the option, as in the command. */
    isFixed?: boolean | undefined;
  }) {
    const { option = 'messageBytesMax', call, what, isFixed = false } = seen;
    const whole = `The ${seen.sender === 'node' ? 'call' : 'answer'}${ofCall(call)}`;
    const subject = what === undefined ? whole : `In the call${ofCall(call)}, ${printable(what)}`;
    super(
      'MessageTooLargeError',
      'ERR_MESSAGE_TOO_LARGE',
      `${subject} takes ${seen.bytes} ${option === 'messageBytesMax' ? 'bytes' : 'raw bytes'}, and a message may have ${seen.limit}. ` +
        `Send it in parts, ${isFixed ? 'or pass the path of a file' : `pass the path of a file, or raise \`${option}\``}.`,
    );
    this.bytes = seen.bytes;
    this.limit = seen.limit;
    this.option = option;
    this.sender = seen.sender;
  }
}

/** An argument is not what the hint of the function says (`validate: true`). The function was not started. */
export class ArgumentRefusedError extends PoolError<'ERR_ARGUMENT'> {
  /** The function that was called. */
  readonly call: string | undefined;
  /** Where the argument is, by the name of its parameter: `items[3].price`. */
  readonly path: string;
  /** What the hint asks for: `a float`. */
  readonly expected: string;
  /** What came, by its kind alone: `a str`. */
  readonly got: string;

  constructor(seen: { path: string; expected: string; got: string; call?: string | undefined }) {
    const path = printable(seen.path);
    super(
      'ArgumentRefusedError',
      'ERR_ARGUMENT',
      `The argument \`${path}\`${ofCall(seen.call)} must be ${printable(seen.expected)}, ` +
        `and ${printable(seen.got)} came. The function was not started. Send what its hint says, or correct the hint.`,
    );
    this.call = seen.call;
    this.path = seen.path;
    this.expected = seen.expected;
    this.got = seen.got;
  }
}

/** One thing that a schema finds wrong. */
export interface ResultIssue {
  readonly message: string;
  /** Where it is in the result. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What Python returned is not what the caller's schema says. The function has run. */
export class ResultRefusedError extends PoolError<'ERR_RESULT'> {
  /** The function that was called. */
  readonly call: string;
  /** What the schema found, at least one. */
  readonly issues: readonly ResultIssue[];

  constructor(seen: { call: string; issues: readonly ResultIssue[] }) {
    const shown = seen.issues.slice(0, QUOTED_LINES_MAX).map((issue) => `\n  ${printable(issueText(issue))}`);
    const more = seen.issues.length - shown.length;
    super(
      'ResultRefusedError',
      'ERR_RESULT',
      `What ${quoted(seen.call)} returned is not what the schema says, in ${counted(seen.issues.length, 'place')}:` +
        `${shown.join('')}${more > 0 ? `\n  and ${more} more` : ''}\nThe function has run. Correct what it returns, or the schema.`,
    );
    this.call = seen.call;
    this.issues = seen.issues;
  }
}

/** Python answered, and the caller's schema had not settled when the call's budget was spent. The function has run. */
export class SchemaTimeoutError extends PoolError<'ERR_SCHEMA_TIMEOUT'> {
  /** The function that was called. */
  readonly call: string;
  /** The whole budget of the call. */
  readonly timeoutMs: number;

  constructor(seen: { call: string; timeoutMs: number }) {
    super(
      'SchemaTimeoutError',
      'ERR_SCHEMA_TIMEOUT',
      `${quoted(seen.call)} was answered, and its schema had not settled when the ${seen.timeoutMs} ms of the call were over. ` +
        'The function has run. Find what the schema waits for, or allow a longer `timeoutMs`.',
    );
    this.call = seen.call;
    this.timeoutMs = seen.timeoutMs;
  }
}

/** What a session was lost by. */
export type SessionLoss = 'evicted' | 'expired' | 'worker-died' | 'worker-recycled';

/** The worker that held a session's state is gone, and the state with it. */
export class SessionLostError extends PoolError<'ERR_SESSION_LOST'> {
  /** The session's id. */
  readonly session: string;
  /** Why its worker no longer has it. */
  readonly reason: SessionLoss;
  /** How long its `onLost` was waited for in vain; else `undefined`. */
  readonly onLostTimeoutMs: number | undefined;

  constructor(seen: {
    session: string;
    reason: SessionLoss;
    onLostTimeoutMs?: number | undefined;
  }) {
    const remedy =
      seen.onLostTimeoutMs === undefined
        ? 'Build its state anew and go on: the next call of this session starts on a fresh one.'
        : `Its \`onLost\` did not build it anew within ${seen.onLostTimeoutMs} ms. Find what it waits for, ` +
          'or allow a longer `onLostTimeoutMs`; the next call of this session has it try again.';
    super(
      'SessionLostError',
      'ERR_SESSION_LOST',
      `Session ${quoted(seen.session)} has lost what it kept in Python: ${SESSION_LOSSES[seen.reason]} ${remedy}`,
    );
    this.session = seen.session;
    this.reason = seen.reason;
    this.onLostTimeoutMs = seen.onLostTimeoutMs;
  }
}

/** As many sessions live as may live. */
export class SessionLimitError extends PoolError<'ERR_SESSION_LIMIT'> {
  /** The greatest number of sessions. */
  readonly sessionsMax: number;

  constructor(seen: { sessionsMax: number }) {
    super(
      'SessionLimitError',
      'ERR_SESSION_LIMIT',
      `${counted(seen.sessionsMax, 'session')} ${seen.sessionsMax === 1 ? 'lives' : 'live'} already, which is all that \`sessionsMax\` allows. ` +
        'End those that are done (`session.end()`), give them a `ttlMs`, or raise `sessionsMax`.',
    );
    this.sessionsMax = seen.sessionsMax;
  }
}

/** Why a lease is over. */
export type LeaseEnd = 'checked-in' | 'revoked' | 'expired' | 'worker-died' | 'pool-closed';

/** How a lease came to its end. */
export interface EndedLease {
  readonly lease: number;
  readonly reason: LeaseEnd;
  readonly leaseTimeoutMs?: number | undefined;
}

/** The lease is over; somebody else may have its worker by now. */
export class LeaseEndedError extends PoolError<'ERR_LEASE_ENDED'> {
  /** The lease's id, which is never used again. */
  readonly lease: number;
  /** Why it is over. */
  readonly reason: LeaseEnd;

  /** With `expired`: how long it could be held. */
  readonly leaseTimeoutMs: number | undefined;

  constructor(seen: EndedLease) {
    const { lease, reason, leaseTimeoutMs } = seen;
    const why = reason === 'expired' ? `it was held for ${leaseTimeoutMs} ms, which is all that ` : '';
    super('LeaseEndedError', 'ERR_LEASE_ENDED', `Lease ${lease} is over: ${why}${LEASE_ENDS[reason]}`);
    this.lease = lease;
    this.reason = reason;
    this.leaseTimeoutMs = leaseTimeoutMs;
  }
}

/** Why a handle can be used no longer. */
export type HandleEnd = 'closed' | 'lease-ended' | 'session-ended' | 'worker-died';

/** A handle is used after its end: the object may be gone in Python. */
export class HandleEndedError extends PoolError<'ERR_HANDLE_ENDED'> {
  /** The class of the object, by the name that it is exposed by. */
  readonly handle: string;
  /** Why it is over. */
  readonly reason: HandleEnd;

  constructor(seen: {
    handle: string;
    reason: HandleEnd;
    /** Where it is among the arguments; empty for the object that is called. */
    path: string;
    call: string;
  }) {
    const { handle, reason, path, call } = seen;
    const where = path === '' ? '' : `, \`${printable(path)}\` in the call of ${quoted(call)},`;
    super(
      'HandleEndedError',
      'ERR_HANDLE_ENDED',
      `The handle of ${quoted(handle)}${where} is of no more use: ${HANDLE_ENDS[reason]}`,
    );
    this.handle = handle;
    this.reason = reason;
  }
}

/** A function that `keep` made is sent or called after its `release()`. */
export class FunctionReleasedError extends PoolError<'ERR_FUNCTION_RELEASED'> {
  /** @param at Where it is among the arguments of which call; absent where Python has called it. */
  constructor(at?: { path: string; call: string }) {
    const where = at === undefined ? '' : `, \`${printable(at.path)}\` in the call of ${quoted(at.call)},`;
    super(
      'FunctionReleasedError',
      'ERR_FUNCTION_RELEASED',
      `This kept function${where} was released. Release it when Python calls it no more, or keep another one.`,
    );
  }
}

/** An option has a value that it cannot have. */
export class OptionError extends PoolError<'ERR_OPTION'> {
  /** The option's name, such as `size` or `setup.args`. */
  readonly option: string;

  constructor(
    seen:
      | {
          option: string;
          /** What it may be, after the words "must be": `an integer from 1 to 1024`. */
          expected: string;
          /** What it is; objects are named by their kind alone, since options can hold secrets. */
          got: unknown;
        }
      | {
          option: string;
          /** The options that there are; this is none of them. */
          known: readonly string[];
        },
  ) {
    const option = printable(seen.option);
    super(
      'OptionError',
      'ERR_OPTION',
      'known' in seen
        ? `There is no option \`${option}\`.${didYouMean(seen.option, seen.known) || ` There are: ${seen.known.join(', ')}.`}`
        : `Option \`${option}\` must be ${seen.expected}, but it is ${described(seen.got)}.`,
    );
    this.option = seen.option;
  }
}

/** One place where Python was looked for, in vain. */
export interface PythonSearch {
  /** Who said so: `option python`, `VIRTUAL_ENV`, `.venv`, `PATH`, … */
  readonly where: string;
  /** What was tried there: a path or a command. */
  readonly what: string;
  /** Why it would not do. */
  readonly why: string;
}

/** No Python that can be used was found anywhere. */
export class PythonNotFoundError extends PoolError<'ERR_PYTHON_NOT_FOUND'> {
  /** Every place that was tried, in order. */
  declare readonly tried: readonly PythonSearch[];

  constructor(seen: { tried: readonly PythonSearch[] }) {
    const places = seen.tried.map(({ where, what, why }) => `\n  ${where}: ${printable(what)}: ${printable(why)}`);
    super(
      'PythonNotFoundError',
      'ERR_PYTHON_NOT_FOUND',
      `No Python 3.10 or newer was found in ${counted(seen.tried.length, 'place')}:${places.join('')}\n` +
        // One place means that somebody has chosen it, and that no other is looked at.
        (seen.tried.length === 1
          ? 'Correct it, or leave it out: then Python is looked for in the active environment, in `.venv` and on the PATH.'
          : 'Install one, set `PYTHONARIUM_PYTHON`, or pass the option `python`.'),
    );
    hide(this, 'tried', seen.tried);
  }
}

/** The operating system did not start the process. */
export class SpawnError extends PoolError<'ERR_SPAWN'> {
  /** The system's name for the failure, such as `ENOENT` or `EAGAIN`. */
  readonly errno: string;
  /** The program that was to be started. */
  readonly command: string;

  constructor(seen: { errno: string; command: string; cause?: unknown }) {
    super(
      'SpawnError',
      'ERR_SPAWN',
      `${quoted(seen.command)} could not be started: ${seen.errno}. ` +
        (SPAWN_REMEDIES[seen.errno] ?? 'See whether the same command starts in a shell, under the same user.'),
      seen.cause,
    );
    this.errno = seen.errno;
    this.command = seen.command;
  }
}

/** This operating system is not supported. */
export class PlatformError extends PoolError<'ERR_PLATFORM'> {
  /** `process.platform`. */
  readonly platform: string;

  constructor(seen: { platform: string }) {
    super(
      'PlatformError',
      'ERR_PLATFORM',
      `Pools do not run on ${quoted(seen.platform)}: they need descriptors and signals as Linux and macOS have them. ` +
        'On Windows, run the program inside WSL.',
    );
    this.platform = seen.platform;
  }
}

/** What came over the line is not of the protocol, or what was to go over it is there no more. The worker is ended. */
export class ProtocolError extends PoolError<'ERR_PROTOCOL'> {
  /** What was wrong. */
  readonly detail: string;
  /** Whether Python had begun with the call; `undefined` where there was none. */
  readonly started: boolean | 'unknown' | undefined;
  /** How often the call was tried. */
  readonly attempts: number;

  constructor(seen: {
    /** What was wrong, as a clause without a full stop. */
    detail: string;
    /** The worker that sent it, where it is known. */
    worker?: string | undefined;
    started?: boolean | 'unknown' | undefined;
    attempts?: number;
  }) {
    super(
      'ProtocolError',
      'ERR_PROTOCOL',
      `${seen.worker ?? 'A worker'} broke the protocol: ${printable(seen.detail)}. ` +
        `${seen.started === undefined ? '' : `${whatStarted(seen.started)}${afterAttempts(seen.attempts)} `}` +
        'See that no code in Python writes to the descriptor of the line or closes it, and that both sides are of one version.',
    );
    this.detail = seen.detail;
    this.started = seen.started;
    this.attempts = seen.attempts ?? 1;
  }
}

/** Of a class that may be one of the user's. Asked outside of the class: esbuild would rename one that names itself. */
function nameOf(made: typeof PythonError): string {
  return made === PythonError ? 'PythonError' : made.name;
}

/** A field for programs: who prints the error has it in the message, in the stack or in the cause, and need not see it once more. */
function hide<Failure extends PoolError>(error: Failure, name: keyof Failure, value: unknown): void {
  Object.defineProperty(error, name, { value, configurable: true, writable: true });
}

function howItEnded({ exitCode, signal }: { exitCode: number | null; signal: string | null }): string {
  if (signal !== null) return `of signal ${signal}`;
  return exitCode === null ? 'without an exit code' : `with exit code ${exitCode}`;
}

function whatStarted(started: boolean | 'unknown'): string {
  if (started === false) return 'Python had not started the call, so it is safe to repeat.';
  if (started === true) return 'Python had started the call: repeat it only if doing it twice does no harm.';
  return 'Nobody knows whether Python had started the call: repeat it only if doing it twice does no harm.';
}

function afterAttempts(attempts = 1): string {
  return attempts === 1 ? '' : ` It was tried ${attempts} times.`;
}

function whyItMayHaveDied(seen: {
  exitCode: number | null;
  signal: string | null;
  evicted?: boolean;
  cpuSeconds?: number | undefined;
  silent?: boolean;
}): string {
  const { exitCode, signal } = seen;
  if (seen.evicted) {
    return (
      'The pool ended it, since another call on it was given up and not answered within `cancelGraceMs`, and this one not ' +
      'within `evictGraceMs` after that.'
    );
  }
  if (signal === 'SIGXCPU') {
    const limit = seen.cpuSeconds === undefined ? 'its system' : `\`limits.cpuSeconds\` (${seen.cpuSeconds} s)`;
    return `It had used the time of the processor that ${limit} allows it in its life: raise that, or see what runs so long.`;
  }
  if (seen.silent) {
    return 'The pool ended it, since it did not answer a ping within `pingTimeoutMs`: it was stopped, or something in it holds the interpreter.';
  }
  if (signal === 'SIGKILL') {
    return 'Linux ends processes like this when memory runs out: see `dmesg`, and lower `size` or what one call loads.';
  }
  if (signal !== null && CRASH_SIGNALS.has(signal)) {
    return 'Native code crashed: what `faulthandler` wrote to standard error says where, the most recent call first.';
  }
  if (signal !== null) return 'Find out who sends that signal.';
  if (exitCode !== null) return 'Look for `os._exit` or a fatal error of the interpreter.';
  return 'Look into the log of the system.';
}

function lastLines(stderr: readonly string[]): string {
  if (stderr.length === 0) return ' It wrote nothing to standard error.';
  const theirs = stderr.filter((line) => !OWN_FRAME.test(line));
  // Of a crash the innermost calls are written first, and what extensions were loaded last.
  const crash = theirs.findLastIndex((line) => CRASHED_THREAD.test(line));
  const shown = crash === -1 ? theirs.slice(-QUOTED_LINES_MAX) : theirs.slice(crash, crash + QUOTED_LINES_MAX);
  const lines = shown.map((line) => `\n  ${printable(line.slice(0, QUOTED_CHARS_MAX))}`);
  return ` ${crash === -1 ? 'Its last lines on' : 'From its'} standard error:${lines.join('')}`;
}

function didYouMean(call: string, functions: readonly string[]): string {
  let nearest: string | undefined;
  let distanceMin = Math.min(3, Math.floor(call.length / 2) + 1);
  for (const name of functions.slice(0, SUGGESTION_NAMES_MAX)) {
    const distance = editDistance(call, name, distanceMin);
    if (distance < distanceMin) [nearest, distanceMin] = [name, distance];
  }
  return nearest === undefined ? '' : ` Did you mean ${quoted(nearest)}?`;
}

/** Insertions, deletions and replacements from one name to the other; `limit` or more comes back as `limit`. */
function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit;
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = above[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, above[column]! + 1, current[column - 1]! + 1));
    }
    above = current;
  }
  return Math.min(limit, above[to.length]!);
}

function issueText({ path = [], message }: ResultIssue): string {
  // Not `path.map`: a library's own kind of array may make something else of it.
  const steps = Array.from(path, (step) => (typeof step === 'object' ? step.key : step));
  const where = steps.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return `${where === '' ? '' : `${where.replace(/^\./, '')}: `}${message.slice(0, QUOTED_CHARS_MAX)}`;
}

function ofCall(call: string | undefined): string {
  return call === undefined ? '' : ` of ${quoted(call)}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function listed(functions: readonly string[]): string {
  if (functions.length === 0) return 'nothing at all';
  const shown = functions.slice(0, LISTED_NAMES_MAX).map(printable).join(', ');
  const more = functions.length - LISTED_NAMES_MAX;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** What another error says. Its lines stay lines, and none of them can be taken for one of the log around it. */
function inLines(message: string): string {
  return message.split(/\r?\n/).map(printable).join('\n  ');
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function described(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return describedObject(value);
  return Object.is(value, -0) ? '-0' : String(value);
}

function describedObject(value: object): string {
  try {
    const { name } = value.constructor;
    if (typeof name === 'string' && name !== '' && name !== 'Object') return `an instance of ${printable(name)}`;
  } catch {
    // It has no class, or one that lets nobody look at it.
  }
  return 'an object';
}

function quoted(text: string): string {
  const shown = text.length > QUOTED_CHARS_MAX ? `${text.slice(0, QUOTED_CHARS_MAX)}…` : text;
  return printable(JSON.stringify(shown));
}

const QUOTED_CHARS_MAX = 200;
const QUOTED_LINES_MAX = 5;
/** What a crash prints of the frames of the worker around those of the call, which say nothing about the crash. */
const OWN_FRAME = /^ {2}File "(.*[\\/]pythonarium[\\/](worker|serial|event_loop|lane_\w+)\.py|<string>)", line \d+ in /;
const LISTED_NAMES_MAX = 12;
const SUGGESTION_NAMES_MAX = 200;

const CRASH_SIGNALS: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGABRT']);

interface FailedStage {
  readonly what: string;
  /** @param see Where one sees what `cause` says. */
  readonly remedy: (see: string) => string;
  /** Python says itself what to try, where it says anything. */
  readonly isTold?: true;
  /** It may be for want of something that another Python has. */
  readonly isOfPython?: true;
}

/** How a start can fail, by where it does. */
const BOOT_STAGES: Record<BootStage, FailedStage> = {
  start: {
    what: 'Python ended or failed before it said hello',
    remedy: () => 'See whether that interpreter starts in a shell, and whether `libraryPath` is right.',
  },
  load: {
    what: 'Python ended while it loaded the module, without a word',
    remedy: () => 'Look for `os._exit`, or for native code that crashes on import.',
  },
  limits: {
    what: 'the system did not take its `limits`',
    remedy: () => 'Raise the one that it names, or leave it out.',
  },
  import: {
    what: 'importing the module failed',
    remedy: (see) => `${see} for the traceback; check \`module\`, \`pythonPath\` and the interpreter.`,
    isOfPython: true,
  },
  setup: { what: '`setup` failed', remedy: (see) => `${see} for the traceback.`, isOfPython: true },
  expose: {
    what: 'its functions could not be exposed',
    remedy: () => 'See what has `@expose`, and under which names.',
    isTold: true,
  },
  protocol: {
    what: 'the two sides do not speak the same protocol',
    remedy: () => 'Install the Python package and the Node package in the same version.',
  },
  timeout: {
    what: 'time ran out',
    remedy: () => 'Raise `bootTimeoutMs`, or do less while importing and in `setup`.',
  },
};

/** What somebody waited for in vain, and what to try. */
const WAITS: Record<WaitedFor | 'worker-up', { what: (ms: number) => string; remedy: string }> = {
  'worker-up': {
    what: (ms) => `No worker was up within ${ms} ms`,
    remedy:
      'They go on starting: await `pool.ready()` before the first call, do less while importing and in `setup`, ' +
      'or allow a longer `timeoutMs` or `queueTimeoutMs`.',
  },
  worker: {
    what: (ms) => `No worker came free within ${ms} ms`,
    remedy: 'Raise `size`, shorten the work done under one lease, or allow a longer `timeoutMs` or `queueTimeoutMs`.',
  },
  'session-worker': {
    what: () => "The session's worker is busy",
    remedy: "Try again, or give the session the affinity 'strict', which waits.",
  },
  ready: {
    what: (ms) => `The pool did not become ready within ${ms} ms`,
    remedy: 'It goes on starting: allow a longer `timeoutMs`, or do less while importing and in `setup`.',
  },
  reloaded: {
    what: (ms) => `Not all workers were replaced within ${ms} ms`,
    remedy:
      'It goes on: see that leases are checked in, do less while importing and in `setup`, or allow a longer `timeoutMs`.',
  },
  drained: {
    what: (ms) => `The pool was not drained within ${ms} ms`,
    remedy: 'It goes on draining: see that leases are checked in, or end it with `destroy()`.',
  },
  closed: {
    what: (ms) => `The pool was not closed within ${ms} ms`,
    remedy: 'It goes on closing: lower `closeTimeoutMs` and `stopGraceMs`, or end it with `destroy()`.',
  },
  'checked-in': {
    what: (ms) => `The lease was not back within ${ms} ms, since a call under it is unanswered`,
    remedy: 'It goes back with the answer: allow a longer `timeoutMs`, or give the call a budget of its own.',
  },
  'session-end': {
    what: (ms) => `The session did not end within ${ms} ms, since calls or leases of it are under way`,
    remedy: 'It is as it was: check its leases in, and end it again.',
  },
};

const SESSION_LOSSES: Record<SessionLoss, string> = {
  evicted: 'it was the one longest unused when room was needed.',
  expired: 'it was unused for longer than its `ttlMs`.',
  'worker-died': 'its worker died.',
  'worker-recycled': 'its worker was replaced by a fresh one.',
};

const KEY_REASONS: Record<IdempotencyKeyReason, string> = {
  'other-request':
    'which belongs to a call of another function or with other arguments. Give every call a key of its own, and the same key to its repetitions alone.',
  'given-up':
    'whose first call was given up after it had been sent, so that it may have been done in part or wholly. Find out what became of it, and use a new key.',
};

const LEASE_ENDS: Record<LeaseEnd, string> = {
  'checked-in': 'it was checked in. Check out a new one, or check in later.',
  revoked:
    'a call under it was given up, and Python did not answer it within `cancelGraceMs`, so that its worker was ended. Check out a new one, or allow more.',
  expired: '`leaseTimeoutMs` allows. Check in sooner, or allow more.',
  'worker-died': 'its worker died, and what Python kept there is lost. Check out a new one.',
  'pool-closed': 'the pool was closed. Check leases in before closing it.',
};

const HANDLE_ENDS: Record<HandleEnd, string> = {
  closed: 'it was closed. Dispose of it later, or ask Python for the object again.',
  'lease-ended': 'the lease that it came by is over. Use it under that lease, or make the object in a session.',
  'session-ended': 'the session that it came by has ended. Make the object anew.',
  'worker-died': 'its worker is gone, and the object with it. Make the object anew.',
};

const SPAWN_REMEDIES: Record<string, string | undefined> = Object.assign(Object.create(null), {
  ENOENT: 'There is no such program, or the folder in `cwd` is missing.',
  EACCES: 'The file may not be executed by this user, or `cwd` may not be entered.',
  ENOEXEC: 'The file is no program for this machine: see the option `python`.',
  EAGAIN:
    'The limit on processes is reached: lower `size`, or raise it (`ulimit -u`, the pids limit of the container).',
  EMFILE: 'This process has too many open files: raise `ulimit -n`, or lower `size`.',
  ENFILE: 'The system has too many open files: lower `size`, or raise `fs.file-max`.',
  ENOMEM: 'Memory ran out: lower `size`.',
  E2BIG: 'The environment is too large: pass less of it with `env: { only: [...] }`.',
});
