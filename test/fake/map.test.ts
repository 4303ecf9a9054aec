import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { MapOptions, MapOutcome, PoolError, PoolOptions } from '../../src/index.js';
import { batchesMax } from '../../src/map/carrier.js';
import { KeepAlive } from '../../src/time/keep-alive.js';
import { WorkerHand } from '../../src/worker/worker-hand.js';
import { playTicks } from '../support/played-ticks.js';
import { collect, failure } from '../support/pool.js';
import type { FakeProcess, LineToPython, Script } from './fake-python.js';
import { PlayedPool } from './played-pool.js';

describe('how many items go to a worker at once', () => {
  it('is one, until the first have turned out to be short; then more, and one batch behind another', async () => {
    const { pool, sizes } = await mapping();
    await collect(pool.map('f', numbers(400), { concurrency: 64 }));
    expect(sizes.slice(0, 16)).toEqual(Array(16).fill(1));
    expect(Math.max(...sizes)).toBe(shareOf(64));
    expect(sizes.reduce((sum, size) => sum + size)).toBe(400);
    expect(sizes.length).toBeLessThan(40);
  });

  it('stays one while calls are long, and becomes one again where they turn out to be', async () => {
    let tookUs = 1_001;
    const { pool, sizes } = await mapping(
      {},
      { serve: (_, process) => queueMicrotask(() => process.answer(1, tookUs)) },
    );
    await collect(pool.map('f', numbers(100), { concurrency: 64 }));
    expect(new Set(sizes.splice(0))).toEqual(new Set([1]));
    tookUs = 1;
    const results = pool.map('f', numbers(1_000), { concurrency: 64 });
    for (let taken = 0; taken < 500; taken += 1) await results.next();
    expect(Math.max(...sizes.splice(0))).toBe(shareOf(64));
    tookUs = 1_001;
    for (let taken = 500; taken < 700; taken += 1) await results.next();
    sizes.splice(0);
    for (let taken = 700; taken < 900; taken += 1) await results.next();
    expect(new Set(sizes)).toEqual(new Set([1]));
  });

  it('is never more than a millisecond of work', async () => {
    const { pool, sizes } = await mapping({}, { serve: (_, process) => queueMicrotask(() => process.answer(1, 100)) });
    await collect(pool.map('f', numbers(400), { concurrency: 64 }));
    expect(Math.max(...sizes)).toBe(10);
  });

  it('is never more than a message may be', async () => {
    const texts: string[] = [];
    const { pool, sizes } = await mapping(
      { messageBytesMax: 4_096 },
      { onLine: (_, _process, text) => texts.push(text) },
    );
    const items = Array.from({ length: 400 }, () => 'x'.repeat(300));
    expect(await collect(pool.map('f', items, { concurrency: 64 }))).toEqual(items);
    expect(Math.max(...texts.map(({ length }) => length))).toBeLessThanOrEqual(4_096);
    expect(Math.max(...sizes)).toBeGreaterThan(1);
  });

  it('is what it is for thousands that may be under way, of which none is sent twice', async () => {
    const { pool, sizes } = await mapping();
    expect(await collect(pool.map('f', numbers(5_000), { concurrency: 5_000 }))).toEqual([...numbers(5_000)]);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(5_000);
  });

  it('is one where Python shares no page with Node', async () => {
    const { pool, sizes } = await mapping({}, { hasStartMark: false });
    await collect(pool.map('f', numbers(100), { concurrency: 64 }));
    expect(new Set(sizes)).toEqual(new Set([1]));
  });

  it('has as many under way as it makes use of, where nobody says how many', async () => {
    let tookUs = 1_001;
    const { pool, sizes } = await mapping(
      { size: 2 },
      { serve: (_, process) => queueMicrotask(() => process.answer(1, tookUs)) },
    );
    let taken = 0;
    function* source() {
      for (; taken < 3_000; taken += 1) yield taken;
    }
    const results = pool.map('f', source());
    let consumed = 0;
    const ahead: number[] = [];
    const consume = async (count: number) => {
      for (const end = consumed + count; consumed < end; ) {
        await results.next();
        consumed += 1;
        ahead.push(taken - consumed);
      }
      return Math.max(...ahead.splice(0));
    };
    expect(await consume(100)).toBeLessThanOrEqual(4);
    tookUs = 1;
    sizes.splice(0);
    const most = await consume(1_000);
    expect(most).toBeGreaterThan(100);
    expect(most).toBeLessThanOrEqual(2 * 64);
    expect(Math.max(...sizes)).toBe(shareOf(64));
    tookUs = 1_001;
    await consume(300);
    expect(await consume(100)).toBeLessThanOrEqual(4);
    await results.return?.();
  });

  it('is such that every worker has something to do', async () => {
    const { pool, sizes, python } = await mapping({ size: 2 });
    await collect(pool.map('f', numbers(1_000), { concurrency: 64 }));
    expect(Math.max(...sizes)).toBe(shareOf(32));
    expect(Math.min(...python.processes.map(({ answered }) => answered.length))).toBeGreaterThan(100);
  });
});

