import { afterEach, describe, expect, it } from 'vitest';
import type { BootError } from '../../../src/errors.js';
import { watchFaults } from '../../fake/faults.js';
import { PlayedPool } from '../../fake/played-pool.js';
import { heard } from '../../fake/turned-clock.js';

const faults = watchFaults();
afterEach(() => expect(faults).toEqual([]));

describe("a worker's life", () => {
  it('says at once that the first message cannot be sent, instead of waiting for the boot to time out', async () => {
    const setup = { name: 'load', args: ['x'.repeat(900)] };
    const world = new PlayedPool({ messageBytesMax: 1_024, setup });
    const ready = world.pool.ready().catch(({ code, stage, cause }) => ({ code, stage, cause: cause.code }));
    await world.boot();
    world.python.reap();
    expect(await ready).toEqual({ code: 'ERR_BOOT', stage: 'setup', cause: 'ERR_MESSAGE_TOO_LARGE' });
    await world.destroy();
  });

  it('speaks to no Python of another protocol', async () => {
    const world = new PlayedPool();
    const ready = world.pool.ready().catch((error) => error);
    world.process.spawn();
    world.process.hello(2);
    expect(world.process.lines).toEqual([]);
    expect(world.process.signals).toEqual(['SIGKILL']);
    world.python.reap();
    expect(await ready).toMatchObject({ code: 'ERR_BOOT', stage: 'protocol', cause: { code: 'ERR_PROTOCOL' } });
    await world.destroy();
  });

  it('that was told to end as it came up is said to have failed to start, and not that it can take leases', async () => {
    const world = new PlayedPool({ bootTimeoutMs: 1_000 });
    const told: unknown[] = [];
    world.pool.on('worker.ready', () => told.push('ready'));
    world.pool.on('boot.failed', ({ error }) => told.push((error as BootError).stage));
    world.process.spawn();
    world.process.hello();
    const [hand] = world.runtime.hands.values();
    await world.clock.turn(1_000);
    expect(world.process.signals).toEqual(['SIGKILL']);
    // It was on its way.
    hand!.onMessage({ type: 'ready', functions: [], streams: [], interrupts: false, stacks: false });
    world.python.reap();
    await heard();
    expect(told).toEqual(['timeout']);
    await world.destroy();

    const closed = new PlayedPool();
    closed.pool.on('worker.ready', () => told.push('ready'));
    closed.process.spawn();
    closed.process.hello();
    closed.process.ignoresTerm = true;
    const end = closed.pool.close();
    closed.process.ready();
    await closed.clock.turn(60_000);
    closed.python.reap();
    await end;
    expect(told).toEqual(['timeout']);
  });

  it('ends by signal where the process has not come to its line yet, and is asked where it has', async () => {
    const booting = new PlayedPool();
    const closed = booting.pool.close();
    expect(booting.process.signals).toEqual(['SIGTERM']);
    booting.python.reap();
    await closed;

    const ready = new PlayedPool();
    await ready.boot();
    const ended = ready.pool.close();
    expect(ready.process.signals).toEqual([]);
    expect(ready.process.lines.at(-1)).toBe('{"type":"stop"}');
    ready.python.reap();
    await ended;
  });

  it('that was begun before its modules changed ends as soon as it has come up, and is replaced once', async () => {
    const world = new PlayedPool();
    const retired: unknown[] = [];
    world.pool.on('worker.retired', ({ reason }) => retired.push(reason));
    const { process } = world;
    const [hand] = world.runtime.hands.values();
    process.spawn();
    process.hello();
    expect(hand!.life.replace()).toBe(true);
    await heard();
    expect([retired, process.lines.length, process.signals]).toEqual([[], 1, []]);
    process.ready();
    await heard();
    expect([retired, process.lines.at(-1)]).toEqual([['reload'], '{"type":"stop"}']);
    // It is on its way out by now.
    expect(hand!.life.replace()).toBe(false);
    await world.settle();
    expect(world.python.processes).toHaveLength(2);
    expect([retired, world.pool.stats().workers.idle]).toEqual([['reload'], 1]);
    await world.destroy();
  });

  it.each(['is on its way out', 'was told to end'])(
    'that %s is not replaced for the sake of its modules',
    async (how) => {
      const world = new PlayedPool();
      await world.boot();
      const [hand] = world.runtime.hands.values();
      const call = world.pool.call('played');
      if (how === 'is on its way out') expect(hand!.life.replace()).toBe(true);
      const closed = how === 'was told to end' ? world.pool.destroy() : undefined;
      expect(hand!.life.replace()).toBe(false);
      if (closed === undefined) world.process.answer('served');
      else world.python.reap();
      expect(await call.catch(({ code }) => code)).toBe(closed === undefined ? 'served' : 'ERR_POOL_CLOSED');
      await closed;
      await world.destroy();
    },
  );
});
