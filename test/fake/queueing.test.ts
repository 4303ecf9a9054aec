import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Call } from '../../src/call/call.js';
import type { PoolOptions } from '../../src/index.js';
import { failure } from '../support/pool.js';
import type { FakeProcess, PlayedRequest } from './fake-python.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

describe('those who wait', () => {
  it('are served one of each fairness key in turn, however many one of them has', async () => {
    const { pool, answer, served } = await busyPool();
    const calls = [
      ...Array.from({ length: 1_000 }, (_, index) => pool.call(`big ${index}`, [], { fairnessKey: 'big' })),
      pool.with({ fairnessKey: 'small' }).call('small 0'),
      pool.call('none 0'),
      pool.call('small 1', [], { fairnessKey: 'small' }),
    ];
    for (let each = 0; each < 7; each += 1) await answer();
    expect(served.slice(1)).toEqual(['big 0', 'small 0', 'none 0', 'big 1', 'small 1', 'big 2', 'big 3']);
    void Promise.allSettled(calls);
  });

  it('are no more of one key than queueMaxPerKey, whatever room there is for others', async () => {
    const { pool } = await busyPool({ queueMaxPerKey: 2 });
    const big = pool.with({ fairnessKey: 'big' });
    const waiting = [big.call('one'), big.call('two', [], { priority: 3 })];
    expect(await failure(big.call('three'))).toMatchObject({
      code: 'ERR_QUEUE_FULL',
      queueMax: 2,
      fairnessKey: 'big',
      message: expect.stringContaining('2 callers of the key "big"'),
    });
    const others = [pool.call('no key'), pool.checkout({ fairnessKey: 'small' })];
    expect(pool.stats()).toMatchObject({ waiting: 4, calls: { refused: 1 } });
    void Promise.allSettled([...waiting, ...others]);
  });

  it('are overtaken by a higher priority for as long as its steps are worth, and no longer', async () => {
    const { pool, clock, answer, served } = await busyPool({ ageAfterMs: 1_000 });
    const calls = [pool.call('low')];
    await clock.turn(2_999);
    calls.push(pool.call('high', [], { priority: 3 }));
    await clock.turn(1);
    calls.push(pool.call('too late', [], { priority: 3 }));
    for (let each = 0; each < 3; each += 1) await answer();
    expect(served.slice(1)).toEqual(['high', 'low', 'too late']);
    void Promise.allSettled(calls);
  });

  it('are refused by a pool that ends before its worker is back, however many of them a session holds', async () => {
    const played = new PlayedPool();
    await played.boot();
    played.process.die();
    played.python.reap();
    const session = played.pool.session('ann');
    const calls = Array.from({ length: 5_000 }, () => failure(session.call('held')));
    await heard();
    await played.destroy();
    const codes = (await Promise.all(calls)).map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set(['ERR_POOL_CLOSED']));
  });

  it('are told that no worker was up where that was so, and once one is that none came free', async () => {
    const played = new PlayedPool({}, { serve: () => {} });
    onTestFinished(() => played.destroy());
    const { pool, clock } = played;
    const early = failure(pool.call('early', [], { timeoutMs: 100 }));
    await clock.turn(100);
    const message = expect.stringMatching(/^No worker was up within 100 ms: 0 leased/);
    expect(await early).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', message });
    await played.boot();
    void pool.call('runs').catch(() => {});
    const late = failure(pool.checkout({ timeoutMs: 100 }));
    await clock.turn(100);
    expect((await late).message).toMatch(/^No worker came free within 100 ms: 1 leased/);
  });

  it('keep their deadline, whatever happens to workers meanwhile', async () => {
    const { pool, clock, played } = await busyPool({ size: 2 });
    const other = failure(pool.call('on the other'));
    const late = failure(pool.call('waits', [], { timeoutMs: 100 }));
    await clock.turn(60);
    played.python.running.find(({ request }) => request?.name === 'on the other')?.die();
    played.python.reap();
    await other;
    expect(pool.stats().waiting).toBe(1);
    await clock.turn(39);
    expect(pool.stats().waiting).toBe(1);
    await clock.turn(1);
    expect(await late).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', waitedMs: 100 });
  });

  it('are served by priority within a session that has met no worker, too', async () => {
    const { pool, answer, served } = await busyPool();
    const session = pool.session('ann');
    const calls = [
      session.call('low', [], { priority: -1 }),
      pool.call('plain'),
      session.call('high', [], { priority: 1 }),
    ];
    expect(pool.stats().waiting).toBe(3);
    for (let each = 0; each < 3; each += 1) await answer();
    expect(served.slice(1)).toEqual(['high', 'plain', 'low']);
    void Promise.allSettled(calls);
  });

  it('are no more than queueMax with those whom sessions hold, and none is refused once it is let in', async () => {
    const { pool, answer, served } = await busyPool({ queueMax: 5 });
    const session = pool.session('ann');
    // Two of these go to the coordinator as the first is served.
    const calls = [session.call('first of ann'), session.call('second'), session.call('third')];
    calls.push(pool.call('plain 1'), pool.call('plain 2'));
    for (const asked of [pool.call('plain 3'), session.call('fourth'), pool.session('bob').call('of bob')]) {
      expect(await failure(asked)).toMatchObject({ code: 'ERR_QUEUE_FULL', queueMax: 5 });
    }
    expect(pool.stats()).toMatchObject({ waiting: 5, calls: { refused: 3 } });
    for (let each = 0; each < 5; each += 1) await answer();
    expect(served.slice(1)).toEqual(['first of ann', 'second', 'third', 'plain 1', 'plain 2']);
    expect(pool.stats().calls.refused).toBe(3);
    void Promise.allSettled(calls);
  });

  it('are no more of one key than queueMaxPerKey within a session that has met no worker, too', async () => {
    const { pool } = await busyPool({ queueMaxPerKey: 2 });
    const session = pool.session('ann');
    const big = session.with({ fairnessKey: 'big' });
    const waiting = [session.call('first of ann'), big.call('one'), pool.call('two', [], { fairnessKey: 'big' })];
    for (const asked of [big.call('three'), pool.call('three', [], { fairnessKey: 'big' })]) {
      expect(await failure(asked)).toMatchObject({
        code: 'ERR_QUEUE_FULL',
        queueMax: 2,
        fairnessKey: 'big',
      });
    }
    const other = session.call('of no key');
    expect(pool.stats()).toMatchObject({ waiting: 4, calls: { refused: 2 } });
    void Promise.allSettled([...waiting, other]);
  });

  it('keep their turns when the one gives up that was to meet the worker of their session first', async () => {
    const { pool, answer, served } = await busyPool();
    const session = pool.session('ann');
    const abort = new AbortController();
    const low = session.call('low', [], { priority: -1 });
    const given = failure(session.call('given up', [], { priority: 1, signal: abort.signal }));
    const calls = [low, pool.call('plain'), session.call('next')];
    abort.abort('enough');
    expect(await given).toBe('enough');
    for (let each = 0; each < 3; each += 1) await answer();
    expect(served.slice(1)).toEqual(['plain', 'next', 'low']);
    void Promise.allSettled(calls);
  });

  it('meet the worker of their session in the order in which they asked, within a millisecond too', async () => {
    const { pool, clock, answer, served } = await busyPool();
    const session = pool.session('ann');
    await clock.turn(0.25);
    const checkout = session.checkout();
    await clock.turn(0.5);
    const call = session.call('second');
    await answer();
    expect(served).toEqual(['first']);
    const lease = await checkout;
    await lease.checkin();
    await heard();
    expect(served).toEqual(['first', 'second']);
    await answer();
    await call;
  });

  it('go before no call of their session that may not wait for a worker, and is to meet one first', async () => {
    const { pool, answer, served } = await busyPool();
    const hasty = pool.session('ann', { affinity: 'strict-fail-fast' });
    const calls = [hasty.call('hasty'), pool.session('ann').call('high', [], { priority: 1 })];
    for (let each = 0; each < 2; each += 1) await answer();
    expect(served.slice(1)).toEqual(['hasty', 'high']);
    void Promise.allSettled(calls);
  });

  it('are refused where the last call of a worker that is to be replaced waits for them, whatever else of it is free', async () => {
    const { pool, played } = await busyPool({ slots: 2 });
    const [hand] = played.runtime.hands.values();
    hand?.life.replace();
    const outer = hand?.exchanges.find((exchange) => exchange !== undefined)?.call;
    const inner = outer?.run(() => pool.call('inner')) as Promise<unknown>;
    expect(await failure(inner)).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['first', 'inner'] });
  });

  it('are refused once the last other lease of a worker that is to be replaced ends, however they wait', async () => {
    const { pool, played } = await busyPool({ slots: 2 });
    const lease = await pool.checkout();
    const [hand] = played.runtime.hands.values();
    const outer = hand?.exchanges.find((exchange) => exchange?.call !== undefined)?.call as Call;
    hand?.life.replace();
    const session = pool.session('ann');
    const inners: Promise<unknown>[] = [];
    const first = failure(session.call('first of ann'));
    for (const by of [pool, session]) {
      const inner = failure(outer.run(() => by.call('inner')));
      await setImmediate();
      expect(pool.stats().waiting).toBe(by === pool ? 2 : 3);
      inners.push(inner);
    }
    await lease.checkin();
    for (const inner of inners) {
      expect(await inner).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['first', 'inner'] });
    }
    expect(pool.stats().waiting).toBe(1);
    void first;
  });

  it('are refused once a worker is gone that nobody follows, since its replacement is up and waits for them', async () => {
    const { pool, played, clock, answer } = await busyPool({ recycle: { leases: 1 } });
    await answer();
    const last = pool.call('last');
    await clock.turn(1);
    await played.boot();
    expect(pool.stats()).toMatchObject({ workers: { retiring: 1, idle: 1 } });
    void pool.call('outer').catch(() => {});
    const outer = [...played.runtime.hands.values()].at(-1)?.exchanges[0]?.call as Call;
    const inner = failure(outer.run(() => pool.call('inner')));
    await setImmediate();
    expect(pool.stats()).toMatchObject({ waiting: 1 });
    await answer();
    await last;
    played.python.reap();
    expect(await inner).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['outer', 'inner'] });
  });

  it('are refused once the last slot for them goes to a call that waits behind the one that waits for them', async () => {
    const { pool, played } = await busyPool({ slots: 2 });
    const lease = await pool.checkout();
    const [hand] = played.runtime.hands.values();
    const outer = hand?.exchanges.find((exchange) => exchange?.call !== undefined)?.call as Call;
    void pool.call('next').catch(() => {});
    const inner = failure(outer.run(() => pool.call('inner')));
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 2, waiting: 2 });
    await lease.checkin();
    expect(await inner).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['first', 'inner'] });
    expect(pool.stats()).toMatchObject({ leases: 2, waiting: 0 });
  });

  it('are refused where the last slot for them is one of a call that was given up behind the one that waits for them', async () => {
    const { pool, played } = await busyPool({ slots: 2 });
    const [hand] = played.runtime.hands.values();
    const outer = hand?.exchanges.find((exchange) => exchange !== undefined)?.call as Call;
    const abort = new AbortController();
    const next = failure(pool.call('next', [], { signal: abort.signal }));
    await setImmediate();
    abort.abort('enough');
    expect(await next).toBe('enough');
    expect(pool.stats()).toMatchObject({ leases: 2 });
    const inner = failure(outer.run(() => pool.call('inner')));
    expect(await inner).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['first', 'inner'] });
  });

  it('are refused where items of a map wait in the last slot for them, whoever came first', async () => {
    for (const isFirst of [true, false]) {
      const { pool, played } = await busyPool({ slots: 2 });
      const [hand] = played.runtime.hands.values();
      const outer = hand?.exchanges.find((exchange) => exchange !== undefined)?.call as Call;
      const lease = await pool.checkout();
      const results = pool.map('item', [1]);
      void results.next().catch(() => {});
      await setImmediate();
      if (isFirst) await lease.checkin();
      const inner = failure(outer.run(() => pool.call('inner')));
      await setImmediate();
      await lease.checkin();
      expect(await inner).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['first', 'inner'] });
    }
  });

  it('are refused once a replacement has not come up that would have served them', async () => {
    for (const fail of [(process: FakeProcess) => process.failToSpawn(), (process: FakeProcess) => process.die()]) {
      const { pool, played, clock, answer } = await busyPool({ recycle: { leases: 1 } });
      await answer();
      void pool.call('outer').catch(() => {});
      await clock.turn(1);
      const [hand] = played.runtime.hands.values();
      const outer = hand?.exchanges.find((exchange) => exchange !== undefined)?.call as Call;
      const inner = failure(outer.run(() => pool.call('inner')));
      await setImmediate();
      expect(pool.stats()).toMatchObject({ waiting: 1, workers: { leased: 1, spawning: 1 } });
      fail(played.process);
      played.python.reap();
      expect(await inner).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['outer', 'inner'] });
    }
  });

  it('have a key and a priority that are such, or are refused', async () => {
    const { pool } = await busyPool();
    for (const fairnessKey of ['', 7, null]) {
      const options = { fairnessKey } as never;
      expect(await failure(pool.call('f', [], options))).toMatchObject({ code: 'ERR_OPTION', option: 'fairnessKey' });
      expect(await failure(pool.checkout(options))).toMatchObject({ code: 'ERR_OPTION', option: 'fairnessKey' });
    }
  });
});

