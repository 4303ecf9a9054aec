import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** How many bytes of the heap are in use by what can be reached. */
export function heapInUse(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

/**
 * How many bytes of memory the process has, with its garbage collected: V8 lets a young heap double before it looks at
 * it again, which is no growth of what is kept.
 */
export function rssInUse(): number {
  collect();
  return process.memoryUsage.rss();
}
