import { describe, expect, it, onTestFinished } from 'vitest';
import type { PoolOptions, WorkerDiedError } from '../../../src/index.js';
import type { Script } from '../../fake/fake-python.js';
import { watchFaults } from '../../fake/faults.js';
import { PlayedPool } from '../../fake/played-pool.js';
import { heard } from '../../fake/turned-clock.js';
import { meaningOf } from '../../support/node-line.js';
import { settled } from '../../support/outcome.js';

const faults = watchFaults();
const DIED = { exitCode: null, signal: 'SIGKILL' } as const;

describe('an idempotent call', () => {
  it('is made again after its worker died in it, and gets the answer of the other attempt', async () => {
    const { world, pool } = await booted();
    const call = settled(pool.call('load', [7], { idempotent: true }));
    expect(world.process.request?.args).toEqual([7]);
    await dieAndReturn(world);
    expect(world.process.request).toMatchObject({ name: 'load', args: [7] });
    world.process.answer('loaded');
    expect(await call()).toBe('loaded');
    expect(pool.stats()).toMatchObject({ calls: { asked: 1, answered: 1 }, attempts: { retried: 1, moved: 0 } });
  });

  it('is made three times at most unless it is told otherwise, and then told how often and that it was started', async () => {
    for (const [given, attempts] of [
      [{}, 3],
      [{ attempts: 5 }, 5],
      [{ attempts: 1 }, 1],
    ] as const) {
      const { world, pool } = await booted({ poisonDeaths: 0 });
      const call = settled(pool.call('load', [], { idempotent: true, ...given }));
      for (let attempt = 1; attempt <= attempts; attempt += 1) {
        expect(world.process.request?.name, `attempt ${attempt}`).toBe('load');
        await dieAndReturn(world);
      }
      const error = (await call()) as WorkerDiedError;
      expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', started: true, attempts });
      if (attempts > 1) expect(error.message).toContain(`It was tried ${attempts} times.`);
      expect(world.process.request).toBeUndefined();
      expect(started(world, 'load')).toBe(attempts);
    }
  });

  it('waits before each further attempt, at random up to a limit that doubles', async () => {
    // The very longest that there can be.
    const { world, pool } = await booted({ size: 4, random: () => 1, retryDelayMs: 80 });
    void pool.call('load', [], { idempotent: true, attempts: 4 }).catch(() => {});
    const delays: number[] = [];
    for (let attempt = 1; attempt < 3; attempt += 1) {
      const [running] = world.python.running;
      running!.die(DIED);
      running!.tellEnd();
      const diedAt = world.clock.now();
      // Others are idle, so that nothing but the wait itself is waited for.
      for (let ms = 0; ms < 1_000 && world.python.running.length === 0; ms += 1) await turnTo(world, 1);
      delays.push(world.clock.now() - diedAt);
    }
    expect(delays).toEqual([80, 160]);
    expect(world.runtime.retries.delayMs(20)).toBe(10_000);
  });

  it('was started as far as its caller is told if it was in any of its attempts', async () => {
    const onLine: Script['onLine'] = ({ type }, process) => {
      if (type === 'call' && process !== world.python.processes[0]) process.freeze();
    };
    const { world, pool } = await booted({}, { onLine });
    const call = settled(pool.call('load', [], { idempotent: true, attempts: 2 }));
    for (let attempt = 0; attempt < 2; attempt += 1) await dieAndReturn(world);
    expect(started(world, 'load')).toBe(1);
    expect(await call()).toMatchObject({ code: 'ERR_WORKER_DIED', started: true, attempts: 2 });
  });

  it('is made again after its worker broke the line', async () => {
    const { world, pool } = await booted();
    const call = settled(pool.call('load', [], { idempotent: true }));
    world.process.breakLine();
    await world.settle();
    world.process.answer(1);
    expect(await call()).toBe(1);
  });

  it('is not made again after an exception of Python, nor when its caller has given up', async () => {
    const { world, pool } = await booted();
    const raised = settled(pool.call('load', [], { idempotent: true }));
    world.process.raise();
    expect(await raised()).toMatchObject({ code: 'ERR_PYTHON' });
    const abort = new AbortController();
    const aborted = settled(pool.call('load', [], { idempotent: true, signal: abort.signal }));
    const reason = new Error('enough');
    abort.abort(reason);
    expect(await aborted()).toBe(reason);
    await dieAndReturn(world);
    expect(started(world, 'load')).toBe(2);
    expect(pool.stats().attempts).toEqual({ retried: 0, moved: 0, overBudget: 0 });
  });

  it('keeps its one budget over all attempts, and says what the last of them failed by', async () => {
    const { world, pool } = await booted();
    const began = world.clock.now();
    const call = settled(pool.call('load', [], { idempotent: true, timeoutMs: 1_000 }));
    await dieAndReturn(world);
    expect(world.process.request?.name).toBe('load');
    await world.clock.turn(began + 999 - world.clock.now());
    expect(call.isSettled()).toBe(false);
    await world.clock.turn(1);
    expect(await call()).toMatchObject({
      code: 'ERR_CALL_TIMEOUT',
      attempts: 2,
      timeoutMs: 1_000,
      cause: { code: 'ERR_WORKER_DIED', started: true },
    });
  });

  it('whose budget ends while it waits for another attempt says that it had been sent', async () => {
    const { world, pool } = await booted({ random: () => 1, retryDelayMs: 500 });
    const call = settled(pool.call('load', [], { idempotent: true, timeoutMs: 300 }));
    world.process.die(DIED);
    world.process.tellEnd();
    await world.clock.turn(300);
    const cause = { code: 'ERR_WORKER_DIED' };
    expect(await call()).toMatchObject({ code: 'ERR_CALL_TIMEOUT', waitedMs: 300, ranMs: 0, cause });
    await world.settle();
    await world.clock.turn(1_000);
    expect(started(world, 'load')).toBe(1);
  });

  it('rejects with its own reason when it is aborted while it waits for another attempt', async () => {
    const { world, pool } = await booted({ random: () => 1, retryDelayMs: 500 });
    const abort = new AbortController();
    const call = settled(pool.call('load', [], { idempotent: true, signal: abort.signal }));
    world.process.die(DIED);
    world.process.tellEnd();
    await heard();
    abort.abort('enough');
    expect(await call()).toBe('enough');
    await world.settle();
    await world.clock.turn(1_000);
    expect(started(world, 'load')).toBe(1);
  });

  it('is given up and made again when one attempt takes too long, and its late answer is nobody’s', async () => {
    const { world, pool } = await booted();
    const call = settled(pool.call('load', [], { idempotent: true, attemptTimeoutMs: 100 }));
    await world.clock.turn(100);
    // The worker owes its answer, so that the other attempt waits for it.
    expect(world.process.cancelled).toHaveLength(1);
    await world.clock.turn(100);
    world.process.answer('too late');
    await heard();
    expect(call.isSettled()).toBe(false);
    expect(world.process.request?.name).toBe('load');
    world.process.answer('in time');
    expect(await call()).toBe('in time');
    expect(pool.stats().cancelled).toEqual({ kept: 1, killed: 0 });
  });

  it('that took too long in every attempt says so', async () => {
    const { world, pool } = await booted({ retryDelayMs: 0 });
    const call = settled(pool.call('load', [], { idempotent: true, attempts: 2, attemptTimeoutMs: 100 }));
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await world.clock.turn(100);
      world.process.answer('late');
      await turnTo(world, 1);
    }
    const error = await call();
    expect(error).toMatchObject({ code: 'ERR_CALL_TIMEOUT', attempts: 2, timeoutMs: 100 });
    expect((error as Error).message).toContain('`attemptTimeoutMs`');
  });

  it('has all of its time in each attempt, though the one before ended before its own was up', async () => {
    const { world } = await booted({ retryDelayMs: 0 });
    const call = settled(world.pool.call('load', [], { idempotent: true, attemptTimeoutMs: 1_000 }));
    await dieAndReturn(world);
    await world.clock.turn(999);
    expect(world.process.cancelled).toEqual([]);
    await world.clock.turn(1);
    expect(world.process.cancelled).toHaveLength(1);
    world.process.answer('too late');
    await turnTo(world, 1);
    world.process.answer('in time');
    expect(await call()).toBe('in time');
  });

  it('goes on at its old place, before those who came later', async () => {
    const { world, pool } = await booted({ retryDelayMs: 0 });
    const order: string[] = [];
    const first = pool.call('first', [], { idempotent: true }).then(() => order.push('first'));
    const second = pool.call('second').then(() => order.push('second'));
    world.process.die(DIED);
    world.process.tellEnd();
    await world.clock.turn(0);
    await world.settle();
    for (let each = 0; each < 2; each += 1) {
      world.process.answer(null);
      await heard();
    }
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
  });

  it('that waits for another attempt asks at once as the pool drains, and is served', async () => {
    const { world, pool } = await booted({ random: () => 1, retryDelayMs: 5_000 });
    const call = settled(pool.call('load', [], { idempotent: true }));
    world.process.die(DIED);
    world.process.tellEnd();
    await heard();
    await world.boot();
    const drained = pool.drain();
    await turnTo(world, 300);
    world.process.answer('served');
    expect(await call()).toBe('served');
    await drained;
  });

  it('whose worker dies once the pool has begun to close is told so at once, and no timer is left', async () => {
    const { world, pool } = await booted({ random: () => 1, retryDelayMs: 5_000 });
    const call = settled(pool.call('load', [], { idempotent: true }));
    const closed = pool.close();
    world.process.die(DIED);
    world.process.tellEnd();
    await heard();
    expect(call.isSettled()).toBe(true);
    expect(await call()).toMatchObject({ code: 'ERR_WORKER_DIED', started: true, attempts: 1 });
    await world.settle();
    await closed;
    expect(world.clock.timers).toBe(0);
    expect(pool.stats().attempts).toEqual({ retried: 0, moved: 0, overBudget: 0 });
  });

  it('that waits for another attempt is told what it failed by as the pool is destroyed, and no timer is left', async () => {
    const { world, pool } = await booted({ random: () => 1, retryDelayMs: 5_000 });
    const call = settled(pool.call('load', [], { idempotent: true }));
    world.process.die(DIED);
    world.process.tellEnd();
    await world.boot();
    await world.destroy();
    expect(await call()).toMatchObject({ code: 'ERR_WORKER_DIED', started: true, attempts: 1 });
    expect(world.clock.timers).toBe(0);
  });
});

