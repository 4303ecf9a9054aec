// What the program sees of Python while it moves from one pool to the other: one interface, and a flag.
import { startLeased } from './after.js';
import { startSerial } from './before.js';

export interface Backend extends AsyncDisposable {
  /**
   * Runs one command of the module and returns its result. Commands of one session share a state; `null` is no session.
   * Rejects with whatever the pool behind it says.
   */
  execute<T>(
    session: string | null,
    command: string,
    args?: readonly unknown[],
    options?: { timeoutMs?: number },
  ): Promise<T>;
  close(): Promise<void>;
}

export interface BackendOptions {
  /** The path of a Python module whose functions take the session's state first. */
  readonly module: string;
  readonly size: number;
  readonly timeoutMs?: number;
}

/** The flag: `PYTHON_POOL=serial` is the way back, for as long as one is wanted. */
export function startBackend(options: BackendOptions, pool = process.env.PYTHON_POOL ?? 'leased'): Backend {
  switch (pool) {
    case 'serial':
      return startSerial(options);
    case 'leased':
      return startLeased(options);
    default:
      throw new Error(`PYTHON_POOL is "serial" or "leased", and not "${pool}".`);
  }
}
