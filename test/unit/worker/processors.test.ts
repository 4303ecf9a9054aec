import { expect, it, onTestFinished, vi } from 'vitest';
import type { PoolOptions } from '../../../src/index.js';
import type { InitMessage } from '../../../src/wire/message.js';
import { PlayedPool } from '../../fake/played-pool.js';

/** How many processors there are. */
const count = vi.hoisted(() => vi.fn(() => 2));
vi.mock('../../../src/time/processors.js', () => ({ processors: () => ({ count: count(), isQuota: false }) }));

it.each<[PoolOptions['lane'] & string, Partial<PoolOptions>, number, true | undefined]>([
  ['serial', { size: 2 }, 2, true],
  ['serial', { size: { min: 1, max: 2 } }, 2, true],
  ['serial', { size: 2 }, 1, undefined],
  ['serial', { size: 1 }, 2, undefined],
  ['serial', { size: 2, batchScheduling: false }, 2, undefined],
  ['asyncio', { size: 2 }, 2, undefined],
  ['threads', { size: 2 }, 2, undefined],
])('in the lane %s with %j and %d processors a worker is to be batch work: %s', async (lane, options, there, told) => {
  expect((await initOf({ lane, ...options }, there)).batchScheduling).toBe(told);
});

it.each<[Partial<PoolOptions>, number, true | undefined]>([
  [{ size: 2 }, 2, true],
  [{ size: { min: 1, max: 2 } }, 2, true],
  [{ size: 1 }, 1, true],
  [{ size: 1 }, 2, undefined],
  [{ size: 2 }, 3, undefined],
])('with %j and %d processors a worker is to share them with Node: %s', async (options, there, told) => {
  expect((await initOf(options, there)).sharesProcessors).toBe(told);
});

/** What a worker of such a pool is told, where there are so many processors. */
async function initOf(options: Partial<PoolOptions>, there: number): Promise<InitMessage> {
  count.mockReturnValue(there);
  const played = new PlayedPool(options);
  onTestFinished(() => played.destroy());
  await played.boot();
  return played.process.init!;
}
