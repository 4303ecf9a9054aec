import { printable } from '../base/printable.js';
import { PoolError } from './pool-error.js';
import { afterAttempts, counted, howItEnded, lastLines, quoted, whatStarted } from './words.js';

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

const CRASH_SIGNALS: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGABRT']);

const KEY_REASONS: Record<IdempotencyKeyReason, string> = {
  'other-request':
    'which belongs to a call of another function or with other arguments. Give every call a key of its own, and the same key to its repetitions alone.',
  'given-up':
    'whose first call was given up after it had been sent, so that it may have been done in part or wholly. Find out what became of it, and use a new key.',
};
