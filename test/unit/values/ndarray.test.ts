import { afterEach, describe, expect, it, vi } from 'vitest';
import { OptionError } from '../../../src/errors.js';
import { NdArray, ndarray } from '../../../src/values/ndarray.js';

describe('an NdArray', () => {
  it('is what it is made of, in the order C unless told otherwise', () => {
    const data = new Uint8Array(16);
    const array = new NdArray({ dtype: '>f8', shape: [2], data });
    expect(array).toEqual({ dtype: '>f8', shape: [2], order: 'C', data });
    expect(array.data).toBe(data);
  });

  it.each([
    'bool',
    'float16',
    'complex128',
    '<f4',
    '>i8',
    '|S3',
    '<U10',
    '<M8[ns]',
    '>m8[25s]',
    '|V0',
    '|S2147483647',
    '<U536870911',
  ])('may have the dtype %s', (dtype) => {
    expect(new NdArray({ dtype, shape: [0], data: new Uint8Array(0) }).dtype).toBe(dtype);
  });

  it.each(['float', 'object', '|O8', '<i3', '<M8[fortnight]', 'f8', '', '<f8 ', '|S2147483648', '<U536870912', 7])(
    'has no dtype %j',
    (dtype) => {
      const parts = { dtype: dtype as string, shape: [0], data: new Uint8Array(0) };
      expect(() => new NdArray(parts)).toThrow(OptionError);
    },
  );

  it.each([
    { shape: [3] },
    { shape: [-1] },
    { shape: [0.5] },
    { shape: 'two' as never },
    { shape: [2, ...Array(32).fill(1)] },
    { shape: [0, 2 ** 50, 2], data: new Float64Array(0) },
    { order: 'K' as never },
    { data: [1, 2] as never },
    { data: new Float64Array(3) },
  ])('does not fit: %j', (parts) => {
    const fits = { dtype: 'float64', shape: [2], data: new Float64Array(2) };
    expect(() => new NdArray({ ...fits, ...parts })).toThrow(OptionError);
  });
});

describe('ndarray', () => {
  it('takes no name for another, which would make another array', () => {
    const data = new Float64Array(6);
    const parts = { shape: [2, 3], Order: 'F' };
    const refused = expect.objectContaining({ code: 'ERR_OPTION', option: 'Order' });
    expect(() => ndarray(data, parts as never)).toThrow(refused);
    expect(() => new NdArray({ dtype: 'float64', data, ...parts } as never)).toThrow(refused);
    expect(() => ndarray(data, null as never)).toThrow(OptionError);
  });

  it('takes the dtype and the length of a typed array', () => {
    expect(ndarray(new BigInt64Array(3))).toMatchObject({ dtype: 'int64', shape: [3], order: 'C' });
    expect(ndarray(new Uint8ClampedArray(2))).toMatchObject({ dtype: 'uint8', shape: [2] });
  });

  it.each([new DataView(new ArrayBuffer(8)), [1, 2], null])('refuses what is no typed array: %o', (data) => {
    expect(() => ndarray(data as never)).toThrow(OptionError);
  });
});

describe('numbers of 16 bits', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it.each([
    ['a Float16Array where the runtime has one', true],
    ['their bits where it has none', false],
  ])('come as %s, and a Float16Array goes as an array of numpy', async (_, has) => {
    // As a later runtime has it, as far as it is looked at.
    class Float16Array extends Uint16Array {
      override get [Symbol.toStringTag]() {
        return 'Float16Array' as 'Uint16Array';
      }
    }
    vi.stubGlobal('Float16Array', has ? Float16Array : undefined);
    vi.resetModules();
    const { ndarrayOf, dtypeOf } = await import('../../../src/values/ndarray.js');
    const { encodeArguments } = await import('../../../src/wire/value.js');
    const { data } = ndarrayOf(Uint8Array.of(0, 0x3c, 0, 0xc0), 'float16', [2], 'C');
    expect(data).toBeInstanceOf(has ? Float16Array : Uint16Array);
    expect([...(data as Uint16Array)]).toEqual([0x3c00, 0xc000]);
    const given = new Float16Array(3);
    expect(dtypeOf(given)).toBe('float16');
    const limits = { depthMax: 10, messageBytesMax: 1_000, attachmentBytesMax: 1_000 };
    const { args, more, bin } = encodeArguments({ args: [given] }, 'f', limits);
    expect([args, more]).toEqual(['[null]', '"rich":[[["args",0],"ndarray",0,"float16",[3],"C"]],"bin":[6]']);
    expect(bin.map(({ byteLength }) => byteLength)).toEqual([6]);
  });
});
