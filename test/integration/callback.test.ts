import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Pool, Session } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { latch } from '../support/latch.js';
import { collect, failure, fixtures, next, readyPool } from '../support/pool.js';

const callbacks = fixtures(import.meta.url)('callbacks.py');
const LANES = ['serial', 'asyncio', 'threads'] as const;
const numbers = (n: number) => Array.from({ length: n }, (_, index) => index);
function lockedStream(): ReadableStream {
  const stream = new ReadableStream();
  stream.getReader();
  return stream;
}

describe('a function among the arguments', () => {
  it.each(['apply', 'apply_later'])('is called by Python, and what it returns comes back: %s', async (name) => {
    const pool = await readyPool(callbacks);
    expect(await pool.call(name, [(a: number, b: number) => a + b, 1, 2])).toBe(3);
    expect(await pool.call(name, [async (a: number) => setImmediate({ a: [a] }), 1])).toEqual({ a: [1] });
    expect(await pool.call(name, [() => undefined])).toBe(null);
    expect(await pool.call(name, [(bytes: Uint8Array) => bytes, new Uint8Array([1, 2])])).toEqual(
      new Uint8Array([1, 2]),
    );
  });

  it('gets keyword arguments as an object, last', async () => {
    const pool = await readyPool(callbacks);
    const call = pool.call('apply', [(...args: unknown[]) => args, 1], { kwargs: { digits: 2 } });
    expect(await call).toEqual([1, { digits: 2 }]);
  });

  it.each(LANES)('is called many times at once by a coroutine, each with its own answer: %s', async (lane) => {
    const pool = await readyPool(callbacks, { lane });
    const square = async (n: number) => {
      for (let turn = 0; turn < n % 5; turn++) await setImmediate();
      return n * n;
    };
    expect(await pool.call('apply_all', [square, numbers(50)])).toEqual(numbers(50).map((n) => n * n));
  });

  it('throws in Python what it throws, and the caller gets the very error back if Python lets it through', async () => {
    const pool = await readyPool(callbacks);
    const thrown = Object.assign(new RangeError('too far'), { code: 'ERR_FAR' });
    const fails = () => {
      throw thrown;
    };
    expect(await pool.call('catches', [fails])).toEqual(['RangeError', 'too far', 'ERR_FAR']);
    const error = await failure(pool.call('apply', [fails]));
    expect(error).toMatchObject({ code: 'ERR_PYTHON', type: 'JavaScriptError' });
    expect(error.cause).toBe(thrown);
  });

  it('is refused what cannot cross, and throws that in Python', async () => {
    const pool = await readyPool(callbacks);
    expect(await pool.call('catches', [() => Symbol('no value')])).toMatchObject([
      'ValueRefusedError',
      expect.anything(),
      'ERR_VALUE',
    ]);
  });

  it('is of no use once the call is over, and says so', async () => {
    const pool = await readyPool(callbacks);
    await pool.call('keeps', [() => 1]);
    expect(await failure(pool.call('calls_kept'))).toMatchObject({
      code: 'ERR_PYTHON',
      message: expect.stringContaining('is over'),
    });
  });

  it('does not keep an aborted call: Python is cancelled where it waits for the answer', async () => {
    for (const name of ['apply', 'apply_later']) {
      const pool = await readyPool(callbacks);
      const abort = new AbortController();
      const called = new Promise<void>((resolve) => {
        const never = () => {
          resolve();
          return new Promise(() => {});
        };
        void failure(pool.call(name, [never], { signal: abort.signal }));
      });
      await called;
      abort.abort();
      expect(await pool.call('total', [[1, 2]])).toBe(3);
      expect(pool.stats().cancelled).toEqual({ kept: 1, killed: 0 });
    }
  });

  it('may call the pool itself', async () => {
    const pool = await readyPool(callbacks, { size: 2 });
    expect(await pool.call('apply', [(n: number) => pool.call('total', [[n, n]]), 4])).toBe(8);
  });
});

