import { MessageTooLargeError } from '../errors.js';
import { decodeError, type WireError } from './error.js';
import { excerptOf, type Fields } from './fields.js';
import { jsonOf, listJson } from './plain.js';
import { ATTACHED, type Resolve, type ValueHandlers } from './rich.js';
import { type Encoded, encodeFields, encodeJson, limitBytes, type ValueLimits } from './value.js';

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
  /** What the worker may use of its system, set before any code of the user runs. */
  readonly resources?: WorkerLimits | undefined;
  /** Whether descriptor 4 is a page for the id of the request being run. */
  readonly startMark: boolean;
  /** Whether a second page follows it, where replies may be held that wait for others; absent for no. */
  readonly replyPage?: boolean | undefined;
  /** An answer that took as long or longer shall say so; absent for none. */
  readonly shortUs?: number | undefined;
  /** Whether the worker is to look for what comes before it sleeps; absent for no. */
  readonly busyPoll?: boolean | undefined;
  /** Whether the worker is to have itself scheduled as batch work; absent for no. */
  readonly batchScheduling?: boolean | undefined;
  /** Whether the workers may use all processors, so that Node has none to itself; absent for no. */
  readonly sharesProcessors?: boolean | undefined;
  /** Node's process, and the descriptor of the start mark there: by these the worker finds out whether it can open files of Node's. */
  readonly share?: { readonly pid: number; readonly mark: number } | undefined;
  /** Whether a call that is given up is to be interrupted: in the lane `serial` by SIGUSR1, else by `cancel` alone. */
  readonly interrupts: boolean;
  /** Whether it is to write where it stands to descriptor 2 when it gets SIGUSR2. */
  readonly stacks: boolean;
  /** Whether arguments are checked against the hints of the functions. */
  readonly validate: boolean;
  /** How calls are run that are under way at the same time. */
  readonly lane: Lane;
  /** `ready` shall tell which files the modules came from, of those below these folders. */
  readonly watch?: readonly string[];
}

/** What one worker may use, in all of its life and in what it starts. */
export interface WorkerLimits {
  /** Its address space, in bytes. What does not fit is a `MemoryError` of the call. */
  readonly memoryBytes?: number | undefined;
  /** Its time on a processor, in s. It dies by SIGXCPU when that is used up. */
  readonly cpuSeconds?: number | undefined;
  /** How many descriptors it may have open. */
  readonly files?: number | undefined;
  /** How large a file that it writes may become, in bytes. */
  readonly fileBytes?: number | undefined;
  /** How large the core dump of a crash may be, in bytes. Default: 0, which is none. */
  readonly coreBytes?: number | undefined;
}

/** How Python runs the calls of a worker with several slots. */
export type Lane = 'serial' | 'asyncio' | 'threads';

/** One request. */
export interface CallMessage {
  readonly type: 'call';
  /** A positive safe integer, unique in the pool and increasing on each worker. */
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
  readonly session?: string | undefined;
  /** The result is a stream, and there is room for so much of it. */
  readonly stream?: { readonly items: number; readonly bytes: number } | undefined;
  /** Somebody wants to hear how far it has come. */
  readonly progress?: boolean | undefined;
  /** Its heartbeats are counted; more than one in so many milliseconds is too many. */
  readonly heartbeatMs?: number | undefined;
  /** What is to be known of the call where it runs and where it logs. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** The lease that it is made under, which objects live as long as that stay in Python. */
  readonly lease?: number | undefined;
  /** The number of the object whose member `name` is meant. */
  readonly on?: number | undefined;
  /** The member is read and not called. */
  readonly get?: boolean | undefined;
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
  /** Those of them that are generators. */
  readonly streams: readonly string[];
  /** Whether SIGUSR1 interrupts the call that runs. */
  readonly interrupts: boolean;
  /** Whether SIGUSR2 lets it write where it stands. */
  readonly stacks: boolean;
  /** Whether it can open files of Node's; absent where it was not asked. */
  readonly shares?: boolean;
  /** The files that its modules came from, where it was asked for them. */
  readonly files?: readonly string[];
}