describe('the lease of a map', () => {
  it('is given back soon where anybody else waits, whatever is left to do', async () => {
    const { pool, process, sizes } = await mapping({}, { serve: () => {} });
    const results = collect(pool.map('f', numbers(1_000), { concurrency: 64 }));
    for (let answers = 0; answers < 200; answers += 1) await answer(process);
    const [owed] = [process.owed];
    const call = pool.call('other');
    const before = process.answered.length;
    while (process.request?.name !== 'other') await answer(process);
    expect(process.answered.length - before).toBeLessThanOrEqual(owed);
    expect(owed).toBeLessThanOrEqual(64);
    process.answer('served');
    expect(await call).toBe('served');
    sizes.splice(0);
    const others = [1, 2, 3].map(() => pool.call('other'));
    const all = Promise.all(others);
    while (process.owesAnswer) await answer(process);
    expect(await all).toHaveLength(3);
    expect((await results).length).toBe(1_000);
  });

  it('is given back where there is nothing to do for it, before the map is over', async () => {
    const { pool } = await mapping();
    let give: (value: number) => void = () => {};
    const source = (async function* () {
      yield 1;
      yield await new Promise<number>((resolve) => {
        give = resolve;
      });
    })();
    const results = pool.map('f', source, { concurrency: 8 });
    await results.next();
    await done();
    expect(pool.stats()).toMatchObject({ leases: 0, calls: { running: 0 } });
    give(2);
    expect((await results.next()).done).toBe(false);
    expect((await results.next()).done).toBe(true);
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, calls: { asked: 2, answered: 2, running: 0 } });
  });

  it('is given back after a while even where nobody waits, for whoever looks after the workers', async () => {
    const { pool, process, clock, leases } = await mapping({}, { serve: () => {} });
    const results = collect(pool.map('f', numbers(100), { concurrency: 8 }));
    for (let answers = 0; answers < 50; answers += 1) await answer(process);
    expect(leases()).toBe(0);
    await clock.turn(10);
    while (process.owesAnswer) await answer(process);
    await results;
    expect(leases()).toBe(2);
  });

  it('keeps the program running while an item is under way, and no longer', async () => {
    const [hold, release] = [vi.spyOn(KeepAlive.prototype, 'hold'), vi.spyOn(KeepAlive.prototype, 'release')];
    onTestFinished(() => void vi.restoreAllMocks());
    const held = () => hold.mock.calls.length - release.mock.calls.length;
    const { pool, process } = await mapping({}, { serve: () => {} });
    const before = held();
    const results = pool.map('f', [1, 2], { concurrency: 2 });
    const first = results.next();
    await done();
    expect(held()).toBe(before + 1);
    await answer(process);
    expect((await first).value).toBe(1);
    await done();
    expect(held()).toBe(before + 1);
    await answer(process);
    expect((await results.next()).value).toBe(2);
    await done();
    expect(held()).toBe(before);
    await results.return?.();
  });

  it('counts among the calls of its worker as many as are unanswered', async () => {
    const { pool, process, sizes } = await mapping({}, { serve: () => {}, mappedMax: 1 });
    const results = collect(pool.map('f', numbers(200), { concurrency: 16 }));
    while (Math.max(0, ...sizes) < shareOf(16)) await answer(process);
    await answer(process);
    expect(pool.workers()).toMatchObject([{ calls: process.owed }]);
    expect(process.owed).toBeGreaterThan(1);
    while (process.owesAnswer) await answer(process);
    await results;
  });

  it('waits in its place, with its priority and its key', async () => {
    const { pool, process } = await mapping({}, { serve: () => {} });
    const lease = await pool.checkout();
    const served: unknown[] = [];
    const call = pool.call('low', [], { priority: 1 }).then(() => served.push('call'));
    const map = collect(pool.map('f', [1], { priority: 2, fairnessKey: 'ann' })).then(() => served.push('map'));
    await done();
    await lease.checkin();
    while (process.owesAnswer) await answer(process);
    await Promise.all([call, map]);
    expect(served).toEqual(['map', 'call']);
  });
});

