import { type Dice, MOVES, type Move, WORLDS } from '../property/moves.js';
import { World } from '../property/world.js';

/** What came of one seed: the same seed, the same history. */
export interface History {
  readonly seed: number;
  readonly steps: number;
  readonly hash: number;
}

export async function simulate(seed: number, steps: number): Promise<History> {
  const dice = diceOf(seed);
  const world = new World(WORLDS.draw(dice));
  let hash = 0;
  for (let step = 0; step < steps; step += 1) {
    const move = DRAWN[dice(DRAWN.length)] as Move;
    const given = move.given.draw(dice);
    const target = move.of(world, given);
    if (target !== undefined) await move.run(world, target, given);
    await world.check();
    hash = (hash * 31 + step) >>> 0;
  }
  await world.comeToRest();
  await world.close();
  return { seed, steps, hash };
}

function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) * below) / 0x1_0000_0000 >>> 0;
  };
}

const DRAWN: readonly Move[] = MOVES.flatMap((move) => Array.from({ length: move.weight }, () => move));
