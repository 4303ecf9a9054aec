import { types } from 'node:util';
import { MessageTooLargeError, ProtocolError } from '../errors.js';
import { areMicroseconds, MicroDate } from '../time/micro-date.js';
import { dtypeOf, NdArray, ndarray, ndarrayOf, ndarrayProblem, TYPED_ARRAYS } from '../values/ndarray.js';
import { hasHiddenToJson, isFaithfulNumber, isPlainArray, isPlainObject, leafProblem, memberOf } from './plain.js';
import { keyedOf, mergedOf, rowsOf } from './rows.js';
import type { ValueLimits } from './value.js';

/** What takes an argument that is no value. Each returns the number by which Python knows it, or why it cannot cross. */
export interface ValueHandlers {
  readonly onFunction?: (fn: (...args: never[]) => unknown, path: () => string) => FunctionReference | string;
  /** Asked for every instance of a class; `undefined`: it is no handle. */
  readonly onHandle?: (value: object, path: () => string) => number | string | undefined;
  /** An object with `Symbol.asyncIterator` or `Symbol.iterator`, other than the collections that are values. */
  readonly onIterable?: (iterable: AsyncIterable<unknown> | Iterable<unknown>) => number;
}

/** A function of one call, or one that is kept for longer. */
export interface FunctionReference {
  readonly kind: 'function' | 'kept';
  readonly number: number;
}

/** What makes something of the kinds that are no values (`handle`), of their data and the id of their message. */
export type Resolve = (kind: string, data: readonly unknown[], id: unknown) => unknown;

/** A part that cannot cross. */
export class Refusal {
  constructor(
    /** From the root of its value: `args[0].rows[3]`. */
    readonly path: string,
    /** What is there and what to send instead: `is undefined, …`. */
    readonly problem: string,
  ) {}
}

/**
 * One walk over the values of a message, part by part, which builds the JSON that stands for them. What JSON has no
 * word for is told in `rich`, children before parents, and raw bytes are in `bin`; they are not copied.
 */
export class RichWalk {
  readonly rich: unknown[][] = [];
  readonly bin: Uint8Array[] = [];
  /** Which of `bin` are arrays of {@link SHARED_BYTES_MIN} or more. */
  readonly large: number[] = [];
  readonly #limits: ValueLimits;
  /** `undefined` where only what JSON has words for may cross. */
  readonly #handlers: ValueHandlers | undefined;
  readonly #call: string | undefined;
  readonly #path: (string | number)[] = [];
  /** The containers around the part that is looked at, the outermost first. */
  readonly #holders = new Set<object>();
  /** Walked with this depth left and found to be JSON: nothing that is held many times over is walked many times over. */
  readonly #passed = new Map<object, number>();
  /** The fewest bytes that what was made of the values so far takes in the message. */
  #bytes = 0;

  /** @param call The function that is called, for the error. */
  constructor(limits: ValueLimits, handlers: ValueHandlers | undefined, call?: string) {
    this.#limits = limits;
    this.#handlers = handlers;
    this.#call = call;
  }

  /**
   * What stands for one member of the message.
   *
   * @param levelsFree Levels that do not count as depth: 1 for a list of arguments.
   * @throws Refusal, and MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`) for more than a message may tell of.
   */
  member(name: string, value: unknown, levelsFree: 0 | 1): unknown {
    this.#path.push(name);
    const stands = this.#walk(value, this.#limits.depthMax + levelsFree);
    this.#path.pop();
    return stands;
  }

  #walk(value: unknown, depthLeft: number): unknown {
    if (isPlainAtom(value)) return value;
    if (typeof value === 'object' && value !== null) {
      if (Array.isArray(value) ? isPlainArray(value) : isPlainObject(value)) return this.#container(value, depthLeft);
    }
    // Before it is told of as a problem, since to write a long one in decimal takes seconds.
    if (typeof value === 'bigint' && this.#handlers !== undefined) return this.#standsFor('int', value.toString(16));
    const problem = leafProblem(value) as string;
    if (this.#handlers === undefined) return this.#refuse(problem);
    switch (typeof value) {
      case 'number':
        return this.#number(value, problem);
      case 'function':
        return this.#function(value as () => unknown, problem);
      case 'object':
        return this.#object(value as object, depthLeft, problem);
      default:
        return this.#refuse(problem);
    }
  }

  #function(value: () => unknown, problem: string): unknown {
    const known = this.#handlers?.onFunction?.(value, () => this.#shown()) ?? problem;
    return typeof known === 'string' ? this.#refuse(known) : this.#standsFor(known.kind, null, known.number);
  }

