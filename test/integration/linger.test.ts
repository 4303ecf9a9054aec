import { describe, expect, it } from 'vitest';
import type { InspectionEvent } from 'xstate';
import type { PoolOptions } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { failure, fixtures, readyPool } from '../support/pool.js';

const app = fixtures(import.meta.url)('app.py');

describe('a lease whose call was answered', () => {
  it('is that of the next call, if it is made in the same turn, once its worker is proven', async () => {
    const { pool, leases } = await counted();
    for (let n = 0; n < 10; n += 1) expect(await pool.call('add', [n, 1])).toBe(n + 1);
    // The first two have proven it.
    expect(leases.requested).toBe(3);
    await turn();
    expect(leases.ended).toBe(3);
    for (let n = 0; n < 10; n += 1) await nested(() => pool.call('add', [n, 1]));
    expect(leases.requested).toBe(4);
  });

  it('is given back at the end of the turn, whoever calls next', async () => {
    const { pool, leases } = await counted();
    for (let n = 0; n < 5; n += 1) {
      await pool.call('add', [n, 1]);
      await turn();
      expect([leases.requested, leases.ended]).toEqual([n + 1, n + 1]);
    }
  });

  it('is given back before anybody looks, or asks for another', async () => {
    const { pool } = await proven();
    expect(pool.stats()).toMatchObject({ leases: 0, workers: { idle: 1, leased: 0 } });
    await pool.call('add', [1, 1]);
    expect(pool.workers()).toMatchObject([{ state: 'idle', leases: 0, calls: 0 }]);
    await pool.call('add', [1, 1]);
    const lease = pool.tryCheckout();
    expect(lease?.ended).toBeUndefined();
    expect(await lease?.call('add', [1, 1])).toBe(2);
    await lease?.checkin();
    await pool.call('add', [1, 1]);
    expect(await pool.session('s').call('add', [1, 1])).toBe(2);
    await pool.call('add', [1, 1]);
    await pool.close();
    expect(await failure(pool.call('add', [1, 1]))).toMatchObject({ code: 'ERR_POOL_CLOSED' });
  });

  it('is kept of each of several callers whose calls are short and follow each other in a pipe', async () => {
    // However slow the machine is.
    const { pool, leases } = await counted({ prefetchBelowMs: 3_600_000 });
    for (let n = 0; n < 30; n += 1) await pool.call('add', [n, 1]);
    const before = leases.requested;
    const caller = async (_: unknown, which: number) => {
      for (let n = 0; n < 50; n += 1) expect(await nested(() => pool.call('add', [n, which]))).toBe(n + which);
    };
    await Promise.all(Array.from({ length: 4 }, caller));
    // 200 calls, of which nearly all were sent while another ran.
    expect(leases.requested - before).toBeLessThan(100);
    expect(pool.stats().prefetch.ahead).toBeGreaterThan(100);
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, calls: { failed: 0, running: 0 } });
  });

  it('is not kept for a call that would wait in a pipe while another worker is free', async () => {
    const pool = await readyPool(app, { size: 2, prefetchBelowMs: 3_600_000 });
    const call = (value: unknown) => pool.call('wait_or_note', [value]);
    for (let n = 0; n < 20; n += 1) await Promise.all([call(n), call(n)]);
    const warm = await pool.call('pid');
    const [gates, third, last] = [[new Gate(), new Gate()], new Gate(), new Gate()] as const;
    const runs = gates.map(({ path }) => call(path));
    const opens = await Promise.all(gates.map((gate) => gate.reached()));
    // The warm one has the first. The others are shared out from place 0 on: that worker has three behind the one that it runs.
    const [here, there] = pool.workers()[0]?.pid === warm ? [0, 1] : [1, 0];
    const behind = [third.path, 1, 2, 3, 4].map(call);
    await opens[there]!();
    await Promise.all([runs[there], behind[1], behind[3]]);
    const next = runs[here]!.then(() => call(last.path));
    await opens[here]!();
    await runs[here];
    expect(pool.workers().map(({ calls }) => calls)).toEqual([3, 1]);
    for (const gate of [third, last]) await (await gate.reached())();
    await Promise.all([...runs, ...behind, next]);
  });

  it('goes to whoever waits', async () => {
    const { pool, leases } = await counted();
    const all = Array.from({ length: 100 }, (_, n) => pool.call('add', [n, 1]));
    expect(await Promise.all(all)).toEqual(all.map((_, n) => n + 1));
    await turn();
    expect(leases).toEqual({ requested: 100, ended: 100 });
  });

  it('is not for a call that has more to say than an answer', async () => {
    const { pool, leases } = await proven();
    const before = leases.requested;
    expect(await pool.call('add', [1, 1], { onProgress: () => {} })).toBe(2);
    expect(leases.requested).toBe(before + 1);
  });

  it('can be lost with the next call, or taken back from whoever gives it up', async () => {
    const { pool } = await proven();
    const gate = new Gate();
    const pid = await pool.call<number>('pid');
    const lost = failure(pool.call('wait_at', [gate.path]));
    await gate.reached();
    process.kill(pid, 'SIGKILL');
    expect(await lost).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    for (let n = 0; n < 4; n += 1) expect(await pool.call('add', [n, 1])).toBe(n + 1);
    const second = new Gate();
    const abort = new AbortController();
    const aborted = failure(pool.call('wait_at', [second.path], { signal: abort.signal }));
    const go = await second.reached();
    abort.abort('enough');
    expect(await aborted).toBe('enough');
    expect(pool.stats().workers).toMatchObject({ cancelling: 1, idle: 0 });
    await go();
    expect(await pool.call('add', [1, 1])).toBe(2);
    expect(pool.stats()).toMatchObject({ leases: 0, cancelled: { kept: 1 } });
  });

  it('counts for each call where leases are counted', async () => {
    const { pool, leases } = await counted({ recycle: { leases: 1_000 } });
    for (let n = 0; n < 5; n += 1) await pool.call('add', [n, 1]);
    expect(leases).toEqual({ requested: 5, ended: 5 });
  });
});

/** A pool, and how many leases were asked for and have ended. */
async function counted(options: Partial<PoolOptions> = {}) {
  const leases = { requested: 0, ended: 0 };
  const inspect = (event: InspectionEvent) => {
    if (event.type !== '@xstate.event') return;
    if (event.event.type === 'lease.request') leases.requested += 1;
    if (event.event.type === 'slot.freed') leases.ended += 1;
  };
  return { pool: await readyPool(app, { inspect, ...options }), leases };
}

/** The same, when calls one after the other share leases. */
async function proven() {
  const made = await counted();
  for (let n = 0; n < 4; n += 1) await made.pool.call('add', [n, 1]);
  expect(made.leases.requested).toBe(3);
  return made;
}

/** The end of the turn, and what comes of it. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Through as many promises as a program may well put around a call. */
async function nested<T>(call: () => Promise<T>, depth = 5): Promise<T> {
  return depth === 0 ? await call() : await nested(call, depth - 1);
}
