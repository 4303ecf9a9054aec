import { search } from '../spin/spin.js';
import { withFolder } from '../support/scratch.js';
import type { Counts, Scenario } from './scenario.js';

/** Every order of everything in the lease protocol; in each further round of a larger system. */
export const scenario: Scenario = {
  row: 17,
  title:
    'the lease protocol, by Spin: 2 workers x 2 callers x 2 deaths, then more of everything, in minutes and gigabytes',
  async round({ seed }): Promise<Counts> {
    const bounds = SYSTEMS[(seed - 1) % SYSTEMS.length] as readonly string[];
    const { errors, states, violated, unreached } = await withFolder((folder) => search(folder, bounds));
    if (errors > 0) throw new Error(`With ${bounds.join(' ')} this does not hold: ${violated}`);
    if (unreached.length > 0) throw new Error(`Nothing ever comes to ${unreached.join(', ')}`);
    return { states, [bounds.join(' ')]: 1 };
  },
};

const SYSTEMS = [
  ['WORKERS=2', 'CALLERS=2', 'DEATHS=2'],
  ['CALLS=2', 'DEATHS=1'],
  ['DEATHS=3'],
  ['GIVE_UPS=2'],
  ['CALLERS=3', 'DEATHS=1'],
  ['WORKERS=3', 'DEATHS=1'],
  ['CALLS=2', 'DEATHS=2', 'GIVE_UPS=2'],
];
