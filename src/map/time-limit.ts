import type { PoolClock } from '../time/clock.js';
import type { BatchItem } from './batch.js';

/** How long each item of a `map` may take. It has one timer for all of them. */
export class TimeLimit {
  readonly ms: number;
  readonly #clock: PoolClock;
  readonly #onLate: (late: readonly BatchItem[]) => void;
  readonly #dues: (now: number) => Due;
  /** Those that may be unsettled, in the order in which they were taken. */
  #items: BatchItem[] = [];
  #timer: unknown;

  /**
   * @param onLate Told of those that have taken too long.
   * @param dues What says at that moment when each will have, or the earliest that it could. Default: so long after it was taken.
   */
  constructor(
    ms: number,
    clock: PoolClock,
    onLate: (late: readonly BatchItem[]) => void,
    dues: (now: number) => Due = () => (item) => item.askedAt + ms,
  ) {
    this.ms = ms;
    this.#clock = clock;
    this.#onLate = onLate;
    this.#dues = dues;
  }

  /** @param openMax How many may be unsettled. */
  watch(item: BatchItem, openMax: number): void {
    this.#items.push(item);
    if (this.#timer === undefined) this.#setTimer(item.askedAt + this.ms);
    else if (this.#items.length >= 2 * openMax) this.#items = this.#items.filter(({ isDone }) => !isDone);
  }

  /** All are settled. */
  rest(): void {
    this.#items = [];
    this.#clearTimer();
  }

  /** Tells of those that are late by now: its timer may be late itself. */
  look(now = this.#clock.now()): void {
    this.#clearTimer();
    const dueOf = this.#dues(now);
    const late: BatchItem[] = [];
    const open: BatchItem[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const item of this.#items) {
      if (item.isDone) continue;
      const due = dueOf(item);
      (due <= now ? late : open).push(item);
      if (due > now) next = Math.min(next, due);
    }
    this.#items = open;
    if (open.length > 0) this.#setTimer(next);
    if (late.length > 0) this.#onLate(late);
  }

  #setTimer(due: number): void {
    this.#timer = this.#clock.setTimeout(() => this.look(), Math.max(0, due - this.#clock.now()));
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** When an item is late, or the earliest that it could be. */
type Due = (item: BatchItem) => number;
