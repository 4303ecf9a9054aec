import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How often each request was started, as the workers wrote it down: 8 bytes for each start, in a file for each worker. */
export function startsIn(folder: string): Map<number, number> {
  const starts = new Map<number, number>();
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name));
    for (let at = 0; at + 8 <= bytes.length; at += 8) {
      const number = Number(bytes.readBigUInt64LE(at));
      starts.set(number, (starts.get(number) ?? 0) + 1);
    }
  }
  return starts;
}
