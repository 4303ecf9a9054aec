import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ValueRefusedError } from '../../../src/errors.js';
import { callLine, decodeMessage, encodeRequest, type ReplyMessage } from '../../../src/wire/message.js';
import { encodeValue } from '../../../src/wire/value.js';

const LIMITS = { depthMax: 200, messageBytesMax: 64 * 1024 * 1024 };

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
      fc.property(crossing(), (value) => {
        const expected = thereAndBack(value);
        const prototype = Object.prototype as { toJSON?: () => string };
        let json: string;
        Object.defineProperty(prototype, 'toJSON', { value: () => 'stolen', configurable: true });
        try {
          json = encodeValue(value, { root: 'value' }, LIMITS);
        } finally {
          delete prototype.toJSON;
        }
        expect(isDeepStrictEqual(JSON.parse(json), expected)).toBe(true);
      }),
    );
  });

  it('makes one line of UTF-8 with its call, whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.array(crossing()),
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        (args, name, session) => {
          const line = callLine(7, encodeRequest({ name, args, session }, LIMITS));
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
          expect(isDeepStrictEqual(thereAndBack(value), withPrototypes(value))).toBe(true);
          return;
        } catch (error) {
          if (!(error instanceof ValueRefusedError)) throw error;
          path = error.path;
        }
        // What the path leads to is what JSON would have changed or lost, even by itself.
        const found: unknown = new Function('value', `return ${path}`)(value);
        expect(() => encodeValue(found, { root: 'value' }, LIMITS)).toThrow(ValueRefusedError);
        expect(isLost(found)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

/** All that is in the column "same" of docs/values.md, and null. */
function crossing(): fc.Arbitrary<unknown> {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: surrogates() }), fc.constant('__proto__'));
  return fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.constantFrom(null, true, false),
      fc.maxSafeInteger().filter((number) => !Object.is(number, -0)),
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter(isFaithful),
      text,
      fc.array(tie('value')),
      fc.array(fc.tuple(text, tie('value'))).map(fromEntries),
    ),
  })).value;
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
  if (Number.isInteger(number) && Math.abs(number) > Number.MAX_SAFE_INTEGER) return Math.abs(number) >= 1e21;
  return !Object.is(number, -0);
}

function thereAndBack(value: unknown): unknown {
  const json = encodeValue(value, { root: 'value' }, LIMITS);
  return (decodeMessage(`{"type":"reply","id":1,"value":${json}}`) as ReplyMessage).value;
}

/** An object without a prototype crosses as its properties, and comes back with one. */
function withPrototypes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withPrototypes);
  if (typeof value !== 'object' || value === null) return value;
  return fromEntries(Object.entries(value).map(([key, item]) => [key, withPrototypes(item)]));
}

/** Whether the value as such, apart from what it holds, is one that JSON changes or loses. */
function isLost(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value) || !isFaithful(value);
  if (typeof value !== 'object' || value === null) return typeof value !== 'string' && typeof value !== 'boolean';
  return ![Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value));
}
