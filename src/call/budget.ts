import { NO_OPTIONS } from '../base/own.js';
import { OptionError } from '../errors.js';
import type { PoolClock } from '../time/clock.js';
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

/** Whether that ends anything: what is absent does not, and neither does `Infinity`. */
export function isLimit(ms: number | undefined): ms is number {
  return ms !== undefined && ms !== Number.POSITIVE_INFINITY;
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

/**
 * Runs `run` when the signal aborts, until the function that is returned is called. One signal may well end hundreds
 * of calls, which Node would take for a leak: it gets one listener for them all.
 */
export function whenAborted(signal: AbortSignal, run: () => void): () => void {
  if (signal instanceof EitherSignal) {
    const noted = () => {
      signal.note();
      run();
    };
    const unwatch = signal.both.map((each) => whenAborted(each, noted));
    return () => {
      for (const each of unwatch) each();
    };
  }
  const watcher = watchers.get(signal) ?? new Watcher(signal);
  watcher.runs.add(run);
  return () => {
    watcher.runs.delete(run);
    if (watcher.runs.size === 0) watcher.leave();
  };
}

/**
 * What has aborted once one of the two has. `AbortSignal.any` would leave a note at both for each call, and the one may
 * outlive very many: here whoever waits listens to both, and takes that back.
 */
export function eitherOf(one: AbortSignal, other: AbortSignal): AbortSignal {
  // It stays in here, where nobody asks for more than that, and `whenAborted` alone listens.
  return one === other ? one : (new EitherSignal(one, other) as unknown as AbortSignal);
}

class EitherSignal implements Pick<AbortSignal, 'aborted' | 'reason'> {
  readonly both: readonly [AbortSignal, AbortSignal];
  #first: AbortSignal | undefined;

  constructor(one: AbortSignal, other: AbortSignal) {
    this.both = [one, other];
  }

  get aborted(): boolean {
    this.note();
    return this.#first !== undefined;
  }

  get reason(): unknown {
    this.note();
    return this.#first?.reason;
  }

  /** Takes note of whichever has aborted: later both may have. */
  note(): void {
    this.#first ??= this.both.find(({ aborted }) => aborted);
  }
}

/** @throws What whoever waits gets once that has aborted, if it has. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw reasonOf(signal);
}

/** What whoever waits gets once that has aborted: its reason, or Node's own for none, where a polyfill knows of no reasons. */
export function reasonOf(signal: AbortSignal | undefined): unknown {
  const reason: unknown = signal?.reason;
  return reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
}

class Watcher {
  readonly runs = new Set<() => void>();
  readonly #signal: AbortSignal;
  readonly #onAbort = () => {
    // The last first: of those in a pipe Python finds all given up when the one that runs is interrupted.
    for (const run of [...this.runs].reverse()) run();
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    watchers.set(signal, this);
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  leave(): void {
    this.#signal.removeEventListener('abort', this.#onAbort);
    if (watchers.get(this.#signal) === this) watchers.delete(this.#signal);
  }
}

const watchers = new WeakMap<AbortSignal, Watcher>();

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

/** @throws OptionError (`ERR_OPTION`) for a name that is no option: a mistyped `timeoutMs` would be no limit at all. */
export function checkNames(options: object, names: ReadonlySet<string>): void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError({ option: 'options', expected: `an object of ${[...names].join(', ')}`, got: options });
  }
  if (options === NO_OPTIONS) return;
  for (const name of Object.keys(options)) {
    if (!names.has(name)) throw new OptionError({ option: name, known: [...names] });
  }
}

/** @throws OptionError (`ERR_OPTION`) for a limit that is no length of time that a timer can keep. */
export function checkLimit(option: string, ms: number | undefined): void {
  if (isLimit(ms)) checkMs(option, ms);
}

/** @throws OptionError (`ERR_OPTION`) for what is no length of time that a timer can keep. */
export function checkMs(option: string, ms: unknown): void {
  if (typeof ms === 'number' && ms >= 0 && ms <= LONGEST_MS) return;
  throw new OptionError({ option, expected: `milliseconds, from 0 to ${LONGEST_MS}`, got: ms });
}

const WAIT_OPTIONS: ReadonlySet<string> = new Set(['signal', 'timeoutMs'] satisfies (keyof WaitOptions)[]);
/** What a timer of Node can keep: 24.8 days. */
export const LONGEST_MS = 2 ** 31 - 1;
