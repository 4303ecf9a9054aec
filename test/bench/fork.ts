import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createPool, type Pool } from 'pythonarium';
import { summary } from './figures.js';
import { type Scenario, shown } from './scenario.js';

type Figure = ReturnType<typeof summary>;

export interface ForkResult {
  /** Milliseconds from the death of a worker to the first answer of its replacement. */
  readonly spawnMs: Figure;
  readonly forkMs: Figure;
  /** Kilobytes that a worker adds to the machine, of four of them: its share of what is shared. */
  readonly spawnKb: Figure;
  readonly forkKb: Figure;
  /** The longest that Node's loop stood still during a replacement, in milliseconds, with a gigabyte in Node. */
  readonly spawnStallMs: Figure;
  readonly forkStallMs: Figure;
  readonly bars: readonly {
    readonly what: string;
    readonly is: number;
    readonly bar: string;
    readonly holds: boolean;
  }[];
}

/** How fast and how large a worker is that has numpy, spawned and forked, in turn. */
export async function forkedWorkers(python: string, rounds = 15): Promise<ForkResult> {
  const folder = mkdtempSync(join(tmpdir(), 'pythonarium-bench-'));
  const module = join(folder, 'with_numpy.py');
  writeFileSync(module, 'import os\nimport numpy\n\ndef pid(): return os.getpid()\n');
  const ballast = Array.from({ length: 16 }, () => Buffer.alloc(64 * 1024 * 1024, 1));
  const pools = Object.fromEntries(
    await Promise.all(
      (['spawn', 'fork'] as const).map(async (start) => {
        const pool = createPool({ module, expose: 'all', python, start, size: 4, logs: 'events' });
        pool.on('fork.refused', ({ reason }) => {
          throw new Error(`there is nothing to measure: ${reason}`);
        });
        await pool.ready();
        return [start, pool] as const;
      }),
    ),
  ) as Record<'spawn' | 'fork', Pool>;
  const figures = {
    spawn: { ms: [] as number[], kb: [] as number[], stall: [] as number[] },
    fork: { ms: [] as number[], kb: [] as number[], stall: [] as number[] },
  };
  for (let round = -2; round < rounds; round++) {
    for (const start of ['spawn', 'fork'] as const) {
      const { ms, stallMs } = await replaced(pools[start]);
      if (round < 0) continue;
      figures[start].ms.push(ms);
      figures[start].stall.push(stallMs);
      figures[start].kb.push(pssOf(await pools[start].call<number>('pid')));
    }
  }
  if (ballast.length === 0) throw new Error('unreachable');
  await Promise.all([pools.spawn.close(), pools.fork.close()]);
  rmSync(folder, { recursive: true });
  const of = (start: 'spawn' | 'fork') => ({
    ms: summary(figures[start].ms),
    kb: summary(figures[start].kb),
    stall: summary(figures[start].stall),
  });
  const [spawn, fork] = [of('spawn'), of('fork')];
  const time = fork.ms.median / spawn.ms.median;
  const memory = fork.kb.median / spawn.kb.median;
  return {
    spawnMs: spawn.ms,
    forkMs: fork.ms,
    spawnKb: spawn.kb,
    forkKb: fork.kb,
    spawnStallMs: spawn.stall,
    forkStallMs: fork.stall,
    bars: [
      { what: 'first answer, forked over spawned', is: time, bar: '<= 0.1', holds: time <= 0.1 },
      { what: 'memory, forked over spawned', is: memory, bar: '<= 0.33', holds: memory <= 0.33 },
    ],
  };
}

/** Ends a worker that is leased and waits for the first answer of the one that takes its place. */
async function replaced(pool: Pool): Promise<{ ms: number; stallMs: number }> {
  const leases = await Promise.all([pool.checkout(), pool.checkout(), pool.checkout(), pool.checkout()]);
  const dead = new Promise<number>((resolve) => pool.once('worker.dead', () => resolve(performance.now())));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  // From outside: of a worker that ends by itself again and again the pool would wait with the next start.
  const pid = await leases[0].call<number>('pid');
  const answer = pool.call('pid');
  delay.enable();
  process.kill(pid, 'SIGKILL');
  const since = await dead;
  await answer;
  const ms = performance.now() - since;
  delay.disable();
  await Promise.all(leases.map((lease) => lease.checkin()));
  return { ms, stallMs: delay.max / 1e6 };
}

function pssOf(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
}

export const forkScenario: Scenario = {
  name: 'fork',
  title: 'A worker with numpy that takes the place of another, spawned and forked',
  caveat:
    'numpy has to be installed. A gigabyte of ballast is in Node, since the larger Node is, the longer a spawn stops it.',
  async run({ python, rounds }) {
    const figures = await forkedWorkers(python, rounds);
    return {
      figures,
      tables: [
        {
          title: 'Median (range)',
          head: ['', 'spawned', 'forked'],
          rows: [
            ['first answer, ms', shown(figures.spawnMs), shown(figures.forkMs)],
            ['memory (PSS), kB', shown(figures.spawnKb), shown(figures.forkKb)],
            ['longest stall of Node with 1 GiB in it, ms', shown(figures.spawnStallMs), shown(figures.forkStallMs)],
          ],
        },
      ],
      checks: figures.bars.map(({ is, ...bar }) => ({ ...bar, is: summary([is]) })),
    };
  },
};
