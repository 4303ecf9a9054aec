import type { ChildProcess } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { fixtures, next, readyPool } from '../support/pool.js';
import { reapersOf, until } from '../support/processes.js';
import { startedProcesses } from '../support/started.js';

const dies = fixtures(import.meta.url)('dies.py');

describe('an error of a stream to any process that a pool has started', () => {
  it.each(['spawn', 'fork'] as const)('is heard, for as long as there can be one: %s', async (start) => {
    const started = startedProcesses();
    const before = reapersOf(process.pid);
    const pool = await readyPool(dies, { start, size: 2 });
    const [reaper] = reapersOf(process.pid).filter((pid) => !before.includes(pid)) as [number];
    process.kill(reaper, 'SIGKILL');
    await until(
      () => started.filter(({ spawnargs }) => spawnargs.join().includes('reaper.py')).length === 2,
      'a reaper',
    );
    const replaced = next(pool, 'worker.ready');
    await pool.call('kill', ['SIGKILL']).catch(() => {});
    await replaced;
    expect(started.flatMap(deaf)).toEqual([]);
    await pool.close();
    // Two workers and one more, or their template; and two reapers. A search for Python may have been among them.
    expect(started.length).toBeGreaterThanOrEqual(start === 'fork' ? 3 : 5);
    expect(started.flatMap(deaf)).toEqual([]);
  });
});

/** What of a process could still fail and end the program by that: an `error` that nobody listens for is thrown. */
function deaf(child: ChildProcess): string[] {
  const streams = child.stdio.filter((stream) => stream?.closed === false);
  const hasEnded = child.exitCode !== null || child.signalCode !== null;
  return [...(hasEnded ? [] : [child]), ...streams].flatMap((emitter) =>
    emitter?.listenerCount('error') === 0
      ? `${emitter.constructor.name} of ${child.spawnargs.join(' ').slice(0, 80)}`
      : [],
  );
}
