import { getEventListeners } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { childrenOf, type Parent, Run } from '../../../src/call/children.js';
import type { PoolOptions } from '../../../src/index.js';
import { watchFaults } from '../../fake/faults.js';
import { PlayedPool } from '../../fake/played-pool.js';
import { heard } from '../../fake/turned-clock.js';
import { meaningOf } from '../../support/node-line.js';

const faults = watchFaults();
const KEY = { idempotencyKey: 'order-17' };

describe('calls of one idempotencyKey', () => {
  it('are one call: it is started once, and all get its result', async () => {
    const { pool, starts, answer } = await booted();
    const calls = Array.from({ length: 5 }, () => pool.call('pay', [17], KEY));
    await answer({ receipt: 1 });
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 5 }, () => ({ receipt: 1 })));
    expect(starts()).toBe(1);
    expect(pool.stats()).toMatchObject({ duplicates: 4, calls: { asked: 1, answered: 1 } });
  });

  it('get results of their own, which nobody else can change', async () => {
    const { pool, answer } = await booted();
    const calls = [pool.call<{ items: number[] }>('pay', [], KEY), pool.call<{ items: number[] }>('pay', [], KEY)];
    await answer({ items: [1] });
    const [one, other] = (await Promise.all(calls)) as [{ items: number[] }, { items: number[] }];
    one.items.push(2);
    expect(other.items).toEqual([1]);
    other.items.push(3);
    const later = await pool.call<{ items: number[] }>('pay', [], KEY);
    expect(later).toEqual({ items: [1] });
    later.items.push(4);
    expect(await pool.call('pay', [], KEY)).toEqual({ items: [1] });
  });

  it('are refused, and leave the key free, where bytes were transferred before they were made', async () => {
    const { pool, answer } = await booted();
    const bytes = new Uint8Array(3);
    const call = pool.with(KEY).py.pay!(bytes);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    await expect(call).rejects.toMatchObject({ code: 'ERR_VALUE', path: 'args[0]' });
    const other = pool.call('pay', [new Uint8Array(3)], KEY);
    await answer(1);
    expect(await other).toBe(1);
  });

  it('share an exception of Python too', async () => {
    const { pool, world, starts } = await booted();
    const calls = [pool.call('pay', [], KEY), pool.call('pay', [], KEY)].map((call) => call.catch((error) => error));
    world.process.raise();
    for (const error of await Promise.all(calls)) expect(error).toMatchObject({ code: 'ERR_PYTHON' });
    await expect(pool.call('pay', [], KEY)).rejects.toMatchObject({ code: 'ERR_PYTHON' });
    expect(starts()).toBe(1);
  });

  it('have the outcome for `idempotencyTtlMs` after it, and not for longer', async () => {
    const { pool, world, starts, answer } = await booted({ idempotencyTtlMs: 100 });
    const first = pool.call('pay', [], KEY);
    await answer(1);
    await first;
    await world.clock.turn(99);
    expect(await pool.call('pay', [], KEY)).toBe(1);
    expect(pool.stats()).toMatchObject({ duplicates: 1, calls: { asked: 1 } });
    await world.clock.turn(1);
    const again = pool.call('pay', [], KEY);
    await answer(2);
    expect(await again).toBe(2);
    expect(starts()).toBe(2);
  });

  it('have no outcome afterwards where none is kept', async () => {
    const { pool, starts, answer } = await booted({ idempotencyTtlMs: 0 });
    const calls = [pool.call('pay', [], KEY), pool.call('pay', [], KEY)];
    await answer(1);
    await Promise.all(calls);
    const again = pool.call('pay', [], KEY);
    await answer(2);
    expect(await again).toBe(2);
    expect(starts()).toBe(2);
  });

  it('keep as many outcomes as `idempotencyKeysMax` says, the latest', async () => {
    const { pool, starts, answer } = await booted({ idempotencyKeysMax: 2 });
    for (const key of ['a', 'b', 'c']) {
      const call = pool.call('pay', [], { idempotencyKey: key });
      await answer(key);
      await call;
    }
    expect(await pool.call('pay', [], { idempotencyKey: 'c' })).toBe('c');
    const again = pool.call('pay', [], { idempotencyKey: 'a' });
    await answer('anew');
    expect(await again).toBe('anew');
    expect(starts()).toBe(4);
  });

  it('are refused if they ask for something else, while the first runs and after it', async () => {
    const { pool, starts, answer } = await booted();
    const first = pool.call('pay', [17], KEY);
    const refused = { code: 'ERR_IDEMPOTENCY_KEY', key: 'order-17', reason: 'other-request' };
    const others = () => [
      pool.call('pay', [18], KEY),
      pool.call('refund', [17], KEY),
      pool.call('pay', [17], { ...KEY, kwargs: { twice: true } }),
      pool.call('pay', [Buffer.from('17')], KEY),
    ];
    for (const other of others()) await expect(other).rejects.toMatchObject(refused);
    await answer(null);
    await first;
    for (const other of others()) await expect(other).rejects.toMatchObject(refused);
    expect(starts()).toBe(1);
  });

  it('may differ in what is no part of the request', async () => {
    const { pool, starts, answer } = await booted();
    const calls = [
      pool.call('pay', [17], { ...KEY, context: { requestId: 'a' } }),
      pool.call('pay', [17], { ...KEY, context: { requestId: 'b' }, priority: 3, timeoutMs: 500 }),
      pool.with(KEY).py.pay!(17),
    ];
    await heard();
    await answer('paid');
    expect(await Promise.all(calls)).toEqual(['paid', 'paid', 'paid']);
    expect(starts()).toBe(1);
  });

  it('have budgets of their own: who gives up takes it from nobody else', async () => {
    const { pool, world, starts, answer } = await booted();
    const abort = new AbortController();
    const aborted = pool.call('pay', [], { ...KEY, signal: abort.signal }).catch((error) => error);
    const late = pool.call('pay', [], { ...KEY, timeoutMs: 50 }).catch((error) => error);
    const patient = pool.call('pay', [], KEY);
    abort.abort('enough');
    expect(await aborted).toBe('enough');
    await world.clock.turn(50);
    expect(await late).toMatchObject({ code: 'ERR_CALL_TIMEOUT', timeoutMs: 50, ranMs: 50 });
    expect(world.process.cancelled).toEqual([]);
    await answer('paid');
    expect(await patient).toBe('paid');
    expect(starts()).toBe(1);
  });

  it('tell whoever gives up how long it has run since they asked', async () => {
    const { pool, world, answer } = await booted();
    const first = pool.call('pay', [], KEY);
    await world.clock.turn(20);
    const late = pool.call('pay', [], { ...KEY, timeoutMs: 50 }).catch((error) => error);
    await world.clock.turn(50);
    expect(await late).toMatchObject({ code: 'ERR_CALL_TIMEOUT', waitedMs: 0, ranMs: 50 });
    await answer('paid');
    expect(await first).toBe('paid');
  });

  it('tell whoever gives up where they have asked, and not where the first has', async () => {
    const { pool, world } = await booted();
    const asksFirst = () => pool.call('pay', [], { ...KEY, timeoutMs: 50 });
    const asksLast = () => pool.call('pay', [], { ...KEY, timeoutMs: 60 });
    const errors = [asksFirst(), asksLast()].map((call) => call.catch((error) => error));
    await world.clock.turn(60);
    const [first, last] = (await Promise.all(errors)) as [Error, Error];
    expect(first.stack).toMatch(/^CallTimeoutError: .*\n {4}at asksFirst .*shared-calls\.test\.ts/);
    expect(last.stack).toMatch(/^CallTimeoutError: .*\n {4}at asksLast .*shared-calls\.test\.ts/);
  });

  it('leave no timer and no listener behind, whether they wait for it or give up', async () => {
    const { pool, world, answer } = await booted();
    const { timers } = world.clock;
    const { signal } = new AbortController();
    const calls = [1, 2].map(() => pool.call('pay', [], { ...KEY, signal, timeoutMs: 1_000 }));
    const late = pool.call('pay', [], { ...KEY, signal, timeoutMs: 50 }).catch((error) => error);
    await world.clock.turn(50);
    expect(await late).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    await answer('paid');
    expect(await Promise.all(calls)).toEqual(['paid', 'paid']);
    expect([world.clock.timers, getEventListeners(signal, 'abort')]).toEqual([timers, []]);
  });

  it('are waited for by a function that joined them until it has their outcome, and no longer', async () => {
    const { pool, answer } = await booted();
    const first = pool.call('pay', [], KEY);
    const outer = withFunctions();
    const left = new Run(outer, () => false).of(async () => {
      await pool.call('pay', [], KEY);
      return childrenOf(outer);
    });
    expect(childrenOf(outer)).toHaveLength(1);
    await answer('paid');
    expect(await Promise.all([first, left])).toEqual(['paid', []]);
  });

  it('are waited for by the function that made the first of them until that is given up, though the others go on', async () => {
    const { pool, world, answer } = await booted();
    const outer = withFunctions();
    let first: Promise<unknown> | undefined;
    void new Run(outer, () => false).of(() => {
      first = pool.call('pay', [], { ...KEY, timeoutMs: 50 }).catch((error) => error);
      return new Promise(() => {});
    });
    const patient = pool.call('pay', [], KEY);
    expect(childrenOf(outer)).toHaveLength(1);
    await world.clock.turn(50);
    expect(await first).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    expect(childrenOf(outer)).toEqual([]);
    await answer('paid');
    expect(await patient).toBe('paid');
  });

  it('give it up when the last of them has, and then the key tells what is not known', async () => {
    const { pool, world, starts } = await booted();
    const abort = new AbortController();
    const calls = [1, 2].map(() => pool.call('pay', [], { ...KEY, signal: abort.signal }).catch((error) => error));
    abort.abort('enough');
    expect(await Promise.all(calls)).toEqual(['enough', 'enough']);
    expect(world.process.cancelled).toHaveLength(1);
    world.process.answer(null);
    await expect(pool.call('pay', [], KEY)).rejects.toMatchObject({ code: 'ERR_IDEMPOTENCY_KEY', reason: 'given-up' });
    expect(starts()).toBe(1);
    expect(pool.stats().calls).toMatchObject({ asked: 1, aborted: 1, running: 0 });
  });

  it('leave the key free if it was given up before it was sent, or may be done twice', async () => {
    const { pool, world, starts, answer } = await booted();
    const blocking = pool.call('block');
    const unsent = pool.call('pay', [], { ...KEY, timeoutMs: 50 }).catch((error) => error);
    await world.clock.turn(50);
    expect(await unsent).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT' });
    await answer(null);
    await blocking;
    const given = pool.call('pay', [], { ...KEY, idempotent: true, timeoutMs: 50 }).catch((error) => error);
    await world.clock.turn(50);
    expect(await given).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    await answer(null);
    const again = pool.call('pay', [], KEY);
    await answer('paid');
    expect(await again).toBe('paid');
    expect(starts()).toBe(2);
  });

  it('leave the key to nobody if it was given up in the pipe, where Python may come to it before it hears of that', async () => {
    const { pool, world, starts, answer } = await booted({ slots: 2 });
    const blocking = pool.call('block');
    const abort = new AbortController();
    const piped = pool.call('pay', [], { ...KEY, signal: abort.signal }).catch((error) => error);
    await heard();
    expect([pool.stats().leases, starts()]).toEqual([2, 0]);
    abort.abort('enough');
    expect(await piped).toBe('enough');
    const again = pool.call('pay', [], KEY);
    await expect(again).rejects.toMatchObject({ code: 'ERR_IDEMPOTENCY_KEY', reason: 'given-up' });
    await answer(null);
    await blocking;
    world.process.answer(null);
    expect(starts()).toBe(0);
  });

  it('leave the key free if the first was refused at once', async () => {
    const { pool, starts, answer } = await booted({ queueMax: 0 });
    const blocking = pool.call('block');
    await expect(pool.call('pay', [], KEY)).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL' });
    await answer(null);
    await blocking;
    const again = pool.call('pay', [], KEY);
    await answer('paid');
    expect(await again).toBe('paid');
    expect(starts()).toBe(1);
  });

  it('are not started a second time after the worker died in the first, but are after it died before', async () => {
    const { pool, world, starts, answer } = await booted();
    const first = pool.call('pay', [], KEY).catch((error) => error);
    world.process.die();
    await world.settle();
    expect(await first).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    await expect(pool.call('pay', [], KEY)).rejects.toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    world.process.freeze();
    const unstarted = pool.call('pay', [], { idempotencyKey: 'other' }).catch((error) => error);
    world.process.die();
    await world.settle();
    expect(await unstarted).toMatchObject({ code: 'ERR_WORKER_DIED', started: false });
    const again = pool.call('pay', [], { idempotencyKey: 'other' });
    await answer('paid');
    expect(await again).toBe('paid');
    expect(starts()).toBe(2);
  });

  it('share the further attempts of an idempotent call', async () => {
    const { pool, world, answer } = await booted({ retryDelayMs: 0 });
    const calls = [1, 2].map(() => pool.call('pay', [], { ...KEY, idempotent: true }));
    world.process.die();
    await world.settle();
    await answer('paid');
    expect(await Promise.all(calls)).toEqual(['paid', 'paid']);
  });

  it('are refused where they cannot be one call', async () => {
    const { pool } = await booted();
    const refused = { code: 'ERR_OPTION', option: 'idempotencyKey' };
    await expect(pool.session('ann').call('f', [], KEY)).rejects.toMatchObject(refused);
    await expect(pool.call('f', [() => 1], KEY)).rejects.toMatchObject(refused);
    await expect(pool.with(KEY).py.f!(() => 1)).rejects.toMatchObject(refused);
    await expect(pool.stream('f', [], KEY).next()).rejects.toMatchObject(refused);
    expect(() => pool.map('f', [1], KEY)).toThrow(expect.objectContaining(refused));
    for (const key of ['', 'x'.repeat(1_001), 7]) {
      await expect(pool.call('f', [], { idempotencyKey: key as string })).rejects.toMatchObject(refused);
    }
    const lease = await pool.with(KEY).checkout();
    await expect(lease.call('f')).rejects.toMatchObject(refused);
    await lease.checkin();
  });
});

/** A call in whose functions others can be made. */
function withFunctions(): Parent {
  return { name: 'outer', parent: undefined, worker: undefined, waitsFor: () => [] };
}

async function booted(options: Partial<PoolOptions> = {}) {
  const world = new PlayedPool(options);
  onTestFinished(async () => {
    await world.destroy();
    expect(world.python.violations).toEqual([]);
    expect(faults).toEqual([]);
  });
  await world.boot();
  /** How often Python began with a call other than `block`. */
  const starts = () =>
    world.python.processes.flatMap(({ lines, started }) =>
      lines
        .map((line) => meaningOf(line) as { type: string; id: number; name: string })
        .filter(({ type, id, name }) => type === 'call' && started.includes(id) && name !== 'block'),
    ).length;
  const answer = async (value: unknown) => {
    world.process.answer(value);
    await heard();
  };
  return { world, pool: world.pool, starts, answer };
}
