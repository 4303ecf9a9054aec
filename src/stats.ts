import type { CallOutcome } from './call/call.js';
import type { RetireReason } from './events.js';

/** A pool in plain numbers, at one moment. Gauges are read off the charts, so that they cannot drift. */
export interface PoolStats {
  /** The supervisor's state. */
  readonly state: string;
  /** How many workers there are to be now. */
  readonly size: number;
  /** How many of them are not up: they start, are on their way out, or are not there. */
  readonly missing: number;
  /** Workers in each state of their chart. */
  readonly workers: {
    readonly spawning: number;
    readonly idle: number;
    readonly leased: number;
    readonly cancelling: number;
    readonly retiring: number;
    readonly evicting: number;
    readonly ending: number;
  };
  /** How many slots they have together. */
  readonly slots: number;
  /** Slots that are leased now. */
  readonly leases: number;
  /** Callers without a worker. */
  readonly waiting: number;
  /** Sessions that live. */
  readonly sessions: number;
  /** Bad starts in a row: of workers that did not become ready, or died before they had served. 0 once one that lives has. */
  readonly failures: number;
  /** Workers that were well and had to go since the pool was created, by why. */
  readonly retired: Readonly<Record<RetireReason, number>>;
  /**
   * Calls that were given up as Python ran them: it answered in time and its worker was `kept`, or its worker was `killed`.
   * Those that Python had not begun, and never will, are in neither; `calls` has them.
   */
  readonly cancelled: { readonly kept: number; readonly killed: number };
  /**
   * Attempts after the first: `retried` ones, of calls that had been started or may have been, and those `moved` from a
   * worker that had not begun with them. `overBudget`: retries that were not made, for the sake of the others.
   */
  readonly attempts: { readonly retried: number; readonly moved: number; readonly overBudget: number };
  /** Requests that end their workers: how many are refused now, and how often one was. */
  readonly poison: { readonly active: number; readonly refused: number };
  /** Calls that had the outcome of another with the same `idempotencyKey`; they are none of the `calls`. */
  readonly duplicates: number;
  /**
   * Short calls in the pipes of workers: how many were sent `ahead` of their turn, how many were not short after all and
   * had one wait behind them (`overruns`), and how many were `moved` to another worker, unbegun, since theirs ended.
   */
  readonly prefetch: { readonly ahead: number; readonly overruns: number; readonly moved: number };
  /** Since the pool was created. `asked` is the sum of the others: those that are `running`, or wait, and those that have ended, by how. */
  readonly calls: { readonly asked: number; readonly running: number } & Readonly<Record<CallOutcome, number>>;
}

/** One worker in plain numbers, at one moment. */
export interface WorkerStats {
  /** Its name, such as `worker-0`; its replacement has the same. */
  readonly worker: string;
  /** Its id, which no other has. */
  readonly id: number;
  readonly pid: number | undefined;
  /** The state of its chart. */
  readonly state: string;
  /** How many of its slots are leased. */
  readonly leases: number;
  /** How many calls it has not answered. */
  readonly calls: number;
  /** How long ago it last said anything, in ms; `null` before it has. */
  readonly heardMsAgo: number | null;
  /** With `pingEveryMs`. */
  readonly ping: PingStats | null;
}

/** Whether a worker listens. */
export interface PingStats {
  /** How long ago it answered a ping, in ms; `null` before it has. */
  readonly answeredMsAgo: number | null;
  /** How long that answer took, in ms. */
  readonly tookMs: number | null;
  /** It was asked again and has said nothing since. */
  readonly isUnanswered: boolean;
}

/** What has happened so far. */
export class Counters {
  asked = 0;
  readonly retired: Record<RetireReason, number> = { leases: 0, age: 0, idle: 0, rss: 0, unused: 0, reload: 0 };
  readonly cancelled = { kept: 0, killed: 0 };
  readonly outcomes: Record<CallOutcome, number> = {
    answered: 0,
    failed: 0,
    timedOut: 0,
    aborted: 0,
    refused: 0,
    shed: 0,
  };

  settled(how: CallOutcome): void {
    this.outcomes[how] += 1;
  }

  get calls(): PoolStats['calls'] {
    const { asked, outcomes } = this;
    const settled = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
    return { asked, running: asked - settled, ...outcomes };
  }
}
