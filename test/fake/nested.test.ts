import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Call } from '../../src/call/call.js';
import type { CallOptions, Lease, Pool, PoolOptions, Session } from '../../src/index.js';
import { latch } from '../support/latch.js';
import { collect, failure } from '../support/pool.js';
import { watchFaults } from './faults.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

const faults = watchFaults();

describe('a call in the function of another, with a slot for it behind that alone', () => {
  it('waits for a slot of another worker, and leaves the one that is of no use to it to the others then', async () => {
    const { pool, outer, answer, served } = await nesting();
    const inner = outer.run(() => pool.call('inner'));
    const next = pool.call('next');
    await setImmediate();
    expect(served).toEqual(['outer', 'other 0']);
    await answer('other 0');
    await answer('other 1');
    await answer('inner');
    expect(await inner).toBe('inner');
    await answer('outer');
    await answer('next');
    expect(await next).toBe('next');
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, cancelled: { kept: 0, killed: 0 } });
  });

  it('waits as well where that slot comes free while it waits, and is granted to it once', async () => {
    const { pool, played, outer, held, answer } = await nesting({ slots: 3 }, 1);
    const grants = countGrants(played);
    const inner = outer.run(() => pool.call('inner'));
    await setImmediate();
    expect([grants(), pool.stats().leases]).toEqual([1, 6]);
    await held[0]?.checkin();
    await setImmediate();
    expect([grants(), pool.stats().leases]).toEqual([2, 6]);
    for (const name of ['other 0', 'other 1', 'other 2', 'inner']) await answer(name);
    expect(await inner).toBe('inner');
    expect(pool.stats()).toMatchObject({ leases: 1, waiting: 0 });
  });

  it('waits as well where that call waits for another of its function, too, which goes on', async () => {
    const { pool, outer, answer } = await nesting();
    const both = outer.run(() => Promise.all([pool.call('inner'), pool.call('second')]));
    await setImmediate();
    await answer('other 0');
    // The first has left the slot that is of no use, and it was the next who was granted it.
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 4, waiting: 1 });
    for (const name of ['other 1', 'inner', 'second']) await answer(name);
    expect(await both).toEqual(['inner', 'second']);
    await answer('outer');
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0 });
  });

  it('binds its session to the worker that serves it', async () => {
    const { pool, outer, answer } = await nesting();
    const session = pool.session('ann');
    const inner = outer.run(() => session.call('inner'));
    await setImmediate();
    for (const name of ['other 0', 'other 1', 'inner']) await answer(name);
    expect(await inner).toBe('inner');
    const second = outer.run(() => session.call('second'));
    await heard();
    await answer('second');
    expect(await second).toBe('second');
  });

  it('is waited for by nobody else who would wait for ever then', async () => {
    const { pool, outer, others, answer } = await nesting();
    const inner = outer.run(() => pool.call('inner'));
    await setImmediate();
    expect(await others[0]!.run(() => failure(pool.call('last')))).toMatchObject({
      code: 'ERR_DEADLOCK',
      chain: ['other 0', 'last'],
      message: expect.stringContaining('all 4 slots'),
    });
    expect(pool.stats()).toMatchObject({ leases: 4, waiting: 1 });
    for (const name of ['other 0', 'other 1', 'inner', 'outer']) await answer(name);
    expect(await inner).toBe('inner');
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0 });
  });

  it('is refused where there is no other worker, however many slots there are', async () => {
    const { pool, outer, answer } = await nesting({ size: 1, slots: 4 });
    expect(await failure(outer.run(() => pool.call('inner')))).toMatchObject({
      code: 'ERR_DEADLOCK',
      chain: ['outer', 'inner'],
    });
    expect(pool.stats()).toMatchObject({ leases: 1, waiting: 0 });
    await answer('outer');
  });

  it('is refused at once where hundreds of others wait for each other as well', async () => {
    const slots = 200;
    const played = new PlayedPool({ lane: 'asyncio', slots }, { serve: () => {} });
    onTestFinished(() => played.destroy());
    await played.boot();
    const { pool } = played;
    for (let each = 0; each < slots; each += 1) pool.call(`outer ${each}`).catch(() => {});
    await heard();
    const looks = vi.spyOn(played.runtime, 'keepers');
    const inner = callsOf(played).map((outer) => outer.run(() => failure(pool.call('inner'))));
    expect(await inner.at(-1)).toMatchObject({ code: 'ERR_DEADLOCK', chain: [`outer ${slots - 1}`, 'inner'] });
    expect(pool.stats()).toMatchObject({ leases: slots, waiting: slots - 1 });
    // Each is asked for itself, and one for all of them.
    expect(looks.mock.calls.length).toBeLessThan(3 * slots);
    expect(faults).toEqual([]);
  });

  it('gives that slot back when it is given up, or its time in the queue is over', async () => {
    const { pool, clock, outer } = await nesting({ queueTimeoutMs: 100 });
    const abort = new AbortController();
    const aborted = failure(outer.run(() => pool.call('inner', [], { signal: abort.signal })));
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 4, waiting: 1 });
    abort.abort('enough');
    expect(await aborted).toBe('enough');
    expect(pool.stats()).toMatchObject({ leases: 3, waiting: 0 });
    const late = failure(outer.run(() => pool.call('inner')));
    await clock.turn(100);
    expect(await late).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', waitedMs: 100 });
    expect(pool.stats()).toMatchObject({ leases: 3, waiting: 0 });
  });

  it('is served nothing by that slot, which is none of the leases after which its worker is replaced', async () => {
    const { pool, clock, outer } = await nesting({ recycle: { leases: 4 } });
    for (let each = 0; each < 4; each += 1) {
      const abort = new AbortController();
      const inner = failure(outer.run(() => pool.call('inner', [], { signal: abort.signal })));
      await setImmediate();
      abort.abort('enough');
      expect(await inner).toBe('enough');
    }
    await clock.turn(1);
    expect(pool.stats()).toMatchObject({ leases: 3, waiting: 0, workers: { leased: 2, spawning: 0 } });
  });

  it('is no longer held to its time in the queue once another worker runs it', async () => {
    const { pool, clock, outer, answer } = await nesting({ queueTimeoutMs: 100 });
    const inner = outer.run(() => pool.call('inner'));
    await setImmediate();
    await answer('other 0');
    await answer('other 1');
    await clock.turn(200);
    await answer('inner');
    expect(await inner).toBe('inner');
  });

  it('has all its time in the queue for another attempt as well, though it is granted that slot first', async () => {
    const { pool, played, clock, outer, answer } = await nesting({ queueTimeoutMs: 100, retryDelayMs: 10 });
    const inner = outer.run(() => pool.call('inner', [], { idempotent: true }));
    await setImmediate();
    await answer('other 0');
    await answer('other 1');
    await clock.turn(200);
    played.python.running.find(({ request }) => request?.name === 'inner')?.die();
    played.python.reap();
    await clock.turn(20);
    expect(pool.stats()).toMatchObject({ leases: 2, waiting: 1 });
    await played.boot();
    await answer('inner');
    expect(await inner).toBe('inner');
  });

  it('is sent behind an attempt of that call that was given up, since Python lets go of that', async () => {
    const attempts = { idempotent: true, attemptTimeoutMs: 100 };
    const { pool, clock, outer, answer } = await nesting({ retryDelayMs: 10 }, 0, attempts);
    for (const name of ['other 0', 'other 1']) await answer(name);
    await clock.turn(110);
    // The next attempt is in the function of which it is made, in the other worker.
    expect(pool.stats()).toMatchObject({ leases: 2, attempts: { retried: 1 } });
    const inner = outer.run(() => pool.call('inner'));
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 3, waiting: 0 });
    for (const name of ['outer', 'outer', 'inner']) await answer(name);
    expect(await inner).toBe('inner');
    expect(pool.stats()).toMatchObject({ leases: 0, cancelled: { kept: 1, killed: 0 } });
  });

  it('has the slot of that call if nobody waits for it any more, and that call has ended', async () => {
    const { pool, outer, answer } = await nesting();
    let inner: Promise<unknown> | undefined;
    await outer.run(() => {
      inner = pool.call('inner');
    });
    await answer('outer');
    await answer('inner');
    expect(await inner).toBe('inner');
    expect(pool.stats()).toMatchObject({ leases: 2, waiting: 0 });
  });

  it('gives that slot back once that call has been answered, though the lease of that is held further', async () => {
    const { pool, played, held, answer } = await nesting({}, 1);
    const outer = held[0]?.call('held');
    await answer('outer');
    const call = callsOf(played).find(({ name }) => name === 'held') as Call;
    const inner = call.run(() => pool.call('inner'));
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 4, waiting: 1 });
    await answer('held');
    expect(await outer).toBe('held');
    await answer('inner');
    expect(await inner).toBe('inner');
    expect(pool.stats()).toMatchObject({ leases: 3, waiting: 0 });
  });

  it('keeps no worker alive by that slot in which that call was given up and is not answered, and is served by another', async () => {
    const { pool, played, clock, outer, answer } = await nesting({ cancelGraceMs: 100, evictGraceMs: 1_000 });
    const inner = outer.run(() => pool.call('inner'));
    await setImmediate();
    outer.abandon('enough', 'aborted');
    await clock.turn(99);
    expect(pool.stats()).toMatchObject({ leases: 4, waiting: 1, workers: { cancelling: 1 } });
    await clock.turn(1);
    expect(pool.stats()).toMatchObject({ leases: 2, waiting: 1, workers: { evicting: 0, ending: 1 } });
    await played.settle();
    await answer('inner');
    expect(await inner).toBe('inner');
    expect(pool.stats()).toMatchObject({ leases: 2, waiting: 0, cancelled: { kept: 0, killed: 1 } });
  });

  it('gives that slot back once that call was given up and is answered in time', async () => {
    const { pool, outer, answer } = await nesting();
    const inner = outer.run(() => pool.call('inner'));
    await setImmediate();
    outer.abandon('enough', 'aborted');
    await answer('outer');
    expect(pool.stats()).toMatchObject({ leases: 3, waiting: 0, workers: { leased: 2, cancelling: 0 } });
    await answer('inner');
    expect(await inner).toBe('inner');
    expect(pool.stats()).toMatchObject({
      leases: 2,
      workers: { leased: 1, idle: 1 },
      cancelled: { kept: 1, killed: 0 },
    });
  });

  it('loses that slot with its worker, and is served all the same', async () => {
    const { pool, played, outer, answer } = await nesting();
    const inner = outer.run(() => pool.call('inner'));
    await setImmediate();
    played.python.running.find(({ request }) => request?.name === 'outer')?.die();
    played.python.reap();
    expect(await failure(outer.promise)).toMatchObject({ code: 'ERR_WORKER_DIED' });
    await answer('other 0');
    await answer('other 1');
    await answer('inner');
    expect(await inner).toBe('inner');
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0 });
  });

  it('is served though the pool is drained meanwhile', async () => {
    const { pool, outer, answer } = await nesting();
    const inner = outer.run(() => pool.call('inner'));
    await setImmediate();
    const drained = pool.drain();
    for (const name of ['other 0', 'other 1', 'inner', 'outer']) await answer(name);
    expect(await inner).toBe('inner');
    await drained;
  });

  it('waits as well where that slot comes free while the pool is drained', async () => {
    const { pool, outer, held, answer } = await nesting({}, 1);
    const inner = outer.run(() => pool.call('inner'));
    const drained = pool.drain();
    await held[0]?.checkin();
    await setImmediate();
    expect(pool.stats()).toMatchObject({ state: 'draining', leases: 4, waiting: 1 });
    for (const name of ['other 0', 'other 1', 'inner', 'outer']) await answer(name);
    expect(await inner).toBe('inner');
    await drained;
    expect(pool.stats()).toMatchObject({ state: 'drained', leases: 0, waiting: 0 });
  });
});

