import { describe, expect, it, vi } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { Pool } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { collect, failure, fixtures, next, readyPool, startPool } from '../support/pool.js';
import { freeze, isAlive } from '../support/processes.js';
import { signalsTo } from '../support/signals.js';

const here = fixtures(import.meta.url);
const app = here('app.py');

describe('drain()', () => {
  it('serves those who run and wait, refuses who comes, and leaves the workers', async () => {
    const { pool, go, running } = await busyPool();
    const waiting = [pool.call('echo', [1]), pool.call('echo', [2])];
    const lease = pool.checkout();
    const drained = pool.drain();
    expect(await failure(pool.call('echo', [3]))).toMatchObject({ code: 'ERR_POOL_CLOSED', by: 'drain' });
    expect(await failure(pool.checkout())).toMatchObject({ code: 'ERR_POOL_CLOSED', by: 'drain' });
    expect(await failure(pool.session('ann').call('recall'))).toMatchObject({ code: 'ERR_POOL_CLOSED', by: 'drain' });
    expect(await failure(collect(pool.map('echo', [1])))).toMatchObject({ code: 'ERR_POOL_CLOSED', by: 'drain' });
    await go();
    expect(await running).toBe('done');
    expect(await Promise.all(waiting)).toEqual([1, 2]);
    // A lease that was granted is served until it is checked in.
    expect(await (await lease).call('echo', [4])).toBe(4);
    expect(pool.stats().state).toBe('draining');
    await (await lease).checkin();
    await drained;
    expect(pool.stats()).toMatchObject({ state: 'drained', workers: { idle: 1 } });
    expect(await failure(pool.call('echo', [5]))).toMatchObject({ code: 'ERR_POOL_CLOSED' });
  });

  it('serves all calls of a session that were made before, though their worker was not known yet', async () => {
    const { pool, go, running } = await busyPool();
    const session = pool.session('ann');
    const calls = [1, 2, 3].map((number) => session.call('remember', [`k${number}`, number]));
    const drained = pool.drain();
    await go();
    await running;
    expect(await Promise.all(calls)).toEqual([{ k1: 1 }, { k1: 1, k2: 2 }, { k1: 1, k2: 2, k3: 3 }]);
    await drained;
  });

  it('is over when the calls of a session give up that wait for their first to meet a worker', async () => {
    const { pool, go, running } = await busyPool();
    const session = pool.session('ann');
    const abort = new AbortController();
    const calls = [1, 2, 3].map(() => failure(session.call('recall', [], { signal: abort.signal })));
    const drained = pool.drain();
    expect(await failure(session.call('recall'))).toMatchObject({ code: 'ERR_POOL_CLOSED', by: 'drain' });
    abort.abort('enough');
    expect(await Promise.all(calls)).toEqual(['enough', 'enough', 'enough']);
    await go();
    await running;
    await drained;
  });

  it('replaces a worker that dies while somebody still waits', async () => {
    const { pool, pid, running } = await busyPool();
    const waiting = pool.call('echo', [1]);
    const drained = pool.drain();
    process.kill(pid, 'SIGKILL');
    expect(await failure(running)).toMatchObject({ code: 'ERR_WORKER_DIED' });
    expect(await waiting).toBe(1);
    await drained;
  });

  it('resolves at once when there is nothing to do, and when it was done before', async () => {
    const pool = await readyPool(app);
    await Promise.all([pool.drain(), pool.drain()]);
    await pool.drain();
    expect(pool.stats().state).toBe('drained');
    await pool.close();
    await pool.drain();
  });
});

describe('any end of a pool', () => {
  it.each(['close', 'destroy'] as const)(
    "%s() sends nothing to an actor that has ended, of which XState's development build would warn",
    async (end) => {
      const warned = vi.spyOn(console, 'warn').mockImplementation(() => {});
      const { pool, pid, running } = await busyPool();
      const dead = next(pool, 'worker.dead');
      process.kill(pid, 'SIGKILL');
      await dead;
      expect(await failure(running)).toMatchObject({ code: 'ERR_WORKER_DIED' });
      await pool.call('echo', [1]);
      await pool[end]();
      expect(warned.mock.calls).toEqual([]);
      warned.mockRestore();
    },
  );
});

