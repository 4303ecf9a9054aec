import type { CallOutcome } from './call/call.js';
import { OptionError, type SessionLoss } from './errors.js';

/** What a pool tells those who listen: facts, by the charts' own names. */
export interface PoolEvents {
  /** A worker can take leases; `bootMs` is how long its start took. */
  'worker.ready': [{ worker: string; id: number; pid: number | undefined; bootMs: number }];
  /** A worker's process is gone. */
  'worker.dead': [
    {
      worker: string;
      id: number;
      pid: number | undefined;
      exitCode: number | null;
      signal: string | null;
      /** `exited` by itself, did not `boot`, or was ended by the pool for one of the other reasons. */
      reason: 'exited' | 'boot' | 'boot-timeout' | 'cancel-grace' | 'protocol' | 'unresponsive' | 'retired' | 'stopped';
    },
  ];
  /**
   * A worker that is well is to go, and takes no more leases: it has had its `leases`, its `age`, was `idle` too long or
   * has grown beyond `rss`, and its replacement is up; it is `unused`, and the pool shrinks; or its files have changed, or
   * `reload()` was called (`reload`).
   */
  'worker.retired': [{ worker: string; id: number; pid: number | undefined; reason: RetireReason }];
  /** A start came to nothing; the pool tries again after a while. */
  'boot.failed': [{ error: Error }];
  /** A call has ended its worker so often in a row that it is refused, with these arguments, for so long. */
  'request.poisoned': [{ call: string; deaths: number; refusedMs: number }];
  /** With `start: 'fork'`: processes are started by themselves, since a fork of what has imported the modules might not work. */
  'fork.refused': [{ reason: string }];
  /** A session's state in Python is gone. */
  'session.lost': [{ session: string; reason: SessionLoss }];
  /**
   * A lease is `held` for longer than `leakAfterMs`, or all who had it in hand have `lost` it without giving it back, which
   * the pool then does for them. `stack` says where it was asked for, if there is `leakAfterMs`. Where nobody listens, the
   * process is warned.
   */
  'lease.leaked': [LeaseLeak];
  /** The first starts are over and a worker is up, or one is up again after `pool.degraded`. */
  'pool.ready': [{ state: string }];
  /** No worker lives and starts keep failing. */
  'pool.degraded': [{ state: string }];
  /** Everybody who waited has been served; nobody else will be. */
  'pool.drained': [{ state: string }];
  /** No worker is left. */
  'pool.closed': [{ state: string }];
  /**
   * With `watch`: files have changed, and these workers are replaced: they take no new leases, and end with those that they
   * have. With no files: `reload()` was called, and they have been told to go.
   */
  'pool.reloaded': [{ files: readonly string[]; workers: readonly string[] }];
  /** With `watch`, or with no files by `reload()`: no worker would come up with the files as they are. Those that are there stay. */
  'reload.failed': [{ files: readonly string[]; error: Error }];
  /** A call runs longer than `softLimitMs`. It goes on. */
  'call.slow': [RunningCall];
  /** A call has run longer than `hardLimitMs`, or given no sign of progress for `heartbeatTimeoutMs`. Its caller has been told. */
  'call.hung': [RunningCall & { readonly by: 'hard-limit' | 'heartbeat' }];
  /** A call has ended, one way or another, that was made while somebody listened to this, or an item of a `map` that was sent. */
  'call.ended': [EndedCall];
  /** Something that Python printed, logged or warned of; a line of it. */
  log: [LogEvent];
}

/** Why a worker that is well has to go. */
export type RetireReason = 'leases' | 'age' | 'idle' | 'rss' | 'unused' | 'reload';

/** A lease that nobody gives back. */
export interface LeaseLeak {
  readonly lease: number;
  /** The name of its worker. */
  readonly worker: string;
  readonly how: 'held' | 'lost';
  readonly heldMs: number;
  readonly stack: string | undefined;
}

/** A line of what Python printed, logged or warned of. */
export interface LogEvent {
  readonly worker: string;
  /** Where it came from: `print` and descriptor 1, standard error and descriptor 2, `logging`, or `warnings`. */
  readonly stream: 'stdout' | 'stderr' | 'logging' | 'warnings';
  /** The id of the call that was running, as far as it is known. */
  readonly call: number | null;
  readonly text: string;
  /** With `logging`: the level's name. */
  readonly level: string | undefined;
  /** With `logging`: the logger's name. */
  readonly logger: string | undefined;
  /** The `context` of that call, if it has one. */
  readonly context: Readonly<Record<string, unknown>> | undefined;
}

/** How a call ended, and how long it took. */
export interface EndedCall {
  /** The function that was called. */
  readonly name: string;
  /** As `stats().calls` counts it. */
  readonly how: CallOutcome;
  /** The worker that it was sent to last; `undefined` if it was waiting for one. */
  readonly worker: string | undefined;
  /** How long after it was made it was sent there, in ms; attempts before that included. Until its end if it was waiting. */
  readonly waitedMs: number;
  /** How long after that it ended, in ms: what it may have waited there behind others included. */
  readonly ranMs: number;
  /** What it failed by: a `PoolError`, or what it was given up for; `undefined` if it was answered, or the loop over it left. */
  readonly error: unknown;
  /** The `context` of the call, if it has one. */
  readonly context: Readonly<Record<string, unknown>> | undefined;
}

/** A call that has run for long, and where it stands. */
export interface RunningCall {
  readonly worker: string;
  readonly pid: number | undefined;
  /** The id of the call. */
  readonly call: number;
  /** The function that was called. */
  readonly name: string;
  readonly ranMs: number;
  /** Where every thread of its worker stands, the innermost call first, as `faulthandler` writes it; `null` where that cannot be had. */
  readonly stack: string | null;
  /** The `context` of the call, if it has one. */
  readonly context: Readonly<Record<string, unknown>> | undefined;
}

/** @throws OptionError (`ERR_OPTION`) for a name by which nobody is ever told anything. */
export function checkEvent(name: unknown): void {
  // Node's own `once(pool, 'pool.ready')` listens to `error` as well, by which a pool tells nothing.
  if (name === 'error' || Object.hasOwn(EVENTS, name as string)) return;
  const expected = `the name of an event: ${Object.keys(EVENTS).join(', ')}`;
  throw new OptionError({ option: 'name', expected, got: name });
}

/** All that a pool tells, by name. */
export const EVENTS: Readonly<Record<keyof PoolEvents, true>> = {
  'worker.ready': true,
  'worker.dead': true,
  'worker.retired': true,
  'boot.failed': true,
  'request.poisoned': true,
  'fork.refused': true,
  'session.lost': true,
  'lease.leaked': true,
  'pool.ready': true,
  'pool.degraded': true,
  'pool.drained': true,
  'pool.closed': true,
  'pool.reloaded': true,
  'reload.failed': true,
  'call.slow': true,
  'call.hung': true,
  'call.ended': true,
  log: true,
};
