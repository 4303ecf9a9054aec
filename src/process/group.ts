import { readFileSync } from 'node:fs';

/**
 * A process that leads a group of its own, and the group: the worker and what it has started. It is known by its pid and
 * by when the kernel started it, since numbers are given away again: nothing is ever sent to somebody else's.
 */
export class ProcessGroup {
  readonly pid: number;
  /** When it was started, as the kernel counts; `undefined` where there is no `/proc` to tell. */
  readonly startTime: string | undefined;

  /** @param pid A child of this process whose end has not been seen yet. */
  constructor(pid: number) {
    this.pid = pid;
    this.startTime = startTimeOf(pid);
  }

  /** Signals all of the group, or the leader alone while there is no group yet. Nothing where nobody is left. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (!this.#send(-this.pid, signal)) this.#send(this.pid, signal);
  }

  /** Kills what is left of the group after its leader's end. */
  killRest(): void {
    this.#send(-this.pid, 'SIGKILL');
  }

  /** Interrupts the call that the worker runs; what it has started goes on. */
  interrupt(): void {
    this.#send(this.pid, 'SIGUSR1');
  }

  /** Lets the worker write where each of its threads stands. */
  dumpStacks(): void {
    this.#send(this.pid, 'SIGUSR2');
  }

  /**
   * As long as anybody of the group lives, its number is given to nobody: where a process has the number and another
   * start time, none of the group is left.
   */
  #isGivenAway(): boolean {
    if (this.startTime === undefined) return false;
    const now = startTimeOf(this.pid);
    return now !== undefined && now !== this.startTime;
  }

  #send(to: number, signal: 'SIGTERM' | 'SIGKILL' | 'SIGUSR1' | 'SIGUSR2'): boolean {
    if (this.#isGivenAway()) return true;
    try {
      process.kill(to, signal);
      return true;
    } catch {
      return false;
    }
  }
}

/** When the process of that pid was started, in ticks since the system was; `undefined` if there is none, or no `/proc`. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold spaces and parentheses itself. What follows begins with the third field.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME - 3];
  } catch {
    return undefined;
  }
}

const START_TIME = 22;
