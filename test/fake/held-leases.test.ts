import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { LeaseLeak, PoolOptions } from '../../src/index.js';
import { failure } from '../support/pool.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

afterEach(() => vi.restoreAllMocks());

describe('a lease that is held for longer than leakAfterMs', () => {
  it('is told of once, with where it was asked for', async () => {
    const { pool, clock, leaks } = await listenedPool({ leakAfterMs: 100 });
    const lease = await askedForHere(pool);
    await clock.turn(99);
    expect(leaks).toEqual([]);
    await clock.turn(1);
    expect(leaks).toEqual([
      {
        lease: lease.id,
        worker: 'worker-0',
        how: 'held',
        heldMs: 100,
        stack: expect.stringMatching(/^ {4}at .*askedForHere/s),
      },
    ]);
    await clock.turn(1_000);
    expect(leaks).toHaveLength(1);
    expect(lease.ended).toBeUndefined();
    await lease.checkin();
  });

  it('is nothing to tell of when it is given back in time, and no timer is left', async () => {
    const { pool, clock, leaks } = await listenedPool({ leakAfterMs: 100, leaseTimeoutMs: 200 });
    const timers = clock.timers;
    const lease = await pool.checkout();
    expect(clock.timers).toBe(timers + 2);
    await lease.checkin();
    expect(clock.timers).toBe(timers);
    await clock.turn(1_000);
    expect(leaks).toEqual([]);
  });

  it('is warned of where nobody listens', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { pool, clock } = await playedPool({ leakAfterMs: 100 });
    const lease = await askedForHere(pool);
    await clock.turn(100);
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/^Lease \d+ of worker-0 was held for 100 ms.*askedForHere/s),
      { code: 'PYTHONARIUM_LEAK' },
    );
    await lease.checkin();
  });
});

describe('a lease that may be held for leaseTimeoutMs', () => {
  it('is over then: its worker goes to the next, and its calls reject with ERR_LEASE_ENDED', async () => {
    const { pool, clock } = await playedPool({ leaseTimeoutMs: 100 });
    const lease = await pool.checkout();
    const next = pool.checkout();
    await clock.turn(99);
    expect(lease.ended).toBeUndefined();
    await clock.turn(1);
    expect(lease.ended).toBe('expired');
    expect(await failure(lease.call('late'))).toMatchObject({
      code: 'ERR_LEASE_ENDED',
      lease: lease.id,
      reason: 'expired',
      leaseTimeoutMs: 100,
      message: expect.stringContaining('held for 100 ms'),
    });
    expect((await next).id).toBeGreaterThan(lease.id);
    await lease.checkin();
    expect(pool.stats().leases).toBe(1);
  });

  it('takes back the call that runs: it is interrupted, and its worker is free once it has answered', async () => {
    const { pool, clock, process } = await playedPool({ leaseTimeoutMs: 100 });
    const lease = await pool.checkout();
    const running = failure(lease.call('runs'));
    const behind = failure(lease.call('behind'));
    await clock.turn(100);
    expect(await running).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'expired' });
    expect(await behind).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'expired' });
    // Python is told that it need not begin the other, and can see that as the one that runs is interrupted.
    const [first] = process.started as [number];
    expect(process.cancelled).toEqual([first + 1, first]);
    expect(pool.stats().workers).toMatchObject({ cancelling: 1, idle: 0 });
    process.answer(null);
    await heard();
    expect(pool.stats().workers).toMatchObject({ cancelling: 0, idle: 1 });
    expect(process.started).toHaveLength(1);
    expect(lease.ended).toBe('expired');
  });

  it('is over then as well where it is to be given back with the answer that is owed, and stays so', async () => {
    const { pool, clock, process } = await playedPool({ leaseTimeoutMs: 100 });
    const lease = await pool.checkout();
    const running = failure(lease.call('runs'));
    const back = lease.checkin();
    await clock.turn(100);
    await back;
    expect(await running).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'expired' });
    process.answer(null);
    await heard();
    expect([lease.ended, pool.stats().leases]).toEqual(['expired', 0]);
  });

  it('ends the worker that does not answer in time, and the pool is whole again', async () => {
    const { pool, clock, process, played } = await playedPool({ leaseTimeoutMs: 100, cancelGraceMs: 50 });
    const lease = await pool.checkout();
    const running = failure(lease.call('runs'));
    await clock.turn(150);
    await running;
    expect(process.signals).toContain('SIGKILL');
    await played.settle();
    expect(pool.stats()).toMatchObject({ leases: 0, missing: 0, workers: { idle: 1 } });
    expect(lease.ended).toBe('expired');
  });

  it('is told by checkout, for one lease, by tryCheckout and in a session; Infinity is as long as one likes', async () => {
    const { pool, clock } = await playedPool({ size: 4, leaseTimeoutMs: 100 });
    const leases = [
      await pool.checkout({ leaseTimeoutMs: 50 }),
      pool.tryCheckout({ leaseTimeoutMs: 200 })!,
      await pool.session('ann').checkout(),
      await pool.checkout({ leaseTimeoutMs: Number.POSITIVE_INFINITY }),
    ];
    const ended = async (ms: number) => {
      await clock.turn(ms);
      return leases.map((lease) => lease.ended === 'expired');
    };
    expect(await ended(50)).toEqual([true, false, false, false]);
    expect(await ended(50)).toEqual([true, false, true, false]);
    expect(await ended(100)).toEqual([true, true, true, false]);
    expect(await ended(1e6)).toEqual([true, true, true, false]);
    await leases[3]!.checkin();
    for (const leaseTimeoutMs of [-1, '5', Number.NaN]) {
      const refused = await failure(pool.checkout({ leaseTimeoutMs } as never));
      expect(refused).toMatchObject({ code: 'ERR_OPTION', option: 'leaseTimeoutMs' });
    }
  });

  it('lets the calls of a session go on once a lease of it has expired', async () => {
    const { pool, clock, process } = await playedPool({ leaseTimeoutMs: 100 });
    const session = pool.session('ann');
    const lease = await session.checkout();
    const call = session.call('after');
    await clock.turn(100);
    expect(lease.ended).toBe('expired');
    process.answer('answered');
    expect(await call).toBe('answered');
    await session.end();
  });
});

async function playedPool(options: Partial<PoolOptions>) {
  const played = new PlayedPool(options);
  onTestFinished(() => played.destroy());
  await played.boot();
  return { played, pool: played.pool, clock: played.clock, process: played.process };
}

async function listenedPool(options: Partial<PoolOptions>) {
  const made = await playedPool(options);
  const leaks: LeaseLeak[] = [];
  made.pool.on('lease.leaked', (leak) => leaks.push(leak));
  await heard();
  return { ...made, leaks };
}

function askedForHere(pool: PlayedPool['pool']) {
  return pool.checkout();
}
