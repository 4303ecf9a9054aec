import { expect, it } from 'vitest';
import { effort } from './scenario.js';
import { scenario } from './waiters.js';

it('row 10: a hundred thousand who wait for four workers are all served, in their order, and take 1 KB each at most', async () => {
  const counts = await scenario.round(effort(1));
  console.log(counts);
  expect(counts).toMatchObject({ asked: 100_000, served: 100_000 });
});
