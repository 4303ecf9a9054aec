import type { PoolClock } from '../../src/time/clock.js';

/** A clock that a test turns by hand. Unlike XState's it stops at every timer on the way. */
export class TurnedClock implements PoolClock {
  #now = 0;
  #ids = 0;
  readonly #timers = new Map<number, Timer>();

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** A timer is to run by now. */
  get isDue(): boolean {
    for (const { due } of this.#timers.values()) if (due <= this.#now) return true;
    return false;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(run: () => void, ms: number): number {
    this.#ids += 1;
    this.#timers.set(this.#ids, { id: this.#ids, due: this.#now + ms, run });
    return this.#ids;
  }

  clearTimeout(id: unknown): void {
    this.#timers.delete(id as number);
  }

  /** `ms` later. Each timer on the way runs at its moment, and what it settles is heard before time goes on. */
  async turn(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (let next = this.#next(); next !== undefined && next.due <= end; next = this.#next()) {
      this.#now = Math.max(this.#now, next.due);
      this.#timers.delete(next.id);
      next.run();
      await heard();
    }
    this.#now = end;
  }

  /** `ms` later, with nobody hearing of anything on the way. */
  jump(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(); next !== undefined && next.due <= end; next = this.#next()) {
      this.#now = Math.max(this.#now, next.due);
      this.#timers.delete(next.id);
      next.run();
    }
    this.#now = end;
  }

  /** `ms` later, in which nobody was awake: the timers that were due meanwhile run late, when it is turned again. */
  sleep(ms: number): void {
    this.#now += ms;
  }

  /** On to the next timer, if one is set. */
  async turnToNext(): Promise<void> {
    const next = this.#next();
    if (next !== undefined) await this.turn(Math.max(0, next.due - this.#now));
  }

  /** The timer due next; of several at one moment, the one that was set first. */
  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers.values()) if (first === undefined || timer.due < first.due) first = timer;
    return first;
  }
}

interface Timer {
  readonly id: number;
  readonly due: number;
  readonly run: () => void;
}

/** Whatever was settled has been heard by those who await it, and by those who await them. */
export function heard(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
