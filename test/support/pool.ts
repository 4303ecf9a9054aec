import { inspect } from 'node:util';
import { expect, onTestFinished } from 'vitest';
import { createPool, type Pool, type PoolEvents, type PoolOptions } from '../../src/index.js';
import { workersOf } from './processes.js';
import { PYTHON } from './python.js';

export { fixtures, PYTHON } from './python.js';

/**
 * A pool of one worker that prints nothing, for as long as the test runs. Whatever the test leaves is destroyed after
 * it, and no process may be left then. Unless a test says otherwise Python is not interrupted, so that the test decides
 * when a call that was given up is answered.
 */
export function startPool<Api = unknown>(module: PoolOptions['module'], options: Partial<PoolOptions> = {}): Pool<Api> {
  const calm = { logs: 'events', cancelGraceMs: 10_000, interrupt: false } as const;
  const pool = createPool<Api>({ module, size: 1, python: PYTHON, ...calm, ...options });
  const pids = new Set<number>();
  pool.on('worker.ready', ({ pid }) => pid !== undefined && pids.add(pid));
  onTestFinished(async () => {
    await pool.destroy();
    const left = workersOf(process.pid).filter((pid) => pids.has(pid));
    expect(left, 'processes left by this test').toEqual([]);
  });
  return pool;
}

/** As {@link startPool}, with every worker up. */
export async function readyPool<Api = unknown>(
  module: PoolOptions['module'],
  options: Partial<PoolOptions> = {},
): Promise<Pool<Api>> {
  const pool = startPool<Api>(module, options);
  await pool.ready();
  return pool;
}

/** The next event of that name for which `isIt` is true. */
export function next<Name extends keyof PoolEvents>(
  pool: Pool<unknown>,
  name: Name,
  isIt: (fact: PoolEvents[Name][0]) => boolean = () => true,
): Promise<PoolEvents[Name][0]> {
  return new Promise((resolve) => {
    const listener = (fact: PoolEvents[Name][0]) => {
      if (!isIt(fact)) return;
      pool.off(name, listener as never);
      resolve(fact);
    };
    pool.on(name, listener as never);
  });
}

/** What `promise` rejects with. */
export async function failure<E = Error & { code: string }>(promise: Promise<unknown>): Promise<E> {
  const settled = await promise.then(
    (value) => ({ value }),
    (error: E) => ({ error }),
  );
  if ('error' in settled) return settled.error;
  throw new Error(`It should have been refused, and it came to ${inspect(settled.value)}`);
}

/** All that `source` yields. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of source) all.push(each);
  return all;
}
