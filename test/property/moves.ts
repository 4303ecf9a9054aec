import fc from 'fast-check';
import type { Dice } from '../simulation/dice.js';
import {
  BOOT_MS,
  CLOSE_MS,
  EVICT_MS,
  GRACE_MS,
  SESSIONS,
  type SessionId,
  STOP_MS,
  type Wish,
  type World,
  type WorldOptions,
} from './world.js';

/** One thing that may happen to a pool, as fast-check's properties and the simulation both make it happen. */
export interface Move<Given = unknown, Target = unknown> {
  readonly name: string;
  /** How often it is drawn, by the side of others. */
  readonly weight: number;
  /** Something goes wrong. */
  readonly isFault: boolean;
  readonly given: Choice<Given>;
  /** What it is done to; it is left out where there is nothing. */
  readonly of: (world: World, given: Given) => Target | undefined;
  readonly run: (world: World, target: Target, given: Given) => void | Promise<void>;
}

/** Something to choose, by fast-check or by dice. */
export interface Choice<T> {
  readonly arbitrary: fc.Arbitrary<T>;
  readonly draw: (dice: Dice) => T;
}

export function oneOf<const T>(...values: readonly T[]): Choice<T> {
  return {
    arbitrary: fc.constantFrom(...values),
    draw: (dice) => values[dice(values.length)] as T,
  };
}

/** Most often undefined. */
export function seldom<const T>(...values: readonly T[]): Choice<T | undefined> {
  return {
    arbitrary: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom(...values) },
    ),
    draw: (dice) => (dice(4) === 0 ? values[dice(values.length)] : undefined),
  };
}

export function upTo(max: number): Choice<number> {
  return { arbitrary: fc.nat({ max }), draw: (dice) => dice(max + 1) };
}

export function record<T extends object>(choices: { [Key in keyof T]: Choice<T[Key]> }): Choice<T> {
  const names = Object.keys(choices) as (keyof T)[];
  return {
    arbitrary: fc.record(
      Object.fromEntries(names.map((name) => [name, choices[name].arbitrary])) as {
        [Key in keyof T]: fc.Arbitrary<T[Key]>;
      },
    ) as fc.Arbitrary<T>,
    draw: (dice) => {
      const drawn: Partial<T> = {};
      for (const name of names) drawn[name] = choices[name].draw(dice);
      return drawn as T;
    },
  };
}

/** What a pool of the tests may be like. */
export const WORLDS: Choice<WorldOptions> = record({
  size: oneOf(1, 2, 3),
  slots: seldom(2, 3),
  joins: oneOf(true, false),
  prefetchMax: seldom(0, 1),
  // All that is played here is short then.
  prefetchBelowMs: oneOf(undefined, BOOT_MS, BOOT_MS, BOOT_MS),
  queueMax: seldom(0, 1, 3),
  queueTimeoutMs: seldom(70, 250),
  timeoutMs: seldom(90, 300),
  sessionsMax: seldom(1, 2),
  leaseTimeoutMs: seldom(80),
  queueMaxPerKey: seldom(1),
  recycle: seldom({ leases: 3 }, { ageMs: 400 }),
  // Few, so that they meet.
  sessionIds: oneOf(...pairs(Object.keys(SESSIONS) as SessionId[])),
});

const which = upTo(20);
const wish: Choice<Wish> = record({
  priority: seldom(-1, 1),
  fairnessKey: seldom('a', 'b'),
  timeoutMs: seldom(0, 20, 60, 150),
  isAbortable: oneOf(true, false),
});
const ofWish = record({ which, wish });
const end = oneOf({ exitCode: null, signal: 'SIGKILL' }, { exitCode: 3, signal: null }, { exitCode: 0, signal: null });
const ofEnd = record({ which, end });
const ms = oneOf(
  1,
  1,
  1,
  1,
  1,
  1,
  10,
  10,
  10,
  10,
  10,
  10,
  20,
  20,
  20,
  20,
  20,
  20,
  STOP_MS,
  GRACE_MS,
  100,
  EVICT_MS,
  CLOSE_MS,
  BOOT_MS,
);

