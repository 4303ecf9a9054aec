import { printable } from '../base/printable.js';
import { CRASHED_THREAD } from '../base/stack.js';
import type { PoolError } from './pool-error.js';

/** A field for programs: who prints the error has it in the message, in the stack or in the cause, and need not see it once more. */
export function hide<Failure extends PoolError>(error: Failure, name: keyof Failure, value: unknown): void {
  Object.defineProperty(error, name, { value, configurable: true, writable: true });
}

export function howItEnded({ exitCode, signal }: { exitCode: number | null; signal: string | null }): string {
  if (signal !== null) return `of signal ${signal}`;
  return exitCode === null ? 'without an exit code' : `with exit code ${exitCode}`;
}

export function whatStarted(started: boolean | 'unknown'): string {
  if (started === false) return 'Python had not started the call, so it is safe to repeat.';
  if (started === true) return 'Python had started the call: repeat it only if doing it twice does no harm.';
  return 'Nobody knows whether Python had started the call: repeat it only if doing it twice does no harm.';
}

export function afterAttempts(attempts = 1): string {
  return attempts === 1 ? '' : ` It was tried ${attempts} times.`;
}

export function lastLines(stderr: readonly string[]): string {
  if (stderr.length === 0) return ' It wrote nothing to standard error.';
  const theirs = stderr.filter((line) => !OWN_FRAME.test(line));
  // Of a crash the innermost calls are written first, and what extensions were loaded last.
  const crash = theirs.findLastIndex((line) => CRASHED_THREAD.test(line));
  const shown = crash === -1 ? theirs.slice(-QUOTED_LINES_MAX) : theirs.slice(crash, crash + QUOTED_LINES_MAX);
  const lines = shown.map((line) => `\n  ${printable(line.slice(0, QUOTED_CHARS_MAX))}`);
  return ` ${crash === -1 ? 'Its last lines on' : 'From its'} standard error:${lines.join('')}`;
}

export function didYouMean(call: string, functions: readonly string[]): string {
  let nearest: string | undefined;
  let distanceMin = Math.min(3, Math.floor(call.length / 2) + 1);
  for (const name of functions.slice(0, SUGGESTION_NAMES_MAX)) {
    const distance = editDistance(call, name, distanceMin);
    if (distance < distanceMin) [nearest, distanceMin] = [name, distance];
  }
  return nearest === undefined ? '' : ` Did you mean ${quoted(nearest)}?`;
}

/** Insertions, deletions and replacements from one name to the other; `limit` or more comes back as `limit`. */
function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit;
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = above[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, above[column]! + 1, current[column - 1]! + 1));
    }
    above = current;
  }
  return Math.min(limit, above[to.length]!);
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

export function quoted(text: string): string {
  const shown = text.length > QUOTED_CHARS_MAX ? `${text.slice(0, QUOTED_CHARS_MAX)}…` : text;
  return printable(JSON.stringify(shown));
}

export const QUOTED_CHARS_MAX = 200;

export const QUOTED_LINES_MAX = 5;

/** What a crash prints of the frames of the worker around those of the call, which say nothing about the crash. */
const OWN_FRAME = /^ {2}File "(.*[\\/]pythonarium[\\/](worker|serial|event_loop|lane_\w+)\.py|<string>)", line \d+ in /;

const SUGGESTION_NAMES_MAX = 200;
