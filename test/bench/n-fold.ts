import { fileURLToPath } from 'node:url';
import { createPool } from 'pythonarium';
import type { Callee } from './callee.js';
import { summary, timed } from './figures.js';
import { type Scenario, short } from './scenario.js';
import { startSerialisedPool } from './serialised-pool.js';

/** How the calls are brokered: by leases, or by a manager that does the exchange itself. */
export type Way = 'leases' | 'serialised';

/** A pool of `size` workers, the new way or the old, behind one interface. */
export async function startPool(way: Way, { python, size }: { python: string; size: number }): Promise<Callee> {
  const module = fileURLToPath(new URL('./tasks.py', import.meta.url));
  if (way === 'serialised') return startSerialisedPool({ python, module, size });
  const pool = createPool({ module, expose: 'all', python, size, logs: 'events' });
  await pool.ready();
  return pool;
}

export interface NFold {
  readonly workers: number;
  readonly calls: number;
  readonly sleepMs: number;
  /** Best times, in ms. */
  readonly bareMs: number;
  readonly serialisedMs: number;
  readonly leasesMs: number;
  readonly bars: readonly {
    readonly what: string;
    readonly is: number;
    readonly bar: string;
    readonly holds: boolean;
  }[];
}

/** N workers do N times the work of a serialised pool: calls that sleep, all asked for at once; best of `rounds`. */
export async function nFold(python: string, rounds = 5): Promise<NFold> {
  const [workers, calls, sleepMs] = [8, 200, 10];
  const leases = await startPool('leases', { python, size: workers });
  const serialised = await startPool('serialised', { python, size: workers });
  const naps = (pool: Callee) => () =>
    Promise.all(Array.from({ length: calls }, () => pool.call('nap', [sleepMs / 1000])));
  // Figures of a program that has just started are those of a compiler at work.
  for (const pool of [leases, serialised]) {
    for (let call = 0; call < WARM_UP_CALLS; call += 8) {
      await Promise.all(Array.from({ length: 8 }, (_, index) => pool.call('add', [call, index])));
    }
  }
  const times = { bare: [] as number[], serialised: [] as number[], leases: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    times.bare.push(1000 * ((await leases.call('bare_naps', [calls, sleepMs / 1000])) as number));
    times.serialised.push(await timed(naps(serialised)));
    times.leases.push(await timed(naps(leases)));
  }
  await Promise.all([leases.close(), serialised.close()]);

  const bareMs = Math.min(...times.bare);
  const serialisedMs = Math.min(...times.serialised);
  const leasesMs = Math.min(...times.leases);
  const idealMs = (calls * sleepMs) / workers;
  return {
    workers,
    calls,
    sleepMs,
    bareMs,
    serialisedMs,
    leasesMs,
    bars: [
      {
        what: `leases, in ms (ideal ${idealMs})`,
        is: leasesMs,
        bar: `<= ${1.1 * idealMs}`,
        holds: leasesMs <= 1.1 * idealMs,
      },
      {
        what: 'serialised over leases',
        is: serialisedMs / leasesMs,
        bar: '>= 7.3',
        holds: serialisedMs / leasesMs >= 7.3,
      },
      {
        what: 'serialised over bare sleeps',
        is: serialisedMs / bareMs,
        bar: '<= 1.05',
        holds: serialisedMs / bareMs <= 1.05,
      },
    ],
  };
}

export const nFoldScenario: Scenario = {
  name: 'n-fold',
  title: 'Leases next to a pool whose manager does the exchange itself',
  caveat:
    'The best of the rounds, not the middle one: what is compared is how the calls are ordered, and noise only adds.',
  async run({ python, rounds }) {
    const figures = await nFold(python, rounds);
    return {
      figures,
      tables: [
        {
          title: `${figures.calls} calls that sleep ${figures.sleepMs} ms, asked for at once, on ${figures.workers} workers; the best of ${rounds}`,
          head: ['', 'ms'],
          rows: [
            ['bare sleeps, one after the other', short(figures.bareMs)],
            ['serialised: the manager does the exchange', short(figures.serialisedMs)],
            ['leases: the client does the exchange', short(figures.leasesMs)],
          ],
        },
      ],
      checks: figures.bars.map(({ is, ...bar }) => ({ ...bar, is: summary([is]) })),
    };
  },
};

const WARM_UP_CALLS = 4_000;
