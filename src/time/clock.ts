// Not the global one, for which Node looks by a getter each time, and which a test that plays the timers may have replaced.
import { performance } from 'node:perf_hooks';

/**
 * Time as an argument. XState's `SimulatedClock` is one, so that a whole pool
 * can be run on a clock that a test turns by hand.
 */
export interface PoolClock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  setTimeout(run: (...args: unknown[]) => void, ms: number): unknown;
  clearTimeout(id: unknown): void;
}

/**
 * The clock on the wall. Its timers do not keep the program running: what does
 * is work that somebody waits for (`KeepAlive`).
 */
export const wallClock: PoolClock = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms).unref(),
  clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
};
