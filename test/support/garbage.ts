import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
/** Collects all that cannot be reached. */
export const collectGarbage: () => void = runInNewContext('gc');

/** How many bytes of the heap are in use by what can be reached. */
export function heapInUse(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/**
 * How many bytes of memory the process has, with its garbage collected: V8 lets a young heap double before it looks at
 * it again, which is no growth of what is kept.
 */
export function rssInUse(): number {
  collectGarbage();
  return process.memoryUsage.rss();
}
