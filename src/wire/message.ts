import {
  MessageTooLargeError,
  NotExposedError,
  type PoolError,
  ProtocolError,
  PythonError,
  ValueRefusedError,
} from '../errors.js';
import { type Resolve, restore, type ValueHandlers } from './rich.js';
import { checkJson, type Encoded, encodeFields, encodeJson, type ValueLimits } from './value.js';

/** The version of the protocol that this side speaks. `docs/protocol.md` describes it. */
export const PROTOCOL = 1;

/** A function to call once in each worker, with its arguments. */
export interface WireCall {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** Node's first message: what to load and how to behave. */
export interface InitMessage {
  readonly type: 'init';
  readonly protocol: typeof PROTOCOL;
  /** The worker's name, for its log lines. */
  readonly worker: string;
  /** What `sys.path` becomes; `null` leaves it. */
  readonly path: readonly string[] | null;
  /** A folder for `site.addsitedir`, so that its `.pth` files work. */
  readonly userSite: string | null;
  /** The prefix of the names (`''` for none) and the module: a path, or a dotted name. */
  readonly modules: Readonly<Record<string, string>>;
  readonly expose: 'marked' | 'all';
  readonly setup: WireCall | null;
  readonly teardown: WireCall | null;
  readonly limits: ValueLimits;
  /** Whether descriptor 4 is a page for the id of the request being run. */
  readonly startMark: boolean;
}

/** One request. */
export interface CallMessage {
  readonly type: 'call';
  /** A positive safe integer, unique in the pool and increasing on each worker. */
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
  readonly session?: string | undefined;
}

/** Python's first message: who answers. */
export interface HelloMessage {
  readonly type: 'hello';
  readonly protocol: number;
  /** The version of the Python package. */
  readonly library: string;
  /** The version of Python. */
  readonly python: string;
  /** `sys.executable`. */
  readonly executable: string;
  readonly pid: number;
}

/** The worker can take a lease. */
export interface ReadyMessage {
  readonly type: 'ready';
  /** The names that can be called. */
  readonly functions: readonly string[];
}

/** The worker will not become ready, and ends. */
export interface FailedMessage {
  readonly type: 'failed';
  readonly stage: 'import' | 'setup' | 'expose' | 'protocol';
  readonly error: WireError;
}

/** The answer to a call. */
export interface ReplyMessage {
  readonly type: 'reply';
  readonly id: number;
  readonly value: unknown;
}

/** The other answer to a call. */
export interface ErrorMessage {
  readonly type: 'error';
  readonly id: number;
  readonly error: WireError;
}

/** Something that Python printed, logged or warned of. */
export interface LogMessage {
  readonly type: 'log';
  readonly stream: 'stdout' | 'stderr' | 'logging' | 'warnings';
  /** The call that was running, if there was one. */
  readonly call: number | null;
  readonly text: string;
  /** The level's name, from `logging`. */
  readonly level?: string;
  /** The logger's name, from `logging`. */
  readonly logger?: string;
}

/** Whatever a worker says. */
export type MessageFromPython = HelloMessage | ReadyMessage | FailedMessage | ReplyMessage | ErrorMessage | LogMessage;

/** An error as it crosses the line. */
export interface WireError {
  readonly code: 'ERR_PYTHON' | 'ERR_NOT_EXPOSED' | 'ERR_VALUE' | 'ERR_MESSAGE_TOO_LARGE';
  readonly type: string;
  readonly module: string;
  readonly message: string;
  readonly traceback: string;
  readonly notes: readonly string[];
  readonly cause: WireError | null;
  /** Where the refused value is, with `ERR_VALUE`. */
  readonly path?: string;
  /** The size of the message, with `ERR_MESSAGE_TOO_LARGE`. */
  readonly bytes?: number;
  /** The size it may have, with `ERR_MESSAGE_TOO_LARGE`. */
  readonly limit?: number;
  /** The option that sets it, with `ERR_MESSAGE_TOO_LARGE`. */
  readonly option?: LimitOption;
  /** The names that can be called, with `ERR_NOT_EXPOSED`. */
  readonly functions?: readonly string[];
}

/**
 * All of a call's line but its id, for {@link callLine}. What is called is fixed and checked when the caller asks; the
 * id is given when a worker is granted, since ids increase on each worker.
 *
 * @throws ValueRefusedError (`ERR_VALUE`) naming the path, such as `args[0].rows[3]` or `kwargs.digits`.
 * @throws MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`).
 */
export function encodeRequest(
  { name, args, kwargs, session }: Omit<CallMessage, 'type' | 'id'>,
  limits: ValueLimits,
  handlers?: ValueHandlers,
): Encoded {
  const values = encodeFields({ args, kwargs }, name, limits, handlers);
  const sessionJson = session === undefined ? '' : `,"session":${JSON.stringify(session)}`;
  const text = `"name":${JSON.stringify(name)},${values.text}${sessionJson}}`;
  limitBytes(text, CALL_HEAD_BYTES, limits.messageBytesMax, name);
  return { text, bin: values.bin };
}

/** The line of a call, without its newline: an id and what {@link encodeRequest} made. */
export function callLine(id: number, request: string): string {
  return `{"type":"call","id":${id},${request}`;
}

/**
 * The line that tells a worker what to load, without its newline.
 *
 * @throws ValueRefusedError (`ERR_VALUE`) naming the path, such as `setup.args[0]`.
 * @throws MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`).
 */
export function encodeInit(init: Omit<InitMessage, 'type' | 'protocol'>): string {
  for (const which of ['setup', 'teardown'] as const) {
    const call = init[which];
    if (call === null) continue;
    checkJson(call.args, `${which}.args`, init.limits, 1);
    checkJson(call.kwargs, `${which}.kwargs`, init.limits, 1);
  }
  const message: InitMessage = { type: 'init', protocol: PROTOCOL, ...init };
  const deeper = { ...init.limits, depthMax: init.limits.depthMax + INIT_LEVELS };
  const line = encodeJson(message, 'init', deeper);
  limitBytes(line, 0, init.limits.messageBytesMax, undefined);
  return line;
}

/** The line that lets Python drop what it keeps for a session, without its newline. Nothing answers it. */
export function encodeSessionEnd(session: string): string {
  return `{"type":"session.end","session":${JSON.stringify(session)}}`;
}

/** The line that asks a worker to run its teardown and end, without its newline. */
export function encodeStop(): string {
  return '{"type":"stop"}';
}

/**
 * The message of one line, which holds nothing but the fields it should.
 *
 * @throws ProtocolError (`ERR_PROTOCOL`), with the beginning of the line, for anything that is no message of a worker.
 */
export function decodeMessage(line: string): MessageFromPython {
  const parsed = parseLine(line);
  return messageOf(parsed, announcedBy(parsed) === undefined ? undefined : []);
}

/** One line, parsed. What it means can be had once the raw bytes that it announces have come. */
export type ParsedLine = Fields;

/** @throws ProtocolError (`ERR_PROTOCOL`), as {@link decodeMessage}. */
export function parseLine(line: string): ParsedLine {
  return Fields.ofLine(line);
}

/**
 * The lengths of the attachments that follow a line; `undefined` for a line that has nothing but JSON.
 *
 * @throws ProtocolError (`ERR_PROTOCOL`), as {@link decodeMessage}.
 */
export function announcedBy(line: ParsedLine): readonly number[] | undefined {
  if (!line.has('rich')) return undefined;
  return line.has('bin') ? line.lengths('bin') : [];
}

/**
 * What a line means, with the attachments that came after it.
 *
 * @param bin `undefined` for a line that has nothing but JSON.
 * @param resolve What makes something of the kinds of `rich` that are no values.
 * @throws ProtocolError (`ERR_PROTOCOL`), as {@link decodeMessage}.
 */
export function messageOf(fields: ParsedLine, bin?: readonly Uint8Array[], resolve?: Resolve): MessageFromPython {
  if (bin !== undefined) fields.restore(bin, resolve);
  const type = fields.string('type');
  switch (type) {
    case 'reply':
      return { type, id: fields.id('id'), value: fields.value('value') };
    case 'error':
      return { type, id: fields.id('id'), error: decodeError(fields.object('error'), 0) };
    case 'log':
      return {
        type,
        stream: fields.oneOf('stream', STREAMS),
        call: fields.value('call') === null ? null : fields.id('call'),
        text: fields.string('text'),
        ...(fields.has('level') && { level: fields.string('level') }),
        ...(fields.has('logger') && { logger: fields.string('logger') }),
      };
    case 'hello':
      return {
        type,
        protocol: fields.integer('protocol'),
        library: fields.string('library'),
        python: fields.string('python'),
        executable: fields.string('executable'),
        pid: fields.id('pid'),
      };
    case 'ready':
      return { type, functions: fields.strings('functions') };
    case 'failed':
      return { type, stage: fields.oneOf('stage', STAGES), error: decodeError(fields.object('error'), 0) };
    default:
      return fields.refuse(`there is no message of type ${JSON.stringify(type)}`);
  }
}

/**
 * The error that the caller gets for one that came over the line. Of a chain of causes the first few are kept; the
 * traceback has them all.
 *
 * @param call The function that was called; `undefined` for a worker that did not become ready.
 */
export function errorFromWire(error: WireError, call?: string | undefined): PoolError {
  switch (error.code) {
    case 'ERR_PYTHON':
      return pythonError(error);
    case 'ERR_NOT_EXPOSED':
      return new NotExposedError({ call, functions: error.functions ?? [], detail: error.message });
    case 'ERR_VALUE': {
      const path = error.path ?? 'value';
      // Python begins its sentence with the path, and so does ours.
      const problem = error.message.startsWith(path)
        ? error.message.slice(path.length).trim()
        : `cannot cross: ${error.message}`;
      return new ValueRefusedError({ path, problem, sender: 'python', call });
    }
    case 'ERR_MESSAGE_TOO_LARGE':
      return new MessageTooLargeError({
        bytes: error.bytes ?? 0,
        limit: error.limit ?? 0,
        option: error.option,
        sender: 'python',
        call,
      });
  }
}

/** A character takes three bytes at most, so that short lines need no counting. */
function limitBytes(line: string, headBytes: number, limit: number, call: string | undefined): void {
  if (headBytes + line.length * 3 <= limit) return;
  const bytes = headBytes + Buffer.byteLength(line);
  if (bytes > limit) throw new MessageTooLargeError({ bytes, limit, sender: 'node', call });
}

function decodeError(fields: Fields, causesBefore: number): WireError {
  const code = fields.oneOf('code', CODES);
  const hasCause = fields.value('cause') !== null && causesBefore < CAUSES_MAX;
  return {
    code,
    type: fields.string('type'),
    module: fields.string('module'),
    message: fields.string('message'),
    traceback: fields.string('traceback'),
    notes: fields.strings('notes'),
    cause: hasCause ? decodeError(fields.object('cause'), causesBefore + 1) : null,
    ...(code === 'ERR_VALUE' && { path: fields.string('path') }),
    ...(code === 'ERR_MESSAGE_TOO_LARGE' && { bytes: fields.integer('bytes'), limit: fields.integer('limit') }),
    ...(fields.has('option') && { option: fields.oneOf('option', LIMIT_OPTIONS) }),
    ...(code === 'ERR_NOT_EXPOSED' && { functions: fields.strings('functions') }),
  };
}

function pythonError({ type, module, message, traceback, notes, cause }: WireError): PythonError {
  return new PythonError({
    type,
    module,
    pythonMessage: message,
    traceback,
    notes,
    cause: cause === null ? undefined : pythonError(cause),
  });
}

/**
 * One object of a line, read field by field. Only its own properties count: what hangs on Object.prototype is no part
 * of a message.
 */
class Fields {
  readonly #object: object;
  readonly #line: string;

