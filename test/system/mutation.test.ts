import { afterAll, describe, expect, it } from 'vitest';
import { nameOf, type Transition, transitionsOf, without } from '../model/transitions.js';
import { ANYONE, EVERY_WISH, STRICT, unlimited, withSlots } from './bounds.js';
import { explore } from './explorer.js';
import { play, SCENARIOS } from './scenarios.js';
import { CHARTS, type ChartName, type Charts } from './world.js';

/**
 * Any one transition is taken out of a chart, and some promise must be
 * broken: a scenario, or an invariant somewhere in a walk of a small system.
 * What the chart itself says is not looked at.
 */
describe.each(Object.keys(CHARTS) as ChartName[])('without any one of its transitions, the %s', (chart) => {
  const killers: string[] = [];

  it.each(transitionsOf(CHARTS[chart]).map((each) => [nameOf(each), each] as const))(
    'breaks a promise: %s',
    (name, each) => {
      const killer = brokenBy(chart, each);
      killers.push(`${`${chart}: ${name}`.padEnd(72)} ${killer}`);
      expect(killer, `nobody misses ${chart}: ${name}`).not.toBeNull();
    },
  );

  afterAll(() => console.log(killers.join('\n')));
});

/** The promise that is broken without `transition`, or null. */
function brokenBy(chart: ChartName, transition: Transition): string | null {
  const charts: Charts = { ...CHARTS, [chart]: without(CHARTS[chart], transition) };
  for (const scenario of SCENARIOS) {
    try {
      play(scenario, charts);
    } catch {
      return `scenario: ${scenario.promise}`;
    }
  }
  for (const bounds of SMALL) {
    const { found } = explore(charts, bounds, { expectations: false });
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
