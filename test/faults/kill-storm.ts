import { setTimeout } from 'node:timers/promises';
import { createPool, type Pool, type PoolOptions } from '../../src/index.js';
import { chanceOf } from '../support/chance.js';
import { until } from '../support/processes.js';
import { fixtures, PYTHON } from '../support/python.js';
import { withFolder } from '../support/scratch.js';
import { Crowd } from './crowd.js';
import { harmsOfDeath } from './fault.js';
import { countsOf, deviations, Ledger } from './ledger.js';
import type { Counts, Effort, Scenario } from './scenario.js';
import { ServedWorkers, strikeEvery } from './served-workers.js';

const here = fixtures(import.meta.url);

/** Sixty-four clients ask four workers for all they can do, and every 15 ms one that has served is killed. */
export const scenario: Scenario = {
  row: 1,
  title: 'kill storm: 4 workers, 64 clients, SIGKILL every 15 ms',
  round: (effort) => killStorm(effort, 'fork'),
};

/**
 * The same with workers started in that way.
 *
 * @param requestsMin It lasts longer until so many were made: how many a machine makes in a second is not what it is about.
 */
export async function killStorm(
  { seed, seconds, signal }: Effort,
  start: PoolOptions['start'],
  requestsMin = 0,
): Promise<Counts> {
  // What is loaded on demand is loaded before the account is opened.
  await withFolder(async (folder) => {
    const pool = startPool(folder, start);
    await pool.ready();
    await pool.close();
  });
  return await withFolder(async (folder) => {
    const ledger = await Ledger.open({ lateMsMax: 300 });
    const pool = startPool(folder, start);
    const workers = new ServedWorkers(pool, chanceOf(seed));
    await pool.ready();
    let number = 0;
    const crowd = new Crowd({
      pool,
      ledger,
      next: () => {
        number += 1;
        return number;
      },
      size: 64,
      onServed: (pid) => workers.note(pid),
      idempotent: { idempotent: true, attempts: 10 },
    });
    let kills = 0;
    const ending = new AbortController();
    const kill = (pid: number) => {
      // An answer of its may still be on its way.
      workers.giveUp(pid);
      process.kill(pid, 'SIGKILL');
      kills += 1;
    };
    strikeEvery(KILL_EVERY_MS, workers, kill, ending.signal);
    await setTimeout(seconds * 1000, undefined, { signal }).catch(() => {});
    while (!signal.aborted && pool.stats().calls.asked < requestsMin) await setTimeout(LOOK_EVERY_MS);
    ending.abort();
    const strongMs = await strongAgain(pool, () => workers.deaths === kills);
    await crowd.end();
    const requests = pool.stats().calls.asked;
    await pool.close();
    const account = await ledger.close(folder);
    const wrong = [...deviations(account), ...crowd.unexpected([harmsOfDeath()])];
    if (workers.deaths !== kills) wrong.push(`killed ${kills}, and ${workers.deaths} have died`);
    if (strongMs > STRONG_MS_MAX) wrong.push(`at full strength ${strongMs} ms after the last kill`);
    const counts = { kills, requests, ...countsOf(account), strongMsMax: strongMs };
    if (wrong.length > 0) throw new Error([...wrong, JSON.stringify(counts)].join('\n'));
    return counts;
  });
}

/** Resolves, once all workers are there and nobody is still to be told dead, with how many ms it took. */
async function strongAgain(pool: Pool<unknown>, areAllTold: () => boolean): Promise<number> {
  const since = performance.now();
  await until(() => areAllTold() && pool.stats().missing === 0, 'all workers to be there');
  return Math.round(performance.now() - since);
}

function startPool(folder: string, start: PoolOptions['start']): Pool<unknown> {
  return createPool({
    module: { starts: here('starts.py') },
    python: PYTHON,
    start,
    size: 4,
    // So that some of what a kill meets waits in the pipe, of which the error says that it was not started.
    slots: 12,
    // A storm is no request's doing.
    poisonDeaths: 0,
    logs: 'events',
    setup: { name: 'starts.open_file', args: [folder] },
  });
}

const LOOK_EVERY_MS = 100;
const KILL_EVERY_MS = 15;
const STRONG_MS_MAX = 1_000;
