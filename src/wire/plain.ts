import { Kwargs } from '../values/kw.js';

/** What is wrong with a value itself, whatever it holds. */
export function leafProblem(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return isFaithfulNumber(value) ? undefined : numberProblem(value);
    case 'undefined':
      return 'is undefined, which Python does not have. Send `null`, or leave it out.';
    case 'bigint':
      return `is the bigint ${value}n. Send it as a string, or as a number if it is within ±(2^53-1).`;
    case 'symbol':
      return 'is a symbol. Send a string.';
    case 'function':
      return 'is a function, which can cross among the arguments of a call alone. Send data.';
    case 'object': {
      if (value === null || (Array.isArray(value) ? isPlainArray(value) : isPlainObject(value))) return undefined;
      return value instanceof Kwargs ? KWARGS_PROBLEM : instanceProblem(value);
    }
  }
}

/** Whether Python reads back the very number. */
export function isFaithfulNumber(value: number): boolean {
  if (Number.isSafeInteger(value)) return !Object.is(value, -0);
  if (!Number.isFinite(value)) return false;
  // An integer that JSON writes with an exponent is a float in Python, as it was here; written in digits it would be
  // an int that claims digits which nobody meant.
  return !Number.isInteger(value) || Math.abs(value) >= EXPONENT_FROM;
}

function numberProblem(value: number): string {
  if (Number.isNaN(value)) return 'is NaN, which JSON cannot write. Send `null`.';
  if (!Number.isFinite(value)) return `is ${value}, which JSON cannot write. Send \`null\`, or a limit of your own.`;
  if (value === 0) return 'is -0, which would arrive as 0. Send 0 if the sign does not matter.';
  return `is the integer ${value}, which is outside ±(2^53-1), where not every integer is a number. Send a string.`;
}

export function isPlainArray(value: readonly unknown[]): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Every realm (a `vm` context, a test runner's sandbox) has an Array.prototype, which is an array itself.
  return prototype === Array.prototype || (Array.isArray(prototype) && !(TO_JSON in prototype));
}

export function isPlainObject(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  // The Object.prototype of another realm: it has nothing above it, and this method of its own.
  return (
    Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf') && !(TO_JSON in prototype)
  );
}

/** Whether it has a `toJSON` that is no part of the value, and by which JSON would be made all the same. */
export function hasHiddenToJson(value: object): boolean {
  const { toJSON } = value as { readonly toJSON?: unknown };
  // It is asked of every container, and hardly any has one.
  if (typeof toJSON !== 'function') return false;
  // A proxy may answer with one that is nowhere in it, and JSON would be made by that.
  if (!Object.hasOwn(value, TO_JSON)) return !(TO_JSON in value);
  // One that is listed is a function, which is refused where it stands.
  return Array.isArray(value) || !Object.prototype.propertyIsEnumerable.call(value, TO_JSON);
}

function instanceProblem(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  if (typeof name !== 'string' || name === '') return 'is an object with a prototype of its own. Send a plain object.';
  const remedy = ArrayBuffer.isView(value) ? 'Send `Array.from(…)` of it, or text.' : INSTANCE_REMEDIES[name];
  return `is an instance of ${name}. ${remedy ?? 'Send a plain object or an array.'}`;
}

export function memberOf(key: string): string {
  return IDENTIFIER.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** Lists of numbers as JSON, whatever somebody hung on Array.prototype. */
export function listJson(lists: readonly (readonly number[])[]): string {
  return `[${lists.map((numbers) => `[${numbers.join()}]`).join()}]`;
}

/** Plain data as JSON, whatever somebody hung on Object.prototype or Array.prototype. */
export function jsonOf(value: unknown): string {
  return JSON.stringify(TO_JSON in Array.prototype ? withoutPrototypes(value) : value);
}

/**
 * The same data out of reach of a `toJSON` that is inherited. One of its own is data here: as a function it would have
 * been refused.
 */
function withoutPrototypes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Object.setPrototypeOf(value.map(withoutPrototypes), null);
  const bare: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value)) bare[key] = withoutPrototypes((value as Record<string, unknown>)[key]);
  return bare;
}

const TO_JSON = 'toJSON';
/** From here on `String(number)` has an exponent. */
const EXPONENT_FROM = 1e21;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

const KWARGS_PROBLEM = 'holds keyword arguments. `kw({ … })` must be the last argument, and inside nothing else.';

const INSTANCE_REMEDIES: Record<string, string | undefined> = Object.assign(Object.create(null), {
  Date: 'Send `date.toISOString()`, or `date.getTime()`.',
  Map: 'Send `Object.fromEntries(map)`, or `[...map]`.',
  Set: 'Send `[...set]`.',
  RegExp: 'Send its `source`.',
  URL: 'Send its `href`.',
  ArrayBuffer: 'Send `Array.from(new Uint8Array(buffer))`, or text.',
  Promise: 'Await it first.',
  Number: 'Send `Number(…)` of it.',
  String: 'Send `String(…)` of it.',
  Boolean: 'Send its `valueOf()`.',
});
