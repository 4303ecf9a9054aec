import { inspect, isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { ValueRefusedError } from '../../src/errors.js';
import { createPool, type Pool } from '../../src/index.js';
import { encodeFields } from '../../src/wire/value.js';
import { anything, crossing, fromEntries, isLost, text } from '../property/wire/values.js';
import { fixtures, PYTHON } from '../support/python.js';
import type { Counts, Scenario } from './scenario.js';

/** Values go there and back, and are compared where they were made: in each way as many as in the other. */
export const scenario: Scenario = {
  row: 14,
  title: 'values round trip through Python, made in Node and made in Python',
  async round({ seed, signal }) {
    const pool = createPool({
      module: fixtures(import.meta.url)('crossing.py'),
      python: PYTHON,
      size: 2,
      logs: 'events',
    });
    try {
      const counts: Record<string, number> = {};
      const batches = Array.from({ length: VALUES / BATCH }, (_, batch) => (seed - 1) * VALUES + batch);
      const serve = async (way: (pool: Pool, seed: number) => Promise<Counts>, share: number[]) => {
        for (let next = share.pop(); next !== undefined && !signal.aborted; next = share.pop()) {
          for (const [name, count] of Object.entries(await way(pool, next))) counts[name] = (counts[name] ?? 0) + count;
        }
      };
      await Promise.all([serve(fromNode, batches.slice()), serve(fromPython, batches.slice())]);
      return counts;
    } finally {
      await pool.close();
    }
  },
};

async function fromNode(pool: Pool, seed: number): Promise<Counts> {
  const counts = { owed: 0, crossed: 0, refused: 0, crossedOfOwed: 0 };
  const values: unknown[] = [];
  for (const [kind, value] of fc.sample(MADE_IN_NODE, { seed, numRuns: BATCH })) {
    const isOwed = kind !== 'any';
    counts.owed += Number(isOwed);
    try {
      encodeFields({ value }, undefined, LIMITS);
    } catch (error) {
      if (!(error instanceof ValueRefusedError)) throw error;
      counts.refused += 1;
      const found: unknown = new Function('value', `return ${error.path}`)(value);
      if (isOwed || !isLost(found)) throw new Error(`${error.message} should cross: ${inspect(value)}`);
      continue;
    }
    counts.crossed += 1;
    counts.crossedOfOwed += Number(isOwed);
    values.push(value);
  }
  const back = await pool.call<unknown[]>('echo', [values]);
  for (const [at, value] of values.entries()) {
    const expected = cameBack(value);
    if (!isDeepStrictEqual(back[at], expected)) {
      throw new Error(
        `${inspect(value)} came back as ${inspect(back[at])}, and not as ${inspect(expected)} (seed ${seed})`,
      );
    }
  }
  return named('from Node', counts);
}

async function fromPython(pool: Pool, seed: number): Promise<Counts> {
  return await using(pool, async (lease) => {
    const born = await lease.call<Born>('born', [seed, BATCH]);
    const wrong = [...born.counts.wrong, ...(await lease.call<string[]>('came_back', [seed, born.values]))];
    if (wrong.length > 0)
      throw new Error(`${wrong.length} are wrong (seed ${seed}), the first: ${wrong.slice(0, 3).join('\n')}`);
    const { owed, crossed, refused, 'crossed of owed': crossedOfOwed } = born.counts;
    return named('from Python', { owed, crossed, refused, crossedOfOwed });
  });
}

async function using<T>(pool: Pool, work: (lease: Awaited<ReturnType<Pool['checkout']>>) => Promise<T>): Promise<T> {
  const lease = await pool.checkout();
  try {
    return await work(lease);
  } finally {
    await lease.checkin();
  }
}

interface Born {
  readonly values: readonly unknown[];
  readonly counts: {
    readonly owed: number;
    readonly crossed: number;
    readonly refused: number;
    readonly 'crossed of owed': number;
    readonly wrong: readonly string[];
  };
}

function named(way: string, counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [`${name} ${way}`, count]));
}

/** What comes back, by the tables of docs/values.md there and back again: a small `bigint` as a number, a `Map` with text alone for keys as an object. */
function cameBack(value: unknown): unknown {
  if (typeof value === 'bigint') return isSafe(value) ? Number(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(cameBack);
  if (value instanceof Set) return new Set([...value].map(cameBack));
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => [cameBack(key), cameBack(item)] as [string, unknown]);
    return entries.every(([key]) => typeof key === 'string') ? fromEntries(entries) : new Map(entries);
  }
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value instanceof DataView) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (Buffer.isBuffer(value) || value instanceof Uint8ClampedArray) return new Uint8Array(value);
  if (value instanceof Date || ArrayBuffer.isView(value)) return value;
  return fromEntries(Object.entries(value).map(([key, item]) => [key, cameBack(item)]));
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

/** The column "converted" of docs/values.md. */
function converted(): fc.Arbitrary<unknown> {
  const bytes = fc.uint8Array({ maxLength: 20 });
  const value = fc.oneof(
    fc.bigInt({ min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n }),
    bytes.map((each) => Buffer.from(each)),
    bytes.map((each) => each.slice().buffer),
    bytes.map((each) => new DataView(each.slice().buffer)),
    bytes.map((each) => new Uint8ClampedArray(each)),
    fc
      .array(fc.tuple(text(), crossing()))
      .map((entries) => Object.assign(Object.create(null), fromEntries(entries)) as object),
    fc.array(fc.tuple(text(), crossing()), { maxLength: 3 }).map((entries) => Object.freeze(fromEntries(entries))),
    fc.array(fc.tuple(text(), crossing()), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 3 }).map((keys) => new Set([keys])),
    fc.string().map((key) => new Map([[[key], key]])),
  );
  return fc.oneof(
    value,
    fc.array(value, { maxLength: 3 }),
    value.map((one) => ({ one })),
  );
}

// Small ones, and many: by default a value has hundreds of parts, and making them takes longer than anything else.
fc.configureGlobal({ baseSize: 'xsmall' });
const MADE_IN_NODE = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant('same'), crossing()) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('converted'), converted()) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('any'), anything()) },
);
const LIMITS = { depthMax: 200, messageBytesMax: 64 * 1024 * 1024, attachmentBytesMax: 1024 ** 3 };
const VALUES = 200_000;
const BATCH = 500;
