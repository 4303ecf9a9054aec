import { callers } from '../entrants.js';
import { introduce } from '../interleave.js';
import type { Scenario } from '../scenario.js';
import { againstFloor } from './against-floor.js';

export const inFlight: Scenario = {
  name: 'in-flight',
  row: 3,
  title: '64 callers of a trivial function',
  caveat:
    'The floor has as many calls under way on each Python as the pool allows itself. With more of them a bare pipe is faster still, and nobody could say whose call is running; `map` has that figure.',
  async run(conditions) {
    const { inFlight: depth = 1 } = await introduce({ name: 'pythonarium', file: 'sides/ours.mjs' }, conditions.python);
    const cases = [1, 2].map((workers) => ({
      workers,
      ours: callers(64),
      floor: callers(depth * workers),
      name: 'add',
      bar: 0.8,
    }));
    return againstFloor(conditions, cases, `add(n, 1), 64 callers; the floor with ${depth} under way on each Python`);
  },
};
