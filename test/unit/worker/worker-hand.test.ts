import { afterEach, describe, expect, it } from 'vitest';
import { CANCELLED_MAX as WORDS } from '../../../src/process/start-mark.js';
import { watchFaults } from '../../fake/faults.js';
import { PlayedPool } from '../../fake/played-pool.js';

const faults = watchFaults();
afterEach(() => expect(faults).toEqual([]));

describe("a worker's hands", () => {
  it('tell each caller of a worker that breaks the protocol so, and go on with another', async () => {
    for (const how of ['breakLine', 'hangUp', 'answerTwice'] as const) {
      const world = new PlayedPool();
      await world.boot();
      const call = world.pool.call('played').catch(({ code }) => code);
      world.process[how]();
      expect(await call).toBe('ERR_PROTOCOL');
      expect(world.process.signals).toEqual(['SIGKILL']);
      await world.settle();
      const next = world.pool.call('played');
      world.process.answer('served');
      expect(await next).toBe('served');
      await world.destroy();
    }
  });

  it('tell that it is unknown whether a call was started where Python shares no page', async () => {
    const world = new PlayedPool({}, { hasStartMark: false });
    await world.boot();
    const call = world.pool.call('played').catch(({ code, started }) => ({ code, started }));
    world.process.die();
    world.process.tellEnd();
    expect(await call).toEqual({ code: 'ERR_WORKER_DIED', started: 'unknown' });
    await world.destroy();
  });

  it('wait for a call in the pipe that nobody wants any more as long as the one before it takes, and Python never begins it', async () => {
    const world = new PlayedPool({ slots: 2, cancelGraceMs: 100, evictGraceMs: 100 });
    await world.boot();
    const [{ process }, abort] = [world, new AbortController()];
    const first = world.pool.call('played');
    const second = world.pool.call('played', [], { signal: abort.signal }).catch((reason) => reason);
    abort.abort('enough');
    expect(await second).toBe('enough');
    await world.clock.turn(60_000);
    // It waits behind a call that takes its time, which is nobody's fault. Python is told not to start it.
    expect(process.signals).toEqual([]);
    expect(process.cancelled).toHaveLength(1);
    process.answer('first');
    expect(await first).toBe('first');
    expect(process.request).toBeUndefined();
    expect(world.pool.stats().workers).toMatchObject({ cancelling: 0, idle: 1 });
    await world.clock.turn(60_000);
    expect(process.signals).toEqual([]);
    await world.destroy();
  });

  it('give requests that are unanswered words of their own on the page of those given up, so that neither of two is begun', async () => {
    const world = new PlayedPool(
      { size: 2 },
      { serve: ({ name }, process) => void (name === 'short' && queueMicrotask(() => process.answer(null))) },
    );
    await world.boot();
    const [lease, other] = await Promise.all([world.pool.checkout(), world.pool.checkout()]);
    const long = lease.call('long');
    const process = world.python.running[0]!;
    for (let n = 1; n < WORDS; n += 1) await other.call('short');
    const second = lease.call('second');
    for (let n = 1; n < WORDS; n += 1) await other.call('short');
    const third = lease.call('third');
    for (const call of [long, second, third]) {
      process.answer(null);
      await call;
    }
    expect(new Set(process.started.map((id) => id % WORDS)).size).toBe(3);
    await Promise.all([lease.checkin(), other.checkin()]);
    await world.destroy();
  });

  it('give a call its grace time once Python has come to it, however long it was in the pipe, where Python cannot be told not to begin it', async () => {
    const world = new PlayedPool({ slots: 2, cancelGraceMs: 100, evictGraceMs: 100 }, { hasStartMark: false });
    await world.boot();
    const [{ process }, abort] = [world, new AbortController()];
    const first = world.pool.call('played');
    const second = world.pool.call('played', [], { signal: abort.signal }).catch((reason) => reason);
    abort.abort('enough');
    expect(await second).toBe('enough');
    await world.clock.turn(60_000);
    // It waits behind a call that takes its time, which is nobody's fault.
    expect(process.signals).toEqual([]);
    expect(process.cancelled).toHaveLength(1);
    process.answer('first');
    expect(await first).toBe('first');
    const id = process.request?.id;
    expect(process.cancelled).toEqual([id, id]);
    expect(world.pool.stats().workers.cancelling).toBe(1);
    await world.clock.turn(100);
    expect(process.signals).toEqual(['SIGKILL']);
    await world.destroy();
  });

  it('show what is printed without a mark as the output of a call only if that one alone is unanswered', async () => {
    const world = new PlayedPool({ slots: 2 });
    await world.boot();
    const calls: (number | null)[] = [];
    world.pool.on('log', ({ call }) => calls.push(call));
    const both = Promise.all([world.pool.call('played'), world.pool.call('played')]);
    const hand = [...world.runtime.hands.values()][0]!;
    hand.life.onOutput('stdout', 'from one of two');
    world.process.answer(null);
    hand.life.onOutput('stdout', 'from the only one');
    const id = world.process.request?.id;
    world.process.answer(null);
    hand.life.onOutput('stdout', 'from nobody');
    await both;
    expect(calls).toEqual([null, id, null]);
    await world.destroy();
  });
});
