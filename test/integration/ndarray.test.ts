import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPool, kw, NdArray, ndarray, type Pool } from '../../src/index.js';
import { failure, fixtures } from '../support/pool.js';

/** A Python that has numpy: the one on the PATH, or Debian's with its package `python3-numpy`. */
const python = ['python3', '/usr/bin/python3'].find((candidate) => {
  try {
    execFileSync(candidate, ['-c', 'import numpy'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});
const without = python === undefined ? ' (skipped: no python3 here has numpy; apt-get install python3-numpy)' : '';

const DTYPES = [
  ...['bool', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'],
  ...['float16', 'float32', 'float64', 'complex64', 'complex128'],
  ...['>i2', '>u4', '>i8', '>f8', '>c16', '<f16', '<M8[ns]', '>m8[25s]', '|S7', '<U5', '>U5', '|V3'],
];

describe.skipIf(python === undefined)(`an array of numpy${without}`, () => {
  let pool: Pool;

  beforeAll(() => {
    pool = createPool({ module: fixtures(import.meta.url)('arrays.py'), size: 1, python, logs: 'events' });
  });
  afterAll(() => pool.close());

  it.each(DTYPES)('goes to Node and back bit for bit, in both orders and with 0 to 3 dimensions: %s', async (dtype) => {
    for (const order of ['C', 'F']) {
      for (const [dimensions, shape] of [[], [5], [3, 4], [2, 3, 4]].entries()) {
        const array = await pool.call<NdArray>('make', [dtype, order, dimensions]);
        expect(array).toBeInstanceOf(NdArray);
        // In one dimension or none the two orders are one.
        expect(array).toMatchObject({ dtype, shape, order: dimensions < 2 ? 'C' : order });
        expect(await pool.call('is_same', [array, dtype, order, dimensions])).toBe(true);
      }
    }
  });

  it.each([
    ['int32', Int32Array],
    ['uint64', BigUint64Array],
    ['float64', Float64Array],
    ['complex64', Float32Array],
    ['bool', Uint8Array],
    ['float16', (globalThis as { Float16Array?: typeof Uint16Array }).Float16Array ?? Uint16Array],
    ['>f8', Uint8Array],
  ])('has the items of %s in the typed array that fits', async (dtype, items) => {
    expect((await pool.call<NdArray>('make', [dtype, 'C', 1])).data).toBeInstanceOf(items);
  });

  it.each([
    ['numpy.arange(10)[::3]', [4], [0n, 3n, 6n, 9n]],
    ['numpy.arange(4)[::-1]', [4], [3n, 2n, 1n, 0n]],
    ['numpy.arange(12).reshape(3, 4)[:, 1:3]', [3, 2], [1n, 2n, 5n, 6n, 9n, 10n]],
    ['numpy.arange(8).reshape(2, 2, 2).transpose(1, 0, 2)', [2, 2, 2], [0n, 1n, 4n, 5n, 2n, 3n, 6n, 7n]],
    ['numpy.broadcast_to(numpy.arange(2), (2, 2))', [2, 2], [0n, 1n, 0n, 1n]],
  ])('is laid out in a row where it is not in Python: %s', async (expression, shape, items) => {
    const array = await pool.call<NdArray>('evaluate', [expression]);
    expect(array).toMatchObject({ dtype: 'int64', shape, order: 'C' });
    expect([...(array.data as BigInt64Array)]).toEqual(items);
  });

  it.each([
    'numpy.zeros((0,))',
    'numpy.zeros((3, 0, 2), ">f4")',
    'numpy.zeros(2, "S0")',
    'numpy.float32(1) * numpy.ones(())',
  ])('may hold nothing, or one item: %s', async (expression) => {
    const array = await pool.call<NdArray | number>('evaluate', [expression]);
    const isSame = `(a.shape, a.dtype) == (numpy.asarray(${expression}).shape, numpy.asarray(${expression}).dtype)`;
    if (typeof array === 'number') expect(array).toBe(1);
    else expect(await pool.call('evaluate', [isSame, kw({ a: array })])).toBe(true);
  });

  it('is what ndarray() makes of a typed array, with the shape that is wanted, to be written to', async () => {
    const rows = ndarray(new Float64Array([1, 2, 3, 4, 5, 6]), { shape: [3, 2], order: 'F' });
    expect(await pool.call('evaluate', ['(a.tolist(), a.dtype.name, a.flags.writeable)', kw({ a: rows })])).toEqual([
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
      'float64',
      true,
    ]);
    expect(await pool.call('evaluate', ['a.sum().item()', kw({ a: ndarray(new Uint8ClampedArray([1, 2])) })])).toBe(3);
  });

  it('has numbers of 16 bits as their bits, in whatever view of them', async () => {
    const bits = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x8000);
    const numbers = [1, -2, 65504, 2 ** -24, Number.POSITIVE_INFINITY, -0];
    for (const data of [bits, new Uint8Array(bits.buffer)]) {
      const array = new NdArray({ dtype: 'float16', shape: [3, 2], order: 'F', data });
      expect(await pool.call('evaluate', ['a.ravel("F").tolist()', kw({ a: array })])).toEqual(numbers);
      const back = await pool.call<NdArray>('evaluate', ['a', kw({ a: array })]);
      expect(back).toMatchObject({ dtype: 'float16', shape: [3, 2], order: 'F' });
      expect(Buffer.from(back.data.buffer)).toEqual(Buffer.from(bits.buffer));
    }
  });

  it('crosses anywhere inside a value, any number of them', async () => {
    const [first, { second }] = await pool.call<[NdArray, { second: NdArray }]>('evaluate', [
      '[numpy.ones(2), {"second": numpy.arange(3, dtype="u1")}]',
    ]);
    expect(first.data).toEqual(new Float64Array([1, 1]));
    expect(second.data).toEqual(new Uint8Array([0, 1, 2]));
  });

  it.each([
    ['numpy.int64(7)', 7],
    ['numpy.uint64(2**63)', 2n ** 63n],
    ['numpy.float32(0.5)', 0.5],
    ['numpy.float64("nan")', Number.NaN],
    ['numpy.bool_(True)', true],
    ['numpy.str_("x")', 'x'],
    ['numpy.bytes_(b"x")', new Uint8Array([120])],
    ['numpy.datetime64("2026-01-02")', '2026-01-02'],
    ['[numpy.int8(-1), {"a": numpy.float16(2)}]', [-1, { a: 2 }]],
  ])('has scalars that are numbers and text: %s', async (expression, value) => {
    expect(await pool.call('evaluate', [expression])).toEqual(value);
  });

  it.each([
    'numpy.array([object()])',
    'numpy.zeros(2, [("a", "i4"), ("b", "f8")])',
    'numpy.ma.masked_array([1, 2], [True, False])',
    'numpy.complex128(1j)',
    'numpy.datetime64("2026-01-02T00:00:00", "ns")',
    'numpy.longdouble(1)',
  ])('is refused where something would be lost: %s', async (expression) => {
    expect(await failure(pool.call('evaluate', [`[${expression}]`]))).toMatchObject({
      code: 'ERR_VALUE',
      path: 'value[0]',
    });
  });

  it('is refused before it is copied where it is a view of more than there is memory', async () => {
    expect(await failure(pool.call('evaluate', ['numpy.broadcast_to(numpy.int8(1), (2**45,))']))).toMatchObject({
      code: 'ERR_MESSAGE_TOO_LARGE',
      bytes: 2 ** 45,
      option: 'attachmentBytesMax',
    });
  });

  it('is refused by a number that JavaScript has where it is a view of more bytes than it can count', async () => {
    const view = 'memoryview(numpy.broadcast_to(numpy.uint8(1), 2**60))';
    expect(await failure(pool.call('evaluate', [view]))).toMatchObject({
      code: 'ERR_MESSAGE_TOO_LARGE',
      bytes: Number.MAX_SAFE_INTEGER,
      option: 'attachmentBytesMax',
    });
  });
});

describe.skipIf(python === undefined)(`a typed array whose parameter is hinted as an array of numpy${without}`, () => {
  const module = fixtures(import.meta.url)('array_hints.py');
  let pool: Pool;

  beforeAll(() => {
    pool = createPool({ module, size: 1, python, logs: 'events' });
  });
  afterAll(() => pool.close());

  const data = new Float64Array([1, 2, 3]);
  const array = ['ndarray', 'float64', [7, 2, 3], 'memoryview'];

  it.each(['bare', 'of_items', 'optional', 'one_of', 'only_quoted', 'awaited', 'applied', 'instance'])(
    'arrives as one, over the same memory and to be written to: %s',
    async (name) => {
      // As it is asked the first time, and then.
      for (let round = 0; round < 2; round++) expect(await pool.call(name, [data])).toEqual([array]);
      expect(await pool.call(name, [kw({ a: data })])).toEqual([array]);
    },
  );

  it.each([
    [new Int16Array([1, 2]), 'int16', [7, 2]],
    [new BigUint64Array([1n, 2n]), 'uint64', [7, 2]],
    [new Uint8ClampedArray([1, 2]), 'uint8', [7, 2]],
    [new Float32Array(0), 'float32', []],
  ])('has the items that it had: %s', async (items, dtype, list) => {
    expect(await pool.call('bare', [items])).toEqual([['ndarray', dtype, list, expect.any(String)]]);
  });

  it('may be bytes, which are copied to be written to', async () => {
    const bytes = ['ndarray', 'uint8', [7, 2], expect.any(String)];
    expect(await pool.call('bare', [new Uint8Array([1, 2])])).toEqual([bytes]);
    expect(await pool.call('bare', [Buffer.from([1, 2])])).toEqual([bytes]);
  });

  it('stays what it is where the hint has a place for that too', async () => {
    expect(await pool.call('either', [data, new Uint8Array(1)])).toEqual([['memoryview'], ['bytes']]);
    expect(await pool.call('other', [data, data, data, data])).toEqual(Array(4).fill(['memoryview']));
    expect(await pool.call('inside', [[data]])).toEqual([['memoryview']]);
    expect(await pool.call('optional', [null])).toEqual([['NoneType']]);
    expect(await pool.call('one_of', ['text'])).toEqual([['str']]);
  });

  it('stays what it is for an ArrayLike, of which numpy makes an array of numbers, and of bytes one text', async () => {
    expect(await pool.call('like', [data])).toEqual([['memoryview'], 'float64']);
    expect(await pool.call('like', [new Uint8Array([1, 2])])).toEqual([['bytes'], 'bytes16']);
  });

  it('goes by marks, new types, type variables, and past a hint that means nothing', async () => {
    expect(await pool.call('marked', [data, data, data])).toEqual([array, array, array]);
    expect(await pool.call('not_known', [data, data])).toEqual([['memoryview'], array]);
    expect(await pool.call('wrapped', [data])).toEqual([array, array]);
  });

  it('is one of many, by position and by name', async () => {
    const given = [data, data, data, kw({ by_name: data, further: data })];
    expect(await pool.call('many', given)).toEqual([['memoryview'], array, array, array, array]);
    // What nobody takes is for Python to say.
    expect(await failure(pool.call('bare', [data, data]))).toMatchObject({ type: 'TypeError' });
    expect(await failure(pool.call('bare', [kw({ b: data })]))).toMatchObject({ type: 'TypeError' });
  });

  it('is given to generators, classes and the methods of their objects', async () => {
    const items: unknown[] = [];
    for await (const item of pool.stream('items', [data])) items.push(item);
    expect(items).toEqual([array]);
    const lease = await pool.checkout();
    // biome-ignore lint/suspicious/noExplicitAny: whatever the class has
    const model = await lease.call<any>('Model', [data]);
    expect(await model.made_of()).toEqual([array]);
    for (const call of [() => model.fixed(data), () => model.shared(data)]) expect(await call()).toEqual([array]);
    expect(await model.fit(data, data)).toEqual([array, ['memoryview']]);
    expect(await model.fit(kw({ b: data, a: data }))).toEqual([array, ['memoryview']]);
    await lease.checkin();
  });

  it.each(['asyncio', 'threads'] as const)('is one in the lane %s, and where arguments are checked', async (lane) => {
    const other = createPool({ module, size: 1, python, logs: 'events', lane, slots: 2, validate: true });
    expect(await Promise.all([other.call('bare', [data]), other.call('awaited', [data])])).toEqual([[array], [array]]);
    expect(await failure(other.call('bare', ['text']))).toMatchObject({ code: 'ERR_ARGUMENT', expected: 'an array' });
    await other.close();
  });
});

describe('a Python without numpy', () => {
  it('raises ModuleNotFoundError for an array, and its worker serves on', async () => {
    const module = fixtures(import.meta.url)('values.py');
    // Isolated from where the tests may have installed it.
    const pool = createPool({ module, size: 1, python: ['python3', '-S'], logs: 'events' });
    const error = await failure(pool.call('echo', [ndarray(new Float64Array(2))]));
    expect(error).toMatchObject({ code: 'ERR_PYTHON', type: 'ModuleNotFoundError' });
    expect(await pool.call('echo', [1])).toBe(1);
    await pool.close();
  });
});
