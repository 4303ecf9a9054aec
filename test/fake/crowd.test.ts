import { describe, expect, it } from 'vitest';
import { NodeScript } from '../support/node-script.js';

interface Told {
  readonly waiting: number;
  readonly bytesEach: number;
  readonly served: number;
  readonly isInOrder: boolean;
}

describe('a hundred thousand who wait for four workers', () => {
  // All of a call that waits: its promise, its request, its budget, the stack of who made it. The queue's own part is 100 bytes.
  it.each([
    ['', 'without a deadline', 1_024],
    ['1000000', 'with one each', 2_048],
  ])(
    'are all served, in their order, and cost little each: %s %s',
    async (timeoutMs, _, bytesMax) => {
      const path = new URL('./crowd.ts', import.meta.url).pathname;
      const args = timeoutMs === '' ? ['100000'] : ['100000', timeoutMs];
      const script = new NodeScript(path, args, 'export NODE_OPTIONS=--expose-gc');
      const { bytesEach, ...told } = await script.told<Told>();
      expect(told).toMatchObject({ waiting: 100_000, served: 100_000, isInOrder: true });
      console.log(`${bytesEach} bytes for each of 100,000 who wait`);
      expect(bytesEach).toBeLessThanOrEqual(bytesMax);
      expect(await script.ended).toBe(0);
    },
    300_000,
  );
});