describe('an iterable among the arguments', () => {
  async function* later(n: number) {
    for (let number = 0; number < n; number++) {
      if (number % 100 === 0) await setImmediate();
      yield number;
    }
  }

  it.each(['total', 'total_later'])('is an iterator in Python: %s', async (name) => {
    const pool = await readyPool(callbacks);
    expect(await pool.call(name, [later(3_000)])).toBe((3_000 * 2_999) / 2);
    expect(await pool.call(name, [numbers(3_000).values()])).toBe((3_000 * 2_999) / 2);
    expect(await pool.call(name, [later(0)])).toBe(0);
  });

  it.each(LANES)('may be read where a coroutine stands, while a task of it waits for an answer: %s', async (lane) => {
    const pool = await readyPool(callbacks, { lane });
    const begun = moment();
    function* read() {
      begun.come();
      yield* numbers(500);
    }
    const answers = (n: number) => begun.comes.then(() => n + 1);
    expect(await pool.call('asks_and_sums', [answers, read()])).toEqual([124_750, 2]);
  });

  it('is read no further than Python has room for, and closed when the call is over', async () => {
    const pool = await readyPool(callbacks);
    let [read, closed] = [0, 0];
    function* endless() {
      try {
        for (;;) yield read++;
      } finally {
        closed += 1;
      }
    }
    expect(await pool.call('first', [endless(), 5])).toEqual([0, 1, 2, 3, 4]);
    expect(read).toBeLessThanOrEqual(257);
    expect(closed).toBe(1);
  });

  it.each(LANES)('is of no use once the call is over, and says so: %s', async (lane) => {
    const pool = await readyPool(callbacks, { lane });
    await pool.call('keeps', [later(3)]);
    expect(await failure(pool.call('reads_kept'))).toMatchObject({
      code: 'ERR_PYTHON',
      message: expect.stringContaining('is over'),
    });
    expect(await pool.call('total', [later(3)])).toBe(3);
  });

  it.each<[string, (giveUp: () => void, onClosed: () => void) => Iterable<number>]>([
    [
      'a generator that is read',
      function* (giveUp, onClosed) {
        try {
          giveUp();
          yield 1;
        } finally {
          onClosed();
        }
      },
    ],
    [
      'an iterator that is made',
      (giveUp, onClosed) => ({
        [Symbol.iterator]() {
          giveUp();
          return { next: () => ({ value: 1 }), return: () => ({ done: true, value: onClosed() }) };
        },
      }),
    ],
  ])('is closed, once, though it gives up its own call meanwhile: %s', async (_, made) => {
    const pool = await readyPool(callbacks);
    const abort = new AbortController();
    let closed = 0;
    const source = made(
      () => abort.abort('no more'),
      () => {
        closed += 1;
      },
    );
    expect(await failure(pool.call('total', [source], { signal: abort.signal }))).toBe('no more');
    await setImmediate();
    expect(closed).toBe(1);
    expect(await pool.call('total', [[1, 2]])).toBe(3);
  });

  it.each(LANES)('is read no further by a call that was given up, and its worker lives on: %s', async (lane) => {
    const calls = ['drains', 'drains_later'].flatMap((name) => [false, true].map((interrupt) => ({ name, interrupt })));
    for (const { name, interrupt } of calls) {
      const pool = await readyPool(callbacks, { lane, interrupt });
      const [asked, abort] = [moment(), new AbortController()];
      const never = () => {
        asked.come();
        return new Promise<never>(() => {});
      };
      const silent = { [Symbol.asyncIterator]: () => ({ next: never }) };
      const given = failure(pool.call(name, [silent], { signal: abort.signal }));
      await asked.comes;
      abort.abort('enough');
      expect(await given).toBe('enough');
      while (pool.stats().leases > 0) await setImmediate();
      expect(pool.stats().cancelled, name).toEqual({ kept: 1, killed: 0 });
    }
  });

  it('may give up, as it is closed, the call that waits behind it, and the lease goes back all the same', async () => {
    const pool = await readyPool(callbacks);
    const lease = await pool.checkout();
    const abort = new AbortController();
    const closing = onClose(() => abort.abort('no more'));
    const first = lease.call('first', [closing, 2]);
    const second = failure(lease.call('total', [[1]], { signal: abort.signal }));
    const over = lease.checkin();
    expect([await first, await second]).toEqual([[0, 1], 'no more']);
    await over;
    expect(pool.stats().leases).toBe(0);
    expect(await pool.call('total', [[1, 2]])).toBe(3);
  });

  it('may call by its lease, as it is closed since the worker has died, and is refused', async () => {
    const pool = await readyPool(callbacks);
    const lease = await pool.checkout();
    let last: Promise<unknown> | undefined;
    const closing = onClose(() => {
      last = failure(lease.call('total', [[1]]));
    });
    expect(await failure(lease.call('dies_with', [closing]))).toMatchObject({ code: 'ERR_WORKER_DIED' });
    expect(await last).toMatchObject({ code: 'ERR_LEASE_ENDED' });
    expect(pool.stats().calls.running).toBe(0);
  });

  function* onClose(run: () => void): Generator<number> {
    try {
      for (let number = 0; ; number++) yield number;
    } finally {
      run();
    }
  }

  it.each<[string, object]>([
    ['a stream that somebody reads already', lockedStream()],
    ['one that makes no iterator', { [Symbol.iterator]: () => undefined }],
    ['one that makes a promise of it', { [Symbol.asyncIterator]: async () => later(1) }],
  ])('raises in Python what its iterator is not made by, and the worker serves on: %s', async (_, iterable) => {
    const pool = await readyPool(callbacks);
    const [worker] = pool.workers();
    const error = await failure(pool.call('total', [iterable]));
    expect(error).toMatchObject({ code: 'ERR_PYTHON', cause: expect.any(TypeError) });
    expect(await pool.call('total', [[1, 2]])).toBe(3);
    expect(pool.workers()).toMatchObject([{ id: worker?.id, pid: worker?.pid }]);
  });

  it('gives each item as it was when it was yielded, though all are one object that its iterator changes', async () => {
    const pool = await readyPool(callbacks);
    function* same() {
      const row: { n: number; at?: Date } = { n: 0 };
      for (; row.n < 600; row.n += 1) yield row;
      row.at = new Date(0);
      for (; row.n < 610; row.n += 1) yield row;
    }
    expect(await pool.call('numbers_of', [same()])).toEqual(numbers(610));
  });

  it('is ahead by a mebibyte or so, however large its items', async () => {
    const pool = await readyPool(callbacks);
    let read = 0;
    function* large() {
      for (;;) {
        read += 1;
        yield 'x'.repeat(200_000);
      }
    }
    expect(await pool.call<string[]>('first', [large(), 20])).toHaveLength(20);
    expect(read).toBeLessThan(40);
  });

  it.each(LANES)('comes to each of several tasks that wait for an item, however large: %s', async (lane) => {
    const pool = await readyPool(callbacks, { lane });
    function* large() {
      for (;;) yield 'x'.repeat(1_100_000);
    }
    expect(await pool.call('lengths_at_once', [large(), 3])).toEqual([1_100_000, 1_100_000, 1_100_000]);
  });

  it('throws in Python what it throws, after the items before', async () => {
    const pool = await readyPool(callbacks);
    const broken = new Error('source is broken');
    function* breaks() {
      yield 1;
      yield 2;
      throw broken;
    }
    expect(await pool.call('first', [breaks(), 2])).toEqual([1, 2]);
    expect((await failure(pool.call('total', [breaks()]))).cause).toBe(broken);
  });

  it.each(['doubled', 'doubled_later'])('goes in while a stream comes out: %s', async (name) => {
    const pool = await readyPool(callbacks);
    expect(await collect(pool.stream(name, [later(2_000)]))).toEqual(numbers(2_000).map((n) => 2 * n));
    let read = 0;
    const endless = (function* () {
      for (;;) yield read++;
    })();
    for await (const number of pool.stream<number>(name, [endless], { highWaterMark: 10 })) if (number === 20) break;
    expect(read).toBeLessThan(1_000);
  });

  it('crosses items of every kind of value', async () => {
    const pool = await readyPool(callbacks);
    function* mixed() {
      yield new Uint8Array(3);
      yield new Map([[1, 2]]);
      yield 'four';
    }
    expect(await pool.call('lengths', [mixed()])).toEqual([3, 1, 4]);
  });

  it('that is what a function of `py` returned is called once, whether it had been called by then or not', async () => {
    const pool = await readyPool(callbacks, { size: 2 });
    let times = 0;
    const make = () => {
      times += 1;
      return [1, 2, 3];
    };
    const early = pool.py.apply!(make);
    await setImmediate();
    expect(await pool.call('total', [early])).toBe(6);
    expect(await pool.call('total', [pool.py.apply!(make)])).toBe(6);
    expect(times).toBe(2);
  });

  it('works together with a function and a stream', async () => {
    const pool = await readyPool(callbacks);
    const out = pool.stream('asks_and_streams', [(n: number) => n + 1, later(500)]);
    expect(await collect(out)).toEqual(numbers(501).slice(1));
  });
});

