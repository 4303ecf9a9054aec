import { ANYONE, EVERY_WISH, STRICT, unlimited, withSlots } from './bounds.js';
import { explore } from './explorer.js';
import { play, SCENARIOS } from './scenarios.js';
import type { Charts } from './world.js';

/**
 * The promise that such charts break, or null: a scenario, or an invariant somewhere in a walk of a small system. What
 * the charts themselves say is not looked at.
 */
export function brokenBy(charts: Charts): string | null {
  for (const scenario of SCENARIOS) {
    try {
      play(scenario, charts);
    } catch {
      return `scenario: ${scenario.promise}`;
    }
  }
  for (const bounds of SMALL) {
    const { found } = explore(charts, bounds, { expectations: false, statesMax: STATES_MAX });
    if (found !== null) return `walk ${bounds.size}x${bounds.callers}, ${found.way.length + 1} steps: ${found.what}`;
  }
  return null;
}

const SMALL = [
  unlimited(1, 1, EVERY_WISH),
  { ...unlimited(1, 2, [ANYONE, STRICT]), queueMax: 1 },
  unlimited(2, 1, [ANYONE, STRICT]),
  withSlots(3, unlimited(1, 3, [ANYONE])),
];
/** Several times as many as any of these systems has: charts that come to more have lost count of something. */
const STATES_MAX = 100_000;
