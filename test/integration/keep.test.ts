import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type KeptFunction, keep, type Lease, type PythonError } from '../../src/index.js';
import { collect, failure, fixtures, readyPool } from '../support/pool.js';

const kept = fixtures(import.meta.url)('kept.py');
const double = (n: number) => 2 * n;

describe.each(['serial', 'asyncio', 'threads'] as const)('a kept function in the lane %s', (lane) => {
  const ready = () => readyPool(kept, { lane, slots: lane === 'serial' ? 1 : 3 });
  async function leased(): Promise<Lease> {
    return (await ready()).checkout();
  }

  it.each(['hold', 'hold_later'])('is called by later calls of its lease, plain ones too: %s', async (hold) => {
    const lease = await leased();
    await lease.call(hold, [keep(double)]);
    for (const n of [1, 2]) expect(await lease.call('use', [n])).toBe(2 * n);
    expect(await lease.call('use_later', [3])).toBe(6);
    expect(await lease.call('use_all', [30])).toEqual(Array.from({ length: 30 }, (_, n) => 2 * n));
    expect(await collect(lease.stream('rows', [20]))).toEqual(Array.from({ length: 20 }, (_, n) => 2 * n));
    expect(await collect(lease.stream('rows_later', [20]))).toHaveLength(20);
    await lease.checkin();
  });

  it('gets what it is called with, and is answered, as any other', async () => {
    const lease = await leased();
    const seen: unknown[] = [];
    await lease.call('hold', [
      keep(async (...args: unknown[]) => {
        seen.push(...args);
        await setImmediate();
        return new Map([[1, new Uint8Array(2)]]);
      }),
    ]);
    const answer = await lease.call('use', [new Uint8Array([1]), new Date(0)], { kwargs: { digits: 2 } });
    expect(seen).toEqual([new Uint8Array([1]), new Date(0), { digits: 2 }]);
    expect(answer).toEqual(new Map([[1, new Uint8Array(2)]]));
  });

  it('is one object in Python, however often one lease sends it, and wherever in a value', async () => {
    const lease = await leased();
    const [one, other] = [keep(double), keep(double)];
    expect(await lease.call('hold', [one])).toBe(false);
    expect(await lease.call('hold', [one])).toBe(true);
    expect(await lease.call('hold', [other])).toBe(false);
    expect(await lease.call('hold_in', [{ on: [one, one] }])).toBe(true);
    expect(await lease.call('hold_in', [{ on: [one, other] }])).toBe(false);
    expect(await lease.call('shown')).toMatch(/^<kept function \d+ of Node's>$/);
  });

  it('goes together with functions, iterables and streams of the call that uses it', async () => {
    const lease = await leased();
    await lease.call('hold', [keep(double)]);
    expect(await lease.call('both', [(n: number) => n + 1, [1, 2, 3].values()])).toEqual([3, 5, 7]);
  });

  it('throws in Python what it throws, and the caller of that call gets the very error', async () => {
    const lease = await leased();
    const thrown = Object.assign(new RangeError('too far'), { code: 'ERR_FAR' });
    await lease.call('hold', [
      keep(() => {
        throw thrown;
      }),
    ]);
    expect(await lease.call('catches')).toEqual(['RangeError', 'too far', 'ERR_FAR']);
    for (const name of ['use', 'use_later']) {
      const error = await failure<PythonError>(lease.call(name));
      expect(error.type).toBe('JavaScriptError');
      expect(error.cause).toBe(thrown);
    }
  });

  it('says that it was released, in Python and where it is sent', async () => {
    const lease = await leased();
    const released = keep(double);
    await lease.call('hold', [released]);
    released.release();
    released.release();
    const [type, text] = await lease.call<string[]>('fails_with', [1]);
    expect(type).toBe('RuntimeError');
    expect(text).toContain('Node has released it');
    for (const caller of [lease, lease.with({})]) {
      const error = await failure(caller.call('hold', [[released]]));
      expect(error).toMatchObject({ code: 'ERR_FUNCTION_RELEASED' });
      expect(error.message).toContain('`args[0][0]` in the call of "hold"');
    }
    {
      using shortly = keep(double);
      await lease.call('hold', [shortly]);
      expect(await lease.call('use', [4])).toBe(8);
    }
    expect(await lease.call('fails_with', [1])).toEqual([type, text]);
  });

  it('that is released while Python runs raises at its next call there', async () => {
    const lease = await leased();
    const once: KeptFunction = keep(() => once.release());
    await lease.call('hold', [once]);
    const [first, , text] = await lease.call<[null, string, string]>('use_twice');
    expect(first).toBe(null);
    expect(text).toContain('released');
  });

  it('that is released before its call is sent fails that call, which was never started', async () => {
    const lease = await leased();
    await lease.call('hold', [keep(double)]);
    const late = keep(double);
    const first = lease.call('nothing');
    const second = failure(lease.call('hold', [late]));
    late.release();
    await first;
    expect(await second).toMatchObject({ code: 'ERR_FUNCTION_RELEASED' });
    expect(await lease.call('use', [1])).toBe(2);
  });

  it('is of no use when its lease is over, and may be sent again by another', async () => {
    const pool = await ready();
    const [first, function_] = [await pool.checkout(), keep(double)];
    const { id } = first;
    await first.call('hold', [function_]);
    await first.checkin();
    const second = await pool.checkout();
    const [, text] = await second.call<string[]>('fails_with', [1]);
    expect(text).toContain(`lease ${id} is over`);
    expect(await second.call('hold', [function_])).toBe(false);
    expect(await second.call('use', [5])).toBe(10);
    expect(await second.call('known')).toEqual([1, 1]);
    await second.checkin();
  });

  it('is for the calls of its lease alone, in the thread of the call', async () => {
    const pool = await ready();
    const lease = await pool.checkout();
    await lease.call('hold', [keep(double)]);
    const [type, text] = await lease.call<string[]>('in_a_thread');
    expect([type, text]).toEqual(['RuntimeError', expect.stringContaining('in the thread of that call')]);
    if (lane !== 'serial') {
      expect(await pool.call('fails_with', [1])).toEqual([
        'RuntimeError',
        expect.stringContaining('no call of that runs here'),
      ]);
    }
    expect(await lease.call('use', [1])).toBe(2);
  });

  it('lives as long as the session by which it was sent, across its calls', async () => {
    const pool = await ready();
    const session = pool.session('ann');
    await session.call('hold', [keep(double)]);
    expect(await session.call('use', [1])).toBe(2);
    expect(await pool.call('fails_with', [1])).toEqual(['RuntimeError', expect.stringContaining("the session 'ann'")]);
    const lease = await session.checkout();
    expect((await lease.call<string[]>('fails_with', [1]))[1]).toContain('no call of that runs here');
    await lease.checkin();
    expect(await session.call('use_later', [2])).toBe(4);
    await session.end();
    expect((await pool.session('ann').call<string[]>('fails_with', [1]))[1]).toContain("the session 'ann' is over");
  });

  it('is a function for that call alone where there is neither', async () => {
    const pool = await ready();
    const function_ = keep(double);
    expect(await pool.call('both', [function_, []])).toEqual([]);
    expect(await pool.call('hold', [function_])).toBe(false);
    expect((await pool.call<string[]>('fails_with', [1]))[1]).toContain('is over, and the function with it');
    function_.release();
    expect(await failure(pool.call('hold', [function_]))).toMatchObject({ code: 'ERR_FUNCTION_RELEASED' });
  });

  it('may call the pool, whose calls are known as children of the call that uses it', async () => {
    const pool = await ready();
    const lease = await pool.checkout();
    await lease.call('hold', [keep(() => lease.call('nothing'))]);
    const error = await failure<Error & { cause: object }>(lease.call('use'));
    expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['use', 'nothing'] });
    if (lane !== 'serial') {
      await lease.call('hold', [keep((n: number) => pool.call('nothing').then(() => n))]);
      expect(await lease.call('use_later', [7])).toBe(7);
    }
  });

  it('ends with a call that is given up while it runs, and serves the next', async () => {
    const lease = await leased();
    let onCalled: (() => void) | undefined;
    await lease.call('hold', [
      keep(() => {
        if (onCalled === undefined) return 'next';
        onCalled();
        onCalled = undefined;
        return new Promise(() => {});
      }),
    ]);
    for (const name of ['use', 'use_later']) {
      const called = new Promise<void>((resolve) => {
        onCalled = resolve;
      });
      const abort = new AbortController();
      const given = failure(lease.call(name, [], { signal: abort.signal }));
      await called;
      abort.abort();
      expect((await given).name).toBe('AbortError');
      expect(await lease.call(name)).toBe('next');
    }
  });

  it.each(['use', 'use_later'])(
    'is called anew by another attempt, and answers the one before no more: %s',
    async (use) => {
      const session = (await ready()).session('ann', { affinity: 'hint' });
      const answers: ((value: unknown) => void)[] = [];
      const asked = () =>
        new Promise((resolve) => {
          answers.push(resolve);
          // The first is answered behind the second, as soon as that has come.
          if (answers.length === 2) for (const [index, answer] of answers.entries()) answer(`answer ${index}`);
          if (answers.length > 2) resolve(`answer ${answers.length - 1}`);
        });
      await session.call('hold', [keep(asked)]);
      const call = session.call(use, [], { idempotent: true, attemptTimeoutMs: 500 });
      expect(await call).toMatch(/^answer [12]$/);
    },
  );

  it('that was called as its attempt was given up harms nobody', async () => {
    const session = (await ready()).session('ann', { affinity: 'hint' });
    await session.call('hold', [keep(double)]);
    const call = session.call('use', [2], { idempotent: true, attemptTimeoutMs: 1_000 });
    // Python calls it meanwhile, and Node sees first that the time is up.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    expect(await call).toBe(4);
  });

  it('gets handles of objects, and lets go of them with the lease', async () => {
    const lease = await leased();
    const seen: unknown[] = [];
    await lease.call('hold', [keep((model: unknown) => void seen.push(String(model)))]);
    expect(await lease.call('give_model')).toBe(true);
    expect(seen).toEqual(['handle of Model']);
  });

  it('that is released as Python calls it keeps none of the objects that it was to get', async () => {
    const session = (await ready()).session('ann');
    const once: KeptFunction = keep(() => once.release());
    await session.call('hold', [once]);
    expect(await session.call('give_models')).toContain('released');
    // The first was given to it, and lives as long as the session.
    expect(await session.call('models')).toBe(1);
  });

  it('leaves nothing behind, however many are kept and released under one lease', async () => {
    const lease = await leased();
    const stays = keep(double);
    await lease.call('hold', [stays, 'stays']);
    const calls = [];
    for (let n = 0; n < 10_000; n++) {
      const one = keep(double);
      calls.push(lease.call('hold', [one]).then(() => one.release()));
      if (calls.length === 500) await Promise.all(calls.splice(0));
    }
    await Promise.all(calls);
    expect(await lease.call('known')).toEqual([1, 1]);
    expect(await lease.call('use', [2], { kwargs: { name: 'stays' } })).toBe(4);
  }, 60_000);
});

describe('keep()', () => {
  it('refuses what is no function', () => {
    for (const value of [undefined, null, 'f', {}]) {
      expect(() => keep(value as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
    }
  });

  it('gives a function that does the same in Node, until it is released', () => {
    const one = keep(double);
    expect(one(4)).toBe(8);
    one[Symbol.dispose]();
    expect(() => one(4)).toThrow('was released');
  });

  it('is lost with its worker, and may be sent to the next', async () => {
    const pool = await readyPool(kept);
    const function_ = keep(double);
    const session = pool.session('ann', { affinity: 'hint' });
    await session.call('hold', [function_]);
    expect(await failure(pool.call('dies'))).toMatchObject({ code: 'ERR_WORKER_DIED' });
    await session.call('hold', [function_]);
    expect(await session.call('use', [1])).toBe(2);
  });
});
