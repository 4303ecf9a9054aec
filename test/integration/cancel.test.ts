import { describe, expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { Pool } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { failure, fixtures, readyPool } from '../support/pool.js';

const cancel = fixtures(import.meta.url)('cancel.py');
const takesSignals = fixtures(import.meta.url)('takes_signals.py');

describe('a call that is given up', () => {
  it.each([
    ['sleeps', 'sleep_at'],
    ['loops in Python', 'loop_at'],
  ])('is interrupted while it %s, and its worker lives on', async (_, name) => {
    const pool = await readyPool(cancel, { interrupt: true });
    const pid = await pool.call('pid');
    await giveUp(pool, name);
    expect(await pool.call('pid')).toBe(pid);
    expect(pool.stats().cancelled).toEqual({ kept: 1, killed: 0 });
  });

  it('has its `finally` run, which can see why', async () => {
    const pool = await readyPool(cancel, { interrupt: true });
    await giveUp(pool, 'cleans_up');
    expect(await pool.call('have_ended')).toEqual([[true], false]);
  });

  it('can see it and end by itself, interrupted or not', async () => {
    const pool = await readyPool(cancel, { interrupt: false });
    await giveUp(pool, 'looks');
    expect(await pool.call('have_ended')).toEqual([['saw it'], false]);
  });

  it('is cancelled as a task is where it is a coroutine', async () => {
    const pool = await readyPool(cancel, { interrupt: true });
    await giveUp(pool, 'sleeps_async');
    expect(await pool.call('have_ended')).toEqual([['cancelled'], false]);
  });

  it('is interrupted when its time is up, as when it is aborted', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(cancel, { interrupt: true, clock });
    const pid = await pool.call('pid');
    const gate = new Gate();
    const call = failure(pool.call('sleep_at', [gate.path], { timeoutMs: 100 }));
    await gate.open();
    clock.increment(100);
    expect(await call).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    expect(await pool.call('pid')).toBe(pid);
  });

  it.each([
    ['does not let itself be interrupted', 'stubborn'],
    ['is stuck in C code', 'stuck_in_c'],
  ])('costs its worker when it %s', async (_, name) => {
    const pool = await readyPool(cancel, { interrupt: true, cancelGraceMs: 100 });
    const pid = await pool.call('pid');
    await giveUp(pool, name);
    expect(await pool.call('pid')).not.toBe(pid);
    expect(pool.stats().cancelled).toEqual({ kept: 0, killed: 1 });
  });

  it('is never interrupted for another: the next call on its worker goes undisturbed', async () => {
    const pool = await readyPool(cancel, { interrupt: true });
    for (let round = 0; round < 200; round++) {
      const abort = new AbortController();
      const given = failure(pool.call('pid', [], { signal: abort.signal }));
      const next = pool.call<[unknown[], boolean]>('have_ended');
      abort.abort('enough');
      expect(await given).toBe('enough');
      expect(await next).toEqual([[], false]);
    }
  });
});

describe('a module that has taken the signals for itself', () => {
  it.each(['spawn', 'fork'] as const)('is left in peace, with start: %s', async (start) => {
    const pool = await readyPool(takesSignals, { interrupt: true, hardLimitMs: 60_000, start });
    expect(await pool.call('hear')).toEqual(['SIGUSR1', 'SIGUSR2']);
  });
});

/** Lets the function come to its gate, and gives its call up there. */
async function giveUp(pool: Pool, name: string): Promise<void> {
  const gate = new Gate();
  const abort = new AbortController();
  const call = failure(pool.call(name, [gate.path], { signal: abort.signal }));
  await gate.open();
  abort.abort('enough');
  expect(await call).toBe('enough');
}
