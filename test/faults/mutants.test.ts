import { describe, expect, it } from 'vitest';
import { readPage } from '../docs/pages.js';
import { copyOf, mutantsOf } from '../model/mutants.js';
import { brokenInTable } from '../model/table.js';
import { TABLES } from '../model/tables.js';
import { edgesOf } from '../model/walk.js';
import { brokenScenario } from '../system/broken-scenario.js';
import { CHARTS } from '../system/world.js';

/**
 * One transition taken out, one guard negated, one target swapped, one action dropped: each breaks a promise. A scenario
 * tells of all the charts together, and does not look at what a chart says of itself; what none of them misses is held
 * against the table of its chart.
 */
describe.each(['client', 'coordinator', 'worker', 'supervisor'] as const)('of the mutants of the %s', (chart) => {
  const [machine, table] = [CHARTS[chart], TABLES[chart]];
  const mutants = mutantsOf(machine);
  const edges = edgesOf(table.walks);
  const withInstead = (other: unknown) => ({ ...CHARTS, [chart]: other as never });

  it('each breaks a promise, in as many cases as the docs say', () => {
    const missed = mutants.filter((mutant) => brokenScenario(withInstead(mutant.machine)) === null);
    expect(missed.filter((mutant) => brokenInTable(table, edges, mutant) === null).map(({ name }) => name)).toEqual([]);
    const row = readPage('docs/proof.md')
      .text.split('\n')
      .find((line) => line.startsWith(`| ${chart} |`));
    expect(row).toBe(`| ${chart} | ${mutants.length} | ${mutants.length - missed.length} | ${missed.length} |`);
  });

  it('one in which nothing is changed breaks none', () => {
    const copy = copyOf(machine);
    expect(brokenScenario(withInstead(copy))).toBeNull();
    const some = edges.filter((_, at) => at % 50 === 0);
    for (const mutant of mutants) {
      expect(brokenInTable(table, some, { ...mutant, machine: copy }), mutant.name).toBeNull();
    }
  });
});
