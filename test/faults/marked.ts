import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { isAlive } from '../support/processes.js';

/** A variable that whatever a program starts inherits, by which its processes are found once it is gone itself. */
export const MARK = 'PYTHONARIUM_TEST_MARK';

export function newMark(): string {
  return randomUUID();
}

/** The pids of all processes that have it and live, whosever children they are. */
export function marked(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isAlive(pid) && hasMark(pid, mark));
}

function hasMark(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${MARK}=${mark}`);
  } catch {
    return false;
  }
}
