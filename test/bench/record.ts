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
