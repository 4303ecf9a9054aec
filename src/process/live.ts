import { signalGroup } from './kill.js';

/**
 * Every Python process of one pool that lives, outside the charts: whatever
 * happens to an actor, its process is still known here and goes with this
 * program.
 */
export class LiveProcesses {
  readonly #pids = new Set<number>();

  get size(): number {
    return this.#pids.size;
  }

  add(pid: number): void {
    this.#pids.add(pid);
    // An `exit` listener is no signal handler: it decides nothing about when the program ends. One serves all pools.
    if (populated.size === 0) process.on('exit', killEverybody);
    populated.add(this);
  }

  /** To be called as soon as the kernel says that the process is gone, since its pid may then become somebody else's. */
  delete(pid: number): void {
    this.#pids.delete(pid);
    if (this.#pids.size > 0 || !populated.delete(this) || populated.size > 0) return;
    process.off('exit', killEverybody);
  }

  killAll(): void {
    for (const pid of this.#pids) signalGroup(pid, 'SIGKILL');
  }
}

/** The pools that have a live process. */
const populated = new Set<LiveProcesses>();

function killEverybody(): void {
  for (const processes of populated) processes.killAll();
}
