import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Call } from '../../src/call/call.js';
import type { Lease, Pool, PoolOptions, Session, SessionOptions } from '../../src/index.js';
import { failure } from '../support/pool.js';
import type { Script } from './fake-python.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

it('a session whose lease to rebuild it ends in the turn it comes in lets nobody wait for an `onLost` that hangs', async () => {
  const played = new PlayedPool({}, { serve: (request, process) => process.answer(request.args[0]) });
  await played.boot();
  const { pool } = played;
  const session = pool.session('ann', { onLost: () => new Promise(() => {}) });
  await session.call('played', ['first']);
  played.process.die();
  await played.settle();
  const lease = await pool.checkout();
  const waiting = failure(session.call('played', ['second']));
  await heard();
  void lease.checkin();
  void played.destroy();
  expect(await waiting).toMatchObject({ code: 'ERR_POOL_CLOSED' });
});

describe('an `onLost`', () => {
  it.each<[string, (session: Session, pool: Pool) => Promise<unknown>]>([
    ['session.end()', (session) => session.end()],
    ['inner', (session) => session.call('inner')],
    ['checkout()', (session) => session.checkout()],
    ['drain()', (_, pool) => pool.drain()],
  ])('is told that it would await for ever what comes only after it: %s', async (name, ask) => {
    const { session } = await lostSession({ onLost: (_, lost, pool) => ask(lost, pool) });
    expect(await failure(session.call('played'))).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['onLost', name] });
  });

  it.each<[string, string, (lease: Lease, pool: Pool) => Promise<unknown>]>([
    ['a call', 'inner', (_, pool) => pool.call('inner')],
    ['a checkout', 'checkout()', (_, pool) => pool.checkout()],
    ['a call beside its own', 'inner', (lease, pool) => Promise.all([lease.call('played'), pool.call('inner')])],
  ])('is told that it would await for ever what its own worker alone could serve: %s', async (_, name, ask) => {
    const { pool, session } = await lostSession({ onLost: (lease, _, pool) => ask(lease, pool) });
    expect(await failure(session.call('played'))).toMatchObject({
      code: 'ERR_DEADLOCK',
      chain: ['onLost', name],
      message: expect.stringContaining('the worker that it holds'),
    });
    expect(pool.stats()).toMatchObject({ waiting: 0, leases: 0 });
  });

  it('may await anything of its pool once it has given its lease back', async () => {
    const { session } = await lostSession({
      onLost: async (lease, _, pool) => {
        await lease.checkin();
        return pool.call('played', ['other']);
      },
    });
    expect(await session.call('played', ['second'])).toBe('second');
  });

  it('may do so as well where its lease goes back with the answer that it has given up', async () => {
    const { session } = await lostSession({
      onLost: (lease, _, pool) => {
        const abort = new AbortController();
        lease.call('played', [], { signal: abort.signal }).catch(() => {});
        abort.abort('enough');
        void lease.checkin();
        return pool.call('played', ['other']);
      },
    });
    expect(await session.call('played', ['second'])).toBe('second');
  });

  it('waits for a slot that somebody else gives back', async () => {
    const { pool, session } = await lostSession({
      onLost: (_, _lost, pool) => pool.call('played', ['other']),
      options: { slots: 2 },
    });
    const lease = await pool.checkout();
    const waiting = session.call('played', ['second']);
    await heard();
    expect(pool.stats().waiting).toBe(2);
    await lease.checkin();
    expect(await waiting).toBe('second');
  });

  it('that ends its session ends it, though it must not await that: the next call begins anew', async () => {
    const { session, pool, losses } = await lostSession({
      onLost: async (_, lost) => {
        void lost.end();
        await setImmediate();
        throw new Error('There is nothing to build it from.');
      },
    });
    expect((await failure(session.call('played', ['second']))).message).toBe('There is nothing to build it from.');
    await setImmediate();
    expect(pool.stats().sessions).toBe(0);
    expect(await session.call('played', ['third'])).toBe('third');
    expect(losses).toEqual(['worker-died']);
  });

  it('is waited for no longer than `onLostTimeoutMs`, though it has given its lease back', async () => {
    const { played, session } = await lostSession({
      onLostTimeoutMs: 1_000,
      onLost: async (lease) => {
        await lease.checkin();
        return new Promise(() => {});
      },
    });
    const { timers } = played.clock;
    const waiting = failure(session.call('played'));
    await heard();
    await played.clock.turn(1_000);
    expect(await waiting).toMatchObject({
      code: 'ERR_SESSION_LOST',
      reason: 'worker-died',
      onLostTimeoutMs: 1_000,
    });
    expect(played.clock.timers).toBe(timers);
  });

  it('keeps nobody waiting whose pool has ended, though it has given its lease back', async () => {
    const { played, session } = await lostSession({
      onLostTimeoutMs: Number.POSITIVE_INFINITY,
      onLost: async (lease) => {
        await lease.checkin();
        return new Promise(() => {});
      },
    });
    const waiting = failure(session.call('played'));
    await heard();
    await played.destroy();
    expect(await waiting).toMatchObject({ code: 'ERR_POOL_CLOSED' });
  });

  it.each([
    ['holds its lease', false],
    ['has given its lease back', true],
  ])('lets no function await a drain that waits for it in turn: it %s', async (_, isGivenBack) => {
    const other = new PlayedPool();
    onTestFinished(() => other.destroy());
    await other.boot();
    const { pool, session } = await lostSession({
      onLostTimeoutMs: Number.POSITIVE_INFINITY,
      onLost: async (lease) => {
        if (isGivenBack) await lease.checkin();
        return other.pool.call('inner');
      },
    });
    const answered = other.pool.call('outer');
    const [outer] = other.runtime.running as [Call];
    const waiting = session.call('played', ['second']);
    await setImmediate();
    expect(other.pool.stats().waiting).toBe(1);
    const error = await failure(outer.run(() => pool.drain()));
    expect(error).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['outer', 'drain()'] });
    for (const name of ['outer', 'inner']) {
      other.process.answer(name);
      await heard();
    }
    expect([await answered, await waiting]).toEqual(['outer', 'second']);
    await pool.drain();
  });

  it('may ask for what comes after it, if it does not wait for that', async () => {
    let later: Promise<unknown> | undefined;
    const { session } = await lostSession({
      onLost: (lease, lost) => {
        const built = lease.call('played', ['built']);
        later = lost.call('played', ['later']);
        return built;
      },
    });
    expect(await session.call('played', ['second'])).toBe('second');
    expect(await later).toBe('later');
  });
});

