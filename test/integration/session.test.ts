import { describe, expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { Pool, Session, SessionLostError } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { failure, fixtures, next, readyPool, startPool } from '../support/pool.js';

const app = fixtures(import.meta.url)('app.py');

describe('a session', () => {
  it('meets the same worker and the state it keeps there, from the first call on', async () => {
    const pool = await readyPool(app, { size: 3 });
    const session = pool.session('ann');
    const pids = await Promise.all(Array.from({ length: 20 }, () => session.call('pid')));
    expect(new Set(pids).size).toBe(1);
    await session.call('remember', ['a', 1]);
    expect(await session.call('remember', ['b', 2])).toEqual({ a: 1, b: 2 });
    expect(await pool.session('ann').call('recall')).toEqual({ a: 1, b: 2 });
  });

  it('meets one worker although all its first calls were made before any worker was up', async () => {
    const pool = startPool(app, { size: 3 });
    const session = pool.session('ann');
    const states = Array.from({ length: 10 }, (_, index) => session.call('remember', [`k${index}`, index]));
    await Promise.all(states);
    expect(Object.keys(await session.call<object>('recall'))).toHaveLength(10);
  });

  it('never sees the state of another, although both live on one worker', async () => {
    const pool = await readyPool(app);
    const sessions = Array.from({ length: 20 }, (_, index) => pool.session(`user ${index}`));
    await Promise.all(sessions.map((session, index) => session.call('remember', ['secret', index])));
    const recalled = await Promise.all(sessions.map((session) => session.call('recall')));
    expect(recalled).toEqual(sessions.map((_, index) => ({ secret: index })));
    expect(await failure(pool.call('recall'))).toMatchObject({ code: 'ERR_PYTHON', type: 'RuntimeError' });
  });

  it('shares its workers with everybody else', async () => {
    const pool = await readyPool(app);
    const session = pool.session('ann');
    await session.call('remember', ['a', 1]);
    expect(await pool.call('echo', ['anybody'])).toBe('anybody');
    expect(await session.call('recall')).toEqual({ a: 1 });
  });

  it('holds its worker with checkout(), and its state is there', async () => {
    const pool = await readyPool(app, { size: 2 });
    const session = pool.session('ann');
    await session.call('remember', ['a', 1]);
    await using lease = await session.checkout();
    expect(await lease.call('remember', ['b', 2])).toEqual({ a: 1, b: 2 });
    const waiting = session.call('recall');
    await lease.call('remember', ['c', 3]);
    await lease.checkin();
    expect(await waiting).toEqual({ a: 1, b: 2, c: 3 });
  });

  it('refuses an id and options that are none, with ERR_OPTION', async () => {
    const pool = await readyPool(app);
    const refused: [unknown, object, string][] = [
      ['', {}, 'session'],
      [7, {}, 'session'],
      ['ann', { affinity: 'sticky' }, 'affinity'],
      ['ann', { ttlMs: -1 }, 'ttlMs'],
      ['ann', { onLost: 'rebuild' }, 'onLost'],
      ['ann', { onLostTimeoutMs: -1 }, 'onLostTimeoutMs'],
    ];
    for (const [id, options, option] of refused) {
      const make = () => pool.session(id as string, options);
      expect(make).toThrow(expect.objectContaining({ code: 'ERR_OPTION', option }));
    }
  });

  it('serves a waiting call of its own before later ones of others', async () => {
    const { pool, session, go } = await busySession();
    const order: string[] = [];
    const note = (name: string, call: Promise<unknown>) => call.then(() => order.push(name));
    const calls = [
      note('session', session.call('echo', [1])),
      note('other', pool.call('echo', [2])),
      note('session again', session.call('echo', [3])),
    ];
    await go();
    await Promise.all(calls);
    expect(order).toEqual(['session', 'other', 'session again']);
  });
});

describe('affinity', () => {
  it('"strict" waits for the worker although another is free', async () => {
    const { pool, session, go } = await busySession({ size: 2 });
    const waiting = session.call('recall');
    expect(pool.stats()).toMatchObject({ waiting: 1, workers: { idle: 1, leased: 1 } });
    expect(await pool.call('echo', ['another'])).toBe('another');
    await go();
    expect(await waiting).toEqual({ a: 1 });
  });

  it('"strict-fail-fast" does not wait: ERR_QUEUE_TIMEOUT at once while its worker is leased', async () => {
    const { pool, go } = await busySession({ size: 2 });
    const impatient = pool.session('ann', { affinity: 'strict-fail-fast' });
    expect(await failure(impatient.call('recall'))).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', waitedMs: 0 });
    expect(pool.stats()).toMatchObject({ waiting: 0, workers: { idle: 1 } });
    await go();
    await pool.session('ann').call('recall');
    expect(await impatient.call('recall')).toEqual({ a: 1 });
  });

  it('"hint" goes to the worker it met last while that is free, and else to any other', async () => {
    const pool = await readyPool(app, { size: 2 });
    const hint = pool.session('ann', { affinity: 'hint' });
    const home = await hint.call<number>('pid');
    for (let index = 0; index < 5; index += 1) expect(await hint.call('pid')).toBe(home);
    const gate = new Gate();
    const blocking = hint.call('wait_at', [gate.path]);
    const go = await gate.reached();
    const away = await hint.call('pid');
    expect(away).not.toBe(home);
    await go();
    await blocking;
    expect(await hint.call('pid')).toBe(away);
  });

  it('"hint" survives the death of its worker without an error: it has promised no state', async () => {
    const pool = await readyPool(app, { size: 2 });
    const hint = pool.session('ann', { affinity: 'hint' });
    const dead = next(pool, 'worker.dead');
    process.kill(await hint.call<number>('pid'), 'SIGKILL');
    await dead;
    expect(await hint.call('echo', [1])).toBe(1);
  });

  it('is waited for no longer than it was told to, though one of its calls follows the other', async () => {
    const session = (await readyPool(app)).session('ann');
    let isOver = false;
    const calls = (async () => {
      while (!isOver) await session.call('rest', [0.01]);
    })();
    expect(await failure(session.end({ timeoutMs: 100 }))).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT' });
    isOver = true;
    await calls;
    await session.end();
  });
});

describe('a session whose worker died', () => {
  it('is told once, with the reason, and then starts from nothing', async () => {
    const pool = await readyPool(app, { size: 2 });
    const session = pool.session('ann');
    const lost = next(pool, 'session.lost');
    await killWorkerOf(pool, session);
    expect(await lost).toEqual({ session: 'ann', reason: 'worker-died' });
    const error = await failure<SessionLostError>(session.call('recall'));
    expect(error).toMatchObject({ code: 'ERR_SESSION_LOST', session: 'ann', reason: 'worker-died' });
    expect(await session.call('recall')).toEqual({});
    expect(await session.call('remember', ['b', 2])).toEqual({ b: 2 });
  });

  it('is told so for every call that waited for that worker, none of which was started', async () => {
    const { pool, session, pid, blocking } = await busySession({ size: 2 });
    const waiting = [1, 2, 3].map((number) => failure(session.call('note', [number])));
    const checkout = failure(session.checkout());
    process.kill(pid, 'SIGKILL');
    expect(await failure(blocking)).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    for (const error of await Promise.all([...waiting, checkout])) {
      expect(error).toMatchObject({ code: 'ERR_SESSION_LOST', session: 'ann', reason: 'worker-died' });
    }
    expect(await session.call('recall')).toEqual({});
    expect(pool.stats().waiting).toBe(0);
  });

  it('is rebuilt by onLost, which gets a lease and the reason, before its calls go on', async () => {
    const pool = await readyPool(app, { size: 2 });
    const reasons: string[] = [];
    const session = pool.session('ann', {
      onLost: async (lease, { reason }) => {
        reasons.push(reason);
        await lease.call('remember', ['rebuilt', true]);
      },
    });
    await killWorkerOf(pool, session);
    const states = await Promise.all([session.call('recall'), session.call('recall'), session.call('recall')]);
    expect(states).toEqual([{ rebuilt: true }, { rebuilt: true }, { rebuilt: true }]);
    expect(reasons).toEqual(['worker-died']);
    expect(await session.call('recall')).toEqual({ rebuilt: true });
  });

  it('is rebuilt for the calls that waited for that worker, too', async () => {
    const pool = await readyPool(app, { size: 2 });
    const onLost = (lease: Pick<Session, 'call'>) => lease.call('remember', ['rebuilt', true]);
    const { pid, blocking } = await busySession({ pool });
    const session = pool.session('ann', { onLost });
    const waiting = [session.call('recall'), session.call('recall')];
    process.kill(pid, 'SIGKILL');
    expect(await failure(blocking)).toMatchObject({ code: 'ERR_WORKER_DIED' });
    expect(await Promise.all(waiting)).toEqual([{ rebuilt: true }, { rebuilt: true }]);
  });

  it('is rebuilt before all of its calls, wherever a hint of it has been meanwhile', async () => {
    const pool = await readyPool(app, { size: 2 });
    const onLost = (lease: Pick<Session, 'call'>) => lease.call('remember', ['rebuilt', true]);
    const session = pool.session('ann', { onLost });
    await killWorkerOf(pool, session);
    await pool.session('ann', { affinity: 'hint' }).call('recall');
    const states = await Promise.all([session.call('recall'), session.call('recall')]);
    expect(states).toEqual([{ rebuilt: true }, { rebuilt: true }]);
  });

  it('passes on what onLost throws to the calls that wait for it, and asks it again for the next', async () => {
    const pool = await readyPool(app, { size: 2 });
    let attempts = 0;
    const session = pool.session('ann', {
      onLost: async (lease) => {
        attempts += 1;
        await lease.call('remember', ['attempt', attempts]);
        if (attempts === 1) throw new Error('no luck');
      },
    });
    await killWorkerOf(pool, session);
    const failed = await Promise.all([failure(session.call('recall')), failure(session.call('recall'))]);
    expect(failed.map(({ message }) => message)).toEqual(['no luck', 'no luck']);
    expect(await session.call('recall')).toEqual({ attempt: 2 });
    expect(attempts).toBe(2);
  });

  it('is told of a worker that dies in the middle of onLost', async () => {
    const pool = await readyPool(app, { size: 2 });
    let attempts = 0;
    const session = pool.session('ann', {
      onLost: async (lease) => {
        attempts += 1;
        if (attempts === 1) process.kill(await lease.call<number>('pid'), 'SIGKILL');
        await lease.call('remember', ['attempt', attempts]);
      },
    });
    await killWorkerOf(pool, session);
    expect(await failure(session.call('recall'))).toMatchObject({ code: 'ERR_SESSION_LOST', reason: 'worker-died' });
    expect(await session.call('recall')).toEqual({ attempt: 2 });
  });

  it('keeps the budget of a call that waits for onLost', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { size: 2, clock });
    const gate = new Gate();
    const session = pool.session('ann', { onLost: (lease) => lease.call('wait_at', [gate.path]) });
    await killWorkerOf(pool, session);
    const impatient = failure(session.call('recall', [], { timeoutMs: 100 }));
    const patient = session.call('recall');
    const go = await gate.reached();
    clock.increment(100);
    expect(await impatient).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', waitedMs: 100 });
    await go();
    expect(await patient).toEqual({});
  });

  it('is ended only after onLost has come to its end, so that nothing of it is left in Python', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock });
    const gate = new Gate();
    const session = pool.session('ann', {
      onLost: async (lease) => {
        await lease.call('remember', ['rebuilt', true]);
        await lease.call('wait_at', [gate.path]);
      },
    });
    await killWorkerOf(pool, session);
    const impatient = failure(session.call('recall', [], { timeoutMs: 100 }));
    const go = await gate.reached();
    clock.increment(100);
    await impatient;
    const ended = session.end();
    await go();
    await ended;
    expect(await session.call('recall')).toEqual({});
  });
});

