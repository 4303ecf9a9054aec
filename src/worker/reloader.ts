import { existsSync, type FSWatcher, readdirSync, realpathSync, statSync, watch } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import type { Runtime } from '../runtime.js';
import type { Trial } from './trial.js';
import type { WorkerHand } from './worker-hand.js';

/**
 * Follows the files that the pool's Python came from. When one changes, a
 * trial shows whether workers would still come up; if so, those that are
 * there take no more leases and are replaced as theirs end.
 */
export class Reloader {
  readonly #runtime: Runtime;
  readonly #watchers = new Map<string, FSWatcher>();
  /** What has changed since the last trial was started. */
  #changed = new Set<string>();
  #timer: unknown;
  #isTrying = false;
  /** Of what is being tried; absent as long as another's is under way. */
  #trial: Trial | undefined;
  #isClosed = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    const { moduleFolders, pythonPath } = runtime.settings;
    for (const folder of [...moduleFolders, ...pythonPath]) this.#watch(folder);
  }

  /** A worker's modules came from these files: those beside them may be its modules, too, now or later. */
  follow(files: readonly string[]): void {
    for (const file of files) {
      this.#watch(dirname(file));
      const linked = linkedTo(file);
      if (linked !== undefined) this.#watch(dirname(linked));
    }
  }

  /** Looks no further. */
  close(): void {
    this.#isClosed = true;
    this.#runtime.clock.clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watch(folder: string): void {
    if (this.#isClosed || this.#watchers.has(folder)) return;
    // Asked before: what is put in its place meanwhile is another one.
    const identity = identityOf(folder);
    const isThere = this.#listen(folder, folder, (event, name) => {
      // The folder itself was removed or moved, which is the last that is heard of it, unless something in it has its name.
      if (event === 'rename' && name === basename(folder) && identityOf(folder) !== identity) this.#watchAnew(folder);
      else this.#saw(folder, name);
    });
    if (!isThere) this.#awaitFolder(folder);
  }

  /** What is in its place now was made while nobody looked, and what was followed below it went along without a word. */
  #watchAnew(folder: string): void {
    const below = [...this.#watchers.keys()].filter((each) => each.startsWith(folder + sep));
    for (const each of [folder, ...below]) {
      this.#forget(each);
      this.#watch(each);
      for (const name of namesIn(each)) this.#saw(each, name);
    }
  }

  /**
   * A folder of `pythonPath` need not be there yet, and one that was may come back: what happens to the way there, in
   * the nearest above it that is there, may be that.
   */
  #awaitFolder(folder: string): void {
    for (let [below, above] = [folder, dirname(folder)]; above !== below; [below, above] = [above, dirname(above)]) {
      const onTheWay: ReadonlySet<string | null> = new Set([basename(below), basename(above), null]);
      const isThere = this.#listen(folder, above, (_, name) => {
        if (onTheWay.has(name)) this.#watchAnew(folder);
      });
      if (!isThere) continue;
      // It was made before that could be heard.
      if (existsSync(below)) this.#watchAnew(folder);
      return;
    }
  }

  /** For the sake of `folder` it is heard what happens in `where`. False: that is not there. */
  #listen(folder: string, where: string, heard: (event: string, name: string | null) => void): boolean {
    try {
      const watcher = watch(where, { persistent: false }, heard);
      this.#watchers.set(folder, watcher);
      watcher.on('error', () => this.#forget(folder));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      // There are only so many that the system gives.
      process.emitWarning(`${where} cannot be watched for changes: ${error}`, { code: 'PYTHONARIUM_FAULT' });
    }
    return true;
  }

  #forget(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  #saw(folder: string, name: string | null): void {
    // Editors keep files of their own beside those that they write.
    if (name === null || !name.endsWith('.py') || name.startsWith('.')) return;
    this.#changed.add(join(folder, name));
    this.#reloadLater();
  }

  /** Editors and version control write several files, and one of them several times. */
  #reloadLater(): void {
    const { clock } = this.#runtime;
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => {
      // It shows nothing any more, and may take all the time that a start may take. Its end begins the next.
      if (this.#isTrying) return this.#trial?.end();
      this.#reload().catch((error: unknown) => this.#runtime.fault(error));
    }, SETTLE_MS);
  }

  async #reload(): Promise<void> {
    const runtime = this.#runtime;
    const files = [...this.#changed].sort();
    this.#changed = new Set();
    this.#isTrying = true;
    let stale: readonly WorkerHand[] | undefined;
    try {
      stale = await runtime.renewal.tried((trial) => {
        this.#trial = trial;
      });
    } catch (error) {
      // What has changed since is tried with what had before.
      if (this.#changed.size > 0) for (const file of files) this.#changed.add(file);
      else if (!this.#isClosed) runtime.news.emit('reload.failed', { files, error: error as Error });
    }
    this.#isTrying = false;
    this.#trial = undefined;
    if (stale !== undefined) {
      const replaced = stale.filter((hand) => hand.life.replace('at-once'));
      runtime.news.emit('pool.reloaded', { files, workers: replaced.map(({ name }) => name) });
      runtime.startWaiting();
    }
    if (this.#changed.size > 0 && !this.#isClosed) this.#reloadLater();
  }
}

/** Where a file is that is a link: what is written there is heard of in that folder alone. Undefined for any other file. */
function linkedTo(file: string): string | undefined {
  try {
    const real = realpathSync(file);
    return real === join(realpathSync(dirname(file)), basename(file)) ? undefined : real;
  } catch {
    return undefined;
  }
}

/** What a folder has and no other has that is put in its place; undefined where there is none. */
function identityOf(folder: string): string | undefined {
  try {
    // The number of one that was removed is soon given to another.
    const { ino, birthtimeMs } = statSync(folder);
    return `${ino} ${birthtimeMs}`;
  } catch {
    return undefined;
  }
}

/** None where there is no folder. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const SETTLE_MS = 100;