it.each(LANES)('a function or an iterable is for the thread of its call alone, and says so: %s', async (lane) => {
  const pool = await readyPool(callbacks, { lane });
  for (const given of [() => 1, numbers(3).values()]) {
    const said = await pool.call('use_elsewhere', [given]);
    expect(said).toEqual([expect.stringContaining('in the thread of its call alone')]);
  }
});

describe('progress()', () => {
  it('reaches onProgress, the last of it always', async () => {
    const pool = await readyPool(callbacks);
    const told: unknown[] = [];
    expect(await pool.call('works', [500], { onProgress: (progress) => told.push(progress) })).toBe(500);
    expect(told[0]).toEqual({ done: 1, total: 500, note: 'step 1' });
    expect(told.at(-1)).toEqual({ done: 500, total: 500, note: 'step 500' });
    expect(told.length).toBeLessThan(100);
    expect(await pool.call('works', [5])).toBe(5);
  });

  it.each([
    ['3', 'inf', { done: 3, total: null, note: '\u{1f600}' }],
    ['3', 'nan', { done: 3, total: null }],
    ['True', '2**53', { done: 1, total: 2 ** 53 }],
    ['2**60', '10**400', { done: 2 ** 60, total: null }],
    ['nan', '1', undefined],
    ['inf', 'inf', undefined],
    ["'1'", '1', undefined],
  ])('tells of %s of %s in numbers that JSON has a word for, or is refused there', async (done, total, expected) => {
    const pool = await readyPool(callbacks);
    const told: unknown[] = [];
    const wrong = await pool.call('tells', [done, total], { onProgress: (progress) => told.push(progress) });
    if (expected === undefined) expect([wrong, told]).toEqual([expect.stringContaining('`done` must be'), []]);
    else expect([wrong, told]).toEqual([null, [expect.objectContaining(expected)]]);
    expect(pool.stats().workers).toMatchObject({ idle: 1 });
    expect(await pool.call('works', [1])).toBe(1);
  });
});

