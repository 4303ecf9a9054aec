import { marksOf, simulateAll } from '../simulation/simulations.js';
import type { Counts, Scenario } from './scenario.js';

/** The whole pool on a played Python and a clock that is turned by hand, in whatever chance makes of it. */
export const scenario: Scenario = {
  row: 15,
  title: 'simulation of the real charts and hands on a virtual clock, with faults',
  async round({ seed }) {
    return await simulated((seed - 1) * SEEDS + 1);
  },
};

/** Goes through so many seeds, from that one on. */
export async function simulated(first: number): Promise<Counts> {
  const histories = await simulateAll(first, first + SEEDS - 1, STEPS);
  return { seeds: histories.length, steps: histories.length * STEPS, ...marksOf(histories) };
}

const SEEDS = 1_000;
const STEPS = 2_000;
