import { MessageTooLargeError, ValueRefusedError } from '../errors.js';
import { hasHiddenToJson, isFaithfulNumber, isPlainArray, isPlainObject, jsonOf } from './plain.js';
import { Refusal, RichWalk, type ValueHandlers } from './rich.js';
import { withColumns } from './rows.js';

/** How deep a value may be and how large its message. */
export interface ValueLimits {
  /** Containers inside each other: `5` has depth 0, `[5]` has 1. */
  readonly depthMax: number;
  /** Bytes of UTF-8 that the message may have. */
  readonly messageBytesMax: number;
  /** Raw bytes that may follow one message, all attachments together. */
  readonly attachmentBytesMax: number;
}

/** A part of a message: JSON text, and the raw bytes that are to follow the message's line. */
export interface Encoded {
  readonly text: string;
  readonly bin: readonly Uint8Array[];
  /** Which of these are arrays so large that they had better be shared than sent; absent for none. */
  readonly large?: readonly number[] | undefined;
}

/** How long that is on the line, about: the text, and the raw bytes behind it. */
export function lengthOf({ text, bin }: Pick<Encoded, 'text' | 'bin'>): number {
  let length = text.length;
  for (const { byteLength } of bin) length += byteLength;
  return length;
}

/** One of the `values` of a message, made by itself. */
export interface EncodedItem {
  readonly json: string;
  /** What `rich` says of it: its entries with a comma between them, or nothing. */
  readonly rich: string;
}

/** The values of a message, by the names of its fields: one value, or lists and an object of them, which are no level of depth. */
export interface ValueFields {
  readonly value?: unknown;
  readonly values?: readonly unknown[] | undefined;
}

/** What a function is called with. */
export interface Arguments {
  readonly args: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
}

/** Arguments as JSON text, and the raw bytes that are to follow their message. */
export interface EncodedArguments extends Omit<Encoded, 'text'> {
  readonly args: string;
  /** What else a message has of them: `"kwargs":{…},"rich":[…],"bin":[…]`, or nothing. */
  readonly more: string;
}

/**
 * The arguments of a call, as {@link encodeFields} does it.
 *
 * @throws ValueRefusedError (`ERR_VALUE`) and MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`), as {@link encodeFields}.
 */
export function encodeArguments(
  given: Arguments,
  call: string | undefined,
  limits: ValueLimits,
  handlers: ValueHandlers = NO_HANDLERS,
): EncodedArguments {
  const { args, kwargs } = given;
  const rich: unknown[][] = [];
  const stands = withColumns(args, ARGS_PATH, rich);
  const kwargsStand = kwargs === undefined ? undefined : withColumns(kwargs, KWARGS_PATH, rich);
  const json = plainJson(stands, 1, call, limits);
  const kwargsJson = kwargsStand === undefined ? '' : plainJson(kwargsStand, 1, call, limits);
  if (json === undefined || kwargsJson === undefined) {
    const columns = encodeColumns({ args: stands, kwargs: kwargsStand }, rich, call, limits);
    const { texts, bin, large } = columns ?? encodeRich({ args, kwargs }, call, limits, handlers);
    const [first = '', ...others] = texts;
    return { args: first.slice(ARGS_KEY.length), more: others.join(), bin, large };
  }
  const more = kwargsJson === '' ? '' : `"kwargs":${kwargsJson}`;
  if (rich.length === 0) return { args: json, more, bin: NO_BYTES };
  const told = richJson(rich, call, limits);
  return { args: json, more: more === '' ? told : `${more},${told}`, bin: NO_BYTES };
}

/**
 * The fields of a message that hold values: `"value":…` or `"values":[…]`, with `rich` and `bin` behind them where JSON has
 * no word for a part. Whatever would arrive as something else than `docs/values.md` says is refused. Properties are
 * read several times, to check and to write, so a getter should give the same answer; what a getter throws is thrown
 * on. Raw bytes are not copied.
 *
 * @param call The function that is called, for the error.
 * @param handlers What takes functions and iterables, which are refused otherwise.
 * @throws ValueRefusedError (`ERR_VALUE`) naming the path to the first value that cannot cross.
 * @throws MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`) when the message is certain to be larger than it may be.
 */