describe('close()', () => {
  it('serves those who are there, lets the workers end by themselves, and resolves when they are gone', async () => {
    const { pool, pid, go, running } = await busyPool();
    const waiting = pool.call('echo', [1]);
    const dead = next(pool, 'worker.dead');
    const closed = pool.close();
    expect(await failure(pool.call('echo', [2]))).toMatchObject({ code: 'ERR_POOL_CLOSED', by: 'close' });
    await go();
    expect([await running, await waiting]).toEqual(['done', 1]);
    await closed;
    expect(isAlive(pid)).toBe(false);
    expect(await dead).toMatchObject({ exitCode: 0, signal: null, reason: 'stopped' });
    expect(await failure(pool.call('echo', [3]))).toMatchObject({ code: 'ERR_POOL_CLOSED', by: 'close' });
  });

  it('destroys after closeTimeoutMs what is not done by then', async () => {
    const clock = new SimulatedClock();
    const { pool, pid, running } = await busyPool({ closeTimeoutMs: 500, clock });
    const failed = failure(running);
    const waiting = failure(pool.call('echo', [1]));
    const closed = pool.close();
    clock.increment(500);
    expect(await failed).toMatchObject({ code: 'ERR_POOL_CLOSED', by: 'close' });
    expect(await waiting).toMatchObject({ code: 'ERR_POOL_CLOSED', by: 'close' });
    await closed;
    expect(isAlive(pid)).toBe(false);
  });

  it('waits for a lease that is held, and takes it back after closeTimeoutMs', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { closeTimeoutMs: 500, clock });
    const lease = await pool.checkout();
    const closed = pool.close();
    expect(await lease.call('echo', [1])).toBe(1);
    clock.increment(499);
    expect(await lease.call('echo', [2])).toBe(2);
    clock.increment(1);
    await closed;
    expect(lease.ended).toBe('pool-closed');
  });

  it('kills a worker that ends neither when asked nor when told by SIGTERM, each in its time', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { stopGraceMs: 300, termGraceMs: 200, clock });
    const pid = await pool.call<number>('pid');
    await freeze(pid);
    const dead = next(pool, 'worker.dead');
    const closed = pool.close();
    expect(pool.stats().workers.ending).toBe(1);
    const signals = signalsTo(pid);
    clock.increment(299);
    expect(signals()).toEqual([]);
    clock.increment(1);
    // Stopped as it is, it cannot even die of that.
    expect(signals()).toEqual(['SIGTERM']);
    clock.increment(199);
    expect(signals()).toEqual(['SIGTERM']);
    clock.increment(1);
    await closed;
    expect(await dead).toMatchObject({ pid, signal: 'SIGKILL', reason: 'stopped' });
  });

  it('comes with the end of its block by await using', async () => {
    const outside = await (async () => {
      await using pool = startPool(app);
      expect(await pool.call('add', [1, 2])).toBe(3);
      return pool;
    })();
    expect(outside.stats().state).toBe('closed');
  });
});

