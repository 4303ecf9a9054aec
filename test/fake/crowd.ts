/**
 * A hundred thousand callers wait for four played workers: what each costs in memory, and in which order they are
 * served. Run with --expose-gc; the heap is measured with everything collected, before they ask and while all of them
 * wait, and the difference is divided by how many they are. The promises that they are given are not their only part:
 * all that the pool keeps for a call that waits is in it.
 */
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

const count = Number(process.argv[2]);
const timeoutMs = process.argv[3] === undefined ? undefined : Number(process.argv[3]);
const served: number[] = [];
const played = new PlayedPool(
  { size: 4, queueMax: count },
  {
    serve: ({ args }, process) => {
      served.push(args[0] as number);
      queueMicrotask(() => process.answer(null));
    },
  },
);
const { pool } = played;
// Those who wait for the first start wait like any other.
const calls: Promise<unknown>[] = new Array(count);
const collect = globalThis.gc as () => void;
collect();
const before = process.memoryUsage().heapUsed;
for (let each = 0; each < count; each += 1) calls[each] = pool.call('serve', [each], { timeoutMs });
collect();
const bytesEach = Math.round((process.memoryUsage().heapUsed - before) / count);
const { waiting } = pool.stats();
await played.boot();
await Promise.all(calls);
await heard();
const isInOrder = served.every((number, index) => number === index);
console.log(JSON.stringify({ waiting, bytesEach, served: served.length, isInOrder, stats: pool.stats().calls }));
await played.destroy();
