import { getEventListeners } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { CallTimeoutError, QueueTimeoutError } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { collect, failure, fixtures, next, readyPool } from '../support/pool.js';

const app = fixtures(import.meta.url)('app.py');

describe('a signal', () => {
  it('ends a running call at once with signal.reason itself, and its worker serves on once it has answered', async () => {
    const pool = await readyPool(app);
    const gate = new Gate();
    const abort = new AbortController();
    const running = failure(pool.call('wait_at', [gate.path], { signal: abort.signal }));
    const go = await gate.reached();
    const reason = new Error('changed my mind');
    abort.abort(reason);
    expect(await running).toBe(reason);
    expect(pool.stats().workers).toMatchObject({ cancelling: 1, idle: 0 });

    const after = pool.call('pid');
    await go('late');
    expect(typeof (await after)).toBe('number');
    expect(pool.stats()).toMatchObject({ failures: 0, workers: { idle: 1 }, calls: { aborted: 1, answered: 1 } });
  });

  it('ends a waiting call at once with signal.reason itself, and Python never hears of it', async () => {
    const pool = await readyPool(app);
    const gate = new Gate();
    const running = pool.call('wait_at', [gate.path, 'done']);
    const abort = new AbortController();
    const waiting = failure(pool.call('note', ['never'], { signal: abort.signal }));
    const go = await gate.reached();
    expect(pool.stats().waiting).toBe(1);
    abort.abort('because');
    expect(await waiting).toBe('because');
    expect(pool.stats().waiting).toBe(0);
    await go();
    expect(await running).toBe('done');
    expect(await pool.call('noted')).toEqual([]);
  });

  it('that has aborted already refuses a call, a checkout and a map before anything is asked', async () => {
    const pool = await readyPool(app);
    const signal = AbortSignal.abort('too late');
    expect(await failure(pool.call('echo', [1], { signal }))).toBe('too late');
    expect(await failure(pool.with({ signal }).py.echo!(1) as Promise<unknown>)).toBe('too late');
    expect(await failure(pool.checkout({ signal }))).toBe('too late');
    const mapping = (async () => {
      for await (const _ of pool.map('echo', [1], { signal }));
    })();
    expect(await failure(mapping)).toBe('too late');
    expect(pool.stats().calls.asked).toBe(0);
  });

  it('ends a waiting checkout, and the lease it would have had goes to the next', async () => {
    const pool = await readyPool(app);
    const held = await pool.checkout();
    const abort = new AbortController();
    const waiting = failure(pool.checkout({ signal: abort.signal }));
    const nextInLine = pool.checkout();
    abort.abort('because');
    expect(await waiting).toBe('because');
    await held.checkin();
    expect(await (await nextInLine).call('echo', [1])).toBe(1);
  });

  it('that aborts after the answer changes nothing', async () => {
    const pool = await readyPool(app);
    const abort = new AbortController();
    expect(await pool.call('echo', [1], { signal: abort.signal })).toBe(1);
    abort.abort();
    expect(await pool.call('echo', [2])).toBe(2);
    expect(pool.stats().calls).toMatchObject({ answered: 2, aborted: 0 });
  });

  it('may be that of a thousand calls, and Node warns of no leak', async () => {
    const pool = await readyPool(app);
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on('warning', warned);
    onTestFinished(() => void process.off('warning', warned));
    const abort = new AbortController();
    const calls = Array.from({ length: 1_000 }, () => pool.call('echo', [1], { signal: abort.signal }));
    await Promise.all([...calls, collect(pool.map('echo', Array(50).fill(1), { concurrency: 50 }))]);
    await new Promise(setImmediate);
    expect(warnings).toEqual([]);
  });

  it('is listened to no longer than the call lasts', async () => {
    const pool = await readyPool(app);
    const { signal } = new AbortController();
    await pool.call('echo', [1], { signal });
    await failure(pool.call('nothing', [1], { signal }));
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('timeoutMs', () => {
  it('counts waiting and running together', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock });
    const [first, second] = [new Gate(), new Gate()];
    const blocking = pool.call('wait_at', [first.path, 'done']);
    const go = await first.reached();
    let isSettled = false;
    const both = failure<CallTimeoutError>(pool.call('wait_at', [second.path], { timeoutMs: 600 })).finally(() => {
      isSettled = true;
    });
    clock.increment(250);
    await go();
    await blocking;
    const goSecond = await second.reached();
    clock.increment(349);
    await pool.ready();
    expect(isSettled).toBe(false);
    clock.increment(1);
    expect(await both).toMatchObject({ code: 'ERR_CALL_TIMEOUT', timeoutMs: 600, waitedMs: 250, ranMs: 350 });
    await goSecond();
  });

  it('that runs out before there is a worker is ERR_QUEUE_TIMEOUT, and Python never hears of the call', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock });
    const gate = new Gate();
    const blocking = pool.call('wait_at', [gate.path, 'done']);
    const waiting = failure(pool.call('note', ['never'], { timeoutMs: 600 }));
    const go = await gate.reached();
    clock.increment(600);
    expect(await waiting).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', waitedMs: 600, leased: 1, waiting: 1 });
    await go();
    await blocking;
    expect(await pool.call('noted')).toEqual([]);
  });

  it('of the pool is the default of every call, and a call may say otherwise', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { timeoutMs: 100, clock });
    const gate = new Gate();
    const timedOut = failure(pool.call('wait_at', [gate.path]));
    const patient = pool.call('echo', ['patient'], { timeoutMs: 60_000 });
    const go = await gate.reached();
    clock.increment(100);
    expect(await timedOut).toMatchObject({ code: 'ERR_CALL_TIMEOUT', timeoutMs: 100 });
    await go();
    expect(await patient).toBe('patient');
  });

  it('of 0 is no time at all', async () => {
    const pool = await readyPool(app);
    const error = await failure(pool.call('echo', [1], { timeoutMs: 0 }));
    expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_(CALL|QUEUE)_TIMEOUT$/) });
    expect(await pool.call('echo', [2])).toBe(2);
  });

  it('bounds the wait of a checkout and not the lease', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock });
    const lease = await pool.checkout({ timeoutMs: 5_000 });
    const waiting = failure<QueueTimeoutError>(pool.checkout({ timeoutMs: 50 }));
    clock.increment(5_000);
    expect(await waiting).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', leased: 1, waiting: 1 });
    expect(await lease.call('echo', ['still mine'])).toBe('still mine');
  });
});

