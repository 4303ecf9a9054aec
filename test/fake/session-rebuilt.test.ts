import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
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