describe('a call that was certainly not started', () => {
  it('goes to another worker at once if it may have more attempts than one, idempotent or not, and costs nothing', async () => {
    const { world, pool } = await booted({ retryRatio: 0 });
    takeAll(world);
    const { attempts } = pool.stats();
    world.process.freeze();
    const call = settled(pool.call('pay', [5], { attempts: 2 }));
    expect(world.process.owesAnswer).toBe(true);
    await dieAndReturn(world);
    world.process.answer('paid');
    expect(await call()).toBe('paid');
    expect(started(world, 'pay')).toBe(1);
    expect(pool.stats().attempts).toEqual({ ...attempts, moved: 1 });
  });

  it('is told so, and moved nowhere, unless it may have more attempts than one', async () => {
    const { world, pool } = await booted();
    world.process.freeze();
    const call = settled(pool.call('pay', [5]));
    await dieAndReturn(world);
    expect(await call()).toMatchObject({ code: 'ERR_WORKER_DIED', started: false, attempts: 1 });
  });

  it('is never made again once it has been started', async () => {
    const { world, pool } = await booted();
    const call = settled(pool.call('pay', [5], { attempts: 10 }));
    await dieAndReturn(world);
    expect(await call()).toMatchObject({ code: 'ERR_WORKER_DIED', started: true, attempts: 1 });
    expect(started(world, 'pay')).toBe(1);
  });

  it('is not taken for one where Python shares no page', async () => {
    const { world, pool } = await booted({}, { hasStartMark: false });
    world.process.freeze();
    const call = settled(pool.call('pay', [5], { attempts: 10 }));
    await dieAndReturn(world);
    expect(await call()).toMatchObject({ code: 'ERR_WORKER_DIED', started: 'unknown', attempts: 1 });
  });
});

