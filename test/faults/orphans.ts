import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fixtures, PYTHON } from '../support/python.js';
import { MARK, marked, newMark } from './marked.js';
import type { Scenario } from './scenario.js';
import { EndWatcher } from './watcher.js';

const here = fixtures(import.meta.url);

/** The ways in which a program ends, and what its worker is doing at that moment: each with each, once a round. */
export const scenario: Scenario = {
  row: 3,
  title: 'orphans: 7 ends of the parent x 5 states of the worker x with and without a grandchild, spawned and forked',
  async round({ signal }) {
    const watcher = new EndWatcher();
    const cells = ENDS.flatMap((end) =>
      STATES.flatMap((state) =>
        GRANDCHILD.flatMap((grandchild) => STARTS.map((start) => [end, state, grandchild, start] as const)),
      ),
    );
    const lags: number[] = [];
    const next = async () => {
      for (let cell = cells.pop(); cell !== undefined && !signal.aborted; cell = cells.pop()) {
        lags.push(await run(watcher, cell));
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_A_TIME }, next));
    } finally {
      watcher.close();
    }
    const medianMs = median(lags);
    if (medianMs > MEDIAN_MS_MAX) throw new Error(`the median from death to death is ${medianMs} ms`);
    const counts = { runs: lags.length, alive: 0, lagMsMax: Math.max(0, ...lags), medianLagMsMax: medianMs };
    return { ...counts, longerThan20Ms: lags.filter((lag) => lag > 20).length };
  },
};

/** Returns by how many ms the last of them outlived its program. */
async function run(watcher: EndWatcher, cell: readonly [string, string, string, string]): Promise<number> {
  const mark = newMark();
  const [end] = cell;
  const program = spawn(process.execPath, [here('ends.js'), ...cell, here('states.py'), PYTHON], {
    env: { ...process.env, [MARK]: mark },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const exited = once(program, 'exit') as Promise<[number | null, string | null]>;
  const pids = await pidsOf(program, cell);
  const { ends } = await watcher.watch(program.pid!, pids);
  if (end.startsWith('SIG')) program.kill(end as NodeJS.Signals);
  else program.stdin!.write('end\n');
  const [code, signal] = await exited;
  if (signal !== (end.startsWith('SIG') ? end : null) || code === 7) {
    throw new Error(`${cell.join(', ')}: it ended with ${code ?? signal}`);
  }
  const ms = await ends;
  // The reaper goes last.
  const deadline = performance.now() + 1_000;
  while (marked(mark).length > 0 && performance.now() < deadline) await setTimeout(10);
  const alive = [...pids.filter((_, index) => ms[index] === null), ...marked(mark)];
  for (const pid of alive) process.kill(pid, 'SIGKILL');
  if (alive.length > 0) throw new Error(`${cell.join(', ')}: alive after 1 s are ${alive.length} processes`);
  return Math.max(0, ...(ms as number[]));
}

async function pidsOf({ stdout }: ChildProcess, cell: readonly string[]): Promise<number[]> {
  for await (const line of createInterface({ input: stdout! })) return (JSON.parse(line) as { pids: number[] }).pids;
  throw new Error(`${cell.join(', ')}: it ended before it had told anything`);
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const ENDS = ['fall off', 'process.exit', 'throw', 'SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const;
const STATES = ['idle', 'busy', 'holding the GIL', 'stopped', 'masking SIGTERM'] as const;
const GRANDCHILD = ['with', 'without'] as const;
const STARTS = ['spawn', 'fork'] as const;
/** As many as there are processors on a small machine: more would measure how they wait for one. */
const AT_A_TIME = 2;
const MEDIAN_MS_MAX = 20;
