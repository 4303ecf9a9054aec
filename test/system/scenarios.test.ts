import { describe, it } from 'vitest';
import { play, SCENARIOS } from './scenarios.js';
import { CHARTS } from './world.js';

describe('all the charts together', () => {
  it.each(SCENARIOS.map((scenario) => [scenario.promise, scenario] as const))('%s', (_, scenario) => {
    play(scenario, CHARTS);
  });
});
