import type { PoolError } from '../errors.js';
import type { Runtime } from '../runtime.js';
import type { Call } from './call.js';

/** What a caller allows beside the first attempt. */
export interface AttemptTerms {
  /** How often it may be asked, the first time included. */
  readonly attempts: number;
  /** Doing it twice does no harm. */
  readonly idempotent: boolean;
  /** How long one attempt may run. */
  readonly attemptTimeoutMs: number | undefined;
}

/** Whether Python had begun with something. */
export type Started = boolean | 'unknown';

/** The attempts of one call. */
export class Attempts {
  readonly terms: AttemptTerms;
  /** How many there have been, the one under way included. */
  count = 1;
  /** Whether Python had begun with any of those that failed. */
  started: Started = false;
  /** What the last one failed by. */
  failure: PoolError | undefined;
  /** Of the clock: for the one under way, where one may run only so long. */
  timer: unknown;
  readonly #runtime: Runtime;
  #deaths = 0;

  constructor(terms: AttemptTerms, runtime: Runtime) {
    this.terms = terms;
    this.#runtime = runtime;
  }

  /** Its worker ended of it. True: so it did in every attempt that there may be. */
  died(): boolean {
    this.#deaths += 1;
    return this.terms.idempotent && this.terms.attempts > 1 && this.#deaths === this.terms.attempts;
  }

  /**
   * After how many ms there is another attempt, or `undefined` if there is none. One that was never started goes on at
   * once, at nobody's cost.
   *
   * @param started Whether Python had begun with the one that failed.
   */
  next(call: Call, failure: PoolError, started: Started): number | undefined {
    this.failure = failure;
    this.started = either(this.started, started);
    const { retries, poison, endedBy } = this.#runtime;
    // A pool that is ending tries nobody again.
    if (endedBy !== undefined || this.count >= this.terms.attempts) return undefined;
    if (started === false) {
      retries.moved += 1;
      this.count += 1;
      return 0;
    }
    if (!this.terms.idempotent || poison.refuses(call) || !retries.take()) return undefined;
    this.count += 1;
    return retries.delayMs(this.count - 1);
  }

  /** Runs `run` after the delay, or as the pool begins to end. What it returns keeps it from running. */
  wait(ms: number, run: () => void): () => void {
    return this.#runtime.retries.wait(ms, run);
  }
}

/**
 * What all attempts of a pool have in common: how many more than the calls themselves there may be, and when.
 *
 * They are paid from a bucket: each call puts `retryRatio` of a token in, each second one, and each further attempt takes one. So a
 * Python that fails everybody is asked little more than it would be anyhow. Nothing is counted on the way of a call.
 */
export class Retries {
  /** Attempts after the first, of calls that had been started or may have been. */
  made = 0;
  /** Attempts after one that was never started. */
  moved = 0;
  /** Attempts that there was no token for. */
  overBudget = 0;
  readonly #runtime: Runtime;
  readonly #tokensMax: number;
  #tokens: number;
  #asked = 0;
  #filledAt: number;
  readonly #waiting = new Set<() => void>();

  constructor(runtime: Runtime) {
    const { sizeMax, slots } = runtime.settings;
    this.#runtime = runtime;
    this.#tokensMax = Math.max(TOKENS_MIN, sizeMax * slots);
    this.#tokens = this.#tokensMax;
    this.#filledAt = runtime.clock.now();
  }

  /** Pays for one more attempt, if that can be had. */
  take(): boolean {
    this.#fill();
    if (this.#tokens < 1) {
      this.overBudget += 1;
      return false;
    }
    this.#tokens -= 1;
    this.made += 1;
    return true;
  }

  /** How long to wait before another attempt: anything up to a limit that doubles each time, so that those who failed together do not come together. */
  delayMs(failures: number): number {
    const longest = Math.min(DELAY_MS_MAX, this.#runtime.settings.retryDelayMs * 2 ** (failures - 1));
    return Math.round(this.#runtime.jitter() * longest);
  }

  wait(ms: number, run: () => void): () => void {
    const { clock } = this.#runtime;
    const go = () => {
      cancel();
      run();
    };
    const timer = clock.setTimeout(go, ms);
    const cancel = () => {
      this.#waiting.delete(go);
      clock.clearTimeout(timer);
    };
    this.#waiting.add(go);
    return cancel;
  }

  /** The pool is about to end: whoever waits asks now, and is served with those who are there. */
  hurry(): void {
    for (const go of [...this.#waiting]) go();
  }

  #fill(): void {
    const { counters, clock, settings } = this.#runtime;
    const now = clock.now();
    const calls = counters.asked - this.#asked;
    this.#tokens = Math.min(
      this.#tokensMax,
      this.#tokens + calls * settings.retryRatio + ((now - this.#filledAt) / 1_000) * TOKENS_PER_SECOND,
    );
    this.#asked = counters.asked;
    this.#filledAt = now;
  }
}

/** @returns The one that a caller has to reckon with. */
function either(one: Started, other: Started): Started {
  if (one === true || other === true) return true;
  return one === 'unknown' || other === 'unknown' ? 'unknown' : false;
}

/** The bucket holds so many at least, and as many as there are slots: one worker's end may fail a call in each of its slots. */
const TOKENS_MIN = 100;
const TOKENS_PER_SECOND = 1;
const DELAY_MS_MAX = 10_000;
