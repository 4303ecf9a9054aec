import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { FakeProcess } from '../fake/fake-python.js';
import { watchFaults } from '../fake/faults.js';
import { PlayedPool } from '../fake/played-pool.js';
import { heard } from '../fake/turned-clock.js';
import { effort } from './effort.js';

const faults = watchFaults();
const GROW_MS = 100;
const SHRINK_MS = 5_000;
const BOOT_MS = 300;
const STEP_MS = 100;

/** Bursts of calls, each of some length, and lulls between them. */
const bursts = fc.array(
  fc.record({
    calls: fc.integer({ min: 0, max: 12 }),
    eachMs: fc.integer({ min: 1, max: 900 }),
    lullMs: fc.integer({ min: 0, max: 12_000 }),
  }),
  { minLength: 1, maxLength: 6 },
);

it('a pool of no fixed size stays within it, never ends a worker that is leased, and never one that it has just started', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 2 }),
      fc.integer({ min: 0, max: 3 }),
      bursts,
      async (min, more, story) => {
        const max = min + more;
        const world = new PlayedPool(
          { size: { min, max, growAfterMs: GROW_MS, shrinkAfterMs: SHRINK_MS } },
          {
            serve: (request, process) =>
              void world.clock.setTimeout(() => process.answer('served'), request.args[0] as number),
          },
        );
        const bornAt = new Map<number, number>();
        world.pool.on('worker.ready', ({ id }) => bornAt.set(id, world.clock.now()));
        world.pool.on('worker.retired', ({ id, reason }) => {
          expect(reason).toBe('unused');
          expect(world.clock.now() - (bornAt.get(id) as number)).toBeGreaterThanOrEqual(SHRINK_MS);
        });
        let served = 0;
        let asked = 0;
        const booting = new Map<FakeProcess, number>();
        const live = async (ms: number) => {
          for (let passed = 0; passed < ms; passed += STEP_MS) {
            await world.clock.turn(STEP_MS);
            world.python.reap();
            for (const process of world.python.living.filter((each) => each.isBooting)) {
              const since = booting.get(process) ?? world.clock.now();
              booting.set(process, since);
              if (world.clock.now() - since >= BOOT_MS) process.boot();
            }
            await heard();
            const { size, workers, leases, slots } = world.pool.stats();
            expect(world.python.living.length).toBeLessThanOrEqual(max);
            expect(size).toBeGreaterThanOrEqual(min);
            expect(size).toBeLessThanOrEqual(max);
            expect(leases).toBeLessThanOrEqual(slots);
            expect(workers.retiring).toBe(0);
          }
        };
        await live(BOOT_MS + 100);
        for (const { calls, eachMs, lullMs } of story) {
          asked += calls;
          for (let call = 0; call < calls; call += 1) {
            void world.pool.call('played', [eachMs]).then(() => {
              served += 1;
            });
          }
          await live(lullMs);
        }
        await live(12 * 900 + 3 * SHRINK_MS);
        expect(served).toBe(asked);
        expect(world.pool.stats()).toMatchObject({ size: min, missing: 0, waiting: 0 });
        await world.destroy();
        expect(faults.splice(0)).toEqual([]);
      },
    ),
    effort(25),
  );
});

it('a pool of no fixed size has as many workers as it may where many wait, one after the other, and no more than wait', async () => {
  const world = new PlayedPool({ size: { min: 1, max: 4, growAfterMs: GROW_MS } });
  await world.boot();
  for (let call = 0; call < 3; call += 1) void world.pool.call('played').catch(() => {});
  await world.clock.turn(GROW_MS - 1);
  expect(world.python.processes).toHaveLength(1);
  await world.clock.turn(1);
  expect(world.python.processes).toHaveLength(2);
  await world.clock.turn(GROW_MS);
  expect(world.python.processes).toHaveLength(3);
  // Two wait, and two start.
  await world.clock.turn(10 * GROW_MS);
  expect(world.python.processes).toHaveLength(3);
  await world.destroy();
});

it('a pool of no fixed size has not one worker more for those who wait for one alone', async () => {
  const world = new PlayedPool({ size: { min: 1, max: 4, growAfterMs: GROW_MS } });
  await world.boot();
  const session = world.pool.session('ann');
  void session.call('played').catch(() => {});
  await heard();
  void session.call('played').catch(() => {});
  await world.clock.turn(20 * GROW_MS);
  expect(world.python.processes).toHaveLength(1);
  await world.destroy();
});
