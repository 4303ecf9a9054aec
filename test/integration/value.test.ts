import { readFileSync } from 'node:fs';
import { inspect, isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPool, MicroDate, type Pool } from '../../src/index.js';
import { failure, fixtures, PYTHON } from '../support/pool.js';

const { prelude, toPython, toNode } = read();
const evaluate = (js: string): unknown => new Function(`${prelude.js.join('\n')}; return (${js});`)();
const crosses = ({ column }: Vector) => column !== 'refused';
const isRefused = ({ column }: Vector) => column === 'refused';

let pool: Pool;

beforeAll(async () => {
  pool = createPool({ module: fixtures(import.meta.url)('values.py'), size: 1, python: PYTHON, logs: 'events' });
  await pool.call('prepare', [prelude.python]);
});
afterAll(async () => {
  expect(pool.stats().failures).toBe(0);
  await pool.close();
});

describe('a value on its way to Python', () => {
  it.each(toPython.filter(crosses))('arrives as the table says ($column): $name', async ({ js, python }) => {
    expect(await pool.call('arrives_as', [evaluate(js!), python])).toBe(true);
  });

  // Among the arguments of a call a function is none of the values: Python may call it.
  const isFunction = ({ name }: Vector) => ['a function', 'a class', 'a method, toJSON too'].includes(name);

  it.each(toPython.filter((vector) => isRefused(vector) && !isFunction(vector)))(
    'is refused by Node, naming where it is: $name',
    async ({ js, path }) => {
      // Followed by another argument, since `undefined` at the end would only be left out.
      const refused = await failure(pool.call('echo', [evaluate(js!), null]));
      expect(refused).toMatchObject({ code: 'ERR_VALUE', sender: 'node', path: path!.replace('value', 'args[0]') });
    },
  );
});

describe('a value on its way to Node', () => {
  it.each(toNode.filter(crosses))('arrives as the table says ($column): $name', async ({ js, python }) => {
    const arrived = await pool.call('returns', [python]);
    expect(isDeepStrictEqual(arrived, evaluate(js!)), `${inspect(arrived)} and not ${js}`).toBe(true);
  });

  it.each(toNode.filter(isRefused))('is refused by Python, naming where it is: $name', async ({ python, path }) => {
    expect(await failure(pool.call('returns', [python]))).toMatchObject({
      code: 'ERR_VALUE',
      sender: 'python',
      path,
    });
  });
});

