// The main job: every file of Python's standard library, parsed and measured by a pool of Python workers; then the
// same on one worker, and the same by plain Python, whose totals must agree.
//
//   npm start -- [--dir <folder>] [--size <workers>] [--python <program>]
import { execFile } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { createPool, type PoolOptions } from 'pythonarium';
import { count, startProgress } from './progress.js';
import { formatReport, type Run } from './report.js';
import { differences, type Measured, type PlainTotals, Totals } from './totals.js';

const { values: flags } = parseArgs({
  options: { dir: { type: 'string' }, size: { type: 'string' }, python: { type: 'string' } },
});
const options: PoolOptions = {
  module: here('census.py'),
  ...(flags.size !== undefined && { size: Number(flags.size) }),
  ...(flags.python !== undefined && { python: flags.python }),
};
const loadBefore = loadavg()[0] ?? 0;

const { python, executable, root, paths, bytes } = await findSources();
const subject = flags.dir === undefined ? 'The standard library' : 'A folder';
console.log(`${subject}, read by Python ${python}: ${count(paths.length)} files, ${(bytes / 1e6).toFixed(1)} MB`);
console.log(`${root}\n`);

const pooled = await measureWithPool(options);
const alone = await measureWithPool({ ...options, size: 1 });
const plain = await measureWithoutPool();

const report = { title: `Python ${python}`, root, totals: pooled.totals, runs: [pooled.run, alone.run, plain.run] };
console.log(`\n${formatReport(report, Math.min(process.stdout.columns ?? 100, 120))}\n`);
console.log(
  `Measured once, on ${availableParallelism()} cores with a load of ${loadBefore.toFixed(1)} before the start.`,
);

const disagreements = [pooled, alone].flatMap(({ totals }) => differences(totals, plain.totals));
if (disagreements.length === 0) {
  console.log('The totals agree with plain python3.');
} else {
  console.error(`The totals do not agree with plain python3:\n  ${disagreements.join('\n  ')}`);
  process.exitCode = 1;
}

/** What `census.py` says of the place. */
interface Sources {
  python: string;
  executable: string;
  root: string;
  paths: string[];
  bytes: number;
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
  return { totals, run: { by, workers: size, workMs } };
}

async function measureWithoutPool(): Promise<{ totals: PlainTotals; run: Run }> {
  const by = 'plain python3';
  const progress = startProgress(by, undefined);
  const startedAt = performance.now();
  const { stdout } = await promisify(execFile)(executable, [here('plain.py'), root]);
  const workMs = performance.now() - startedAt;
  progress.stop();
  return { totals: JSON.parse(stdout) as PlainTotals, run: { by, workers: 0, workMs } };
}

function here(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}
