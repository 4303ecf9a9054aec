/**
 * How many items of a `map` may be sent to a worker at once. One, until its calls have turned out to be short: what is
 * behind a long one waits, however many workers are free. Python measures, so that neither the way nor a busy Node counts.
 */
export class Pace {
  /** So many that the worker has a millisecond's work at the most. */
  limit = 1;
  /** Each long call counts for as many short ones as make it one in a hundred. */
  #debt = SHORT_FIRST;
  #calls = 0;
  #averageUs = 0;

  /** Whether calls are short enough to wait behind each other. */
  get isQuick(): boolean {
    return this.#debt <= 0;
  }

  /** So many calls took so long, and the longest of them. */
  took(calls: number, tookUs: number, longestUs: number): void {
    // Over the last ones, or all if they are fewer.
    this.#calls = Math.min(this.#calls + calls, Math.max(calls, SMOOTHED));
    this.#averageUs += (tookUs - calls * this.#averageUs) / this.#calls;
    // One long call among a hundred is forgiven: what short ones have left over is no more than it costs. And a hundred
    // short ones make up for all before them.
    const owed = this.#debt + (longestUs > LONG_US ? SHORT_PER_LONG : -calls);
    this.#debt = Math.min(SHORT_PER_LONG, Math.max(-SHORT_PER_LONG, owed));
    if (!this.isQuick) this.limit = 1;
    else
      this.limit = Math.max(1, Math.min(2 * this.limit, LIMIT_MAX, Math.floor(LONG_US / Math.max(1, this.#averageUs))));
  }
}

const LONG_US = 1_000;
/** Before any are sent together. */
const SHORT_FIRST = 16;
const SHORT_PER_LONG = 100;
const LIMIT_MAX = 128;
/** Calls over which the average goes. */
const SMOOTHED = 16;