describe('a value on its way there and back', () => {
  const same = toPython.filter(({ column }) => column === 'same');

  it.each(same)('comes back as it went: $name', async ({ js }) => {
    const value = evaluate(js!);
    expect(isDeepStrictEqual(await pool.call('echo', [value]), value)).toBe(true);
  });

  it('keeps __proto__ as data and pollutes nothing', async () => {
    const value = JSON.parse('{"__proto__":{"polluted":true},"a":{"constructor":{"prototype":{"polluted":true}}}}');
    const back = await pool.call<object>('echo', [value]);
    expect(Object.getOwnPropertyNames(back)).toEqual(['__proto__', 'a']);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('keeps the microseconds of a moment, which a Date has no room for', async () => {
    const expression = 'datetime.datetime(2026, 1, 2, 3, 4, 5, 678_901, datetime.timezone.utc)';
    const arrived = await pool.call<MicroDate>('returns', [expression]);
    expect(arrived).toBeInstanceOf(MicroDate);
    expect([arrived.toISOString(), arrived.microseconds]).toEqual(['2026-01-02T03:04:05.678Z', 901]);
    expect(await pool.call('arrives_as', [arrived, expression])).toBe(true);
  });

  it('has its bytes anywhere and any number of them, large and small', async () => {
    const bytes = (length: number) => Uint8Array.from({ length }, (_, index) => index * 7);
    const value = {
      many: Array.from({ length: 300 }, (_, index) => bytes(index)),
      large: [bytes(3_000_000)],
      text: '\n',
    };
    expect(isDeepStrictEqual(await pool.call('echo', [value]), value)).toBe(true);
  });

  it('keeps calls apart that are under way at once, with bytes and without', async () => {
    const values = Array.from({ length: 200 }, (_, index) =>
      index % 3 === 0 ? index : new Uint8Array(index * 50).fill(index),
    );
    expect(await Promise.all(values.map((value) => pool.call('echo', [value])))).toEqual(values);
  });

  it('is refused by its sender where its bytes are more than may follow a message', async () => {
    const small = createPool({
      module: fixtures(import.meta.url)('values.py'),
      size: 1,
      python: PYTHON,
      attachmentBytesMax: 4_096,
      logs: 'events',
    });
    const limit = { code: 'ERR_MESSAGE_TOO_LARGE', bytes: 4_097, limit: 4_096 };
    const two = [new Uint8Array(4_000), new Uint8Array(97)];
    expect(await failure(small.call('echo', [two]))).toMatchObject({ ...limit, sender: 'node' });
    const refused = await failure(small.call('returns', ['[bytes(4_000), bytes(97)]']));
    expect(refused).toMatchObject({ ...limit, sender: 'python' });
    expect(refused.message).toContain('raise `attachmentBytesMax`');
    expect(await small.call('echo', [new Uint8Array(4_096)])).toEqual(new Uint8Array(4_096));
    await small.close();
  });

  it.each(['spawn', 'fork'] as const)(
    'is refused where its bytes are transferred before the line has room for them, and takes no other call with it: %s',
    async (start) => {
      await using own = createPool({ module: fixtures(import.meta.url)('values.py'), size: 1, python: PYTHON, start });
      await using lease = await own.checkout();
      const large = new Uint8Array(8 * 1024 * 1024).fill(7);
      const inFront = lease.call('echo', [large]);
      const bytesOf = (fill: number) => new Uint8Array(1_000).fill(fill);
      const [refused, left, kept] = [bytesOf(1), bytesOf(2), bytesOf(3)];
      const leaving = new AbortController();
      const outcomes = [
        failure(lease.call('echo', [refused])),
        lease.call('echo', [left], { signal: leaving.signal }).catch((reason) => reason),
        lease.call('echo', [kept]),
      ];
      // Whose call is over may do with its bytes what they like.
      leaving.abort('enough');
      structuredClone([refused, left], { transfer: [refused.buffer, left.buffer] });
      expect(isDeepStrictEqual(await inFront, large)).toBe(true);
      expect(await Promise.all(outcomes)).toEqual([expect.objectContaining({ code: 'ERR_VALUE' }), 'enough', kept]);
    },
  );

  it('crosses when it is 10 MB', async () => {
    const value = { text: 'grüß dich 🐍'.repeat(500_000), rows: Array.from({ length: 100_000 }, (_, i) => [i, i / 7]) };
    expect(isDeepStrictEqual(await pool.call('echo', [value]), value)).toBe(true);
  });
});

describe.each(['serial', 'asyncio', 'threads'] as const)('a large answer in the lane %s', (lane) => {
  const numbers = Array.from({ length: 60_000 }, (_, index) => index / 7);
  const tree = (depth: number): unknown =>
    depth === 0 ? { a: 1, b: 'x' } : [tree(depth - 1), [depth], tree(depth - 1)];
  const values = {
    'a tree': tree(12),
    'a list': numbers,
    columns: { count: 60_000, numbers, texts: numbers.map(String), matrix: numbers.map((number) => [number, null]) },
    'many keys': { counts: Object.fromEntries(numbers.map((number) => [String(number), number])) },
    'with what JSON has no word for at its end': { numbers, last: [Number.NaN, new Date(0), -0, 2n ** 70n] },
  };
  const many = createPool({
    module: fixtures(import.meta.url)('values.py'),
    size: 1,
    python: PYTHON,
    logs: 'events',
    lane,
    ...(lane !== 'serial' && { slots: 8 }),
  });
  afterAll(() => many.close());

  it.each(Object.entries(values))('comes back as it went: %s', async (_, value) => {
    expect(isDeepStrictEqual(await many.call('echo', [value]), value)).toBe(true);
  });

  it('is kept apart from others that come at the same time', async () => {
    const asked = Object.values(values).flatMap((value) => [value, 'small', value]);
    const answers = await Promise.all(asked.map((value) => many.call('echo', [value])));
    expect(isDeepStrictEqual(answers, asked)).toBe(true);
  });
});

interface Vector {
  readonly name: string;
  readonly column: string;
  readonly js?: string;
  readonly python?: string;
  readonly path?: string;
}

function read() {
  const url = new URL('../wire/vectors/values.json', import.meta.url);
  return JSON.parse(readFileSync(url, 'utf8')) as {
    prelude: { js: string[]; python: string[] };
    toPython: Vector[];
    toNode: Vector[];
  };
}