/** The worker will not become ready, and ends. */
export interface FailedMessage {
  readonly type: 'failed';
  readonly stage: (typeof STAGES)[number];
  readonly error: WireError;
  /** The files that its modules, and what it failed by, came from, where it was asked for them. */
  readonly files?: readonly string[];
}

/** The answer to a call. */
export interface ReplyMessage {
  readonly type: 'reply';
  readonly id: number;
  readonly value: unknown;
  /** How long the call ran, in microseconds: there if it was not short, as `init` has it, or its answer is long. */
  readonly tookUs: number | undefined;
}

/** The other answer to a call. */
export interface ErrorMessage {
  readonly type: 'error';
  readonly id: number;
  readonly error: WireError;
  /** `false`: the function was never begun. */
  readonly started?: boolean;
  /** As in a reply. */
  readonly tookUs: number | undefined;
}

/** A part of an answer that is still to come. */
export interface PartMessage {
  readonly type: 'part';
  readonly id: number;
  readonly value: unknown;
  /** The size of the message. */
  readonly bytes: number;
}

/** The answers to calls of one `map`, as far as they are plain results: that of the call `id`, and of those that follow it. */
export interface MappedMessage {
  readonly type: 'mapped';
  readonly id: number;
  readonly values: readonly unknown[];
  /** How long all of them took together, and the longest, in microseconds. */
  readonly tookUs: number;
  readonly longestUs: number;
}

/** Items of a stream, in their order. The call's answer comes after the last of them. */
export interface ItemsMessage {
  readonly type: 'items';
  readonly id: number;
  readonly values: readonly unknown[];
  /** The size of the message. */
  readonly bytes: number;
}

