import { afterEach, describe, expect, it } from 'vitest';
import type { PoolDegradedError } from '../../src/index.js';
import type { FakeProcess, Script } from '../fake/fake-python.js';
import { watchFaults } from '../fake/faults.js';
import { PlayedPool } from '../fake/played-pool.js';
import { heard } from '../fake/turned-clock.js';

const faults = watchFaults();
afterEach(() => expect(faults).toEqual([]));

const EXITS = { exitCode: 3, signal: null };
const BOOT_MS = 90;
const SIGKILL = { exitCode: null, signal: 'SIGKILL' };

function gives(process: FakeProcess): void {
  process.complain('no licence found');
  process.die(EXITS);
}

/** Serves a request a moment after it has come. */
function later(serve: (process: FakeProcess) => void): (request: unknown, process: FakeProcess) => void {
  return (_, process) => queueMicrotask(() => serve(process));
}

const SERVES = later((process) => process.answer('served'));

const LOOPS: [string, (isBroken: () => boolean) => Script][] = [
  [
    'at its import',
    (isBroken) => ({
      boot: (process) => {
        if (!isBroken()) return process.boot();
        process.spawn();
        process.hello();
        gives(process);
      },
    }),
  ],
  [
    'once it is ready',
    (isBroken) => ({
      boot: (process) => {
        process.boot();
        if (isBroken()) gives(process);
      },
    }),
  ],
  [
    'after its first reply',
    (isBroken) => ({
      serve: later((process) => {
        process.answer('served');
        if (isBroken()) gives(process);
      }),
    }),
  ],
];

describe.each(LOOPS)('workers that exit %s, time and again,', (_, script) => {
  it.each([
    [1, 0],
    [1, 1],
    [4, 0.5],
  ])('are started at most 8 times in 60 s a place, of %i, with jitter %d', async (size, jitter) => {
    const world = loop(size, jitter, script);
    const deaths: { worker: string; at: number }[] = [];
    world.pool.on('worker.dead', ({ worker }) => deaths.push({ worker, at: world.clock.now() }));
    await world.goOn(120);
    expect(deaths.length).toBeGreaterThan(size * 3);
    for (const { worker, at } of deaths) {
      const within = deaths.filter((each) => each.worker === worker && each.at >= at && each.at < at + 60_000);
      expect(within.length).toBeLessThanOrEqual(8);
    }
    await world.destroy();
  });

  it('have callers told in the moment in which the pool is called degraded, with what they wrote last', async () => {
    const world = loop(2, 0, script);
    const waiting: number[] = [];
    world.pool.on('pool.degraded', () => {
      waiting.push(world.pool.stats().waiting);
    });
    await world.goOn(30);
    expect(waiting.length).toBeGreaterThan(0);
    expect(new Set(waiting)).toEqual(new Set([0]));
    expect(world.refusals.length).toBeGreaterThan(0);
    for (const error of world.refusals) {
      expect(error.stderr).toEqual(['no licence found']);
      expect(error.message).toContain('no licence found');
    }
    // Whoever comes now does not wait at all: the clock stands still.
    const error = (await world.pool.call('played').catch((each) => each)) as PoolDegradedError;
    expect(error.code).toBe('ERR_POOL_DEGRADED');
    await world.destroy();
  });

  it('are replaced for good one back-off after what is broken is mended', async () => {
    const world = loop(2, 0, script);
    await world.goOn(120);
    expect(world.pool.stats().state).toBe('degraded');
    world.mend();
    await world.clock.turn(30_000 + BOOT_MS);
    await heard();
    expect(await world.pool.call('played')).toBe('served');
    expect(await world.pool.call('played')).toBe('served');
    // A place whose turn came while another was tried has waited once more.
    await world.clock.turn(30_000 + BOOT_MS);
    expect(world.pool.stats()).toMatchObject({ state: 'ready', missing: 0, failures: 0 });
    await world.destroy();
  });
});

describe('a worker that has served and is killed from outside', () => {
  it('is replaced at once, though it has served one call alone, however often', async () => {
    const world = new PlayedPool({}, { pace: 'itself', serve: SERVES });
    for (let round = 0; round < 50; round += 1) {
      expect(await world.pool.call('played')).toBe('served');
      world.process.die(SIGKILL);
      await heard();
      await world.clock.turn(0);
    }
    expect(world.clock.now()).toBe(0);
    expect(world.pool.stats()).toMatchObject({ state: 'ready', failures: 0 });
    await world.destroy();
  });

  it('is replaced at once when it crashes in its third call, too', async () => {
    let calls = 0;
    const serve = later((process) => {
      calls += 1;
      if (calls % 3 === 0) process.die({ exitCode: null, signal: 'SIGSEGV' });
      else process.answer('served');
    });
    const world = new PlayedPool({}, { pace: 'itself', serve });
    for (let round = 0; round < 30; round += 1) {
      const outcome = await world.pool.call('played').catch(({ code }) => code);
      expect(outcome).toBe(round % 3 === 2 ? 'ERR_WORKER_DIED' : 'served');
      await world.clock.turn(0);
    }
    expect(world.clock.now()).toBe(0);
    await world.destroy();
  });
});

/** A pool whose workers are in a crash loop until it is mended, and somebody who always asks for something. */
function loop(size: number, jitter: number, script: (isBroken: () => boolean) => Script) {
  let isBroken = true;
  const refusals: PoolDegradedError[] = [];
  const world = new PlayedPool(
    { size, random: () => jitter },
    { pace: 'itself', serve: SERVES, ...script(() => isBroken) },
  );
  return Object.assign(world, {
    refusals,
    mend: () => {
      isBroken = false;
    },
    /** For so many seconds there is always a call that waits or runs. */
    goOn: async (seconds: number) => {
      const end = world.clock.now() + seconds * 1_000;
      let isAsking = false;
      while (world.clock.now() < end) {
        if (!isAsking) {
          isAsking = true;
          void world.pool.call('played').then(
            () => {
              isAsking = false;
            },
            (error) => {
              isAsking = false;
              if (error.code === 'ERR_POOL_DEGRADED') refusals.push(error);
            },
          );
        }
        await world.clock.turn(500);
      }
    },
  });
}
