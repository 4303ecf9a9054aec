/**
 * Simulates the pool: `npm run simulate -- --seeds 1-1000 --steps 2000`. Says what came of each seed, one JSON line
 * each, and ends with 1 at the first that is wrong, with its seed, the step, and what had been done.
 */
import { parseArgs } from 'node:util';
import { simulate } from './simulation.js';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1-100' }, steps: { type: 'string', default: '2000' } },
});
const [first, last] = (values.seeds.includes('-') ? values.seeds.split('-') : [values.seeds, values.seeds]).map(Number);
// Half of the time goes into stacks otherwise, which nobody looks at as long as nothing is wrong.
if (first !== last) Error.stackTraceLimit = 0;

try {
  for (let seed = Number(first); seed <= Number(last); seed += 1) {
    console.log(JSON.stringify(await simulate(seed, Number(values.steps))));
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  // A pool that was left in the middle would keep the program running.
  process.exit(1);
}
