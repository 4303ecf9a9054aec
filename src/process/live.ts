import type { ProcessGroup } from './group.js';
import { Reaper, type ReaperLaunch } from './reaper.js';

/**
 * Every Python process of one pool that lives, outside the charts: whatever
 * happens to an actor, its process is still known here and goes with this
 * program, however that ends.
 */
export class LiveProcesses {
  readonly #groups = new Set<ProcessGroup>();
  readonly #reaper = new Reaper();

  get size(): number {
    return this.#groups.size;
  }

  /** To be called before a process is started, so that somebody outlives this program who knows of it. */
  expect(launch: ReaperLaunch): void {
    this.#reaper.start(launch);
  }

  add(group: ProcessGroup): void {
    this.#groups.add(group);
    this.#reaper.add(group);
    // An `exit` listener is no signal handler: it decides nothing about when the program ends. One serves all pools.
    if (populated.size === 0) process.on('exit', killEverybody);
    populated.add(this);
  }

  /** To be called as soon as the kernel says that the process is gone, since its pid may then become somebody else's. */
  delete(group: ProcessGroup): void {
    this.#groups.delete(group);
    this.#reaper.delete(group);
    if (this.#groups.size > 0 || !populated.delete(this) || populated.size > 0) return;
    process.off('exit', killEverybody);
  }

  /**
   * For a process that another of these has forked, and alone signals as long as this program lives.
   *
   * @param onEnd Called once it has ended, where the kernel lets somebody else see that. Its parent may have told before.
   */
  watchOver(group: ProcessGroup, onEnd: () => void): void {
    this.#reaper.add(group, onEnd);
  }

  /** To be called as {@link delete} is. */
  forget(group: ProcessGroup): void {
    this.#reaper.delete(group);
  }

  killAll(): void {
    for (const group of this.#groups) group.signal('SIGKILL');
  }

  /** Resolves once nobody is left who watched over them. There must be none any more, and none to come. */
  close(): Promise<void> {
    return this.#reaper.close();
  }
}

/** The pools that have a live process. */
const populated = new Set<LiveProcesses>();

function killEverybody(): void {
  for (const processes of populated) processes.killAll();
}
