import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import {
  type CallOptions,
  type Lease,
  type Pool,
  type PoolOptions,
  PythonError,
  type Session,
} from '../../src/index.js';
import { collect, failure } from '../support/pool.js';
import type { Script } from './fake-python.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

/** A pool whose one worker runs a call of a lease, and a session of which a call waits for that. */
interface Busy {
  readonly pool: Pool;
  readonly lease: Lease;
  readonly session: Session;
}

const WAITS: [string, (busy: Busy, options: CallOptions) => Promise<unknown>][] = [
  ['a call', ({ pool }, options) => pool.call('asked', [], options)],
  ['a call by `py`', ({ pool }, options) => pool.with(options).py.asked!()],
  ['a call that is shared', ({ pool }, options) => pool.call('asked', [], { ...options, idempotencyKey: 'key' })],
  ['a call of a lease', ({ lease }, options) => lease.call('asked', [], options)],
  ['a call of a session', ({ session }, options) => session.call('asked', [], options)],
  ['a map', ({ pool }, options) => collect(pool.map('asked', [1, 2], options))],
  ['a map of single calls', ({ pool }, options) => collect(pool.map('asked', [1, 2], { ...options, attempts: 2 }))],
  ['a stream', ({ pool }, options) => collect(pool.stream('asked', [], options))],
  ['a checkout', async ({ pool }, { signal }) => (await pool.checkout({ signal })).checkin()],
  ['a checkout of a session', async ({ session }, { signal }) => (await session.checkout({ signal })).checkin()],
  ['checkin()', ({ lease }, { signal }) => lease.checkin({ signal })],
  ['session.end()', ({ session }, { signal }) => session.end({ signal })],
  ['drain()', ({ pool }, { signal }) => pool.drain({ signal })],
];

it.each(WAITS)('%s ends by its signal, and leaves nothing at it', async (_, ask) => {
  const { busy, answer } = await busyPool();
  const controller = new AbortController();
  const { signal } = controller;
  const ended = failure(ask(busy, { signal }));
  await heard();
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  controller.abort('enough');
  expect(await ended).toBe('enough');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  await answer();
});

it.each(WAITS)(
  '%s ends by the very error that its signal aborts with, though that is of another call',
  async (_, ask) => {
    const { busy, answer } = await busyPool({ errors: { LookupError: class extends PythonError {} } });
    const controller = new AbortController();
    const ended = failure(ask(busy, { signal: controller.signal }));
    await heard();
    const mro = ['builtins:KeyError', 'builtins:LookupError'];
    const told = { type: 'KeyError', module: 'builtins', pythonMessage: "'ann'", traceback: '', notes: [], mro };
    const reason = new PythonError(told);
    const { stack } = reason;
    controller.abort(reason);
    expect(await ended).toBe(reason);
    expect([reason.stack, reason.index]).toEqual([stack, undefined]);
    await answer();
  },
);

it.each(WAITS)('%s leaves nothing at a signal that never aborts', async (_, ask) => {
  const { busy, answer } = await busyPool();
  const { signal } = new AbortController();
  const bound = new AbortController().signal;
  const [pool, session] = [busy.pool.with({ signal: bound }), busy.session.with({ signal: bound })];
  const ended = ask({ ...busy, pool, session }, { signal });
  await heard();
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  await answer();
  await ended;
  expect([getEventListeners(signal, 'abort'), getEventListeners(bound, 'abort')]).toEqual([[], []]);
});

it.each(WAITS)('%s ends by the signal of a polyfill, which knows of no reason', async (_, ask) => {
  const { busy, answer } = await busyPool();
  const signal = new PlainSignal();
  const ended = failure(ask(busy, { signal: signal as unknown as AbortSignal }));
  await heard();
  signal.abort();
  expect(await ended).toMatchObject({ name: 'AbortError' });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  expect(await failure(ask(busy, { signal: signal as unknown as AbortSignal }))).toMatchObject({ name: 'AbortError' });
  await answer();
});

it.each(WAITS)('%s takes nothing for a signal that cannot tell whether it has aborted', async (_, ask) => {
  const { busy, answer } = await busyPool();
  const asked = (async () => ask(busy, { signal: new EventTarget() as AbortSignal }))();
  expect(await failure(asked)).toMatchObject({ code: 'ERR_OPTION', option: 'signal' });
  await answer();
});

/** As the package `abort-controller` makes it. */
class PlainSignal extends EventTarget {
  aborted = false;

  abort(): void {
    this.aborted = true;
    this.dispatchEvent(new Event('abort'));
  }
}

async function busyPool(options: Partial<PoolOptions> = {}) {
  const played = new PlayedPool(options, ANSWERS);
  onTestFinished(() => played.destroy());
  await played.boot();
  const { pool } = played;
  const session = pool.session('ann');
  const lease = await pool.checkout();
  const calls = [lease.call('held'), session.call('asked')];
  await heard();
  /** All that was asked is answered. */
  const answer = async () => {
    played.process.answer('held');
    await heard();
    await lease.checkin();
    await Promise.all(calls);
    await setImmediate();
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0 });
  };
  return { busy: { pool, lease, session }, answer };
}

/** Answers all but the one that is held. */
const ANSWERS: Script = {
  serve: ({ name }, process) => {
    if (name !== 'held') queueMicrotask(() => process.answer(name));
  },
};
