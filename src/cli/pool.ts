import { existsSync } from 'node:fs';
import type { LogEvent } from '../events.js';
import type { Pool } from '../pool.js';
import type { Target } from './target.js';

/** The flags that `call` and `map` have in common. */
export interface PoolFlags {
  readonly expose: 'all' | 'marked';
  /** A program, or a command with arguments that runs Python. */
  readonly python?: string | undefined;
  readonly size?: number | undefined;
}

/**
 * Runs `work` with a pool whose workers are up. The pool is closed afterwards, or destroyed if `work` fails or
 * `signal` aborts; either way no process is left.
 *
 * @throws PoolError `ERR_PYTHON_NOT_FOUND`, `ERR_BOOT`, `ERR_OPTION`, ... when no worker comes up.
 */
export async function withPool<T>(
  { module }: Target,
  { expose, python, size }: PoolFlags,
  { signal, onLog, work }: { signal: AbortSignal; onLog: (log: LogEvent) => void; work: (pool: Pool) => Promise<T> },
): Promise<T> {
  // The pool takes its time to load, which `--help` need not wait for.
  const { createPool } = await import('../pool.js');
  const pool = createPool({
    module,
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
    const result = await work(pool);
    await pool.close();
    return result;
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
