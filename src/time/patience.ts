import { type PoolClock, wallClock } from './clock.js';
import { whenPolled } from './polled.js';

/**
 * A clock for whoever ends somebody else that has not answered in time. Such a
 * watcher may have slept itself, or been held up: time in which it could hear
 * nothing, and the other perhaps could not say anything, proves nothing.
 *
 * A wait is kept in parts. One that ends late is begun anew, once each, so that a gap of any length costs the other at
 * most one part, and a watcher that is always late still comes to its end. And what has come meanwhile is heard before
 * the wait is over.
 */
export class PatientClock implements PoolClock {
  readonly #clock: PoolClock;
  readonly #whenHeard: (run: () => void) => void;

  /** @param whenHeard Runs what it is given once all that had been said by then has been told. */
  constructor(clock: PoolClock, whenHeard: (run: () => void) => void) {
    this.#clock = clock;
    this.#whenHeard = whenHeard;
  }

  now(): number {
    return this.#clock.now();
  }

  setTimeout(run: () => void, ms: number): unknown {
    return new Wait(this.#clock, this.#whenHeard, run, ms);
  }

  clearTimeout(id: unknown): void {
    (id as Wait | undefined)?.clear();
  }
}

/** A clock that somebody has given to the pool is taken at its word: a test that turns it does not sleep. */
export function patienceOn(clock: PoolClock): PoolClock {
  return clock === wallClock ? new PatientClock(wallClock, whenPolled) : clock;
}

class Wait {
  readonly #clock: PoolClock;
  readonly #whenHeard: (run: () => void) => void;
  readonly #run: () => void;
  readonly #partMs: number;
  #partsLeft: number;
  #isForgiven = false;
  #isOver = false;
  #timer: unknown;

  constructor(clock: PoolClock, whenHeard: (run: () => void) => void, run: () => void, ms: number) {
    this.#clock = clock;
    this.#whenHeard = whenHeard;
    this.#run = run;
    this.#partsLeft = ms < DIVIDED_MS_MIN ? 1 : PARTS;
    this.#partMs = ms / this.#partsLeft;
    this.#begin();
  }

  clear(): void {
    this.#isOver = true;
    this.#clock.clearTimeout(this.#timer);
  }

  #begin(): void {
    const due = this.#clock.now() + this.#partMs;
    this.#timer = this.#clock.setTimeout(() => this.#ended(this.#clock.now() - due), this.#partMs);
  }

  #ended(lateMs: number): void {
    if (this.#isOver) return;
    if (lateMs > LATE_MS && !this.#isForgiven) {
      this.#isForgiven = true;
      return this.#begin();
    }
    this.#isForgiven = false;
    this.#partsLeft -= 1;
    if (this.#partsLeft > 0) return this.#begin();
    this.#whenHeard(() => {
      if (!this.#isOver) this.#run();
    });
  }
}

const PARTS = 4;
/** What is shorter is not divided: a timer is no more exact than a millisecond. */
const DIVIDED_MS_MIN = 40;
/** A loop under load is late, too; so late it has been held up. */
const LATE_MS = 100;
