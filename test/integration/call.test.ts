import { describe, expect, it } from 'vitest';
import { kw } from '../../src/index.js';
import { failure, fixtures, readyPool, startPool } from '../support/pool.js';
import { workersOf } from '../support/processes.js';

const app = fixtures(import.meta.url)('app.py');

describe('a call', () => {
  it('returns what the Python function returns', async () => {
    const pool = startPool(app);
    expect(await pool.call('add', [1, 2])).toBe(3);
    expect(await pool.call('echo', ['grüß dich 🐍'])).toBe('grüß dich 🐍');
    expect(await pool.call('text.shout', ['quietly'])).toBe('QUIETLY');
  });

  it('waits for a worker that is still booting', async () => {
    const pool = startPool(app);
    expect(pool.stats().state).toBe('starting');
    expect(await pool.call('add', [1, 2])).toBe(3);
  });

  it('runs an async def to its end', async () => {
    const pool = startPool(app);
    expect(await pool.call('later', ['soon'])).toBe('soon');
  });

  it('runs in another process, one for each worker', async () => {
    const pool = await readyPool(app, { size: 2 });
    const first = await pool.checkout();
    const second = await pool.checkout();
    const pids = [await first.call<number>('pid'), await second.call<number>('pid')];
    expect(new Set(pids).size).toBe(2);
    expect(workersOf(process.pid).sort()).toEqual([...pids].sort());
  });

  it('returns null for None, and takes none of the arguments for granted', async () => {
    const pool = startPool(app);
    expect(await pool.call('echo', [null])).toBeNull();
    expect(await pool.call('signature')).toEqual({ args: [], kwargs: {} });
    expect(await pool.call('signature', [1, undefined, undefined])).toEqual({ args: [1], kwargs: {} });
  });

  it('has its arguments fixed when it is made, so that changing them later changes nothing', async () => {
    const pool = startPool(app);
    const rows = [1, 2];
    const answer = pool.call('echo', [rows]);
    rows.push(3);
    expect(await answer).toEqual([1, 2]);
  });

  it('is answered each for itself, however many are made at once', async () => {
    const pool = startPool(app, { size: 2 });
    const numbers = Array.from({ length: 200 }, (_, index) => index);
    expect(await Promise.all(numbers.map((number) => pool.call('echo', [number])))).toEqual(numbers);
  });

  it('refuses a name that is none and arguments that are no array, with ERR_OPTION', async () => {
    const pool = startPool(app);
    expect(await failure(pool.call(7 as never))).toMatchObject({ code: 'ERR_OPTION', option: 'name' });
    expect(await failure(pool.call('add', 7 as never))).toMatchObject({ code: 'ERR_OPTION', option: 'args' });
    for (const priority of [101, -101, 0.5, Number.NaN, '1']) {
      const refused = await failure(pool.call('add', [1, 2], { priority: priority as never }));
      expect(refused).toMatchObject({ code: 'ERR_OPTION', option: 'priority' });
    }
    for (const timeoutMs of [-1, Number.NaN, '5']) {
      const refused = await failure(pool.call('add', [1, 2], { timeoutMs: timeoutMs as never }));
      expect(refused).toMatchObject({ code: 'ERR_OPTION', option: 'timeoutMs' });
    }
    expect(await failure(pool.call('add', [1, 2], { signal: {} as never }))).toMatchObject({ option: 'signal' });
    // A mistyped one would be no limit at all.
    const mistyped = { timeout: 5 } as object;
    expect(await failure(pool.call('add', [1, 2], mistyped))).toMatchObject({ code: 'ERR_OPTION', option: 'timeout' });
    expect(await pool.call('add', [1, 2], { timeoutMs: Number.POSITIVE_INFINITY })).toBe(3);
  });
});

describe('keyword arguments', () => {
  it('come by kw() as the last argument', async () => {
    const pool = startPool(app);
    expect(await pool.call('greet', ['Ann', kw({ greeting: 'Bye', mark: '.' })])).toBe('Bye, Ann.');
    expect(await pool.call('signature', [kw({ only: 1 })])).toEqual({ args: [], kwargs: { only: 1 } });
  });

  it('come by the option, and both join', async () => {
    const pool = startPool(app);
    expect(await pool.call('greet', ['Ann'], { kwargs: { greeting: 'Bye' } })).toBe('Bye, Ann!');
    expect(await pool.call('greet', ['Ann', kw({ mark: '?' })], { kwargs: { greeting: 'Bye' } })).toBe('Bye, Ann?');
  });

  it('are refused when one comes twice, with ERR_OPTION', async () => {
    const pool = startPool(app);
    const refused = await failure(pool.call('greet', ['Ann', kw({ mark: '?' })], { kwargs: { mark: '!' } }));
    expect(refused).toMatchObject({ code: 'ERR_OPTION', option: 'kwargs.mark' });
  });

  it('may have the names of what is in every object, and pollute nothing', async () => {
    const pool = startPool(app);
    const kwargs = JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"self":2,"name":3,"session":4,"id":5}');
    const told = await pool.call<{ kwargs: object }>('signature', [], { kwargs });
    expect(Object.entries(told.kwargs)).toEqual(Object.entries(kwargs));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('pool.py', () => {
  interface App {
    add(a: number, b: number): number;
    greet(name: string): string;
    text: { shout(text: string): string };
  }

  it('calls the same functions as methods, with dots for modules and kw() for keywords', async () => {
    const pool = startPool<App>(app);
    expect(await pool.py.add(1, 2)).toBe(3);
    expect(await pool.py.text.shout('quietly')).toBe('QUIETLY');
    expect(await pool.py.greet('Ann', kw({ greeting: 'Bye' }))).toBe('Bye, Ann!');
  });

  it('is there for leases and sessions too', async () => {
    const pool = startPool<App>(app, { size: 2 });
    const lease = await pool.checkout();
    expect(await lease.py.add(1, 2)).toBe(3);
    expect(await pool.session('ann').py.add(3, 4)).toBe(7);
  });

  it('is no promise, so that returning it from an async function calls nothing', async () => {
    const pool = startPool<App>(app);
    const { py } = await (async () => ({ py: pool.py }))();
    const same = await (async () => py)();
    expect(await same.add(1, 2)).toBe(3);
    expect(pool.stats().calls.asked).toBe(1);
  });
});
