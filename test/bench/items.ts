import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createPool, type Pool } from 'pythonarium';
import { summary, timed } from './figures.js';
import { type Scenario, shown } from './scenario.js';

type Figure = ReturnType<typeof summary>;

export interface ItemsResult {
  readonly kind: string;
  readonly items: number;
  /** Millions of items a second. */
  readonly poolRate: Figure;
  readonly pipeRate: Figure;
  /** What a million items take at their peak over what a thousand take, in MiB. */
  readonly growth: { readonly node: number; readonly python: number };
  readonly bars: readonly {
    readonly what: string;
    readonly is: Figure;
    readonly bar: string;
    readonly holds: boolean;
  }[];
}

/** A million small items of a generator, read one by one, from the pool and from a bare pipe in turn. */
export async function itemsOneByOne(python: string, rounds = 9): Promise<ItemsResult[]> {
  const pool = await startPool(python);
  const bare = startBare(python);
  const results: ItemsResult[] = [];
  for (const kind of ['numbers', 'rows']) {
    const times = { pool: [] as number[], pipe: [] as number[] };
    for (let round = -2; round < rounds; round++) {
      const poolMs = await timed(() => readAll(pool.stream(kind, [ITEMS])));
      const pipeMs = await timed(() => readAll(bare.stream(kind, ITEMS)));
      if (round < 0) continue;
      times.pool.push(poolMs);
      times.pipe.push(pipeMs);
    }
    const ratio = summary(times.pipe.map((ms, round) => ms / times.pool[round]!));
    const growth = await growthOf(python, kind);
    const rate = (ms: number[]) => summary(ms.map((each) => ITEMS / 1000 / each));
    results.push({
      kind,
      items: ITEMS,
      poolRate: rate(times.pool),
      pipeRate: rate(times.pipe),
      growth,
      bars: [
        {
          what: 'throughput over a bare pipe',
          is: ratio,
          bar: '>= 0.6',
          holds: ratio.median >= 0.6,
        },
        {
          what: "peak memory over a thousand items' run, the higher of Node's and Python's, in MiB",
          is: summary([Math.max(growth.node, growth.python)]),
          bar: '<= 30',
          holds: Math.max(growth.node, growth.python) <= 30,
        },
      ],
    });
  }
  await Promise.all([pool.close(), bare.close()]);
  return results;
}

async function startPool(python: string): Promise<Pool> {
  const module = fileURLToPath(new URL('./tasks.py', import.meta.url));
  const pool = createPool({ module, expose: 'all', python, size: 1, logs: 'events' });
  await pool.ready();
  return pool;
}

async function readAll(items: AsyncIterable<unknown>): Promise<void> {
  let count = 0;
  for await (const _ of items) count += 1;
  if (count !== ITEMS) throw new Error(`${count} items came instead of ${ITEMS}`);
}

/** One Python that joins as many items as the pool does, one socket pair, and nothing in between. */
function startBare(python: string) {
  const script = fileURLToPath(new URL('./bare-items.py', import.meta.url));
  const child = spawn(python, [script], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'], detached: true });
  const line = child.stdio[3] as Duplex;
  return {
    // By hand: `yield*` in an async generator takes as long for an item as all else does.
    stream(kind: string, count: number): AsyncIterable<unknown> {
      const messages: { values: unknown[]; end?: boolean }[] = [];
      let rest = '';
      let wake = () => {};
      const onData = (chunk: Buffer) => {
        const lines = (rest + chunk.toString('latin1')).split('\n');
        rest = lines.pop() as string;
        for (const text of lines) messages.push(JSON.parse(text));
        // Somebody who reads more slowly must not fill the memory.
        if (messages.length > 16) line.pause();
        wake();
      };
      line.on('data', onData);
      line.write(JSON.stringify([kind, count]));
      let [values, at, isLast]: [unknown[], number, boolean] = [[], 0, false];
      const next = (): Promise<IteratorResult<unknown, undefined>> =>
        at < values.length ? Promise.resolve({ value: values[at++], done: false }) : more();
      const more = async (): Promise<IteratorResult<unknown, undefined>> => {
        while (at === values.length) {
          if (isLast) {
            line.off('data', onData);
            return { value: undefined, done: true };
          }
          const message = messages.shift();
          if (message !== undefined) {
            [values, at, isLast] = [message.values, 0, message.end === true];
            continue;
          }
          line.resume();
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        return next();
      };
      return { [Symbol.asyncIterator]: () => ({ next }) };
    },
    close: async () => {
      line.end();
      await once(child, 'exit');
    },
  };
}

/** Each run in a process of its own, since a peak never goes down. */
async function growthOf(python: string, kind: string): Promise<{ node: number; python: number }> {
  const [small, large] = [await peaksOf(python, kind, 1_000), await peaksOf(python, kind, ITEMS)];
  return { node: large.node - small.node, python: large.python - small.python };
}

async function peaksOf(python: string, kind: string, count: number): Promise<{ node: number; python: number }> {
  const child = fork(fileURLToPath(import.meta.url), [python, kind, String(count)]);
  const [peaks] = await once(child, 'message');
  return peaks as { node: number; python: number };
}

/** What a process of {@link peaksOf} does. */
async function tellPeaks([python = '', kind = '', count = '']: string[]): Promise<void> {
  const pool = await startPool(python);
  for await (const _ of pool.stream(kind, [Number(count)])) {
    // Every item is read, and none is kept.
  }
  const pid = await pool.call<number>('pid');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
  process.send?.({ node: process.resourceUsage().maxRSS / 1024, python: peak / 1024 });
  await pool.close();
}

export const itemsScenario: Scenario = {
  name: 'items',
  title: 'A million items of a generator, over a bare pipe that joins as many',
  caveat: 'Small items, read as fast as they come. With a slow reader both wait for it.',
  async run({ python, rounds }) {
    const figures = await itemsOneByOne(python, rounds);
    return {
      figures,
      tables: [
        {
          title: 'Millions of items a second: median (range)',
          head: ['items', 'pool', 'bare pipe'],
          rows: figures.map(({ kind, poolRate, pipeRate }) => [kind, shown(poolRate), shown(pipeRate)]),
        },
      ],
      checks: figures.flatMap(({ kind, bars }) =>
        bars.map(({ what, ...bar }) => ({ what: `${kind}, ${what}`, ...bar })),
      ),
    };
  },
};

const ITEMS = 1_000_000;

if (process.argv[1] === fileURLToPath(import.meta.url)) await tellPeaks(process.argv.slice(2));
