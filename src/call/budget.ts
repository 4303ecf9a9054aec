import { checkNames } from '../base/check-names.js';
import { whenAborted } from '../base/signal.js';
import { OptionError } from '../errors.js';
import type { PoolClock } from '../time/clock.js';
import { checkLimit, isLimit } from '../time/limit.js';
import { soon } from '../time/turn.js';

/** How long somebody is ready to wait. */
export interface WaitOptions {
  /** Gives up when it aborts; what was waited for then rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up after so many milliseconds, waiting for a worker and running together. `Infinity`: never. */
  readonly timeoutMs?: number | undefined;
}

/** Whether anything can end such a wait from outside. */
export function isBounded({ signal, timeoutMs }: WaitOptions): boolean {
  return signal !== undefined || isLimit(timeoutMs);
}

/** One budget for the whole of a call: it ends once, by time or by signal, and not at all after `close`. */
export class Budget {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  readonly #clock: PoolClock;
  readonly #unwatch: (() => void) | undefined;
  readonly #timer: unknown;
  #isClosed = false;

  constructor(clock: PoolClock, { signal, timeoutMs }: WaitOptions, onSpent: (by: 'timeout' | 'signal') => void) {
    this.signal = signal;
    this.timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#unwatch = signal && whenAborted(signal, () => onSpent('signal'));
    if (!isLimit(timeoutMs)) return;
    const onTime = () => {
      if (!this.#isClosed) onSpent('timeout');
    };
    // No time at all is what can be had in this turn: a free worker, and no answer of Python's.
    if (timeoutMs === 0) soon(onTime);
    else this.#timer = clock.setTimeout(onTime, timeoutMs);
  }

  close(): void {
    this.#isClosed = true;
    this.#unwatch?.();
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
  }
}

/** @throws OptionError (`ERR_OPTION`) for a signal that is none, and a time that is no time. */
export function checkWait(wait: WaitOptions, names: ReadonlySet<string> = WAIT_OPTIONS): void {
  checkNames(wait, names);
  const { signal, timeoutMs } = wait;
  if (signal !== undefined && !isSignal(signal)) {
    throw new OptionError({ option: 'signal', expected: 'an AbortSignal', got: signal });
  }
  checkLimit('timeoutMs', timeoutMs);
}

/** By what is asked of it alone: one of a polyfill, or of another realm, is no instance of ours. */
function isSignal(given: Partial<AbortSignal> | null): boolean {
  if (typeof given?.aborted !== 'boolean') return false;
  return typeof given.addEventListener === 'function' && typeof given.removeEventListener === 'function';
}

const WAIT_OPTIONS: ReadonlySet<string> = new Set(['signal', 'timeoutMs'] satisfies (keyof WaitOptions)[]);
