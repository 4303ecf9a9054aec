import type { PoolClock } from '../time/clock.js';
import type { BatchItem } from './batch.js';

/** How long each item of a `map` may take. It has one timer for all of them: whoever was taken first is late first. */
export class TimeLimit {
  readonly ms: number;
  readonly #clock: PoolClock;
  readonly #onLate: (late: readonly BatchItem[]) => void;
  /** Those that may be unsettled, in the order in which they were taken. */
  #items: BatchItem[] = [];
  #timer: unknown;

  /** @param onLate Told of those that have taken too long. */
  constructor(ms: number, clock: PoolClock, onLate: (late: readonly BatchItem[]) => void) {
    this.ms = ms;
    this.#clock = clock;
    this.#onLate = onLate;
  }

  /** @param openMax How many may be unsettled. */
  watch(item: BatchItem, openMax: number): void {
    this.#items.push(item);
    if (this.#timer === undefined) this.#setTimer(item);
    else if (this.#items.length >= 2 * openMax) this.#items = this.#items.filter(({ isDone }) => !isDone);
  }

  /** All are settled. */
  rest(): void {
    this.#items = [];
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #setTimer({ askedAt }: BatchItem): void {
    const left = askedAt + this.ms - this.#clock.now();
    this.#timer = this.#clock.setTimeout(() => this.#look(), Math.max(0, left));
  }

  #look(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    const open = this.#items.filter(({ isDone }) => !isDone);
    const late = open.filter(({ askedAt }) => now - askedAt >= this.ms);
    this.#items = open.slice(late.length);
    const [next] = this.#items;
    if (next !== undefined) this.#setTimer(next);
    if (late.length > 0) this.#onLate(late);
  }
}