// Work is more frequent than faults, or hardly anything would ever run.
export const MOVES: readonly Move[] = [
  move(10, 'answer', which, running, (world, process) => world.answer(process)),
  move(6, 'call', wish, anyhow, (world, _, how) => world.call(how)),
  move(6, 'call in session', ofWish, session, (world, id, { wish }) => world.sessionCall(id, wish)),
  move(6, 'boot', which, booting, (_, process) => process.boot()),
  move(4, 'turn the clock', ms, anyhow, (world, _, by) => world.turn(by)),
  move(4, 'call under lease', ofWish, held, (world, lease, { wish }) => world.leaseCall(lease, wish)),
  move(3, 'checkin', which, held, (world, lease) => world.checkin(lease)),
  move(3, 'tell of the dead', oneOf(null), anyhow, (world) => world.python.reap()),
  move(2, 'checkout', wish, anyhow, (world, _, how) => world.checkout(how)),
  move(1, 'checkout at once', oneOf(null), anyhow, (world) => world.tryCheckout()),
  move(2, 'abort', which, abortable, (world, asked) => world.abort(asked)),
  move(2, 'thaw', which, living, (_, process) => process.thaw()),
  move(1, 'checkout in session', ofWish, session, (world, id, { wish }) => world.sessionCheckout(id, wish)),
  move(
    1,
    'reload',
    upTo(4),
    (world, rarely) => (rarely === 0 ? world : undefined),
    (world) => world.reload(),
  ),
  move(1, 'end session', which, session, (world, id) => world.endSession(id)),
  fault(1, 'raise', which, running, (world, process) => world.raise(process)),
  fault(1, 'die', ofEnd, living, (_, process, { end }) => process.die(end)),
  fault(1, 'die and be told of', ofEnd, living, (_, process, { end }) => {
    process.die(end);
    process.tellEnd();
  }),
  fault(1, 'freeze', which, living, (_, process) => process.freeze()),
  fault(1, 'ignore stop', which, living, (_, process) => {
    process.ignoresStop = true;
  }),
  fault(1, 'ignore stop and SIGTERM', which, living, (_, process) => {
    process.ignoresStop = true;
    process.ignoresTerm = true;
  }),
  fault(1, 'half boot', which, booting, (_, process) => {
    process.spawn();
    process.hello();
  }),
  fault(1, 'fail to spawn', which, booting, (_, process) => process.failToSpawn()),
  fault(1, 'fail to load', which, booting, (_, process) => {
    process.spawn();
    process.hello();
    process.refuse('import');
  }),
  fault(1, 'speak another protocol', which, booting, (_, process) => {
    process.spawn();
    process.hello(2);
  }),
  fault(
    1,
    'break the line',
    record({ which, how: oneOf('breakLine', 'hangUp', 'answerTwice') }),
    living,
    (world, process, { how }) => world.breakLine(process, how),
  ),
  move(
    1,
    'end the pool',
    record({ by: oneOf('drain', 'close', 'destroy'), which: upTo(9) }),
    (world, { which: rarely }) => (rarely === 0 ? world : undefined),
    (world, _, { by }) => world.end(by),
  ),
];

function fault<Given, Target>(...given: Parameters<typeof move<Given, Target>>): Move {
  return { ...move(...given), isFault: true };
}

function move<Given, Target>(
  weight: number,
  name: string,
  given: Choice<Given>,
  of: Move<Given, Target>['of'],
  run: Move<Given, Target>['run'],
): Move {
  return { name, weight, isFault: false, given, of, run } as Move<Given, Target> as unknown as Move;
}

/** A number, alone or with more. */
type Which = number | { readonly which: number };

function anyhow(world: World): World {
  return world;
}

function session(world: World, given: Which): SessionId | undefined {
  return pick(world.options.sessionIds, given);
}

function booting(world: World, given: Which) {
  return pick(
    world.python.living.filter((each) => each.isBooting),
    given,
  );
}

function running(world: World, given: Which) {
  return pick(world.python.running, given);
}

function abortable(world: World, given: Which) {
  return pick(
    [...world.pending].filter(({ controller }) => controller !== undefined),
    given,
  );
}

function held(world: World, given: Which) {
  return pick(
    world.leases.filter(({ isCheckedIn }) => !isCheckedIn),
    given,
  );
}

function living(world: World, given: Which) {
  return pick(world.python.living, given);
}

function pick<T>(items: readonly T[], given: Which): T | undefined {
  const index = typeof given === 'number' ? given : given.which;
  return items.length === 0 ? undefined : items[index % items.length];
}

/** Each alone, and each with each. */
function pairs<T>(items: readonly T[]): readonly (readonly T[])[] {
  return items.flatMap((one, at) => [[one], ...items.slice(at + 1).map((other) => [one, other])]);
}
