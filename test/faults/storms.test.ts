import { expect, it } from 'vitest';
import { FAULTS } from './fault.js';
import { scenario as kill, killStorm } from './kill-storm.js';
import { scenario as mixed } from './mixed-storm.js';
import { effort } from './scenario.js';

it('row 1: a worker killed every 15 ms for two minutes, and every request is accounted for', async () => {
  const counts = await kill.round(effort(1, 120));
  console.log(counts);
  expect(counts.kills).toBeGreaterThanOrEqual(7_000);
  expect(counts.asked).toBeGreaterThanOrEqual(1_000_000);
});

it('row 1, with workers that are started by themselves: as exact, with as many kills as they can come up for', async () => {
  const counts = await killStorm(effort(1, 30), 'spawn');
  console.log(counts);
  expect(counts.kills).toBeGreaterThanOrEqual(100);
});

it('row 2: twelve kinds of faults, each for 30 s, and all of them for 300 s, and every request is accounted for', async () => {
  const counts = await mixed.round(effort(1, 30));
  console.log(counts);
  for (const { name } of FAULTS) expect(counts[name], name).toBeGreaterThanOrEqual(50);
});
