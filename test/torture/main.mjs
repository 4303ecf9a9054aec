/**
 * The same hostile cases on every pool, each in a process of its own that is killed when it does not end: prints the
 * tables of docs/torture.md, and ends with 1 if pythonarium fails a case. `npm run torture` installs the pools first.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { RESOURCE_CASES, WORKER_CASES } from './cases.mjs';
import { RESOURCES, WORKERS } from './pools.mjs';

const LIMIT_MS = 40_000;
let isPassed = true;
await table('workers', Object.keys(WORKER_CASES), Object.keys(WORKERS));
await table('resources', Object.keys(RESOURCE_CASES), Object.keys(RESOURCES));
process.exitCode = isPassed ? 0 : 1;

async function table(kind, cases, pools) {
  console.log(`\n| | ${pools.join(' | ')} |\n| --- |${' --- |'.repeat(pools.length)}`);
  for (const name of cases) {
    const cells = [];
    for (const pool of pools) {
      const outcome = await one(kind, name, pool);
      const isOk = outcome.startsWith('ok: ');
      if (pool === 'pythonarium' && !isOk) isPassed = false;
      cells.push(isOk ? outcome.slice(4) : `**${outcome}**`);
    }
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
}

function one(kind, name, pool) {
  const path = fileURLToPath(new URL('one.mjs', import.meta.url));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path, kind, name, pool],
      { timeout: LIMIT_MS, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        const [, outcome] = /OUTCOME (.*)/.exec(stdout) ?? [];
        if (outcome !== undefined) resolve(outcome);
        else if (error?.killed) resolve('the event loop stands still');
        else resolve(`ends the process: ${stderr.trim().split('\n').at(-1) || error?.code || 'without a word'}`);
      },
    );
  });
}
