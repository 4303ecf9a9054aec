import { expect, it } from 'vitest';
import { watchFaults } from './faults.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

const faults = watchFaults();

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
