import type { Callee } from './callee.js';
import { summary, timed } from './figures.js';
import { startFloor } from './floor.js';
import { startPool } from './n-fold.js';
import { type Scenario, short, shown } from './scenario.js';

export interface Overhead {
  readonly load: string;
  /** Microseconds a call, medians of the rounds. */
  readonly floorUs: number;
  readonly poolUs: number;
  /** Pool over floor, of the two rounds that ran next to each other. */
  readonly ratio: { readonly median: number; readonly min: number; readonly max: number };
}

/** Trivial calls on one worker, over a bare pipe in the same run: interleaved, round by round. */
export async function overhead(python: string, rounds = 11): Promise<readonly Overhead[]> {
  const floor = await startFloor(python);
  const pool = await startPool('leases', { python, size: 1 });
  const loads = [
    { load: 'one at a time', calls: 2_000, run: sequential },
    { load: '64 callers', calls: 6_400, run: concurrent(64) },
  ];
  const results: Overhead[] = [];
  for (const { load, calls, run } of loads) {
    const times = { floor: [] as number[], pool: [] as number[], ratio: [] as number[] };
    for (let round = -1; round < rounds; round++) {
      const floorUs = (1000 * (await timed(() => run(floor, calls)))) / calls;
      const poolUs = (1000 * (await timed(() => run(pool, calls)))) / calls;
      // The first round warms both up.
      if (round === -1) continue;
      times.floor.push(floorUs);
      times.pool.push(poolUs);
      times.ratio.push(poolUs / floorUs);
    }
    results.push({
      load,
      floorUs: summary(times.floor).median,
      poolUs: summary(times.pool).median,
      ratio: summary(times.ratio),
    });
  }
  await Promise.all([floor.close(), pool.close()]);
  return results;
}

async function sequential(callee: Callee, calls: number): Promise<void> {
  for (let index = 0; index < calls; index++) await callee.call('add', [index, 1]);
}

function concurrent(callers: number) {
  return async (callee: Callee, calls: number) => {
    let left = calls;
    const caller = async () => {
      while (left-- > 0) await callee.call('add', [left, 1]);
    };
    await Promise.all(Array.from({ length: callers }, caller));
  };
}

export const overheadScenario: Scenario = {
  name: 'overhead',
  title: 'Trivial calls on one worker, over a bare pipe, in one process',
  caveat:
    'One process measures both, on whatever cores there are: a quick look. `sequential` and `in-flight` measure it well.',
  async run({ python, rounds }) {
    const figures = await overhead(python, rounds);
    return {
      figures,
      tables: [
        {
          title: 'Microseconds a call',
          head: ['load', 'floor', 'pool', 'ratio: median (range)'],
          rows: figures.map(({ load, floorUs, poolUs, ratio }) => [load, short(floorUs), short(poolUs), shown(ratio)]),
        },
      ],
      checks: [],
    };
  },
};
