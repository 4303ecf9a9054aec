import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Lease, Pool, WorkerDiedError } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { failure, fixtures, next, readyPool, startPool } from '../support/pool.js';
import { until } from '../support/processes.js';

const app = fixtures(import.meta.url)('app.py');
const callbacks = fixtures(import.meta.url)('callbacks.py');

describe('a worker of two slots', () => {
  it('has two calls at a time: the second waits in the pipe, and is answered after the first', async () => {
    const pool = await readyPool(app, { slots: 2 });
    const gate = new Gate();
    const order: string[] = [];
    const first = pool.call('wait_at', [gate.path, 'first']).then((value) => order.push(String(value)));
    const second = pool.call('echo', ['second']).then((value) => order.push(String(value)));
    const third = pool.call('echo', ['third']).then((value) => order.push(String(value)));
    const go = await gate.reached();
    expect(pool.stats()).toMatchObject({ slots: 2, leases: 2, waiting: 1, workers: { leased: 1 } });
    await go();
    await Promise.all([first, second, third]);
    expect(order).toEqual(['first', 'second', 'third']);
    expect(pool.stats()).toMatchObject({ leases: 0, workers: { idle: 1 } });
  });

  it.each(['before', 'after'])('keeps no lease for the next call if another has fewer %s the answer', async (when) => {
    const pool = await readyPool(app, { slots: 2, size: 2, lane: 'threads' });
    for (let time = 0; time < 3; time += 1) {
      const leases = await Promise.all([pool.checkout(), pool.checkout()]);
      await Promise.all(leases.map((lease) => lease.checkin()));
    }
    const held = await Promise.all([pool.checkout(), pool.checkout()]);
    const pids = await Promise.all(held.map((lease) => lease.call('pid')));
    const gate = new Gate();
    const next = pool.call('wait_at', [gate.path]).then(async () => {
      if (when === 'after') await held[other]!.checkin();
      return await pool.call('pid');
    });
    const go = await gate.reached();
    const busy = pool.workers().find(({ leases }) => leases === 2)!.pid;
    const other = pids.findIndex((pid) => pid !== busy);
    if (when === 'before') await held[other]!.checkin();
    await go();
    expect(await next).toBe(pids[other]);
    await held[1 - other]!.checkin();
  });

  it('tells each of two callers, when it dies, whether its own call had started', async () => {
    const pool = await readyPool(app, { slots: 2 });
    const pid = await pool.call<number>('pid');
    const gate = new Gate();
    const runs = failure<WorkerDiedError>(pool.call('wait_at', [gate.path]));
    const waits = failure<WorkerDiedError>(pool.call('echo', [1]));
    await gate.reached();
    process.kill(pid, 'SIGKILL');
    expect(await runs).toMatchObject({ code: 'ERR_WORKER_DIED', started: true, call: 'wait_at' });
    expect(await waits).toMatchObject({ code: 'ERR_WORKER_DIED', started: false, call: 'echo' });
    expect(await pool.call('pid')).not.toBe(pid);
  });

  it('lives on when one of two calls is given up and answers in time, and the other has its own answer', async () => {
    const pool = await readyPool(app, { slots: 2 });
    const pid = await pool.call('pid');
    const gate = new Gate();
    const abort = new AbortController();
    const given = failure(pool.call('wait_at', [gate.path], { signal: abort.signal }));
    const other = pool.call('echo', ['other']);
    const go = await gate.reached();
    abort.abort('enough');
    expect(await given).toBe('enough');
    expect(pool.stats()).toMatchObject({ leases: 2, workers: { cancelling: 1 } });
    await go();
    expect(await other).toBe('other');
    expect(await pool.call('pid')).toBe(pid);
  });

  it('is ended when one of two calls is given up and never answers: the other rejects only after its grace', async () => {
    const pool = startPool(app, { slots: 2, cancelGraceMs: 0, evictGraceMs: 20 });
    const pid = await pool.call('pid');
    const gate = new Gate();
    const abort = new AbortController();
    const given = failure(pool.call('wait_at', [gate.path], { signal: abort.signal }));
    const other = failure<WorkerDiedError>(pool.call('echo', ['other']));
    const dead = next(pool, 'worker.dead');
    await gate.reached();
    abort.abort('enough');
    expect(await given).toBe('enough');
    const error = await other;
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', started: false });
    expect(error.message).toContain('another call on it was given up');
    expect(await dead).toMatchObject({ reason: 'cancel-grace' });
    expect(await pool.call('pid')).not.toBe(pid);
  });

  it('that is to end for one call keeps no lease for the call that follows: that has another worker', async () => {
    const pool = await readyPool(app, { slots: 2, lane: 'threads', cancelGraceMs: 0, evictGraceMs: 3_600_000 });
    for (let n = 0; n < 4; n += 1) await pool.call('echo', [n]);
    const [hangs, runs] = [new Gate(), new Gate()];
    const abort = new AbortController();
    const given = failure(pool.call('wait_at', [hangs.path], { signal: abort.signal }));
    await hangs.reached();
    const pid = await pool.call('pid');
    const following = pool.call('wait_at', [runs.path]).then(() => pool.call('pid'));
    const go = await runs.reached();
    abort.abort('enough');
    expect(await given).toBe('enough');
    await until(() => pool.stats().workers.evicting === 1, 'it to take no more leases');
    await go();
    expect(await following).not.toBe(pid);
  });

  it('holds two leases and no third, and the leases of others keep their order', async () => {
    const pool = await readyPool(app, { slots: 2 });
    const [one, two] = await Promise.all([pool.checkout(), pool.checkout()]);
    expect([one.worker, two.worker]).toEqual(['worker-0', 'worker-0']);
    expect(one.id).not.toBe(two.id);
    const third = pool.checkout();
    expect(await Promise.all([one.call('echo', [1]), two.call('echo', [2]), one.call('echo', [3])])).toEqual([1, 2, 3]);
    expect(pool.stats().waiting).toBe(1);
    await two.checkin();
    const lease = await third;
    expect(await lease.call('echo', [4])).toBe(4);
    await Promise.all([one.checkin(), lease.checkin()]);
  });

  it('serves two calls of a strict session at a time, with the state that they share', async () => {
    const pool = await readyPool(app, { size: 2, slots: 2 });
    const session = pool.session('s');
    await session.call('remember', ['key', 'one']);
    const pids = await Promise.all([session.call('pid'), session.call('pid'), session.call('pid')]);
    expect(new Set(pids).size).toBe(1);
    expect(await session.call('recall')).toEqual({ key: 'one' });
  });
});

