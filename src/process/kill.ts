/**
 * Signals a worker's process group: the worker and what it has started. The
 * caller must know that the worker's end has not been seen yet, or `pid` may
 * be somebody else's by now.
 */
export function signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in the group, or the worker has not become its leader yet.
    try {
      process.kill(pid, signal);
    } catch {
      // Gone already, which is what was wanted.
    }
  }
}

/** Kills what is left of a group whose leader, the worker, has just ended. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}

/**
 * Signals a worker alone: `SIGUSR1` interrupts the call that it runs, `SIGUSR2` lets it say where it stands. What it has
 * started goes on. The same holds for `pid` as above.
 */
export function signalOne(pid: number, signal: 'SIGUSR1' | 'SIGUSR2'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}
