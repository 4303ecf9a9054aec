import { describe, expect, it } from 'vitest';
import { Gate } from '../support/gate.js';
import { failure, fixtures, readyPool } from '../support/pool.js';

const app = fixtures(import.meta.url)('app.py');

describe('those who wait', () => {
  it('are served in the order in which they came', async () => {
    const { pool, go } = await blockedPool();
    const words = Array.from({ length: 50 }, (_, index) => index);
    const calls = words.map((word) => pool.call('note', [word]));
    await go();
    await Promise.all(calls);
    expect(await pool.call('noted')).toEqual(words);
  });

  it('are served by priority first, and in order of arrival within one', async () => {
    const { pool, go } = await blockedPool();
    const asked: [string, number][] = [
      ['low 1', -5],
      ['normal 1', 0],
      ['high 1', 100],
      ['normal 2', 0],
      ['low 2', -5],
      ['high 2', 100],
      ['lowest', -100],
    ];
    const calls = asked.map(([word, priority]) => pool.call('note', [word], { priority }));
    await go();
    await Promise.all(calls);
    expect(await pool.call('noted')).toEqual(['high 1', 'high 2', 'normal 1', 'normal 2', 'low 1', 'low 2', 'lowest']);
  });

  it('stand in one line with checkouts', async () => {
    const { pool, go } = await blockedPool();
    const first = pool.call('note', ['call 1']);
    const checkout = pool.checkout();
    const last = pool.call('note', ['call 2']);
    await go();
    const lease = await checkout;
    await first;
    expect(await lease.call('noted')).toEqual(['call 1']);
    await lease.call('note', ['under the lease']);
    await lease.checkin();
    await last;
    expect(await pool.call('noted')).toEqual(['call 1', 'under the lease', 'call 2']);
  });

  it('leave no gap when they give up: the next in line is served', async () => {
    const { pool, go } = await blockedPool();
    const abort = new AbortController();
    const calls = Array.from({ length: 20 }, (_, index) =>
      pool.call('note', [index], index % 2 === 0 ? { signal: abort.signal } : {}),
    );
    const settled = Promise.allSettled(calls);
    abort.abort();
    expect(pool.stats().waiting).toBe(10);
    await go();
    expect((await settled).map(({ status }) => status === 'fulfilled')).toEqual(
      calls.map((_, index) => index % 2 === 1),
    );
    expect(await pool.call('noted')).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
  });

  it('are no more than queueMax: the next is refused with ERR_QUEUE_FULL at once', async () => {
    const { pool, go } = await blockedPool({ queueMax: 2 });
    const waiting = [pool.call('echo', [1]), pool.checkout()];
    expect(await failure(pool.call('echo', [3]))).toMatchObject({ code: 'ERR_QUEUE_FULL', queueMax: 2 });
    expect(await failure(pool.checkout())).toMatchObject({ code: 'ERR_QUEUE_FULL', queueMax: 2 });
    expect(await failure(pool.session('ann').call('echo', [3]))).toMatchObject({ code: 'ERR_QUEUE_FULL' });
    await go();
    expect(await waiting[0]).toBe(1);
    await waiting[1];
  });

  it('are nobody with queueMax 0: who finds no free worker is refused', async () => {
    const { pool, go, blocking } = await blockedPool({ queueMax: 0 });
    expect(await failure(pool.call('echo', [1]))).toMatchObject({ code: 'ERR_QUEUE_FULL', queueMax: 0 });
    await go();
    await blocking;
    expect(await pool.call('echo', [2])).toBe(2);
  });

  it('are told of no worker while another one is frozen: the free ones serve on', async () => {
    const pool = await readyPool(app, { size: 2 });
    const gate = new Gate();
    const blocking = pool.call('wait_at', [gate.path, 'done']);
    const go = await gate.reached();
    for (let index = 0; index < 100; index += 1) expect(await pool.call('echo', [index])).toBe(index);
    await go();
    await blocking;
  });
});

/** A pool whose only worker is held in a call until `go`. */
async function blockedPool(options: { queueMax?: number } = {}) {
  const pool = await readyPool(app, options);
  const gate = new Gate();
  const blocking = pool.call('wait_at', [gate.path, 'done']);
  const go = await gate.reached();
  return { pool, go, blocking };
}
