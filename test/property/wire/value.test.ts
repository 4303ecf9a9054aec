import { inspect, isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ValueRefusedError } from '../../../src/errors.js';
import {
  announcedBy,
  callLine,
  encodeRequest,
  messageOf,
  parseLine,
  type ReplyMessage,
} from '../../../src/wire/message.js';
import { encodeFields } from '../../../src/wire/value.js';

const LIMITS = { depthMax: 200, messageBytesMax: 64 * 1024 * 1024, attachmentBytesMax: 1024 ** 3 };

describe('a value that crosses', () => {
  it('comes back as it went', () => {
    fc.assert(
      fc.property(crossing(), (value) => {
        expect(isDeepStrictEqual(thereAndBack(value), value)).toBe(true);
      }),
    );
  });

  it('comes back as it went under a polluted Object.prototype', () => {
    fc.assert(
      fc.property(json(), (value) => {
        const expected = thereAndBack(value);
        const prototype = Object.prototype as { toJSON?: () => string };
        let text: string;
        Object.defineProperty(prototype, 'toJSON', { value: () => 'stolen', configurable: true });
        try {
          ({ text } = encodeFields({ value }, undefined, LIMITS));
        } finally {
          delete prototype.toJSON;
        }
        expect(isDeepStrictEqual(JSON.parse(`{${text}}`), { value: expected })).toBe(true);
      }),
    );
  });

  it('makes one line of UTF-8 with its call, whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.array(json()),
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        (args, name, session) => {
          const line = callLine(7, encodeRequest({ name, args, session }, LIMITS).text);
          expect(line).not.toContain('\n');
          expect(Buffer.from(line).toString()).toBe(line);
          expect(isDeepStrictEqual(JSON.parse(line), { type: 'call', id: 7, name, args, session })).toBe(true);
        },
      ),
    );
  });
});

describe('any value at all', () => {
  it('comes back as it went or is refused, naming where it is', () => {
    fc.assert(
      fc.property(anything(), (value) => {
        let path: string;
        try {
          expect(isDeepStrictEqual(thereAndBack(value), arrived(value))).toBe(true);
          return;
        } catch (error) {
          if (!(error instanceof ValueRefusedError)) throw error;
          path = error.path;
        }
        // What the path leads to is what JSON would have changed or lost, even by itself.
        const found: unknown = new Function('value', `return ${path}`)(value);
        expect(() => encodeFields({ value: found }, undefined, LIMITS)).toThrow(ValueRefusedError);
        expect(isLost(found)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

/** All that is in the column "same" of docs/values.md, and null. */
function crossing(): fc.Arbitrary<unknown> {
  const bytes = fc.uint8Array({ maxLength: 20 });
  const leaf = fc.oneof(
    fc.constantFrom(null, true, false, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter(isFaithful),
    text(),
    fc.bigInt(),
    fc.bigInt().map((number) => number * 2n ** 64n),
    bytes,
    fc.float64Array(),
    fc.bigInt64Array(),
    fc.int16Array(),
    fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
  );
  // No two of them are one in Python, and a Map or a Set tells them apart as Python does.
  const key = fc.oneof(
    text(),
    fc.integer({ min: 2 }),
    bytes,
    fc.bigInt({ max: -1n }),
    fc.tuple(text(), fc.double({ noInteger: true, noNaN: true, noDefaultInfinity: true })),
  );
  const distinct = { selector: (item: unknown) => inspect(item), maxLength: 5 };
  return fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.array(tie('value')),
      fc.array(fc.tuple(text(), tie('value'))).map(fromEntries),
      fc
        .uniqueArray(key, distinct)
        .chain((keys) => fc.tuple(...keys.map((one) => fc.tuple(fc.constant(one), tie('value')))))
        .map((pairs) => new Map(pairs)),
      fc.uniqueArray(key, distinct).map((members) => new Set(members)),
    ),
  })).value;
}

/** Of these, what JSON has words for. */
function json(): fc.Arbitrary<unknown> {
  return fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.constantFrom(null, true, false),
      fc.maxSafeInteger().filter((number) => !Object.is(number, -0)),
      fc
        .double({ noNaN: true, noDefaultInfinity: true })
        .filter((number) => isFaithful(number) && !Object.is(number, -0)),
      text(),
      fc.array(tie('value')),
      fc.array(fc.tuple(text(), tie('value'))).map(fromEntries),
    ),
  })).value;
}

function text(): fc.Arbitrary<string> {
  return fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: surrogates() }), fc.constant('__proto__'));
}

function anything(): fc.Arbitrary<unknown> {
  return fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
    key: fc.oneof(fc.string(), fc.constantFrom('toJSON', 'constructor', 'length', 'two words')),
  });
}

/** Single halves of characters, and whole ones. */
function surrogates(): fc.Arbitrary<string> {
  return fc.constantFrom('\ud83d', '\udc0d', '🐍', 'a', '\u2028', '\0');
}

/** Own properties, whatever their names. */
function fromEntries(entries: [string, unknown][]): object {
  const object = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

function isFaithful(number: number): boolean {
  return !Number.isInteger(number) || Math.abs(number) <= Number.MAX_SAFE_INTEGER || Math.abs(number) >= 1e21;
}

function thereAndBack(value: unknown): unknown {
  const { text: fields, bin } = encodeFields({ value }, undefined, LIMITS);
  const line = parseLine(`{"type":"reply","id":1,${fields}}`);
  const lengths = announcedBy(line);
  expect(lengths ?? []).toEqual(bin.map(({ byteLength }) => byteLength));
  return (messageOf(line, lengths && bin.map((bytes) => new Uint8Array(bytes))) as ReplyMessage).value;
}

/** What documented conversions make of it, before Python has seen it: prototypes come back, and views become arrays. */
function arrived(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(arrived);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [arrived(key), arrived(item)]));
  if (value instanceof Set) return new Set([...value].map(arrived));
  if (value instanceof Uint8ClampedArray) return new Uint8Array(value);
  if (value instanceof Date || ArrayBuffer.isView(value)) return value;
  return fromEntries(Object.entries(value).map(([key, item]) => [key, arrived(item)]));
}

/** Whether the value as such, apart from what it holds, is one that cannot cross. */
function isLost(value: unknown): boolean {
  if (typeof value === 'number') return !isFaithful(value);
  if (typeof value !== 'object' || value === null) return !['string', 'boolean', 'bigint'].includes(typeof value);
  if (value instanceof Date) return !(value.getTime() >= -62135596800000 && value.getTime() < 253402300800000);
  // Of their keys.
  if (value instanceof Map || value instanceof Set) return true;
  return ![Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value));
}
