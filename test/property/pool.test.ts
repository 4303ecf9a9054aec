import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { watchFaults } from '../fake/faults.js';
import { effort } from './effort.js';
import {
  BOOT_MS,
  CLOSE_MS,
  EVICT_MS,
  GRACE_MS,
  SESSIONS,
  type SessionId,
  STOP_MS,
  type Wish,
  World,
  type WorldOptions,
} from './world.js';

const faults = watchFaults();

describe('whatever is asked of a pool, and whatever its workers do', () => {
  it('keeps every promise that it makes, comes to rest, and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(
        worlds(),
        fc.commands(steps(), { maxCommands: 120, size: 'max' }),
        fc.constantFrom('go on', 'drain', 'close', 'destroy'),
        fc.commands(steps(), { maxCommands: 30, size: 'max' }),
        fc.boolean(),
        async (options, before, then, after, isUp) => {
          const world = new World(options);
          if (isUp) for (const process of world.python.living) process.boot();
          const real = () => ({ model: world, real: world });
          await fc.asyncModelRun(real, before);
          if (then !== 'go on') world.end(then);
          await world.check();
          await fc.asyncModelRun(real, after);
          await world.comeToRest();
          await world.close();
          expect(faults.splice(0)).toEqual([]);
        },
      ),
      effort(300),
    );
  });
});

type Step = fc.AsyncCommand<World, World>;

function worlds(): fc.Arbitrary<WorldOptions> {
  return fc.record({
    size: fc.integer({ min: 1, max: 3 }),
    slots: seldom(2, 3),
    queueMax: seldom(0, 1, 3),
    queueTimeoutMs: seldom(70, 250),
    timeoutMs: seldom(90, 300),
    sessionsMax: seldom(1, 2),
    // Few, so that they meet.
    sessionIds: fc.subarray(Object.keys(SESSIONS) as SessionId[], { minLength: 1, maxLength: 2 }),
  });
}

function steps(): fc.Arbitrary<Step>[] {
  const which = fc.nat({ max: 20 });
  const wish: fc.Arbitrary<Wish> = fc.record({
    priority: seldom(-1, 1),
    timeoutMs: seldom(0, 20, 60, 150),
    isAbortable: fc.boolean(),
  });
  const ends = fc.constantFrom(
    { exitCode: null, signal: 'SIGKILL' },
    { exitCode: 3, signal: null },
    { exitCode: 0, signal: null },
  );
  const ms = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(1, 10, 20) },
    { weight: 1, arbitrary: fc.constantFrom(STOP_MS, GRACE_MS, 100, EVICT_MS, CLOSE_MS, BOOT_MS) },
  );

  // Work is more frequent than faults, or hardly anything would ever run.
  return [
    ...often(
      10,
      step('answer', which, running, (world, process) => world.answer(process)),
    ),
    ...often(
      6,
      step('call', wish, anyhow, (world, _, how) => world.call(how)),
    ),
    ...often(
      6,
      step('call in session', fc.tuple(which, wish), session, (world, id, [, how]) => world.sessionCall(id, how)),
    ),
    ...often(
      6,
      step('boot', which, booting, (_, process) => process.boot()),
    ),
    ...often(
      4,
      step('turn the clock', ms, anyhow, (world, _, by) => world.turn(by)),
    ),
    ...often(
      4,
      step('call under lease', fc.tuple(which, wish), held, (world, lease, [, how]) => world.leaseCall(lease, how)),
    ),
    ...often(
      3,
      step('checkin', which, held, (world, lease) => world.checkin(lease)),
    ),
    ...often(
      3,
      step('tell of the dead', fc.constant(null), anyhow, (world) => world.python.reap()),
    ),
    ...often(
      2,
      step('checkout', wish, anyhow, (world, _, how) => world.checkout(how)),
    ),
    ...often(
      2,
      step('abort', which, abortable, (world, asked) => world.abort(asked)),
    ),
    ...often(
      2,
      step('thaw', which, living, (_, process) => process.thaw()),
    ),
    step('checkout in session', fc.tuple(which, wish), session, (world, id, [, how]) => world.sessionCheckout(id, how)),
    step('end session', which, session, (world, id) => world.endSession(id)),
    step('raise', which, running, (world, process) => world.raise(process)),
    step('die', fc.tuple(which, ends), living, (_, process, [, end]) => process.die(end)),
    step('die and be told of', fc.tuple(which, ends), living, (_, process, [, end]) => {
      process.die(end);
      process.tellEnd();
    }),
    step('freeze', which, living, (_, process) => process.freeze()),
    step('ignore stop', which, living, (_, process) => {
      process.ignoresStop = true;
    }),
    step('ignore stop and SIGTERM', which, living, (_, process) => {
      process.ignoresStop = true;
      process.ignoresTerm = true;
    }),
    step('half boot', which, booting, (_, process) => {
      process.spawn();
      process.hello();
    }),
    step('fail to spawn', which, booting, (_, process) => process.failToSpawn()),
    step('fail to load', which, booting, (_, process) => {
      process.spawn();
      process.hello();
      process.refuse('import');
    }),
    step('speak another protocol', which, booting, (_, process) => {
      process.spawn();
      process.hello(2);
    }),
    step(
      'break the line',
      fc.tuple(which, fc.constantFrom('breakLine', 'hangUp', 'answerTwice')),
      living,
      (world, process, [, how]) => world.breakLine(process, how),
    ),
    step(
      'end the pool',
      fc.tuple(fc.constantFrom('drain', 'close', 'destroy'), fc.nat({ max: 9 })),
      (world, [, rarely]) => (rarely === 0 ? world : undefined),
      (world, _, [by]) => world.end(by),
    ),
  ];
}

function often<T>(times: number, item: T): T[] {
  return Array.from({ length: times }, () => item);
}

function seldom<T>(...values: T[]): fc.Arbitrary<T | undefined> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...values) },
  );
}

/** @param of What the step is done to; it is left out where there is nothing. */
function step<Given, Target>(
  name: string,
  given: fc.Arbitrary<Given>,
  of: (world: World, given: Given) => Target | undefined,
  run: (world: World, target: Target, given: Given) => void | Promise<void>,
): fc.Arbitrary<Step> {
  return given.map((args) => ({
    check: (world) => of(world as World, args) !== undefined,
    run: async (world) => {
      await run(world, of(world, args) as Target, args);
      await world.check();
    },
    toString: () => `${name} ${fc.stringify(args)}`,
  }));
}

const anyhow = (world: World) => world;
const session = (world: World, given: number | readonly [number, unknown]) => pick(world.options.sessionIds, given);
const booting = (world: World, which: number) =>
  pick(
    world.python.living.filter((each) => each.isBooting),
    which,
  );
const running = (world: World, which: number) => pick(world.python.running, which);
const abortable = (world: World, which: number) =>
  pick(
    world.asked.filter(({ controller, settled }) => controller && !settled),
    which,
  );
const held = (world: World, given: number | readonly [number, unknown]) =>
  pick(
    world.leases.filter(({ isCheckedIn }) => !isCheckedIn),
    given,
  );
const living = (world: World, given: number | readonly [number, unknown]) => pick(world.python.living, given);

function pick<T>(items: readonly T[], given: number | readonly [number, unknown]): T | undefined {
  const which = typeof given === 'number' ? given : given[0];
  return items.length === 0 ? undefined : items[which % items.length];
}