describe('when a worker dies in the middle of a batch', () => {
  it('what it had not begun goes on elsewhere, and what it had begun is told so, with no answer of it lost silently', async () => {
    const { python, results, seen, item, process } = await inTheMiddle();
    process.die({ exitCode: null, signal: 'SIGSEGV' });
    process.tellEnd();
    const error = await failure(results);
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', started: true, call: 'f', index: seen.length });
    expect(python.violations).toEqual([]);
    expect(python.processes.flatMap(({ started }) => started).length).toBe(
      new Set(python.processes.flatMap(({ started }) => started)).size,
    );
    expect(item).toBeGreaterThan(0);
  });

  it('all go on elsewhere where it had begun with none of them', async () => {
    const { pool, python, process, settle } = await mapping({ size: 1 }, { serve: () => {} });
    process.freeze();
    const results = collect(pool.map('f', [1, 2, 3], { concurrency: 3 }));
    await done();
    process.die();
    process.tellEnd();
    await settle();
    const next = python.processes.at(-1) as FakeProcess;
    expect(next).not.toBe(process);
    while (next.owesAnswer) await answer(next);
    expect(await results).toEqual([1, 2, 3]);
    expect(pool.stats()).toMatchObject({ attempts: { moved: 1, retried: 0 }, calls: { asked: 3, answered: 3 } });
  });

  it('what it had not begun goes on in the order of the items, whichever batch that was in', async () => {
    const begun: unknown[] = [];
    const { pool, python, process, settle } = await mapping(
      { size: 1, slots: 2 },
      { serve: ({ args: [item] }) => void begun.push(item) },
    );
    process.freeze();
    const results = collect(pool.map('f', [1, 2, 3, 4], { concurrency: 4 }));
    await done();
    process.die();
    process.tellEnd();
    await settle();
    const next = python.processes.at(-1) as FakeProcess;
    while (next.owesAnswer) await answer(next);
    expect(await results).toEqual([1, 2, 3, 4]);
    expect(begun).toEqual([1, 2, 3, 4]);
    expect(pool.stats().attempts).toMatchObject({ moved: 2 });
  });

  it('an item that no worker ever comes to fails in the end, as one that was not begun', async () => {
    const { pool, python, settle } = await mapping({}, { onLine: ({ type }, each) => type === 'map' && each.freeze() });
    const results = failure(collect(pool.map('f', [1])));
    for (let deaths = 0; deaths < 3; deaths += 1) {
      await done();
      const each = python.processes.at(-1) as FakeProcess;
      each.die({ exitCode: null, signal: 'SIGSEGV' });
      each.tellEnd();
      await settle();
    }
    expect(await results).toMatchObject({ code: 'ERR_WORKER_DIED', started: false });
  });

  it('an item that it had not begun has only waited where no other comes up in time', async () => {
    const { pool, process, clock } = await mapping({}, { serve: () => {} });
    process.freeze();
    const results = failure(collect(pool.map('f', [1], { timeoutMs: 100 })));
    await done();
    await clock.turn(40);
    process.die();
    process.tellEnd();
    await done();
    await clock.turn(60);
    expect(await results).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', waitedMs: 100 });
  });

  it('suspects the one that ran, and no other', async () => {
    const { pool, process, results, item } = await inTheMiddle({ poisonDeaths: 1 });
    process.die({ exitCode: null, signal: 'SIGSEGV' });
    process.tellEnd();
    await failure(results);
    expect(pool.stats().poison.active).toBe(1);
    expect(await failure(pool.call('f', [item]))).toMatchObject({ code: 'ERR_POISON' });
    void pool.call('f', [item + 1]).catch(() => {});
    expect(pool.stats().poison.refused).toBe(1);
    expect(await failure(collect(pool.map('f', [item])))).toMatchObject({ code: 'ERR_POISON' });
  });
});

describe('a map that is given up in the middle of a batch', () => {
  it('has what runs interrupted and what is behind it never begun, and nobody else gets the worker before', async () => {
    const { pool, process, map } = await inTheMiddle();
    const begun = process.started.length;
    const left = map.return?.();
    await left;
    expect(process.cancelled).toHaveLength(batchesMax());
    // What runs is interrupted last, when Python can see that what is behind it need not be begun.
    expect(process.cancelled).toEqual(process.cancelled.toSorted((one, other) => other - one));
    const call = pool.call('other');
    expect(pool.stats()).toMatchObject({ calls: { running: 1 }, workers: { cancelling: 1 } });
    process.answer('late');
    await done();
    await done();
    expect(process.request?.name).toBe('other');
    process.answer('served');
    expect(await call).toBe('served');
    expect(process.started.length).toBe(begun + 1);
    expect(pool.stats()).toMatchObject({ cancelled: { kept: 1, killed: 0 }, workers: { idle: 1 } });
  });

  it('costs the worker its life where that does not answer in time', async () => {
    const { pool, process, map, clock } = await inTheMiddle({ cancelGraceMs: 50 });
    await map.return?.();
    await clock.turn(50);
    process.tellEnd();
    expect(process.signals).toContain('SIGKILL');
    expect(pool.stats().cancelled).toEqual({ kept: 0, killed: 1 });
  });

  it('rejects with the reason of its signal, after the results that were there', async () => {
    const controller = new AbortController();
    const { map, process, results } = await inTheMiddle({}, { signal: controller.signal });
    void map;
    process.answer('done');
    await done();
    controller.abort('enough');
    expect(await failure(results)).toBe('enough');
  });

  it('gives up what its source yields afterwards, too, so that whoever is busy with a result is told next', async () => {
    const { pool } = await mapping();
    const controller = new AbortController();
    let give: (value: number) => void = () => {};
    const source = (async function* () {
      yield 1;
      yield await new Promise<number>((resolve) => {
        give = resolve;
      });
    })();
    const map = pool.map('f', source, { concurrency: 8, signal: controller.signal });
    expect(await map.next()).toEqual({ value: 1, done: false });
    await done();
    controller.abort('enough');
    give(2);
    await done();
    expect(pool.stats()).toMatchObject({ leases: 0, calls: { asked: 2, answered: 1, aborted: 1, running: 0 } });
    expect(await failure(map.next())).toBe('enough');
  });
});

