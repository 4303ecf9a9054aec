import { describe, expect, it } from 'vitest';
import { OptionError } from '../../src/errors.js';
import { NdArray, ndarray } from '../../src/ndarray.js';

describe('an NdArray', () => {
  it('is what it is made of, in the order C unless told otherwise', () => {
    const data = new Uint8Array(16);
    const array = new NdArray({ dtype: '>f8', shape: [2], data });
    expect(array).toEqual({ dtype: '>f8', shape: [2], order: 'C', data });
    expect(array.data).toBe(data);
  });

  it.each(['bool', 'float16', 'complex128', '<f4', '>i8', '|S3', '<U10', '<M8[ns]', '>m8[25s]', '|V0'])(
    'may have the dtype %s',
    (dtype) => {
      expect(new NdArray({ dtype, shape: [0], data: new Uint8Array(0) }).dtype).toBe(dtype);
    },
  );

  it.each(['float', 'object', '|O8', '<i3', '<M8[fortnight]', 'f8', '', '<f8 ', 7])('has no dtype %j', (dtype) => {
    const parts = { dtype: dtype as string, shape: [0], data: new Uint8Array(0) };
    expect(() => new NdArray(parts)).toThrow(OptionError);
  });

  it.each([
    { shape: [3] },
    { shape: [-1] },
    { shape: [0.5] },
    { shape: 'two' as never },
    { order: 'K' as never },
    { data: [1, 2] as never },
    { data: new Float64Array(3) },
  ])('does not fit: %j', (parts) => {
    const fits = { dtype: 'float64', shape: [2], data: new Float64Array(2) };
    expect(() => new NdArray({ ...fits, ...parts })).toThrow(OptionError);
  });
});

describe('ndarray', () => {
  it('takes the dtype and the length of a typed array', () => {
    expect(ndarray(new BigInt64Array(3))).toMatchObject({ dtype: 'int64', shape: [3], order: 'C' });
    expect(ndarray(new Uint8ClampedArray(2))).toMatchObject({ dtype: 'uint8', shape: [2] });
  });

  it.each([new DataView(new ArrayBuffer(8)), [1, 2], null])('refuses what is no typed array: %o', (data) => {
    expect(() => ndarray(data as never)).toThrow(OptionError);
  });
});
