import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createPool } from 'pythonarium';
import { summary, timed } from './figures.js';
import { type Scenario, shown } from './scenario.js';

type Figure = ReturnType<typeof summary>;

export interface BytesResult {
  readonly megabytes: number;
  /** Milliseconds there and back. */
  readonly poolMs: Figure;
  readonly pipeMs: Figure;
  readonly fileMs: Figure;
  readonly base64Ms: Figure;
  readonly bars: readonly {
    readonly what: string;
    readonly is: Figure;
    readonly bar: string;
    readonly holds: boolean;
  }[];
}

/** Bytes there and back through a pool of one, a bare pipe, bare files in memory, and a pool that is given base64. */
export async function bytesThereAndBack(python: string, rounds = 7): Promise<BytesResult[]> {
  const module = fileURLToPath(new URL('./tasks.py', import.meta.url));
  const pool = createPool({ module, expose: 'all', python, size: 1, logs: 'events', messageBytesMax: 2 ** 29 - 1 });
  await pool.ready();
  // What a side runs is plain JavaScript, of which there are no types.
  const { default: floor } = await import(new URL('./floors/bytes.mjs', import.meta.url).href);
  const bare: Bare = await floor.start({ python });
  const files = startFiles(python);
  const results: BytesResult[] = [];
  for (const megabytes of MEGABYTES) {
    const data = Buffer.allocUnsafeSlow(megabytes * 1_000_000);
    for (let at = 0; at < data.length; at += 4) data.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
    const ways = {
      pool: () => pool.call<Uint8Array>('give_back', [data]),
      pipe: () => bare.bytes(data),
      file: () => files.file(data),
      base64: async () => Buffer.from(await pool.call<string>('give_back_base64', [data.toString('base64')]), 'base64'),
    };
    const times = { pool: [] as number[], pipe: [] as number[], file: [] as number[], base64: [] as number[] };
    for (let round = -2; round < rounds; round++) {
      // In turn, so that what else the machine does strikes all of them alike.
      for (const way of ['pool', 'pipe', 'file', 'base64'] as const) {
        let back!: Uint8Array;
        const ms = await timed(async () => {
          back = await ways[way]();
        });
        if (round >= 0) times[way].push(ms);
        else if (Buffer.compare(data, back) !== 0) throw new Error(`${way} did not give the same bytes back`);
      }
    }
    const ratios = (over: number[]) => summary(over.map((ms, round) => ms / times.pool[round]!));
    const [toPipe, toFile, toBase64] = [ratios(times.pipe), ratios(times.file), ratios(times.base64)];
    results.push({
      megabytes,
      poolMs: summary(times.pool),
      pipeMs: summary(times.pipe),
      fileMs: summary(times.file),
      base64Ms: summary(times.base64),
      bars: [
        { what: 'throughput over a bare pipe', is: toPipe, bar: '>= 0.7', holds: toPipe.median >= 0.7 },
        { what: 'throughput over base64 in JSON', is: toBase64, bar: '>= 5', holds: toBase64.median >= 5 },
        { what: 'throughput over bare files', is: toFile, bar: 'none', holds: true },
      ],
    });
  }
  await Promise.all([pool.close(), bare.close(), files.close()]);
  return results;
}

/** What the floor of `raw-bytes` starts: one Python, one socket pair, and nothing in between. */
interface Bare {
  bytes(data: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** One Python that reads files in memory and writes them anew, and is told which. */
function startFiles(python: string) {
  const script = fileURLToPath(new URL('./bare-bytes.py', import.meta.url));
  // Detached, as the pool's workers are: on Linux a session of its own is also a share of the processor of its own.
  const child = spawn(python, ['-I', '-S', script], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    detached: true,
  });
  const line = child.stdio[3] as Duplex;
  const folder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const path = `${folder}/pythonarium-bench-${process.pid}`;
  return {
    async file(data: Uint8Array): Promise<Uint8Array> {
      // In one piece each way: `writeFile` and `readFile` go in many, and take longer.
      const there = await open(path, 'wx');
      await there.write(data);
      await there.close();
      line.write(path);
      await once(line, 'data');
      const here = await open(path);
      await unlink(path);
      const back = Buffer.allocUnsafeSlow(data.length);
      await here.read(back);
      await here.close();
      return back;
    },
    async close(): Promise<void> {
      line.end();
      await once(child, 'exit');
    },
  };
}

export const bytesScenario: Scenario = {
  name: 'bytes',
  title: 'Bytes there and back, over a pipe, files in memory, and base64',
  caveat: 'One process measures all of them. `raw-bytes` has the same floor in a fresh process each time.',
  async run({ python, rounds }) {
    const figures = await bytesThereAndBack(python, rounds);
    return {
      figures,
      tables: [
        {
          title: 'On one worker, in ms: median (range)',
          head: ['MB', 'pool', 'bare pipe', 'bare files', 'base64 in JSON'],
          rows: figures.map(({ megabytes, poolMs, pipeMs, fileMs, base64Ms }) => [
            String(megabytes),
            ...[poolMs, pipeMs, fileMs, base64Ms].map(shown),
          ]),
        },
      ],
      checks: figures.flatMap(({ megabytes, bars }) =>
        bars.map(({ what, ...bar }) => ({ what: `${megabytes} MB, ${what}`, ...bar })),
      ),
    };
  },
};

const MEGABYTES = [10, 100];
