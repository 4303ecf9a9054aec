import { expect, it } from 'vitest';
import { effort } from './scenario.js';
import { scenario } from './values.js';

it('200,000 values each way come back as docs/values.md says, or are refused by their sender', async () => {
  const counts = await scenario.round(effort(1));
  console.log(JSON.stringify(counts));
  for (const way of ['from Node', 'from Python']) {
    expect(counts[`crossed ${way}`]! + (way === 'from Node' ? counts[`refused ${way}`]! : 0)).toBeGreaterThanOrEqual(
      200_000,
    );
    expect(counts[`refused ${way}`]).toBeGreaterThan(1_000);
    expect(counts[`owed ${way}`]).toBeGreaterThan(100_000);
    expect(counts[`crossedOfOwed ${way}`]).toBe(counts[`owed ${way}`]);
  }
});
