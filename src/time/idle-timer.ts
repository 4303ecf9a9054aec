import type { PoolClock } from './clock.js';

/**
 * Runs something once it has been idle for so long. It is touched on the way of every lease, so that all that is done
 * then is to read the clock: the timer finds out for itself that it is too early.
 */
export class IdleTimer {
  readonly #clock: PoolClock;
  readonly #ms: number;
  readonly #isBusy: () => boolean;
  readonly #onIdle: () => void;
  #touchedAt = 0;
  #timer: unknown;

  constructor(clock: PoolClock, ms: number, isBusy: () => boolean, onIdle: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#isBusy = isBusy;
    this.#onIdle = onIdle;
  }

  /** It was in use until now. */
  touch(): void {
    this.#touchedAt = this.#clock.now();
    if (this.#timer === undefined) this.#wait(this.#ms);
  }

  clear(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(ms: number): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      const left = this.#touchedAt + this.#ms - this.#clock.now();
      if (this.#isBusy()) this.touch();
      else if (left > 0) this.#wait(left);
      else this.#onIdle();
    }, ms);
  }
}
