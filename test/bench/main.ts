/**
 * Benches, in plain Node and on real Python.
 *
 *     npm run bench                            all of them
 *     npm run bench -- sequential 5 fork       some, by name or by row
 *     npm run bench -- report FILE...          the page and the plots of what `--json FILE` has left, in one run or in parts
 *     npm run bench -- compare A B             two revisions
 *
 * `--rounds N` for a quick look (9), `--json FILE` for a program (`-` prints it), `--python PYTHON`, `--core N` for the core
 * that both sides share where it is about latency. Ends with 1 if a promise does not hold.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { compare } from './compare.js';
import { print } from './print.js';
import { joined, newRecord, type Record } from './record.js';
import { writeReport } from './report.js';
import type { Conditions } from './scenario.js';
import { SCENARIOS } from './scenarios.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '9' },
    json: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    core: { type: 'string', default: String(Math.min(1, availableParallelism() - 1)) },
  },
});

const [command, ...rest] = positionals;
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) fail(`--rounds is an integer of 1 or more, and not ${values.rounds}.`);
if (command === 'report') {
  if (rest.length === 0) fail('report takes the file that --json has left, or several of one revision.');
  const parts = rest.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Record);
  try {
    writeReport(joined(parts));
  } catch (error) {
    fail((error as Error).message);
  }
} else {
  const conditions: Conditions = {
    // Found once: what `python3` leads to may be a script that takes longer than all of the bench.
    python: execFileSync(values.python, ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim(),
    rounds,
    core: values.core,
    progress: (text) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
    },
  };
  if (command === 'compare') {
    if (rest.length !== 2) fail('compare takes two revisions.');
    await compare(rest as [string, string], conditions, values.json);
  } else {
    await bench(conditions);
  }
}

async function bench(conditions: Conditions): Promise<void> {
  const unknown = positionals.find((word) => !SCENARIOS.some((scenario) => isNamed(scenario, word)));
  if (unknown !== undefined) {
    fail(
      `There is no bench "${unknown}". There are: ${SCENARIOS.map(({ name }) => name).join(', ')}; report and compare.`,
    );
  }
  const record = newRecord(conditions.python, rounds);
  const scenarios: Record['scenarios'][number][] = [];
  for (const scenario of SCENARIOS) {
    if (positionals.length > 0 && !positionals.some((word) => isNamed(scenario, word))) continue;
    const result = await scenario.run(conditions);
    conditions.progress('');
    const { name, row, title, caveat } = scenario;
    scenarios.push({ name, title, caveat, ...(row === undefined ? {} : { row }), ...result });
    if (values.json !== '-') print(scenario, result);
    if (result.checks.some(({ holds }) => !holds)) process.exitCode = 1;
    // After each, so that a long run that is ended leaves what it has.
    if (values.json !== undefined && values.json !== '-') {
      writeFileSync(values.json, JSON.stringify({ ...record, scenarios }, undefined, 2));
    }
  }
  if (values.json === '-') console.log(JSON.stringify({ ...record, scenarios }, undefined, 2));
}

function isNamed({ name, row }: { readonly name: string; readonly row?: number }, word: string): boolean {
  return word === name || word === String(row);
}

function fail(why: string): never {
  console.error(why);
  process.exit(2);
}