describe('cancelGraceMs', () => {
  it('is how long a worker may still answer a call that was given up; then it is ended and replaced', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { cancelGraceMs: 1_000, clock });
    const pid = await pool.call<number>('pid');
    const gate = new Gate();
    const timedOut = failure(pool.call('wait_at', [gate.path], { timeoutMs: 100 }));
    const after = pool.call<number>('pid');
    await gate.reached();
    clock.increment(100);
    expect(await timedOut).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    clock.increment(999);
    expect(pool.stats().workers).toMatchObject({ cancelling: 1, ending: 0 });
    const dead = next(pool, 'worker.dead');
    clock.increment(1);
    expect(await dead).toMatchObject({ pid, signal: 'SIGKILL', reason: 'cancel-grace' });
    clock.increment(1);
    expect(await after).not.toBe(pid);
    expect(pool.stats().failures).toBe(0);
  });
});

describe('queueTimeoutMs', () => {
  it('bounds every wait for a worker, calls and checkouts alike, and never a call that runs', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { queueTimeoutMs: 200, clock });
    const gate = new Gate();
    const running = pool.call('wait_at', [gate.path, 'done']);
    const go = await gate.reached();
    const waiting = [failure(pool.call('echo', [1])), failure(pool.checkout())];
    clock.increment(200);
    expect(await waiting[0]).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', leased: 1, waitedMs: 200 });
    expect(await waiting[1]).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', leased: 1, waitedMs: 200 });
    await go();
    expect(await running).toBe('done');
  });
});
