import { getEventListeners } from 'node:events';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import { keep, type PoolOptions } from '../../../src/index.js';
import { Hold } from '../../../src/lease/hold.js';
import { CheckoutAsking, checkoutOptions, HastyAsking, Lease } from '../../../src/lease/lease.js';
import { PlayedPool } from '../../fake/played-pool.js';
import { heard } from '../../fake/turned-clock.js';
import { settled } from '../../support/outcome.js';

describe('a lease', () => {
  it('knows its id, its worker, and why it is over', async () => {
    const { pool } = await booted();
    const lease = await pool.checkout();
    expect(lease).toBeInstanceOf(Lease);
    expect([lease.id, lease.owner, lease.worker, lease.ended]).toEqual([1, 1, 'worker-0', undefined]);
    await lease.checkin();
    expect(lease.ended).toBe('checked-in');
    const next = await pool.checkout();
    expect(next.id).toBe(2);
    await next.checkin();
  });

  it('sends one call after the other, in the order in which they were made', async () => {
    const { pool, world } = await booted();
    const lease = await pool.checkout();
    const calls = ['a', 'b', 'c'].map((name) => lease.call(name));
    const names: (string | undefined)[] = [];
    for (const _ of calls) {
      names.push(world.process.request?.name);
      world.process.answer(world.process.request?.name);
      await heard();
    }
    expect(names).toEqual(['a', 'b', 'c']);
    expect(await Promise.all(calls)).toEqual(['a', 'b', 'c']);
    await lease.checkin();
  });

  it('refuses those who wait in vain one after the other, however many they are, and goes on with the next', async () => {
    const { pool, world } = await booted();
    const lease = await pool.checkout();
    const first = lease.call('first');
    const released = keep(() => {});
    const refused = Array.from({ length: 10_000 }, () => settled(lease.call('f', [released])));
    const last = lease.call('last');
    released.release();
    world.process.answer(1);
    expect(await first).toBe(1);
    const codes = await Promise.all(refused.map(async (outcome) => ((await outcome()) as { code: string }).code));
    expect(new Set(codes)).toEqual(new Set(['ERR_FUNCTION_RELEASED']));
    expect(world.process.request?.name).toBe('last');
    world.process.answer(2);
    expect(await last).toBe(2);
    await lease.checkin();
  });

  it('goes back at the end of its block', async () => {
    const { pool } = await booted();
    {
      await using lease = await pool.checkout();
      expect(pool.stats().workers.leased).toBe(1);
      expect(lease.ended).toBeUndefined();
    }
    expect(pool.stats().workers).toMatchObject({ leased: 0, idle: 1 });
  });

  it('is the same lease under further options, which its calls then have', async () => {
    const { pool, world } = await booted();
    const lease = await pool.checkout();
    const other = lease.with({ timeoutMs: 50 });
    expect([other instanceof Lease, other.id]).toEqual([true, lease.id]);
    const late = settled(other.call('slow'));
    await world.clock.turn(50);
    expect(await late()).toMatchObject({ code: 'ERR_CALL_TIMEOUT', timeoutMs: 50 });
    world.process.answer(null);
    await other.checkin();
    expect(lease.ended).toBe('checked-in');
  });

  it('waits for its last call as it is given back, and not for longer than it is told to', async () => {
    const { pool, world } = await booted();
    const lease = await pool.checkout();
    void lease.call('slow');
    const short = settled(lease.checkin({ timeoutMs: 20 }));
    const long = settled(lease.checkin());
    await world.clock.turn(20);
    expect(await short()).toMatchObject({
      code: 'ERR_QUEUE_TIMEOUT',
      waitedMs: 20,
      message: expect.stringContaining('lease'),
    });
    expect(long.isSettled()).toBe(false);
    world.process.answer(null);
    await heard();
    expect(await long()).toBeUndefined();
  });

  it('goes back with the last of its calls that are on their way, and with none before', async () => {
    const { pool, world } = await booted();
    const lease = await pool.checkout();
    const calls = ['first', 'last'].map((name) => lease.call(name));
    const back = settled(lease.checkin());
    world.process.answer(1);
    await heard();
    expect([back.isSettled(), lease.ended, world.process.request?.name]).toEqual([false, undefined, 'last']);
    world.process.answer(2);
    expect(await Promise.all(calls)).toEqual([1, 2]);
    expect([await back(), lease.ended]).toEqual([undefined, 'checked-in']);
  });

  it('is not given back by one who has given up before, or asks for what is no wait', async () => {
    const { pool } = await booted();
    const lease = await pool.checkout();
    expect(await settled(lease.checkin({ signal: AbortSignal.abort('enough') }))()).toBe('enough');
    expect(await settled(lease.checkin({ timeoutMs: -1 }))()).toMatchObject({ code: 'ERR_OPTION' });
    const throwing = {
      get timeoutMs(): number {
        throw new Error('a getter');
      },
    };
    expect(await settled(lease.checkin(throwing))()).toMatchObject({ message: 'a getter' });
    expect(lease.ended).toBeUndefined();
    await lease.checkin();
  });

  it('repeats no call, and says why', async () => {
    const { pool } = await booted();
    const lease = await pool.checkout();
    expect(await settled(lease.call('f', [], { idempotent: true, attempts: 2 }))()).toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringContaining('a lease, whose state is in its worker'),
    });
    await lease.checkin();
  });

  it('maps one item at a time', async () => {
    const { pool, world } = await booted({ size: 1, slots: 1 });
    const lease = await pool.checkout();
    const results: unknown[] = [];
    const taken: number[] = [];
    const items = (function* () {
      for (const item of [1, 2, 3]) {
        taken.push(item);
        yield item;
      }
    })();
    const mapping = (async () => {
      for await (const result of lease.map('f', items)) results.push(result);
    })();
    await heard();
    expect(taken).toEqual([1]);
    for (let each = 0; each < 3; each++) {
      await vi.waitFor(() => expect(world.process.request).toBeDefined());
      world.process.answer(world.process.request?.args[0]);
      await heard();
    }
    await mapping;
    expect(results).toEqual([1, 2, 3]);
    await lease.checkin();
  });
});

