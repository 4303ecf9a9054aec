import { MessageTooLargeError, ValueRefusedError } from '../errors.js';
import { Kwargs } from '../kw.js';

/** How deep a value may be and how large its message. */
export interface ValueLimits {
  /** Containers inside each other: `5` has depth 0, `[5]` has 1. */
  readonly depthMax: number;
  /** Bytes of UTF-8 that the message may have. */
  readonly messageBytesMax: number;
}

/** Whose value it is, for the error. */
export interface ValuePlace {
  /** The name of the value, with which the path begins: `args`. */
  readonly root: string;
  /** The function that is called, if there is one. */
  readonly call?: string | undefined;
}

/**
 * The JSON of one value. Whatever JSON would change or leave out is refused; `docs/values.md` has the table. Properties
 * are read twice, first to check and then to write, so a getter should give the same answer both times; what a getter
 * throws is thrown on.
 *
 * @throws ValueRefusedError (`ERR_VALUE`) naming the path to the first value that cannot cross.
 * @throws MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`) when the JSON is certain to be larger than a message may be.
 */
export function encodeValue(value: unknown, place: ValuePlace, limits: ValueLimits): string {
  check(value, place, limits, 0);
  return write(value, place, limits);
}

/**
 * The JSON of a list of arguments or an object of keyword arguments. It is no level of depth itself: each argument is
 * a value of its own.
 *
 * @throws ValueRefusedError (`ERR_VALUE`) and MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`), as {@link encodeValue}.
 */
export function encodeArguments(args: object, place: ValuePlace, limits: ValueLimits): string {
  checkArguments(args, place, limits);
  return write(args, place, limits);
}

/**
 * What {@link encodeArguments} refuses, found without encoding.
 *
 * @throws ValueRefusedError (`ERR_VALUE`) and MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`), as {@link encodeValue}.
 */
export function checkArguments(args: object, place: ValuePlace, limits: ValueLimits): void {
  check(args, place, limits, 1);
}

function check(value: unknown, { root, call }: ValuePlace, limits: ValueLimits, levelsFree: 0 | 1): void {
  const weight = weigh(value, limits.depthMax + levelsFree, 0, limits.messageBytesMax);
  if (weight !== REFUSED && weight <= limits.messageBytesMax) return;
  const refusal = findRefused(value, limits.depthMax, levelsFree);
  if (refusal === undefined && weight !== REFUSED) {
    throw new MessageTooLargeError({ bytes: weight, limit: limits.messageBytesMax, sender: 'node', call });
  }
  const { path, problem } = refusal ?? { path: '', problem: 'changed while it was read. Send plain data.' };
  throw new ValueRefusedError({ path: root + path, problem, sender: 'node', call });
}

function write(value: unknown, { call }: ValuePlace, limits: ValueLimits): string {
  try {
    return JSON.stringify(TO_JSON in Array.prototype ? withoutPrototypes(value) : value);
  } catch (error) {
    // V8 has a limit of its own on the length of a string.
    if (!(error instanceof RangeError && error.message === 'Invalid string length')) throw error;
    throw new MessageTooLargeError({ bytes: STRING_CHARS_MAX, limit: limits.messageBytesMax, sender: 'node', call });
  }
}

/**
 * The fewest bytes that the values up to and including this one can take, or `REFUSED`. It stops as soon as they are
 * too many: a few objects that hold each other many times over can stand for more text than there is memory.
 */
function weigh(value: unknown, depthLeft: number, weightBefore: number, weightMax: number): number {
  if (typeof value === 'string') return weightBefore + value.length + 2;
  if (typeof value === 'number') return isFaithfulNumber(value) ? weightBefore + 1 : REFUSED;
  if (typeof value === 'boolean' || value === null) return weightBefore + 4;
  if (typeof value !== 'object' || depthLeft === 0) return REFUSED;
  let weight = weightBefore + 1;
  if (Array.isArray(value)) {
    if (!isPlainArray(value)) return REFUSED;
    for (let index = 0; index < value.length; index++) {
      weight = weigh(value[index], depthLeft - 1, weight + 1, weightMax);
      if (weight === REFUSED || weight > weightMax) return weight;
    }
    return weight;
  }
  if (!isPlainObject(value) || Object.getOwnPropertySymbols(value).length > 0) return REFUSED;
  for (const key of Object.keys(value)) {
    weight = weigh((value as Record<string, unknown>)[key], depthLeft - 1, weight + key.length + 4, weightMax);
    if (weight === REFUSED || weight > weightMax) return weight;
  }
  return weight;
}

