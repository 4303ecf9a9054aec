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
  return statOf(pid)?.[START_TIME];
}

/**
 * Whether the process of that pid has been killed and still lives, as where a device does not answer, or much memory is
 * given back: nobody can do more. Never where there is no `/proc`.
 */
export function isDying(pid: number): boolean {
  const { [STATE]: state, [FLAGS]: flags, [THREADS]: threads, [PENDING]: pending } = statOf(pid) ?? [];
  // One whose first thread has ended is shown as a zombie, though others may still be ending.
  if (state === 'Z') return Number(threads) > 1;
  return (Number(flags) & IS_EXITING) !== 0 || (Number(pending) & HAS_SIGKILL) !== 0;
}

/**
 * Whether the process of that pid runs no code any more: the kernel winds it up, closes its descriptors on the way, and tells
 * of its end after that, or is about to. Never where there is no `/proc`.
 */
export function isEnding(pid: number): boolean {
  const { [STATE]: state, [FLAGS]: flags } = statOf(pid) ?? [];
  return state === 'Z' || (Number(flags) & IS_EXITING) !== 0;
}

/** What the kernel tells of a process, without its pid and name. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold spaces and parentheses itself.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Where something stands behind the name. The manual, `proc(5)`, counts from the pid on, which is 1. */
const STATE = 3 - 3;
const FLAGS = 9 - 3;
const THREADS = 20 - 3;
const START_TIME = 22 - 3;
const PENDING = 31 - 3;
const IS_EXITING = 0x4;
const HAS_SIGKILL = 1 << 8;
