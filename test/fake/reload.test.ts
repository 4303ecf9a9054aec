import { expect, it } from 'vitest';
import { watchFaults } from './faults.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

const faults = watchFaults();

it('a reload starts no worker before its trial is gone, so that there is one Python more and never two', async () => {
  const world = new PlayedPool({ size: 1 });
  await world.boot();
  const reload = world.pool.reload();
  await heard();
  const trial = world.process;
  trial.ignoresStop = true;
  await world.boot();
  await world.clock.turn(1_000);
  expect([trial.isAlive, world.python.processes.length]).toEqual([true, 2]);
  // Nobody waits for it for longer than for any worker.
  await world.settle();
  expect(trial.signals).toEqual(['SIGKILL']);
  await reload;
  expect(world.python.processes.length).toBe(3);
  expect(faults).toEqual([]);
  await world.destroy();
});

it('a reload whose workers die before their turn comes is over once another is up', async () => {
  const world = new PlayedPool({ size: 2 });
  const { clock, python, pool } = world;
  await world.boot();
  const olds = python.living;
  let isOver = false;
  const reload = pool.reload().then(() => {
    isOver = true;
  });
  await heard();
  await world.boot();
  python.reap();
  await clock.turn(0);
  for (const old of olds) old.die({ exitCode: null, signal: 'SIGSEGV' });
  python.reap();
  await heard();
  expect([pool.stats().workers.idle, isOver]).toEqual([0, false]);
  await world.settle();
  await reload;
  expect(pool.stats().workers.idle).toBe(2);
  expect(faults).toEqual([]);
  await world.destroy();
});

it('a session that loses its worker by a reload goes to one that has come up since, and is not lost with the next', async () => {
  const world = new PlayedPool({ size: 3 }, { serve: ({ id }, process) => queueMicrotask(() => process.answer(id)) });
  await world.boot();
  const built: string[] = [];
  const session = world.pool.session('strict', { onLost: ({ worker }) => built.push(worker) });
  await session.call('played');
  const losses: unknown[] = [];
  world.pool.on('session.lost', (lost) => {
    losses.push(lost);
    void session.call('played');
  });
  const reload = world.pool.reload();
  await heard();
  await world.settle();
  await reload;
  expect(losses).toEqual([{ session: 'strict', reason: 'worker-recycled' }]);
  expect(built).toEqual(['worker-3']);
  expect(faults).toEqual([]);
  await world.destroy();
});

it('a reload while nobody is up leaves no timer behind, and each that is dead waits for its start once', async () => {
  const world = new PlayedPool({ size: 3, failuresMax: 3 });
  const { clock, python, pool } = world;
  for (const each of python.living) each.failToSpawn();
  python.reap();
  await heard();
  expect([pool.stats().state, clock.timers]).toEqual(['degraded', 3]);
  const reload = pool.reload();
  await heard();
  await world.boot();
  python.reap();
  await heard();
  // One is being started, and the others wait for what becomes of it: each by one timer, as does its boot.
  expect([python.living.length, clock.timers]).toEqual([1, 3]);
  await world.boot();
  await reload;
  expect(faults).toEqual([]);
  await world.destroy();
});
