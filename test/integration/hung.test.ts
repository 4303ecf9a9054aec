import { describe, expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { Lane } from '../../src/wire/message.js';
import { Gate } from '../support/gate.js';
import { latch } from '../support/latch.js';
import { collect, failure, fixtures, next, readyPool } from '../support/pool.js';
import { freeze, isAlive } from '../support/processes.js';

const hangs = fixtures(import.meta.url)('hangs.py');

describe('a call over the soft limit', () => {
  it.each([
    ['sleeps', 'nap', [600], /line \d+ in nap$/],
    ['holds the interpreter in C code', 'hold_interpreter', [], /line \d+ in hold_interpreter$/],
    ['is in a regular expression', 'backtrack', [], /line \d+ in backtrack$/],
  ])('is told of once, with where it stands, when it %s', async (_, name, args, stands) => {
    const pool = await readyPool(hangs, { softLimitMs: 500, cancelGraceMs: 0 });
    const slow = next(pool, 'call.slow');
    const abort = new AbortController();
    const call = pool.call(name, args, { signal: abort.signal, context: { requestId: '7f3a' } });
    const told = await slow;
    expect(told).toMatchObject({ worker: 'worker-0', name, context: { requestId: '7f3a' } });
    expect(told.pid).toBeTypeOf('number');
    expect(told.ranMs).toBeGreaterThanOrEqual(499);
    expect(told.stack).toMatch(/^Current thread 0x/);
    expect(told.stack).toMatch(stands);
    expect(told.stack).not.toContain('pythonarium/worker.py');
    abort.abort('enough');
    expect(await failure(call)).toBe('enough');
  });

  it('goes on, and what was written of it is no log line', async () => {
    const pool = await readyPool(hangs, { softLimitMs: 50 });
    const logs: string[] = [];
    pool.on('log', ({ text }) => logs.push(text));
    const gate = new Gate();
    const slow = next(pool, 'call.slow');
    const call = pool.call('wait_at', [gate.path]);
    await slow;
    await gate.open('done');
    expect(await call).toBe('done');
    expect(logs).toEqual([]);
  });

  it('is told of without a stack where its worker was stopped', async () => {
    const pool = await readyPool(hangs, { softLimitMs: 50, cancelGraceMs: 0 });
    const pid = await pool.call<number>('pid');
    await freeze(pid);
    const slow = next(pool, 'call.slow');
    const abort = new AbortController();
    const call = failure(pool.call('nap', [0], { signal: abort.signal }));
    expect(await slow).toMatchObject({ pid, name: 'nap', stack: null });
    abort.abort('enough');
    expect(await call).toBe('enough');
  });

  it.each(['asyncio', 'threads'] as const)(
    'is told of in the lane %s too, as often as there are such calls',
    async (lane) => {
      const pool = await readyPool(hangs, { softLimitMs: 50, lane });
      const told: string[] = [];
      pool.on('call.slow', ({ name, stack }) => told.push(`${name} ${stack !== null}`));
      const go = latch();
      const calls = [1, 2].map(() => pool.call('wait_for', [() => go.opened]));
      await expect.poll(() => told, PATIENTLY).toEqual(['wait_for true', 'wait_for true']);
      go.open();
      await Promise.all(calls);
    },
  );
});

describe('a call over the hard limit', () => {
  it.each([
    ['nap', [600]],
    ['backtrack', []],
  ])(
    'is refused with ERR_CALL_HUNG whatever its budget, interrupted in %s, and its worker goes on',
    async (name, args) => {
      const pool = await readyPool(hangs, { hardLimitMs: 500, interrupt: true });
      const pid = await pool.call('pid');
      const hung = next(pool, 'call.hung');
      const error = await failure(pool.call(name, args, { timeoutMs: Number.POSITIVE_INFINITY }));
      expect(error).toMatchObject({ code: 'ERR_CALL_HUNG', call: name, by: 'hard-limit', limitMs: 500 });
      expect(await hung).toMatchObject({ name, by: 'hard-limit', stack: expect.stringContaining(` in ${name}`) });
      expect(await pool.call('pid')).toBe(pid);
      expect(pool.stats()).toMatchObject({ cancelled: { kept: 1, killed: 0 }, calls: { timedOut: 1 } });
    },
  );

  it.each(['hold_interpreter', 'swallow', 'read_on'])('is killed in %s, and replaced', async (name) => {
    const pool = await readyPool(hangs, { hardLimitMs: 500, cancelGraceMs: 100, interrupt: true });
    const pid = await pool.call<number>('pid');
    const dead = next(pool, 'worker.dead');
    expect(await failure(pool.call(name))).toMatchObject({ code: 'ERR_CALL_HUNG', call: name });
    expect(await dead).toMatchObject({ pid, reason: 'cancel-grace' });
    expect(await pool.call('pid')).not.toBe(pid);
  });

  it('has not used it up waiting for a worker, or in the pipe behind another', async () => {
    const pool = await readyPool(hangs, { hardLimitMs: 1_000, slots: 2 });
    const naps = Array.from({ length: 12 }, () => pool.call('nap', [0.1]));
    expect(await Promise.all(naps)).toEqual(Array(12).fill('awake'));
  });
});

describe('a call that promises to beat', () => {
  it.each([
    ['heartbeat()', 'beat', 'serial'],
    ['progress()', 'tell', 'serial'],
    ['heartbeat() in a coroutine', 'beat_async', 'serial'],
    ['heartbeat() in a task', 'beat_async', 'asyncio'],
    ['heartbeat() in a thread', 'beat', 'threads'],
    ['progress() in a thread', 'tell', 'threads'],
  ] as const)('runs as long as it likes with %s', async (_, name, lane) => {
    const pool = await readyPool(hangs, { lane: lane as Lane });
    expect(await pool.call(name, [12, 0.1], { heartbeatTimeoutMs: 1_000 })).toBe('done');
  });

  it('is refused with ERR_CALL_HUNG once it does not', async () => {
    const pool = await readyPool(hangs, { interrupt: true });
    const pid = await pool.call('pid');
    const hung = next(pool, 'call.hung');
    const error = await failure(pool.call('beat', [1, 600], { heartbeatTimeoutMs: 500 }));
    expect(error).toMatchObject({ code: 'ERR_CALL_HUNG', by: 'heartbeat', limitMs: 500 });
    expect(await hung).toMatchObject({ by: 'heartbeat', stack: expect.stringMatching(/in beat$/) });
    expect(await pool.call('pid')).toBe(pid);
  });

  it('has that promise from the pool, and can take it back', async () => {
    const pool = await readyPool(hangs, { heartbeatTimeoutMs: 100, interrupt: true });
    expect(await failure(pool.call('nap', [600]))).toMatchObject({ code: 'ERR_CALL_HUNG' });
    expect(await pool.call('nap', [0.3], { heartbeatTimeoutMs: Number.POSITIVE_INFINITY })).toBe('awake');
  });

  it('beats by the items of its stream', async () => {
    const pool = await readyPool(hangs, { interrupt: true });
    const bound = pool.with({ heartbeatTimeoutMs: 1_000 });
    expect(await collect(bound.stream('items', [12, 0.1]))).toEqual(Array.from({ length: 12 }, (_, index) => index));
    expect(await failure(collect(bound.stream('items', [3, 600])))).toMatchObject({ code: 'ERR_CALL_HUNG' });
  });

  it('need not while nobody reads the items of its stream', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(hangs, { clock });
    const stream = pool.stream<number>('items', [3, 0], { highWaterMark: 1, heartbeatTimeoutMs: 1_000 });
    expect(await stream.next()).toMatchObject({ value: 0 });
    clock.increment(60_000);
    expect(await collect(stream)).toEqual([1, 2]);
  });

  it('need not while a function of Node’s runs that it has called', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(hangs, { clock });
    const [called, go] = [latch(), latch()];
    const slow = async () => {
      called.open();
      await go.opened;
      return 'there';
    };
    const call = pool.call('ask', [slow], { heartbeatTimeoutMs: 600 });
    await called.opened;
    clock.increment(60_000);
    go.open();
    expect(await call).toBe('there');
  });

  it('may say so as often as it likes', async () => {
    const pool = await readyPool(hangs);
    expect(await pool.call('beat_fast', [200_000], { heartbeatTimeoutMs: 60_000 })).toBe(200_000);
    expect(await pool.call('beat_fast', [3])).toBe(3);
  });

  it.each([-1, '1', Number.NaN, null])('is refused at once with a time of %o', async (heartbeatTimeoutMs) => {
    const pool = await readyPool(hangs);
    const error = await failure(pool.call('pid', [], { heartbeatTimeoutMs: heartbeatTimeoutMs as number }));
    expect(error).toMatchObject({ code: 'ERR_OPTION', option: 'heartbeatTimeoutMs' });
  });

  it('hears without harm what a thread of a call tells as that is answered', async () => {
    const pool = await readyPool(hangs);
    await pool.call('leave_heart', [], { heartbeatTimeoutMs: 60_000 });
    expect(await pool.call('beat_late')).toBe('done');
    expect(pool.stats().workers.idle).toBe(1);
  });
});

