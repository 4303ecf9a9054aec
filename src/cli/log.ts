import type { LogEvent } from '../events.js';

/** A line that Python printed, logged or warned of, for standard error. */
export function logLine({ text, level, logger }: LogEvent, worker?: string): string {
  const who = worker === undefined ? '' : `[${worker}] `;
  const where = logger === undefined ? '' : `${level ?? ''} ${logger}: `.trimStart();
  return `${who}${where}${text}\n`;
}
