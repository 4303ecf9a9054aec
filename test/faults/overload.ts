import { setTimeout } from 'node:timers/promises';
import { createPool } from '../../src/index.js';
import { rssInUse } from '../support/garbage.js';
import { fixtures, PYTHON } from '../support/python.js';
import { whenGranted } from './granted.js';
import { countsOf, deviations, Ledger } from './ledger.js';
import type { Scenario } from './scenario.js';

const here = fixtures(import.meta.url);

/** Ten times as many calls come as four workers can serve, and load is shed. */
export const scenario: Scenario = {
  row: 11,
  title: 'overload at 10 times capacity with CoDel: waits of the served, and memory',
  async round({ seconds, signal }) {
    await startPool().close();
    const ledger = await Ledger.open({ shedCodes: ['ERR_OVERLOADED'] });
    const waits: number[] = [];
    const pool = startPool((waitedMs) => waits.push(waitedMs));
    await pool.ready();
    // Kept only as long as they are open, or the test's own memory would grow.
    const asked = new Set<Promise<void>>();
    const beganAt = performance.now();
    const until = beganAt + seconds * 1_000;
    let number = 0;
    let [lookAt, warmRss, rssMax] = [beganAt + WARM_UP_MS, 0, 0];
    while (performance.now() < until && !signal.aborted) {
      // However late this turn of the loop is, so many have come by now.
      const dueBy = ((performance.now() - beganAt) / 1_000) * CALLS_PER_SECOND;
      while (number < dueBy) {
        number += 1;
        const mine = number;
        const call = pool.call<number>('sleep', [mine, SERVICE_S]);
        const entered = ledger.ask(call, (answer) => answer === mine).then(() => void asked.delete(entered));
        asked.add(entered);
      }
      if (performance.now() > lookAt) {
        lookAt += LOOK_EVERY_MS;
        const rss = rssInUse();
        warmRss ||= rss;
        rssMax = Math.max(rssMax, rss);
      }
      await setTimeout(5);
    }
    const { shed } = pool.stats().calls;
    await Promise.all(asked);
    await pool.close();
    const account = await ledger.close();
    const wrong = deviations(account);
    waits.sort((one, other) => one - other);
    const p99 = Math.round(waits[Math.floor(waits.length * 0.99)] ?? Number.POSITIVE_INFINITY);
    if (p99 > 2 * TARGET_MS)
      wrong.push(`the wait of the served, p99, is ${p99} ms, and twice the target ${2 * TARGET_MS}`);
    if (shed === 0) wrong.push('nothing was shed');
    if (rssMax > warmRss * 1.1) wrong.push(`memory grew from ${warmRss} to ${rssMax} bytes`);
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    return { ...countsOf(account), p99MsMax: p99, rssGrowthPercentMax: Math.round((rssMax / warmRss - 1) * 100) };
  },
};

/** @param onGranted Told how long each who is granted a lease has waited for it. */
function startPool(onGranted: (waitedMs: number) => void = () => {}) {
  const shed = { targetMs: TARGET_MS };
  const inspect = whenGranted(({ askedAt }) => onGranted(performance.now() - askedAt));
  return createPool({ module: here('slow.py'), python: PYTHON, size: 4, logs: 'events', shed, inspect });
}

const TARGET_MS = 250;
const SERVICE_S = 0.05;
/** Ten times what four workers can serve. */
const CALLS_PER_SECOND = (10 * 4) / SERVICE_S;
const WARM_UP_MS = 10_000;
const LOOK_EVERY_MS = 1_000;
