import { expect, it, onTestFinished, vi } from 'vitest';
import { failure } from '../support/pool.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

vi.mock('../../src/actors/supervisor.js', async (original) => {
  const { supervisorLogic } = await original<typeof import('../../src/actors/supervisor.js')>();
  const tellDrain = () => {
    throw new Error('a bug of our own');
  };
  return { supervisorLogic: (runtime: never) => supervisorLogic(runtime).provide({ actions: { tellDrain } }) };
});

it('a chart that dies of a bug of ours ends its pool and not the program: every caller is told, and every worker killed', async () => {
  const seen: unknown[] = [];
  const note = (error: unknown) => seen.push(error);
  process.on('uncaughtException', note).on('warning', note);
  onTestFinished(() => void process.off('uncaughtException', note).off('warning', note));
  const world = new PlayedPool({ size: 2, slots: 1 }, {});
  await world.boot();
  const calls = ['runs', 'runs too', 'waits'].map((name) => failure(world.pool.call(name)));
  const lease = failure(world.pool.checkout());
  await heard();

  const drained = world.pool.drain().catch(() => {});
  await heard();
  world.python.reap();
  expect(await Promise.all([...calls, lease])).toMatchObject(
    Array.from({ length: 4 }, () => ({ code: 'ERR_POOL_CLOSED' })),
  );
  expect(world.python.processes.map(({ signals }) => signals)).toEqual([['SIGKILL'], ['SIGKILL']]);
  await drained;
  expect(await failure(world.pool.call('later'))).toMatchObject({ code: 'ERR_POOL_CLOSED' });
  await world.pool.close();
  await heard();
  expect(seen).toEqual([
    expect.objectContaining({ code: 'PYTHONARIUM_FAULT', message: expect.stringContaining('a bug of our own') }),
  ]);
});
