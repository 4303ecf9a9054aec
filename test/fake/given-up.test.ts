import { describe, expect, it, onTestFinished } from 'vitest';
import type { Caller, Pool, WaitOptions } from '../../src/index.js';
import { heapInUse } from '../support/garbage.js';
import { failure } from '../support/pool.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

type Waiting = (wait: WaitOptions) => Promise<void>;

describe('a wait that is given up', () => {
  it.each<[string, (played: PlayedPool) => Promise<Waiting>]>([
    [
      'for the pool to be ready',
      async ({ pool }) =>
        (wait) =>
          pool.ready(wait),
    ],
    [
      'for the pool to be drained',
      async (played) => {
        await busy(played, played.pool.call('f'));
        return (wait) => played.pool.drain(wait);
      },
    ],
    [
      'for the pool to be closed',
      async (played) => {
        await busy(played, played.pool.call('f'));
        return (wait) => played.pool.close(wait);
      },
    ],
    [
      'for a session to end',
      async (played) => {
        const session = played.pool.session('ann');
        await busy(played, session.call('f'));
        return (wait) => session.end(wait);
      },
    ],
  ])('leaves nothing behind, however often: %s', async (_, waiting) => {
    const played = new PlayedPool({ bootTimeoutMs: 1e9, closeTimeoutMs: 1e9 }, { serve: () => {} });
    onTestFinished(() => played.destroy());
    const wait = await waiting(played);
    const giveUpAll = async () => {
      for (let round = 0; round < 5; round += 1) {
        const waits = Array.from({ length: 300 }, () => failure(wait({ timeoutMs: 1 })));
        await played.clock.turn(1);
        for (const error of await Promise.all(waits)) expect(error).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT' });
      }
    };
    await giveUpAll();
    const before = heapInUse();
    await giveUpAll();
    // Each would be some hundred bytes at the least.
    expect(heapInUse() - before).toBeLessThan(1e6);
  });
});

describe('calls in a pipe whose time is up at one moment', () => {
  it.each<[string, (pool: Pool) => Promise<Caller>]>([
    ['of a lease', async (pool) => pool.checkout()],
    ['of the pool', async (pool) => pool],
  ])('are all given up before Python is told of the one that runs: %s', async (_, callerOf) => {
    let serves = true;
    const played = new PlayedPool(
      {},
      {
        serve: (__, process) => serves && queueMicrotask(() => process.answer(null)),
        // It is interrupted, and comes to the next before Node says anything else.
        onCancel: (id, __, process) => process.request?.id === id && process.raise(),
      },
    );
    onTestFinished(() => played.destroy());
    await played.boot();
    const { pool, process, clock } = played;
    // By then it is known to be short.
    for (let call = 0; call < 20; call += 1) await pool.call('f');
    const caller = await callerOf(pool);
    serves = false;
    const begun = process.started.length;
    const calls = [1, 2, 3, 4].map(() => failure(caller.call('f', [], { timeoutMs: 100 })));
    await heard();
    expect(process.owed).toBe(4);
    clock.jump(100);
    const [first, ...others] = await Promise.all(calls);
    expect(first).toMatchObject({ code: 'ERR_CALL_TIMEOUT', ranMs: 100 });
    expect(others).toMatchObject(others.map(() => ({ code: 'ERR_CALL_TIMEOUT', waitedMs: 100, ranMs: 0 })));
    expect(process.started).toHaveLength(begun + 1);
  });
});

/** The worker runs that call, and answers it never. */
async function busy(played: Pick<PlayedPool, 'boot'>, call: Promise<unknown>): Promise<void> {
  call.catch(() => {});
  await played.boot();
}
