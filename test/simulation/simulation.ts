import { SeenFaults } from '../fake/seen-faults.js';
import { heard } from '../fake/turned-clock.js';
import { MOVES, type Move, WORLDS } from '../property/moves.js';
import { World } from '../property/world.js';
import { diceOf } from './dice.js';

/** What came of one seed. The same seed has the same history, to the letter. */
export interface History {
  readonly seed: number;
  /** Of everything that was done, said, heard and settled, with its moment, in order. */
  readonly hash: string;
  /** How often each thing was done or came about. */
  readonly marks: Readonly<Record<string, number>>;
}

/** Something that may not be came about: what, in which step of which seed, and what was done before. */
export class SimulationError extends Error {
  constructor(seed: number, step: number, trail: readonly string[], cause: unknown) {
    super(
      `Seed ${seed}, step ${step}: ${cause instanceof Error ? cause.message : cause}\n` +
        `What was done last:\n${trail.map((each) => `  ${each}`).join('\n')}\n` +
        `Again: npm run simulate -- --seeds ${seed} --steps ${step + 1}`,
      { cause },
    );
  }
}

/**
 * The whole pool, its charts included, on a played Python and a clock that is
 * turned by hand, through `steps` steps that chance has chosen: calls, leases,
 * sessions, answers, faults, time. A pool that has ended is followed by
 * another, so that every step does something. All the invariants are looked
 * at after each step, and at the end of each pool that nothing is left.
 */
export async function simulate(seed: number, steps: number): Promise<History> {
  const dice = diceOf(seed);
  const hash = new Hash();
  const marks = new Map<string, number>();
  const mark = (what: string) => {
    marks.set(what, (marks.get(what) ?? 0) + 1);
  };
  let cruelty = 0;
  const begin = () => {
    const options = WORLDS.draw(dice);
    cruelty = CRUELTIES[dice(CRUELTIES.length)] as number;
    hash.add(JSON.stringify(options));
    return new World(options, { told: (at, whom, what) => hash.add(`${at} `, `${whom}`, ' ', what), mark });
  };
  const trail: string[] = [];
  const seen = new SeenFaults();
  seen.start();
  let step = 0;
  try {
    let world = begin();
    for (; step < steps; step += 1) {
      // Its callers may go on asking for a while.
      if (world.isOver && dice(20) === 0) {
        await world.close();
        world = begin();
        trail.splice(0);
      }
      let move: Move;
      let given: unknown;
      let target: unknown;
      do {
        move = DRAWN[dice(DRAWN.length)] as Move;
        given = move.given.draw(dice);
        target = move.isFault && dice(10) >= cruelty ? undefined : move.of(world, given);
      } while (target === undefined);
      mark(move.name);
      const told = `${move.name} ${JSON.stringify(given)}`;
      hash.add(told);
      if (trail.push(told) > TRAIL_MAX) trail.shift();
      await move.run(world, target, given);
      await world.check();
      if (seen.faults.length > 0) throw new Error(seen.faults.join('\n'));
    }
    await world.comeToRest();
    await world.close();
    await heard();
    if (seen.faults.length > 0) throw new Error(seen.faults.join('\n'));
  } catch (error) {
    throw new SimulationError(seed, step, trail, error);
  } finally {
    seen.stop();
  }
  return { seed, hash: hash.toString(), marks: Object.fromEntries(marks) };
}

/** FNV-1a, twice over, for 64 bits. */
class Hash {
  #one = 0x811c9dc5;
  #other = 0x1b873593;

  /** Adds a text, which may come in parts: to join them first is to make a string that nobody wants. */
  add(...parts: readonly string[]): void {
    let [one, other] = [this.#one, this.#other];
    for (const text of parts) {
      for (let at = 0; at < text.length; at += 1) {
        const code = text.charCodeAt(at);
        one = Math.imul(one ^ code, 0x01000193);
        other = Math.imul(other ^ code, 0x85ebca6b);
      }
    }
    this.#one = one;
    this.#other = other ^ (other >>> 15);
  }

  toString(): string {
    return [this.#one, this.#other].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

const DRAWN: readonly Move[] = MOVES.flatMap((move) => Array.from({ length: move.weight }, () => move));
/** How many of ten faults that are drawn are made, by pool: where all are, hardly anything is ever served. */
const CRUELTIES = [0, 1, 3, 10];
const TRAIL_MAX = 40;
