import { marksOf, simulateAll } from '../simulation/simulations.js';
import type { Scenario } from './scenario.js';

/** The whole pool on a played Python and a clock that is turned by hand, in whatever chance makes of it. */
export const scenario: Scenario = {
  row: 15,
  title: 'simulation of the real charts and hands on a virtual clock, with faults',
  async round({ seed }) {
    const first = (seed - 1) * SEEDS + 1;
    const histories = await simulateAll(first, first + SEEDS - 1, STEPS);
    return { seeds: histories.length, steps: histories.length * STEPS, ...marksOf(histories) };
  },
};

const SEEDS = 1_000;
const STEPS = 2_000;
