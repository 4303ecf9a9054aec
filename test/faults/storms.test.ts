import { expect, it } from 'vitest';
import type { PoolOptions } from '../../src/index.js';
import { NodeScript } from '../support/node-script.js';
import { FAULTS } from './fault.js';
import { scenario as mixed } from './mixed-storm.js';
import { type Counts, effort } from './scenario.js';

it('row 1: a worker killed every 15 ms for two minutes, and every request is accounted for', async () => {
  const counts = await killStorm(120, 'fork', 1_000_000);
  console.log(counts);
  expect(counts.kills).toBeGreaterThanOrEqual(7_000);
  expect(counts.requests).toBeGreaterThanOrEqual(1_000_000);
});

it('row 1, with workers that are started by themselves: as exact, with as many kills as they can come up for', async () => {
  const counts = await killStorm(30, 'spawn');
  console.log(counts);
  expect(counts.kills).toBeGreaterThanOrEqual(100);
});

it('row 2: twelve kinds of faults, each for 30 s, and all of them for 300 s, and every request is accounted for', async () => {
  const counts = await mixed.round(effort(1, 30));
  console.log(counts);
  for (const { name } of FAULTS) expect(counts[name], name).toBeGreaterThanOrEqual(50);
});

/** In a program of its own: what vitest does to modules makes them slower, and a storm is to be as strong as it can be. */
async function killStorm(seconds: number, start: PoolOptions['start'], requestsMin = 0): Promise<Counts> {
  const path = new URL('./fixtures/storm.ts', import.meta.url).pathname;
  return await new NodeScript(path, ['1', String(seconds), String(start), String(requestsMin)]).told();
}