  #number(value: number, problem: string): unknown {
    const word = FLOATS.get(Object.is(value, -0) ? '-0' : String(value));
    return word === undefined ? this.#refuse(problem) : this.#standsFor('float', word);
  }

  #object(value: object, depthLeft: number, problem: string): unknown {
    if (types.isUint8Array(value) || types.isDataView(value) || types.isAnyArrayBuffer(value)) {
      return this.#standsFor('bytes', null, this.#attach(value));
    }
    const dtype = dtypeOf(value);
    // Of numbers of 16 bits a `memoryview` knows nothing, and numpy does.
    const array = dtype === 'float16' ? ndarray(value as ArrayBufferView) : value;
    if (array instanceof NdArray) {
      const wrong = ndarrayProblem(array);
      if (wrong !== undefined) this.#refuse(`is an NdArray whose ${wrong.option} is no longer ${wrong.expected}.`);
      return this.#standsFor('ndarray', null, this.#attachArray(array.data), array.dtype, array.shape, array.order);
    }
    if (dtype !== undefined) return this.#standsFor('array', null, this.#attachArray(value as ArrayBufferView), dtype);
    if (types.isDate(value)) return this.#date(value);
    if (types.isMap(value) && isOwnClass(value)) return this.#map(value, depthLeft);
    if (types.isSet(value) && isOwnClass(value)) return this.#set(value, depthLeft);
    const handle = this.#handlers?.onHandle?.(value, () => this.#shown());
    if (typeof handle === 'string') return this.#refuse(handle);
    if (handle !== undefined) return this.#standsFor('handle', null, handle);
    if (this.#handlers?.onIterable !== undefined && isIterable(value)) {
      return this.#standsFor('stream', null, this.#handlers.onIterable(value));
    }
    return this.#refuse(problem);
  }

  #date(date: Date): unknown {
    const milliseconds = Date.prototype.getTime.call(date);
    if (Number.isNaN(milliseconds)) return this.#refuse('is an invalid Date. Send `null`.');
    if (milliseconds < YEAR_1 || milliseconds >= YEAR_10000) {
      return this.#refuse(`is ${date.toISOString()}, and Python knows the years 1 to 9999 only. Send a string.`);
    }
    if (!(date instanceof MicroDate)) return this.#standsFor('datetime', milliseconds);
    const { microseconds } = date;
    if (areMicroseconds(microseconds)) return this.#standsFor('datetime', milliseconds, microseconds);
    return this.#refuse('is a MicroDate whose microseconds are no longer an integer from 1 to 999.');
  }

  #container(value: object, depthLeft: number): unknown {
    if (depthLeft >= (this.#passed.get(value) ?? Number.POSITIVE_INFINITY)) return value;
    this.#enter(value, depthLeft, 1);
    const plain = hasHiddenToJson(value) ? this.#withoutHidden(value) : value;
    const stands = Array.isArray(plain) ? this.#array(plain, depthLeft - 1) : this.#record(plain, depthLeft - 1);
    this.#holders.delete(value);
    if (stands === value) this.#passed.set(value, depthLeft);
    return stands;
  }

  #withoutHidden(value: object): object {
    if (this.#handlers === undefined) {
      this.#refuse('has a method `toJSON`, by which it would be written as something else. Send plain data.');
    }
    return Array.isArray(value) ? itemsOf(value) : Object.assign(Object.create(null), value);
  }

  /** The very array where all of it is JSON; so for a record. */
  #array(array: readonly unknown[], depthLeft: number): unknown {
    let copy: unknown[] | undefined;
    for (let index = 0; index < array.length; index++) {
      const item = array[index];
      if (isPlainAtom(item)) continue;
      if (!(index in array)) {
        this.#path.push(index);
        this.#refuse('is a hole in an array. Put `null` there.');
      }
      const stands = this.#step(index, item, depthLeft);
      if (!Object.is(stands, item)) {
        if (copy === undefined) {
          this.#count(2 * array.length);
          copy = itemsOf(array);
        }
        copy[index] = stands;
      }
    }
    return copy ?? array;
  }

  #record(record: object, depthLeft: number): unknown {
    const keys = Object.keys(record);
    let copy: Record<string, unknown> | undefined;
    const symbols = Object.getOwnPropertySymbols(record);
    if (symbols.length > 0) {
      const isIterated = isIterable(record);
      // What has been made iterable is no record, though it is of no class.
      if (isIterated && this.#handlers?.onIterable !== undefined) {
        return this.#standsFor('stream', null, this.#handlers.onIterable(record));
      }
      const isStrict = isIterated || this.#handlers === undefined;
      const symbol = isStrict ? symbols[0] : symbols.find((each) => isListed(record, each));
      if (symbol !== undefined) this.#refuse(`has ${String(symbol)} for a key. Use a string.`);
      // What is hidden is no part of the value, and not in a copy of it either.
      copy = this.#copyOf(record, keys.length);
    }
    for (const key of keys) {
      const item = (record as Record<string, unknown>)[key];
      if (isPlainAtom(item)) continue;
      const stands = this.#step(key, item, depthLeft);
      if (!Object.is(stands, item)) {
        copy ??= this.#copyOf(record, keys.length);
        copy[key] = stands;
      }
    }
    return copy ?? record;
  }

  #copyOf(record: object, keys: number): Record<string, unknown> {
    this.#count(5 * keys);
    return Object.assign(Object.create(null) as Record<string, unknown>, record);
  }

  #map(map: ReadonlyMap<unknown, unknown>, depthLeft: number): unknown {
    this.#enter(map, depthLeft, 2);
    this.#count(6 * map.size);
    const pairs: unknown[] = [];
    for (const [key, item] of map) {
      this.#path.push(pairs.length);
      pairs.push([this.#step(0, key, depthLeft - 2), this.#step(1, item, depthLeft - 2)]);
      this.#path.pop();
    }
    this.#distinguish(map.keys(), 'keys');
    this.#holders.delete(map);
    return this.#standsFor('map', pairs);
  }

  #set(set: ReadonlySet<unknown>, depthLeft: number): unknown {
    this.#enter(set, depthLeft, 1);
    this.#count(2 * set.size);
    const items: unknown[] = [];
    for (const item of set) items.push(this.#step(items.length, item, depthLeft - 1));
    this.#distinguish(set, 'members');
    this.#holders.delete(set);
    return this.#standsFor('set', items);
  }

  /** Python finds keys by their hash, and takes `1`, `1n` and `true` for one. */
  #distinguish(keys: Iterable<unknown>, what: string): void {
    const seen = new Set<string>();
    // What an array is called is as long as what is written of it, however few arrays it holds.
    let bytes = 0;
    const count = (more: number) => {
      bytes += more;
      this.#bound(bytes);
    };
    for (const key of keys) {
      const name = pythonKey(key, count);
      if (name === undefined)
        this.#refuse(
          `has ${what} that Python cannot look up: only text, numbers, dates, bytes and lists of them can be.`,
        );
      else if (seen.has(name)) this.#refuse(`has two ${what} that would be one in Python. Send a list instead.`);
      else seen.add(name);
    }
  }

  #step(step: string | number, value: unknown, depthLeft: number): unknown {
    this.#path.push(step);
    const stands = this.#walk(value, depthLeft);
    this.#path.pop();
    return stands;
  }

  #enter(holder: object, depthLeft: number, levels: number): void {
    if (this.#holders.has(holder)) this.#refuse('is an object that holds itself. Break the cycle.');
    if (depthLeft < levels) {
      this.#refuse(`lies deeper than ${this.#limits.depthMax} levels. Flatten the value, or raise \`depthMax\`.`);
    }
    this.#holders.add(holder);
  }

  #standsFor(kind: string, stands: unknown, ...data: unknown[]): unknown {
    this.rich.push([[...this.#path], kind, ...data]);
    this.#count(this.#path.length * 2 + kind.length);
    return stands;
  }

  /** A few objects that hold each other many times over can stand for more of what is made than there is memory. */
  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#bound(this.#bytes);
  }

  #bound(bytes: number): void {
    const limit = this.#limits.messageBytesMax;
    if (bytes > limit) throw new MessageTooLargeError({ bytes, limit, sender: 'node', call: this.#call });
  }

  #attach(bytes: ArrayBufferView | ArrayBufferLike): number {
    try {
      const view = ArrayBuffer.isView(bytes)
        ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        : new Uint8Array(bytes, 0, bytes.byteLength);
      // What has lost its bytes later is then told from what had none.
      return this.bin.push(view.byteLength === 0 ? EMPTY : view) - 1;
    } catch {
      return this.#refuse('has no bytes any more: its buffer was transferred. Send it before that, or a copy.');
    }
  }

  #attachArray(items: ArrayBufferView): number {
    const number = this.#attach(items);
    if (items.byteLength >= SHARED_BYTES_MIN) this.large.push(number);
    return number;
  }

  #refuse(problem: string): never {
    throw new Refusal(this.#shown(), problem);
  }

  #shown(): string {
    const [root, ...steps] = this.#path;
    let path = root as string;
    let at = 0;
    for (const holder of this.#holders) {
      if (at >= steps.length) break;
      const step = steps[at++]!;
      if (types.isMap(holder)) path = `[...${path}.${steps[at++] === 0 ? 'keys' : 'values'}()][${step}]`;
      else if (types.isSet(holder)) path = `[...${path}][${step}]`;
      else path += typeof step === 'number' ? `[${step}]` : memberOf(step);
    }
    return path;
  }
}

