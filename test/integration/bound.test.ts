import { getEventListeners } from 'node:events';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import { Gate } from '../support/gate.js';
import { collect, failure, fixtures, readyPool } from '../support/pool.js';

const app = fixtures(import.meta.url)('app.py');

describe('with()', () => {
  it('binds a signal to every call, checkout, session and map of the pool it returns', async () => {
    const pool = await readyPool(app);
    const abort = new AbortController();
    const bound = pool.with({ signal: abort.signal });
    const session = bound.session('ann');
    const lease = await bound.checkout();
    expect(await lease.call('echo', [1])).toBe(1);
    const waiting = [
      failure(bound.call('echo', [1])),
      failure(bound.checkout()),
      failure(session.call('echo', [1])),
      failure(session.checkout()),
      failure(collect(bound.map('echo', [1]))),
    ];
    abort.abort('all of it');
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 5 }, () => 'all of it'));
    expect(await failure(lease.call('echo', [1]))).toBe('all of it');
    await lease.checkin();
    expect(await pool.call('echo', ['not bound'])).toBe('not bound');
  });

  it('binds a budget, a priority and keyword arguments, and what is given with a call wins', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock });
    const polite = pool.with({ kwargs: { greeting: 'Good day' } });
    expect(await polite.call('greet', ['Ann'])).toBe('Good day, Ann!');
    expect(await polite.call('greet', ['Ann'], { kwargs: { greeting: 'Hi' } })).toBe('Hi, Ann!');
    expect(await polite.with({ timeoutMs: 5 }).call('greet', ['Bob'])).toBe('Good day, Bob!');

    const gate = new Gate();
    const blocking = pool.call('wait_at', [gate.path, 'done']);
    const go = await gate.reached();
    const urgent = pool.with({ priority: 10, timeoutMs: 1_000 });
    const calls = [pool.call('note', ['normal']), urgent.call('note', ['urgent'])];
    const impatient = failure(urgent.call('note', ['never'], { timeoutMs: 10 }));
    const checkout = failure(urgent.with({ timeoutMs: 20 }).checkout());
    clock.increment(10);
    expect(await impatient).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', waitedMs: 10 });
    clock.increment(10);
    expect(await checkout).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', waitedMs: 20 });
    await go();
    await Promise.all([blocking, ...calls]);
    expect(await pool.call('noted')).toEqual(['urgent', 'normal']);
  });

  it('counts a signal bound and one given with a call both', async () => {
    const pool = await readyPool(app);
    const [one, other] = [new AbortController(), new AbortController()];
    const bound = pool.with({ signal: one.signal });
    await using _ = await pool.checkout();
    const first = failure(bound.call('echo', [1], { signal: other.signal }));
    other.abort('the given one');
    expect(await first).toBe('the given one');
    const second = failure(bound.call('echo', [1], { signal: new AbortController().signal }));
    one.abort('the bound one');
    expect(await second).toBe('the bound one');
  });

  it('counts all of them for a checkout and a map as well, and listens to none any longer', async () => {
    const pool = await readyPool(app);
    await using _ = await pool.checkout();
    const [one, other, given] = [new AbortController(), new AbortController(), new AbortController()];
    const listeners = () => [one, other, given].map(({ signal }) => getEventListeners(signal, 'abort').length);
    const bound = pool.with({ signal: one.signal }).with({ signal: other.signal, timeoutMs: 60_000 });
    const { signal } = given;
    const waiting = [
      failure(bound.call('echo', [1], { signal })),
      failure(bound.checkout({ signal })),
      failure(collect(bound.map('echo', [1], { signal }))),
      // Its items are calls by themselves.
      failure(collect(bound.map('echo', [1], { signal, idempotent: true }))),
    ];
    expect(listeners()).toEqual([1, 1, 1]);
    other.abort('enough');
    expect(await Promise.all(waiting)).toEqual(Array.from(waiting, () => 'enough'));
    expect(listeners()).toEqual([0, 0, 0]);
    expect(pool.stats().waiting).toBe(0);
  });

  it('returns a pool, a lease or a session that is the same one otherwise', async () => {
    const pool = await readyPool(app);
    const lease = await pool.checkout();
    const bound = lease.with({ timeoutMs: 5_000 });
    expect([bound.id, bound.worker]).toEqual([lease.id, lease.worker]);
    await bound.checkin();
    expect(lease.ended).toBe('checked-in');

    const session = pool.session('ann').with({ timeoutMs: 5_000 });
    expect(session.id).toBe('ann');
    await session.call('remember', ['a', 1]);
    expect(await pool.session('ann').call('recall')).toEqual({ a: 1 });
    await pool.with({}).close();
    expect(pool.stats().state).toBe('closed');
  });

  it('refuses options that are none, with ERR_OPTION', async () => {
    const pool = await readyPool(app);
    expect(() => pool.with({ timeoutMs: -1 })).toThrow(expect.objectContaining({ option: 'timeoutMs' }));
    expect(() => pool.with({ priority: 1e9 })).toThrow(expect.objectContaining({ option: 'priority' }));
    expect(() => pool.with({ signal: 'now' as never })).toThrow(expect.objectContaining({ option: 'signal' }));
    const kwargs = new Map([['digits', 2]]) as never;
    expect(() => pool.with({ kwargs })).toThrow(expect.objectContaining({ option: 'kwargs' }));
  });
});

describe('a pool that is printed', () => {
  it('does not show the environment of its workers, nor does a lease or a session', async () => {
    const pool = await readyPool(app, { env: { TOKEN: 'a secret of mine' } });
    await using lease = await pool.checkout();
    for (const each of [pool, lease, pool.session('ann')]) {
      expect(inspect(each, { depth: 20, showHidden: false })).not.toContain('a secret');
      expect(JSON.stringify(each)).not.toContain('a secret');
    }
  });
});