describe('a call under a lease that is held, made in the function of another', () => {
  it('is refused where it would wait for the answer to one that was given up in the line behind that', async () => {
    const { pool, outer, held, answer } = await nesting({ size: 1 }, 1);
    const [lease, abort] = [held[0]!, new AbortController()];
    const given = failure(lease.call('given', [], { signal: abort.signal }));
    await setImmediate();
    abort.abort('enough');
    expect(await given).toBe('enough');
    // What is not plain waits until nothing is owed.
    const inner = outer.run(() => failure(lease.call('inner', [() => 1])));
    expect(await inner).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['outer', 'inner'] });
    await answer('outer');
    await lease.checkin();
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0 });
  });
});

describe('a call under a lease that is held, made in the function of another attempt', () => {
  it('waits for the answer to one that was given up in the line behind the attempt before', async () => {
    const attempts = { idempotent: true, attemptTimeoutMs: 100 };
    const { pool, played, clock, outer, held, answer } = await nesting({ retryDelayMs: 10 }, 1, attempts);
    const [lease, abort] = [held[0]!, new AbortController()];
    const given = failure(lease.call('given', [], { signal: abort.signal }));
    await setImmediate();
    abort.abort('enough');
    expect(await given).toBe('enough');
    for (const name of ['other 0', 'other 1']) await answer(name);
    await clock.turn(110);
    const inner = outer.run(() => lease.call('inner', [() => 1]));
    await setImmediate();
    played.python.running.find(({ cancelled }) => cancelled.length > 0)?.answer('late');
    await heard();
    for (const name of ['inner', 'outer']) await answer(name);
    expect(await inner).toBe('inner');
    await lease.checkin();
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, attempts: { retried: 1 } });
  });
});