describe('tryCheckout', () => {
  it('is a lease at once where a worker is free, and undefined where none is', async () => {
    const { pool, answer } = await busyPool();
    expect(pool.tryCheckout()).toBeUndefined();
    expect(pool.stats()).toMatchObject({ waiting: 0, calls: { refused: 0 } });
    await answer();
    const lease = pool.tryCheckout();
    expect(lease?.worker).toBe('worker-0');
    expect(pool.tryCheckout()).toBeUndefined();
    await lease?.checkin();
    expect(pool.stats().leases).toBe(0);
  });

  it('goes before nobody who waits', async () => {
    const { pool, answer, served } = await busyPool();
    const waiting = pool.call('waits');
    expect(pool.tryCheckout()).toBeUndefined();
    await answer();
    expect(pool.tryCheckout()).toBeUndefined();
    expect(served.at(-1)).toBe('waits');
    await answer();
    await waiting;
    const lease = pool.tryCheckout();
    expect(lease?.worker).toBe('worker-0');
    await lease?.checkin();
  });

  it('takes how long the lease may be held, and nothing about a wait; a pool that ends says so', async () => {
    const { pool } = await busyPool();
    expect(() => pool.tryCheckout({ timeoutMs: 5 } as never)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', option: 'timeoutMs' }),
    );
    void pool.drain();
    expect(() => pool.tryCheckout()).toThrow(expect.objectContaining({ code: 'ERR_POOL_CLOSED' }));
  });
});