describe('the budget of further attempts', () => {
  it('is a part of the calls that are made, besides a hundred at once and one each second', async () => {
    const { world, pool } = await booted({ retryRatio: 0.2, retryDelayMs: 0, poisonDeaths: 0 });
    const { counters } = world.runtime;
    expect(takeAll(world)).toBe(100);
    counters.asked += 50;
    expect(takeAll(world)).toBe(10);
    await world.clock.turn(3_000);
    expect(takeAll(world)).toBe(3);
    expect(pool.stats().attempts).toEqual({ retried: 113, moved: 0, overBudget: 3 });
  });

  it('is saved up to a hundred, or to as many as there are slots, however long nobody needs one', async () => {
    for (const [size, most] of [
      [4, 100],
      [50, 150],
    ] as const) {
      const { world } = await booted({ size, slots: 3 });
      await world.clock.turn(1_000_000);
      expect(takeAll(world)).toBe(most);
    }
  });

  it('that is spent lets a call fail with what its attempt failed by', async () => {
    const { world, pool } = await booted({ retryRatio: 0 });
    takeAll(world);
    const call = settled(pool.call('load', [], { idempotent: true }));
    await dieAndReturn(world);
    expect(await call()).toMatchObject({ code: 'ERR_WORKER_DIED', started: true, attempts: 1 });
    expect(pool.stats().attempts.overBudget).toBe(2);
  });
});

