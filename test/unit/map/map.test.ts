import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import { getHeapSpaceStatistics } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { PoolClosedError } from '../../../src/errors.js';
import { type MapItem, mapCalls } from '../../../src/map/map.js';
import { heard } from '../../fake/turned-clock.js';
import { collectGarbage } from '../../support/garbage.js';

describe('map', () => {
  it('yields in the order of the items, whichever is answered first', async () => {
    const calls = new Calls();
    const results = all(calls.map([1, 2, 3], { concurrency: 3 }));
    await heard();
    for (const item of [3, 1, 2]) calls.answer(item);
    expect(await results).toEqual(['1!', '2!', '3!']);
  });

  it('yields as they come with `ordered: false`', async () => {
    const calls = new Calls();
    const results = all(calls.map([1, 2, 3], { concurrency: 3, ordered: false }));
    for (const item of [3, 1, 2]) {
      await heard();
      calls.answer(item);
    }
    expect(await results).toEqual(['3!', '1!', '2!']);
  });

  it('takes no more than `concurrency` items ahead of what was consumed, finished ones included', async () => {
    const calls = new Calls();
    const iterator = calls.map(count(), { concurrency: 2 });
    const first = iterator.next();
    await heard();
    expect(calls.asked).toEqual([0, 1]);
    calls.answer(0);
    calls.answer(1);
    expect(await first).toEqual({ value: '0!', done: false });
    await heard();
    expect(calls.asked).toEqual([0, 1]);
    void iterator.next();
    await heard();
    expect(calls.asked).toEqual([0, 1, 2]);
  });

  it('keeps no result that was consumed for having come behind one that is old by now', async () => {
    const row = (item: number) => Promise.resolve(Array.from({ length: 1_000 }, () => item));
    const rules = { concurrency: 8, ordered: true, signal: undefined };
    const results = mapCalls(row, count(), rules);
    await results.next();
    // Those that are under way grow old by it.
    collectGarbage();
    const before = oldBytes();
    let most = 0;
    for (let taken = 0; taken < 4_000; taken += 1) {
      await results.next();
      if (taken % 100 === 0) most = Math.max(most, oldBytes() - before);
    }
    await results.return?.();
    // Of 32 MB.
    expect(most).toBeLessThan(8e6);
  });

  it('never reads an async source before there is room, nor twice at once', async () => {
    const calls = new Calls();
    let reading = 0;
    let most = 0;
    async function* source() {
      for (let item = 0; item < 4; item += 1) {
        reading += 1;
        most = Math.max(most, reading);
        await heard();
        reading -= 1;
        yield item;
      }
    }
    const results = all(calls.map(source(), { concurrency: 3 }));
    for (let item = 0; item < 4; item += 1) {
      while (!calls.asked.includes(item)) await setImmediate();
      calls.answer(item);
    }
    expect(await results).toEqual(['0!', '1!', '2!', '3!']);
    expect(most).toBe(1);
  });

  it('throws the first error in order, gives up what is under way, and closes its source', async () => {
    const calls = new Calls();
    const source = new Source([1, 2, 3]);
    const results = all(calls.map(source, { concurrency: 2 }));
    await heard();
    calls.refuse(1, new Error('one failed'));
    await expect(results).rejects.toThrow('one failed');
    expect(calls.abortedItems).toEqual([2]);
    expect(source.isClosed).toBe(true);
  });

  it.each([
    ['an array', [1, 'refused']],
    ['an async source', asynchronous([1, 'refused'])],
  ])('throws what a call throws at once, after the results before it, with %s', async (_, items) => {
    const seen: unknown[] = [];
    const iterator = mapCalls(
      (item) => {
        if (item === 'refused') throw new Error('no such value');
        return Promise.resolve(item);
      },
      items,
      { concurrency: 2, ordered: true, signal: undefined },
    );
    const run = async () => {
      for await (const value of iterator) seen.push(value);
    };
    await expect(run()).rejects.toThrow('no such value');
    expect(seen).toEqual([1]);
  });

  it.each([true, false])('says in an error of the pool which item it is of, ordered: %s', async (ordered) => {
    const calls = new Calls();
    const iterator = calls.map(['a', 'b', 'c'], { concurrency: 3, ordered });
    const first = iterator.next();
    await heard();
    const error = new PoolClosedError({ by: 'close' });
    expect('index' in error).toBe(false);
    calls.answer('a');
    calls.refuse('c', error);
    await first;
    if (ordered) {
      const second = iterator.next();
      calls.answer('b');
      await second;
    }
    await expect(iterator.next()).rejects.toBe(error);
    expect(error.index).toBe(2);
    expect(inspect(error)).toContain('index: 2');
  });

  it('says so in no error that is not of the pool’s making, nor in one that has an index, is frozen, or is the reason of its signal', async () => {
    const own = Object.assign(new PoolClosedError({ by: 'close' }), { index: 7 });
    const frozen = Object.freeze(new PoolClosedError({ by: 'close' }));
    for (const error of [new Error('a schema threw'), own, frozen, 'text', null, undefined]) {
      const call = () => Promise.reject(error);
      const rules = { concurrency: 1, ordered: true, signal: undefined };
      await expect(mapCalls(call, ['a'], rules).next()).rejects.toBe(error);
    }
    expect(own.index).toBe(7);
    const reason = new PoolClosedError({ by: 'close' });
    const { signal, abort } = abortable();
    const first = new Calls().map(['a'], { signal }).next();
    await heard();
    abort(reason);
    await expect(first).rejects.toBe(reason);
    expect('index' in reason).toBe(false);
  });

  it('throws what its source throws, after the results of the items before', async () => {
    const calls = new Calls();
    async function* source() {
      yield 1;
      throw new Error('the source broke');
    }
    const iterator = calls.map(source(), { concurrency: 2 });
    const first = iterator.next();
    while (calls.asked.length < 1) await setImmediate();
    calls.answer(1);
    expect((await first).value).toBe('1!');
    await expect(iterator.next()).rejects.toThrow('the source broke');
  });

  it('gives up what is under way and closes its source when the consumer leaves the loop', async () => {
    const calls = new Calls();
    const source = new Source([1, 2, 3]);
    const loop = (async () => {
      for await (const value of calls.map(source, { concurrency: 3 })) return value;
      return undefined;
    })();
    await heard();
    calls.answer(1);
    expect(await loop).toBe('1!');
    expect(calls.abortedItems).toEqual([2, 3]);
    expect(source.isClosed).toBe(true);
  });

  it('gives each of several who ask at once a result of their own, though there is room for one item alone', async () => {
    const calls = new Calls();
    const iterator = calls.map([1, 2, 3], { concurrency: 1 });
    const results = [1, 2, 3, 4].map(() => iterator.next());
    for (const item of [1, 2, 3]) {
      while (!calls.asked.includes(item)) await setImmediate();
      expect(calls.asked).toHaveLength(item);
      calls.answer(item);
    }
    expect((await Promise.all(results)).map(({ value }) => value)).toEqual(['1!', '2!', '3!', undefined]);
  });

  it('gives up what is under way and closes its source when something is thrown into it, which comes back', async () => {
    const calls = new Calls();
    const source = new Source([1, 2, 3]);
    const results = calls.map(source, { concurrency: 2 });
    const first = results.next();
    await heard();
    const reason = new Error('enough');
    await expect(results.throw?.(reason)).rejects.toBe(reason);
    expect(await first).toEqual({ value: undefined, done: true });
    expect(calls.abortedItems).toEqual([1, 2]);
    expect(source.isClosed).toBe(true);
  });

  it('closes no source that has come to its end by itself', async () => {
    const calls = new Calls();
    const source = new Source([1]);
    const results = all(calls.map(source, { concurrency: 1 }));
    await heard();
    calls.answer(1);
    expect(await results).toEqual(['1!']);
    expect(source.isClosed).toBe(false);
  });

  it('tells whoever leaves what closing its source throws', async () => {
    const broken = new Error('it cannot be closed');
    const source = {
      next: () => ({ value: 1, done: false }),
      return: () => {
        throw broken;
      },
    };
    const results = new Calls().map({ [Symbol.iterator]: () => source }, { concurrency: 1 });
    const first = results.next();
    await expect(results.return?.()).rejects.toBe(broken);
    expect(await first).toEqual({ value: undefined, done: true });
  });

  it('lets its consumer leave though its source is in the middle of a read', async () => {
    const calls = new Calls();
    async function* source() {
      yield 1;
      await new Promise(() => {});
    }
    const results = calls.map(source(), { concurrency: 2 });
    void results.next();
    while (calls.asked.length < 1) await setImmediate();
    expect(await results.return?.()).toEqual({ value: undefined, done: true });
    expect(calls.abortedItems).toEqual([1]);
  });

  it.each([true, false])('hands on each result that its consumer leaves, once: ordered: %s', async (ordered) => {
    const calls = new Calls();
    const untaken: unknown[] = [];
    const onUntaken = (result: unknown) => untaken.push(result);
    const results = calls.map([1, 2, 3, 4, 5], { concurrency: 5, ordered, onUntaken });
    const first = results.next();
    await heard();
    calls.answer(1);
    expect((await first).value).toBe('1!');
    calls.answer(2);
    calls.answer(4);
    await heard();
    // This one is on its way as the consumer leaves.
    calls.answer(3);
    await results.return?.();
    await heard();
    expect(untaken.toSorted()).toEqual(['2!', '3!', '4!']);
    expect(calls.abortedItems).toEqual([5]);
    await results.return?.();
    expect(await results.next()).toEqual({ value: undefined, done: true });
    expect(untaken).toHaveLength(3);
  });

  it('rejects with the reason of its signal, even while the source gives nothing', async () => {
    const calls = new Calls();
    const { signal, abort } = abortable();
    const source = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
    const results = all(calls.map(source, { concurrency: 1, signal }));
    await heard();
    const reason = new Error('enough');
    abort(reason);
    await expect(results).rejects.toBe(reason);
  });

  it('rejects with the reason of its signal, though its source broke of that before anybody asked', async () => {
    const calls = new Calls();
    const { signal, abort } = abortable();
    async function* source() {
      yield 1;
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('the source broke'))));
    }
    const results = calls.map(source(), { concurrency: 2, signal });
    const first = results.next();
    while (calls.asked.length < 1) await setImmediate();
    calls.answer(1);
    expect((await first).value).toBe('1!');
    await heard();
    const reason = new Error('enough');
    abort(reason);
    await heard();
    await expect(results.next()).rejects.toBe(reason);
  });

  it('closes a source that has given up the map itself, once, though not in the middle of its code', async () => {
    const { signal, abort } = abortable();
    const reason = new Error('enough');
    let closed = 0;
    function* source() {
      try {
        yield 1;
        abort(reason);
        yield 2;
      } finally {
        closed += 1;
      }
    }
    const results = all(new Calls().map(source(), { concurrency: 2, signal }));
    await expect(results).rejects.toBe(reason);
    expect(closed).toBe(1);
  });

  it('gives up at once a call by itself that its source comes to as its signal has aborted', async () => {
    const { signal, abort } = abortable();
    const reasons: unknown[] = [];
    const callOne = async (_: unknown, given: AbortSignal) => {
      reasons.push(given.reason);
      given.throwIfAborted();
    };
    let goOn = () => {};
    async function* source() {
      yield 'together';
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      yield 'alone';
    }
    const taken: MapItem[] = [];
    const carrier = {
      concurrency: 2,
      textOf: (item: unknown) => (item === 'together' ? 'text' : undefined),
      add: (item: MapItem) => void taken.push(item),
      flush() {},
      onSettled() {},
      giveUp() {},
    };
    const rules = { concurrency: 2, ordered: true, signal };
    const results = mapCalls(callOne, source(), rules, () => carrier as never);
    const first = results.next();
    while (taken.length < 1) await setImmediate();
    taken[0]!.succeed('done');
    expect((await first).value).toBe('done');
    await heard();
    const reason = new Error('enough');
    abort(reason);
    goOn();
    while (reasons.length < 1) await setImmediate();
    expect(reasons).toEqual([reason]);
    await expect(results.next()).rejects.toBe(reason);
  });

  it('rejects at once with a signal that had aborted before, and reads nothing', async () => {
    const calls = new Calls();
    const source = new Source([1]);
    const reason = new Error('enough');
    await expect(all(calls.map(source, { concurrency: 1, signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    expect(source.taken).toBe(0);
  });

  it('leaves no listener on the signal', async () => {
    const calls = new Calls();
    const { signal, listeners } = abortable();
    const results = all(calls.map([1], { concurrency: 1, signal }));
    await heard();
    calls.answer(1);
    await results;
    expect(listeners()).toBe(0);
  });

  it('has one listener on a signal with all others, however many they are', async () => {
    const calls = new Calls();
    const { signal, listeners } = abortable();
    const maps = Array.from({ length: 20 }, () => calls.map([1], { concurrency: 1, signal }));
    for (const each of maps) void each.next().catch(() => {});
    expect(listeners()).toBe(1);
    for (const each of maps) await each.return?.();
    expect(listeners()).toBe(0);
  });

  it('yields nothing for no items', async () => {
    expect(await all(new Calls().map([], { concurrency: 1 }))).toEqual([]);
  });

  it.each([0, 1.5, Number.NaN, -1])('refuses a concurrency of %s, with ERR_OPTION', async (concurrency) => {
    await expect(all(new Calls().map([1], { concurrency }))).rejects.toMatchObject({ option: 'concurrency' });
  });

  it.each(['false', 0, null])('refuses %j for `ordered`, which would be taken for something else', async (ordered) => {
    const results = all(new Calls().map([1], { ordered: ordered as never }));
    await expect(results).rejects.toMatchObject({ code: 'ERR_OPTION', option: 'ordered' });
  });

  it.each([null, undefined, 7])('refuses %s for items, with ERR_OPTION', async (items) => {
    await expect(all(new Calls().map(items as never, { concurrency: 1 }))).rejects.toMatchObject({ option: 'items' });
  });
});

describe('a map that keeps going', () => {
  it.each([true, false])('yields what became of each item, whichever failed, ordered: %s', async (ordered) => {
    const calls = new Calls();
    const source = new Source(['a', 'b', 'c', 'd']);
    const results = all(calls.map(source, { concurrency: 2, ordered, keepGoing: true }));
    const error = new Error('b failed');
    await heard();
    calls.refuse('b', error);
    await heard();
    for (const item of ['a', 'c', 'd']) {
      while (!calls.asked.includes(item)) await setImmediate();
      calls.answer(item);
      await heard();
    }
    const told = [
      { status: 'fulfilled', index: 0, value: 'a!' },
      { status: 'rejected', index: 1, reason: error },
      { status: 'fulfilled', index: 2, value: 'c!' },
      { status: 'fulfilled', index: 3, value: 'd!' },
    ];
    expect(await results).toEqual(ordered ? told : [told[1], told[0], told[2], told[3]]);
    expect('index' in error).toBe(false);
    expect(calls.abortedItems).toEqual([]);
    expect(source.isClosed).toBe(false);
  });

  it('tells so whoever asks for several at once', async () => {
    const calls = new Calls();
    const map = calls.map(['a', 'b'], { concurrency: 2, keepGoing: true });
    const results = Promise.all([map.next(), map.next(), map.next()]);
    await heard();
    calls.answer('b');
    calls.refuse('a', new Error('a failed'));
    const [first, second, end] = await results;
    expect(first.value).toMatchObject({ status: 'rejected', index: 0 });
    expect(second.value).toMatchObject({ status: 'fulfilled', index: 1 });
    expect(end.done).toBe(true);
  });

  it('throws what all items would fail by, says which it was, and gives up what is under way', async () => {
    const calls = new Calls();
    const source = new Source(['a', 'b', 'c', 'd']);
    const map = calls.map(source, { concurrency: 3, keepGoing: true });
    const first = map.next();
    await heard();
    const error = new PoolClosedError({ by: 'close' });
    calls.refuse('a', new Error('a failed'));
    calls.refuse('b', error);
    expect((await first).value).toMatchObject({ status: 'rejected', index: 0 });
    await expect(map.next()).rejects.toBe(error);
    expect(error.index).toBe(1);
    expect(calls.abortedItems).toContain('c');
    expect(source.isClosed).toBe(true);
    expect((await map.next()).done).toBe(true);
  });

  it('throws the reason of its signal, after what became of the items before', async () => {
    const calls = new Calls();
    const { signal, abort } = abortable();
    const map = calls.map(['a', 'b', 'c'], { concurrency: 3, signal, keepGoing: true });
    const first = map.next();
    await heard();
    calls.answer('a');
    calls.refuse('b', new Error('b failed'));
    await first;
    const reason = new PoolClosedError({ by: 'close' });
    abort(reason);
    expect((await map.next()).value).toMatchObject({ status: 'rejected', index: 1 });
    await expect(map.next()).rejects.toBe(reason);
  });

  it('ends where a signal has aborted that knows of no reason', async () => {
    const calls = new Calls();
    const listeners: (() => void)[] = [];
    const signal = {
      aborted: false,
      reason: undefined,
      addEventListener: (_: string, listener: () => void) => listeners.push(listener),
      removeEventListener() {},
    };
    const results = all(calls.map(['a', 'b'], { concurrency: 2, signal: signal as never, keepGoing: true }));
    await heard();
    signal.aborted = true;
    for (const listener of listeners) listener();
    await expect(results).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('throws what its source throws', async () => {
    const calls = new Calls();
    async function* source() {
      yield 1;
      throw new Error('the source broke');
    }
    const map = calls.map(source(), { concurrency: 2, keepGoing: true });
    const first = map.next();
    while (calls.asked.length < 1) await setImmediate();
    calls.refuse(1, new Error('one failed'));
    expect((await first).value).toMatchObject({ status: 'rejected', index: 0 });
    await expect(map.next()).rejects.toThrow('the source broke');
  });

  it.each(['true', 1, null])('is not to be had by %j, with ERR_OPTION', async (keepGoing) => {
    const results = all(new Calls().map([1], { keepGoing: keepGoing as never }));
    await expect(results).rejects.toMatchObject({ code: 'ERR_OPTION', option: 'keepGoing' });
  });
});

/** Calls that are answered when the test says so. */
class Calls {
  readonly asked: unknown[] = [];
  readonly abortedItems: unknown[] = [];
  readonly #open = new Map<unknown, { resolve(value: string): void; reject(error: unknown): void }>();

  map(items: Iterable<unknown> | AsyncIterable<unknown>, options: Partial<Parameters<typeof mapCalls>[2]>) {
    const callOne = (item: unknown, signal: AbortSignal) => {
      this.asked.push(item);
      return new Promise<string>((resolve, reject) => {
        this.#open.set(item, { resolve, reject });
        signal.addEventListener('abort', () => {
          if (this.#open.delete(item)) this.abortedItems.push(item);
          reject(signal.reason);
        });
      });
    };
    return mapCalls(callOne, items, { concurrency: 1, ordered: true, signal: undefined, ...options });
  }

  answer(item: unknown): void {
    this.#open.get(item)?.resolve(`${item}!`);
    this.#open.delete(item);
  }

  refuse(item: unknown, error: Error): void {
    this.#open.get(item)?.reject(error);
    this.#open.delete(item);
  }
}

/** An iterable that knows how far it was read. */
class Source implements Iterable<unknown> {
  taken = 0;
  isClosed = false;
  readonly #items: readonly unknown[];

  constructor(items: readonly unknown[]) {
    this.#items = items;
  }

  [Symbol.iterator](): Iterator<unknown> {
    return {
      next: () => {
        const at = this.taken;
        this.taken += 1;
        return at < this.#items.length ? { value: this.#items[at], done: false } : { value: undefined, done: true };
      },
      return: () => {
        this.isClosed = true;
        return { value: undefined, done: true };
      },
    };
  }
}

function* count() {
  for (let item = 0; ; item += 1) yield item;
}

async function* asynchronous(items: readonly unknown[]) {
  yield* items;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const item of items) seen.push(item);
  return seen;
}

/** A signal that knows how many listen to it. */
function abortable() {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    count += 1;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    count -= 1;
    removeEventListener.apply(signal, args);
  };
  return { signal, abort: (reason: unknown) => controller.abort(reason), listeners: () => count };
}

/** How many bytes are in use, or garbage, of what has outlived some collections. */
function oldBytes(): number {
  const old = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space');
  return old!.space_used_size;
}