describe('a call that is shared in the function of another, and was made outside of it,', () => {
  const KEY = { idempotencyKey: 'order-17' };

  it('waits for a slot of another worker as well where one behind that call comes free for it', async () => {
    const { pool, outer, held, answer } = await nesting({}, 1);
    const first = pool.call('shared', [], KEY);
    // The function waits for another besides.
    const both = outer.run(() => Promise.all([pool.call('shared', [], KEY), pool.call('second')]));
    await held[0]?.checkin();
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 4, waiting: 2 });
    for (const name of ['other 0', 'other 1', 'shared', 'second']) await answer(name);
    expect(await Promise.all([first, both])).toEqual(['shared', ['shared', 'second']]);
    await answer('outer');
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, duplicates: 1 });
  });

  it('is sent there once nobody in that function waits for it any more, and that call was answered', async () => {
    const { pool, outer, held, answer } = await nesting({}, 1);
    const first = pool.call('shared', [], KEY);
    const abort = new AbortController();
    const joined = outer.run(() => failure(pool.call('shared', [], { ...KEY, signal: abort.signal })));
    await held[0]?.checkin();
    await setImmediate();
    abort.abort('enough');
    expect(await joined).toBe('enough');
    await answer('outer');
    await answer('shared');
    expect(await first).toBe('shared');
    expect(pool.stats()).toMatchObject({ leases: 2, waiting: 0 });
  });

  it('is refused to that function alone where there is no other worker', async () => {
    const { pool, outer, held, answer } = await nesting({ size: 1 }, 1);
    const first = pool.call('shared', [], KEY);
    const joined = outer.run(() => failure(pool.call('shared', [], KEY)));
    await held[0]?.checkin();
    expect(await joined).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['outer', 'shared'] });
    await answer('outer');
    await answer('shared');
    expect(await first).toBe('shared');
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0 });
  });

  it('goes to another worker where it is in the line behind that call already, if it may be done twice', async () => {
    const { pool, outer, answer } = await nesting();
    const terms = { ...KEY, idempotent: true };
    const first = pool.call('shared', [], terms);
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 4, waiting: 0 });
    const joined = outer.run(() => pool.call('shared', [], terms));
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 4, waiting: 1 });
    for (const name of ['other 0', 'other 1', 'shared']) await answer(name);
    expect(await Promise.all([first, joined])).toEqual(['shared', 'shared']);
    await answer('outer');
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, attempts: { retried: 0 } });
  });

  it.each<[string, Partial<PoolOptions>, CallOptions]>([
    ['it may be done once', {}, KEY],
    ['there is no other worker', { size: 1 }, { ...KEY, idempotent: true }],
  ])(
    'is refused to that function alone where it is in the line behind that call already, and %s',
    async (_, options, terms) => {
      const { pool, outer, answer } = await nesting(options);
      const first = pool.call('shared', [], terms);
      await setImmediate();
      const joined = outer.run(() => failure(pool.call('shared', [], terms)));
      expect(await joined).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['outer', 'shared'] });
      await answer('outer');
      await answer('shared');
      expect(await first).toBe('shared');
    },
  );

  it('has the time for one attempt from where it is sent then', async () => {
    const { pool, outer, clock, answer } = await nesting();
    const terms = { ...KEY, idempotent: true, attemptTimeoutMs: 100 };
    const first = pool.call('shared', [], terms);
    await clock.turn(60);
    const joined = outer.run(() => pool.call('shared', [], terms));
    await answer('other 0');
    await clock.turn(60);
    await answer('other 1');
    await answer('shared');
    expect(await Promise.all([first, joined])).toEqual(['shared', 'shared']);
    expect(pool.stats().attempts).toMatchObject({ retried: 0, moved: 0 });
    await answer('outer');
  });
});

