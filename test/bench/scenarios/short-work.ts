import { callers } from '../entrants.js';
import type { Scenario } from '../scenario.js';
import { againstFloor } from './against-floor.js';

export const shortWork: Scenario = {
  name: 'short-work',
  row: 4,
  title: '64 callers of a function that takes 50 us',
  caveat:
    'The work is a loop that looks at the clock: it does not compete for caches or memory as real work does. An exclusive pool leaves Python idle while an answer and the next request are on their way.',
  async run(conditions) {
    const cases = [1, 2].map((workers) => ({
      label: String(workers),
      workers,
      ours: callers(64, { name: 'work', args: [50] }),
      floor: callers(16 * workers, { name: 'work', args: [50] }),
      name: 'work',
      bar: workers === 1 ? 0.9 : 0.85,
    }));
    const title = '50 us of Python, 64 callers; the floor with 16 under way on each Python';
    return againstFloor(conditions, cases, { title, label: 'workers' });
  },
};
