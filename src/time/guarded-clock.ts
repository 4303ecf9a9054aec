import { forget } from '../base/hooks.js';
import { type PoolClock, wallClock } from './clock.js';

/**
 * A clock that was given to the pool, as long as it keeps time. From the moment when it throws, or has no number for
 * the time, it is the clock on the wall that goes on from there, with the timers that were set.
 */
export class GuardedClock implements PoolClock {
  readonly #given: PoolClock;
  readonly #onFault: (error: unknown) => void;
  readonly #timers = new Set<Timer>();
  #last = 0;
  /** When it was found out that it keeps no time, on the wall. */
  #brokenAt: number | undefined;

  /** @param onFault Told what it threw, once. */
  constructor(given: PoolClock, onFault: (error: unknown) => void) {
    this.#given = given;
    this.#onFault = onFault;
  }

  now(): number {
    if (this.#brokenAt !== undefined) return this.#last + wallClock.now() - this.#brokenAt;
    try {
      const now = this.#given.now();
      if (typeof now !== 'number' || Number.isNaN(now)) {
        forget(now);
        throw new TypeError('`clock.now()` is no number');
      }
      // Time does not go back.
      this.#last = Math.max(this.#last, now);
      return this.#last;
    } catch (error) {
      this.#break(error);
      return this.now();
    }
  }

  setTimeout(run: (...args: unknown[]) => void, ms: number): unknown {
    const timer: Timer = { run, due: this.now() + ms, clock: this.#given, id: undefined };
    this.#timers.add(timer);
    this.#set(timer);
    return timer;
  }

  clearTimeout(id: unknown): void {
    const timer = id as Timer | undefined;
    if (timer === undefined || !this.#timers.delete(timer)) return;
    try {
      timer.clock.clearTimeout(timer.id);
    } catch (error) {
      this.#break(error);
    }
  }

  #set(timer: Timer): void {
    const run = () => {
      if (this.#timers.delete(timer)) timer.run();
    };
    const ms = Math.max(0, timer.due - this.now());
    if (this.#brokenAt === undefined) {
      try {
        timer.id = this.#given.setTimeout(run, ms);
        return;
      } catch (error) {
        // With the others, this one is set anew.
        return this.#break(error);
      }
    }
    timer.clock = wallClock;
    timer.id = wallClock.setTimeout(run, ms);
  }

  #break(error: unknown): void {
    if (this.#brokenAt !== undefined) return;
    this.#brokenAt = wallClock.now();
    for (const timer of this.#timers) this.#set(timer);
    this.#onFault(error);
  }
}

interface Timer {
  readonly run: (...args: unknown[]) => void;
  readonly due: number;
  clock: PoolClock;
  id: unknown;
}
