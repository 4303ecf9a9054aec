import { afterAll, describe, expect, it } from 'vitest';
import { nameOf, transitionsOf, without } from '../model/transitions.js';
import { brokenBy } from './broken-by.js';
import { CHARTS, type ChartName } from './world.js';

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
      const killer = brokenBy({ ...CHARTS, [chart]: without(CHARTS[chart], each) });
      killers.push(`${`${chart}: ${name}`.padEnd(72)} ${killer}`);
      expect(killer, `nobody misses ${chart}: ${name}`).not.toBeNull();
    },
  );

  afterAll(() => console.log(killers.join('\n')));
});