describe('a lost session, among those who wait,', () => {
  it('is refused in a full queue as any other is, and hears of its loss the next time', async () => {
    const { pool, session, losses } = await lostSession({ onLost: () => {}, options: { queueMax: 2 } });
    const lease = await pool.checkout();
    const other = pool.session('bob');
    const calls = [other.call('played', ['first of bob']), other.call('played', ['held'])];
    expect(await failure(session.call('played'))).toMatchObject({ code: 'ERR_QUEUE_FULL', queueMax: 2 });
    expect(await failure(session.checkout())).toMatchObject({ code: 'ERR_QUEUE_FULL', queueMax: 2 });
    await lease.checkin();
    expect(await Promise.all(calls)).toEqual(['first of bob', 'held']);
    expect(await session.call('played', ['second'])).toBe('second');
    expect(losses).toEqual(['worker-died']);
  });

  it('counts once, though its call waits as well as the lease for its `onLost`', async () => {
    const { pool, session } = await lostSession({ onLost: () => {}, options: { queueMax: 2 } });
    const lease = await pool.checkout();
    const calls = [session.call('played', ['second']), pool.call('played', ['plain'])];
    expect(pool.stats().waiting).toBe(2);
    expect(await failure(pool.call('played'))).toMatchObject({ code: 'ERR_QUEUE_FULL', queueMax: 2 });
    await lease.checkin();
    expect(await Promise.all(calls)).toEqual(['second', 'plain']);
    expect(pool.stats()).toMatchObject({ waiting: 0, leases: 0 });
  });

  it('counts by the key of its call, though the lease for its `onLost` is asked for by that of the session', async () => {
    const { pool, session } = await lostSession({ onLost: () => {}, options: { queueMaxPerKey: 1 } });
    const lease = await pool.checkout();
    const calls = [
      session.with({ fairnessKey: 'session' }).call('played', ['second'], { fairnessKey: 'call' }),
      pool.call('played', ['plain'], { fairnessKey: 'session' }),
    ];
    for (const fairnessKey of ['call', 'session']) {
      const asked = pool.call('played', [], { fairnessKey });
      expect(await failure(asked)).toMatchObject({ code: 'ERR_QUEUE_FULL', queueMax: 1, fairnessKey });
    }
    await lease.checkin();
    expect(await Promise.all(calls)).toEqual(['second', 'plain']);
    expect(pool.stats()).toMatchObject({ waiting: 0, leases: 0 });
  });

  it('counts until all of its calls have gone on, those included that give up as it is built anew', async () => {
    const abort = new AbortController();
    let go = () => {};
    const built = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { pool, session } = await lostSession({ onLost: () => built });
    const { signal } = abort;
    const given = failure(session.call('played', ['given up'], { signal }));
    const calls = [session.call('played', ['second']), session.call('played', ['third'])];
    await heard();
    expect(pool.stats().waiting).toBe(3);
    abort.abort('enough');
    expect(await given).toBe('enough');
    expect(pool.stats().waiting).toBe(2);
    go();
    expect(await Promise.all(calls)).toEqual(['second', 'third']);
    expect(pool.stats().waiting).toBe(0);
  });

  it('is waited for by whoever comes as it is built anew, though a `hint` has met a worker since', async () => {
    const played = new PlayedPool({ size: 2 }, ANSWERS);
    onTestFinished(() => played.destroy());
    await played.boot();
    const { pool } = played;
    let go = () => {};
    const built = new Promise<void>((resolve) => {
      go = resolve;
    });
    const session = pool.session('ann', { onLost: () => built });
    await session.call('played', ['first']);
    for (const each of played.python.living) each.die();
    await played.settle();
    expect(await pool.session('ann', { affinity: 'hint' }).call('played', ['hinted'])).toBe('hinted');
    const served: unknown[] = [];
    const calls = ['second', 'third'].map((name) => session.call('played', [name]).then((value) => served.push(value)));
    await setImmediate();
    expect(served).toEqual([]);
    go();
    await Promise.all(calls);
    expect(served).toEqual(['second', 'third']);
  });

  it('is told of its loss and of no other, though a `hint` has met a worker since, which left once it was refused there', async () => {
    const { played, pool, session, losses } = await lostSession({ onLost: () => {}, options: { queueMax: 0 } });
    const told: string[] = [];
    pool.on('session.lost', ({ reason }) => told.push(reason));
    const hint = pool.session('ann', { affinity: 'hint' });
    expect(await hint.call('played', ['hinted'])).toBe('hinted');
    const lease = await pool.checkout();
    expect(await failure(session.call('played'))).toMatchObject({ code: 'ERR_QUEUE_FULL' });
    await lease.checkin();
    for (const hand of played.runtime.hands.values()) hand.life.replace();
    await played.settle();
    expect(await session.call('played', ['second'])).toBe('second');
    expect(losses).toEqual(['worker-died']);
    expect(told).toEqual([]);
  });

  it('is told of its next loss, too, though nobody has called it but the one for whom it was built anew', async () => {
    const { played, session, losses } = await lostSession({ onLost: () => {} });
    expect(await session.call('played', ['second'])).toBe('second');
    played.process.die();
    await played.settle();
    expect(await session.call('played', ['third'])).toBe('third');
    expect(losses).toEqual(['worker-died', 'worker-died']);
  });

  it('is built anew where a worker is free, though nobody may wait', async () => {
    const { session } = await lostSession({ onLost: () => {}, options: { queueMax: 0 } });
    expect(await session.call('played', ['second'])).toBe('second');
  });
});

/** A session whose state was lost with its worker, in a pool that has another by now. */
async function lostSession({
  onLost,
  options = {},
  ...own
}: Omit<SessionOptions, 'onLost'> & {
  readonly onLost: (lease: Lease, session: Session, pool: Pool) => unknown;
  readonly options?: Partial<PoolOptions>;
}) {
  const played = new PlayedPool(options, ANSWERS);
  onTestFinished(() => played.destroy());
  await played.boot();
  const { pool } = played;
  const losses: string[] = [];
  const session: Session = pool.session('ann', {
    ...own,
    onLost: (lease, { reason }) => {
      losses.push(reason);
      return onLost(lease, session, pool);
    },
  });
  await session.call('played', ['first']);
  played.process.die();
  await played.settle();
  return { played, pool, session, losses };
}

const ANSWERS: Script = {
  serve: ({ args }, process) => queueMicrotask(() => process.answer(args[0] ?? null)),
};