describe('shed', () => {
  it('refuses those who have waited too long with ERR_OVERLOADED once all have for an interval, and counts them', async () => {
    const { pool, clock, answer, served } = await busyPool({ shed: { targetMs: 50 } });
    const calls = Array.from({ length: 6 }, (_, index) => pool.call(`call ${index}`));
    const told = calls.map((call) => call.catch((error: unknown) => error));
    await clock.turn(200);
    await answer();
    await clock.turn(100);
    const fresh = [pool.call('fresh 1'), pool.call('fresh 2')];
    await answer();
    expect(served.slice(1)).toEqual(['call 0', 'fresh 1']);
    expect(await Promise.all(told.slice(1))).toEqual(
      Array.from({ length: 5 }, () =>
        expect.objectContaining({ code: 'ERR_OVERLOADED', name: 'OverloadedError', waitedMs: 300, targetMs: 50 }),
      ),
    );
    expect(pool.stats()).toMatchObject({ waiting: 1, calls: { shed: 5, refused: 0 } });
    await answer();
    await answer();
    await Promise.all(fresh);
  });

  it('judges another attempt by how long that waits, and not by what the one before took', async () => {
    const shed = { targetMs: 100, intervalMs: 20 };
    const { played, pool, clock, answer, served } = await busyPool({ size: 3, shed, retryDelayMs: 0 });
    const repeated = ['a', 'b'].map((name) => pool.call(name, [], { idempotent: true }));
    await clock.turn(1_000);
    const fresh = ['c', 'd'].map((name) => pool.call(name));
    for (const each of played.python.running) if (each.request?.name !== 'first') each.die();
    played.python.reap();
    await clock.turn(10);
    await answer();
    await clock.turn(30);
    for (let each = 0; each < 6; each += 1) await answer();
    await Promise.all([...repeated, ...fresh]);
    expect(served).toEqual(['first', 'a', 'b', 'a', 'b', 'c', 'd']);
    expect(pool.stats()).toMatchObject({ attempts: { retried: 2 }, calls: { answered: 5, shed: 0 } });
  });

  it('is told by its options what is too long', async () => {
    for (const [shed, option] of [
      [true, 'shed'],
      [{}, 'shed.targetMs'],
      [{ targetMs: -1 }, 'shed.targetMs'],
      [{ targetMs: 1, intervalMs: '1' }, 'shed.intervalMs'],
      [{ targetMs: 1, lifo: true }, 'lifo'],
    ] as const) {
      expect(() => new PlayedPool({ shed } as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTION', option }));
    }
  });
});

/** A pool whose only worker, or one of two, runs the call `first`. */
async function busyPool(options: Partial<PoolOptions> = {}) {
  const served: string[] = [];
  const running: { request: PlayedRequest; process: FakeProcess }[] = [];
  const played = new PlayedPool(options, {
    serve: (request, process) => {
      served.push(request.name);
      running.push({ request, process });
    },
  });
  onTestFinished(() => played.destroy());
  await played.boot();
  const { pool, clock } = played;
  pool.call('first').catch(() => {});
  /** The call that has run for longest is answered. */
  const answer = async () => {
    running.shift()?.process.answer(null);
    await heard();
  };
  return { played, pool, clock, answer, served };
}
