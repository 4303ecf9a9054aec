import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { watchFaults } from '../fake/faults.js';
import { runs } from './runs.js';
import {
  BOOT_MS,
  CLOSE_MS,
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
        fc.commands(steps(), { maxCommands: 80, size: 'max' }),
        fc.constantFrom('go on', 'drain', 'close', 'destroy'),
        fc.commands(steps(), { maxCommands: 20, size: 'max' }),
        async (options, before, then, after) => {
          const world = new World(options);
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
      { numRuns: runs(400) },
    );
  });
});

type Step = fc.AsyncCommand<World, World>;

function worlds(): fc.Arbitrary<WorldOptions> {
  return fc.record(
    {
      size: fc.integer({ min: 1, max: 3 }),
      queueMax: fc.constantFrom(0, 1, 3),
      queueTimeoutMs: fc.constantFrom(70, 250),
      timeoutMs: fc.constantFrom(90, 300),
      sessionsMax: fc.constantFrom(1, 2),
      // Few, so that they meet.
      sessionIds: fc.subarray(Object.keys(SESSIONS) as SessionId[], { minLength: 1, maxLength: 2 }),
    },
    { requiredKeys: ['size', 'sessionIds'] },
  );
}

function steps(): fc.Arbitrary<Step>[] {
  const which = fc.nat({ max: 20 });
  const wish: fc.Arbitrary<Wish> = fc.record(
    {
      priority: fc.integer({ min: -1, max: 1 }),
      timeoutMs: fc.constantFrom(0, 20, 60, 150),
      isAbortable: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  const ends = fc.constantFrom(
    { exitCode: null, signal: 'SIGKILL' },
    { exitCode: 3, signal: null },
    { exitCode: 0, signal: null },
  );
  const ms = fc.constantFrom(1, 20, GRACE_MS, STOP_MS, 100, BOOT_MS, CLOSE_MS);

  const boot = step('boot', which, booting, (_, process) => process.boot());
  const call = step('call', wish, anyhow, (world, _, how) => world.call(how));
  const sessionCall = step('call in session', fc.tuple(which, wish), session, (world, id, [, how]) =>
    world.sessionCall(id, how),
  );
  const answer = step('answer', which, running, (world, process) => world.answer(process));
  const turn = step('turn the clock', ms, anyhow, (world, _, by) => world.turn(by));
  return [
    boot,
    boot,
    boot,
    call,
    call,
    sessionCall,
    sessionCall,
    answer,
    answer,
    answer,
    turn,
    turn,
    step('raise', which, running, (world, process) => world.raise(process)),
    step('abort', which, abortable, (world, asked) => world.abort(asked)),
    step('checkout', wish, anyhow, (world, _, how) => world.checkout(how)),
    step('checkout in session', fc.tuple(which, wish), session, (world, id, [, how]) => world.sessionCheckout(id, how)),
    step('call under lease', fc.tuple(which, wish), held, (world, lease, [, how]) => world.leaseCall(lease, how)),
    step('checkin', which, held, (world, lease) => world.checkin(lease)),
    step('end session', which, session, (world, id) => world.endSession(id)),
    step('die', fc.tuple(which, ends), living, (_, process, [, end]) => process.die(end)),
    step('die and be told of', fc.tuple(which, ends), living, (_, process, [, end]) => {
      process.die(end);
      process.tellEnd();
    }),
    step('tell of the dead', fc.constant(null), anyhow, (world) => world.python.reap()),
    step('freeze', which, living, (_, process) => process.freeze()),
    step('thaw', which, living, (_, process) => process.thaw()),
    step('ignore stop', which, living, (_, process) => {
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
      fc.tuple(fc.constantFrom('drain', 'close', 'destroy'), fc.nat({ max: 7 })),
      (world, [, rarely]) => (rarely === 0 ? world : undefined),
      (world, _, [by]) => world.end(by),
    ),
  ];
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
