import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/** What this process may use at once, with all that it starts. */
export interface Processors {
  /** At least 1. */
  readonly count: number;
  /** There may be more of them, but no more time than so many have: who uses it up stands still for a while. */
  readonly isQuota: boolean;
}

/**
 * The processors that this process may run on, and no more than the quotas of its control groups have time for, of which
 * `availableParallelism` knows nothing before Node 22.12.
 *
 * @param read How a file is read, as text; throws where there is none.
 */
export function findProcessors(read: Read = readText, parallelism = availableParallelism()): Processors {
  const quota = Math.min(...quotas(read));
  return { count: Math.max(1, Math.floor(Math.min(parallelism, quota))), isQuota: quota < parallelism + 1 };
}

let known: Processors | undefined;
/** The same, as it was when this was asked first. */
export function processors(): Processors {
  known ??= findProcessors();
  return known;
}

type Read = (path: string) => string;
const readText: Read = (path) => readFileSync(path, 'latin1');

/** In processors, of each control group that this process is in and that has one. */
function* quotas(read: Read): Iterable<number> {
  for (const line of attempt(read, '/proc/self/cgroup').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    // Of the first version each controller has groups of its own, in a folder of its name, and the second has one for all.
    const isSecond = controllers === '';
    if (!isSecond && !controllers.split(',').includes('cpu')) continue;
    const root = isSecond ? ROOT : join(ROOT, 'cpu');
    for (const group of upFrom(path)) {
      const of = (file: string) => attempt(read, join(root, group, file)).trim();
      const [time, period] = isSecond ? of('cpu.max').split(' ') : [of('cpu.cfs_quota_us'), of('cpu.cfs_period_us')];
      // `max`, -1 or nothing at all where there is no limit.
      const quota = Number(time) / Number(period);
      if (quota > 0) yield quota;
    }
  }
}

/** The folder and all above it. In a container its own group is the root, whatever its path is called outside. */
function upFrom(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [path, ...upFrom(parent)];
}

function attempt(read: Read, path: string): string {
  try {
    return read(path);
  } catch {
    return '';
  }
}

const ROOT = '/sys/fs/cgroup';
