import { expect, it } from 'vitest';
import { scenario } from './close.js';
import { effort } from './scenario.js';

it('row 18: drain, close and destroy settle by their deadline from every state, twice and at once', async () => {
  const counts = await scenario.round(effort(1));
  console.log(counts);
  expect(counts).toMatchObject({ cases: 60 });
});