describe('a call that is shared by others, and was made in the function of another,', () => {
  const KEY = { idempotencyKey: 'order-17' };

  it('is refused to that function alone once it would wait for ever', async () => {
    const { pool, outer, held, answer } = await nesting({ size: 1 }, 1);
    const first = outer.run(() => failure(pool.call('shared', [], KEY)));
    const joined = pool.call('shared', [], KEY);
    await held[0]?.checkin();
    expect(await first).toMatchObject({
      code: 'ERR_DEADLOCK',
      chain: ['outer', 'shared'],
      message: expect.stringContaining('all 2 slots'),
    });
    expect(pool.stats()).toMatchObject({ leases: 2, calls: { refused: 0 } });
    await answer('outer');
    await answer('shared');
    expect(await joined).toBe('shared');
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, duplicates: 1 });
  });

  it('is refused where nobody else waits for it, and tells whose it is', async () => {
    const { pool, outer, answer } = await nesting({ size: 1, slots: 4 });
    const ask = () => failure<Error>(pool.call('shared', [], KEY));
    const error = await outer.run(ask);
    expect(error).toMatchObject({
      code: 'ERR_DEADLOCK',
      chain: ['outer', 'shared'],
      stack: expect.stringMatching(/^DeadlockError: .*\n {4}at ask .*nested\.test\.ts/),
    });
    expect(pool.stats()).toMatchObject({ leases: 1, waiting: 0, calls: { refused: 1, aborted: 0 } });
    await answer('outer');
    const again = pool.call('shared', [], KEY);
    await answer('shared');
    expect(await again).toBe('shared');
  });

  it('waits for no other worker than the others would once that function has given it up', async () => {
    const { pool, outer, held, answer } = await nesting({ size: 1 }, 1);
    const abort = new AbortController();
    let first: Promise<unknown> | undefined;
    void outer.run(() => {
      first = failure(pool.call('shared', [], { ...KEY, signal: abort.signal }));
      return new Promise(() => {});
    });
    const joined = pool.call('shared', [], KEY);
    abort.abort('enough');
    expect(await first).toBe('enough');
    await held[0]?.checkin();
    expect(pool.stats()).toMatchObject({ leases: 2, waiting: 0 });
    await answer('outer');
    await answer('shared');
    expect(await joined).toBe('shared');
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, duplicates: 1 });
  });
});