export function encodeFields(
  fields: ValueFields,
  call: string | undefined,
  limits: ValueLimits,
  handlers: ValueHandlers = NO_HANDLERS,
): Encoded {
  // Its own alone: what hangs on `Object.prototype` is no value of a message.
  const name = Object.hasOwn(fields, 'value') ? 'value' : 'values';
  const rich: unknown[][] = [];
  const stands = name === 'value' ? withColumns({ value: fields.value }, [], rich).value : fields.values;
  const json = plainJson(stands, levelsFree(name), call, limits);
  if (json !== undefined) {
    const text = `"${name}":${json}`;
    return { text: rich.length === 0 ? text : `${text},${richJson(rich, call, limits)}`, bin: NO_BYTES };
  }
  const columns = encodeColumns({ [name]: stands }, rich, call, limits);
  const { texts, bin, large } = columns ?? encodeRich({ ...fields }, call, limits, handlers);
  return { text: texts.join(), bin, large };
}

/**
 * The same of what has columns in it, which `rich` tells of. `undefined` where there are none, or something in them is no
 * value, or cannot cross: that is told of by its place among the rows.
 */
function encodeColumns(
  fields: Readonly<Record<string, unknown>>,
  rich: readonly unknown[][],
  call: string | undefined,
  limits: ValueLimits,
): ReturnType<typeof encodeRich> | undefined {
  if (rich.length === 0) return undefined;
  try {
    return encodeRich(fields, call, limits, NO_HANDLERS, rich);
  } catch (error) {
    if (error instanceof ValueRefusedError) return undefined;
    throw error;
  }
}

/**
 * The JSON of one value, or with `free: 1` of a list or an object of them, that is nothing but JSON; `undefined` for all
 * else, and for what is too large.
 */
export function encodePlain(value: unknown, limits: ValueLimits, free: 0 | 1 = 0): string | undefined {
  // Most are as short as that.
  if (typeof value === 'number' && isFaithfulNumber(value)) return `${value}`;
  return plainJson(value, free, undefined, limits);
}

/**
 * An item as the one of that index among the `values` of a message. `undefined` for one that must have a message of its own, at
 * once: it has raw bytes, which are not copied, or handles, which may be disposed of; or it is too large, or is no value.
 */
export function encodeItem(value: unknown, index: number, limits: ValueLimits): EncodedItem | undefined {
  const json = encodePlain(value, limits);
  if (json !== undefined) return { json, rich: '' };
  const walk = new RichWalk(limits, NO_HANDLERS);
  try {
    const stands = walk.member('values', [value], 1);
    const weight = weigh(stands, Number.POSITIVE_INFINITY, 0, limits.messageBytesMax);
    if (walk.bin.length > 0 || weight === REFUSED || weight > limits.messageBytesMax) return undefined;
    for (const [path] of walk.rich) (path as (string | number)[])[1] = index;
    const inside = (list: unknown) => write(list, undefined, limits).slice(1, -1);
    return { json: inside(stands), rich: inside(walk.rich) };
  } catch (error) {
    if (error instanceof Refusal || error instanceof MessageTooLargeError) return undefined;
    throw error;
  }
}

/** The JSON of what JSON has words for; `undefined` for all else, and for what is too large. */
function plainJson(value: unknown, free: 0 | 1, call: string | undefined, limits: ValueLimits): string | undefined {
  const weight = weigh(value, limits.depthMax + free, 0, limits.messageBytesMax);
  return weight === REFUSED || weight > limits.messageBytesMax ? undefined : write(value, call, limits);
}

/**
 * The JSON of what may be nothing but JSON.
 *
 * @param free Levels that do not count as depth: 1 for a list of arguments.
 * @param call The function that is called, for the error of what is too large.
 * @throws ValueRefusedError (`ERR_VALUE`) and MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`), as {@link encodeFields}.
 */
export function encodeJson(
  value: unknown,
  root: string,
  limits: ValueLimits,
  free: 0 | 1 = 0,
  call?: string | undefined,
): string {
  const weight = weigh(value, limits.depthMax + free, 0, limits.messageBytesMax);
  if (weight !== REFUSED && weight <= limits.messageBytesMax) return write(value, call, limits);
  walking(undefined, () => new RichWalk(limits, undefined, call).member(root, value, free));
  if (weight !== REFUSED) limitWeight(weight, call, limits);
  throw new ValueRefusedError({ path: root, problem: CHANGED, sender: 'node' });
}

