import { expect, it } from 'vitest';
import { scenario } from './asleep.js';
import { effort } from './scenario.js';

it('row 6: no healthy worker is ended by 50 programs that were asleep, and a hung one still is', async () => {
  const counts = await scenario.round(effort(1));
  console.log(counts);
  expect(counts).toMatchObject({ runs: 50, healthyKilled: 0 });
});
