import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MicroDate } from '../../../src/time/micro-date.js';
import { NdArray } from '../../../src/values/ndarray.js';
import { copyOf } from '../../../src/wire/copy.js';

describe('a copy of a result', () => {
  it('is equal to it, and shares nothing with it that could be changed', () => {
    fc.assert(
      fc.property(result(), (value) => {
        const copy = copyOf(value);
        expect(copy).toEqual(value);
        const mine = parts(value);
        expect([...parts(copy)].filter((part) => mine.has(part))).toEqual([]);
      }),
    );
  });

  it('of an array over a part of a buffer has a buffer of its own', () => {
    const view = new Float64Array(new Float64Array([0, 1, 2, 3]).buffer, 8, 2);
    const copy = copyOf(view) as Float64Array;
    expect(copy).toEqual(Float64Array.of(1, 2));
    expect(copy.buffer.byteLength).toBe(16);
  });

  it('keeps what is only a name for a prototype', () => {
    const value = JSON.parse('{ "__proto__": { "polluted": 1 }, "a": { "__proto__": [1] } }');
    const copy = copyOf(value) as object;
    expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect('polluted' in copy).toBe(false);
  });

  it('of a handle is the handle', () => {
    class Handle {}
    const handle = new Handle();
    expect(copyOf({ handle })).toEqual({ handle });
    expect((copyOf({ handle }) as { handle: Handle }).handle).toBe(handle);
  });
});

function result(): fc.Arbitrary<unknown> {
  const bytes = fc.uint8Array({ maxLength: 32 });
  const leaf = fc.oneof(
    fc.jsonValue(),
    fc.bigInt(),
    fc.double(),
    bytes,
    bytes.map((each) => Buffer.from(each)),
    fc.float64Array({ maxLength: 4 }),
    fc.bigInt64Array({ maxLength: 4 }),
    fc.date({ noInvalidDate: true }),
    fc.tuple(fc.integer(), fc.integer({ min: 1, max: 999 })).map(([at, micro]) => new MicroDate(at, micro)),
    fc.int32Array({ maxLength: 6 }).map((data) => new NdArray({ dtype: 'int32', shape: [data.length], data })),
  );
  return fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
      fc.array(fc.tuple(fc.string(), tie('value')), { maxLength: 4 }).map((pairs) => new Map(pairs)),
      fc.array(tie('value'), { maxLength: 4 }).map((items) => new Set(items)),
    ),
  })).value;
}

/** Every object that can be reached from a value. */
function parts(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null || found.has(value)) return found;
  found.add(value);
  if (ArrayBuffer.isView(value)) return found.add(value.buffer);
  const inside = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value);
  for (const each of inside) parts(each, found);
  return found;
}
