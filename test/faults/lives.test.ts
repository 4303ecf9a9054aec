import { expect, it } from 'vitest';
import { scenario } from './lives.js';
import { effort } from './scenario.js';

it(
  'row 5: after 10,000 worker lives descriptors, children and listeners are as before, and a life leaves 1 KB of heap at most',
  async () => {
    const counts = await scenario.round(effort(1));
    console.log(counts);
    expect(counts.lives).toBeGreaterThanOrEqual(10_000);
    expect(counts.heapBytesPerLifeMax).toBeLessThanOrEqual(1_024);
  },
  20 * 60_000,
);
