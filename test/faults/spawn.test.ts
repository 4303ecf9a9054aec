import { expect, it } from 'vitest';
import { effort } from './scenario.js';
import { scenario } from './spawn.js';

it('row 12: whatever stands against a start is one typed error, and the pool recovers when it is lifted', async () => {
  expect(await scenario.round(effort(1))).toEqual({ typed: 8 });
});
