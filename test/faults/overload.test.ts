import { expect, it } from 'vitest';
import { scenario } from './overload.js';
import { effort } from './scenario.js';

it('row 11: an overload of ten times what can be served is shed, and whoever is served waits for twice the target at the most', async () => {
  const counts = await scenario.round(effort(1, 60));
  console.log(counts);
  expect(counts.shed).toBeGreaterThan(0);
});
