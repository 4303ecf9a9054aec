import { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { Pool } from '../../src/index.js';
import { temporaryFolder } from '../support/folder.js';
import { Gate } from '../support/gate.js';
import { failure, fixtures, next, readyPool, startPool } from '../support/pool.js';
import { freeze, isAlive, stateOf } from '../support/processes.js';
import { signalsTo } from '../support/signals.js';

const here = fixtures(import.meta.url);
const app = new URL('../integration/fixtures/app.py', import.meta.url).pathname;

describe('while one worker is frozen, others go on being leased', () => {
  it('spawning: it is ended after bootTimeoutMs, and its replacement boots', async () => {
    const clock = new SimulatedClock();
    const env = { MARK: join(temporaryFolder(), 'mark') };
    const pool = startPool(here('freezes-itself-once-at-import.py'), { size: 2, clock, env, bootTimeoutMs: 5_000 });
    const freezing = next(pool, 'log', ({ text }) => text.startsWith('freezing'));
    const other = next(pool, 'worker.ready');
    const frozen = Number((await freezing).text.split(' ')[1]);
    await other;
    await othersAreServed(pool);
    expect(pool.stats()).toMatchObject({ missing: 1, workers: { spawning: 1 } });
    expect(isAlive(frozen)).toBe(true);

    const dead = next(pool, 'worker.dead');
    const failed = next(pool, 'boot.failed');
    clock.increment(5_000);
    expect(await failed).toMatchObject({ error: { code: 'ERR_BOOT', stage: 'timeout' } });
    expect(await dead).toMatchObject({ pid: frozen, signal: 'SIGKILL', reason: 'boot-timeout' });
    await pool.ready();
    const replaced = next(pool, 'worker.ready');
    clock.increment(100);
    await replaced;
    expect(pool.stats()).toMatchObject({ missing: 0, failures: 0 });
  });

  it('idle: the call that meets it times out, and it is ended after cancelGraceMs', async () => {
    const { pool, clock } = await twoWorkers();
    const frozen = await pool.call<number>('pid');
    await freeze(frozen);
    const meeting = failure(pool.call('pid', [], { timeoutMs: 1_000 }));
    await othersAreServed(pool);
    clock.increment(1_000);
    expect(await meeting).toMatchObject({ code: 'ERR_CALL_TIMEOUT', waitedMs: 0 });
    await endsAfterGrace(pool, clock, frozen);
  });

  it('idle: of all that waits for it one call is sent, and all is answered once it goes on', async () => {
    const pool = await readyPool(app);
    const frozen = await pool.call<number>('pid');
    await freeze(frozen);
    const write = vi.spyOn(Socket.prototype, 'write');
    onTestFinished(() => write.mockRestore());
    const texts = Array.from({ length: 50 }, (_, index) => String(index).repeat(500_000));
    const calls = texts.map((text) => pool.call('echo', [text]));
    await new Promise((resolve) => setImmediate(resolve));
    expect(pool.stats()).toMatchObject({ leases: 1, waiting: 49 });
    const sent = write.mock.calls.reduce((sum, [data]) => sum + data.length, 0);
    expect(sent).toBeGreaterThan(500_000);
    expect(sent).toBeLessThan(1_001_000);
    process.kill(frozen, 'SIGCONT');
    expect(await Promise.all(calls)).toEqual(texts);
  });

  it('leased: its call times out, and it is ended after cancelGraceMs', async () => {
    const { pool, clock } = await twoWorkers();
    const { frozen, running } = await frozenInACall(pool, { timeoutMs: 1_000 });
    await othersAreServed(pool);
    clock.increment(1_000);
    expect(await running).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    await endsAfterGrace(pool, clock, frozen);
  });

  it('leased: its holder is told that its lease is over, and the next call of another is served', async () => {
    const { pool, clock } = await twoWorkers();
    const lease = await pool.checkout();
    const frozen = await lease.call<number>('pid');
    await freeze(frozen);
    const call = failure(lease.call('echo', [1], { timeoutMs: 1_000 }));
    const behind = failure(lease.call('echo', [2]));
    await othersAreServed(pool);
    clock.increment(1_000);
    expect(await call).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    await endsAfterGrace(pool, clock, frozen);
    expect(await behind).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'revoked' });
  });

  it('cancelling: it is ended after cancelGraceMs', async () => {
    const { pool, clock } = await twoWorkers();
    const abort = new AbortController();
    const { frozen, running } = await frozenInACall(pool, { signal: abort.signal });
    abort.abort('enough');
    expect(await running).toBe('enough');
    expect(pool.stats().workers).toMatchObject({ cancelling: 1 });
    await othersAreServed(pool);
    await endsAfterGrace(pool, clock, frozen);
  });

  it('cancelling: if it goes on within the grace time it answers late, is kept, and nobody gets that answer', async () => {
    const { pool, clock } = await twoWorkers();
    const gate = new Gate();
    const { frozen, running } = await frozenInACall(pool, { timeoutMs: 1_000 }, gate);
    clock.increment(1_000);
    await running;
    const held = await pool.checkout();
    const waiting = pool.call('pid');
    process.kill(frozen, 'SIGCONT');
    expect(await waiting).toBe(frozen);
    await held.checkin();
    expect(pool.stats()).toMatchObject({ failures: 0, workers: { idle: 2 } });
  });

  it('ending: it is killed after stopGraceMs and termGraceMs, and the other one ends by itself meanwhile', async () => {
    const { pool, clock } = await twoWorkers({ stopGraceMs: 2_000 });
    const frozen = await pool.call<number>('pid');
    await freeze(frozen);
    const signals = signalsTo(frozen);
    const deaths: (number | undefined)[] = [];
    pool.on('worker.dead', ({ pid }) => deaths.push(pid));
    const first = next(pool, 'worker.dead');
    const closed = pool.close();
    expect(await first).toMatchObject({ exitCode: 0, reason: 'stopped' });
    expect(pool.stats().workers).toMatchObject({ ending: 1 });
    expect(signals()).toEqual([]);
    clock.increment(2_000);
    expect(signals()).toEqual(['SIGTERM']);
    // It heeds nothing as long as it stands.
    expect(stateOf(frozen)).toBe('T');
    clock.increment(999);
    expect(signals()).toEqual(['SIGTERM']);
    clock.increment(1);
    await closed;
    expect(deaths).toHaveLength(2);
    expect(deaths[1]).toBe(frozen);
  });

  it('in the middle of a large answer: what others ask is answered, and it is ended like any other', async () => {
    const { pool, clock } = await twoWorkers();
    const lease = await pool.checkout();
    const frozen = await lease.call<number>('pid');
    await freeze(frozen);
    // More than the descriptor holds: the rest waits in Node, and nobody waits for it.
    const large = failure(lease.call('echo', ['x'.repeat(8_000_000)], { timeoutMs: 1_000 }));
    await othersAreServed(pool);
    clock.increment(1_000);
    expect(await large).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    await endsAfterGrace(pool, clock, frozen);
  });
});

