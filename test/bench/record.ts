import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import type { Result, Scenario } from './scenario.js';

/** What a run of the bench leaves: where it ran, and what came of it. */
export interface Record {
  readonly date: string;
  readonly revision: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGb: number;
    readonly kernel: string;
    readonly node: string;
    readonly python: string;
    /** How many others wanted a processor as it began: more than a few tenths, and the figures mean little. */
    readonly load: number;
  };
  readonly rounds: number;
  readonly scenarios: readonly (Pick<Scenario, 'name' | 'row' | 'title' | 'caveat'> & Result)[];
}

export function newRecord(python: string, rounds: number): Omit<Record, 'scenarios'> {
  return {
    date: new Date().toISOString(),
    revision: revision(),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryGb: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      node: process.versions.node,
      python: execFileSync(python, ['-V'], { encoding: 'utf8' }).replace('Python', '').trim(),
      load: load(),
    },
    rounds,
  };
}

/**
 * One record of several, which are the parts of one run that was made in turns. The moment and the load are those of the first.
 *
 * @throws Error where they are not of one revision, machine and number of rounds, or two of them have the same bench.
 */
export function joined(parts: readonly Record[]): Record {
  const [first, ...others] = parts as [Record, ...Record[]];
  const kind = ({ revision, rounds, machine: { load, ...machine } }: Record) =>
    JSON.stringify({ revision, rounds, ...machine });
  const odd = others.find((each) => kind(each) !== kind(first));
  if (odd !== undefined) throw new Error(`These are not parts of one run: ${kind(first)} and ${kind(odd)}.`);
  const scenarios = parts.flatMap((part) => part.scenarios);
  const names = scenarios.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`"${twice}" is in two of these files.`);
  return { ...first, scenarios };
}

function revision(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function load(): number {
  try {
    return Number.parseFloat(readFileSync('/proc/loadavg', 'utf8'));
  } catch {
    return Number.NaN;
  }
}