describe('onProgress', () => {
  it('that is no function is refused at once', async () => {
    const pool = await readyPool(callbacks);
    const error = await failure(pool.call('works', [1], { onProgress: 'bar' as never }));
    expect(error).toMatchObject({ code: 'ERR_OPTION', message: expect.stringContaining('`onProgress`') });
  });
});

describe('a call made in a function that Python called', () => {
  it('is refused as well where the function returns it as it is, and it is made only as that is awaited', async () => {
    const pool = await readyPool<{ total(values: number[]): number }>(callbacks);
    const error = await failure<Error & { cause: object }>(pool.call('apply', [() => pool.py.total([1, 2])]));
    expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['apply', 'total'] });
  });

  it('is refused at once where no slot could ever serve it, with the chain of those who wait', async () => {
    const pool = await readyPool(callbacks);
    const inner = () => pool.call('total', [[1, 2]]);
    const error = await failure<Error & { cause: object }>(pool.call('apply', [inner]));
    expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['apply', 'total'] });
    expect(await inner()).toBe(3);
    expect(pool.stats()).toMatchObject({ waiting: 0, workers: { idle: 1 } });
  });

  it.each(['session', 'lease'])('is refused by a %s once it alone is left, and would wait for ever', async (what) => {
    const pool = await readyPool(callbacks, { size: 2 });
    const by = what === 'session' ? pool.session('ann') : await pool.checkout();
    const both = () => Promise.all([pool.call('total', [[1]]), by.call('total', [[2]])]);
    const error = await failure<Error & { cause: object }>(by.call('apply', [both]));
    expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['apply', 'total'] });
    expect(await by.call('total', [[1]])).toBe(1);
  });

  it('is not refused where the function asks for more as one of them ends, or returns', async () => {
    const pool = await readyPool(callbacks, { size: 2 });
    const session = pool.session('ann');
    let left: Promise<unknown> | undefined;
    const goesOn = async () => {
      const first = pool.call('total', [[1]]);
      left = session.call('total', [[2]]);
      await first;
      return pool.call('total', [[3]]);
    };
    expect(await session.call('apply', [goesOn])).toBe(3);
    expect(await left).toBe(2);
  });

  it('waits as any other once its function has returned', async () => {
    const pool = await readyPool(callbacks);
    const [gate, returned] = [new Gate(), moment()];
    let left: Promise<unknown> | undefined;
    const leaves = () => {
      left = returned.comes.then(() => pool.call('total', [[1, 2]]));
      return 1;
    };
    const outer = pool.call('apply_and_wait', [leaves, gate.path]);
    const go = await gate.reached();
    returned.come();
    await setImmediate();
    expect(pool.stats().waiting).toBe(1);
    await go();
    expect([await outer, await left]).toEqual([1, 3]);
  });

  it('waits as any other once its function has returned, though another of the same call has not', async () => {
    const pool = await readyPool(callbacks);
    const returned = moment();
    let left: Promise<unknown> | undefined;
    const { outer, other } = await goingOn(pool, () => {
      left = returned.comes.then(() => pool.call('total', [[1, 2]]));
    });
    returned.come();
    await setImmediate();
    expect(pool.stats().waiting).toBe(1);
    other.come();
    expect([await outer, await left]).toEqual([[0, 1], 3]);
  });

  it('holds up nobody that was made by a function which has returned', async () => {
    const pool = await readyPool(callbacks, { size: 2 });
    const [begun, asks] = [moment(), moment()];
    const waits = () => {
      begun.come();
      return asks.comes.then(() => pool.call('total', [[5]]));
    };
    const beside = pool.call('apply', [waits]);
    await begun.comes;
    let left: Promise<unknown> | undefined;
    const { outer, other } = await goingOn(pool, () => {
      left = pool.call('total', [[1, 2]]);
    });
    asks.come();
    await setImmediate();
    expect(pool.stats().waiting).toBe(2);
    other.come();
    expect(await Promise.all([outer, left, beside])).toEqual([[0, 1], 3, 5]);
  });

  it('waits as any other if the call of its function was given up', async () => {
    const pool = await readyPool(callbacks);
    const [gate, called, givenUp, abort] = [new Gate(), moment(), moment(), new AbortController()];
    let inner: Promise<unknown> | undefined;
    const never = () => {
      inner = givenUp.comes.then(() => pool.call('total', [[1, 2]]));
      called.come();
      return new Promise(() => {});
    };
    const outer = failure(pool.call('apply_and_wait', [never, gate.path], { signal: abort.signal }));
    await called.comes;
    abort.abort('enough');
    expect(await outer).toBe('enough');
    givenUp.come();
    await setImmediate();
    expect(pool.stats().waiting).toBe(1);
    await gate.open();
    expect(await inner).toBe(3);
  });

  it('is refused only when the last slot waits too, and the others go on', async () => {
    const pool = await readyPool(callbacks, { size: 2 });
    const deep = (depth: number): Promise<unknown> =>
      depth === 0 ? pool.call('total', [[1]]) : pool.call('apply', [() => deep(depth - 1)]);
    expect(await deep(1)).toBe(1);
    const error = (await failure(deep(2))) as { cause?: unknown };
    let last = error;
    while (last.cause !== undefined) last = last.cause as { cause?: unknown };
    expect(last).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['apply', 'apply', 'total'] });
  });

  it('waits where a slot will come free, whoever holds it', async () => {
    const pool = await readyPool(callbacks, { size: 2 });
    const lease = await pool.checkout();
    const both = pool.call('apply', [
      async () => {
        const waiting = pool.call('total', [[1, 2]]);
        await setImmediate();
        await lease.checkin();
        return waiting;
      },
    ]);
    expect(await both).toBe(3);
  });

  it('is refused under the lease and in the strict session of the call it was made in', async () => {
    const pool = await readyPool(callbacks, { size: 2 });
    const lease = await pool.checkout();
    const session = pool.session('ann');
    for (const caller of [lease, session]) {
      const error = await failure<Error & { cause: object }>(caller.call('apply', [() => caller.call('total', [[1]])]));
      expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['apply', 'total'] });
      expect(await caller.call('total', [[1]])).toBe(1);
    }
    await lease.checkin();
  });

  it('is refused where another call of its session is to meet a worker first, and cannot', async () => {
    const pool = await readyPool(callbacks);
    const session = pool.session('ann');
    for (const ask of [() => session.call('total', [[1]]), () => session.checkout()]) {
      const outer = failure<Error & { cause: object }>(pool.call('apply', [ask]));
      const first = session.call('total', [[1, 2]]);
      const chain = ['apply', expect.stringMatching(/^(total|checkout\(\))$/)];
      expect((await outer).cause).toMatchObject({ code: 'ERR_DEADLOCK', chain });
      expect(await first).toBe(3);
      await session.end();
    }
  });

  it('counts as one that waits for any worker once the state of its session is to be built anew', async () => {
    const pool = await readyPool(callbacks, { size: 2 });
    const session = pool.session('ann', { onLost: () => {} });
    const [met, other] = [await session.checkout(), await pool.checkout()];
    const { pid } = pool.workers().find(({ worker }) => worker === met.worker) as { pid: number };
    await met.checkin();
    const lease = await pool.checkout();
    expect(lease.worker).toBe(met.worker);
    await other.checkin();
    let outer: Promise<unknown> | undefined;
    await new Promise<void>((resolve) => {
      outer = pool.call('apply', [
        () => {
          const inner = session.call('total', [[1, 2]]);
          resolve();
          return inner;
        },
      ]);
    });
    const inner = () => pool.call('total', [[1]]);
    const last = failure<Error & { cause: object }>(pool.call('apply', [inner], { priority: 100 }));
    process.kill(pid, 'SIGKILL');
    expect((await last).cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['apply', 'total'] });
    expect(await outer).toBe(3);
  });

  it('is refused in the `onLost` of its own session, and below a call of that', async () => {
    const pool = await readyPool(callbacks, { size: 2 });
    const session: Session = pool.session('ann', {
      onLost: (lease) => lease.call('apply', [() => session.call('total', [[1]])]),
    });
    await killWorkerOf(session, pool);
    const error = await failure<Error & { cause: object }>(session.call('total', [[2]]));
    expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['onLost', 'apply', 'total'] });
  });

  it('is refused in an `onLost` where that and what waits for it hold all workers', async () => {
    const pool = await readyPool(callbacks, { size: 2 });
    const session = pool.session('ann', { onLost: () => pool.call('total', [[1]]) });
    await killWorkerOf(session, pool);
    const outer = failure<Error & { cause: object }>(pool.call('apply', [() => session.call('total', [[2]])]));
    expect((await outer).cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['onLost', 'total'] });
  });

  it('is refused a lease, or items of an iterable, that cannot be had', async () => {
    const pool = await readyPool(callbacks);
    const checkout = await failure<Error & { cause: object }>(pool.call('apply', [() => pool.checkout()]));
    expect(checkout.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['apply', 'checkout()'] });
    async function* rows() {
      yield await pool.call('total', [[1]]);
    }
    const stream = await failure<Error & { cause: object }>(pool.call('total', [rows()]));
    expect(stream.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['total', 'total'] });
  });
});