describe('an error says which item it is of', () => {
  class Refused extends Error {
    index?: number;
  }
  const raises: Script = {
    serve: ({ args: [item] }, process) =>
      queueMicrotask(() => (item === 'ill' ? process.raise() : process.answer(item))),
  };
  const refuseAll = { '~standard': { version: 1, vendor: 'test', validate } } as const;
  function validate(value: unknown) {
    return value === 'ill' ? { issues: [{ message: 'it is ill' }] } : { value };
  }

  it.each<[string, Partial<PoolOptions>, MapOptions, Script]>([
    ['that Python raised', {}, {}, raises],
    ['that Python raised, in no order', {}, { ordered: false, concurrency: 1 }, raises],
    ['that Python raised, of a call by itself', {}, { attempts: 2 }, raises],
    ['of a class that is tied', { errors: { ValueError: Refused } }, {}, raises],
    ['of a class that is tied, of a call by itself', { errors: { ValueError: Refused } }, { attempts: 2 }, raises],
    ['of a schema', {}, { schema: refuseAll }, {}],
  ])('%s', async (_, options, given, script) => {
    const { pool } = await mapping(options, script);
    const items = [1, 2, 'ill', 4];
    const error = await failure(collect(pool.map('f', items, given)));
    expect(error).toMatchObject({ index: 2 });
    expect(error instanceof Refused).toBe(options.errors !== undefined);
    const { index } = await failure<PoolError>(pool.call('f', ['ill'], { schema: refuseAll }));
    expect(index).toBeUndefined();
    // It was answered, and nothing behind it was sent.
    expect(pool.stats().cancelled).toEqual({ kept: 0, killed: 0 });
  });

  it('that cannot cross', async () => {
    const { pool } = await mapping();
    const error = await failure(collect(pool.map('f', [1, Symbol('no value'), 3])));
    expect(error).toMatchObject({ code: 'ERR_VALUE', index: 1 });
  });
});

