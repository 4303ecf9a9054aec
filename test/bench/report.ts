import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { barsSvg, linesSvg } from './plot.js';
import type { Record } from './record.js';
import { type Check, shown, type Table } from './scenario.js';

/** Writes `docs/benchmarks.md` and its plots. */
export function writeReport(record: Record): void {
  for (const [name, text] of Object.entries(reportFiles(record))) {
    writeFileSync(fileURLToPath(new URL(`../../docs/${name}`, import.meta.url)), text);
    console.log(`docs/${name}`);
  }
}

/** The files of `docs`, by name. */
export function reportFiles(record: Record): { readonly [name: string]: string } {
  const { machine, scenarios } = record;
  const bars = barsSvg(
    'How far each figure is from its bar',
    scenarios.flatMap(({ name, row, checks }) =>
      row === undefined ? [] : checks.flatMap((check) => barOf(`${row}. ${name}: ${check.what}`, check)),
    ),
  );
  const files: { [name: string]: string } = { 'benchmarks.svg': bars };
  const lines = [
    '# Benchmarks',
    '',
    `Measured by \`npm run bench -- --json FILE\`, and written from that file by \`npm run bench -- report FILE\`: revision \`${record.revision}\`, ${record.date.slice(0, 10)}, ` +
      `${machine.cores} cores of ${machine.cpu}, ${machine.memoryGb} GB, Linux ${machine.kernel}, Node ${machine.node}, Python ${machine.python}. ` +
      `${record.rounds} rounds; the load of the machine was ${machine.load} as it began. [How it is measured](decisions/bench.md).`,
    '',
    `![How far each figure is from its bar](benchmarks.svg)`,
    '',
    'Ratios are of two sides in one run, round by round, and hold better than times, which are those of this machine. A figure is a median, and in brackets the lowest and the highest of the rounds.',
    '',
    ...promises(record),
  ];
  for (const { name, row, title, caveat, tables, plots = [] } of scenarios) {
    lines.push(`## ${row === undefined ? '' : `${row}. `}${title}`, '', `\`npm run bench -- ${name}\``, '');
    for (const table of tables) lines.push(...markdown(table));
    plots.forEach((plot, index) => {
      const file = `benchmarks-${name}${index === 0 ? '' : `-${index + 1}`}.svg`;
      files[file] = linesSvg(plot);
      lines.push(`![${plot.title}](${file})`, '');
    });
    lines.push(`**What this does not say.** ${caveat}`, '');
  }
  files['benchmarks.md'] = `${lines.join('\n').trimEnd()}\n`;
  return files;
}

function promises({ scenarios }: Record): string[] {
  const rows = scenarios.flatMap(({ row, checks }) =>
    row === undefined
      ? []
      : checks.map(({ what, is, bar, holds }) => [String(row), what, shown(is), bar, holds ? 'holds' : '**fails**']),
  );
  if (rows.length === 0) return [];
  return ['## What is promised', '', ...markdown({ title: '', head: ['row', 'figure', 'is', 'bar', ''], rows })];
}

function markdown({ title, head, rows }: Table): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [...(title === '' ? [] : [`${title}:`, '']), line(head), line(head.map(() => '---')), ...rows.map(line), ''];
}

/** How much of its bar a figure takes: up to 1 it holds, whichever way the bar is meant. */
function barOf(name: string, { is, bar, holds }: Check): { name: string; share: number; holds: boolean }[] {
  const found = /(at most|at least|more than) ([\d.]+)$/.exec(bar);
  const limit = Number(found?.[2]);
  const judged = bar.startsWith('upper end') ? (is.interval?.[1] ?? is.max) : is.median;
  if (found === null || limit === 0 || !(judged > 0)) return [];
  return [{ name, share: found[1] === 'at most' ? judged / limit : limit / judged, holds }];
}
