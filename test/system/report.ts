import { describeBounds } from './bounds.js';
import { explore } from './explorer.js';
import { type Bounds, CHARTS } from './world.js';

/** Walks the charts within `bounds`, prints what was walked, and returns what was wrong, with the way to it, or null. */
export function walk(bounds: Bounds): string | null {
  const { states, edges, depth, ms, found } = explore(CHARTS, bounds);
  const seconds = (ms / 1000).toFixed(1);
  console.log(`${states} states, ${edges} edges, ${depth} steps deep, ${seconds} s: ${describeBounds(bounds)}`);
  return found && [found.what, ...found.way].join('\n  ');
}
