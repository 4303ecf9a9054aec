import { expect, it } from 'vitest';
import { scenario } from './recycling.js';
import { added, type Counts, effort } from './scenario.js';

it('row 9: 1,000 recycles under load, never one of 16 workers less, and no call fails', async () => {
  let counts: Counts = {};
  for (let seed = 1; seed <= 10; seed += 1) counts = added(counts, await scenario.round(effort(seed)));
  console.log(counts);
  expect(counts.recycled).toBeGreaterThanOrEqual(1_000);
  expect(counts).toMatchObject({ served: counts.asked, refused: 0, shed: 0 });
});
