import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { BootError, PoolDegradedError } from '../../src/index.js';
import { failure, fixtures, next, startPool } from '../support/pool.js';

const app = fixtures(import.meta.url)('app.py');

describe('ready()', () => {
  it('resolves when the workers are up, however often it is asked', async () => {
    const pool = startPool(app, { size: 2 });
    const first = pool.ready();
    await Promise.all([first, pool.ready()]);
    await pool.ready();
    expect(pool.stats()).toMatchObject({ state: 'ready', size: 2, missing: 0, workers: { idle: 2 } });
  });

  it('rejects with what the first starts failed by, and nobody needs to await it', async () => {
    const pool = startPool(module('raise ValueError("not today")').path);
    void pool.ready();
    const error = await failure(pool.ready());
    expect(error).toMatchObject({
      code: 'ERR_BOOT',
      stage: 'import',
      cause: { code: 'ERR_PYTHON', type: 'ValueError', pythonMessage: 'not today' },
    });
    expect(error.message).toContain('not today');
  });

  it.each(['spawn', 'fork'] as const)('names the Python that does not have what is imported, by %s', async (start) => {
    const pool = startPool(module('import nothing_of_this_name').path, { start });
    const error = (await failure(pool.ready())) as BootError;
    expect(error).toMatchObject({ stage: 'import', python: expect.stringContaining('/') });
    expect(error.message).toMatch(/ It ran on Python 3\.\d+\.\S+, /);
    expect(error.message).toContain(`, ${error.python}.`);
  });

  it('rejects with ERR_POOL_CLOSED when the pool is closed first', async () => {
    const pool = startPool(app);
    const ready = failure(pool.ready());
    await pool.close();
    expect(await ready).toMatchObject({ code: 'ERR_POOL_CLOSED', by: 'close' });
    expect(await failure(pool.ready())).toMatchObject({ code: 'ERR_POOL_CLOSED' });
  });

  it('resolves although some workers fail to start; stats().missing says how many', async () => {
    const file = module(ONLY_THE_FIRST);
    const pool = startPool(file.path, { size: 2, env: { MARK: join(file.folder, 'mark') } });
    await pool.ready();
    expect(pool.stats()).toMatchObject({ state: 'ready', missing: 1 });
    expect(await pool.call('fine')).toBe('fine');
  });
});

describe('a degraded pool', () => {
  it('says so at once to those who wait and those who come, with the last failure as cause', async () => {
    const pool = startPool(module('import nothing_of_this_name').path, { size: 2 });
    const told = next(pool, 'pool.degraded');
    const waited = failure<PoolDegradedError>(pool.call('fine'));
    const error = await waited;
    expect(error).toMatchObject({
      code: 'ERR_POOL_DEGRADED',
      cause: { code: 'ERR_BOOT', stage: 'import', cause: { type: 'ModuleNotFoundError' } },
    });
    expect(error.failures).toBeGreaterThanOrEqual(2);
    expect(error.message).toContain('nothing_of_this_name');
    expect(await told).toEqual({ state: 'degraded' });
    expect(await failure(pool.call('fine'))).toMatchObject({ code: 'ERR_POOL_DEGRADED' });
    expect(await failure(pool.checkout())).toMatchObject({ code: 'ERR_POOL_DEGRADED' });
    expect(await failure(pool.session('ann').call('fine'))).toMatchObject({ code: 'ERR_POOL_DEGRADED' });
  });

  it('tells of each start that came to nothing', async () => {
    const pool = startPool(module('import nothing_of_this_name').path);
    const failed = next(pool, 'boot.failed');
    const dead = next(pool, 'worker.dead');
    expect(await failed).toMatchObject({ error: { code: 'ERR_BOOT', stage: 'import', worker: 'worker-0' } });
    expect(await dead).toMatchObject({ worker: 'worker-0', reason: 'boot' });
  });

  it('is well again when its module has been mended', async () => {
    const file = module('raise ValueError("broken")');
    const pool = startPool(file.path);
    await failure(pool.ready());
    const recovered = next(pool, 'pool.ready');
    file.write('from pythonarium import expose\n@expose\ndef fine():\n    return "fine"\n');
    await recovered;
    expect(await pool.call('fine')).toBe('fine');
    await pool.ready();
    expect(pool.stats()).toMatchObject({ state: 'ready', missing: 0 });
  });

  it('closes at once', async () => {
    const pool = startPool(module('raise ValueError("broken")').path);
    await failure(pool.ready());
    await pool.close();
    expect(pool.stats().state).toBe('closed');
  });
});

describe('a pool whose workers die before they have served anybody', () => {
  it('replaces them ever more slowly, and is degraded once five in a row have come to nothing', async () => {
    const clock = new SimulatedClock();
    const pool = startPool(app, { clock, random: () => 0 });
    pool.on('worker.ready', ({ pid }) => process.kill(pid!, 'SIGKILL'));
    for (const [earlier, wait] of [100, 300, 900, 2_700].entries()) {
      await next(pool, 'worker.dead');
      clock.increment(wait - 1);
      expect(pool.stats()).toMatchObject({ state: 'ready', failures: earlier + 1, workers: { spawning: 0 } });
      clock.increment(1);
      expect(pool.stats().workers.spawning).toBe(1);
    }
    const degraded = next(pool, 'pool.degraded');
    await next(pool, 'worker.dead');
    await degraded;
    const error = await failure(pool.call('echo', [1]));
    expect(error).toMatchObject({ code: 'ERR_POOL_DEGRADED', cause: { code: 'ERR_WORKER_DIED', signal: 'SIGKILL' } });
  });

  it('lets one of them follow at once when another has served two leases, and the next when that one has, too', async () => {
    const clock = new SimulatedClock();
    const pool = startPool(app, { size: 3, clock, random: () => 0 });
    await pool.ready();
    for (const { pid } of pool.workers().slice(1)) {
      const dead = next(pool, 'worker.dead');
      process.kill(pid!, 'SIGKILL');
      await dead;
    }
    clock.increment(0);
    expect(pool.stats()).toMatchObject({ state: 'ready', missing: 2, workers: { idle: 1 } });
    for (const up of [1, 2]) {
      for (const _ of ['first', 'second']) {
        const leases = await Promise.all(Array.from({ length: up }, () => pool.checkout()));
        for (const lease of leases) await lease.checkin();
      }
      const ready = next(pool, 'worker.ready');
      clock.increment(0);
      expect(pool.stats().workers).toMatchObject({ idle: up, spawning: 1 });
      await ready;
    }
    expect(pool.stats()).toMatchObject({ missing: 0, failures: 0 });
  });
});

/** A module of its own for one test, which can be written anew. */
function module(source: string) {
  const folder = mkdtempSync(join(tmpdir(), 'pythonarium-module-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'written.py');
  const write = (text: string) => writeFileSync(path, text);
  write(source);
  return { folder, path, write };
}

const ONLY_THE_FIRST = `
import os
from pythonarium import expose

os.mkdir(os.environ["MARK"])

@expose
def fine():
    return "fine"
`;