/** Whether an attachment has lost its bytes since it was told of: their buffer was transferred, or made smaller. */
export function isLost(bytes: Uint8Array): boolean {
  return bytes.byteLength === 0 && bytes !== EMPTY;
}

/**
 * Puts what the parts of a message stand for in their places.
 *
 * @throws ProtocolError (`ERR_PROTOCOL`) for entries that mean nothing here.
 */
export function restore(message: object, rich: unknown, bin: readonly Uint8Array[], resolve?: Resolve): void {
  if (!Array.isArray(rich)) throw malformed(rich);
  for (const entry of rich) {
    const [path, kind, ...data] = Array.isArray(entry) ? entry : [];
    if (!Array.isArray(path) || path.length === 0 || typeof kind !== 'string') throw malformed(entry);
    let holder: unknown = message;
    for (const step of path.slice(0, -1)) holder = partOf(holder, step, entry);
    const last = path.at(-1);
    const stands = partOf(holder, last, entry);
    const restorer = RESTORERS.get(kind);
    try {
      if (restorer === undefined && resolve === undefined) throw malformed(entry);
      const value =
        restorer === undefined ? resolve?.(kind, data, partOf(message, 'id', entry)) : restorer(stands, bin, data);
      Object.defineProperty(holder, last, { value, writable: true, enumerable: true, configurable: true });
    } catch {
      throw malformed(entry);
    }
  }
}

