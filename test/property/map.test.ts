import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PlayedPool } from '../fake/played-pool.js';
import { effort } from './effort.js';

/** What becomes of an item. */
type Fate = 'answer' | 'long' | 'raise' | 'apart' | 'refused';

const fates = fc.oneof(
  { weight: 60, arbitrary: fc.constant<Fate>('answer') },
  { weight: 1, arbitrary: fc.constantFrom<Fate>('long', 'raise', 'apart', 'refused') },
);

/** What happens next. */
type Step = 'answer' | 'take' | 'die' | 'reap' | 'turn' | 'call' | 'leave' | 'abort';

const steps = fc.oneof(
  { weight: 40, arbitrary: fc.constant<Step>('answer') },
  { weight: 20, arbitrary: fc.constant<Step>('take') },
  { weight: 4, arbitrary: fc.constantFrom<Step>('reap', 'turn', 'call') },
  { weight: 1, arbitrary: fc.constantFrom<Step>('die', 'die', 'die', 'leave', 'abort') },
);

const cases = fc.record({
  size: fc.integer({ min: 1, max: 3 }),
  mappedMax: fc.integer({ min: 1, max: 6 }),
  concurrency: fc.integer({ min: 1, max: 40 }),
  ordered: fc.boolean(),
  isAsync: fc.boolean(),
  items: fc.array(fates, { maxLength: 300, size: 'max' }),
  steps: fc.array(fc.tuple(steps, fc.nat()), { maxLength: 600, size: 'max' }),
});

describe('a map, whatever happens and in whatever order', () => {
  it('runs each item at most once, loses none silently, reads no further than there is room, and keeps nobody out', {
    timeout: 300_000,
  }, async () => {
    await fc.assert(fc.asyncProperty(cases, play), effort(300));
  });
});

async function play({ size, mappedMax, concurrency, ordered, isAsync, items, steps }: Case): Promise<void> {
  const begun: number[] = [];
  const world = new PlayedPool(
    { size, failuresMax: 1_000, poisonDeaths: 0 },
    { mappedMax, serve: ({ name, args }) => name === 'f' && begun.push(numberOf(args[0])) },
  );
  await world.boot();
  const { pool, python } = world;
  let taken = 0;
  let isClosed = false;
  const source = function* () {
    try {
      for (const [number, fate] of items.entries()) {
        taken += 1;
        // The function of the fake sees the number alone.
        yield fate === 'refused' ? Symbol('no value') : fate === 'apart' ? new Date(number) : number;
      }
    } finally {
      isClosed = true;
    }
  };
  const laterSource = async function* () {
    yield* source();
  };
  const controller = new AbortController();
  const map = pool.map('f', isAsync ? laterSource() : source(), { concurrency, ordered, signal: controller.signal });

  const yielded: number[] = [];
  let end: { readonly error?: unknown } | undefined;
  let [asked, consumed, hasLeft] = [false, 0, false];
  const take = () => {
    if (asked || end !== undefined) return;
    consumed = yielded.length;
    asked = true;
    map.next().then(
      ({ value, done: isDone }) => {
        asked = false;
        if (isDone) end ??= {};
        else yielded.push(value as number);
      },
      (error: unknown) => {
        asked = false;
        end ??= { error };
      },
    );
  };
  const act = (process: (typeof python.running)[number]) => {
    const { request } = process;
    if (request === undefined) return;
    if (request.name !== 'f') return process.answer(null);
    const number = numberOf(request.args[0]);
    const fate = items[number];
    if (fate === 'raise') process.raise();
    else process.answer(number, fate === 'long' ? 5_000 : 3);
  };
  const calls: Promise<unknown>[] = [];
  const check = () => {
    expect(taken - consumed).toBeLessThanOrEqual(concurrency);
    expect(python.violations).toEqual([]);
    expect(new Set(begun).size).toBe(begun.length);
  };

  for (const [step, dice] of steps) {
    const running = python.running;
    const process = running[dice % Math.max(1, running.length)];
    if (step === 'answer' && process !== undefined) act(process);
    else if (step === 'take') take();
    else if (step === 'die' && process !== undefined) process.die();
    else if (step === 'reap') python.reap();
    else if (step === 'turn') await world.clock.turn(200).then(() => world.boot());
    else if (step === 'call') calls.push(pool.call('other').catch((error: unknown) => error));
    else if (step === 'leave' && yielded.length > 20) {
      hasLeft = true;
      await map.return?.();
      end ??= {};
    } else if (step === 'abort' && dice % 4 === 0) controller.abort('enough');
    await done();
    check();
  }
  // Nothing more goes wrong, and all comes to its end.
  for (let idle = 0; idle < 50; ) {
    take();
    python.reap();
    await world.clock.turn(200);
    await world.boot();
    for (const process of python.running) act(process);
    await done();
    check();
    const isQuiet = end !== undefined && !python.running.length && pool.stats().calls.running === 0;
    idle = isQuiet ? idle + 10 : idle + 0.05;
  }
  expect(end).toBeDefined();
  await Promise.all(calls);
  expect(pool.stats()).toMatchObject({ waiting: 0, leases: 0, calls: { running: 0 } });

  const expected = ordered ? items.map((_, number) => number).slice(0, yielded.length) : [...new Set(yielded)];
  expect(yielded).toEqual(expected);
  // What was yielded had been begun, and its answer is its own.
  for (const number of yielded) expect(begun).toContain(number);
  const error = end?.error as { code?: string; started?: unknown } | undefined;
  if (error === undefined) {
    if (!hasLeft) expect(yielded).toHaveLength(items.length);
  } else if ((error as unknown) === 'enough') {
    expect(controller.signal.aborted).toBe(true);
  } else if (error.code === 'ERR_PYTHON') {
    expect(items).toContain('raise');
  } else if (error.code === 'ERR_VALUE') {
    expect(items).toContain('refused');
  } else {
    // A worker's death is told of what it had begun with alone, but for an item that was a call by itself.
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED' });
    if (!items.includes('apart')) expect(error.started).toBe(true);
  }
  if (taken > 0) expect(isClosed).toBe(true);
  await world.destroy();
}

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

/** The number of an item, as it came over the line. */
function numberOf(arg: unknown): number {
  return arg === null ? Number.NaN : (arg as number);
}

function done(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
