import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { fixtures, PYTHON } from '../support/python.js';
import { MARK, marked, newMark } from './marked.js';
import type { Scenario } from './scenario.js';

const here = fixtures(import.meta.url);

/** A program is killed while its worker is being born, before anybody may have been told of that: 50 times a round spawned, and 50 times forked. */
export const scenario: Scenario = {
  row: 4,
  title: 'the parent is killed 0-30 ms after a spawn',
  async round({ seed, signal }) {
    const runs = Array.from({ length: RUNS }, (_, index) => index).flatMap((index) =>
      STARTS.map((start) => ({ index, start })),
    );
    let done = 0;
    const next = async () => {
      for (let each = runs.pop(); each !== undefined && !signal.aborted; each = runs.pop()) {
        const { index, start } = each;
        // Evenly over the 30 ms, and other moments in every round.
        await run(((index + (seed % 10) / 10) / RUNS) * LATEST_MS, index % 2 === 0 ? 'free' : 'held up', start);
        done += 1;
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, next));
    return { runs: done, orphans: 0 };
  },
};

async function run(waitMs: number, loop: 'free' | 'held up', start: 'spawn' | 'fork'): Promise<void> {
  const mark = newMark();
  const args = [here('ends-at-birth.js'), String(waitMs), loop, start, here('states.py'), PYTHON];
  const program = spawn(process.execPath, args, {
    env: { ...process.env, [MARK]: mark },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let told = '';
  program.stderr!.setEncoding('utf8').on('data', (text) => {
    told += text;
  });
  const [, signal] = await once(program, 'exit');
  const what = `killed ${waitMs.toFixed(1)} ms after the ${start}, its loop ${loop}`;
  if (signal !== 'SIGKILL' || !/^\d+\n$/.test(told)) throw new Error(`${what}: it was not: ${told}`);
  const deadline = performance.now() + 1_000;
  while (marked(mark).length > 0 && performance.now() < deadline) await setTimeout(20);
  const left = marked(mark);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  if (left.length > 0) throw new Error(`${what}: ${left.length} processes are left`);
}

const RUNS = 50;
const STARTS = ['spawn', 'fork'] as const;
const LATEST_MS = 30;
const AT_A_TIME = 2;
