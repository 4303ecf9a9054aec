import { describe, expect, it, onTestFinished } from 'vitest';
import type { PoolOptions } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { failure, fixtures, next, readyPool } from '../support/pool.js';
import { freeze, isAlive, templatesOf, until } from '../support/processes.js';

const app = fixtures(import.meta.url)('app.py');

describe('short calls, once more wait than there are workers', () => {
  it('wait in the pipe, and run in the order in which they were made', async () => {
    const pool = await knownToBeShort();
    const values = Array.from({ length: 40 }, (_, value) => value);
    expect(await Promise.all(values.map((value) => pool.call('wait_or_note', [value])))).toEqual(values);
    expect(await pool.call('noted')).toEqual(values);
    expect(pool.stats().prefetch.ahead).toBeGreaterThan(20);
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, calls: { running: 0 } });
  });

  it('go elsewhere if their worker ends before it comes to them, and the one that it ran is told', async () => {
    const { pool, running, behind, gate } = await inThePipe();
    await gate.reached();
    const { pid } = pool.workers()[0]!;
    const ready = next(pool, 'worker.ready');
    process.kill(pid as number, 'SIGKILL');
    expect(await failure(running)).toMatchObject({ code: 'ERR_WORKER_DIED', started: true, attempts: 1 });
    await ready;
    expect(await Promise.all(behind)).toEqual([2, 3, 4, 5, 6, 7]);
    // Nothing was done twice, and nothing out of turn.
    expect(await pool.call('noted')).toEqual([2, 3, 4, 5, 6, 7]);
    expect(pool.stats()).toMatchObject({ prefetch: { moved: 3 }, calls: { failed: 1, running: 0 } });
  });

  it('go elsewhere just the same where each was made in the turn of an answer, and has the lease that was kept', async () => {
    const pool = await knownToBeShort();
    const gate = new Gate();
    const [first, ...others] = [0, 1, 2, 3].map((value) => pool.call('wait_or_note', [value]));
    const running = failure(first!.then(() => pool.call('wait_or_note', [gate.path])));
    const behind = others.map((each, index) => each.then(() => pool.call('wait_or_note', [4 + index])));
    await Promise.all(others);
    await gate.reached();
    const ready = next(pool, 'worker.ready');
    process.kill(pool.workers()[0]!.pid as number, 'SIGKILL');
    expect(await running).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    await ready;
    expect(await Promise.all(behind)).toEqual([4, 5, 6]);
    expect(await pool.call('noted')).toEqual([4, 5, 6]);
    expect(pool.stats()).toMatchObject({ prefetch: { moved: 3 }, calls: { failed: 1, running: 0 } });
  });

  it('never run if they are given up in the pipe, and the others do', async () => {
    const { pool, running, behind, gate, givesUp } = await inThePipe();
    const go = await gate.reached();
    givesUp.abort('no longer');
    expect(await failure(behind[1]!)).toBe('no longer');
    await go();
    await running;
    expect(await Promise.all(behind.toSpliced(1, 1))).toEqual([2, 4, 5, 6, 7]);
    expect(await pool.call('noted')).toEqual([0, gate.path, 2, 4, 5, 6, 7]);
    expect(pool.stats()).toMatchObject({ cancelled: { kept: 0, killed: 0 }, calls: { aborted: 1 } });
  });

  it('go elsewhere and run once, though a worker that is to be killed comes to an end with the one before', async () => {
    const { pool, running, behind, gate, leaves } = await inThePipe({ start: 'fork', cancelGraceMs: 1 });
    const go = await gate.reached();
    // It alone can kill what it has forked.
    const [template] = templatesOf(process.pid) as [number];
    await freeze(template);
    onTestFinished(() => void process.kill(template, 'SIGCONT'));
    const { pid } = pool.workers()[0]!;
    leaves.abort('no longer');
    expect(await failure(running)).toBe('no longer');
    await until(() => pool.stats().prefetch.moved > 0, 'its calls to go elsewhere');
    await go();
    await until(() => !isAlive(pid as number), 'it to end by itself');
    process.kill(template, 'SIGCONT');
    expect(await Promise.all(behind)).toEqual([2, 3, 4, 5, 6, 7]);
    expect(await pool.call('noted')).toEqual([2, 3, 4, 5, 6, 7]);
  });

  it('are told that they were never begun if the pool is at its end by then', async () => {
    const { pool, running, behind, gate } = await inThePipe();
    await gate.reached();
    const lost = [running, ...behind.slice(0, 3)].map((each) => failure(each));
    for (const each of behind.slice(3)) each.catch(() => {});
    const drained = pool.drain();
    process.kill(pool.workers()[0]!.pid as number, 'SIGKILL');
    const [first, ...others] = await Promise.all(lost);
    expect(first).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    for (const error of others) expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', started: false });
    await drained;
  });

  it('are known by how long Python takes, and not by how long Node takes to hear of it', async () => {
    const [busy, slow] = await Promise.all([1, 2].map(() => readyPool(app, { prefetchBelowMs: 500 })));
    for (let time = 0; time < 20; time += 1) {
      const answered = busy!.call('wait_or_note', [time]);
      // Of twenty, one that is too long is one too many.
      if (time === 10) compute(600);
      await answered;
      await slow!.call('rest', [time === 10 ? 0.6 : 0]);
    }
    const values = Array.from({ length: 40 }, (_, value) => value);
    await Promise.all(values.map((value) => busy!.call('wait_or_note', [value])));
    await Promise.all(values.slice(0, 4).map(() => slow!.call('rest', [0])));
    expect(busy!.stats().prefetch.ahead).toBeGreaterThan(20);
    expect(slow!.stats().prefetch.ahead).toBe(0);
  });

  it('are short no longer once one was long, though Node heard of it together with the call before', async () => {
    const pool = await readyPool(app, { prefetchBelowMs: 20 });
    for (let time = 0; time < 20; time += 1) await pool.call('rest', [0]);
    const lease = await pool.checkout();
    const both = [lease.call('add', [1, 2]), lease.call('rest', [0.025])];
    await new Promise(setImmediate);
    compute(100);
    await Promise.all(both);
    await lease.checkin();
    await Promise.all(Array.from({ length: 4 }, () => pool.call('rest', [0])));
    expect(pool.stats().prefetch.ahead).toBe(0);
  });

  it('are short no longer once one was killed that did not end', async () => {
    const pool = await knownToBeShort({ interrupt: false, cancelGraceMs: 1 });
    const gate = new Gate();
    const leaves = new AbortController();
    const hung = failure(pool.call('wait_or_note', [gate.path], { signal: leaves.signal }));
    await gate.reached();
    const ready = next(pool, 'worker.ready');
    leaves.abort('no longer');
    expect(await hung).toBe('no longer');
    await ready;
    await Promise.all(Array.from({ length: 8 }, (_, value) => pool.call('wait_or_note', [value])));
    expect(pool.stats()).toMatchObject({ prefetch: { ahead: 0 }, cancelled: { killed: 1 } });
  });

  it('wait for a worker that is free with prefetchMax: 0, and where they are not short', async () => {
    for (const options of [{ prefetchMax: 0 }, { prefetchBelowMs: 0 }]) {
      const pool = await knownToBeShort(options);
      await Promise.all(Array.from({ length: 40 }, (_, value) => pool.call('wait_or_note', [value])));
      expect(pool.stats().prefetch).toEqual({ ahead: 0, overruns: 0, moved: 0 });
    }
  });

  it('let a lease that is held wait until the pipe is empty, and no longer', async () => {
    const { pool, running, behind, gate } = await inThePipe();
    const held = pool.checkout({ priority: 1 });
    const go = await gate.reached();
    await go();
    const lease = await held;
    expect(await lease.call('noted')).toEqual([0, gate.path, 2, 3, 4]);
    await lease.checkin();
    await Promise.all([running, ...behind]);
  });
});

/** Keeps Node from hearing anything for so long. */
function compute(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** One worker, and a function that ran so often that it is known how long it takes; nothing here is longer than an hour. */
async function knownToBeShort(options: Partial<PoolOptions> = {}) {
  const pool = await readyPool(app, { prefetchBelowMs: 3_600_000, ...options });
  for (let time = 0; time < 20; time += 1) await pool.call('wait_or_note', [time]);
  await pool.call('forget');
  return pool;
}

/** A call that waits at the gate, with three behind it in the pipe, and three that wait for a worker. */
async function inThePipe(options: Partial<PoolOptions> = {}) {
  const pool = await knownToBeShort(options);
  const gate = new Gate();
  const [leaves, givesUp] = [new AbortController(), new AbortController()];
  const first = pool.call('wait_or_note', [0]);
  const running = pool.call('wait_or_note', [gate.path], { signal: leaves.signal });
  const behind = [2, 3, 4, 5, 6, 7].map((value) =>
    pool.call('wait_or_note', [value], value === 3 ? { signal: givesUp.signal } : {}),
  );
  await first;
  expect(pool.stats()).toMatchObject({ leases: 4, waiting: 3, prefetch: { ahead: 4 } });
  return { pool, gate, running, behind, leaves, givesUp };
}