describe('what a lease is asked for with', () => {
  it('is parted into what is for the wait and what is for the holding', async () => {
    const { world } = await booted({ leaseTimeoutMs: 100 });
    const asked = (options: object) => checkoutOptions(world.runtime, options);
    expect(asked({ timeoutMs: 5, priority: 2 })).toEqual({
      wait: { timeoutMs: 5, priority: 2 },
      terms: { leaseTimeoutMs: 100, site: undefined },
    });
    expect(asked({ leaseTimeoutMs: 7 })).toEqual({ wait: {}, terms: { leaseTimeoutMs: 7, site: undefined } });
    expect(asked({ leaseTimeoutMs: Number.POSITIVE_INFINITY }).terms.leaseTimeoutMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('is where it was asked for, too, where leaks are looked for', async () => {
    const { world } = await booted({ leakAfterMs: 100 });
    expect(checkoutOptions(world.runtime, {}).terms.site).toBeDefined();
  });
});

describe('who asks for a lease', () => {
  it('fails once, and tells so once', async () => {
    const { asking } = await asked();
    const failures: string[] = [];
    asking.onOver(() => failures.push('failed'));
    const lease = settled(asking.lease(() => {}));
    expect(asking.isSettled).toBe(false);
    asking.fail('first');
    asking.fail('second');
    expect([asking.isSettled, failures, await lease()]).toEqual([true, ['failed'], 'first']);
  });

  it('may fail before it has asked', async () => {
    const { asking } = await asked();
    expect(() => asking.fail('early')).not.toThrow();
    expect(asking.isSettled).toBe(true);
  });

  it('waits for those who hold what it could have, and for nobody where something is free', async () => {
    const { asking, pool } = await asked();
    expect(asking.waitsFor()).toBeUndefined();
    const call = pool.call('f');
    expect(asking.waitsFor()).toEqual([expect.objectContaining({ name: 'f' })]);
    void call.catch(() => {});
    asking.fail('enough');
  });

  it('at this moment or not at all is settled by what it hears first', async () => {
    const { world, hold } = await asked();
    const asking = new HastyAsking(world.runtime, hold);
    expect([asking.isSettled, asking.isGranted]).toEqual([false, false]);
    asking.ask();
    expect([asking.isSettled, asking.isGranted]).toEqual([true, true]);
    const other = new HastyAsking(world.runtime, hold);
    other.ask();
    expect([other.isSettled, other.isGranted, other.error]).toEqual([true, false, undefined]);
    hold.exchange.end();
  });

  it('in a session in vain leaves the session as it was', async () => {
    const { pool, world } = await booted();
    const lease = await pool.checkout();
    const session = pool.session('ann');
    const late = settled(session.checkout({ timeoutMs: 50 }));
    await world.clock.turn(50);
    expect(await late()).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT' });
    await lease.checkin();
    const call = session.call('f');
    world.process.answer(5);
    expect(await call).toBe(5);
    await session.end();
  });
});

describe('checkout', () => {
  it('gives up after its time, and is not granted later', async () => {
    const { pool, world } = await booted();
    const lease = await pool.checkout();
    const late = settled(pool.checkout({ timeoutMs: 100 }));
    await world.clock.turn(99);
    expect([late.isSettled(), pool.stats().waiting]).toEqual([false, 1]);
    await world.clock.turn(1);
    expect(await late()).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', waitedMs: 100 });
    expect(pool.stats().waiting).toBe(0);
    await lease.checkin();
    expect(pool.stats().workers.idle).toBe(1);
  });

  it('gives up by its signal, with the reason, before it asks or after', async () => {
    const { pool, world } = await booted();
    const before = AbortSignal.abort('before');
    expect(await settled(pool.checkout({ signal: before }))()).toBe('before');
    expect(pool.stats()).toMatchObject({ waiting: 0, workers: { idle: 1 } });
    const lease = await pool.checkout();
    const controller = new AbortController();
    const asked = settled(pool.checkout({ signal: controller.signal }));
    controller.abort('after');
    expect(await asked()).toBe('after');
    expect(pool.stats().waiting).toBe(0);
    await lease.checkin();
    expect(world.clock.timers).toBe(0);
  });

  it('leaves no timer and no listener behind once it is granted', async () => {
    const { pool, world } = await booted();
    const { signal } = new AbortController();
    const timers = world.clock.timers;
    const lease = await pool.checkout({ timeoutMs: 1_000, signal });
    expect(world.clock.timers).toBe(timers);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    await world.clock.turn(2_000);
    expect(lease.ended).toBeUndefined();
    await lease.checkin();
  });

  it('rejects for what is no option, and knows its own', async () => {
    const { pool } = await booted();
    for (const [options, option] of [
      [{ timeout: 5 }, 'timeout'],
      [{ leaseTimeoutMs: -1 }, 'leaseTimeoutMs'],
      [{ priority: 101 }, 'priority'],
      [{ timeoutMs: -1 }, 'timeoutMs'],
    ] as const) {
      const asked = settled(pool.checkout(options as never));
      expect(await asked()).toMatchObject({ code: 'ERR_OPTION', option });
    }
    expect(await settled(pool.checkout({ retries: 5 } as never))()).toMatchObject({
      message: expect.stringContaining('There are: signal, timeoutMs, priority, fairnessKey, leaseTimeoutMs.'),
    });
    const { signal } = new AbortController();
    const lease = await pool.checkout({
      signal,
      timeoutMs: 1_000,
      priority: 1,
      fairnessKey: 'a',
      leaseTimeoutMs: Number.POSITIVE_INFINITY,
    });
    await lease.checkin();
  });

  it('keeps the program running while somebody waits, and not for what is had at once', async () => {
    const { pool, world } = await booted();
    const { keepAlive } = world.runtime;
    const calls = [vi.spyOn(keepAlive, 'hold'), vi.spyOn(keepAlive, 'release')] as const;
    const counts = () => calls.map(({ mock }) => mock.calls.length);
    const lease = await pool.checkout();
    expect(counts()).toEqual([0, 0]);
    const waits = pool.checkout();
    expect(counts()).toEqual([1, 0]);
    await lease.checkin();
    await (await waits).checkin();
    const [held, released] = counts();
    expect(released).toBe(held);
  });

  it('rejects where the pool ends', async () => {
    const { pool } = await booted();
    const lease = await pool.checkout();
    const asked = settled(pool.checkout());
    void pool.destroy();
    expect(await asked()).toMatchObject({ code: 'ERR_POOL_CLOSED' });
    await lease.checkin();
  });

  it('in the function of a call that holds the only worker is told at once that it would wait for ever', async () => {
    const { pool, world } = await booted();
    const call = pool.call('asks');
    const asked = inCall(world, 'asks', () => settled(pool.checkout()));
    expect(await asked()).toMatchObject({
      code: 'ERR_DEADLOCK',
      chain: ['asks', 'checkout()'],
      message: expect.stringContaining('the one slot'),
    });
    expect(pool.stats().waiting).toBe(0);
    world.process.answer(null);
    await call;
  });

  it('waits there where another worker may come free', async () => {
    const { pool, world } = await booted({ size: 2 });
    const call = pool.call('asks');
    const other = pool.call('other');
    const process = world.python.living.find(({ request }) => request?.name === 'asks')!;
    const asked = inCall(world, 'asks', () => settled(pool.checkout()));
    expect(asked.isSettled()).toBe(false);
    world.python.living.find(({ request }) => request?.name === 'other')!.answer(null);
    await other;
    const lease = (await asked()) as Lease;
    await lease.checkin();
    process.answer(null);
    await call;
  });
});

describe('tryCheckout', () => {
  it('is a lease where a worker is free, and undefined where none is, now and later', async () => {
    const { pool } = await booted();
    const lease = pool.tryCheckout()!;
    expect([lease.id, lease.ended]).toEqual([1, undefined]);
    expect(pool.tryCheckout()).toBeUndefined();
    expect(pool.stats()).toMatchObject({ waiting: 0, calls: { refused: 0 } });
    await lease.checkin();
    expect(pool.stats().workers.idle).toBe(1);
  });

  it('knows no wait', async () => {
    const { pool } = await booted();
    for (const option of ['timeoutMs', 'signal', 'priority', 'fairnessKey']) {
      expect(() => pool.tryCheckout({ [option]: 1 } as never)).toThrow(
        `There is no option \`${option}\`. There are: leaseTimeoutMs.`,
      );
    }
    const lease = pool.tryCheckout({ leaseTimeoutMs: 5 })!;
    await lease.checkin();
  });

  it('throws where the pool has ended, and counts no call for that', async () => {
    const { pool } = await booted();
    void pool.drain();
    expect(() => pool.tryCheckout()).toThrow(expect.objectContaining({ code: 'ERR_POOL_CLOSED' }));
    expect(pool.stats().calls).toMatchObject({ asked: 0, refused: 0 });
  });

  it('is undefined as well where there is no room to wait, since it would not have waited', async () => {
    const { pool, world } = await booted({ queueMax: 1 });
    const lease = await pool.checkout();
    const waits = pool.call('waits');
    expect(pool.tryCheckout()).toBeUndefined();
    await lease.checkin();
    world.process.answer(1);
    expect(await waits).toBe(1);
  });

  it('leaves no timer behind, though the pool bounds waits', async () => {
    const { pool, world } = await booted({ queueTimeoutMs: 1_000 });
    const timers = world.clock.timers;
    const lease = pool.tryCheckout()!;
    expect(pool.tryCheckout()).toBeUndefined();
    expect(world.clock.timers).toBe(timers);
    await lease.checkin();
  });

  it('leaves no timer behind where it is asked in the middle of a step of the charts', async () => {
    const tried: unknown[] = [];
    let isToTry = false;
    const inspect = ({ type, actorRef }: InspectionEvent) => {
      if (!isToTry || type !== '@xstate.snapshot' || (actorRef as AnyActorRef).id !== 'coordinator') return;
      isToTry = false;
      tried.push(pool.tryCheckout());
    };
    const { pool, world } = await booted({ queueTimeoutMs: 1_000, inspect });
    const timers = world.clock.timers;
    isToTry = true;
    const call = pool.call('played');
    world.process.answer(1);
    expect(await call).toBe(1);
    expect(tried).toEqual([undefined]);
    expect(world.clock.timers).toBe(timers);
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0 });
  });
});

async function booted(options: Partial<PoolOptions> = {}) {
  const world = new PlayedPool(options);
  onTestFinished(() => world.destroy());
  await world.boot();
  return { world, pool: world.pool };
}

/** Somebody who asks for a lease of a pool of one worker, and has not yet. */
async function asked() {
  const { pool, world } = await booted();
  const hold = new Hold(world.runtime, checkoutOptions(world.runtime, {}).terms);
  const asking = new CheckoutAsking(world.runtime, {}, hold);
  return { pool, world, hold, asking };
}

/** Runs something as a function does that a running call had given to Python, and that has more to do. All slots must be taken. */
function inCall<T>({ runtime }: PlayedPool, name: string, run: () => T): T {
  const call = runtime.running.find((each) => each.name === name);
  let result: T | undefined;
  void call!.run(() => {
    result = run();
    return new Promise(() => {});
  });
  return result as T;
}