describe('a map that keeps going', () => {
  const isIll = (item: unknown) => Number(item) % 10 === 9;

  it('has the others of a batch served where one of them raises, and all behind it', async () => {
    const { pool, sizes } = await mapping(
      {},
      {
        serve: ({ args: [item] }, process) =>
          queueMicrotask(() => (isIll(item) ? process.raise() : process.answer(item))),
      },
    );
    const outcomes = await collect(pool.map<number>('f', numbers(400), { concurrency: 64, keepGoing: true }));
    const told = [...numbers(400)].map((index) =>
      isIll(index) ? { status: 'rejected', index } : { status: 'fulfilled', index, value: index },
    );
    expect(outcomes).toMatchObject(told);
    expect(outcomes[9]).toMatchObject({ reason: { code: 'ERR_PYTHON' } });
    expect(Math.max(...sizes)).toBeGreaterThan(1);
    expect(pool.stats()).toMatchObject({ leases: 0, calls: { asked: 400, answered: 360, failed: 40, running: 0 } });
  });

  it('tells of what its worker had begun as that died, and has all others served elsewhere', async () => {
    const { python, process, results, seen, settle } = await inTheMiddle({}, { keepGoing: true });
    process.die({ exitCode: null, signal: 'SIGSEGV' });
    process.tellEnd();
    await settle();
    const next = python.processes.at(-1) as FakeProcess;
    while (seen.length < 1_000) await answer(next);
    await results;
    const outcomes = seen as MapOutcome[];
    expect(outcomes.map(({ index }) => index)).toEqual([...numbers(1_000)]);
    const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? outcome.reason : []));
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.length).toBeLessThanOrEqual(16);
    for (const reason of lost) expect(reason).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    const started = python.processes.flatMap((each) => each.started);
    expect(new Set(started).size).toBe(started.length);
  });

  it('gives up the one item that is late, and none of those it was sent with', async () => {
    const { pool, process, clock, seen, results, item, timers } = await inTheMiddle(
      {},
      { keepGoing: true, timeoutMs: 100 },
    );
    const late = process.request as { id: number };
    const [sent] = [process.owed];
    await clock.turn(99);
    expect(process.cancelledAlone).toEqual([]);
    await clock.turn(1);
    expect(process.cancelledAlone).toEqual([late.id]);
    expect(process.cancelled).toEqual([]);
    expect(pool.stats()).toMatchObject({ calls: { timedOut: 1 }, workers: { cancelling: 1 } });
    // What it waits behind that one is of nobody's time.
    await clock.turn(99);
    process.raise();
    await done();
    expect(process.owed).toBeGreaterThanOrEqual(sent - 1);
    expect(pool.stats()).toMatchObject({ workers: { cancelling: 0, leased: 1 }, cancelled: { kept: 1, killed: 0 } });
    await clock.turn(99);
    while (seen.length < 1_000) await answer(process);
    await results;
    const told = [...numbers(1_000)].map((index) =>
      index === item
        ? { status: 'rejected', index, reason: { code: 'ERR_CALL_TIMEOUT', timeoutMs: 100, waitedMs: 0, ranMs: 100 } }
        : { status: 'fulfilled', index, value: index },
    );
    expect(seen).toMatchObject(told);
    expect(new Set(process.started).size).toBe(1_000);
    expect(clock.timers).toBe(timers);
    expect(pool.stats()).toMatchObject({ leases: 0, calls: { answered: 999, timedOut: 1, failed: 0, running: 0 } });
  });

  it('gives up one item after the other, each in its time', async () => {
    const { process, clock, seen, results } = await inTheMiddle({}, { keepGoing: true, timeoutMs: 100 });
    const late: number[] = [];
    for (let count = 0; count < 12; count += 1) {
      const { request } = process;
      late.push(request?.args[0] as number);
      await clock.turn(100);
      expect(process.cancelledAlone.at(-1)).toBe(request?.id);
      process.raise();
      await done();
    }
    while (seen.length < 1_000) await answer(process);
    await results;
    const rejected = (seen as MapOutcome[]).filter(({ status }) => status === 'rejected').map(({ index }) => index);
    expect(rejected).toEqual(late);
    expect(process.cancelledAlone).toHaveLength(12);
  });

  it('has none begun whose time was up as a worker came, though its timer is yet to say so', async () => {
    const { pool, process, clock, seen, results } = await inTheMiddle({}, { keepGoing: true, timeoutMs: 100 });
    const call = pool.call('other');
    while (process.request?.name !== 'other') await answer(process);
    const [begun, served] = [process.started.length, seen.length];
    clock.sleep(100);
    process.answer('served');
    expect(await call).toBe('served');
    await done();
    const late = (seen as MapOutcome[]).slice(served, served + 16);
    expect(late.map(({ index }) => index)).toEqual([...numbers(16)].map((index) => served + index));
    for (const each of late) expect(each).toMatchObject({ status: 'rejected', reason: { code: 'ERR_QUEUE_TIMEOUT' } });
    while (seen.length < 1_000) await answer(process);
    await results;
    expect(process.started.length - begun).toBe(1_000 - served - 16);
    expect(process.cancelledAlone).toEqual([]);
  });

  it('gives what runs behind an item that was late its time from when Node has heard of the end of that', async () => {
    const { process, clock, seen, results, item, sizes } = await inTheMiddle(
      { cancelGraceMs: 10_000 },
      { keepGoing: true, timeoutMs: 100 },
      { mappedMax: 2 },
    );
    expect(sizes.at(-1)).toBeGreaterThan(2);
    await clock.turn(100);
    expect(process.cancelledAlone).toEqual([process.request?.id]);
    // Its answer is under way, and Node has slept.
    process.answer('heeds nothing', 1);
    const { request } = process;
    clock.sleep(150);
    await clock.turn(0);
    expect(process.cancelledAlone).not.toContain(request?.id);
    process.tell({ type: 'log', stream: 'stdout', call: null, text: '' });
    await clock.turn(99);
    expect(process.cancelledAlone).not.toContain(request?.id);
    await clock.turn(1);
    expect(process.cancelledAlone.at(-1)).toBe(request?.id);
    process.raise();
    await done();
    while (seen.length < 1_000) await answer(process);
    await results;
    const rejected = (seen as MapOutcome[]).filter(({ status }) => status === 'rejected').map(({ index }) => index);
    expect(rejected).toEqual([item, item + 1]);
  });

  it('ends the worker of an item that is late and does not end, and has the others served elsewhere', async () => {
    const given = { keepGoing: true, timeoutMs: 10_000 };
    const { pool, python, process, clock, seen, results, item, settle } = await inTheMiddle(
      { cancelGraceMs: 50 },
      given,
    );
    await clock.turn(10_000);
    await clock.turn(50);
    expect(process.signals).toContain('SIGKILL');
    process.tellEnd();
    await settle();
    await clock.turn(1_000);
    await settle();
    const next = python.processes.at(-1) as FakeProcess;
    while (seen.length < 1_000) await answer(next);
    await results;
    const rejected = (seen as MapOutcome[]).flatMap((each) => (each.status === 'rejected' ? each : []));
    expect(rejected).toMatchObject([{ index: item, reason: { code: 'ERR_CALL_TIMEOUT' } }]);
    expect(pool.stats().cancelled).toEqual({ kept: 0, killed: 1 });
  });

  it('begins nothing more where it is left while an item that was late is being ended', async () => {
    const { pool, process, clock, map } = await inTheMiddle({}, { keepGoing: true, timeoutMs: 100 });
    await clock.turn(100);
    const begun = process.started.length;
    await map.return?.();
    process.raise();
    for (let turn = 0; turn < 40; turn += 1) await done();
    expect(process.started).toHaveLength(begun);
    expect(pool.stats()).toMatchObject({ leases: 0, workers: { idle: 1 }, calls: { running: 0 } });
  });

  it('counts nothing of what an item waits behind others of its map, over several leases', async () => {
    const { pool, process, clock, leases } = await mapping({}, { serve: () => {} });
    const before = leases();
    const given = { keepGoing: true, timeoutMs: 100, concurrency: 20 } as const;
    const outcomes = collect(pool.map<number>('f', numbers(20), given));
    for (let item = 0; item < 20; item += 1) {
      await done();
      await clock.turn(60);
      process.answer(item);
    }
    await done();
    expect((await outcomes).map(({ status }) => status)).toEqual(Array(20).fill('fulfilled'));
    expect(leases() - before).toBeGreaterThan(3);
  });

  it('takes the time in which an item waits for a worker off that in which it may run', async () => {
    const { pool, process, clock } = await mapping({}, { serve: () => {} });
    const lease = await pool.checkout();
    const outcomes = collect(pool.map('f', ['a', 'b'], { keepGoing: true, timeoutMs: 100, concurrency: 2 }));
    await clock.turn(60);
    await lease.checkin();
    await done();
    await clock.turn(39);
    expect(process.cancelledAlone).toEqual([]);
    await clock.turn(1);
    expect(process.cancelledAlone).toHaveLength(1);
    process.raise();
    await done();
    await answer(process);
    expect(await outcomes).toMatchObject([
      { status: 'rejected', index: 0, reason: { code: 'ERR_CALL_TIMEOUT', waitedMs: 60, ranMs: 40 } },
      { status: 'fulfilled', index: 1, value: 'b' },
    ]);
  });

  it('says of each item that no worker came free in time, though one error says so of all', async () => {
    const { pool, clock } = await mapping({ queueTimeoutMs: 100 }, { serve: () => {} });
    const lease = await pool.checkout();
    const outcomes = collect(pool.map('f', [1, 2], { keepGoing: true }));
    await clock.turn(100);
    expect(await outcomes).toMatchObject([0, 1].map((index) => ({ index, reason: { code: 'ERR_QUEUE_TIMEOUT' } })));
    await lease.checkin();
  });

  it('ends where there is no room for an item, since all behind it would be refused before anybody made some', async () => {
    const { pool } = await mapping({ queueMax: 0 }, { serve: () => {} });
    const lease = await pool.checkout();
    let taken = 0;
    const items = function* () {
      for (; taken < 1_000; taken += 1) yield taken;
    };
    for (const given of [{}, { attempts: 2 }]) {
      taken = 0;
      const error = await failure(collect(pool.map('f', items(), { ...given, keepGoing: true })));
      expect(error).toMatchObject({ code: 'ERR_QUEUE_FULL', index: 0 });
      expect(taken).toBeLessThan(10);
    }
    await lease.checkin();
  });

  it('ends with its pool, once those are served that were there', async () => {
    const { pool, process } = await mapping({}, { serve: () => {} });
    const seen: unknown[] = [];
    const error = failure(
      (async () => {
        for await (const { index } of pool.map('f', numbers(10), { concurrency: 4, keepGoing: true })) seen.push(index);
      })(),
    );
    await done();
    const drained = pool.drain();
    while (process.owesAnswer) await answer(process);
    expect(await error).toMatchObject({ code: 'ERR_POOL_CLOSED', index: 4 });
    expect(seen).toEqual([0, 1, 2, 3]);
    await drained;
  });
});