describe('a function in which the end of what its own call runs in is begun', () => {
  const ends = { 'checkin()': ofLease, 'session.end()': ofSession, 'drain()': ofPool };
  const all = Object.entries<typeof ofLease>(ends);

  it.each(all)('is told that it would await it for ever, and it comes after the call: %s', async (name, opened) => {
    const { by, end, isOver } = await opened(await readyPool(callbacks));
    const error = await failure<Error & { cause: object }>(by.call('apply', [end]));
    expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['apply', name] });
    await setImmediate();
    expect(isOver()).toBe(true);
  });

  it.each(all)('may go on without it, and whoever awaits it elsewhere hears of it: %s', async (_, opened) => {
    const { by, end, isOver } = await opened(await readyPool(callbacks));
    let over: Promise<void> | undefined;
    const returns = () => {
      over = end();
      return 1;
    };
    expect(await by.call('apply', [returns])).toBe(1);
    expect([await over, isOver()]).toEqual([undefined, true]);
  });

  it.each(all)('may have more to do, and need not hear of it: %s', async (_, opened) => {
    const { by, end, isOver } = await opened(await readyPool(callbacks));
    const goesOn = async () => {
      void end();
      await setImmediate();
      await setImmediate();
      return 1;
    };
    expect(await by.call('apply', [goesOn])).toBe(1);
    await setImmediate();
    expect(isOver()).toBe(true);
  });

  it.each([true, false])(
    'is told so of another pool, a call of which waits for a worker of this one (first: %s)',
    async (isFirst) => {
      const [pool, other] = await Promise.all([readyPool(callbacks), readyPool(callbacks)]);
      const [isIn, go, isAsked] = [latch(), latch(), latch()];
      const asks = async () => {
        isIn.open();
        await go.opened;
        const answer = pool.call('total', [[1, 2]]);
        isAsked.open();
        return answer;
      };
      const asking = other.call('apply', [asks]).catch((error) => error.cause.code);
      const ends = async () => {
        await isIn.opened;
        if (isFirst) {
          go.open();
          await isAsked.opened;
        }
        const drained = other.drain();
        go.open();
        await drained;
      };
      const ended = pool.call('apply', [ends]).catch((error) => error.cause.code);
      expect(await Promise.all([ended, asking])).toEqual(isFirst ? ['ERR_DEADLOCK', 3] : [null, 'ERR_DEADLOCK']);
      await other.drain();
    },
  );

  it('is told so of a session by whose lease its call runs, or a call above it', async () => {
    const pool = await readyPool(callbacks, { size: 2 });
    const session = pool.session('ann');
    const lease = await session.checkout();
    const below = () => pool.call('apply', [() => session.end()]);
    let last = (await failure(lease.call('apply', [below]))) as { cause?: unknown };
    while (last.cause !== undefined) last = last.cause as { cause?: unknown };
    expect(last).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['apply', 'apply', 'session.end()'] });
    expect(pool.stats().sessions).toBe(1);
    await lease.checkin();
    await setImmediate();
    expect(pool.stats().sessions).toBe(0);
  });

  it('is told so as well where the last call of the lease was given up in the line behind its own', async () => {
    const pool = await readyPool(callbacks, { slots: 2 });
    const lease = await pool.checkout();
    const ends = async () => {
      await failure(lease.call('total', [[1]]));
      await lease.checkin();
    };
    const error = await failure<Error & { cause: object }>(pool.call('apply', [ends]));
    expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['apply', 'checkin()'] });
    await lease.checkin();
    expect(pool.stats().leases).toBe(0);
  });

  it('waits where the call that has to end goes on by itself', async () => {
    const pool = await readyPool(callbacks, { size: 2 });
    const [lease, other] = [await pool.checkout(), moment()];
    const running = lease.call('apply', [() => other.comes]);
    const waits = () => {
      setTimeout(other.come, 10);
      return lease.checkin();
    };
    expect(await pool.call('apply', [waits])).toBe(null);
    expect(await running).toBe(null);
  });

  /** Something by which a call can be made, and its end. */
  async function ofLease(pool: Pool): Promise<{ by: Pick<Pool, 'call'>; end(): Promise<void>; isOver(): boolean }> {
    const lease = await pool.checkout();
    return { by: lease, end: () => lease.checkin(), isOver: () => lease.ended === 'checked-in' };
  }

  async function ofSession(pool: Pool) {
    const session = pool.session('ann');
    return { by: session, end: () => session.end(), isOver: () => pool.stats().sessions === 0 };
  }

  async function ofPool(pool: Pool) {
    return { by: pool, end: () => pool.drain(), isOver: () => pool.stats().state === 'drained' };
  }
});

