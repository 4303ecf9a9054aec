import { mapped } from '../entrants.js';
import type { Scenario } from '../scenario.js';
import { againstFloor } from './against-floor.js';

export const map: Scenario = {
  name: 'map',
  row: 5,
  title: '`pool.map` of a trivial function, over a pipelined floor',
  caveat:
    'Both have 64 calls under way on one Python. The floor answers to nobody: no order, no cancellation, no limit, no record of what was started.',
  run(conditions) {
    const load = mapped(64);
    const cases = [{ label: '1', workers: 1, ours: load, floor: load, name: 'increment', bar: 0.5 }];
    return againstFloor(conditions, cases, { title: 'increment(n), 64 under way on one Python', label: 'workers' });
  },
};
