import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Lease, Pool, PoolOptions } from '../../src/index.js';
import { StartMark } from '../../src/process/start-mark.js';
import { Gate } from '../support/gate.js';
import { failure, fixtures, readyPool } from '../support/pool.js';

const joins = fixtures(import.meta.url)('joins.py');

describe.each(['spawn', 'fork'] as const)(
  'a reply that waits for others, of a worker that was started by %s',
  (start) => {
    it('comes while the call behind it hangs, once, and those after it in their order', async () => {
      const { pool, lease, held } = await warm(start);
      const worker = pool.workers()[0]?.id;
      const gate = new Gate();
      const first = lease.call('add', [1, 2]);
      const second = lease.call('add', [3, 4]);
      const third = lease.call<string>('wait_at', [gate.path]);
      const fourth = lease.call('add', [5, 6]);
      const open = await gate.reached();
      expect(await Promise.all([first, second])).toEqual([3, 7]);
      // They were nowhere else.
      expect(held()).toBe(true);
      await open('open');
      expect(await Promise.all([third, fourth])).toEqual(['open', 11]);
      await lease.checkin();
      expect(await pool.call('add', [1, 1])).toBe(2);
      expect(pool.workers()[0]?.id).toBe(worker);
    });

    it('comes although the call behind it ends the process, of which alone it is said that it was started', async () => {
      const { lease } = await warm(start);
      const first = lease.call('add', [1, 2]);
      const dying = failure(lease.call('end', [3]));
      const behind = failure(lease.call('add', [1, 2]));
      expect(await first).toBe(3);
      expect(await dying).toMatchObject({ code: 'ERR_WORKER_DIED', exitCode: 3, started: true });
      expect(await behind).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'worker-died' });
    });

    it('is not what its worker ended of: the call behind it is, and that alone is refused in the end', async () => {
      const { pool, lease } = await warm(start, { poisonDeaths: 2 });
      for (const each of [lease, undefined]) {
        const held = each ?? (await warmLease(pool));
        const first = held.call('add', [1, 2]);
        expect(await failure(held.call('end', [3]))).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
        expect(await first).toBe(3);
      }
      expect(await failure(pool.call('end', [3]))).toMatchObject({ code: 'ERR_POISON', deaths: 2 });
      expect(await pool.call('add', [1, 2])).toBe(3);
      expect(pool.stats().poison).toEqual({ active: 1, refused: 1 });
    });
  },
);

/** A lease whose worker knows its functions to be quick. */
async function warm(
  start: 'spawn' | 'fork',
  options: Partial<PoolOptions> = {},
): Promise<{ pool: Pool; lease: Lease; held: () => boolean }> {
  const read = vi.spyOn(StartMark.prototype, 'heldReplies');
  onTestFinished(() => read.mockRestore());
  const pool = await readyPool(joins, { start, ...options });
  const lease = await warmLease(pool);
  read.mockClear();
  return { pool, lease, held: () => read.mock.results.some(({ value }) => value?.lines.length > 0) };
}

async function warmLease(pool: Pool): Promise<Lease> {
  const lease = await pool.checkout();
  for (let round = 0; round < 2; round += 1) {
    await Promise.all([
      lease.call('add', [1, 2]),
      lease.call('add', [1, 2]),
      lease.call('wait_at', [null]),
      lease.call('end', [null]),
      lease.call('add', [1, 2]),
    ]);
  }
  return lease;
}
