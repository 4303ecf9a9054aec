// The main job: every file of Python's standard library, parsed and measured by a pool of Python workers; then the
// same on one worker, and the same by plain Python, whose totals must agree.
//
//   npm start -- [--dir <folder>] [--size <workers>] [--python <program>]
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { createPool, type PoolOptions } from 'pythonarium';
import { count, startProgress } from './progress.js';
import { formatReport, type Run } from './report.js';
import { differences, type Measured, type PlainTotals, Totals } from './totals.js';

/** What `census.py` says of the place. */
interface Sources {
  python: string;
  executable: string;
  root: string;
  paths: string[];
  bytes: number;
}

const { values: flags } = parseArgs({
  options: { dir: { type: 'string' }, size: { type: 'string' }, python: { type: 'string' } },
});
const options: PoolOptions = {
  module: here('census.py'),
  ...(flags.size !== undefined && { size: Number(flags.size) }),
  ...(flags.python !== undefined && { python: flags.python }),
};

const sources = await findSources();
const { python, executable, root, paths, bytes } = sources;
console.log(
  `Census of ${flags.dir === undefined ? `the standard library of Python ${python}` : flags.dir}\n` +
    `${root}: ${count(paths.length)} files, ${(bytes / 1e6).toFixed(1)} MB\n`,
);

const { totals, run } = await measureWithPool(options);
const alone = await measureWithPool({ ...options, size: 1 });
const plain = await measureWithoutPool();

console.log(
  '\n' + formatReport(totals, [run, alone.run, plain.run], root, Math.min(process.stdout.columns ?? 100, 120)),
);
console.log(`\nSpeed-up of ${run.by} over one: ${(alone.run.workMs / run.workMs).toFixed(2)} times.`);

const problems = [...differences(totals, plain.totals), ...differences(alone.totals, plain.totals)];
if (problems.length === 0) {
  console.log('All totals agree with plain python3.');
} else {
  console.error(`The totals do not agree with plain python3:\n  ${problems.join('\n  ')}`);
  process.exitCode = 1;
}

async function findSources(): Promise<Sources> {
  await using pool = createPool({ ...options, size: 1 });
  return await pool.call<Sources>('sources', [flags.dir]);
}

async function measureWithPool(options: PoolOptions): Promise<{ totals: Totals; run: Run }> {
  await using pool = createPool(options);
  await pool.ready();

  const { size } = pool.stats();
  const by = size === 1 ? '1 worker' : `${size} workers`;
  const totals = new Totals();
  const progress = startProgress(by, paths.length);
  const startedAt = performance.now();
  for await (const file of pool.map<Measured>('measure', paths, { ordered: false })) {
    totals.add(file);
    progress.step();
  }
  const workMs = performance.now() - startedAt;
  progress.stop();
  return { totals, run: { by, workMs } };
}

async function measureWithoutPool(): Promise<{ totals: PlainTotals; run: Run }> {
  const by = 'plain python3';
  const progress = startProgress(by, undefined);
  const startedAt = performance.now();
  const { stdout } = await promisify(execFile)(executable, [here('plain.py'), root]);
  const workMs = performance.now() - startedAt;
  progress.stop();
  return { totals: JSON.parse(stdout) as PlainTotals, run: { by, workMs } };
}

function here(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}
