import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { processors } from '../../src/processors.js';

/** With these files and no others. */
function given(files: Record<string, string>, parallelism = 8): number {
  return processors((path) => {
    if (!Object.hasOwn(files, path)) throw new Error(`ENOENT: ${path}`);
    return files[path] as string;
  }, parallelism);
}

describe('processors', () => {
  it('are those that the process may run on, where nothing else is said', () => {
    expect(given({})).toBe(8);
    expect(given({ '/proc/self/cgroup': '' })).toBe(8);
    expect(given({ '/proc/self/cgroup': 'nonsense\n0:\n' })).toBe(8);
    expect(processors()).toBeLessThanOrEqual(availableParallelism());
    expect(processors()).toBeGreaterThanOrEqual(1);
  });

  it.each([
    ['max 100000\n', 8],
    ['200000 100000\n', 2],
    ['250000 100000\n', 2],
    ['50000 100000\n', 1],
    ['1600000 100000\n', 8],
  ])('are no more than the quota of the group has time for: %j', (quota, expected) => {
    expect(given({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': quota })).toBe(expected);
  });

  it('are no more than the smallest quota of all groups above it', () => {
    const files = {
      '/proc/self/cgroup': '0::/pods/one/main\n',
      '/sys/fs/cgroup/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/pods/one/cpu.max': '300000 100000\n',
      '/sys/fs/cgroup/pods/one/main/cpu.max': '400000 100000\n',
    };
    expect(given(files)).toBe(3);
  });

  it('are known by the groups of the first version too', () => {
    const files = {
      '/proc/self/cgroup': '3:memory:/a\n2:cpu,cpuacct:/docker/abc\n0::/\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '150000\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '50000\n',
      '/sys/fs/cgroup/memory/a/cpu.cfs_quota_us': '50000\n',
      '/sys/fs/cgroup/memory/a/cpu.cfs_period_us': '50000\n',
    };
    expect(given(files)).toBe(3);
    expect(given({ ...files, '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n' })).toBe(8);
  });
});
