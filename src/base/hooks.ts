/**
 * Calls the user's hooks, such as a listener, an observer or a function that is told of progress, so that whatever they do
 * disturbs nobody: one that throws, or returns a promise that is rejected, is told of once, and one that never settles is
 * not waited for.
 */
export class Hooks {
  readonly #faulty = new WeakSet<object>();

  /** What `hook` returns; `undefined` if it throws. */
  call<Given extends unknown[], T>(hook: (...given: Given) => T, name: string, ...given: Given): T | undefined {
    try {
      const returned = hook(...given);
      if (isThenable(returned)) returned.then(undefined, (error) => this.failed(hook, name, error));
      return returned;
    } catch (error) {
      this.failed(hook, name, error);
      return undefined;
    }
  }

  /** Tells once that a hook has thrown: it would most likely be said again each time. */
  failed(hook: object, name: string, error: unknown): void {
    if (this.#faulty.has(hook)) return;
    this.#faulty.add(hook);
    warn(`${name} threw, and is not told of again: ${textOf(error)}`);
  }
}

/** Nobody waits for what was returned where nothing was to be waited for. */
export function forget(returned: unknown): void {
  if (isThenable(returned)) returned.then(undefined, () => {});
}

/** Says what threw where nobody can be told. */
export function warn(text: string): void {
  process.emitWarning(text, { code: 'PYTHONARIUM_FAULT' });
}

/** What was thrown, as text, whatever it is. */
export function textOf(thrown: unknown): string {
  try {
    const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    return typeof text === 'string' ? text : 'something that is no text';
  } catch {
    return 'something of which no text can be had';
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
