import { describe, expect, it } from 'vitest';
import type { BootError, WorkerDiedError } from '../../src/index.js';
import { failure, fixtures, next, readyPool, startPool } from '../support/pool.js';
import { startedProcesses } from '../support/started.js';

const here = fixtures(import.meta.url);
const floods = here('floods.py');

describe.each(['spawn', 'fork'] as const)('a worker that writes to standard error without end (%s)', (start) => {
  it.each(['flood', 'flood_from_a_subprocess'])('is read a piece at a time, and the others go on: %s', async (name) => {
    const pool = await readyPool(floods, { start, size: 2, cancelGraceMs: 100 });
    let [lines, mostLines] = [0, 0];
    const heard = next(pool, 'log');
    pool.on('log', () => {
      lines += 1;
    });
    const abort = new AbortController();
    const flooding = failure(pool.call(name, [], { signal: abort.signal }));
    await heard;
    let isOver = false;
    const watch = () => {
      mostLines = Math.max(mostLines, lines);
      lines = 0;
      if (!isOver) setImmediate(watch);
    };
    watch();
    for (let number = 0; number < 100; number += 1) expect(await pool.call('echo', [number])).toBe(number);
    isOver = true;
    expect(mostLines).toBeGreaterThan(0);
    // Of two bytes each: the rest of what had been read, and a piece of what came then. All there is would be a million.
    expect(mostLines).toBeLessThanOrEqual(3 * 8_192);
    const dead = next(pool, 'worker.dead');
    abort.abort('enough');
    expect(await flooding).toBe('enough');
    expect(await dead).toMatchObject({ reason: 'cancel-grace' });
  });

  it('and dies has all it had written told, its last words in the error', async () => {
    const pool = await readyPool(floods, { start });
    let lines = 0;
    pool.on('log', ({ text }) => {
      if (text === 'y') lines += 1;
    });
    const dead = next(pool, 'worker.dead');
    const error = await failure<WorkerDiedError>(pool.call('last_words'));
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', signal: 'SIGABRT' });
    expect(error.stderr.join('\n')).toContain('Fatal Python error: Aborted');
    await dead;
    expect(lines).toBe(120_000);
  });

  it('and dies at its import has its last words told', async () => {
    const error = await failure<BootError>(startPool(here('floods-and-dies-at-import.py'), { start }).ready());
    expect(error).toMatchObject({ code: 'ERR_BOOT', exitCode: 9 });
    expect(error.stderr.at(-1)).toBe('no licence found');
  });
});

describe('a worker that dies as Node is held up, with much to be read', () => {
  it('has its last words told all the same', async () => {
    const started = startedProcesses();
    const pool = await readyPool(floods);
    const child = started.find(({ spawnargs }) => spawnargs.join().includes('pythonarium.worker'));
    // Once all have heard of it, and before anything else is read.
    child?.once('exit', () => queueMicrotask(() => blockFor(300)));
    const error = await failure<WorkerDiedError>(pool.call('last_words'));
    expect(error.stderr.join('\n')).toContain('Fatal Python error: Aborted');
  });
});

function blockFor(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}
