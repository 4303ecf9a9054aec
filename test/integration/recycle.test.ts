import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import { temporaryFolder } from '../support/folder.js';
import { next, readyPool } from '../support/pool.js';

describe('a pool that recycles its workers', () => {
  it('replaces one whose Python has grown too large, with another that has not', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(module(), { clock, recycle: { rssBytes: 100 * MIB } });
    const before = await pool.call<number>('grow', [0]);
    clock.increment(1_000);
    expect(await pool.call('grow', [10 * MIB])).toBe(before);
    clock.increment(1);
    expect(pool.stats()).toMatchObject({ workers: { idle: 1, spawning: 0 }, retired: { rss: 0 } });
    await pool.call('grow', [200 * MIB]);
    // It is looked at once a second at most.
    expect(pool.stats().workers.spawning).toBe(0);
    clock.increment(1_000);
    const retired = next(pool, 'worker.retired');
    await pool.call('grow', [0]);
    clock.increment(1);
    expect(await retired).toMatchObject({ worker: 'worker-0', pid: before, reason: 'rss' });
    expect(await pool.call('grow', [0])).not.toBe(before);
    expect(pool.stats()).toMatchObject({ size: 1, missing: 0, retired: { rss: 1 } });
  });

  it('has a place for one worker more, and names them by their places', async () => {
    const pool = await readyPool(module(), { recycle: { leases: 1 } });
    const names: string[] = [];
    pool.on('worker.ready', ({ worker }) => names.push(worker));
    for (let round = 0; round < 3; round += 1) {
      const dead = next(pool, 'worker.dead');
      await pool.call('grow', [0]);
      expect(await dead).toMatchObject({ reason: 'retired', exitCode: 0 });
    }
    expect(names).toEqual(['worker-1', 'worker-0', 'worker-1']);
  });
});

function module(): string {
  const file = join(temporaryFolder(), 'grows.py');
  writeFileSync(
    file,
    `
import os
from pythonarium import expose

kept = []

@expose
def grow(count):
    kept.append(b"x" * count)
    return os.getpid()
`,
  );
  return file;
}

const MIB = 1024 * 1024;
