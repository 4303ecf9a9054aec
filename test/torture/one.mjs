/** Runs one case on one pool and prints what came of it: `node one.mjs <workers|resources> <case> <pool>`. */
import { RESOURCE_CASES, WORKER_CASES } from './cases.mjs';
import { RESOURCES, WORKERS } from './pools.mjs';

const [, , kind, name, pool] = process.argv;
// What nobody handles is a finding of its own.
process.on('unhandledRejection', () => {});
const outcome = await (kind === 'workers' ? WORKER_CASES[name](WORKERS[pool]) : RESOURCE_CASES[name](RESOURCES[pool]));
console.log(`OUTCOME ${outcome}`);
process.exit(0);
