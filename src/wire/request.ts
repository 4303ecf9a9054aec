import type { CallMessage } from './message.js';
import { listJson, memberOf } from './plain.js';
import { ATTACHED, isLost, type ValueHandlers } from './rich.js';
import {
  type Arguments,
  type Encoded,
  encodeArguments,
  encodeJson,
  encodePlain,
  limitBytes,
  type ValueLimits,
} from './value.js';

/** What a request says beside its id, its function and the arguments. */
export type RequestExtras = Omit<CallMessage, 'type' | 'id' | 'name' | keyof Arguments | 'stream'>;

/** A request as it goes over the line, but for its id. */
export interface EncodedRequest extends Encoded {
  /** So much of the text, from its beginning, is the function's name and the arguments. */
  readonly keyChars: number;
}

/**
 * All of a call's line but its id, for {@link callLine}. What is called is fixed and checked when the caller asks; the
 * id is given when a worker is granted, since ids increase on each worker.
 *
 * @throws ValueRefusedError (`ERR_VALUE`) naming the path, such as `args[0].rows[3]` or `kwargs.digits`.
 * @throws MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`).
 */
export function encodeRequest(
  name: string,
  given: Arguments,
  { session, progress, heartbeatMs, context, lease, on, get }: RequestExtras,
  limits: ValueLimits,
  handlers?: ValueHandlers,
): EncodedRequest {
  const { args, more, bin, large } = encodeArguments(given, name, limits, handlers);
  let extras = more;
  if (session !== undefined) extras = listed(extras, `"session":${JSON.stringify(session)}`);
  if (progress === true) extras = listed(extras, '"progress":true');
  if (heartbeatMs !== undefined) extras = listed(extras, `"heartbeatMs":${heartbeatMs}`);
  if (context !== undefined) extras = listed(extras, `"context":${encodeJson(context, 'context', limits, 0, name)}`);
  if (lease !== undefined) extras = listed(extras, `"lease":${lease}`);
  if (on !== undefined) extras = listed(extras, `"on":${on}${get === true ? ',"get":true' : ''}`);
  const bare = `${quoted(name)},${args}`;
  const text = requestText(bare, extras);
  limitRequest(text, large, limits, name);
  const keyChars = bare.length + (more === '' ? 0 : EXTRAS.length + more.length);
  return { text, bin, large, keyChars };
}

/** One more of what a comma parts. */
function listed(before: string, one: string): string {
  return before === '' ? one : `${before},${one}`;
}

/**
 * For a request that is to wait with many others: V8 keeps text that is put together as its pieces, until somebody reads it,
 * and short ones take more room so.
 */
export function joinPieces({ text }: EncodedRequest): void {
  if (text.length < JOINED_CHARS_MAX) text.charCodeAt(0);
}

/** A name as JSON. There are few, and each is asked for again and again. */
function quoted(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  const json = JSON.stringify(name);
  // No function is called so: that is for Python to say, and nothing to be kept.
  if (name.length > NAME_CHARS_MAX) return json;
  if (names.size === NAMES_MAX) names.clear();
  names.set(name, json);
  return json;
}

/** Refuses a request whose line would be too large, whatever its id. */
function limitRequest(text: string, large: Encoded['large'], limits: ValueLimits, name: string | undefined): void {
  limitBytes(text, CALL_HEAD_BYTES + (large?.length ?? 0) * SHARE_BYTES, name, limits);
}

/**
 * The same request, for the items of what the function returns, with room for so many of them.
 *
 * @throws MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`).
 */
export function streamed(
  request: EncodedRequest,
  { items, bytes }: NonNullable<CallMessage['stream']>,
  limits: ValueLimits,
  name?: string,
): EncodedRequest {
  const text = withExtra(request.text, `"stream":{"items":${items},"bytes":${bytes}}`);
  limitRequest(text, request.large, limits, name);
  return { text, bin: request.bin, large: request.large, keyChars: request.keyChars };
}

/** A request, of what it is called with and what else there is. */
function requestText(bare: string, extras: string): string {
  return extras === '' ? `${bare}]` : `${bare}${EXTRAS}${extras}}]`;
}

/** A list of arguments ends with a bracket, what else there is with a brace. */
function withExtra(request: string, extra: string): string {
  return request.at(-2) === '}' ? `${request.slice(0, -2)},${extra}}]` : `${request.slice(0, -1)}${EXTRAS}${extra}}]`;
}

