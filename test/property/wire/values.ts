import { inspect } from 'node:util';
import fc from 'fast-check';

/** All that is in the column "same" of docs/values.md, and null. */
export function crossing(): fc.Arbitrary<unknown> {
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
export function json(): fc.Arbitrary<unknown> {
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

export function text(): fc.Arbitrary<string> {
  return fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: surrogates() }), fc.constant('__proto__'));
}

export function anything(): fc.Arbitrary<unknown> {
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
export function fromEntries(entries: [string, unknown][]): object {
  const object = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

export function isFaithful(number: number): boolean {
  return !Number.isInteger(number) || Math.abs(number) <= Number.MAX_SAFE_INTEGER || Math.abs(number) >= 1e21;
}

/** What documented conversions make of it, before Python has seen it: prototypes come back, and views become arrays. */
export function arrived(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(arrived);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [arrived(key), arrived(item)]));
  if (value instanceof Set) return new Set([...value].map(arrived));
  if (value instanceof Uint8ClampedArray) return new Uint8Array(value);
  if (value instanceof Date || ArrayBuffer.isView(value)) return value;
  return fromEntries(Object.entries(value).map(([key, item]) => [key, arrived(item)]));
}

/** Whether the value as such, apart from what it holds, is one that cannot cross. */
export function isLost(value: unknown): boolean {
  if (typeof value === 'number') return !isFaithful(value);
  if (typeof value !== 'object' || value === null) return !['string', 'boolean', 'bigint'].includes(typeof value);
  if (value instanceof Date) return !(value.getTime() >= -62135596800000 && value.getTime() < 253402300800000);
  // Of their keys.
  if (value instanceof Map || value instanceof Set) return true;
  return ![Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value));
}
