import { existsSync } from 'node:fs';
import { PoolError } from '../errors.js';
import type { LogEvent } from '../events.js';
import type { Pool } from '../pool.js';
import { AdvisedFailure } from './failure.js';
import { type Target, targetHere } from './target.js';

/** The flags that `call` and `map` have in common. */
export interface PoolFlags {
  readonly expose: 'all' | 'marked';
  /** A program, or a command with arguments that runs Python. */
  readonly python?: string | undefined;
  readonly size?: number | undefined;
}

/** What is done with a pool. */
export interface PoolUse<T> {
  readonly signal: AbortSignal;
  readonly onLog: (log: LogEvent) => void;
  readonly work: (pool: Pool) => Promise<T>;
  /** Whether `work` gives up by itself when `signal` aborts: Python is then interrupted, and has time to clean up. */
  readonly givesUp?: boolean;
}

/**
 * Runs `work` with a pool whose workers are up. The pool is closed afterwards, or destroyed if `work` fails or
 * `signal` aborts; either way no process is left.
 *
 * @throws PoolError `ERR_PYTHON_NOT_FOUND`, `ERR_BOOT`, `ERR_OPTION`, ... when no worker comes up, and AdvisedFailure
 * where the function is in a file that was not named as one.
 */
export async function withPool<T>(
  target: Target,
  { expose, python, size }: PoolFlags,
  { signal, onLog, work, givesUp = false }: PoolUse<T>,
): Promise<T> {
  // The pool takes its time to load, which `--help` need not wait for.
  const { createPool } = await import('../pool.js');
  const pool = createPool({
    module: target.module,
    expose,
    logs: 'events',
    ...(size !== undefined && { size }),
    ...(python !== undefined && { python: commandOf(python) }),
  });
  pool.on('log', onLog);
  const onAbort = () => void pool.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await pool.ready();
    if (givesUp) signal.removeEventListener('abort', onAbort);
    const result = await work(pool);
    await pool.close();
    return result;
  } catch (error) {
    if (givesUp) await pool.close();
    const here = targetHere(target, error);
    if (here === undefined || !(error instanceof PoolError)) throw error;
    throw new AdvisedFailure(error, `Write ${here} for what is in the current folder.`);
  } finally {
    signal.removeEventListener('abort', onAbort);
    await pool.destroy();
  }
}

/** `uv run python` is a command with arguments, unless there is a program of that very name. */
export function commandOf(python: string): string | string[] {
  const words = python.trim().split(/\s+/);
  return words.length === 1 || existsSync(python) ? python : words;
}