describe('time', () => {
  it('is each item’s own: one that is not sent in time is told so, and one that is not answered', async () => {
    const { pool, process, clock, timers } = await mapping({}, { serve: () => {} });
    const running = failure(collect(pool.map('f', [1, 2], { timeoutMs: 100, concurrency: 1 })));
    await done();
    await clock.turn(60);
    await answer(process);
    await clock.turn(60);
    expect(process.owesAnswer).toBe(true);
    await clock.turn(40);
    expect(await running).toMatchObject({
      code: 'ERR_CALL_TIMEOUT',
      timeoutMs: 100,
      waitedMs: 0,
      ranMs: 100,
      index: 1,
    });
    const waiting = failure(collect(pool.map('f', [1], { timeoutMs: 100 })));
    await clock.turn(100);
    expect(await waiting).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', index: 0 });
    process.answer('late');
    await done();
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, calls: { running: 0, timedOut: 2, answered: 1 } });
    expect(clock.timers).toBe(timers);
  });

  it('in the pipe behind an item is time in which a call waits', async () => {
    const { pool, process, clock } = await mapping({ slots: 2 }, { serve: () => {} });
    const item = collect(pool.map('f', [1]));
    await done();
    const call = failure(pool.call('g', [], { timeoutMs: 50 }));
    await clock.turn(50);
    expect(await call).toMatchObject({ code: 'ERR_CALL_TIMEOUT', waitedMs: 50, ranMs: 0 });
    await answer(process);
    expect(await item).toEqual([1]);
  });

  it('leaves nothing unsettled of what is taken behind an item that was late', async () => {
    const { pool, process, clock } = await mapping({}, { serve: () => {} });
    const map = pool.map('f', numbers(10), { timeoutMs: 100, concurrency: 3 });
    const first = map.next();
    await answer(process);
    await answer(process);
    expect((await first).value).toBe(0);
    await clock.turn(100);
    // With this result, the next items are taken.
    expect((await map.next()).value).toBe(1);
    await done();
    expect(await failure(map.next())).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    expect(pool.stats().calls).toMatchObject({ answered: 2, timedOut: 1, running: 0 });
    await answer(process);
  });

  it('leaves no timer behind', async () => {
    const { pool, clock, timers } = await mapping({ timeoutMs: 1_000, queueTimeoutMs: 1_000 });
    await collect(pool.map('f', numbers(300), { concurrency: 20 }));
    expect(clock.timers).toBe(timers);
  });
});

