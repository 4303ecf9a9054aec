import { describe, expect, it } from 'vitest';
import { mutantsOf } from '../model/mutants.js';
import { brokenBy } from '../system/broken-by.js';
import { CHARTS } from '../system/world.js';

/**
 * One transition taken out, one guard negated, one target swapped, one action dropped: each breaks a promise. Of the
 * worker and the supervisor only the first is tried, in test/system/mutation.test.ts: walks of what is left of them take hours.
 */
describe.each(['client', 'coordinator'] as const)('every mutant of the %s', (chart) => {
  it('breaks a promise', () => {
    const mutants = mutantsOf(CHARTS[chart]);
    const survivors = mutants.filter(({ machine }) => brokenBy({ ...CHARTS, [chart]: machine }) === null);
    console.log(`${chart}: ${mutants.length} mutants`);
    expect(mutants.length).toBeGreaterThan(30);
    expect(survivors.map(({ name }) => name)).toEqual([]);
  });
});