describe('workers of two slots', () => {
  it('are leased in turn, so that nobody waits behind another while a worker is idle', async () => {
    const pool = startPool(app, { size: 2, slots: 2 });
    await pool.ready();
    while (pool.stats().missing > 0) await next(pool, 'worker.ready');
    const leases = await Promise.all([0, 1, 2, 3].map(() => pool.checkout()));
    expect(leases[0]!.worker).not.toBe(leases[1]!.worker);
    expect(leases[2]!.worker).not.toBe(leases[3]!.worker);
    await Promise.all(leases.map((lease) => lease.checkin()));
  });
});

describe('map on workers of several slots', () => {
  it('has twice as many items under way as there are slots', async () => {
    const pool = await readyPool(app, { slots: 3 });
    let read = 0;
    const items = function* () {
      for (; read < 100; read += 1) yield read;
    };
    const results = pool.map('echo', items());
    await results.next();
    // Six have been taken, and the source is in the middle of the last.
    expect(read).toBe(5);
    await results.return?.();
  });
});

describe('a call that waits in the pipe', () => {
  it.each([
    ['serial', true],
    ['serial', false],
    ['asyncio', true],
    ['asyncio', false],
  ] as const)('is never run if its caller gives up meanwhile: lane %s, interrupt %s', async (lane, interrupt) => {
    const pool = await readyPool(app, { slots: 2, lane, interrupt });
    const gate = new Gate();
    const abort = new AbortController();
    const first = pool.call('wait_at', [gate.path, 'first']);
    const go = await gate.reached();
    const second = failure(pool.call('note', ['never'], { signal: abort.signal }));
    abort.abort('enough');
    expect(await second).toBe('enough');
    await go();
    expect(await first).toBe('first');
    expect(await pool.call('noted')).toEqual([]);
    expect(pool.stats()).toMatchObject({ cancelled: { kept: 0, killed: 0 }, calls: { aborted: 1 } });
  });

  it('and is given up is none that its worker was killed for, if that dies meanwhile', async () => {
    const pool = await readyPool(app, { slots: 2 });
    const pid = await pool.call<number>('pid');
    const gate = new Gate();
    const abort = new AbortController();
    const first = failure(pool.call('wait_at', [gate.path]));
    await gate.reached();
    const second = failure(pool.call('note', ['never'], { signal: abort.signal }));
    abort.abort('enough');
    await second;
    process.kill(pid, 'SIGKILL');
    expect(await first).toMatchObject({ code: 'ERR_WORKER_DIED' });
    expect(pool.stats().cancelled).toEqual({ kept: 0, killed: 0 });
  });

  it('behind the very call that waits for it is refused at once, and never run', async () => {
    const pool = await readyPool(callbacks, { slots: 2, interrupt: true });
    const inner = () => pool.call('total', [[1, 2]]);
    const error = await failure<Error & { cause: object }>(pool.call('apply', [inner]));
    expect(error.cause).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['apply', 'total'] });
    expect(await inner()).toBe(3);
  });
});

