import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { chanceOf } from '../support/chance.js';
import { fixtures, readyPool } from '../support/pool.js';

const mixed = fixtures(import.meta.url)('mixed.py');
const WORKERS = 4;
const CALLS = 1_600;

it('1,000 cancellations at random moments: all settle at once, workers live on, answers are not crossed, generators are closed', async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const random = chanceOf(seed);
  const pool = await readyPool(mixed, { size: WORKERS, interrupt: true });
  let [cancelled, question, late] = [0, 0, 0];

  const client = async () => {
    while (question < CALLS) {
      question += 1;
      const mine = question;
      const abort = new AbortController();
      const options = { signal: abort.signal };
      const name = NAMES[Math.floor(random() * NAMES.length)] as string;
      const work = name.startsWith('counts') ? read(name, mine, options) : ask(name, mine, options);
      const settled = work.then(
        () => undefined,
        (error: unknown) => {
          if (error !== abort) throw error;
        },
      );
      const isOver = await Promise.race([settled.then(() => true), wait(random() * 25, false)]);
      if (!isOver) {
        // Settled means within this very turn, whatever Python does.
        let isSettled = false;
        void settled.then(() => {
          isSettled = true;
        });
        abort.abort(abort);
        cancelled += 1;
        await nextTurn();
        if (!isSettled) late += 1;
      }
      await settled;
    }
  };
  const ask = async (name: string, mine: number, options: object) => {
    expect(await pool.call(name, [mine], options)).toBe(mine);
  };
  const read = async (name: string, mine: number, options: object) => {
    let next = 0;
    for await (const item of pool.stream(name, [mine], options)) {
      expect(item).toEqual([mine, next]);
      next += 1;
    }
    expect(next).toBe(200);
  };

  await Promise.all(Array.from({ length: 2 * WORKERS }, () => client()));
  const context = `seed ${seed}`;
  expect(cancelled, context).toBeGreaterThanOrEqual(1_000);
  expect(late, context).toBe(0);

  const leases = await Promise.all(Array.from({ length: WORKERS }, () => pool.checkout()));
  for (const lease of leases) {
    const [opened, closed] = await lease.call<[number, number]>('counters');
    expect(closed, context).toBe(opened);
    await lease.checkin();
  }
  const { kept, killed } = pool.stats().cancelled;
  expect(kept / (kept + killed), context).toBeGreaterThanOrEqual(0.95);
  expect(pool.stats().workers, context).toMatchObject({ idle: WORKERS, cancelling: 0 });
  console.log(`${cancelled} cancelled, ${kept} of them as they ran and their workers kept, ${killed} killed`);
});

const NAMES = ['sleeps', 'sleeps_later', 'loops', 'counts', 'counts_later'];
