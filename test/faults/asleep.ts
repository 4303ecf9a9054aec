import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fixtures, PYTHON } from '../support/python.js';
import type { Scenario } from './scenario.js';

const here = fixtures(import.meta.url);

/** Programs that were stopped, or whose loop was held up, for 1 to 30 seconds, while watchdogs waited for their workers. */
export const scenario: Scenario = {
  row: 6,
  title: 'parent stopped or its loop blocked for 1 to 30 s: no healthy worker is ended, and a hung one still is',
  async round({ seed, signal }) {
    // Twenty-five lengths, each once for either way, in an order that depends on the seed.
    const runs = Array.from({ length: RUNS }, (_, run) => ({
      way: run % 2 === 0 ? ('stop' as const) : ('block' as const),
      ms: 1_000 + (29_000 * ((run * 7 + seed * 3) % RUNS)) / (RUNS - 1),
    }));
    const seen: Seen[] = [];
    const next = async () => {
      for (let run = runs.pop(); run !== undefined && !signal.aborted; run = runs.pop()) seen.push(await asleep(run));
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, next));
    const killed = seen.flatMap(({ healthyKilled }) => healthyKilled);
    if (killed.length > 0) throw new Error(`healthy workers were ended: ${JSON.stringify(killed)}`);
    const unfound = seen.filter(({ reason }) => reason !== 'unresponsive');
    if (unfound.length > 0) throw new Error(`hung workers were not found: ${JSON.stringify(unfound)}`);
    return {
      runs: seen.length,
      healthyKilled: 0,
      foundMsMax: Math.round(Math.max(0, ...seen.map((each) => each.foundMs))),
    };
  },
};

interface Seen {
  readonly healthyKilled: readonly (readonly [string, string])[];
  readonly reason: string;
  /** How long it took to find the worker that hung, pings being 200 ms apart and answered within 500. */
  readonly foundMs: number;
}

async function asleep({ way, ms }: { way: 'stop' | 'block'; ms: number }): Promise<Seen> {
  const program = spawn(process.execPath, [here('sleeps.js'), here('hangs.py'), PYTHON], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const lines = createInterface(program.stdout)[Symbol.asyncIterator]();
    await lines.next();
    if (way === 'stop') {
      program.kill('SIGSTOP');
      await setTimeout(ms);
      program.kill('SIGCONT');
    }
    program.stdin.write(`${way} ${ms}\n`);
    const { value } = await lines.next();
    if (value === undefined) throw new Error(`the program ended with ${program.exitCode ?? program.signalCode}`);
    return JSON.parse(value) as Seen;
  } finally {
    program.kill('SIGKILL');
  }
}

const RUNS = 50;
const AT_A_TIME = 8;
