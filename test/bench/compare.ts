import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytes, callers, json, leases, mapped, ours, sequential } from './entrants.js';
import { ratios, type Summary, summary } from './figures.js';
import { column, type Entrant, interleave, type Load } from './interleave.js';
import { print } from './print.js';
import { newRecord } from './record.js';
import { type Conditions, type Result, type Scenario, shown } from './scenario.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What is compared; a latency on one core, the rest on all. */
const LOADS: readonly { name: string; load: Load; figure: string; isRate: boolean; isPinned: boolean }[] = [
  { name: 'one at a time, p50 us', load: sequential, figure: 'p50Us', isRate: false, isPinned: true },
  { name: 'one at a time, p99 us', load: sequential, figure: 'p99Us', isRate: false, isPinned: true },
  {
    name: 'lease, processor time us',
    load: leases(8),
    figure: 'nodeCpuUs',
    isRate: false,
    isPinned: true,
  },
  { name: '64 callers, calls/s', load: callers(64), figure: 'perSecond', isRate: true, isPinned: false },
  {
    name: 'map, 64 under way, calls/s',
    load: mapped(64),
    figure: 'perSecond',
    isRate: true,
    isPinned: false,
  },
  { name: '1 MB JSON, us', load: json(1), figure: 'p50Us', isRate: false, isPinned: false },
  { name: '10 MB bytes, us', load: bytes(10), figure: 'p50Us', isRate: false, isPinned: false },
];

/** Two revisions, each built in a worktree of its own, under the loads of this one, in turn. */
export async function compare(
  revisions: readonly [string, string],
  conditions: Conditions,
  file?: string,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pythonarium-compare-'));
  const trees = [join(folder, 'a'), join(folder, 'b')] as const;
  try {
    revisions.forEach((revision, index) => {
      conditions.progress(`building ${revision}`);
      build(revision, trees[index]!);
    });
    const sides = (isPinned: boolean): Entrant[] => {
      const wanted = LOADS.filter((each) => each.isPinned === isPinned);
      const loads = Object.fromEntries(wanted.map(({ name, load }) => [name, load]));
      return revisions.map((name, index) =>
        ours(loads, {
          name,
          options: { library: join(trees[index]!, 'dist/src/index.js') },
          core: isPinned ? conditions.core : undefined,
        }),
      );
    };
    const outcomes = await interleave([...sides(true), ...sides(false)], conditions);
    conditions.progress('');
    const rows = LOADS.map(({ name, figure, isRate, isPinned }) => {
      const [a, b] = isPinned ? [outcomes[0]!, outcomes[1]!] : [outcomes[2]!, outcomes[3]!];
      const [before, after] = [column(a, name, figure), column(b, name, figure)];
      const ratio = summary(ratios(after, before));
      return [name, shown(summary(before)), shown(summary(after)), shown(ratio), verdict(ratio, isRate)];
    });
    const head = ['', revisions[0], revisions[1], 'second over first', ''];
    const scenario: Scenario = {
      name: 'compare',
      title: `${revisions[0]} and ${revisions[1]}`,
      caveat: '',
      run: () => Promise.reject(new Error('it has run')),
    };
    const result: Result = { figures: outcomes, tables: [{ title: 'Median (range)', head, rows }], checks: [] };
    if (file !== '-') print(scenario, result);
    const record = { ...newRecord(conditions.python, conditions.rounds), revisions, ...result };
    if (file === '-') console.log(JSON.stringify(record, undefined, 2));
    else if (file !== undefined) writeFileSync(file, JSON.stringify(record, undefined, 2));
  } finally {
    for (const tree of trees) git('worktree', 'remove', '--force', tree);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether the interval of the ratio is on one side of 1. */
export function verdict({ interval }: Summary, isRate: boolean): string {
  if (interval === undefined) return 'too few rounds to say';
  const [low, high] = interval;
  if (low <= 1 && high >= 1) return 'no difference seen';
  return low > 1 === isRate ? 'faster' : 'slower';
}

function build(revision: string, tree: string): void {
  execFileSync('git', ['worktree', 'add', '--detach', tree, revision], { cwd: ROOT, stdio: 'pipe' });
  const lock = (folder: string) => readFileSync(join(folder, 'package-lock.json'), 'utf8');
  if (lock(tree) === lock(ROOT)) symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  else execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: tree, stdio: 'pipe' });
  execFileSync('npm', ['run', '-s', 'build'], { cwd: tree, stdio: 'pipe' });
}

function git(...args: string[]): void {
  try {
    execFileSync('git', args, { cwd: ROOT, stdio: 'pipe' });
  } catch {
    // It never came to be.
  }
}
