import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, it } from 'vitest';
import { keep } from '../../src/index.js';
import { collect, fixtures, startPool } from '../support/pool.js';

const fixture = fixtures(import.meta.url);
const callers = new AsyncLocalStorage<string>();
const who = () => callers.getStore();

/** A pool whose workers were started in somebody's context. */
function startedForAnother(module: string) {
  return callers.run('another', () => startPool(fixture(module)));
}

it("runs functions in their caller's async context, and not in that in which the worker was started", async () => {
  const pool = startedForAnother('callbacks.py');
  const seen = (name: string) =>
    callers.run(name, async () => {
      const found: unknown[] = [];
      const see = () => found.push(who());
      await pool.call('apply', [see]);
      await pool.py.apply!(see);
      await pool.call('apply_later', [
        async () => {
          await null;
          see();
        },
      ]);
      await pool.call('works', [1], { onProgress: see });
      return new Set(found);
    });
  expect(await Promise.all(['ann', 'ben'].map(seen))).toEqual([new Set(['ann']), new Set(['ben'])]);
});

it("reads iterables in their caller's async context, and closes them there", async () => {
  const pool = startedForAnother('callbacks.py');
  const found: unknown[] = [];
  function* numbers() {
    try {
      for (let n = 0; ; n += 1) {
        found.push(who());
        yield n;
      }
    } finally {
      found.push(who());
    }
  }
  await callers.run('ann', () => pool.call('first', [numbers(), 500]));
  await callers.run('ben', async () => expect(await collect(pool.stream('doubled', [[1].values()]))).toEqual([2]));
  expect(found.length).toBeGreaterThan(500);
  expect(new Set(found)).toEqual(new Set(['ann']));
});

it('runs a kept function in the async context in which it was kept, whoever makes the call', async () => {
  const pool = startedForAnother('kept.py');
  await using lease = await pool.checkout();
  await callers.run('ann', () => lease.call('hold', [keep(who)]));
  expect(await callers.run('ben', () => lease.call('use'))).toBe('ann');
});

it('tells listeners of what a worker says in no async context, whoever it was started for', async () => {
  const pool = startedForAnother('prints.py');
  const heard = new Promise((resolve) => pool.on('worker.ready', () => resolve(who())));
  expect(await heard).toBeUndefined();
});
