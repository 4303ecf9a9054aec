import { createPool } from '../../src/index.js';
import { heapInUse } from '../support/garbage.js';
import { fixtures, PYTHON } from '../support/python.js';
import { withFolder } from '../support/scratch.js';
import { isAnswer } from './calm.js';
import { countsOf, deviations, Ledger } from './ledger.js';
import type { Scenario } from './scenario.js';

const here = fixtures(import.meta.url);

/** Workers live for one call each, and half of them are killed after it: whatever a life leaves behind adds up. */
export const scenario: Scenario = {
  row: 5,
  title: 'worker lives: descriptors, children, listeners and memory are as before',
  async round({ signal }) {
    return await livesOf(LIVES, signal);
  },
};

/** So many lives, and how many bytes of heap each left behind. */
export async function livesOf(lives: number, signal: AbortSignal) {
  await withFolder((folder) => startPool(folder).close());
  return await withFolder(async (folder) => {
    const ledger = await Ledger.open({ lateMsMax: 300 });
    const pool = startPool(folder);
    let ended = 0;
    const heap: { at: number; bytes: number }[] = [];
    pool.on('worker.dead', () => {
      ended += 1;
      if (ended % SAMPLE_EVERY !== 0) return;
      heap.push({ at: ended, bytes: heapInUse() });
    });
    let number = 0;
    const client = async (index: number) => {
      while (ended < lives && !signal.aborted) {
        number += 1;
        const mine = number;
        const lease = await pool.checkout();
        await ledger.ask(lease.call('serve', [mine]), (answer) => isAnswer(answer, mine));
        const pid = index % 2 === 0 ? pidOf(pool, lease.worker) : undefined;
        await lease.checkin();
        // It has served, so that its end says nothing about the next start.
        if (pid !== undefined) kill(pid);
      }
    };
    await Promise.all(Array.from({ length: SIZE }, (_, index) => client(index)));
    await pool.close();
    const account = await ledger.close(folder);
    const wrong = deviations(account);
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    return {
      ...countsOf(account),
      lives: ended,
      heapBytesPerLifeMax: Math.round(slopeOf(heap.slice(heap.length >> 2))),
    };
  });
}

function startPool(folder: string) {
  return createPool({
    module: here('starts.py'),
    python: PYTHON,
    size: SIZE,
    logs: 'events',
    setup: { name: 'open_file', args: [folder] },
    recycle: { leases: 1 },
    recycleConcurrencyMax: SIZE,
  });
}

/** Another may have it by now, whose call is lost then. It may be gone, too. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was replaced.
  }
}

type Pool = ReturnType<typeof startPool>;

function pidOf(pool: Pool, worker: string): number | undefined {
  return pool.workers().find((each) => each.worker === worker)?.pid;
}

/** The line through the samples, by least squares: how much one life adds. */
function slopeOf(samples: readonly { at: number; bytes: number }[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [atMean, bytesMean] = [mean(samples.map(({ at }) => at)), mean(samples.map(({ bytes }) => bytes))];
  const above = samples.reduce((sum, { at, bytes }) => sum + (at - atMean) * (bytes - bytesMean), 0);
  return above / samples.reduce((sum, { at }) => sum + (at - atMean) ** 2, 0);
}

const SIZE = 4;
/** In one round. */
const LIVES = 10_000;
const SAMPLE_EVERY = 100;
