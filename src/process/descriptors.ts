import { closeSync, openSync } from 'node:fs';
import { SpawnError } from '../errors.js';

/**
 * Returns when this process can open `count` more descriptors, as starting a child in the same turn will.
 *
 * Without this check a start that meets the limit ends the whole program: Node hands execa a child without streams,
 * execa throws while it looks for them, and the child's `error` event then has no listener.
 *
 * @throws SpawnError (`ERR_SPAWN`) with errno `EMFILE` or `ENFILE` when it cannot.
 */
export function requireDescriptors(count: number, command: string): void {
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(openSync('/dev/null', 'r'));
  } catch (cause) {
    throw new SpawnError({ errno: (cause as NodeJS.ErrnoException).code ?? 'EMFILE', command, cause });
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