function partOf(holder: unknown, step: unknown, entry: unknown): unknown {
  const isThere =
    typeof holder === 'object' &&
    holder !== null &&
    (typeof step === 'string' || typeof step === 'number') &&
    Object.hasOwn(holder, step);
  if (!isThere) throw malformed(entry);
  return (holder as Record<string | number, unknown>)[step as string | number];
}

function malformed(entry: unknown): ProtocolError {
  return new ProtocolError({ detail: `an entry of \`rich\` means nothing here: ${shownEntry(entry)}` });
}

function shownEntry(entry: unknown): string | undefined {
  try {
    return JSON.stringify(entry)?.slice(0, 80);
  } catch {
    return 'one that is no JSON any more, or too deep to be shown';
  }
}

/**
 * A name that two keys share if Python takes them for one; `undefined` for what cannot be a key there.
 *
 * @param count Told the fewest bytes that an array in it takes, before its name is made.
 */
function pythonKey(key: unknown, count: (bytes: number) => void): string | undefined {
  switch (typeof key) {
    case 'string':
      return JSON.stringify(key);
    case 'boolean':
      return String(Number(key));
    case 'bigint':
      return key.toString(16);
    case 'number':
      return Number.isInteger(key) ? BigInt(key).toString(16) : String(key);
    case 'object':
      if (key === null) return 'null';
      if (types.isDate(key)) return `date ${key.getTime()} ${key instanceof MicroDate ? key.microseconds : 0}`;
      if (types.isUint8Array(key) || types.isDataView(key)) {
        return `bytes ${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')}`;
      }
      if (types.isAnyArrayBuffer(key)) return `bytes ${Buffer.from(key).toString('latin1')}`;
      if (Array.isArray(key)) {
        count(2 * key.length);
        const names = key.map((each) => pythonKey(each, count));
        // With their lengths, since to quote what is quoted doubles with each level.
        return names.includes(undefined) ? undefined : `[${names.map((name) => `${name!.length}:${name}`).join()}]`;
      }
      return undefined;
    default:
      return undefined;
  }
}

/** Most parts are such, and need no step of their own. */
function isPlainAtom(value: unknown): boolean {
  if (typeof value === 'number') return isFaithfulNumber(value);
  return typeof value === 'string' || typeof value === 'boolean' || value === null;
}