describe('a pool at its end', () => {
  it('serves the items that were there, and refuses those that are taken later', async () => {
    const { pool, process } = await mapping({}, { serve: () => {} });
    const seen: unknown[] = [];
    const error = failure(
      (async () => {
        for await (const result of pool.map('f', numbers(10), { concurrency: 4 })) seen.push(result);
      })(),
    );
    await done();
    const drained = pool.drain();
    while (process.owesAnswer) await answer(process);
    expect(await error).toMatchObject({ code: 'ERR_POOL_CLOSED', index: 4 });
    expect(seen).toEqual([0, 1, 2, 3]);
    await drained;
  });

  it('serves those, too, whose turn ends in the tick in which it does, by the answer that its caller had waited for', async () => {
    const { pool, process, clock } = await mapping({}, { serve: () => {} });
    const seen: unknown[] = [];
    let drained: Promise<void> | undefined;
    const results = (async () => {
      for await (const result of pool.map('f', numbers(4), { concurrency: 4 })) {
        seen.push(result);
        drained ??= pool.drain();
      }
    })();
    await done();
    await clock.turn(10);
    while (process.owesAnswer) await answer(process);
    await results;
    expect(seen).toEqual([0, 1, 2, 3]);
    await drained;
  });

  it('that is destroyed tells all of them', async () => {
    const { pool, python, results } = await inTheMiddle();
    const gone = pool.destroy();
    python.reap();
    expect(await failure(results)).toMatchObject({ code: 'ERR_POOL_CLOSED' });
    await gone;
    expect(pool.stats().calls.running).toBe(0);
  });

  it('refuses a map that begins then', async () => {
    const { pool } = await mapping();
    await pool.drain();
    expect(await failure(collect(pool.map('f', [1])))).toMatchObject({ code: 'ERR_POOL_CLOSED' });
  });
});

describe('who is not let in', () => {
  it('fails the items where nothing else of the map is under way', async () => {
    const { pool } = await mapping({ queueMax: 0 }, { serve: () => {} });
    const lease = await pool.checkout();
    expect(await failure(collect(pool.map('f', [1])))).toMatchObject({ code: 'ERR_QUEUE_FULL' });
    await lease.checkin();
  });

  it('is told after queueTimeoutMs, and no timer is left', async () => {
    const { pool, clock, timers } = await mapping({ queueTimeoutMs: 100 }, { serve: () => {} });
    const lease = await pool.checkout();
    const waiting = failure(collect(pool.map('f', [1, 2])));
    await clock.turn(100);
    expect(await waiting).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT' });
    expect(clock.timers).toBe(timers);
    await lease.checkin();
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, calls: { asked: 2, timedOut: 2, running: 0 } });
  });

  it('leaves the line when nobody wants its results any more', async () => {
    const { pool, clock, timers } = await mapping({ queueTimeoutMs: 100 }, { serve: () => {} });
    const lease = await pool.checkout();
    const map = pool.map('f', [1, 2]);
    const first = map.next();
    await done();
    await map.return?.();
    expect(await first).toEqual({ value: undefined, done: true });
    expect(pool.stats()).toMatchObject({ waiting: 0, calls: { asked: 2, aborted: 2, running: 0 } });
    expect(clock.timers).toBe(timers);
    await lease.checkin();
  });

  it('waits for its own turn where something is', async () => {
    const { pool } = await mapping({ size: 2, queueMax: 0 });
    const lease = await pool.checkout();
    expect(await collect(pool.map('f', numbers(50)))).toEqual([...numbers(50)]);
    await lease.checkin();
  });
});

it('says what is no answer to what was asked, and ends the worker for it', async () => {
  const { results, process } = await inTheMiddle();
  process.answerTwice();
  process.tellEnd();
  expect(await failure(results)).toMatchObject({ code: 'ERR_PROTOCOL' });
});

it.each<[string, (id: number) => { readonly type: string; readonly id: number }]>([
  ['a later call of its batch', (id) => ({ type: 'reply', id: id + 1, value: 1 })],
  ['a later one, which has failed', (id) => ({ type: 'error', id: id + 1, error: RAISED })],
  ['several from a later one on', (id) => ({ type: 'mapped', id: id + 1, values: [1], tookUs: 1, longestUs: 1 })],
  ['more than its batch has', (id) => ({ type: 'mapped', id, values: Array(9).fill(1), tookUs: 1, longestUs: 1 })],
])('ends a worker that answers %s before the one that it runs', async (_, told) => {
  const { results, seen, process } = await inTheMiddle();
  process.tell(told((process.request as { id: number }).id));
  process.tellEnd();
  expect(await failure(results)).toMatchObject({ code: 'ERR_PROTOCOL' });
  expect(seen).toEqual([...numbers(seen.length)]);
});

it.each([
  [{ softLimitMs: 10 }, {}],
  [{ hardLimitMs: 10 }, {}],
  [{ recycle: { leases: 10 } }, {}],
  [{ lane: 'asyncio' as const, slots: 4 }, {}],
  [{}, { onProgress: () => {} }],
  [{}, { heartbeatTimeoutMs: 100 }],
  [{}, { idempotent: true }],
  [{}, { attempts: 2 }],
  [{}, { kwargs: { at: new Date(0) } }],
  [{ slots: 2 }, { keepGoing: true as const, timeoutMs: 1_000 }],
])('makes each item a call by itself with %o, %o', async (options, given) => {
  const { pool, lines } = await mapping(options);
  await collect(pool.map('f', numbers(40), { concurrency: 8, ...given }));
  expect(lines.filter(({ type }) => type === 'map')).toEqual([]);
  expect(lines.filter(({ type }) => type === 'call')).toHaveLength(40);
});