describe('a checkout in the function of a call, with a slot for it behind that alone', () => {
  it('waits for a slot of another worker, and leaves the one that is of no use to it to the others then', async () => {
    const { pool, outer, others, answer } = await nesting();
    const asked = outer.run(() => pool.checkout());
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 4, waiting: 1 });
    await answer('other 0');
    const lease = await asked;
    expect(lease.worker).toBe(others[1]?.worker?.name);
    expect(pool.stats()).toMatchObject({ leases: 3, waiting: 0 });
    const inner = outer.run(() => lease.call('inner'));
    await answer('other 1');
    await answer('inner');
    expect(await inner).toBe('inner');
    await lease.checkin();
    await answer('outer');
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0 });
  });

  it('is refused where there is no other worker, however many slots there are', async () => {
    const { pool, outer, answer } = await nesting({ size: 1, slots: 4 });
    expect(await failure(outer.run(() => pool.checkout()))).toMatchObject({
      code: 'ERR_DEADLOCK',
      chain: ['outer', 'checkout()'],
    });
    expect(pool.stats()).toMatchObject({ leases: 1, waiting: 0 });
    await answer('outer');
  });

  it('is not had at once either, but where another worker is free', async () => {
    const { pool, outer, others, answer } = await nesting();
    expect(await outer.run(() => pool.tryCheckout())).toBeUndefined();
    expect(pool.stats()).toMatchObject({ leases: 3, waiting: 0 });
    await answer('other 0');
    const lease = await outer.run(() => pool.tryCheckout());
    expect(lease?.worker).toBe(others[1]?.worker?.name);
    // Whoever is in no function of that call may have the slot behind it, which is the last.
    const behind = pool.tryCheckout();
    expect(behind?.worker).toBe(outer.worker?.name);
    for (const each of [lease, behind]) await each?.checkin();
    await answer('other 1');
    await answer('outer');
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0 });
  });

  it('has had none of the leases after which a worker is replaced where it is not had at once', async () => {
    const { pool, clock, outer } = await nesting({ recycle: { leases: 4 } });
    for (let each = 0; each < 4; each += 1) expect(await outer.run(() => pool.tryCheckout())).toBeUndefined();
    await clock.turn(1);
    expect(pool.stats()).toMatchObject({ leases: 3, workers: { leased: 2, spawning: 0 } });
  });

  it('gives that slot back when it is given up, or its time in the queue is over', async () => {
    const { pool, clock, outer } = await nesting({ queueTimeoutMs: 100 });
    const abort = new AbortController();
    const aborted = failure(outer.run(() => pool.checkout({ signal: abort.signal })));
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 4, waiting: 1 });
    abort.abort('enough');
    expect(await aborted).toBe('enough');
    expect(pool.stats()).toMatchObject({ leases: 3, waiting: 0 });
    const late = failure(outer.run(() => pool.checkout()));
    await clock.turn(100);
    expect(await late).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', waitedMs: 100 });
    expect(pool.stats()).toMatchObject({ leases: 3, waiting: 0 });
  });

  it('meets the worker of its session where it is served', async () => {
    const { pool, outer, others, answer } = await nesting();
    const session = pool.session('ann');
    const asked = outer.run(() => session.checkout());
    await setImmediate();
    await answer('other 0');
    const lease = await asked;
    expect(lease.worker).toBe(others[1]?.worker?.name);
    await lease.checkin();
    const inner = outer.run(() => session.call('inner'));
    await answer('other 1');
    await answer('inner');
    expect(await inner).toBe('inner');
  });

  it('waits as well where that slot comes free while the pool is drained', async () => {
    const { pool, outer, others, held, answer } = await nesting({}, 1);
    const asked = outer.run(() => pool.checkout());
    const drained = pool.drain();
    await held[0]?.checkin();
    await setImmediate();
    expect(pool.stats()).toMatchObject({ state: 'draining', leases: 4, waiting: 1 });
    await answer('other 0');
    const lease = await asked;
    expect(lease.worker).toBe(others[1]?.worker?.name);
    await lease.checkin();
    for (const name of ['other 1', 'outer']) await answer(name);
    await drained;
    expect(pool.stats()).toMatchObject({ state: 'drained', leases: 0, waiting: 0 });
  });
});

