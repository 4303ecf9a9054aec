import { expect, it } from 'vitest';
import { scenario } from './hung.js';
import { added, type Counts, effort } from './scenario.js';

it('row 7: 200 workers that hang are found, gone and replaced in time', async () => {
  let counts: Counts = {};
  for (let seed = 1; seed <= 50; seed += 1) counts = added(counts, await scenario.round(effort(seed)));
  console.log(counts);
  expect(counts).toMatchObject({ hung: 200 });
});