it('has no time for an item where a call would have none', async () => {
  const { pool, lines } = await mapping();
  const error = await failure(collect(pool.map('f', [1], { timeoutMs: 0 })));
  expect(error).toMatchObject({ code: 'ERR_CALL_TIMEOUT', index: 0 });
  expect(lines.filter(({ type }) => type === 'map')).toEqual([]);
});

it('is refused what a call would be refused', async () => {
  const { pool } = await mapping();
  const error = await failure(collect(pool.map('f', [1], { attemptTimeoutMs: 1_000 })));
  expect(error).toMatchObject({ code: 'ERR_OPTION', option: 'attemptTimeoutMs' });
});

it('makes an item that is more than JSON a call by itself, in its place', async () => {
  const { pool, lines } = await mapping();
  const items = [1, new Date(0), 2, 'x'.repeat(70_000), 3];
  expect(await collect(pool.map('f', items))).toHaveLength(5);
  expect(lines.filter(({ type }) => type === 'call').map((line) => 'args' in line && line.args[0])).toEqual([
    0,
    'x'.repeat(70_000),
  ]);
});

it('throws what an item throws as it is read, after the results before it', async () => {
  const { pool } = await mapping();
  const thrown = new Error('no such field');
  const item = {
    get field(): never {
      throw thrown;
    },
  };
  const results = pool.map('f', [1, item, 3]);
  expect((await results.next()).value).toBe(1);
  expect(await failure(results.next())).toBe(thrown);
});

describe('while a test plays the ticks and the microtasks', () => {
  const slowly: Script = { serve: ({ args }, process) => void setImmediate(() => process.answer(args[0])) };

  it('a map gives its lease back as long as its source has nothing', async () => {
    const { pool } = await mapping({ size: 1 }, slowly);
    const restore = playTicks();
    let give: (value: number) => void = () => {};
    const source = (async function* () {
      yield 1;
      yield await new Promise<number>((resolve) => {
        give = resolve;
      });
    })();
    const map = pool.map('f', source, { concurrency: 4 });
    expect(await map.next()).toEqual({ value: 1, done: false });
    await done();
    expect(pool.stats().leases).toBe(0);
    give(2);
    expect(await map.next()).toEqual({ value: 2, done: false });
    expect(await map.next()).toEqual({ value: undefined, done: true });
    restore();
  });

  it('a map goes on for whoever has asked for several results at once', async () => {
    const { pool } = await mapping({ size: 1 }, slowly);
    const restore = playTicks();
    const map = pool.map('f', numbers(20), { concurrency: 4 });
    const results = await Promise.all(Array.from({ length: 21 }, () => map.next()));
    expect(results.map(({ value }) => value)).toEqual([...numbers(20), undefined]);
    restore();
  });
});

/** A pool of played workers that answer at once with the item, and what was sent to them. */
async function mapping(options: Partial<PoolOptions> = {}, script: Script = {}) {
  const lines: LineToPython[] = [];
  const sizes: number[] = [];
  const endLease = vi.spyOn(WorkerHand.prototype, 'endLease');
  const played = new PlayedPool(options, {
    mappedMax: 5,
    serve: ({ args }, process) => queueMicrotask(() => process.answer(args[0])),
    ...script,
    onLine: (line, process, text) => {
      script.onLine?.(line, process, text);
      lines.push(line);
      if (line.type === 'map') sizes.push(line.items.length);
    },
  });
  onTestFinished(async () => {
    await played.destroy();
    endLease.mockRestore();
    expect(played.python.violations).toEqual([]);
  });
  await played.boot();
  const { pool, python, clock, process } = played;
  const settle = () => played.settle();
  const leases = () => endLease.mock.calls.length;
  return { pool, python, clock, lines, sizes, process, timers: clock.timers, settle, leases };
}

/** A map whose worker runs one item of a batch, with others behind it and another batch in the pipe. */
async function inTheMiddle(options: Partial<PoolOptions> = {}, given: MapOptions = {}, script: Script = {}) {
  const mapped = await mapping(options, { serve: () => {}, ...script });
  const { pool, process, sizes } = mapped;
  const map = pool.map('f', numbers(1_000), { concurrency: 16, ...given });
  const seen: unknown[] = [];
  const results = (async () => {
    for await (const result of map) seen.push(result);
  })();
  results.catch(() => {});
  const share = shareOf(16);
  const isFull = () =>
    sizes.slice(-batchesMax()).every((size) => size === share) && process.owed > (batchesMax() - 1) * share + 1;
  while (!isFull()) await answer(process);
  return { ...mapped, map, results, seen, item: process.request?.args[0] as number };
}

/** The process answers what it runs, and whoever hears of it does what they do then. */
async function answer(process: FakeProcess): Promise<void> {
  const { request } = process;
  if (request !== undefined) process.answer(request.args[0] ?? null, 1);
  await done();
}

function done(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function* numbers(count: number) {
  for (let number = 0; number < count; number += 1) yield number;
}

const RAISED = {
  code: 'ERR_PYTHON',
  type: 'ValueError',
  module: 'builtins',
  message: 'played',
  traceback: 'ValueError: played\n',
  notes: [],
  cause: null,
};

/** How many items each batch has, where so many of the map's fall to a slot. */
function shareOf(items: number): number {
  return Math.floor(items / batchesMax());
}