/**
 * The same as members, of any value.
 *
 * @param told What `rich` tells of the fields as they are.
 */
function encodeRich(
  fields: Readonly<Record<string, unknown>>,
  call: string | undefined,
  limits: ValueLimits,
  handlers: ValueHandlers,
  told: readonly unknown[][] = [],
): Omit<Encoded, 'text'> & { readonly texts: readonly string[] } {
  const walk = new RichWalk(limits, handlers, call);
  const texts: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined && name !== 'value') continue;
    const stands = walking(call, () => walk.member(name, value, levelsFree(name)));
    // What stands for the value may hold one thing many times over, and be more text than there is memory.
    const weight = weigh(stands, Number.POSITIVE_INFINITY, 0, limits.messageBytesMax);
    if (weight === REFUSED) throw new ValueRefusedError({ path: name, problem: CHANGED, sender: 'node', call });
    limitWeight(weight, call, limits);
    texts.push(`"${name}":${write(stands, call, limits)}`);
  }
  const rich = [...walk.rich, ...told];
  if (rich.length > 0) texts.push(richJson(rich, call, limits));
  if (walk.bin.length > 0) texts.push(`"bin":[${walk.bin.map(({ byteLength }) => byteLength).join()}]`);
  const bytes = walk.bin.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const limit = limits.attachmentBytesMax;
  if (bytes > limit)
    throw new MessageTooLargeError({ bytes, limit, option: 'attachmentBytesMax', sender: 'node', call });
  return { texts, bin: walk.bin, large: walk.large.length > 0 ? walk.large : undefined };
}

function richJson(rich: readonly unknown[], call: string | undefined, limits: ValueLimits): string {
  return `"rich":${write(rich, call, limits)}`;
}

/** A refusal of the walk, as the error that the caller gets. */
function walking<T>(call: string | undefined, walk: () => T): T {
  try {
    return walk();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new ValueRefusedError({ path: error.path, problem: error.problem, sender: 'node', call });
  }
}

/** A list of arguments is no level of depth itself: each argument is a value of its own. */
function levelsFree(name: string): 0 | 1 {
  return name === 'value' ? 0 : 1;
}

/**
 * Refuses a text that makes a message too large, with `headBytes` around it. A character takes three bytes at most, so that
 * short ones need no counting.
 *
 * @throws MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`).
 */
export function limitBytes(text: string, headBytes: number, call: string | undefined, limits: ValueLimits): void {
  if (headBytes + text.length * 3 > limits.messageBytesMax)
    limitWeight(headBytes + Buffer.byteLength(text), call, limits);
}

function limitWeight(bytes: number, call: string | undefined, { messageBytesMax }: ValueLimits): void {
  if (bytes > messageBytesMax) throw new MessageTooLargeError({ bytes, limit: messageBytesMax, sender: 'node', call });
}

function write(value: unknown, call: string | undefined, limits: ValueLimits): string {
  try {
    return jsonOf(value);
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
    if (!isPlainArray(value) || hasHiddenToJson(value)) return REFUSED;
    for (let index = 0; index < value.length; index++) {
      weight = weigh(value[index], depthLeft - 1, weight + 1, weightMax);
      if (weight === REFUSED || weight > weightMax) return weight;
    }
    return weight;
  }
  if (!isPlainObject(value) || hasHiddenToJson(value) || Object.getOwnPropertySymbols(value).length > 0) return REFUSED;
  // For less than a list of its keys.
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    weight = weigh((value as Record<string, unknown>)[key], depthLeft - 1, weight + key.length + 4, weightMax);
    if (weight === REFUSED || weight > weightMax) return weight;
  }
  return weight;
}

const REFUSED = -1;
const NO_BYTES: readonly Uint8Array[] = [];
const ARGS_PATH = ['args'];
const KWARGS_PATH = ['kwargs'];
const ARGS_KEY = '"args":';
const NO_HANDLERS: ValueHandlers = {};
const CHANGED = 'changed while it was read. Send plain data.';
/** The longest string that V8 makes. */
const STRING_CHARS_MAX = 0x1fff_ffe8;