/** A copy by index, as JSON reads it, whatever its iterator and its methods are. */
function itemsOf(array: readonly unknown[]): unknown[] {
  return ([] as unknown[]).concat(array);
}

/** Whether it is an instance of the class itself, of whatever realm, and not of one that extends it. */
function isOwnClass(value: object): boolean {
  const above: object | null = Object.getPrototypeOf(Object.getPrototypeOf(value));
  return above !== null && Object.getPrototypeOf(above) === null;
}

function isListed(record: object, key: PropertyKey): boolean {
  return Object.prototype.propertyIsEnumerable.call(record, key);
}

function isIterable(value: object): value is AsyncIterable<unknown> | Iterable<unknown> {
  if (types.isStringObject(value)) return false;
  if (Array.isArray(value) || types.isTypedArray(value) || types.isMap(value) || types.isSet(value)) return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}

function attachment(bin: readonly Uint8Array[], index: unknown): Uint8Array {
  const bytes = Number.isInteger(index) ? bin[index as number] : undefined;
  if (bytes === undefined) throw new RangeError('no such attachment');
  return bytes;
}

const RESTORERS = new Map<string, (stands: unknown, bin: readonly Uint8Array[], data: readonly unknown[]) => unknown>([
  ['bytes', (_stands, bin, [index]) => attachment(bin, index)],
  ['array', (_stands, bin, [index, kind]) => new (known(TYPED_ARRAYS, kind))(attachment(bin, index).buffer)],
  ['ndarray', (_stands, bin, [index, dtype, shape, order]) => ndarrayOf(attachment(bin, index), dtype, shape, order)],
  ['int', (stands) => bigint(stands)],
  ['float', (stands) => known(NUMBERS, stands)],
  ['datetime', (stands, _bin, [microseconds]) => moment(stands, microseconds)],
  ['map', (stands) => mapOf(stands)],
  ['set', (stands) => setOf(stands)],
  ['rows', (stands, _bin, [keys]) => rowsOf(keys, stands)],
  ['merged', (stands) => mergedOf(stands)],
  ['keyed', (stands) => keyedOf(stands)],
]);

function known<T>(words: ReadonlyMap<unknown, T>, word: unknown): T {
  const meant = words.get(word);
  if (meant === undefined) throw new RangeError('no such word');
  return meant;
}

function moment(milliseconds: unknown, microseconds: unknown): Date {
  if (!Number.isInteger(milliseconds) || Math.abs(milliseconds as number) > DATE_MS_MAX) {
    throw new RangeError('no moment');
  }
  if (microseconds === undefined) return new Date(milliseconds as number);
  return new MicroDate(milliseconds as number, microseconds as number);
}

function bigint(hex: unknown): bigint {
  if (typeof hex !== 'string') throw new RangeError('no hexadecimal digits');
  return hex.startsWith('-') ? -BigInt(`0x${hex.slice(1)}`) : BigInt(`0x${hex}`);
}

function mapOf(pairs: unknown): Map<unknown, unknown> {
  if (!Array.isArray(pairs) || !pairs.every(isPair)) throw new RangeError('no list of pairs');
  const map = new Map(pairs);
  if (map.size !== pairs.length) throw new RangeError('two keys are one');
  return map;
}

function isPair(value: unknown): value is [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}

function setOf(members: unknown): Set<unknown> {
  if (!Array.isArray(members)) throw new RangeError('no list of members');
  const set = new Set<unknown>(members);
  if (set.size !== members.length) throw new RangeError('two members are one');
  return set;
}

/** From here on, to write an array into a file that Python maps takes less than to send it: `docs/decisions/bytes.md`. */
export const SHARED_BYTES_MIN = 32 * 1024 * 1024;
/** The kinds whose data begin with the number of an attachment. */
export const ATTACHED: ReadonlySet<string> = new Set(['bytes', 'array', 'ndarray']);
const EMPTY = new Uint8Array(0);
const FLOATS = new Map([
  ['NaN', 'nan'],
  ['Infinity', 'inf'],
  ['-Infinity', '-inf'],
  ['-0', '-0.0'],
]);
const NUMBERS = new Map([...FLOATS].map(([number, word]) => [word, Number(number)]));
const YEAR_1 = Date.parse('0001-01-01T00:00:00Z');
const YEAR_10000 = Date.UTC(10_000, 0);
/** The first and the last moment that a `Date` can be are so far from 1970. */
const DATE_MS_MAX = 8.64e15;
