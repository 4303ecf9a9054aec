import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { isMainThread } from 'node:worker_threads';
import { SpawnError } from '../errors.js';

/**
 * Whom Python is to end with, by pid; 0 for nobody. The kernel's word that a parent is gone is its word about a thread:
 * nobody must die with one that comes and goes.
 */
export const PARENT = String(isMainThread ? process.pid : 0);

/** A process that lives, or did a moment ago. */
export type Spawned = ChildProcess & { readonly pid: number };

/**
 * Starts a program as the leader of a group of its own. Returns it if it lives; otherwise, whatever the system says
 * against it and however Node tells, by a throw, by an event, by streams that are missing, a promise of one error
 * (`ERR_SPAWN`), which does not reject.
 *
 * `node:child_process` and not execa: where descriptors run out, Node hands over a child without streams, on which execa
 * stumbles, and the child's `error` event then has no listener and ends the program.
 */
export function spawnGroup(
  command: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env' | 'stdio'>,
): Spawned | Promise<SpawnError> {
  const asError = (cause: unknown) => {
    const { code } = (cause ?? {}) as NodeJS.ErrnoException;
    return new SpawnError({ errno: code ?? 'UNKNOWN', command, cause });
  };
  try {
    // A group of its own: Ctrl-C at the terminal is for this program to handle, and a kill reaches the grandchildren.
    const child = spawn(command, args, { ...options, detached: true });
    // For good: an `error` without a listener would end the program.
    const failed = new Promise<SpawnError>((resolve) => child.on('error', (cause) => resolve(asError(cause))));
    if (child.pid === undefined) return failed;
    child.unref();
    return child as Spawned;
  } catch (cause) {
    return Promise.resolve(asError(cause));
  }
}