interface Refusal {
  /** From the value that was walked to the one refused: `[0].rows[3]`. */
  readonly path: string;
  readonly problem: string;
}

/** The same walk once more, for its path; what is refused pays for it, and what crosses does not. */
function findRefused(root: unknown, depthMax: number, levelsFree: 0 | 1): Refusal | undefined {
  const holders = new Set<object>();
  // Walked with this depth left and found good: nothing that is held many times over is walked many times over.
  const passed = new Map<object, number>();
  return walk(root, depthMax + levelsFree);

  function walk(value: unknown, depthLeft: number): Refusal | undefined {
    const problem = leafProblem(value);
    if (problem !== undefined) return { path: '', problem };
    if (typeof value !== 'object' || value === null) return undefined;
    if (holders.has(value)) return { path: '', problem: 'is an object that holds itself. Break the cycle.' };
    if (depthLeft === 0) {
      return { path: '', problem: `lies deeper than ${depthMax} levels. Flatten the value, or raise \`depthMax\`.` };
    }
    if (depthLeft >= (passed.get(value) ?? Number.POSITIVE_INFINITY)) return undefined;
    holders.add(value);
    const refusal = Array.isArray(value) ? walkArray(value, depthLeft - 1) : walkObject(value, depthLeft - 1);
    holders.delete(value);
    passed.set(value, depthLeft);
    return refusal;
  }

  function walkArray(array: readonly unknown[], depthLeft: number): Refusal | undefined {
    for (let index = 0; index < array.length; index++) {
      if (!(index in array)) return { path: `[${index}]`, problem: 'is a hole in an array. Put `null` there.' };
      const refusal = walk(array[index], depthLeft);
      if (refusal) return { ...refusal, path: `[${index}]${refusal.path}` };
    }
    return undefined;
  }

  function walkObject(object: object, depthLeft: number): Refusal | undefined {
    const [symbol] = Object.getOwnPropertySymbols(object);
    if (symbol !== undefined) return { path: '', problem: `has ${String(symbol)} for a key. Use a string.` };
    for (const key of Object.keys(object)) {
      const refusal = walk((object as Record<string, unknown>)[key], depthLeft);
      if (refusal) return { ...refusal, path: memberOf(key) + refusal.path };
    }
    return undefined;
  }
}

/** What is wrong with a value itself, whatever it holds. */
function leafProblem(value: unknown): string | undefined {
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
      return 'is a function, and only data can cross.';
    case 'object': {
      if (value === null || (Array.isArray(value) ? isPlainArray(value) : isPlainObject(value))) return undefined;
      return value instanceof Kwargs ? KWARGS_PROBLEM : instanceProblem(value);
    }
  }
}

/** Whether Python reads back the very number. */
function isFaithfulNumber(value: number): boolean {
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

function isPlainArray(value: readonly unknown[]): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // Every realm (a `vm` context, a test runner's sandbox) has an Array.prototype, which is an array itself.
  return prototype === Array.prototype || (Array.isArray(prototype) && !(TO_JSON in prototype));
}

function isPlainObject(value: object): boolean {
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  // The Object.prototype of another realm: it has nothing above it, and this method of its own.
  return (
    Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf') && !(TO_JSON in prototype)
  );
}

function instanceProblem(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  if (typeof name !== 'string' || name === '') return 'is an object with a prototype of its own. Send a plain object.';
  const remedy = ArrayBuffer.isView(value) ? 'Send `Array.from(…)` of it, or text.' : INSTANCE_REMEDIES[name];
  return `is an instance of ${name}. ${remedy ?? 'Send a plain object or an array.'}`;
}

function memberOf(key: string): string {
  return IDENTIFIER.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/**
 * The same data out of reach of a `toJSON` that somebody hung on Object.prototype or Array.prototype. A `toJSON` of
 * its own is data here: as a function it would have been refused.
 */
function withoutPrototypes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Object.setPrototypeOf(value.map(withoutPrototypes), null);
  const bare: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value)) bare[key] = withoutPrototypes((value as Record<string, unknown>)[key]);
  return bare;
}

const REFUSED = -1;
const TO_JSON = 'toJSON';
/** From here on `String(number)` has an exponent. */
const EXPONENT_FROM = 1e21;
/** The longest string that V8 makes. */
const STRING_CHARS_MAX = 0x1fff_ffe8;
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
