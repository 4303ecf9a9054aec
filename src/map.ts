import type { CallOptions } from './caller.js';
import { OptionError } from './errors.js';

/** How `map` goes over its items. */
export interface MapOptions extends CallOptions {
  /** Items under way or finished and not yet consumed, at the most. Default: twice the slots; 1 under a lease and in a session. */
  readonly concurrency?: number | undefined;
  /** Whether results come in the order of the items. Default: true. */
  readonly ordered?: boolean | undefined;
}

/**
 * Runs `callOne` for each item, `concurrency` at a time, and yields the
 * results. The source is never read further than there is room for, and is
 * closed when the consumer leaves.
 */
export async function* mapCalls<T>(
  callOne: (item: unknown, signal: AbortSignal) => Promise<T>,
  items: Iterable<unknown> | AsyncIterable<unknown>,
  options: { concurrency: number; ordered: boolean; signal: AbortSignal | undefined },
): AsyncGenerator<T, void, undefined> {
  const { concurrency, ordered, signal } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new OptionError({ option: 'concurrency', expected: 'an integer of 1 or more', got: concurrency });
  }
  const source = iteratorOf(items);
  const leaving = new AbortController();
  const callSignal = signal === undefined ? leaving.signal : AbortSignal.any([leaving.signal, signal]);
  const finished = new Map<number, Outcome<T>>();
  let taken = 0;
  let yielded = 0;
  let isReading = false;
  let isDrained = false;
  let hasFailed = false;
  let sourceEnd: { readonly error?: unknown } | undefined;
  let wake = () => {};

  const finish = (index: number, outcome: Outcome<T>) => {
    finished.set(index, outcome);
    wake();
  };
  const take = (result: IteratorResult<unknown>) => {
    if (result.done) {
      isDrained = true;
      sourceEnd ??= {};
      return;
    }
    const index = taken++;
    // What it throws at once, such as a value that cannot cross, is that item's outcome like any other.
    new Promise<T>((resolve) => resolve(callOne(result.value, callSignal))).then(
      (value) => finish(index, { value }),
      (error: unknown) => finish(index, { error }),
    );
  };
  const fill = () => {
    while (!isReading && sourceEnd === undefined && taken - yielded < concurrency) {
      try {
        const result = source.next();
        if (!('then' in result)) {
          take(result);
          continue;
        }
        isReading = true;
        result
          .then(take, (error: unknown) => {
            sourceEnd = { error };
          })
          .finally(() => {
            isReading = false;
            wake();
          });
      } catch (error) {
        sourceEnd = { error };
      }
    }
  };

  const onAbort = () => {
    sourceEnd ??= { error: signal?.reason };
    wake();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    for (;;) {
      fill();
      const index = ordered ? yielded : firstKey(finished);
      const outcome = index === undefined ? undefined : finished.get(index);
      if (index !== undefined && outcome !== undefined) {
        finished.delete(index);
        if ('error' in outcome) throw outcome.error;
        yielded += 1;
        yield outcome.value;
      } else if (sourceEnd !== undefined && taken === yielded) {
        if ('error' in sourceEnd) throw sourceEnd.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } catch (error) {
    hasFailed = true;
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    leaving.abort(new DOMException('The consumer of map() left.', 'AbortError'));
    // A source in the middle of a read closes when that is done, and need not be waited for. What goes wrong in closing
    // it does not hide what went wrong before.
    if (!isDrained) {
      const closing = (async () => source.return?.())();
      if (isReading || hasFailed) closing.catch(() => {});
      else await closing;
    }
  }
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

interface AnyIterator {
  next(): IteratorResult<unknown> | Promise<IteratorResult<unknown>>;
  return?(): unknown;
}

function iteratorOf(items: Iterable<unknown> | AsyncIterable<unknown>): AnyIterator {
  if (items !== null && items !== undefined) {
    const asynchronous = (items as AsyncIterable<unknown>)[Symbol.asyncIterator]?.();
    if (asynchronous !== undefined) return asynchronous;
    const synchronous = (items as Iterable<unknown>)[Symbol.iterator]?.();
    if (synchronous !== undefined) return synchronous as AnyIterator;
  }
  throw new OptionError({ option: 'items', expected: 'an iterable or an async iterable', got: items });
}

function firstKey(map: ReadonlyMap<number, unknown>): number | undefined {
  return map.keys().next().value;
}
