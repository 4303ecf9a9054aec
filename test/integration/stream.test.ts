import { describe, expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import { Gate } from '../support/gate.js';
import { collect, failure, fixtures, readyPool } from '../support/pool.js';

const streams = fixtures(import.meta.url)('streams.py');
const numbers = (n: number) => Array.from({ length: n }, (_, index) => index);

describe('stream()', () => {
  it.each(['count', 'count_later'])('yields what %s yields, in order, and gives the worker back', async (name) => {
    const pool = await readyPool(streams);
    expect(await collect(pool.stream(name, [5_000]))).toEqual(numbers(5_000));
    expect(await collect(pool.stream(name, [0]))).toEqual([]);
    expect(pool.stats().workers).toMatchObject({ idle: 1 });
  });

  it('yields the items of whatever can be iterated over', async () => {
    const pool = await readyPool(streams);
    expect(await collect(pool.stream('listed', [3]))).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
  });

  it('yields what JSON has no word for in its place, each as it was when it was yielded', async () => {
    const pool = await readyPool(streams);
    const expected = numbers(100).flatMap((n) => [n, [n, 0], Number.NaN, { row: [n] }]);
    const items = await collect(pool.stream('rich', [100]));
    expect(items.map((item) => (item instanceof Uint8Array ? [...item] : item))).toEqual(expected);
  });

  it('does not let Python run ahead of the room that there is', async () => {
    const pool = await readyPool(streams, { size: 2 });
    const lease = await pool.checkout();
    const items = lease.stream('count', [], { highWaterMark: 100 });
    for (let read = 0; read < 1_000; read++) {
      expect(await items.next()).toEqual({ value: read, done: false });
    }
    await items.return?.();
    const { yielded } = await lease.call<{ yielded: number }>('has_run');
    expect(yielded).toBeGreaterThanOrEqual(1_000);
    expect(yielded).toBeLessThanOrEqual(1_100);
    await lease.checkin();
  });

  it('is ahead by a mebibyte at most, however large the items', async () => {
    const pool = await readyPool(streams);
    const items = pool.stream<string>('count', [10 ** 9, 100_000], { highWaterMark: 1_000 });
    await items.next();
    const lease = pool.checkout();
    await items.return?.();
    const { yielded } = await (await lease).call<{ yielded: number }>('has_run');
    expect(yielded).toBeLessThan(16);
    await (await lease).checkin();
  });

  it('goes on as long as it is read, though its items are more than a mebibyte together', async () => {
    const pool = await readyPool(streams);
    const items = await collect(pool.stream<string>('count', [40, 100_000]));
    expect(items.map((item) => Number.parseInt(item, 10))).toEqual(numbers(40));
  });

  it('closes the generator when the loop is left, and the worker lives on', async () => {
    const pool = await readyPool(streams, { interrupt: true });
    const pid = await pool.call('pid');
    for (const name of ['count', 'count_later']) {
      for await (const number of pool.stream<number>(name)) if (number === 10) break;
    }
    expect(await pool.call('has_run')).toMatchObject({ closed: 2 });
    expect(await pool.call('pid')).toBe(pid);
    expect(pool.stats().calls.aborted).toBe(2);
  });

  it('throws an error of Python’s after the items before it', async () => {
    const pool = await readyPool(streams);
    const items = pool.stream('fails_after', [1_000]);
    expect((await items.next()).value).toBe(0);
    const got: unknown[] = [];
    const error = await failure(
      (async () => {
        for await (const item of items) got.push(item);
      })(),
    );
    expect(got).toEqual(numbers(1_000).slice(1));
    expect(error).toMatchObject({ code: 'ERR_PYTHON', message: expect.stringContaining('no more') });
    expect(await items.next()).toEqual({ value: undefined, done: true });
  });

  it('tells that its worker has died after the items before', async () => {
    const pool = await readyPool(streams);
    const got: unknown[] = [];
    const error = await failure(
      (async () => {
        for await (const item of pool.stream('dies_after', [10])) got.push(item);
      })(),
    );
    expect(got.length).toBeLessThanOrEqual(10);
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
  });

  it('ends at once for who aborts or runs out of time, wherever Python is', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(streams, { clock, interrupt: true });
    for (const way of ['abort', 'timeout']) {
      const gate = new Gate();
      const abort = new AbortController();
      const items = pool.stream('sleeps_after', [1, gate.path], { signal: abort.signal, timeoutMs: 50 });
      expect(await items.next()).toEqual({ value: 0, done: false });
      const next = failure(items.next());
      await gate.open();
      if (way === 'abort') abort.abort('enough');
      else clock.increment(50);
      expect(await next).toEqual(way === 'abort' ? 'enough' : expect.objectContaining({ code: 'ERR_CALL_TIMEOUT' }));
      expect(await items.next()).toEqual({ value: undefined, done: true });
    }
    expect(await pool.call('has_run')).toMatchObject({ closed: 2 });
  });

  it('asks for no worker before the first item is asked for', async () => {
    const pool = await readyPool(streams);
    const items = pool.stream('count', [1]);
    expect(pool.stats().calls.asked).toBe(0);
    expect(await items.next()).toEqual({ value: 0, done: false });
    const left = pool.stream('count', [1]);
    await left.return?.();
    expect(await left.next()).toEqual({ value: undefined, done: true });
    expect(pool.stats().calls.asked).toBe(1);
  });

  it('waits in the queue like a call, by its priority', async () => {
    const pool = await readyPool(streams, { interrupt: true });
    const gate = new Gate();
    const first = pool.stream('sleeps_after', [1, gate.path]);
    await first.next();
    const call = pool.call<{ yielded: number }>('has_run');
    const stream = collect(pool.stream('count', [3], { priority: 5 }));
    await first.return?.();
    expect(await stream).toEqual([0, 1, 2]);
    // The stream went before the call, which was there first.
    expect((await call).yielded).toBe(3);
  });

  it.each([0, 1.5, -1, 2_000_000, '7'])('refuses a highWaterMark of %s', async (highWaterMark) => {
    const pool = await readyPool(streams);
    const error = await failure(collect(pool.stream('count', [1], { highWaterMark: highWaterMark as number })));
    expect(error).toMatchObject({ code: 'ERR_OPTION' });
  });

  it('throws what a call would reject with: no such function, no such value', async () => {
    const pool = await readyPool(streams);
    expect(await failure(collect(pool.stream('nowhere')))).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    expect(await failure(collect(pool.stream('count', [Symbol('no value')])))).toMatchObject({ code: 'ERR_VALUE' });
    expect(await failure(collect(pool.stream('pid')))).toMatchObject({ code: 'ERR_VALUE' });
    expect(await failure(pool.call('count', [1]))).toMatchObject({
      code: 'ERR_VALUE',
      message: expect.stringContaining('stream()'),
    });
  });

  it('is what a generator of pool.py comes to', async () => {
    const pool = await readyPool<{ count(n: number): AsyncIterable<number>; pid(): number }>(streams);
    expect(await collect(pool.py.count(3))).toEqual([0, 1, 2]);
    const later = pool.py.count(2);
    expect(await pool.py.pid()).toEqual(expect.any(Number));
    expect(await collect(later)).toEqual([0, 1]);
  });

  it('lets several read at once, each item once', async () => {
    const pool = await readyPool(streams);
    const items = pool.stream('count', [6]);
    const results = await Promise.all(Array.from({ length: 8 }, () => items.next()));
    expect(results.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4, 5, undefined, undefined]);
  });

  it('tells one of several who read at once of an error, and the others that there is nothing more', async () => {
    const pool = await readyPool(streams);
    const items = pool.stream('fails_after', [0]);
    const results = await Promise.allSettled([items.next(), items.next()]);
    expect(results).toMatchObject([
      { status: 'rejected', reason: { code: 'ERR_PYTHON' } },
      { status: 'fulfilled', value: { done: true } },
    ]);
  });
});
