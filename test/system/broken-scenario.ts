import { play, SCENARIOS } from './scenarios.js';
import type { Charts } from './world.js';

/** The first scenario whose promise such charts break, or null. What the charts themselves say is not looked at. */
export function brokenScenario(charts: Charts): string | null {
  for (const scenario of SCENARIOS) {
    try {
      play(scenario, charts);
    } catch {
      return scenario.promise;
    }
  }
  return null;
}
