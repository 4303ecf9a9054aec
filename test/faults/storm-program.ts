/** A kill storm in a program of its own: `storm-program.ts <seed> <seconds> <fork | spawn>`. Prints what it counted, as JSON. */
import type { PoolOptions } from '../../src/index.js';
import { killStorm } from './kill-storm.js';

// The places of errors in TypeScript, which nobody reads, would take a tenth of the time.
process.setSourceMapsEnabled(false);
const [seed, seconds, start] = process.argv.slice(2);
const effort = { seed: Number(seed), seconds: Number(seconds), signal: new AbortController().signal };
console.log(JSON.stringify(await killStorm(effort, start as PoolOptions['start'])));
