import { accessSync, constants, type FSWatcher, realpathSync, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Declarations } from '../types/declare.js';

/** Resolves when a file is another version than Python has found, has come or is gone, or when `signal` aborts. */
export async function change(files: Declarations['files'], signal: AbortSignal): Promise<void> {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  const watchers: FSWatcher[] = [];
  signal.addEventListener('abort', resolve, { once: true });
  try {
    const paths = Object.keys(files);
    // Folders, since editors put a new file in the place of the old one.
    for (const [folder, names] of namesToWatch(paths)) {
      const watcher = watch(bytesOf(folder), 'buffer', (event, bytes) => {
        const name = bytes?.toString('latin1');
        // The folder itself was removed or moved, which is the last that is heard of it.
        const isGone = event === 'rename' && name === basename(folder);
        if (isGone || name === undefined || names.has(name)) resolve();
      });
      watchers.push(watcher.on('error', resolve));
    }
    // What has changed since Python read it and before it was watched.
    const versions = await Promise.all(paths.map(versionOf));
    if (paths.every((path, index) => files[path] === versions[index])) await promise;
    // An editor writes in several steps.
    await delay(SETTLE_MS, undefined, { signal }).catch(() => {});
  } catch (error) {
    // A folder went away just before it was to be watched, which is a change too.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    signal.removeEventListener('abort', resolve);
    for (const watcher of watchers) watcher.close();
  }
}

/** The names that matter, by folder: those of the files, or of the first folder on the way that is not there. */
function namesToWatch(files: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const byFolder = new Map<string, Set<string>>();
  for (const file of files.flatMap(placesOf)) {
    let [folder, name] = [dirname(file), basename(file)];
    while (!isReadable(folder) && folder !== dirname(folder)) [folder, name] = [dirname(folder), basename(folder)];
    const names = byFolder.get(folder) ?? new Set<string>();
    byFolder.set(folder, names.add(name));
  }
  return byFolder;
}

/** The file, and where it is if links lead there: what is written through them is heard of in that folder alone. */
function placesOf(file: string): string[] {
  try {
    return [file, realpathSync.native(bytesOf(file), 'buffer').toString('latin1')];
  } catch {
    // It is not there.
    return [file];
  }
}

function isReadable(folder: string): boolean {
  try {
    accessSync(bytesOf(folder), constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** What `version_of` says in Python's `source.py`: another for every other version of a file, older ones too. */
async function versionOf(file: string): Promise<string | null> {
  const found = await stat(bytesOf(file), { bigint: true }).catch(() => undefined);
  if (found === undefined) return null;
  // Python's inodes have no sign.
  return `${found.mtimeNs} ${found.size} ${BigInt.asUintN(64, found.ino)}`;
}

/** A path of {@link Declarations.files} as the system has it. */
function bytesOf(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

const SETTLE_MS = 50;
