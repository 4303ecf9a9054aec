import { signalGroup } from './kill.js';

/**
 * Every Python process that lives, outside the charts: whatever happens to an
 * actor, its process is still known here and goes with this program.
 */
export class LiveProcesses {
  readonly #pids = new Set<number>();
  readonly #atExit = () => this.killAll();

  get size(): number {
    return this.#pids.size;
  }

  add(pid: number): void {
    // An `exit` listener is no signal handler: it decides nothing about when the program ends.
    if (this.#pids.size === 0) process.on('exit', this.#atExit);
    this.#pids.add(pid);
  }

  /** To be called as soon as the kernel says that the process is gone, since its pid may then become somebody else's. */
  delete(pid: number): void {
    if (this.#pids.delete(pid) && this.#pids.size === 0) process.off('exit', this.#atExit);
  }

  killAll(): void {
    for (const pid of this.#pids) signalGroup(pid, 'SIGKILL');
  }
}
