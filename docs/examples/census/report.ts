import { relative } from 'node:path';
import Table from 'cli-table3';
import { count } from './progress.js';
import type { Totals } from './totals.js';

/** One way of doing the job, and how long it took. */
export interface Run {
  /** Such as `2 workers`. */
  readonly by: string;
  /** How many Python workers of a pool; 0 for none. */
  readonly workers: number;
  readonly workMs: number;
}

/** The result as tables that fit into `width` characters. The speed-up is over one worker. */
export function formatReport(
  { title, root, totals, runs }: { title: string; root: string; totals: Totals; runs: readonly Run[] },
  width: number,
): string {
  const { files, lines, functions, asynchronous, classes, unparsed, longest, imports } = totals;
  const alone = runs.find(({ workers }) => workers === 1);
  const where = (path: string) => relative(root, path);
  const sections = [
    table(
      width,
      [title, 'total'],
      [
        ['files', count(files)],
        ['  that do not parse', count(unparsed.length)],
        ['lines', count(lines)],
        ['functions', count(functions)],
        ['  of them async', count(asynchronous)],
        ['classes', count(classes)],
      ],
    ),
    table(
      width,
      ['longest functions', 'lines', 'where'],
      longest.map(({ name, path, line, lines }) => [name, count(lines), `${where(path)}:${line}`]),
    ),
    table(
      width,
      ['most imported modules', 'files'],
      imports.map(([module, importers]) => [module, count(importers)]),
    ),
    unparsed.length > 0 &&
      table(width, ['does not parse', 'why'], unparsed.map(({ path, problem }) => [where(path), problem]).sort()),
    table(
      width,
      ['time', 'seconds', 'files a second', 'speed-up'],
      runs.map(({ by, workMs }) => [
        by,
        (workMs / 1000).toFixed(2),
        count(Math.round(files / (workMs / 1000))),
        alone === undefined ? '' : (alone.workMs / workMs).toFixed(2),
      ]),
    ),
  ];
  return sections.filter(Boolean).join('\n\n');
}

function table(width: number, head: string[], rows: string[][]): string {
  const isNumber = head.map((_, column) => rows.length > 0 && rows.every((row) => /^[\d,.]+$/.test(row[column] ?? '')));
  const drawn = new Table({
    head,
    chars: LIGHT,
    style: {
      head: process.stdout.isTTY ? ['bold'] : [],
      border: [],
      compact: true,
      'padding-left': 0,
      'padding-right': 0,
    },
    colWidths: columnWidths([head, ...rows], width),
    colAligns: isNumber.map((number) => (number ? 'right' : 'left')),
  });
  drawn.push(...rows);
  return drawn.toString().replace(/ +$/gm, '');
}

/** As wide as their content; where that is too wide together, the widest gives way. */
function columnWidths(rows: string[][], width: number): number[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const available = width - GAP.length * (widths.length - 1);
  while (widths.reduce((sum, each) => sum + each, 0) > available) widths[widths.indexOf(Math.max(...widths))]! -= 1;
  return widths;
}

const GAP = '   ';

/** No frame, and a rule under the head. */
const LIGHT = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  right: '',
  middle: GAP,
  mid: '─',
  'left-mid': '',
  'mid-mid': '─'.repeat(GAP.length),
  'right-mid': '',
};
