import { parseLine } from '../../src/wire/fields.js';
import { announcedBy, type CallMessage, type MessageFromPython, messageOf } from '../../src/wire/message.js';
import { type EncodedRequest, encodeRequest } from '../../src/wire/request.js';
import type { Resolve, ValueHandlers } from '../../src/wire/rich.js';
import { type Arguments, type Encoded, encodeArguments, type ValueLimits } from '../../src/wire/value.js';

/** What a line from Node means: a call is written as a list, and read as a message of that type. */
export function meaningOf(line: string): { readonly type: string } {
  const parsed: unknown = JSON.parse(line);
  if (!Array.isArray(parsed)) return parsed as { type: string };
  const [id, name, args, more] = parsed;
  return { type: 'call', id, name, args, ...more };
}

/** The message of one line from Python, none of whose attachments has come. */
export function decodeMessage(line: string, resolve?: Resolve): MessageFromPython {
  const parsed = parseLine(line);
  return messageOf(parsed, announcedBy(parsed) === undefined ? undefined : [], resolve);
}

/** Arguments as the fields of a message that they once were: for tests of how values are encoded, whatever is around them. */
export function encodeAsFields(
  given: Arguments,
  call: string | undefined,
  limits: ValueLimits,
  handlers?: ValueHandlers,
): Encoded {
  const { args, more, bin, large } = encodeArguments(given, call, limits, handlers);
  return { text: more === '' ? `"args":${args}` : `"args":${args},${more}`, bin, large };
}

/** The request of a call, as `encodeRequest` makes it, of all that it says in one. */
export function requestOf(
  { name, args, kwargs, ...extras }: Omit<CallMessage, 'type' | 'id' | 'stream'>,
  limits: ValueLimits,
  handlers?: ValueHandlers,
): EncodedRequest {
  return encodeRequest(name, { args, kwargs }, extras, limits, handlers);
}