describe('a map in the function of a call', () => {
  it('is refused where its items would wait for the slot of that call', async () => {
    const { pool, outer, answer } = await nesting({ size: 1, slots: 1 });
    const results = outer.run(() => failure(collect(pool.map('inner', [1]))));
    expect(await results).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['outer', 'inner'] });
    expect(pool.stats()).toMatchObject({ leases: 1, waiting: 0 });
    await answer('outer');
  });
});

describe('a call in the function of another, in a pool of no fixed size', () => {
  it('is refused once the pool is drained that has not grown for it yet, since it does not any more', async () => {
    const played = new PlayedPool({ size: { min: 1, max: 2 } });
    onTestFinished(() => played.destroy());
    await played.boot();
    const { pool, process } = played;
    const answered = pool.call('outer');
    const [outer] = callsOf(played);
    const inner = outer?.run(() => failure(pool.call('inner')));
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 1, waiting: 1 });
    const drained = pool.drain();
    expect(await inner).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['outer', 'inner'] });
    process.answer('outer');
    expect(await answered).toBe('outer');
    await drained;
  });
});

describe('a session that a call in the function of another waits for, with a slot for it behind that alone,', () => {
  it('is built anew in a slot of another worker', async () => {
    const { pool, outer, answer, served } = await nesting({ sessionsMax: 1 });
    const session = await evicted(pool);
    const inner = outer.run(() => session.call('inner'));
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 4, waiting: 1 });
    for (const name of ['other 0', 'other 1', 'built', 'inner']) await answer(name);
    expect(await inner).toBe('inner');
    await answer('outer');
    expect(served).toEqual(['outer', 'other 0', 'other 1', 'built', 'inner']);
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, cancelled: { kept: 0, killed: 0 } });
  });

  it('is built anew behind that once it has given up, or was refused since there is no other worker', async () => {
    for (const size of [1, 2]) {
      const { pool, outer, answer } = await nesting({ size, slots: 3, sessionsMax: 1 });
      const session = await evicted(pool);
      const abort = new AbortController();
      const inner = failure(outer.run(() => session.call('inner', [], { signal: abort.signal })));
      await setImmediate();
      expect(pool.stats().waiting).toBe(size - 1);
      abort.abort('enough');
      expect(await inner).toEqual(size === 1 ? expect.objectContaining({ chain: ['outer', 'inner'] }) : 'enough');
      await answer('outer');
      await answer('built');
      expect(pool.stats()).toMatchObject({ leases: 3 * (size - 1), waiting: 0, sessions: 1 });
    }
  });

  it.each(['after', 'before'])(
    'is not waited for %s its `onLost` has left a call in the line behind that',
    async (when) => {
      const { pool, outer, answer } = await nesting({ size: 1, sessionsMax: 1 });
      const [session, gate] = [pool.session('ann', { onLost: leaves }), latch()];
      for (const each of [session, pool.session('bob')]) await (await each.checkout()).checkin();
      const asked = session.call('asked');
      await setImmediate();
      if (when === 'after') gate.open();
      await setImmediate();
      const inner = outer.run(() => failure(session.call('inner')));
      await setImmediate();
      gate.open();
      expect(await inner).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['outer', 'inner'] });
      await answer('outer');
      if (when === 'after') await answer('left');
      await answer('asked');
      expect(await asked).toBe('asked');
      expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0 });

      async function leaves(lease: Lease): Promise<void> {
        await gate.opened;
        lease.call('left').catch(() => {});
      }
    },
  );

  it('meets another worker, whichever call of it is to meet one first', async () => {
    const { pool, outer, held, answer } = await nesting({}, 1);
    const session = pool.session('ann');
    const first = session.call('first');
    const inner = outer.run(() => session.call('inner'));
    await held[0]?.checkin();
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 4, waiting: 2 });
    for (const name of ['other 0', 'other 1', 'first', 'inner', 'outer']) await answer(name);
    expect(await Promise.all([first, inner])).toEqual(['first', 'inner']);
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0 });
  });
});

