import { expect, it } from 'vitest';
import { effort } from './scenario.js';
import { scenario } from './waiters.js';

it('row 10: a hundred thousand who wait for four workers are all served, in their order', async () => {
  expect(await scenario.round(effort(1))).toMatchObject({ asked: 100_000, served: 100_000 });
});
