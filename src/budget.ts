import { setMaxListeners } from 'node:events';
import type { PoolClock } from './clock.js';
import { OptionError } from './errors.js';

/** How long somebody is ready to wait. */
export interface WaitOptions {
  /** Gives up when it aborts; what was waited for then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up after so many milliseconds, waiting for a worker and running together. */
  readonly timeoutMs?: number | undefined;
}

/** One budget for the whole of a call: it ends once, by time or by signal, and not at all after `close`. */
export class Budget {
  readonly timeoutMs: number | undefined;
  readonly #clock: PoolClock;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  readonly #timer: unknown;

  constructor(clock: PoolClock, { signal, timeoutMs }: WaitOptions, onSpent: (by: 'timeout' | 'signal') => void) {
    this.timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#signal = signal;
    this.#onAbort = () => onSpent('signal');
    if (signal !== undefined) listen(signal, this.#onAbort);
    if (timeoutMs !== undefined) this.#timer = clock.setTimeout(() => onSpent('timeout'), timeoutMs);
  }

  close(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
  }
}

/** One signal may well end hundreds of calls, which Node would take for a leak and warn of. */
function listen(signal: AbortSignal, onAbort: () => void): void {
  // Not 0, which says the same: getMaxListeners() of Node 20 takes it for nothing, and throws.
  if (signal instanceof EventTarget) setMaxListeners(Number.POSITIVE_INFINITY, signal);
  signal.addEventListener('abort', onAbort, { once: true });
}

/** @throws OptionError (`ERR_OPTION`) for a signal that is none, and a time that is no time. */
export function checkWait({ signal, timeoutMs }: WaitOptions): void {
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw new OptionError({ option: 'signal', expected: 'an AbortSignal', got: signal });
  }
  if (timeoutMs !== undefined) checkMs('timeoutMs', timeoutMs);
}

/** @throws OptionError (`ERR_OPTION`) for what is no length of time that a timer can keep. */
export function checkMs(option: string, ms: unknown): void {
  if (typeof ms === 'number' && ms >= 0 && ms <= LONGEST_MS) return;
  throw new OptionError({ option, expected: `milliseconds, from 0 to ${LONGEST_MS}`, got: ms });
}

/** What a timer of Node can keep: 24.8 days. */
export const LONGEST_MS = 2 ** 31 - 1;
