import { expect, it, onTestFinished } from 'vitest';
import type { PoolOptions } from '../../src/index.js';
import { processors } from '../../src/processors.js';
import { PlayedPool } from '../fake/played-pool.js';

it.each<[PoolOptions['lane'] & string, Partial<PoolOptions>, boolean]>([
  ['serial', { size: 2 }, true],
  ['serial', { size: { min: 1, max: 2 } }, true],
  ['serial', { size: 1 }, false],
  ['serial', { size: 2, batchScheduling: false }, false],
  ['asyncio', { size: 2 }, false],
  ['threads', { size: 2 }, false],
])(
  'in the lane %s with %j a worker is to be batch work where there are processors: %s',
  async (lane, options, isTold) => {
    const played = new PlayedPool({ lane, ...options });
    onTestFinished(() => played.destroy());
    await played.boot();
    expect(played.process.init?.batchScheduling).toBe(isTold && processors().count > 1 ? true : undefined);
  },
);
