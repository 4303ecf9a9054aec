import { callers } from '../entrants.js';
import { introduce } from '../interleave.js';
import type { Scenario } from '../scenario.js';
import { againstFloor } from './against-floor.js';

export const inFlight: Scenario = {
  name: 'in-flight',
  row: 3,
  title: '64 callers of a trivial function',
  caveat:
    'The floor has as many calls under way on each Python as the pool allows itself. With more of them a bare pipe is faster still, as the second table shows, and nobody could say whose call is running; `map` has that figure.',
  async run(conditions) {
    const { inFlight: depth = 1 } = await introduce({ name: 'pythonarium', file: 'sides/ours.mjs' }, conditions.python);
    const promised = await againstFloor(
      conditions,
      [1, 2].map((workers) => ({
        label: String(workers),
        workers,
        ours: callers(64),
        floor: callers(depth * workers),
        name: 'add',
        bar: 0.8,
      })),
      { title: `add(n, 1), 64 callers; the floor with ${depth} under way on each Python`, label: 'workers' },
    );
    const asMany = await againstFloor(
      conditions,
      [2, 8, 64].map((count) => ({
        label: String(count),
        workers: 1,
        ours: callers(count),
        floor: callers(count),
        name: 'add',
      })),
      { title: 'One worker; the floor with as many under way as there are callers, without a bar', label: 'callers' },
    );
    return {
      figures: { promised: promised.figures, asMany: asMany.figures },
      tables: [...promised.tables, ...asMany.tables],
      checks: promised.checks,
    };
  },
};
