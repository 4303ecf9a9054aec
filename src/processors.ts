import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * How many processors this process may use at once, with all that it starts: those that it may run on, and no more than
 * the quotas of its control groups have time for, of which `availableParallelism` knows nothing before Node 22.
 *
 * @param read How a file is read, as text; throws where there is none.
 * @returns At least 1.
 */
export function processors(read: Read = (path) => readFileSync(path, 'latin1'), parallelism = availableParallelism()) {
  let least = parallelism;
  for (const quota of quotas(read)) least = Math.min(least, quota);
  return Math.max(1, Math.floor(least));
}

type Read = (path: string) => string;

/** In processors, of each control group that this process is in and that has one. */
function* quotas(read: Read): Iterable<number> {
  for (const line of attempt(read, '/proc/self/cgroup').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    // Of the first version each controller has groups of its own, and the second has one for all.
    const isSecond = controllers === '';
    if (!isSecond && !controllers.split(',').includes('cpu')) continue;
    const root = isSecond ? ROOT : join(ROOT, controllers);
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
