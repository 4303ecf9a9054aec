import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { findProcessors, type Processors, processors } from '../../../src/time/processors.js';

const all: Processors = { count: 8, isQuota: false };

/** With these files and no others. */
function given(files: Record<string, string>, parallelism = 8): Processors {
  return findProcessors((path) => {
    if (!Object.hasOwn(files, path)) throw new Error(`ENOENT: ${path}`);
    return files[path] as string;
  }, parallelism);
}

describe('processors', () => {
  it('are those that the process may run on, where nothing else is said', () => {
    expect(given({})).toEqual(all);
    expect(given({ '/proc/self/cgroup': '' })).toEqual(all);
    expect(given({ '/proc/self/cgroup': 'nonsense\n0:\n' })).toEqual(all);
    expect(processors().count).toBeLessThanOrEqual(availableParallelism());
    expect(processors().count).toBeGreaterThanOrEqual(1);
  });

  it.each([
    ['max 100000\n', all],
    ['200000 100000\n', { count: 2, isQuota: true }],
    ['250000 100000\n', { count: 2, isQuota: true }],
    ['50000 100000\n', { count: 1, isQuota: true }],
    ['800000 100000\n', { count: 8, isQuota: true }],
    ['1600000 100000\n', all],
  ])('are no more than the quota of the group has time for: %j', (quota, expected) => {
    expect(given({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': quota })).toEqual(expected);
  });

  it('are no more than the smallest quota of all groups above it', () => {
    const files = {
      '/proc/self/cgroup': '0::/pods/one/main\n',
      '/sys/fs/cgroup/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/pods/one/cpu.max': '300000 100000\n',
      '/sys/fs/cgroup/pods/one/main/cpu.max': '400000 100000\n',
    };
    expect(given(files)).toEqual({ count: 3, isQuota: true });
  });

  it('are known by the groups of the first version too', () => {
    const files = {
      '/proc/self/cgroup': '3:memory:/a\n2:cpuacct,cpu:/docker/abc\n0::/\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '150000\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '50000\n',
      '/sys/fs/cgroup/memory/a/cpu.cfs_quota_us': '50000\n',
      '/sys/fs/cgroup/memory/a/cpu.cfs_period_us': '50000\n',
    };
    expect(given(files)).toEqual({ count: 3, isQuota: true });
    expect(given({ ...files, '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n' })).toEqual(all);
  });
});