/**
 * The line of a call, without its newline: an id and what {@link encodeRequest} made.
 *
 * @param share Of each attachment that does not follow the line: its number, and the descriptor and inode of its file.
 */
export function callLine(
  id: number,
  request: string,
  share: readonly (readonly [number, number, number])[] = NOTHING_SHARED,
): string {
  const text = share.length === 0 ? request : withExtra(request, `"share":${listJson(share)}`);
  return `[${id},${text}`;
}

/**
 * Which argument of a request has lost bytes since it was encoded, as `args[0]` or `kwargs.image`: what follows the line
 * would not be what it tells of. `undefined`: none has.
 */
export function lostFrom({ text, bin }: Pick<EncodedRequest, 'text' | 'bin'>): string | undefined {
  const lost = bin.findIndex(isLost);
  if (lost === -1) return undefined;
  const [, , , { rich }] = JSON.parse(callLine(0, text)) as [number, string, unknown[], { rich: RichEntry[] }];
  const [holder, step] = rich.find(([, kind, number]) => ATTACHED.has(kind) && number === lost)![0];
  return typeof step === 'number' ? `${holder}[${step}]` : `${holder}${memberOf(step)}`;
}

/** An entry of `rich` in a request, whose path begins with `args` or `kwargs`. */
type RichEntry = readonly [path: readonly [string, string | number], kind: string, ...data: unknown[]];

/**
 * What is around the items in the line of a `map`, for {@link mapLine}; `undefined` where it is more than JSON.
 *
 * @throws ValueRefusedError (`ERR_VALUE`) for a `context` that cannot cross.
 */
export function encodeMap(
  { name, kwargs, context }: Pick<CallMessage, 'name' | 'kwargs' | 'context'>,
  limits: ValueLimits,
): MapFrame | undefined {
  const kwargsText = kwargs === undefined ? undefined : encodePlain(kwargs, limits, 1);
  if (kwargs !== undefined && kwargsText === undefined) return undefined;
  const contextJson = context === undefined ? '' : `,"context":${encodeJson(context, 'context', limits)}`;
  const kwargsJson = kwargsText === undefined ? '' : `,"kwargs":${kwargsText}`;
  return { name: JSON.stringify(name), kwargs: kwargsJson, context: contextJson };
}

/** What is around the items in the line of a `map`, as JSON. */
export interface MapFrame {
  readonly name: string;
  readonly kwargs: string;
  readonly context: string;
}

/** The line of a `map`, without its newline. Its calls have the id `first` and those that follow it. */
export function mapLine(first: number, { name, kwargs, context }: MapFrame, items: readonly string[]): string {
  return `{"type":"map","id":${first},"name":${name},"items":[${items.join()}]${kwargs}${context}}`;
}

/** How many characters of items a line of a `map` has room for, however many bytes each of them takes. */
export function mapRoom(frame: MapFrame, { messageBytesMax }: ValueLimits): number {
  return Math.floor(messageBytesMax / 3) - mapLine(Number.MAX_SAFE_INTEGER, frame, []).length;
}

/** The call of one item, as it would be by itself. */
export function requestOfItem({ name, kwargs, context }: MapFrame, item: string): EncodedRequest {
  const bare = `${name},[${item}]`;
  // Each begins with a comma.
  const extras = `${kwargs}${context}`.slice(1);
  const text = requestText(bare, extras);
  const keyChars = kwargs === '' ? bare.length : bare.length + EXTRAS.length + kwargs.length - 1;
  return { text, bin: [], keyChars };
}

const NOTHING_SHARED: readonly (readonly [number, number, number])[] = [];
const names = new Map<string, string>();
const NAMES_MAX = 1_000;
const NAME_CHARS_MAX = 256;
/** About where a copy takes as long as what it saves is worth. */
const JOINED_CHARS_MAX = 1_024;
/** What {@link callLine} puts before a request, with the longest id. */
const CALL_HEAD_BYTES = callLine(Number.MAX_SAFE_INTEGER, '').length;
/** What it puts there for each file, at most. */
const SHARE_BYTES = 64;
/** What stands before whatever a call is more than a name and a list of arguments. */
const EXTRAS = ',{';