describe('the end of a session, awaited in the function of a call,', () => {
  it.each<[string, (session: Session) => Promise<unknown>]>([
    ['a call', (session) => session.call('asked')],
    ['two calls', (session) => Promise.all([session.call('asked'), session.call('second')])],
    ['a checkout', async (session) => (await session.checkout()).checkin()],
  ])(
    'is refused where it waits for %s, and that for the slot of that call, and ends it after that all the same',
    async (_, ask) => {
      for (const affinity of ['strict', 'hint'] as const) {
        const { pool, outer, answer, served } = await nesting({ size: 1, slots: 1 });
        const session = pool.session('ann', { affinity });
        const asked = ask(session);
        expect(await failure(outer.run(() => session.end()))).toMatchObject({
          code: 'ERR_DEADLOCK',
          chain: ['outer', 'session.end()'],
        });
        await answer('outer');
        while (pool.stats().leases > 0) await answer(served.at(-1)!);
        await asked;
        await setImmediate();
        expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, sessions: 0 });
      }
    },
  );

  it('is refused where the lease for its `onLost` waits for the slot of that call', async () => {
    const { pool, outer, answer } = await nesting({ size: 1, sessionsMax: 1 });
    const session = await evicted(pool);
    const before = pool.call('before');
    const asked = session.call('asked');
    expect(await failure(outer.run(() => session.end()))).toMatchObject({ chain: ['outer', 'session.end()'] });
    for (const name of ['outer', 'before', 'built', 'asked']) await answer(name);
    expect(await Promise.all([before, asked])).toEqual(['before', 'asked']);
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, sessions: 0 });
  });

  it('is waited for where all that waits of it may be served by another worker', async () => {
    const { pool, outer, others, answer } = await nesting({ slots: 1 });
    const session = pool.session('ann');
    const asked = session.call('asked');
    const ended = outer.run(() => session.end());
    await setImmediate();
    // What this one waits for comes only after that.
    expect(await failure(others[0]!.run(() => pool.call('inner')))).toMatchObject({ chain: ['other 0', 'inner'] });
    for (const name of ['other 0', 'asked']) await answer(name);
    expect(await Promise.all([asked, ended])).toEqual(['asked', undefined]);
    await answer('outer');
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, sessions: 0 });
  });

  it('is awaited no longer once another call of it waits for the slot of that call', async () => {
    const served: string[] = [];
    const played = new PlayedPool({ size: 2 }, { serve: ({ name }) => served.push(name) });
    onTestFinished(() => played.destroy());
    await played.boot();
    const { pool, python } = played;
    const [session, hint] = [pool.session('ann'), pool.session('ann', { affinity: 'hint' })];
    const [met, other] = [await session.checkout(), await pool.checkout()];
    await met.checkin();
    const calls = [pool.call('outer')];
    const [outer] = callsOf(played) as [Call];
    await other.checkin();
    calls.push(hint.call('elsewhere'));
    let error: unknown;
    const refused = outer.run(async () => {
      error = await failure(session.end());
    });
    await setImmediate();
    expect([error, served]).toEqual([undefined, ['outer', 'elsewhere']]);
    calls.push(session.call('later'));
    await setImmediate();
    expect(error).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['outer', 'session.end()'] });
    await refused;
    for (const name of ['outer', 'elsewhere', 'later']) {
      python.running.find(({ request }) => request?.name === name)?.answer(name);
      await heard();
    }
    expect(await Promise.all(calls)).toEqual(['outer', 'elsewhere', 'later']);
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, sessions: 0 });
  });

  it('is looked at once for all calls of it that are made in a turn', async () => {
    const { pool, played, outer, answer } = await nesting({ slots: 1 });
    const session = pool.session('ann');
    const calls = [session.call('asked')];
    const ended = outer.run(() => session.end());
    await setImmediate();
    const looks = vi.spyOn(played.runtime.sessions, 'childrenOf');
    calls.push(...Array.from({ length: 100 }, () => session.call('asked')));
    await setImmediate();
    expect(looks).toHaveBeenCalledTimes(1);
    await answer('other 0');
    for (const call of calls) {
      await answer('asked');
      expect(await call).toBe('asked');
    }
    await ended;
    await answer('outer');
  });
});

