import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { copyLibrary } from '../support/library.js';
import { NodeScript } from '../support/node-script.js';
import { fixtures, next, PYTHON, readyPool } from '../support/pool.js';
import { freeze, isAlive, reapersOf, until } from '../support/processes.js';

const here = fixtures(import.meta.url);
const module = here('orphan.py');

describe('the reaper', () => {
  it('is one for each pool, and goes with it', async () => {
    const before = reapersOf(process.pid);
    const pool = await readyPool(module, { size: 2 });
    expect(newOnes(before)).toHaveLength(1);
    await pool.close();
    expect(newOnes(before)).toEqual([]);
  });

  it('is killed if it does not end with its pool by itself', async () => {
    const before = reapersOf(process.pid);
    const pool = await readyPool(module);
    const [reaper] = newOnes(before);
    await freeze(reaper as number);
    await pool.close();
    expect(isAlive(reaper as number)).toBe(false);
  });

  it('dies and is replaced, which no call notices', async () => {
    const before = reapersOf(process.pid);
    const pool = await readyPool(module);
    const pid = await pool.call('pid');
    const [reaper] = newOnes(before);
    const calls = Array.from({ length: 100 }, () => pool.call('pid'));
    process.kill(reaper as number, 'SIGKILL');
    expect(new Set(await Promise.all(calls))).toEqual(new Set([pid]));
    await until(() => newOnes([...before, reaper as number]).length === 1, 'another reaper');
  });

  it('is told of if it ends at once time and again, which no call notices', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pythonarium-reaper-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    copyLibrary(folder);
    rmSync(join(folder, 'pythonarium', 'reaper.py'));
    const warned = vi.fn();
    process.on('warning', warned);
    onTestFinished(() => void process.off('warning', warned));
    const pool = await readyPool(module, { libraryPath: folder });
    const told = { code: 'PYTHONARIUM_REAPER', message: expect.stringContaining('exit code 2') };
    await vi.waitFor(() => expect(warned).toHaveBeenCalledWith(expect.objectContaining(told)), 10_000);
    expect(await pool.call('pid')).toBeGreaterThan(0);
  });

  it('of the third generation kills all that live, and what they have started, when Node is killed', async () => {
    const script = new NodeScript(here('loses-its-reaper.ts'), [module, PYTHON]);
    const pids = await script.told<number[]>();
    expect(pids.filter(isAlive)).toHaveLength(5);
    script.process.kill('SIGKILL');
    await script.ended;
    await until(() => !pids.some(isAlive), 'workers, what they have started, and the reaper to be gone', 2_000);
  });

  it('forgets a worker whose end was seen, and what that had started is killed at once', async () => {
    const pool = await readyPool(module);
    const grandchild = await pool.call<number>('start_grandchild');
    const dead = next(pool, 'worker.dead');
    process.kill(await pool.call<number>('pid'), 'SIGKILL');
    await dead;
    await until(() => !isAlive(grandchild), 'what it had started to be gone');
  });
});

describe('the kernel', () => {
  it('ends workers with Node where they were started by its main thread, since that lives as long as it does', async () => {
    const script = new NodeScript(here('pool-in-a-thread.ts'), [module, PYTHON]);
    expect(await script.told()).toEqual({ inMain: 9, inThread: 0 });
    expect(await script.ended).toBe(0);
  });
});

function newOnes(before: readonly number[]): number[] {
  return reapersOf(process.pid).filter((pid) => !before.includes(pid) && isAlive(pid));
}
