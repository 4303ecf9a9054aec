import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** The pids of the Python workers that `parent` has started and that are not reaped yet. */
export function workersOf(parent: number): number[] {
  return childrenOf(parent).filter((pid) => commandOf(pid).includes('pythonarium.worker'));
}

/** The pids of the reapers of the pools of `parent`. */
export function reapersOf(parent: number): number[] {
  return childrenOf(parent).filter((pid) => commandOf(pid).includes('pythonarium/reaper.py'));
}

/** The pids of the templates of the pools of `parent`. */
export function templatesOf(parent: number): number[] {
  return childrenOf(parent).filter((pid) => commandOf(pid).includes('pythonarium.template'));
}

/** The pids of all processes whose parent is `parent`, zombies included. */
export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => statOf(pid)?.parent === parent);
}

/** True while a process of that pid runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== undefined && stat.state !== 'Z';
}

/** The kernel's letter for what it does: `R`, `S` (waits), `T` (stopped), `Z`; `undefined` once it is gone. */
export function stateOf(pid: number): string | undefined {
  return statOf(pid)?.state;
}

/** Resolves once `isTrue` says so. For what the kernel tells to nobody. */
export async function until(isTrue: () => boolean, whatFor: string, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`Waited ${limitMs} ms in vain for ${whatFor}`);
    await setTimeout(5);
  }
}

/** Stops a process where it is, as if it hung, and resolves once it stands. */
export async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await until(() => stateOf(pid) === 'T', `process ${pid} to stop`);
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function statOf(pid: number): { state: string; parent: number } | undefined {
  try {
    // The name in parentheses may hold spaces and parentheses itself.
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return { state: state!, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