describe('the end of a session', () => {
  it('drops its state in Python, and the id starts from nothing, without an error', async () => {
    const pool = await readyPool(app);
    const session = pool.session('ann');
    await session.call('remember', ['a', 1]);
    expect(await pool.call('kept_sessions')).toEqual(['ann']);
    expect(pool.stats().sessions).toBe(1);
    await session.end();
    expect(await pool.call('kept_sessions')).toEqual([]);
    expect(pool.stats().sessions).toBe(0);
    expect(await session.call('recall')).toEqual({});
    await session.end();
    await session.end();
  });

  it('waits for the calls already made', async () => {
    const { session, go, blocking } = await busySession();
    const waiting = session.call('recall');
    let hasEnded = false;
    const ended = session.end().then(() => {
      hasEnded = true;
    });
    await Promise.resolve();
    expect(hasEnded).toBe(false);
    await go();
    expect(await blocking).toBe('done');
    expect(await waiting).toEqual({ a: 1 });
    await ended;
  });

  it('waits for those made meanwhile, too, which meet its state, and may be given up', async () => {
    const { session, go, blocking } = await busySession();
    const ended = session.end();
    const given = failure(session.end({ signal: AbortSignal.abort('enough') }));
    const meanwhile = session.call('recall');
    expect(await given).toBe('enough');
    await go();
    expect([await blocking, await meanwhile]).toEqual(['done', { a: 1 }]);
    await ended;
    expect(await session.call('recall')).toEqual({});
  });

  it('is not begun by one who has given up before', async () => {
    const pool = await readyPool(app);
    const session = pool.session('ann');
    await session.call('remember', ['a', 1]);
    expect(await failure(session.end({ signal: AbortSignal.abort('enough') }))).toBe('enough');
    expect(await session.call('recall')).toEqual({ a: 1 });
  });

  it('comes with the end of its block by await using', async () => {
    const pool = await readyPool(app);
    {
      await using session = pool.session('ann');
      await session.call('remember', ['a', 1]);
    }
    expect(await pool.call('kept_sessions')).toEqual([]);
  });

  it('takes its state from every worker that a hint has met', async () => {
    const pool = await readyPool(app, { size: 2 });
    const hint = pool.session('ann', { affinity: 'hint' });
    const first = await hint.checkout();
    await hint.call('remember', ['here', true]);
    await first.call('remember', ['there', true]);
    await first.checkin();
    await hint.end();
    const leases = [await pool.checkout(), await pool.checkout()];
    expect(await Promise.all(leases.map((lease) => lease.call('kept_sessions')))).toEqual([[], []]);
  });

  it('is not a loss: nobody is told so when the pool closes', async () => {
    const pool = await readyPool(app);
    await pool.session('ann').call('remember', ['a', 1]);
    const lost: unknown[] = [];
    pool.on('session.lost', (fact) => lost.push(fact));
    await pool.close();
    expect(lost).toEqual([]);
  });
});