describe('more attempts than one', () => {
  it('are refused where there can be none, if they are asked for with the call', async () => {
    const { pool, world } = await booted();
    const more = { idempotent: true } as const;
    const refused = { code: 'ERR_OPTION', option: 'idempotent' };
    await expect(pool.call('f', [() => 1], more)).rejects.toMatchObject(refused);
    await expect(pool.call('f', [[1].values()], more)).rejects.toMatchObject(refused);
    await expect(pool.stream('f', [], more).next()).rejects.toMatchObject(refused);
    await expect(pool.session('ann').call('f', [], more)).rejects.toMatchObject(refused);
    await expect(pool.call('f', [], { attemptTimeoutMs: 5 })).rejects.toMatchObject({ option: 'attemptTimeoutMs' });
    await expect(pool.call('f', [() => 1], { attempts: 2 })).rejects.toMatchObject({ option: 'attempts' });
    const bound = pool.with({ idempotent: true });
    const stream = bound.stream('f', [], { attemptTimeoutMs: 5 } as never);
    await expect(stream.next()).rejects.toMatchObject({ option: 'attemptTimeoutMs' });
    const lease = await pool.checkout();
    await expect(lease.call('f', [], more)).rejects.toMatchObject(refused);
    await lease.checkin();
    expect(world.process.started).toEqual([]);
  });

  it('say nothing there if they are bound', async () => {
    const { pool, world } = await booted();
    const lease = await pool.with({ idempotent: true }).checkout();
    const call = settled(lease.call('f'));
    await dieAndReturn(world);
    expect(await call()).toMatchObject({ code: 'ERR_WORKER_DIED', attempts: 1 });
    expect(started(world, 'f')).toBe(1);
  });

  it('are had by a session that has only a hint, on any worker', async () => {
    const { pool, world } = await booted();
    const call = settled(pool.session('ann', { affinity: 'hint' }).call('f', [], { idempotent: true }));
    await dieAndReturn(world);
    world.process.answer('well');
    expect(await call()).toBe('well');
  });
});

async function booted(options: Partial<PoolOptions> = {}, script: Script = {}) {
  const world = new PlayedPool({ failuresMax: 1_000, ...options }, script);
  onTestFinished(async () => {
    await world.destroy();
    expect(world.python.violations).toEqual([]);
    expect(faults).toEqual([]);
  });
  await world.boot();
  return { world, pool: world.pool };
}

/** The worker dies, another comes up, and the longest wait for another attempt is over. */
async function dieAndReturn(world: PlayedPool): Promise<void> {
  world.process.die(DIED);
  world.process.tellEnd();
  await world.boot();
  for (let round = 0; round < 1_000 && world.process.request === undefined; round += 1) await turnTo(world, 20);
}

async function turnTo(world: PlayedPool, ms: number): Promise<void> {
  await world.clock.turn(ms);
  await world.boot();
  await heard();
}

/** Takes all further attempts that can be had now, and tells how many those were. */
function takeAll({ runtime }: PlayedPool): number {
  let taken = 0;
  while (taken < 1_000 && runtime.retries.take()) taken += 1;
  return taken;
}

/** How often Python began with that function. */
function started(world: PlayedPool, name: string): number {
  return world.python.processes
    .flatMap(({ lines, started }) =>
      lines
        .map((line) => meaningOf(line) as { type: string; id: number; name: string })
        .filter((message) => message.type === 'call' && started.includes(message.id)),
    )
    .filter((message) => message.name === name).length;
}
