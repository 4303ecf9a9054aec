import { describe, expect, it, onTestFinished } from 'vitest';
import type { WaitOptions } from '../../src/index.js';
import { heapInUse } from '../support/garbage.js';
import { failure } from '../support/pool.js';
import { PlayedPool } from './played-pool.js';

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

/** The worker runs that call, and answers it never. */
async function busy(played: Pick<PlayedPool, 'boot'>, call: Promise<unknown>): Promise<void> {
  call.catch(() => {});
  await played.boot();
}