describe('another attempt of a call that a function waits for', () => {
  const terms: CallOptions = { idempotencyKey: 'key', idempotent: true };

  it.each<[string, (pool: Pool) => { ask: () => Promise<unknown>; wait: () => Promise<unknown> }]>([
    [
      'again',
      (pool) => {
        const ask = () => pool.call('again', [], terms);
        return { ask, wait: ask };
      },
    ],
    [
      'session.end()',
      (pool) => {
        const session = pool.session('ann', { affinity: 'hint' });
        return { ask: () => session.call('again', [], { idempotent: true }), wait: () => session.end() };
      },
    ],
  ])('lets that not wait for ever once it asks for the slot of its call: %s', async (name, ways) => {
    // Longer than it takes to start another worker.
    const played = new PlayedPool({ retryDelayMs: 10_000 });
    onTestFinished(() => played.destroy());
    await played.boot();
    const { ask, wait } = ways(played.pool);
    const again = ask();
    played.process.die();
    await played.settle();
    const answered = played.pool.call('outer');
    const [outer] = callsOf(played) as [Call];
    const refused = outer.run(() => failure(wait()));
    await setImmediate();
    expect(played.pool.stats()).toMatchObject({ leases: 1, waiting: 0 });
    await played.clock.turn(5_000);
    expect(await refused).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['outer', name] });
    played.process.answer('outer');
    expect(await answered).toBe('outer');
    played.process.answer('again');
    expect(await again).toBe('again');
  });
});

/** A session whose state is lost, and is built anew by one call. */
async function evicted(pool: Pool): Promise<Session> {
  const session = pool.session('ann', { onLost: (lease) => lease.call('built') });
  for (const each of [session, pool.session('bob')]) await (await each.checkout()).checkin();
  return session;
}

/**
 * A pool of two workers: one runs `outer` and has slots to spare, those of the other are all taken by calls.
 *
 * @param kept So many of the spare ones are held by leases.
 * @param terms By which `outer` is called.
 */
async function nesting(options: Partial<PoolOptions> = {}, kept = 0, terms?: CallOptions) {
  const served: string[] = [];
  const played = new PlayedPool({ size: 2, slots: 2, ...options }, { serve: ({ name }) => served.push(name) });
  onTestFinished(async () => {
    await played.destroy();
    expect([faults, played.python.violations]).toEqual([[], []]);
  });
  await played.boot();
  const { pool, clock, python } = played;
  const { slots, sizeMax } = played.runtime.settings;
  const leases = await Promise.all(Array.from({ length: sizeMax * slots }, () => pool.checkout()));
  const { worker } = leases[0]!;
  const spare = leases.filter((lease) => lease.worker === worker);
  await spare.shift()?.checkin();
  const outer = called('outer', terms);
  for (const lease of leases) if (lease.worker !== worker) await lease.checkin();
  const others = Array.from({ length: (sizeMax - 1) * slots }, (_, index) => called(`other ${index}`));
  const held = spare.splice(0, kept);
  for (const lease of spare) await lease.checkin();
  await heard();

  function called(name: string, options?: CallOptions): Call {
    const before = new Set(callsOf(played));
    pool.call(name, [], options).catch(() => {});
    return callsOf(played).find((call) => !before.has(call)) as Call;
  }
  /** The call of that name, which runs, is answered by it. */
  const answer = async (name: string) => {
    const process = python.running.find(({ request }) => request?.name === name);
    expect(process, `it runs ${name}`).toBeDefined();
    process?.answer(name);
    await heard();
  };
  return { played, pool, clock, outer, others, held, served, answer };
}

function callsOf({ runtime }: PlayedPool): Call[] {
  return [...runtime.hands.values()].flatMap(({ exchanges }) => exchanges.flatMap((exchange) => exchange?.call ?? []));
}

/** How many leases there have been since. */
function countGrants({ runtime }: PlayedPool): () => number {
  const last = () =>
    Math.max(...[...runtime.hands.values()].flatMap(({ exchanges }) => exchanges.map((each) => each?.lease ?? 0)));
  const before = last();
  return () => last() - before;
}
