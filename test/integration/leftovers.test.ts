import { describe, expect, it } from 'vitest';
import { NodeScript } from '../support/node-script.js';
import { fixtures, PYTHON } from '../support/pool.js';
import { isAlive, until } from '../support/processes.js';

const here = fixtures(import.meta.url);
const app = here('app.py');

describe('after close()', () => {
  it.each(['spawn', 'fork'])(
    'nothing is left: no process, descriptor, timer, active resource or listener more than before: %s',
    async (start) => {
      const script = new NodeScript(here('left-after-close.ts'), [app, PYTHON, start]);
      const { before, after } = await script.told<{ before: object; after: object }>();
      expect(after).toEqual({ ...before, timers: 0 });
      expect(await script.ended).toBe(0);
      expect(await script.stderr).toBe('');
    },
  );
});

describe('a program', () => {
  it.each([
    ['that ends with close()', 'close', 0],
    ['that forgets to close its pool, and even a lease', 'forget', 0],
    ['that forgets to leave a stream', 'forget a stream', 0],
    ['that throws', 'throw', 1],
    ['that calls process.exit in the middle of a call', 'exit', 7],
  ])('%s ends by itself, and its workers with it', async (_, how, code) => {
    const script = new NodeScript(here('ends-by-itself.ts'), [how, app, PYTHON]);
    const pids = await script.told<number[]>();
    expect(await script.ended).toBe(code);
    await until(() => !pids.some(isAlive), 'the workers to end', 2_000);
  });

  it.each(['a call', 'an item'])('that waits for nothing but %s gets its answer before it ends', async (what) => {
    const script = new NodeScript(here('ends-by-itself.ts'), [`forget ${what}`, app, PYTHON]);
    const pids = await script.told<number[]>();
    expect(await script.told()).toBe(1);
    expect(await script.ended).toBe(0);
    await until(() => !pids.some(isAlive), 'the workers to end', 2_000);
  });

  it.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'ended by %s leaves no Python after 2 s, whether it was idle, sleeping, looping or importing',
    async (signal) => {
      const script = new NodeScript(here('lives-until-killed.ts'), [app, here('hangs_at_import.py'), PYTHON]);
      const { pids, handlers } = await script.told<{ pids: Record<string, number>; handlers: number[] }>();
      expect(Object.keys(pids)).toEqual(['idle', 'sleeping', 'looping', 'importing']);
      expect(Object.values(pids).every(isAlive)).toBe(true);
      // No signal handler is installed unasked.
      expect(handlers).toEqual([0, 0, 0]);
      script.process.kill(signal);
      expect(await script.ended).toBe(signal);
      const alive = () => Object.keys(pids).filter((state) => isAlive(pids[state]!));
      await until(() => alive().length === 0, 'all workers to be gone', 2_000).catch((error) => {
        throw new Error(`${error.message}: left are ${alive()}`);
      });
    },
  );
});
