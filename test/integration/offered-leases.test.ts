import { describe, expect, it } from 'vitest';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import type { PoolOptions } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { failure, fixtures, readyPool } from '../support/pool.js';

const app = fixtures(import.meta.url)('app.py');

describe('a lease whose call was answered, where short calls wait', () => {
  it('goes on to the next of them, and every call gets its own answer', async () => {
    const { pool, events } = await counted();
    await crowd(pool, 200);
    const { requested, freed, accepted, granted } = events;
    expect(requested).toBe(200);
    expect(accepted).toBeGreaterThan(100);
    // Each call has been granted a lease or was given that of another, and what was granted was given back.
    expect(granted + accepted).toBe(200);
    expect(freed).toBe(granted);
    // Of each call a client hears once, and at the end of what was granted once more.
    expect(events.heard).toBe(2 * granted + accepted);
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, workers: { idle: 1 } });
  });

  it('does so in their order, whatever their priority', async () => {
    const { pool } = await counted({ prefetchMax: 1 });
    const order: number[] = [];
    const call = (n: number, priority: number) => pool.call('add', [n, 0], { priority }).then(() => order.push(n));
    const plain = Array.from({ length: 20 }, (_, n) => call(n, 0));
    const urgent = Array.from({ length: 20 }, (_, n) => call(100 + n, 5));
    await Promise.all([...plain, ...urgent]);
    // The first two had been sent before anybody more urgent asked.
    const [first, second, ...late] = plain.map((_, n) => n);
    expect(order).toEqual([first, second, ...urgent.map((_, n) => 100 + n), ...late]);
  });

  it('goes back where the next call is not short, and where somebody wants a lease', async () => {
    const { pool, events } = await counted();
    const gate = new Gate();
    const calls = [...Array(50).keys()].map((n) => pool.call('add', [n, 1]));
    const slow = pool.call('wait_at', [gate.path]);
    const lease = pool.checkout();
    const go = await gate.reached();
    expect(await Promise.all(calls)).toEqual(calls.map((_, n) => n + 1));
    expect(events.accepted).toBeGreaterThan(20);
    // It had been offered where the next is not short.
    expect(events.offered).toBeGreaterThan(events.accepted);
    await go();
    await slow;
    const held = await lease;
    expect(await held.call('add', [1, 1])).toBe(2);
    await held.checkin();
    expect(events.granted).toBe(events.freed);
  });

  it('goes back where its next caller gives up at that very moment', async () => {
    const abort = new AbortController();
    const onAccepted = () => abort.abort('left');
    const { pool, events } = await counted({}, onAccepted);
    const calls = Array.from({ length: 20 }, (_, n) => pool.call('add', [n, 1], { signal: abort.signal }));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true);
    expect(events.accepted).toBe(1);
    expect(await pool.call('add', [1, 1])).toBe(2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, workers: { idle: 1 } });
  });

  it('has its callers told apart when its worker dies', async () => {
    const { pool, events } = await counted();
    const gate = new Gate();
    const before = [...Array(20).keys()].map((n) => pool.call('add', [n, 1]));
    const pid = await pool.call<number>('pid');
    const lost = failure(pool.call('wait_at', [gate.path]));
    await gate.reached();
    const after = [...Array(20).keys()].map((n) => pool.call('add', [n, 2]));
    expect(await Promise.all(before)).toEqual(before.map((_, n) => n + 1));
    process.kill(pid, 'SIGKILL');
    expect(await lost).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    expect(await Promise.all(after)).toEqual(after.map((_, n) => n + 2));
    expect(events.accepted).toBeGreaterThan(10);
  });

  it.each<[string, Partial<PoolOptions>]>([
    ['leases are counted', { recycle: { leases: 1_000 } }],
    ['the time between them is', { size: { min: 1, max: 2 } }],
    ['waiters may be shed', { shed: { targetMs: 60_000 } }],
    ['nobody may wait in a pipe', { prefetchMax: 0 }],
  ])('does not where %s', async (_, options) => {
    const { pool, events } = await counted(options);
    await crowd(pool, 100);
    expect(events).toMatchObject({ requested: 100, freed: 100, offered: 0 });
  });
});

/** Calls that all wait at once. */
async function crowd(pool: Awaited<ReturnType<typeof counted>>['pool'], count: number): Promise<void> {
  const calls = Array.from({ length: count }, (_, n) => pool.call('add', [n, 1]));
  expect(await Promise.all(calls)).toEqual(calls.map((_, n) => n + 1));
  await new Promise((resolve) => setImmediate(resolve));
}

/** A pool that knows that `add` is short, and what its coordinator and its clients hear from then on. */
async function counted(options: Partial<PoolOptions> = {}, onAccepted: () => void = () => {}) {
  const events = { requested: 0, freed: 0, granted: 0, offered: 0, accepted: 0, heard: 0 };
  const inspect = (event: InspectionEvent) => {
    if (event.type !== '@xstate.event') return;
    const { type } = event.event;
    const { id } = event.actorRef as AnyActorRef;
    if (id.startsWith('client')) events.heard += 1;
    if (type === 'lease.request') events.requested += 1;
    if (type === 'slot.freed') events.freed += 1;
    if (type === 'lease.offered') events.offered += 1;
    if (type === 'lease.accepted') {
      events.accepted += 1;
      onAccepted();
    }
    if (type === 'lease.granted' && id.startsWith('client')) events.granted += 1;
  };
  // However slow the machine is.
  const pool = await readyPool(app, { inspect, prefetchBelowMs: 3_600_000, ...options });
  for (let n = 0; n < 30; n += 1) await pool.call('add', [n, 1]);
  await new Promise((resolve) => setImmediate(resolve));
  Object.assign(events, { requested: 0, freed: 0, granted: 0, offered: 0, accepted: 0, heard: 0 });
  return { pool, events };
}
