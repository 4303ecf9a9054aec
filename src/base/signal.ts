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