async function twoWorkers(options: { stopGraceMs?: number } = {}) {
  const clock = new SimulatedClock();
  const pool = await readyPool(app, { size: 2, clock, cancelGraceMs: 500, ...options });
  return { pool, clock };
}

/** One worker stands still in a call, which was about to be answered. */
async function frozenInACall(pool: Pool, wait: { timeoutMs?: number; signal?: AbortSignal }, gate = new Gate()) {
  const lease = await pool.checkout();
  const frozen = await lease.call<number>('pid');
  const running = failure(lease.call('wait_at', [gate.path], wait));
  void lease.checkin();
  const go = await gate.reached();
  await freeze(frozen);
  await go('late');
  return { frozen, running };
}

/** The other worker serves many, one after the other and all at once. */
async function othersAreServed(pool: Pool): Promise<void> {
  for (let number = 0; number < 20; number += 1) expect(await pool.call('echo', [number])).toBe(number);
  const numbers = Array.from({ length: 20 }, (_, index) => index);
  expect(await Promise.all(numbers.map((number) => pool.call('echo', [number])))).toEqual(numbers);
}

async function endsAfterGrace(pool: Pool, clock: SimulatedClock, frozen: number): Promise<void> {
  clock.increment(499);
  expect(pool.stats().workers).toMatchObject({ cancelling: 1, ending: 0 });
  const dead = next(pool, 'worker.dead');
  const replaced = next(pool, 'worker.ready');
  clock.increment(1);
  expect(await dead).toMatchObject({ pid: frozen, signal: 'SIGKILL', reason: 'cancel-grace' });
  // It had never served before, or it had: so its replacement starts at once or after the first back-off.
  clock.increment(100);
  await replaced;
  await othersAreServed(pool);
  expect(pool.stats()).toMatchObject({ missing: 0 });
}
