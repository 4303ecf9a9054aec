import { expect, it } from 'vitest';
import type { SessionOptions } from '../../src/index.js';
import { failure } from '../support/pool.js';
import { watchFaults } from './faults.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

const faults = watchFaults();

it('a session whose worker is to be replaced is told of its loss once, by those who waited, before it begins anew', async () => {
  const world = new PlayedPool({ size: 1 }, { serve: ({ id }, process) => queueMicrotask(() => process.answer(id)) });
  await world.boot();
  const session = world.pool.session('strict');
  const lease = await session.checkout();
  const waiting = session.call('played').catch((error: unknown) => error);
  await heard();
  const [hand] = world.runtime.hands.values();
  hand?.life.replace();
  await heard();
  // It will end with the lease, and nobody new comes to it: who waits for it waits for nothing.
  await expect(Promise.race([waiting, heard()])).resolves.toMatchObject({
    code: 'ERR_SESSION_LOST',
    reason: 'worker-recycled',
  });
  const next = session.call('played');
  await lease.checkin();
  await world.settle();
  await expect(next).resolves.toEqual(expect.any(Number));
  expect(faults).toEqual([]);
  await world.destroy();
});

it('a session is not over before its call on a worker that is to be replaced is', async () => {
  const world = new PlayedPool({ size: 1 });
  await world.boot();
  const { process } = world;
  const session = world.pool.session('strict');
  const call = session.call('played');
  await heard();
  for (const hand of world.runtime.hands.values()) hand.life.replace();
  let isOver = false;
  const ended = session.end().then(() => {
    isOver = true;
  });
  await heard();
  expect(isOver).toBe(false);
  process.answer('served');
  await expect(call).resolves.toBe('served');
  await ended;
  expect(faults).toEqual([]);
  await world.destroy();
});

it('every call that waits for a worker which is to be replaced is told why its session is lost', async () => {
  const world = new PlayedPool({ size: 1 }, { serve: ({ id }, process) => queueMicrotask(() => process.answer(id)) });
  await world.boot();
  const session = world.pool.session('strict');
  const lease = await session.checkout();
  const waiting = [session.call('played'), session.call('played'), session.checkout()].map((each) => failure(each));
  await heard();
  for (const hand of world.runtime.hands.values()) hand.life.replace();
  const lost = { code: 'ERR_SESSION_LOST', reason: 'worker-recycled' };
  expect(await Promise.all(waiting)).toMatchObject([lost, lost, lost]);
  await lease.checkin();
  await world.destroy();
});

it('every call that waits for a worker which is to be replaced waits for its state to be built anew, in a full queue too', async () => {
  const world = new PlayedPool(
    { size: 1, queueMax: 2 },
    { serve: ({ id }, process) => queueMicrotask(() => process.answer(id)) },
  );
  await world.boot();
  const session = world.pool.session('strict', { onLost: () => {} });
  const lease = await session.checkout();
  const waiting = [session.call('played'), session.call('played')];
  await heard();
  for (const hand of world.runtime.hands.values()) hand.life.replace();
  await lease.checkin();
  await world.settle();
  expect(await Promise.all(waiting)).toEqual([expect.any(Number), expect.any(Number)]);
  await world.destroy();
});

it('whoever waits for a worker which is to be replaced has an `onLost` called, though one without had been told before', async () => {
  const world = new PlayedPool({ size: 1 }, { serve: ({ id }, process) => queueMicrotask(() => process.answer(id)) });
  await world.boot();
  const losses: string[] = [];
  const strict = world.pool.session('strict');
  const rebuilt = world.pool.session('strict', { onLost: (_, { reason }) => losses.push(reason) });
  const lease = await strict.checkout();
  const told = failure(strict.call('played'));
  const waiting = [rebuilt.call('played'), rebuilt.call('played')];
  await heard();
  for (const hand of world.runtime.hands.values()) hand.life.replace();
  expect(await told).toMatchObject({ code: 'ERR_SESSION_LOST', reason: 'worker-recycled' });
  await lease.checkin();
  await world.settle();
  expect(await Promise.all(waiting)).toEqual([expect.any(Number), expect.any(Number)]);
  expect(losses).toEqual(['worker-recycled']);
  await world.destroy();
});

it.each<[string, string, (world: PlayedPool) => void]>([
  [
    'is to be replaced',
    'worker-recycled',
    ({ runtime }) => {
      for (const hand of runtime.hands.values()) hand.life.replace();
    },
  ],
  [
    'dies',
    'worker-died',
    ({ python }) => {
      for (const each of python.living) each.die();
      python.reap();
    },
  ],
])('nothing is built anew for a session on a worker that %s as it is leased for that', async (_, reason, leave) => {
  const world = new PlayedPool({ size: 2 }, { serve: ({ id }, process) => queueMicrotask(() => process.answer(id)) });
  await world.boot();
  const losses: unknown[] = [];
  const onLost: SessionOptions['onLost'] = ({ ended }, lost) => losses.push([ended, lost.reason]);
  const session = world.pool.session('strict', { onLost });
  const lease = await session.checkout();
  const waiting = session.call('played');
  await heard();
  // The session leaves the one worker for the other, which is next.
  leave(world);
  await lease.checkin();
  await world.settle();
  expect(await waiting).toEqual(expect.any(Number));
  expect(losses).toEqual([[undefined, reason]]);
  expect(faults).toEqual([]);
  await world.destroy();
});
