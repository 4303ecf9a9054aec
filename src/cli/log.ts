import { printable, printableLines } from '../base/printable.js';
import type { LogEvent } from '../events.js';

/** A line that Python printed, logged or warned of, for standard error, which may be a terminal. */
export function logLine({ text, level, logger }: LogEvent, worker?: string): string {
  const who = worker === undefined ? '' : `[${worker}] `;
  const where = logger === undefined ? '' : printable(`${level ?? ''} ${logger}: `.trimStart());
  return `${who}${where}${printableLines(text)}\n`;
}
