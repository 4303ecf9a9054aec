/** `npm run mutation [-- <group> …]`: the mutation score of the core, one group of files after the other. Ends with 1 below the bar. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GROUPS, type Group } from './groups.js';

/** So many of a hundred mutants have to be found out. */
const BAR = 85;

/** What Stryker writes of a run, in the schema of mutation-testing-report. */
interface Report {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>;
}

interface Mutant {
  readonly status: 'Killed' | 'Timeout' | 'Survived' | 'NoCoverage' | 'RuntimeError';
  /** How many tests were run. */
  readonly testsCompleted?: number;
  readonly replacement: string;
  readonly location: Readonly<Record<'start' | 'end', { readonly line: number; readonly column: number }>>;
}

interface Score {
  readonly file: string;
  readonly killed: number;
  readonly timeout: number;
  readonly survived: number;
  readonly uncovered: number;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const STRYKER = join(root, 'test/mutation', 'node_modules/.bin/stryker');
const asked = process.argv.slice(2);
const groups = GROUPS.filter(({ name }) => asked.length === 0 || asked.includes(name));
const began = performance.now();
const scores = groups.flatMap(scoresOf);
const total = scores.reduce((sum, each) => ({
  file: 'all',
  killed: sum.killed + each.killed,
  timeout: sum.timeout + each.timeout,
  survived: sum.survived + each.survived,
  uncovered: sum.uncovered + each.uncovered,
}));

for (const each of [...scores, total]) {
  const { file, killed, timeout, survived, uncovered } = each;
  const counts = `killed ${killed}, timed out ${timeout}, survived ${survived}, covered by no test ${uncovered}`;
  console.log(`${file.padEnd(26)} ${percentOf(each).toFixed(1).padStart(5)} %  ${counts}`);
}
console.log(`${((performance.now() - began) / 60_000).toFixed(1)} minutes; the bar is ${BAR} %`);
process.exitCode = percentOf(total) >= BAR ? 0 : 1;

/** Has Stryker try the mutants of a group, and prints those that nobody found out. */
function scoresOf({ name, mutate }: Group): Score[] {
  const file = `.stryker/${name}.json`;
  const { status } = spawnSync(
    STRYKER,
    ['run', 'test/mutation/stryker.config.json', '--mutate', mutate.join(), '--incrementalFile', file],
    { cwd: root, stdio: 'inherit', env: { ...process.env, MUTATION_GROUP: name } },
  );
  if (status !== 0) throw new Error(`Stryker ended with ${status} in the group ${name}`);
  const { files } = JSON.parse(readFileSync(`${root}/${file}`, 'utf8')) as Report;
  return Object.entries(files).map(([path, { source, mutants }]) => {
    const count = (which: Mutant['status']) => mutants.filter((each) => fateOf(each) === which).length;
    for (const each of mutants) {
      if (['Survived', 'NoCoverage'].includes(fateOf(each))) console.log(shown(path, source, each));
    }
    return {
      file: path,
      killed: count('Killed'),
      timeout: count('Timeout'),
      survived: count('Survived'),
      uncovered: count('NoCoverage'),
    };
  });
}

/**
 * What became of a mutant. With one whose module does not load no test is run, which Stryker takes for none that failed;
 * one that throws where no test is waiting it does not count at all. Vitest fails by both.
 */
function fateOf({ status, testsCompleted }: Mutant): Mutant['status'] {
  return status === 'RuntimeError' || (status === 'Survived' && testsCompleted === 0) ? 'Killed' : status;
}

function shown(path: string, source: string, { status, replacement, location: { start, end } }: Mutant): string {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  const was = [...lines.slice(0, -1), lines.at(-1)!.slice(0, end.column - 1)].join('\n').slice(start.column - 1);
  return `${path}:${start.line}:${start.column} ${status}: ${excerpt(was)} -> ${excerpt(replacement)}`;
}

function excerpt(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 90 ? `${line.slice(0, 90)}…` : line;
}

function percentOf({ killed, timeout, survived, uncovered }: Score): number {
  return (100 * (killed + timeout)) / (killed + timeout + survived + uncovered);
}