  private constructor(object: object, line: string) {
    this.#object = object;
    this.#line = line;
  }

  static ofLine(line: string): Fields {
    let parsed: unknown;
    try {
      parsed = JSON.parse(line);
    } catch {
      throw malformed('a line is not JSON', line);
    }
    if (!isObject(parsed)) throw malformed('a line is JSON, but no object', line);
    return new Fields(parsed, line);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name);
  }

  value(name: string): unknown {
    if (!this.has(name)) return this.refuse(`\`${name}\` is missing`);
    return (this.#object as Record<string, unknown>)[name];
  }

  string(name: string): string {
    const value = this.value(name);
    return typeof value === 'string' ? value : this.refuse(`\`${name}\` is no string`);
  }

  strings(name: string): readonly string[] {
    const value = this.value(name);
    const areStrings = Array.isArray(value) && value.every((item) => typeof item === 'string');
    return areStrings ? value : this.refuse(`\`${name}\` is no list of strings`);
  }

  oneOf<T extends string>(name: string, words: readonly T[]): T {
    const value = this.value(name);
    return words.find((word) => word === value) ?? this.refuse(`\`${name}\` is none of ${words.join(', ')}`);
  }

  lengths(name: string): readonly number[] {
    const value = this.value(name);
    const areLengths = Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
    return areLengths ? value : this.refuse(`\`${name}\` is no list of lengths`);
  }

  restore(bin: readonly Uint8Array[], resolve: Resolve | undefined): void {
    restore(this.#object, this.value('rich'), bin, resolve);
  }

  integer(name: string): number {
    const value = this.value(name);
    return Number.isSafeInteger(value) ? (value as number) : this.refuse(`\`${name}\` is no safe integer`);
  }

  id(name: string): number {
    const value = this.integer(name);
    return value > 0 ? value : this.refuse(`\`${name}\` is not positive`);
  }

  object(name: string): Fields {
    const value = this.value(name);
    return isObject(value) ? new Fields(value, this.#line) : this.refuse(`\`${name}\` is no object`);
  }

  refuse(why: string): never {
    throw malformed(why, this.#line);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(why: string, line: string): ProtocolError {
  const excerpt = line.length > EXCERPT_CHARS ? `${line.slice(0, EXCERPT_CHARS)}…` : line;
  return new ProtocolError({ detail: `${why}, in ${JSON.stringify(excerpt)}` });
}

/** What {@link callLine} puts before a request, with the longest id. */
const CALL_HEAD_BYTES = callLine(Number.MAX_SAFE_INTEGER, '').length;
const EXCERPT_CHARS = 80;
/** Levels of the message `init` around one argument of `setup`. */
const INIT_LEVELS = 3;
const CAUSES_MAX = 16;
const STREAMS = ['stdout', 'stderr', 'logging', 'warnings'] as const;
const LIMIT_OPTIONS = ['messageBytesMax', 'attachmentBytesMax'] as const;
type LimitOption = (typeof LIMIT_OPTIONS)[number];
const STAGES = ['import', 'setup', 'expose', 'protocol'] as const;
const CODES = ['ERR_PYTHON', 'ERR_NOT_EXPOSED', 'ERR_VALUE', 'ERR_MESSAGE_TOO_LARGE'] as const;
