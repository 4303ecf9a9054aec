import { setTimeout } from 'node:timers/promises';
import { createPool, type Pool, type PoolOptions } from '../../src/index.js';
import { freeze } from '../support/processes.js';
import { fixtures, PYTHON } from '../support/python.js';
import { countsOf, deviations, Ledger } from './ledger.js';
import type { Scenario } from './scenario.js';

const here = fixtures(import.meta.url);

/** Each end from each state, once and again or all at once: 60 cases. It settles by its deadline, and nothing is left. */
export const scenario: Scenario = {
  row: 18,
  title: 'drain, close and destroy from every state, twice, at once, with hung workers',
  async round({ signal }) {
    await (await STATES.ready!(new Asked())).destroy();
    const ledger = await Ledger.open();
    let cases = 0;
    let latestMsMax = 0;
    for (const [state, reach] of Object.entries(STATES)) {
      for (const end of ENDS) {
        for (const way of WAYS) {
          if (signal.aborted) break;
          latestMsMax = Math.max(latestMsMax, await run(ledger, `${end} ${way}, ${state}`, reach, end, way));
          cases += 1;
        }
      }
    }
    const account = await ledger.close();
    const wrong = deviations(account);
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    return { ...countsOf(account), cases, latestMsMax: Math.round(latestMsMax) };
  },
};

/** What was asked of the pool on the way to its state. */
class Asked {
  readonly requests: Promise<unknown>[] = [];

  add(request: Promise<unknown>): void {
    request.catch(() => {});
    this.requests.push(request);
  }
}

async function run(
  ledger: Ledger,
  what: string,
  reach: (asked: Asked) => Promise<Pool>,
  end: (typeof ENDS)[number],
  way: (typeof WAYS)[number],
): Promise<number> {
  const asked = new Asked();
  const pool = await reach(asked);
  const entries = asked.requests.map((request) => ledger.ask(request, () => true));
  const startedAt = performance.now();
  const wait = end === 'drain' ? { timeoutMs: DRAIN_MS } : {};
  const once = () =>
    pool[end](wait).catch((error: { code?: string }) => {
      // Whoever drains waits for others, and may give that up.
      if (end !== 'drain' || error.code !== 'ERR_QUEUE_TIMEOUT') throw error;
    });
  if (way === 'twice') {
    await once();
    await once();
  } else {
    await Promise.all([once(), once(), once()]);
  }
  const took = performance.now() - startedAt;
  const limitMs = (end === 'drain' ? 2 * DRAIN_MS : end === 'close' ? CLOSE_MS + STOP_MS + TERM_MS : 0) + SLACK_MS;
  if (took > limitMs) throw new Error(`${what}: it took ${Math.round(took)} ms of ${limitMs}`);
  await ledger.ask(pool.call('pid'), () => false);
  await pool.destroy();
  await Promise.all(entries);
  const { state, waiting, leases } = pool.stats();
  if (state !== 'closed' || waiting + leases > 0)
    throw new Error(`${what}: ${state}, ${waiting} wait, ${leases} leases`);
  return took;
}

function open(module: string, options: Partial<PoolOptions> = {}): Pool {
  const times = { closeTimeoutMs: CLOSE_MS, stopGraceMs: STOP_MS, termGraceMs: TERM_MS };
  return createPool({ module, python: PYTHON, size: 1, logs: 'events', ...times, ...options });
}

async function busyWith(name: string, asked: Asked): Promise<Pool> {
  const pool = open(here('states.py'));
  const begun = new Promise((resolve) => pool.once('log', resolve));
  asked.add(pool.call(name));
  await begun;
  return pool;
}

const STATES: Readonly<Record<string, (asked: Asked) => Promise<Pool>>> = {
  starting: async (asked) => {
    const pool = open(here('states.py'));
    asked.add(pool.call('pid'));
    return pool;
  },
  ready: async () => {
    const pool = open(here('states.py'));
    await pool.ready();
    return pool;
  },
  'with a call in a loop, and one that waits': async (asked) => {
    const pool = await busyWith('loop', asked);
    asked.add(pool.call('pid'));
    return pool;
  },
  'with a call that holds the GIL': (asked) => busyWith('hold_the_gil', asked),
  'with a call that masks SIGTERM': (asked) => busyWith('mask_sigterm', asked),
  'with a lease that is held': async () => {
    const pool = open(here('states.py'));
    await pool.checkout();
    return pool;
  },
  'with a worker that is stopped': async () => {
    const pool = open(here('states.py'));
    await freeze(await pool.call<number>('pid'));
    return pool;
  },
  importing: async (asked) => {
    const pool = open(here('hangs-at-import.py'));
    const begun = new Promise((resolve) => pool.once('log', resolve));
    asked.add(pool.call('pid'));
    await begun;
    return pool;
  },
  degraded: async () => {
    const pool = open('no_module_of_this_name');
    await pool.ready().catch(() => {});
    return pool;
  },
  'draining already': async (asked) => {
    const pool = await busyWith('loop', asked);
    void pool.drain().catch(() => {});
    await setTimeout(1);
    return pool;
  },
};

const ENDS = ['drain', 'close', 'destroy'] as const;
const WAYS = ['twice', 'at once'] as const;
const CLOSE_MS = 200;
const STOP_MS = 100;
const TERM_MS = 100;
const DRAIN_MS = 100;
/** For the kernel to end a process, and for Node to hear of it, on a machine that does other things too. */
const SLACK_MS = 1_000;
