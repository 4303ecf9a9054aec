import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PLANTED } from '../faults/planted-bugs.js';
import { GROUPS } from '../mutation/groups.js';
import { VALUES } from '../wire/rfc8259.js';
import { ROOT, readPage } from './pages.js';

const { text } = readPage('docs/proof.md');

describe('docs/proof.md', () => {
  const files = [...text.matchAll(ROW)].map(([, ...cells]) => cells.map(Number));
  const sumOf = (column: number) => files.reduce((sum, cells) => sum + (cells[column] ?? 0), 0);
  const [mutants, found, outOfTime] = [sumOf(0), sumOf(1), sumOf(2)] as const;

  it('adds up the mutants of the core as its table has them, in the row that speaks of them too', () => {
    expect(files.length).toBeGreaterThan(10);
    const share = `${shareOf(found, mutants)} %`;
    expect(text).toContain(`\n| all | ${mutants} | ${found} | ${outOfTime} | ${share} |\n`);
    const [tried, seen] = [mutants, found].map((count) => count.toLocaleString('en-US'));
    expect(text).toContain(`${tried} were tried, and the tests of their files find out ${seen}, which is ${share} (`);
  });

  it('says of each file what part of them that is', () => {
    expect(files.map(([all = 0, some = 0]) => shareOf(some, all))).toEqual(files.map((cells) => cells[3]?.toFixed(1)));
  });

  it('has in its table the files that are tried, and no others', () => {
    const rows = [...text.matchAll(ROW)].map(([row]) => [...row.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
    const tried = GROUPS.flatMap(({ mutate }) => mutate);
    // Those of one row that are in the folder of the first are named without it.
    const named = rows.flatMap(([first = '', ...others]) => [
      first,
      ...others.map((name) => (name.includes('/') ? name : `${dirname(first)}/${name}`)),
    ]);
    expect(named.sort()).toEqual([...tried].sort());
  });

  it('says in the rows on planted bugs, on mutants of the charts and on JSON how many there are', () => {
    const charts = [...text.matchAll(CHART_ROW)].map(([, ...cells]) => cells.map(Number));
    expect(charts).toHaveLength(4);
    const [mutants, onlyByTable] = [0, 2].map((column) => charts.reduce((sum, cells) => sum + cells[column]!, 0));
    expect(text).toContain(
      ` | all ${PLANTED.length}, each by the test that \`test/faults/planted-bugs.ts\` names; ${mutants} mutants |`,
    );
    expect(text).toContain(`\nOf the ${onlyByTable} that only a table breaks,`);
    expect(text).toContain(` | ${VALUES.length} cases in \`npm test\`; `);
  });

  it('counts no bug among those that are planted for which there is no place any more', () => {
    const lost = PLANTED.filter(({ file, find }) => !readFileSync(join(ROOT, file), 'utf8').includes(find));
    expect(lost.map(({ what }) => what)).toEqual([]);
  });
});

/** A file, or several that are tried together, its mutants, those that are found out, of these out of time, and the share. */
const ROW = /^\| `(?:machines|src)\/\S+`(?:, `\S+`)* \| (\d+) \| (\d+) \| (\d+) \| ([\d.]+) % \|$/gm;

/** A chart, its mutants, those that a scenario breaks, and those that only its table does. */
const CHART_ROW = /^\| (?:client|coordinator|worker|supervisor) \| (\d+) \| (\d+) \| (\d+) \|$/gm;

function shareOf(some: number, all: number): string {
  return ((100 * some) / all).toFixed(1);
}
