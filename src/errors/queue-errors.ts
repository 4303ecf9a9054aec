import { WorkerDiedError } from './call-errors.js';
import { PoolError } from './pool-error.js';
import { BootError } from './start-errors.js';
import { counted, hide, quoted, sentence } from './words.js';

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
