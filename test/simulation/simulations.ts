import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { History } from './simulation.js';

/**
 * What came of the seeds from `first` to `last`, by as many programs as there are cores: they share nothing, and chance
 * is all that a history may depend on. Rejects with what the program said about a seed that is wrong.
 */
export async function simulateAll(first: number, last: number, steps: number): Promise<History[]> {
  const share = Math.ceil((last - first + 1) / availableParallelism());
  const programs: Promise<History[]>[] = [];
  for (let from = first; from <= last; from += share) {
    programs.push(program(from, Math.min(from + share - 1, last), steps));
  }
  return (await Promise.all(programs)).flat();
}

/** How often each thing was done or came about in all of them. */
export function marksOf(histories: readonly History[]): Record<string, number> {
  const marks: Record<string, number> = {};
  for (const each of histories) {
    for (const [what, times] of Object.entries(each.marks)) marks[what] = (marks[what] ?? 0) + times;
  }
  return marks;
}

function program(first: number, last: number, steps: number): Promise<History[]> {
  return new Promise((resolve, reject) => {
    // A young generation that is large enough for what a step makes is collected seldom.
    const args = [
      '--max-semi-space-size=64',
      '--import',
      'tsx',
      MAIN,
      '--seeds',
      `${first}-${last}`,
      '--steps',
      String(steps),
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let [told, wrong] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => {
      told += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      wrong += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) reject(new Error(wrong || `The simulation ended with ${code}.`));
      else
        resolve(
          told
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line) as History),
        );
    });
  });
}

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