describe('destroy()', () => {
  it('ends everything now: who runs and who waits, with ERR_POOL_CLOSED', async () => {
    const { pool, pid, running } = await busyPool();
    const session = pool.session('ann');
    const waiting = [pool.call('echo', [1]), pool.checkout(), session.call('recall'), session.call('recall')];
    const failures = [running, ...waiting].map((each) => failure(each));
    const destroyed = pool.destroy();
    for (const error of await Promise.all(failures)) {
      expect(error).toMatchObject({ code: 'ERR_POOL_CLOSED', by: 'destroy' });
    }
    await destroyed;
    expect(isAlive(pid)).toBe(false);
    expect(pool.stats()).toMatchObject({ state: 'closed', waiting: 0, calls: { running: 0 } });
  });

  it('ends a lease that is held: ERR_LEASE_ENDED, with the reason', async () => {
    const pool = await readyPool(app);
    const lease = await pool.checkout();
    await pool.destroy();
    expect(lease.ended).toBe('pool-closed');
    expect(await failure(lease.call('echo', [1]))).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'pool-closed' });
    await lease.checkin();
  });

  it('waits for no worker: not for one that is frozen, loops, or has been asked to end and does not', async () => {
    const pool = await readyPool(app, { size: 2, stopGraceMs: 60_000, closeTimeoutMs: 60_000 });
    const [one, other] = [await pool.checkout(), await pool.checkout()];
    const pids = [await one.call<number>('pid'), await other.call<number>('pid')];
    const looping = next(pool, 'log');
    const call = failure(one.call('loop_for_ever'));
    await looping;
    await freeze(pids[1]!);
    await other.checkin();
    const closed = pool.close();
    await pool.destroy();
    await closed;
    expect(await call).toMatchObject({ code: 'ERR_POOL_CLOSED' });
    expect(pids.filter(isAlive)).toEqual([]);

    const asked = await readyPool(app, { stopGraceMs: 60_000 });
    const pid = await asked.call<number>('pid');
    await freeze(pid);
    const closing = asked.close();
    expect(asked.stats().workers.ending).toBe(1);
    await asked.destroy();
    await closing;
    expect(isAlive(pid)).toBe(false);
  });

  it('hurries a drain and a close that wait', async () => {
    for (const end of ['drain', 'close'] as const) {
      const { pool, running } = await busyPool();
      const failed = failure(running);
      const ended = pool[end]();
      await pool.destroy();
      await ended;
      expect(await failed).toMatchObject({ code: 'ERR_POOL_CLOSED' });
    }
  });
});

describe('every end', () => {
  const ends = ['drain', 'close', 'destroy'] as const;
  const states: Record<string, () => Promise<Pool>> = {
    starting: async () => startPool(app, { size: 2 }),
    ready: async () => readyPool(app, { size: 2 }),
    degraded: async () => {
      const pool = startPool('no_module_of_this_name', { size: 2 });
      await failure(pool.ready());
      return pool;
    },
    drained: async () => {
      const pool = await readyPool(app);
      await pool.drain();
      return pool;
    },
    closed: async () => {
      const pool = await readyPool(app);
      await pool.close();
      return pool;
    },
  };

  it.each(Object.keys(states))(
    'comes to an end from %s, twice and at once, and leaves nothing behind',
    async (state) => {
      for (const end of ends) {
        const pool = await states[state]!();
        await Promise.all([pool[end](), pool[end]()]);
        await pool[end]();
        await Promise.all([pool.drain(), pool.close(), pool.destroy()]);
        expect(pool.stats()).toMatchObject({ state: 'closed', waiting: 0 });
        expect(await failure(pool.call('echo', [1]))).toMatchObject({ code: 'ERR_POOL_CLOSED' });
        expect(await failure(pool.ready())).toMatchObject({ code: 'ERR_POOL_CLOSED' });
      }
    },
  );

  it.each(['drain', 'close', 'destroy'] as const)('by %s ends workers that hang at import', async (end) => {
    const pool = startPool(here('hangs_at_import.py'), { size: 2, stopGraceMs: 200 });
    const { pid } = await next(pool, 'log', ({ text }) => text.startsWith('importing')).then(({ text }) => ({
      pid: Number(text.split(' ')[1]),
    }));
    if (end === 'drain') await pool.drain();
    await (end === 'destroy' ? pool.destroy() : pool.close());
    expect(isAlive(pid)).toBe(false);
  });
});

/** A pool whose only worker is held in a call until `go`. */
async function busyPool(options: Parameters<typeof readyPool>[1] = {}) {
  const pool = await readyPool(app, options);
  const pid = await pool.call<number>('pid');
  const gate = new Gate();
  const running = pool.call('wait_at', [gate.path, 'done']);
  const go = await gate.reached();
  return { pool, pid, go, running };
}
