import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { CallOptions } from '../../src/index.js';
import { collect, fixtures, readyPool } from '../support/pool.js';

const mixed = fixtures(import.meta.url)('mixed.py');
const WORKERS = 2;
const CALLS = 2_000;

it.each(['asyncio', 'threads'] as const)(
  'calls and streams in the lane %s, given up at random moments: no answer is crossed, generators are closed, workers live on',
  async (lane) => {
    const pool = await readyPool(mixed, { size: WORKERS, slots: 8, lane, interrupt: true });
    let question = 0;
    let answered = 0;

    const client = async () => {
      while (question < CALLS) {
        question += 1;
        const abort = new AbortController();
        const settled = ask(question, { signal: abort.signal }).then(
          () => {
            answered += 1;
          },
          (error: unknown) => {
            if (error !== abort) throw error;
          },
        );
        await Promise.race([settled, wait(Math.random() * 100)]);
        abort.abort(abort);
        await settled;
      }
    };
    const ask = async (mine: number, options: CallOptions) => {
      if (mine % 3 === 0) return expect(await pool.call('sleeps_later', [mine], options)).toBe(mine);
      const items = await collect(pool.stream(mine % 3 === 1 ? 'counts' : 'counts_later', [mine], options));
      expect(items).toEqual(Array.from({ length: 200 }, (_, number) => [mine, number]));
    };

    await Promise.all(Array.from({ length: 10 * WORKERS }, client));
    while (pool.stats().leases > 0) await wait(1);
    const { kept, killed } = pool.stats().cancelled;
    expect(killed).toBe(0);
    const leases = await Promise.all(Array.from({ length: WORKERS }, () => pool.checkout()));
    for (const lease of leases) {
      const [opened, closed] = await lease.call<[number, number]>('counters');
      expect(closed).toBe(opened);
      await lease.checkin();
    }
    console.log(`${answered} answered, ${kept} given up as they ran`);
  },
);
