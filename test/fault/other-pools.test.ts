/**
 * Each fault here was found in another pool: DSPex and its plan, NimblePool
 * 1.1.0, snakepit 0.13. The tests hold this one to the right behaviour.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SimulatedClock } from 'xstate';
import { EVENTS } from '../../src/events.js';
import { kw, type Lease, type PoolEvents, type WorkerDiedError } from '../../src/index.js';
import { temporaryFolder } from '../support/folder.js';
import { Gate } from '../support/gate.js';
import { collect, failure, fixtures, next, readyPool, startPool } from '../support/pool.js';
import { freeze, isAlive, workersOf } from '../support/processes.js';

const here = fixtures(import.meta.url);
const app = new URL('../integration/fixtures/app.py', import.meta.url).pathname;
const prints = new URL('../integration/fixtures/prints.py', import.meta.url).pathname;

describe('where DSPex went wrong', () => {
  it('gives the slot back when the code of the client fails after its work is done', async () => {
    const pool = await readyPool(app);
    const work = async () => {
      await using lease = await pool.checkout();
      await lease.call('echo', [1]);
      throw new Error('after the work');
    };
    expect((await failure(work())).message).toBe('after the work');
    expect(pool.stats().workers).toMatchObject({ idle: 1, leased: 0 });
    expect(await pool.call('echo', [2])).toBe(2);
  });

  it('gives every request an id of its own, increasing, whoever asks', async () => {
    const pool = await readyPool(prints);
    const ids: (number | null)[] = [];
    pool.on('log', ({ call }) => ids.push(call));
    await pool.call('say', ['a']);
    await pool.session('ann').call('say', ['b']);
    const lease = await pool.checkout();
    await lease.call('say', ['c']);
    await lease.call('say', ['d']);
    await lease.checkin();
    expect(new Set(ids).size).toBe(4);
    expect(ids).toEqual(ids.toSorted((one, other) => one! - other!));
  });

  it('never answers one session with what another one asked, after a timeout', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock });
    const gate = new Gate();
    const slow = failure(pool.session('A').call('wait_at', [gate.path], { timeoutMs: 100 }));
    const other = pool.session('B').call('echo', [{ who: 'B' }]);
    const go = await gate.reached();
    clock.increment(100);
    expect(await slow).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    await go('slept');
    expect(await other).toEqual({ who: 'B' });
  });

  it('is not off by one for ever after a timeout: every later call gets its own answer', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock });
    for (let round = 0; round < 5; round += 1) {
      const gate = new Gate();
      const slow = failure(pool.call('wait_at', [gate.path], { timeoutMs: 100 }));
      const go = await gate.reached();
      clock.increment(100);
      await slow;
      await go('late');
      for (let number = 0; number < 3; number += 1) expect(await pool.call('echo', [number])).toBe(number);
    }
    expect(pool.stats().failures).toBe(0);
  });

  it('has no timeout that nobody asked for: a call may run for a week', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock });
    const gate = new Gate();
    const running = pool.call('wait_at', [gate.path, 'done']);
    const waiting = pool.call('echo', [1]);
    const go = await gate.reached();
    clock.increment(7 * 24 * 3_600_000);
    await go();
    expect([await running, await waiting]).toEqual(['done', 1]);
  });

  it('hands a result over as it is, even one that looks like an envelope', async () => {
    const pool = await readyPool(app);
    for (const value of [
      { result: { result: 1 } },
      { type: 'error', id: 1, error: { code: 'ERR_PYTHON' } },
      { value: null },
      { ok: true, result: 2 },
    ]) {
      expect(await pool.call('echo', [value])).toEqual(value);
    }
  });

  it('survives a lease that cannot be given: the pool lives on when a worker dies at that moment', async () => {
    const pool = await readyPool(app, { size: 2 });
    const first = await pool.checkout();
    process.kill(await first.call<number>('pid'), 'SIGKILL');
    // The death has not been seen, and the worker comes back with this checkin.
    await first.checkin();
    const leases = await Promise.all([pool.checkout(), pool.checkout()]);
    const outcomes = await Promise.all(
      leases.map((lease) => lease.call('echo', [1]).catch((error: WorkerDiedError) => error)),
    );
    for (const outcome of outcomes)
      if (outcome !== 1) expect(outcome).toMatchObject({ code: 'ERR_WORKER_DIED', started: false });
    await Promise.all(leases.map((lease) => lease.checkin()));
    expect(await pool.call('echo', [2])).toBe(2);
  });

  it('hears of the death of an idle worker, whoever had it last, and hands it to nobody', async () => {
    const pool = await readyPool(app);
    const lease = await pool.checkout();
    const pid = await lease.call<number>('pid');
    await lease.checkin();
    const dead = next(pool, 'worker.dead');
    process.kill(pid, 'SIGKILL');
    expect(await dead).toMatchObject({ pid });
    expect(await pool.call('pid')).not.toBe(pid);
  });

  it('starts its workers all at once', async () => {
    const folder = temporaryFolder();
    const setup = { name: 'meet', args: [folder, 4] };
    const pool = startPool(here('meets-its-peers.py'), { size: 4, setup });
    await pool.ready();
    expect(pool.stats()).toMatchObject({ missing: 0, workers: { idle: 4 } });
  });

  it('keeps numbers that are true under load', async () => {
    const pool = await readyPool(app, { size: 2 });
    const calls = Array.from({ length: 300 }, (_, index) =>
      index % 3 === 0 ? failure(pool.call('nowhere')) : pool.call('echo', [index]),
    );
    const { calls: before } = pool.stats();
    expect(before).toMatchObject({ asked: 300, running: 300 });
    await Promise.all(calls);
    expect(pool.stats()).toMatchObject({
      waiting: 0,
      workers: { idle: 2, leased: 0, cancelling: 0 },
      calls: { asked: 300, running: 0, answered: 200, failed: 100 },
    });
  });
});

describe('where NimblePool went wrong', () => {
  it('loses no wake-up when the holder of the only worker crashes: who waits is served', async () => {
    const { pool, lease, pid } = await leased();
    const waiting = pool.call('echo', ['B']);
    process.kill(pid, 'SIGKILL');
    expect(await waiting).toBe('B');
    await lease.checkin();
  });

  it('lets nobody overtake who has waited since before the crash', async () => {
    const { pool, pid } = await leased();
    const waiting = pool.call('note', ['B']);
    const dead = next(pool, 'worker.dead');
    process.kill(pid, 'SIGKILL');
    await dead;
    await Promise.all([waiting, pool.call('note', ['C'])]);
    expect(await pool.call('noted')).toEqual(['B', 'C']);
  });

  it('loses no wake-up when the first in line gives up as the worker comes back: the next one gets it', async () => {
    const { pool, lease } = await leased();
    const abort = new AbortController();
    const first = failure(pool.call('echo', ['first'], { signal: abort.signal }));
    const second = pool.call('echo', ['second']);
    const back = lease.checkin();
    abort.abort('skipped');
    expect(await first).toBe('skipped');
    await back;
    expect(await second).toBe('second');
  });

  it('brings a call that has waited to Python with all that it was made with', async () => {
    const { pool, lease } = await leased();
    const session = pool.session('ann');
    const waiting = session.call('signature', [1, [2], kw({ three: 3 })], { kwargs: { four: 4 } });
    const state = session.call('remember', ['a', 1]);
    await lease.checkin();
    expect(await waiting).toEqual({ args: [1, [2]], kwargs: { three: 3, four: 4 } });
    expect(await state).toEqual({ a: 1 });
  });

  it('starts a worker that cannot start a few times a second at first, and ever more rarely', async () => {
    const pool = startPool(here('exits-at-import.py'), { random: () => 0 });
    let starts = 0;
    pool.on('boot.failed', () => {
      starts += 1;
    });
    await failure(pool.ready());
    // 100, 200 and 400 ms after one another.
    const begun = performance.now();
    while (starts < 4) await next(pool, 'boot.failed');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(690);
  });

  it('ends one worker for a call that kills its worker, and not one after the other', async () => {
    const pool = await readyPool(here('dies.py'));
    let deaths = 0;
    pool.on('worker.dead', () => {
      deaths += 1;
    });
    expect(await failure(pool.call('leave', [1]))).toMatchObject({ code: 'ERR_WORKER_DIED' });
    expect(await pool.call('echo', [1])).toBe(1);
    expect(deaths).toBe(1);
  });

  it('lets no noise put off a deadline', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(here('chatters.py'), { clock, cancelGraceMs: 500 });
    const heard = next(pool, 'log');
    const given = failure(pool.call('chatter', [], { timeoutMs: 1_000 }));
    await heard;
    clock.increment(1_000);
    expect(await given).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    await next(pool, 'log');
    const dead = next(pool, 'worker.dead');
    clock.increment(500);
    expect(await dead).toMatchObject({ reason: 'cancel-grace' });
  });

  it('is not brought down by a lease that is used after it was given back', async () => {
    const { pool, lease } = await leased();
    await lease.checkin();
    const other = await pool.checkout();
    for (let round = 0; round < 3; round += 1) {
      expect(await failure(lease.call('echo', [1]))).toMatchObject({ code: 'ERR_LEASE_ENDED' });
      expect(await failure(collect(lease.map('echo', [1, 2])))).toMatchObject({ code: 'ERR_LEASE_ENDED' });
      await lease.checkin();
    }
    expect(other.ended).toBeUndefined();
    expect(await other.call('echo', ['mine'])).toBe('mine');
  });

  it('ends the workers that are leased, too, when it ends', async () => {
    const pool = await readyPool(app, { size: 2 });
    const leases: Lease[] = [await pool.checkout(), await pool.checkout()];
    const pids = await Promise.all(leases.map((lease) => lease.call<number>('pid')));
    await pool.destroy();
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it('waits for no worker that is being ended: the others are leased meanwhile', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { size: 2, clock, cancelGraceMs: 500 });
    const lease = await pool.checkout();
    const pid = await lease.call<number>('pid');
    await freeze(pid);
    const given = failure(lease.call('echo', [1], { timeoutMs: 100 }));
    clock.increment(100);
    await given;
    for (let number = 0; number < 20; number += 1) expect(await pool.call('echo', [number])).toBe(number);
    clock.increment(500);
    for (let number = 0; number < 20; number += 1) expect(await pool.call('echo', [number])).toBe(number);
  });

  it('knows a deadline for a lease whose worker hangs', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock, cancelGraceMs: 500 });
    const lease = await pool.checkout();
    const gate = new Gate();
    const given = failure(lease.call('wait_at', [gate.path], { timeoutMs: 100 }));
    await gate.reached();
    clock.increment(100);
    await given;
    const waiting = pool.call('echo', ['next in line']);
    clock.increment(500);
    await next(pool, 'worker.dead');
    clock.increment(100);
    expect(await waiting).toBe('next in line');
    expect(lease.ended).toBe('revoked');
  });
});

describe('where snakepit went wrong', () => {
  it('runs as many calls at the same time as there are workers', async () => {
    const pool = await readyPool(app, { size: 4 });
    const gates = Array.from({ length: 4 }, () => new Gate());
    const calls = gates.map((gate) => pool.call('wait_at', [gate.path, 'done']));
    // All four are in Python before one of them may go on.
    const go = await Promise.all(gates.map((gate) => gate.reached()));
    await Promise.all(go.map((each) => each()));
    expect(await Promise.all(calls)).toEqual(['done', 'done', 'done', 'done']);
  });

  it('loses no slot to a consumer of map() that leaves, however it leaves', async () => {
    const pool = await readyPool(app, { size: 2 });
    for (const leave of ['break', 'throw', 'return'] as const) {
      const consume = async () => {
        for await (const number of pool.map('echo', [1, 2, 3, 4, 5, 6])) {
          if (number !== 2) continue;
          if (leave === 'throw') throw new Error('left');
          if (leave === 'return') return;
          break;
        }
      };
      await consume().catch(() => {});
    }
    await pool.call('echo', [1]);
    await pool.call('echo', [1]);
    await pool.drain();
    expect(pool.stats()).toMatchObject({ waiting: 0, workers: { idle: 2, leased: 0, cancelling: 0 } });
  });

  it('lets map() wait in line like every other caller', async () => {
    const { pool, lease } = await leased();
    const mapping = collect(pool.map('echo', [1, 2, 3]));
    expect(pool.stats().waiting).toBe(1);
    const waiting = pool.call('echo', ['other']);
    await lease.checkin();
    expect(await mapping).toEqual([1, 2, 3]);
    expect(await waiting).toBe('other');
  });

  it('keeps the budget of each call, though the queue of the pool allows more, or less', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock, queueTimeoutMs: 1_000 });
    const lease = await pool.checkout();
    const impatient = failure(pool.call('echo', [1], { timeoutMs: 10 }));
    const patient = failure(pool.call('echo', [1], { timeoutMs: 5_000 }));
    clock.increment(10);
    expect(await impatient).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', waitedMs: 10 });
    clock.increment(990);
    expect(await patient).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', waitedMs: 1_000 });
    await lease.checkin();
  });

  it('is never larger than its size, however often its workers are replaced', async () => {
    const pool = await readyPool(app, { size: 2 });
    let live = 0;
    let most = 0;
    const names = new Set<string>();
    pool.on('worker.ready', ({ worker }) => {
      names.add(worker);
      live = workersOf(process.pid).length;
      most = Math.max(most, live);
    });
    for (let round = 0; round < 8; round += 1) {
      const ready = next(pool, 'worker.ready');
      process.kill(await pool.call<number>('pid'), 'SIGKILL');
      await ready;
    }
    expect(most).toBeLessThanOrEqual(2);
    expect([...names].every((name) => ['worker-0', 'worker-1'].includes(name))).toBe(true);
    expect(pool.stats()).toMatchObject({ size: 2, missing: 0 });
  });

  it('gives nobody a worker whose Python still runs the call that timed out', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock });
    const gate = new Gate();
    const slow = failure(pool.call('wait_at', [gate.path], { timeoutMs: 100 }));
    const waiting = pool.call('echo', ['waits']);
    const go = await gate.reached();
    clock.increment(100);
    await slow;
    expect(pool.stats()).toMatchObject({ waiting: 1, workers: { cancelling: 1, idle: 0, leased: 0 } });
    clock.increment(5_000);
    expect(pool.stats()).toMatchObject({ waiting: 1, workers: { cancelling: 1, idle: 0, leased: 0 } });
    await go('late');
    expect(await waiting).toBe('waits');
  });

  it('emits every event that it documents', async () => {
    const heard = new Set<keyof PoolEvents>();
    const broken = startPool(here('exits-at-import.py'));
    const pool = startPool(app, { poisonDeaths: 1 });
    const threaded = join(temporaryFolder(), 'threaded.py');
    writeFileSync(
      threaded,
      'import threading as t\nt.Thread(target=t.Event().wait, daemon=True).start()\ndef f(): pass\n',
    );
    const forking = startPool(threaded, { expose: 'all', start: 'fork' });
    const strict = startPool(app, { size: 2, softLimitMs: 1, hardLimitMs: 50, cancelGraceMs: 0, leakAfterMs: 1 });
    const module = join(temporaryFolder(), 'module.py');
    writeFileSync(module, 'def f(): pass\n');
    const watching = startPool(module, { expose: 'all', watch: true });
    for (const name of Object.keys(EVENTS) as (keyof PoolEvents)[]) {
      for (const each of [pool, broken, watching, forking, strict]) each.on(name, () => heard.add(name));
    }
    const leaked = next(strict, 'lease.leaked');
    await using _held = await strict.checkout();
    await Promise.all([leaked, failure(strict.call('never_returns'))]);
    await failure(broken.ready());
    await Promise.all([watching.ready(), forking.ready()]);
    for (const [name, text] of [
      ['reload.failed', 'def f(:\n'],
      ['pool.reloaded', 'def g(): pass\n'],
    ] as const) {
      const told = next(watching, name);
      writeFileSync(module, text);
      await told;
    }
    const session = pool.session('ann');
    await session.call('remember', ['a', 1]);
    const pid = await session.call<number>('pid');
    const logged = next(pool, 'log');
    const looping = failure(pool.call('loop_for_ever', [], { timeoutMs: 60_000 }));
    await logged;
    const lost = next(pool, 'session.lost');
    process.kill(pid, 'SIGKILL');
    await Promise.all([lost, looping]);
    await pool.drain();
    await pool.close();
    expect([...heard].toSorted()).toEqual(Object.keys(EVENTS).toSorted());
  });

  it('ends what it has started and nothing else, whatever that is called', async () => {
    const pool = await readyPool(app);
    const [pid] = workersOf(process.pid) as [number];
    // Looks the same to whoever goes by names.
    const stranger = spawn('/usr/bin/python3', ['-c', 'input()', 'pythonarium.worker'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    onTestFinished(() => void stranger.kill('SIGKILL'));
    await once(stranger, 'spawn');
    const ended = once(stranger, 'exit');
    await pool.destroy();
    expect(isAlive(pid)).toBe(false);
    // By what is sent to it here, and by nothing before.
    stranger.kill('SIGTERM');
    expect(await ended).toEqual([null, 'SIGTERM']);
  });
});

/** A pool whose only worker is leased. */
async function leased() {
  const pool = await readyPool(app);
  const lease = await pool.checkout();
  const pid = await lease.call<number>('pid');
  return { pool, lease, pid };
}
