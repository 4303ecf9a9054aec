import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { MapOutcome, PoolError } from '../../src/index.js';
import { PlayedPool } from '../fake/played-pool.js';
import { effort } from './effort.js';

/** What happens next. */
type Step = 'answer' | 'raise' | 'wait' | 'late' | 'sleep' | 'die' | 'reap' | 'other' | 'leave';

const steps = fc.oneof(
  { weight: 40, arbitrary: fc.constant<Step>('answer') },
  { weight: 8, arbitrary: fc.constantFrom<Step>('raise', 'wait', 'late', 'sleep', 'reap', 'other') },
  { weight: 1, arbitrary: fc.constantFrom<Step>('die', 'die', 'leave') },
);

const cases = fc.record({
  size: fc.integer({ min: 1, max: 2 }),
  mappedMax: fc.integer({ min: 1, max: 6 }),
  cancelGraceMs: fc.constantFrom(50, 1_000),
  concurrency: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
  ordered: fc.boolean(),
  count: fc.integer({ min: 0, max: 200 }),
  steps: fc.array(fc.tuple(steps, fc.nat()), { maxLength: 400, size: 'max' }),
});

it('a map that keeps going within a time limit tells what became of each item, and gives up none that does not run', {
  timeout: 300_000,
}, async () => {
  await fc.assert(fc.asyncProperty(cases, play), effort(200));
});

async function play({ size, mappedMax, cancelGraceMs, concurrency, ordered, count, steps }: Case): Promise<void> {
  const begun: number[] = [];
  const world = new PlayedPool(
    { size, failuresMax: 1_000, poisonDeaths: 0, cancelGraceMs },
    { mappedMax, serve: ({ name, args }) => name === 'f' && begun.push(args[0] as number) },
  );
  await world.boot();
  const { pool, python, clock } = world;
  const items = Array.from({ length: count }, (_, item) => item);
  const map = pool.map<number>('f', items, { concurrency, ordered, keepGoing: true, timeoutMs: LIMIT_MS });
  const outcomes: MapOutcome<number>[] = [];
  let isOver = false;
  const reading = (async () => {
    for await (const outcome of map) outcomes.push(outcome);
    isOver = true;
  })();
  const calls: Promise<unknown>[] = [];
  let hasLeft = false;
  const check = () => {
    expect(python.violations).toEqual([]);
    expect(new Set(begun).size).toBe(begun.length);
    // What nobody waits for any more is being ended, or all behind it would wait for that without a limit.
    const settled = new Set(outcomes.map(({ index }) => index));
    for (const { request, cancelledAlone, cancelled } of python.running) {
      if (request?.name !== 'f' || !settled.has(request.args[0] as number)) continue;
      const ended = [...cancelledAlone, ...cancelled];
      expect(ended.includes(request.id) || ended.includes(request.batch ?? request.id)).toBe(true);
    }
  };
  for (const [step, dice] of steps) {
    const { running } = python;
    const process = running[dice % Math.max(1, running.length)];
    if (step === 'answer') process?.answer(process.request?.args[0] ?? null, 3);
    else if (step === 'raise') process?.raise();
    else if (step === 'die') process?.die();
    else if (step === 'reap') python.reap();
    else if (step === 'wait') await clock.turn(LIMIT_MS / 4);
    else if (step === 'late') await clock.turn(LIMIT_MS);
    // What comes next comes before any timer.
    else if (step === 'sleep') clock.sleep(LIMIT_MS);
    else if (step === 'other') calls.push(pool.call('other').catch((error: unknown) => error));
    else if (dice % 4 === 0) {
      hasLeft = true;
      await map.return?.();
    }
    await world.boot();
    await done();
    check();
  }
  // Nobody takes long any more, and all comes to its end.
  for (let idle = 0; idle < 50; ) {
    python.reap();
    await clock.turn(1);
    await world.boot();
    for (const process of python.running) process.answer(process.request?.args[0] ?? null, 3);
    await done();
    check();
    idle = isOver && python.running.length === 0 && pool.stats().calls.running === 0 ? idle + 10 : idle + 0.01;
  }
  await reading;
  await Promise.all(calls);
  expect(pool.stats()).toMatchObject({ waiting: 0, leases: 0, calls: { running: 0 } });
  const indices = outcomes.map(({ index }) => index);
  if (!hasLeft) expect(indices.toSorted((one, other) => one - other)).toEqual(items);
  if (ordered) expect(indices).toEqual(items.slice(0, indices.length));
  for (const outcome of outcomes) {
    const { index } = outcome;
    if (outcome.status === 'fulfilled') {
      expect(outcome.value).toBe(index);
      expect(begun).toContain(index);
      continue;
    }
    const { code, started } = outcome.reason as PoolError & { readonly started?: unknown };
    // Whatever is told of an item tells truly whether Python had begun with it.
    const wasBegun = code === 'ERR_PYTHON' || code === 'ERR_CALL_TIMEOUT' || (code === 'ERR_WORKER_DIED' && started);
    if (!wasBegun) expect(['ERR_QUEUE_TIMEOUT', 'ERR_WORKER_DIED']).toContain(code);
    expect([index, code, begun.includes(index)]).toEqual([index, code, Boolean(wasBegun)]);
  }
  await world.destroy();
}

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function done(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const LIMIT_MS = 100;
