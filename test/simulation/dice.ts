import { chanceOf } from '../support/chance.js';

/** A whole number from 0 to `below`, that one left out. */
export type Dice = (below: number) => number;

/** The same seed, the same choices. */
export function diceOf(seed: number): Dice {
  // Seeds that follow each other begin far apart.
  const chance = chanceOf(Math.imul(seed, 0x9e3779b1));
  return (below) => Math.floor(chance() * below);
}
