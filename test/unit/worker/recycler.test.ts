import { afterEach, describe, expect, it } from 'vitest';
import type { PoolEvents } from '../../../src/index.js';
import type { FakeProcess } from '../../fake/fake-python.js';
import { watchFaults } from '../../fake/faults.js';
import { PlayedPool } from '../../fake/played-pool.js';
import { heard } from '../../fake/turned-clock.js';

const faults = watchFaults();
afterEach(() => expect(faults).toEqual([]));

const SERVES = (_: unknown, process: FakeProcess) => queueMicrotask(() => process.answer('served'));

describe('a worker that is to be replaced while it is well', () => {
  it('goes after so many leases, once another is up, and says why', async () => {
    const world = new PlayedPool({ recycle: { leases: 4 } }, { serve: SERVES });
    const retired = listen(world);
    await world.boot();
    const [first] = world.python.living as [FakeProcess];
    await calls(world, 4);
    await world.clock.turn(0);
    const [, second] = world.python.living as [FakeProcess, FakeProcess];
    // It serves as long as its replacement boots.
    await calls(world, 2);
    expect(world.pool.stats()).toMatchObject({ size: 1, missing: 0, workers: { idle: 1, spawning: 1 } });
    expect(first.lines.some((line) => line.includes('"stop"'))).toBe(false);
    second.boot();
    await heard();
    expect(first.lines.at(-1)).toContain('"stop"');
    world.python.reap();
    await heard();
    expect(retired).toEqual([{ worker: 'worker-0', id: 1, pid: first.pid, reason: 'leases' }]);
    expect(world.pool.stats()).toMatchObject({ size: 1, missing: 0, retired: { leases: 1, age: 0 } });
    expect(await world.pool.call('played')).toBe('served');
    await world.destroy();
  });

  it('does not go in the middle of a lease, however long that is held', async () => {
    const world = new PlayedPool({ recycle: { ageMs: 1_000 } }, { serve: SERVES });
    await world.boot();
    const [first] = world.python.living as [FakeProcess];
    const lease = await world.pool.checkout();
    await world.clock.turn(1_000);
    await world.boot();
    await world.clock.turn(600_000);
    expect(world.pool.stats().workers).toMatchObject({ retiring: 1, idle: 1 });
    expect(first.isAlive).toBe(true);
    expect(await lease.call('played')).toBe('served');
    await lease.checkin();
    await heard();
    expect(first.isAlive).toBe(false);
    world.python.reap();
    await world.destroy();
  });

  it('goes when it has served and then idled, and not when it has never served', async () => {
    const world = new PlayedPool({ recycle: { idleMs: 10_000 } }, { serve: SERVES });
    const retired = listen(world);
    await world.boot();
    await world.clock.turn(60_000);
    expect(world.python.processes).toHaveLength(1);
    await calls(world, 1);
    await world.clock.turn(5_000);
    await calls(world, 1);
    await world.clock.turn(7_000);
    expect(world.python.processes).toHaveLength(1);
    await world.clock.turn(3_000);
    expect(world.python.processes).toHaveLength(2);
    await world.settle();
    expect(retired.map(({ reason }) => reason)).toEqual(['idle']);
    await world.destroy();
  });

  it('is one of many, and they go one after the other though they came together', async () => {
    const world = new PlayedPool({ size: 4, recycle: { ageMs: 100_000 } }, { serve: SERVES });
    const retiredAt: number[] = [];
    world.pool.on('worker.retired', () => retiredAt.push(world.clock.now()));
    await world.boot();
    for (let at = 0; at < 101; at += 1) {
      await world.clock.turn(1_000);
      expect(world.python.living.length).toBeLessThanOrEqual(5);
      await world.boot();
      world.python.reap();
      await heard();
      expect(world.pool.stats().missing).toBe(0);
    }
    expect(retiredAt.length).toBeGreaterThanOrEqual(4);
    const [earliest, latest] = [Math.min(...retiredAt.slice(0, 4)), Math.max(...retiredAt.slice(0, 4))];
    expect(earliest).toBeGreaterThanOrEqual(75_000);
    expect(latest).toBeLessThanOrEqual(101_000);
    expect(new Set(retiredAt.slice(0, 4)).size).toBe(4);
    await world.destroy();
  });

  it('stays where its replacement does not come up, which counts as a bad start, and another is tried', async () => {
    const world = new PlayedPool({ recycle: { leases: 1 } }, { serve: SERVES });
    await world.boot();
    await calls(world, 1);
    await world.clock.turn(0);
    const [first, second] = world.python.living as [FakeProcess, FakeProcess];
    second.spawn();
    second.die();
    world.python.reap();
    await heard();
    expect(world.pool.stats()).toMatchObject({ failures: 1, missing: 0 });
    expect(await world.pool.call('played')).toBe('served');
    expect(world.python.processes).toHaveLength(2);
    await world.clock.turn(100);
    expect(world.python.processes).toHaveLength(3);
    await world.boot();
    expect(first.isAlive).toBe(false);
    world.python.reap();
    await world.destroy();
  });

  it('is waited for by a strict session for so long, and the session is lost then', async () => {
    const world = new PlayedPool({ recycle: { leases: 1 }, sessionDrainMs: 5_000 }, { serve: SERVES });
    const lost: unknown[] = [];
    world.pool.on('session.lost', (fact) => lost.push(fact));
    await world.boot();
    const session = world.pool.session('ann');
    expect(await session.call('played')).toBe('served');
    await world.clock.turn(4_999);
    expect(world.python.processes).toHaveLength(1);
    await world.clock.turn(1);
    await world.clock.turn(0);
    expect(world.python.processes).toHaveLength(2);
    expect(lost).toEqual([]);
    await world.boot();
    expect(lost).toEqual([{ session: 'ann', reason: 'worker-recycled' }]);
    const error = await session.call('played').catch((each) => each);
    expect(error).toMatchObject({ code: 'ERR_SESSION_LOST', reason: 'worker-recycled' });
    world.python.reap();
    await world.destroy();
  });

  it('is waited for as long where it wears out as the state of a session is built anew on it', async () => {
    const world = new PlayedPool({ recycle: { leases: 1 }, sessionDrainMs: 5_000 }, { serve: SERVES });
    await world.boot();
    const session = world.pool.session('ann', { onLost: (lease) => lease.call('played') });
    await session.call('played');
    world.process.die();
    await world.settle();
    const started = world.python.processes.length;
    // The lease that it is built under is the first of that worker.
    expect(await session.call('played')).toBe('served');
    await world.clock.turn(4_999);
    expect(world.python.processes).toHaveLength(started);
    expect(await session.call('played')).toBe('served');
    await world.clock.turn(1);
    await world.clock.turn(0);
    expect(world.python.processes).toHaveLength(started + 1);
    await world.boot();
    world.python.reap();
    await world.destroy();
  });

  it('goes as soon as its last strict session has ended', async () => {
    const world = new PlayedPool({ recycle: { leases: 1 }, sessionDrainMs: 5_000 }, { serve: SERVES });
    await world.boot();
    const session = world.pool.session('ann');
    await session.call('played');
    await world.clock.turn(100);
    await session.end();
    await world.clock.turn(0);
    expect(world.python.processes).toHaveLength(2);
    await world.boot();
    world.python.reap();
    await world.destroy();
  });

  it('leaves no timer behind when the pool is closed', async () => {
    const limits = { leases: 100, ageMs: 1_000_000, idleMs: 1_000_000 };
    const world = new PlayedPool({ size: { min: 1, max: 3 }, recycle: limits }, { serve: SERVES });
    await world.boot();
    await calls(world, 1);
    await world.destroy();
    expect(world.clock.timers).toBe(0);
  });
});

function listen(world: PlayedPool): PoolEvents['worker.retired'][0][] {
  const retired: PoolEvents['worker.retired'][0][] = [];
  world.pool.on('worker.retired', (fact) => retired.push(fact));
  return retired;
}

async function calls(world: PlayedPool, count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) expect(await world.pool.call('played')).toBe('served');
}
