import { print } from '../base/print.js';
import type { CallOptions } from '../call/call-options.js';
import type { LogEvent } from '../events.js';
import type { Pool } from '../pool.js';
import { writeJson } from './json.js';
import { logLine } from './log.js';
import { type PoolFlags, withPool } from './pool.js';
import { startCallProgress } from './progress.js';
import type { Target } from './target.js';
import { write } from './write.js';

/** How `call` is to be made. */
export interface CallFlags extends PoolFlags {
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
  /** Milliseconds that the call may take, once Python is up. */
  readonly timeout?: number | undefined;
}

/**
 * Calls one function once and writes what it returns to standard output, as one line of JSON; each item as one line,
 * if it is a generator. What Python prints goes to standard error.
 *
 * @returns The exit code: 0.
 * @throws PoolError whatever the call rejects with.
 */
export async function runCall(
  target: Target,
  args: readonly unknown[],
  { kwargs, timeout: timeoutMs, ...poolFlags }: CallFlags,
  signal: AbortSignal,
): Promise<number> {
  const { name } = target;
  const progress = startCallProgress();
  const options: CallOptions = { kwargs, timeoutMs, signal, onProgress: progress.onProgress };
  const onLog = (log: LogEvent) => {
    progress.clear();
    // What cannot be noted must not stop the work.
    print(process.stderr, logLine(log), () => {});
  };
  const work = async (pool: Pool) => {
    if (!pool.isStream(name)) return `${writeJson(await pool.call(name, args, options))}\n`;
    for await (const item of pool.stream(name, args, options)) {
      // Items on the terminal stand above the bar, as notes do.
      progress.clear();
      await write(process.stdout, `${writeJson(item)}\n`, signal);
    }
    return '';
  };
  const result = await withPool(target, { ...poolFlags, size: 1 }, { signal, givesUp: true, onLog, work }).finally(() =>
    progress.stop(),
  );
  process.stdout.write(result);
  return 0;
}