describe('with several slots', () => {
  it('functions, iterables and streams go on although other calls wait in the line', async () => {
    const pool = await readyPool(callbacks, { slots: 3 });
    const both = Promise.all([
      pool.call('apply_all', [async (n: number) => n + 1, numbers(20)]),
      collect(pool.stream('doubled', [numbers(1_000).values()], { highWaterMark: 10 })),
      pool.call('total', [numbers(500).values()]),
      pool.call('total', [[1, 2, 3]]),
    ]);
    expect(await both).toEqual([numbers(21).slice(1), numbers(1_000).map((n) => 2 * n), (500 * 499) / 2, 6]);
  });
});

/** A call of which one function has returned, once it has done `leave`, and another goes on until `other` comes. */
async function goingOn(pool: Pool, leave: () => void) {
  const [called, other] = [moment(), moment()];
  const runs = async (n: number) => {
    if (n === 0) {
      leave();
      return 0;
    }
    called.come();
    await other.comes;
    return 1;
  };
  const outer = pool.call('apply_all', [runs, [0, 1]]);
  await called.comes;
  await setImmediate();
  return { outer, other };
}

/** Something that comes when the test says so. */
function moment() {
  let come!: () => void;
  const comes = new Promise<void>((resolve) => {
    come = resolve;
  });
  return { come, comes };
}

/** Has the session meet a worker, and kills that. */
async function killWorkerOf(session: Session, pool: Pool): Promise<void> {
  const met = await session.checkout();
  const { pid } = pool.workers().find(({ worker }) => worker === met.worker) as { pid: number };
  await met.checkin();
  const dead = next(pool, 'worker.dead');
  process.kill(pid, 'SIGKILL');
  await dead;
}
