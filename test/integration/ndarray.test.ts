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
    ['float16', Uint8Array],
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