/** Python calls a function that it was given. */
export interface CallbackMessage {
  readonly type: 'callback';
  readonly id: number;
  /** One among the arguments of the call; or else it is a kept one. */
  readonly function?: number;
  readonly kept?: number;
  /** Names the question within its call. */
  readonly number: number;
  /** No call of that worker goes on before it is answered. */
  readonly blocks?: boolean;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** Python has room for more items of an iterable among the arguments of a call. */
export interface PullMessage {
  readonly type: 'pull';
  readonly id: number;
  readonly input: number;
  /** None, where that it `blocks` is all there is to say. */
  readonly items: number;
  /** No call of that worker goes on before the next of them comes, or their end. */
  readonly blocks?: boolean;
}

/** How far a call has come. */
export interface ProgressMessage {
  readonly type: 'progress';
  readonly id: number;
  readonly done: number;
  readonly total: number | null;
  readonly note: string | null;
}

/** A call goes on. */
export interface HeartbeatMessage {
  readonly type: 'heartbeat';
  readonly id: number;
}

/** What Python says of a call between its question and its answer. */
export type MessageDuringCall = ItemsMessage | CallbackMessage | PullMessage | ProgressMessage | HeartbeatMessage;

/** The answer to a ping. */
export interface PongMessage {
  readonly type: 'pong';
  readonly number: number;
}

/** Something that Python printed, logged or warned of. */
export interface LogMessage {
  readonly type: 'log';
  readonly stream: (typeof STREAMS)[number];
  /** The call that was running, if there was one. */
  readonly call: number | null;
  readonly text: string;
  /** The level's name, from `logging`. */
  readonly level?: string;
  /** The logger's name, from `logging`. */
  readonly logger?: string;
}

/** Whatever a worker says. */
export type MessageFromPython =
  | HelloMessage
  | ReadyMessage
  | FailedMessage
  | ReplyMessage
  | ErrorMessage
  | MappedMessage
  | PartMessage
  | MessageDuringCall
  | PongMessage
  | LogMessage;

/** A template has imported the modules, and can fork. */
export interface LoadedMessage {
  readonly type: 'loaded';
}

/** A template has imported the modules, and had better not fork. */
export interface RefusedMessage {
  readonly type: 'refused';
  readonly reason: string;
}

/** A template has forked a worker for a seat. */
export interface ForkedMessage {
  readonly type: 'forked';
  readonly seat: number;
  readonly pid: number;
}

/** A worker of a template has ended; `code` is that of its exit, or the number of a signal, negative. */
export interface ExitedMessage {
  readonly type: 'exited';
  readonly seat: number;
  readonly pid: number;
  readonly code: number;
}

/** Whatever a template says. */
export type MessageFromTemplate =
  | HelloMessage
  | FailedMessage
  | LogMessage
  | LoadedMessage
  | RefusedMessage
  | ForkedMessage
  | ExitedMessage;

/**
 * The line that tells a worker what to load, without its newline.
 *
 * @throws ValueRefusedError (`ERR_VALUE`) naming the path, such as `init.setup.args[0]`.
 * @throws MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`).
 */
export function encodeInit(init: Omit<InitMessage, 'type' | 'protocol'>): string {
  const message: InitMessage = { type: 'init', protocol: PROTOCOL, ...init };
  const deeper = { ...init.limits, depthMax: init.limits.depthMax + INIT_LEVELS };
  const line = encodeJson(message, 'init', deeper);
  limitBytes(line, 0, undefined, init.limits);
  return line;
}

/**
 * The values of something that is said to Python during a call, for {@link encodeAnswer} and {@link encodeItems}.
 *
 * @param what What the error is to call it.
 * @throws ValueRefusedError (`ERR_VALUE`) naming the path, and MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`).
 */
export function encodeSaid(
  fields: { readonly value: unknown } | { readonly values: readonly unknown[] },
  seen: { readonly call: string; readonly what: string },
  limits: ValueLimits,
  handlers: ValueHandlers,
): Encoded {
  try {
    const encoded = encodeFields(fields, undefined, limits, handlers);
    limitBytes(encoded.text, SAID_HEAD_BYTES, undefined, limits);
    return encoded;
  } catch (error) {
    if (!(error instanceof MessageTooLargeError)) throw error;
    const { bytes, limit, option, sender } = error;
    throw new MessageTooLargeError({ bytes, limit, option, sender, ...seen });
  }
}

/** The line that says how much more of a stream there is room for, without its newline. Nothing answers it. */
export function encodeCredit(id: number, items: number, bytes: number): string {
  return `{"type":"credit","id":${id},"items":${items},"bytes":${bytes}}`;
}

/** The line that answers a `callback`, without its newline; `value` is the encoded field of that name. */
export function encodeAnswer(id: number, number: number, value: string): string {
  return `{"type":"answer","id":${id},"number":${number},${value}}`;
}

/** The line that answers a `callback` by what was thrown, without its newline; `error` is the JSON of a JSERROR. */
export function encodeAnswerError(id: number, number: number, error: string): string {
  return `{"type":"answer.error","id":${id},"number":${number},"error":${error}}`;
}

/** The line that carries items of an iterable, without its newline; `values` is the encoded field of that name. */
export function encodeItems(id: number, input: number, values: string): string {
  return `{"type":"items","id":${id},"input":${input},${values}}`;
}

/** How many characters a line of {@link encodeItems} has room for, of items and of `rich`, however many bytes each takes. */
export function itemsRoom({ messageBytesMax }: ValueLimits): number {
  return Math.floor(messageBytesMax / 3) - ITEMS_HEAD_BYTES;
}

/** The line that ends an iterable, without its newline; `error` is the JSON of a JSERROR if it threw. */
export function encodeItemsEnd(id: number, input: number, error?: string): string {
  return `{"type":"items.end","id":${id},"input":${input}${error === undefined ? '' : `,"error":${error}`}}`;
}

/** The line that tells a worker that the caller of a request has given up, without its newline. Nothing answers it. */
export function encodeCancel(id: number): string {
  return `{"type":"cancel","id":${id}}`;
}

/** The line that asks a worker whether it listens, without its newline. It answers with `pong`. */
export function encodePing(number: number): string {
  return `{"type":"ping","number":${number}}`;
}

/** The line that lets Python drop what it keeps for a session, without its newline. Nothing answers it. */
export function encodeSessionEnd(session: string): string {
  return `{"type":"session.end","session":${JSON.stringify(session)}}`;
}

/** The line that lets Python drop the objects that live as long as a lease, without its newline. Nothing answers it. */
export function encodeLeaseEnd(lease: number): string {
  return `{"type":"lease.end","lease":${lease}}`;
}

/** The line that lets Python drop objects, by their numbers and how often each has come, without its newline. Nothing answers it. */
export function encodeHandlesDrop(handles: readonly (readonly [number, number])[]): string {
  return `{"type":"handles.drop","handles":${listJson(handles)}}`;
}

/** The first line to a template, without its newline: what it shall import. */
export function encodeLoad(load: Pick<InitMessage, 'path' | 'userSite' | 'modules' | 'watch'>): string {
  return jsonOf({ type: 'load', protocol: PROTOCOL, ...load });
}

/**
 * The line that asks a template for a worker on a seat, without its newline. `epoch` is what the worker reads away to on
 * its own line, and what it says there first.
 */
export function encodeFork(seat: number, epoch: string): string {
  return `{"type":"fork","seat":${seat},"epoch":"${epoch}"}`;
}

/** The line that asks a template to signal a worker, without its newline: it alone, or with its `group`. */
export function encodeSignal(pid: number, signal: number, group: boolean): string {
  return `{"type":"signal","pid":${pid},"signal":${signal},"group":${group}}`;
}

/** The line that lets Python drop a kept function, without its newline. Nothing answers it. */
export function encodeKeptDrop(kept: number): string {
  return `{"type":"kept.drop","kept":${kept}}`;
}

/** The line that asks a worker to run its teardown and end, without its newline. */
export function encodeStop(): string {
  return '{"type":"stop"}';
}

/**
 * The lengths of the attachments that follow a line; `undefined` for a line that has nothing but JSON.
 *
 * @throws ProtocolError (`ERR_PROTOCOL`), as {@link messageOf}.
 */
export function announcedBy(line: Fields): readonly number[] | undefined {
  if (line.reply !== undefined || !line.has('rich')) return undefined;
  if (!line.has('bin')) return [];
  const lengths = line.lengths('bin');
  // To make room for one takes far more than the two characters by which a line announces it.
  if (lengths.length > line.list('rich').filter(isAttached).length) {
    line.refuse('`bin` has more lengths than there are entries of `rich` that name one');
  }
  return lengths;
}

function isAttached(entry: unknown): boolean {
  return Array.isArray(entry) && ATTACHED.has(entry[1]);
}

/**
 * What a line means, with the attachments that came after it.
 *
 * @param bin `undefined` for a line that has nothing but JSON.
 * @param resolve What makes something of the kinds of `rich` that are no values.
 * @throws ProtocolError (`ERR_PROTOCOL`), with the beginning of the line, for anything that is no message of a worker.
 */
export function messageOf(fields: Fields, bin?: readonly Uint8Array[], resolve?: Resolve): MessageFromPython {
  if (fields.reply !== undefined) return fields.reply;
  if (bin !== undefined) fields.restore(bin, resolve);
  const type = fields.string('type');
  switch (type) {
    case 'reply':
      return { type, id: fields.id('id'), value: fields.value('value'), tookUs: fields.optional('tookUs') };
    case 'error':
      return {
        type,
        id: fields.id('id'),
        error: decodeError(fields.object('error')),
        ...(fields.has('started') && { started: fields.boolean('started') }),
        tookUs: fields.optional('tookUs'),
      };
    case 'part':
      return { type, id: fields.id('id'), value: fields.value('value'), bytes: fields.bytes };
    case 'mapped':
      return {
        type,
        id: fields.id('id'),
        values: fields.list('values'),
        tookUs: fields.integer('tookUs'),
        longestUs: fields.integer('longestUs'),
      };
    case 'items': {
      const size = (bin ?? []).reduce((sum, { byteLength }) => sum + byteLength, fields.bytes);
      return { type, id: fields.id('id'), values: fields.list('values'), bytes: size };
    }
    case 'callback':
      return {
        type,
        id: fields.id('id'),
        ...(fields.has('kept') ? { kept: fields.id('kept') } : { function: fields.integer('function') }),
        number: fields.id('number'),
        ...(fields.has('blocks') && { blocks: fields.boolean('blocks') }),
        args: fields.list('args'),
        kwargs: fields.record('kwargs'),
      };
    case 'pull':
      return {
        type,
        id: fields.id('id'),
        input: fields.integer('input'),
        items: fields.count('items'),
        ...(fields.has('blocks') && { blocks: fields.boolean('blocks') }),
      };
    case 'progress':
      return {
        type,
        id: fields.id('id'),
        done: fields.number('done'),
        total: fields.value('total') === null ? null : fields.number('total'),
        note: fields.value('note') === null ? null : fields.string('note'),
      };
    case 'heartbeat':
      return { type, id: fields.id('id') };
    case 'pong':
      return { type, number: fields.id('number') };
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
      return {
        type,
        functions: fields.strings('functions'),
        streams: fields.has('streams') ? fields.strings('streams') : [],
        interrupts: fields.has('interrupts') && fields.boolean('interrupts'),
        stacks: fields.has('stacks') && fields.boolean('stacks'),
        ...(fields.has('shares') && { shares: fields.boolean('shares') }),
        ...(fields.has('files') && { files: fields.strings('files') }),
      };
    case 'failed':
      return {
        type,
        stage: fields.oneOf('stage', STAGES),
        error: decodeError(fields.object('error')),
        ...(fields.has('files') && { files: fields.strings('files') }),
      };
    default:
      return fields.refuse(`there is no message of type ${excerptOf(type)}`);
  }
}

/**
 * As {@link messageOf}, of a template.
 *
 * @throws ProtocolError (`ERR_PROTOCOL`), as {@link messageOf}.
 */
export function templateMessageOf(fields: Fields): MessageFromTemplate {
  const type = fields.string('type');
  switch (type) {
    case 'loaded':
      return { type };
    case 'refused':
      return { type, reason: fields.string('reason') };
    case 'forked':
      return { type, seat: fields.integer('seat'), pid: fields.id('pid') };
    case 'exited':
      return { type, seat: fields.integer('seat'), pid: fields.id('pid'), code: fields.integer('code') };
    case 'hello':
    case 'failed':
    case 'log':
      return messageOf(fields) as HelloMessage | FailedMessage | LogMessage;
    default:
      return fields.refuse(`there is no message of type ${excerptOf(type)} from a template`);
  }
}

/** What is wrong where Python speaks another protocol. */
export function otherProtocol({ protocol, library }: HelloMessage): string {
  return `Python speaks protocol ${protocol} (library ${library}), and this side speaks ${PROTOCOL}`;
}

/** What {@link encodeAnswer} puts around a value, with the longest numbers. */
const SAID_HEAD_BYTES = encodeAnswer(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, '').length;
/** What {@link encodeItems} puts around items. */
const ITEMS_HEAD_BYTES = encodeItems(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, '"values":[],"rich":[]').length;
/** Levels of the message `init` around one argument of `setup`. */
const INIT_LEVELS = 3;
const STREAMS = ['stdout', 'stderr', 'logging', 'warnings'] as const;
const STAGES = ['limits', 'import', 'setup', 'expose', 'protocol'] as const;