describe('a worker that is pinged', () => {
  it.each(['serial', 'asyncio', 'threads'] as const)('answers in the lane %s, and is known to', async (lane) => {
    const pool = await readyPool(hangs, { pingEveryMs: 20, lane });
    await expect.poll(() => pool.workers()[0]?.ping?.answeredMsAgo, PATIENTLY).toBeTypeOf('number');
    expect(pool.workers()).toMatchObject([{ worker: 'worker-0', state: 'idle', leases: 0, calls: 0 }]);
    expect(pool.workers()[0]?.heardMsAgo).toBeLessThan(10_000);
  });

  it('is ended and replaced when it was stopped while it was idle', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(hangs, { pingEveryMs: 50, pingTimeoutMs: 200, clock });
    const pid = await pool.call<number>('pid');
    const dead = next(pool, 'worker.dead');
    await freeze(pid);
    clock.increment(50);
    expect(pool.workers()[0]?.ping?.isUnanswered).toBe(true);
    clock.increment(200);
    expect(await dead).toMatchObject({ pid, signal: 'SIGKILL', reason: 'unresponsive' });
    clock.increment(1);
    expect(await pool.call('pid')).not.toBe(pid);
    expect(isAlive(pid)).toBe(false);
  });

  it('is ended with the call that went to it meanwhile, which had not been started', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(hangs, { pingEveryMs: 50, pingTimeoutMs: 300, clock });
    await freeze(await pool.call<number>('pid'));
    clock.increment(50);
    expect(pool.workers()[0]?.ping?.isUnanswered).toBe(true);
    const call = failure(pool.call('pid'));
    clock.increment(300);
    const error = await call;
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', started: false });
    expect(error.message).toContain('pingTimeoutMs');
  });

  it('is left alone while it runs a call in the lane serial, however long that takes', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(hangs, { pingEveryMs: 20, pingTimeoutMs: 100, clock });
    const gate = new Gate();
    const call = pool.call('wait_at', [gate.path]);
    const go = await gate.reached();
    for (let time = 0; time < 60; time += 1) clock.increment(20);
    await go('done');
    expect(await call).toBe('done');
  });

  it('answers while calls run in the lane threads, unless one holds the interpreter', async () => {
    const pool = await readyPool(hangs, { pingEveryMs: 20, pingTimeoutMs: 1_000, lane: 'threads' });
    expect(await pool.call('nap', [1.2])).toBe('awake');
    const dead = next(pool, 'worker.dead');
    const error = await failure(pool.call('hold_interpreter'));
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    expect(await dead).toMatchObject({ reason: 'unresponsive' });
  });

  it('is not known to listen where nobody asks', async () => {
    const pool = await readyPool(hangs);
    expect(pool.workers()).toMatchObject([{ ping: null }]);
  });
});

/** For what comes within a moment, unless the machine is busy. */
const PATIENTLY = { timeout: 10_000 };