describe('what is asked for in the function of a call', () => {
  const total = (by: Pick<Pool, 'call'>) => by.call('total', [[1, 2]]);
  const totalUnder = async (lease: Lease) => {
    const sum = await total(lease);
    await lease.checkin();
    return sum;
  };

  it.each<[string, (pool: Pool) => Promise<unknown>]>([
    ['a call', total],
    ['the first call of a session', (pool) => total(pool.session('ann'))],
    ['a lease', async (pool) => totalUnder(await pool.checkout())],
    ['a lease at once', async (pool) => totalUnder(pool.tryCheckout() as Lease)],
  ])('is had of a worker that runs no call above it, where one has room: %s', async (_, ask) => {
    const pool = await readyPool(callbacks, { size: 2, slots: 2 });
    const { other, open } = runningBeside(pool);
    expect(await pool.call('apply', [() => asking(ask(pool), open)])).toBe(3);
    await other;
  });

  it('is had of a worker that runs no call further above it, either', async () => {
    const pool = await readyPool(callbacks, { size: 3, slots: 2 });
    const { other, open } = runningBeside(pool);
    const inner = () => asking(total(pool), open);
    expect(await pool.call('apply', [() => pool.call('apply', [inner])])).toBe(3);
    await other;
  });

  it('waits for another worker where the only free slot is behind the call itself', async () => {
    const pool = await readyPool(callbacks, { size: 2, slots: 2 });
    const leases = await Promise.all([0, 1, 2, 3].map(() => pool.checkout()));
    const isOther = ({ worker }: Lease) => worker !== leases[0]!.worker;
    for (const lease of leases) if (!isOther(lease)) await lease.checkin();
    const inner = async () => {
      const asked = total(pool);
      await setImmediate();
      expect(pool.stats()).toMatchObject({ leases: 4, waiting: 1 });
      for (const lease of leases) if (isOther(lease)) await lease.checkin();
      return asked;
    };
    expect(await pool.call('apply', [inner])).toBe(3);
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0 });
  });

  /** A call that runs on one of the workers, in one of its slots, until it is let go on. */
  function runningBeside(pool: Pool) {
    let open!: () => void;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    return { other: pool.call('apply', [() => gate]), open };
  }

  /** What is asked for, which waits behind that call. */
  async function asking(asked: Promise<unknown>, open: () => void): Promise<unknown> {
    await setImmediate();
    open();
    return asked;
  }
});