describe('ttlMs', () => {
  it('expires a session that is unused for so long, by the clock of the pool, in Python too', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock });
    const session = pool.session('ann', { ttlMs: 1_000 });
    await session.call('remember', ['a', 1]);
    clock.increment(999);
    expect(await session.call('recall')).toEqual({ a: 1 });
    clock.increment(999);
    expect(pool.stats().sessions).toBe(1);
    const lost = next(pool, 'session.lost');
    clock.increment(1);
    expect(await lost).toEqual({ session: 'ann', reason: 'expired' });
    expect(await pool.call('kept_sessions')).toEqual([]);
    expect(pool.stats().sessions).toBe(0);
    expect(await failure(session.call('recall'))).toMatchObject({ code: 'ERR_SESSION_LOST', reason: 'expired' });
    expect(await session.call('recall')).toEqual({});
  });

  it('never expires a session with a call that runs or waits', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock });
    const { session, go, blocking } = await busySession({ pool, ttlMs: 1_000 });
    const waiting = session.call('recall');
    clock.increment(1_000_000);
    await go();
    expect(await blocking).toBe('done');
    expect(await waiting).toEqual({ a: 1 });
    clock.increment(999);
    expect(await session.call('recall')).toEqual({ a: 1 });
  });
});

describe('sessionsMax', () => {
  it('makes room by the session longest unused, whose next call is told, once', async () => {
    const pool = await readyPool(app, { sessionsMax: 2 });
    const [ann, bob, cid] = ['ann', 'bob', 'cid'].map((id) => pool.session(id)) as [Session, Session, Session];
    await ann.call('remember', ['a', 1]);
    await bob.call('remember', ['b', 1]);
    await ann.call('recall');
    const lost = next(pool, 'session.lost');
    await cid.call('remember', ['c', 1]);
    expect(await lost).toEqual({ session: 'bob', reason: 'evicted' });
    expect((await pool.call<string[]>('kept_sessions')).toSorted()).toEqual(['ann', 'cid']);
    expect(pool.stats().sessions).toBe(2);
    expect(await ann.call('recall')).toEqual({ a: 1 });
    expect(await failure(bob.call('recall'))).toMatchObject({ code: 'ERR_SESSION_LOST', reason: 'evicted' });
    expect(await bob.call('recall')).toEqual({});
  });

  it('refuses a new session with ERR_SESSION_LIMIT while all that may live are in use', async () => {
    const pool = await readyPool(app, { sessionsMax: 1 });
    const { go, blocking } = await busySession({ pool });
    expect(await failure(pool.session('bob').call('recall'))).toMatchObject({
      code: 'ERR_SESSION_LIMIT',
      sessionsMax: 1,
    });
    expect(await failure(pool.session('bob').checkout())).toMatchObject({ code: 'ERR_SESSION_LIMIT' });
    await go();
    await blocking;
    expect(await pool.session('bob').call('recall')).toEqual({});
  });
});

/** The session "ann", which has state on its worker and is held there in a call until `go`. */
async function busySession({ pool: given, size = 1, ttlMs }: { pool?: Pool; size?: number; ttlMs?: number } = {}) {
  const pool = given ?? (await readyPool(app, { size }));
  const session = pool.session('ann', { ttlMs });
  await session.call('remember', ['a', 1]);
  const pid = await session.call<number>('pid');
  const gate = new Gate();
  const blocking = session.call('wait_at', [gate.path, 'done']);
  const go = await gate.reached();
  return { pool, session, pid, blocking, go };
}

/** Gives the session a state, and ends the worker that has it. */
async function killWorkerOf(pool: Pool, session: Session): Promise<void> {
  await session.call('remember', ['a', 1]);
  const dead = next(pool, 'worker.dead');
  const ready = next(pool, 'worker.ready');
  process.kill(await session.call<number>('pid'), 'SIGKILL');
  await dead;
  (
    pool as unknown as { runtime: { settings: { clock: { increment?(ms: number): void } } } }
  ).runtime.settings.clock.increment?.(1);
  await ready;
}
