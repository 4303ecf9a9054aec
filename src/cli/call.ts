import { writeJson } from './json.js';
import { logLine } from './log.js';
import { type PoolFlags, withPool } from './pool.js';
import type { Target } from './target.js';

/** How `call` is to be made. */
export interface CallFlags extends PoolFlags {
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
  /** Milliseconds that the call may take, once Python is up. */
  readonly timeout?: number | undefined;
}

/**
 * Calls one function once and writes what it returns to standard output, as one line of JSON. What Python prints goes
 * to standard error.
 *
 * @returns The exit code: 0.
 * @throws PoolError whatever the call rejects with.
 */
export async function runCall(
  target: Target,
  args: readonly unknown[],
  { kwargs, timeout, ...poolFlags }: CallFlags,
  signal: AbortSignal,
): Promise<number> {
  const result = await withPool(
    target,
    { ...poolFlags, size: 1 },
    {
      signal,
      onLog: (log) => process.stderr.write(logLine(log)),
      work: (pool) =>
        pool.call(target.name, args, {
          ...(kwargs !== undefined && { kwargs }),
          ...(timeout !== undefined && { timeoutMs: timeout }),
        }),
    },
  );
  process.stdout.write(`${writeJson(result)}\n`);
  return 0;
}
