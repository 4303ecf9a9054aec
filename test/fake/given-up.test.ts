import { describe, expect, it, onTestFinished } from 'vitest';
import type { Caller, Pool, PoolEvents, PoolOptions, WaitOptions } from '../../src/index.js';
import { heapInUse } from '../support/garbage.js';
import { meaningOf } from '../support/node-line.js';
import { failure } from '../support/pool.js';
import type { FakeProcess } from './fake-python.js';
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

describe('a call that is given up while bytes wait for room on the line', () => {
  it('is watched no more, though one behind it is refused then since its bytes are gone, and the next is', async () => {
    const { played, lease, other, line } = await withFullLine({ hardLimitMs: 1_000 });
    const hung = heardOf(played.pool, 'call.hung');
    const leaving = new AbortController();
    const [left, bytes] = [new Uint8Array(8), new Uint8Array(8)];
    const given = failure(lease.call('left', [left], { signal: leaving.signal }));
    const refused = failure(other.call('refused', [bytes]));
    structuredClone(bytes, { transfer: [bytes.buffer] });
    line.isFull = false;
    leaving.abort('enough');
    expect([await given, await refused]).toMatchObject(['enough', { code: 'ERR_VALUE' }]);
    await played.clock.turn(500);
    const next = failure(lease.call('next'));
    await played.clock.turn(999);
    expect(hung).toEqual([]);
    await played.clock.turn(1);
    expect(await next).toMatchObject({ code: 'ERR_CALL_HUNG', ranMs: 1_000 });
    expect(hung).toMatchObject([{ name: 'next' }]);
  });

  it('is ended in Python at once, whatever waits', async () => {
    const { played, lease, other, line } = await withFullLine();
    const leaving = new AbortController();
    const given = failure(lease.call('given up', [], { signal: leaving.signal }));
    const behind = other.call('behind', [new Uint8Array(8)]);
    const { process } = played;
    process.lines.splice(0);
    leaving.abort('enough');
    expect(await given).toBe('enough');
    await heard();
    expect(process.lines.map((told) => meaningOf(told).type)).toEqual(['cancel']);
    line.isFull = false;
    line.taken();
    process.raise();
    process.answer(5);
    expect(await behind).toBe(5);
  });

  /** A worker with two leases, whose line has no room until the test says so. */
  async function withFullLine(options: Partial<PoolOptions> = {}) {
    const played = new PlayedPool({ slots: 2, ...options }, { serve: () => {} });
    onTestFinished(() => played.destroy());
    await played.boot();
    const [lease, other] = [await played.pool.checkout(), await played.pool.checkout()];
    const line = { isFull: true, taken: () => {} };
    const whenTaken = (run: () => void) => {
      line.taken = run;
      return line.isFull;
    };
    Object.assign(played.process, { whenTaken });
    return { played, lease, other, line };
  }
});

describe('a call with raw bytes', () => {
  it('waits under its lease where the line may not take them behind what runs, and is never sent if it is given up', async () => {
    const played = new PlayedPool({}, { serve: () => {} });
    onTestFinished(() => played.destroy());
    await played.boot();
    const { process } = played;
    const lease = await played.pool.checkout();
    const leaving = new AbortController();
    const texts = ['a'.repeat(1_000_000), 'b'.repeat(1_000_000)].map((text) => lease.call('text', [text]));
    await heard();
    expect(process.owed).toBe(2);
    for (const text of texts) await answered(process, text);
    const first = lease.call('first');
    const small = [0, 1, 2, 3].map(() => lease.call('small', [new Uint8Array(40_000)]));
    const large = failure(lease.call('large', [new Uint8Array(200_000)], { signal: leaving.signal }));
    const last = lease.call('last');
    await heard();
    expect(process.owed).toBe(4);
    await answered(process, first);
    expect(process.owed).toBe(4);
    leaving.abort('enough');
    expect(await large).toBe('enough');
    await answered(process, small[0] as Promise<unknown>);
    expect(process.owed).toBe(4);
    for (const call of [...small.slice(1), last]) await answered(process, call);
    const alone = lease.call('large', [new Uint8Array(200_000)]);
    await answered(process, alone);
    const names = process.lines.map((told) => meaningOf(told) as { name?: string });
    expect(names.flatMap(({ name }) => name ?? []).slice(2)).toEqual([
      'first',
      ...['small', 'small', 'small', 'small'],
      ...['last', 'large'],
    ]);
  });

  async function answered(process: FakeProcess, call: Promise<unknown>): Promise<void> {
    process.answer(7);
    expect(await call).toBe(7);
    await heard();
  }
});

/** The worker runs that call, and answers it never. */
async function busy(played: Pick<PlayedPool, 'boot'>, call: Promise<unknown>): Promise<void> {
  call.catch(() => {});
  await played.boot();
}

/** What the pool tells by that event from now on. */
function heardOf<Name extends keyof PoolEvents>(pool: Pool, name: Name): PoolEvents[Name][0][] {
  const told: PoolEvents[Name][0][] = [];
  pool.on(name, (event) => void told.push(event));
  return told;
}
