import { checkMs, checkWait, type WaitOptions } from './budget.js';
import { Call, type CallExtras, type Progress } from './call.js';
import { FunctionReleasedError, OptionError } from './errors.js';
import { elsewhere, GivenHandles } from './given-handles.js';
import { type HandleOwner, isMember, type Member, type Remote, remoteOf } from './handle.js';
import { keptOf } from './keep.js';
import { splitArgs } from './kw.js';
import { LiveArguments } from './live-arguments.js';
import { type MapOptions, mapCalls } from './map.js';
import { type PyProxy, PyResult, pyProxy } from './py.js';
import type { Runtime } from './runtime.js';
import { checkerOf, checkItems, checkSchema, type StandardSchema } from './standard-schema.js';
import { type Room, roomFor, Stream, type StreamOptions } from './stream.js';
import { encodeRequest, streamed } from './wire/message.js';
import type { FunctionReference, ValueHandlers } from './wire/rich.js';

/** How one call is made. */
export interface CallOptions extends WaitOptions {
  /** An integer from -100 to 100; of those who wait, a higher one goes first. Default: 0. */
  readonly priority?: number | undefined;
  /** Keyword arguments; `kw({...})` as the last argument says the same. */
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
  /** Told how far the call has come, where Python tells it by `pythonarium.progress`. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /**
   * How long the call may give no sign of progress while Python runs it, in ms: `pythonarium.heartbeat()`, `progress()`,
   * an item of its stream. Then it rejects with `ERR_CALL_HUNG`. `Infinity`: for ever. Default: the pool's.
   */
  readonly heartbeatTimeoutMs?: number | undefined;
  /**
   * What is to be known of the call wherever it is spoken of, such as `{ requestId: '7f3a' }`: Python has it as
   * `pythonarium.context`, and what is logged during the call as `context`. Plain JSON; joined, key by key, with what is bound.
   */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** What the result has to be: a schema of zod, valibot, arktype or any other that follows Standard Schema. */
  readonly schema?: StandardSchema | undefined;
}

/** Options with a schema, which says the type of the result. */
type WithSchema<Options, T> = Options & { readonly schema: StandardSchema<T> };

/** What a pool, a lease and a session have in common: one can call through them. */
export abstract class Caller<Api = unknown> {
  declare protected readonly runtime: Runtime;
  /** The session that its calls belong to. */
  protected readonly sessionId: string | undefined;
  readonly #bound: CallOptions;

  protected constructor(runtime: Runtime, sessionId: string | undefined, bound: CallOptions) {
    checkCall(bound);
    // Not to be seen by who prints a pool or a lease: it is large, and the environment is in it.
    Object.defineProperty(this, 'runtime', { value: runtime, enumerable: false });
    this.sessionId = sessionId;
    this.#bound = bound;
  }

  /**
   * Calls one Python function and returns what it returns.
   *
   * The arguments are fixed and checked before this returns. The promise
   * settles within `timeoutMs` (waiting for a worker and running together)
   * and as soon as `signal` aborts, whatever Python does; the worker then
   * goes to nobody else before it has answered or has been ended.
   *
   * @param name The function's name, with its module's key before it where the pool has several: `stats.mean`.
   * @param args Positional arguments; `kw({...})` as the last one gives keyword arguments.
   * @returns What Python returned, as `docs/values.md` says. `null` for `None`.
   *
   * Rejects with `signal.reason`, or a `PoolError`: `ERR_PYTHON` (it raised), `ERR_NOT_EXPOSED`, `ERR_VALUE`,
   * `ERR_MESSAGE_TOO_LARGE`, `ERR_WORKER_DIED`, `ERR_CALL_TIMEOUT`, `ERR_CALL_HUNG`, `ERR_QUEUE_TIMEOUT`, `ERR_QUEUE_FULL`,
   * `ERR_POOL_CLOSED`, `ERR_POOL_DEGRADED`, `ERR_PROTOCOL`, `ERR_OPTION`; with a `schema` also `ERR_RESULT`, in a pool
   * with `validate` also `ERR_ARGUMENT`; in a session also `ERR_SESSION_LOST` and
   * `ERR_SESSION_LIMIT`, under a lease `ERR_LEASE_ENDED`.
   */
  call<T>(name: string, args: readonly unknown[], options: WithSchema<CallOptions, T>): Promise<T>;
  call<T = unknown>(name: string, args?: readonly unknown[], options?: CallOptions): Promise<T>;
  call<T = unknown>(name: string, args: readonly unknown[] = [], options: CallOptions = {}): Promise<T> {
    try {
      return this.#start(name, args, this.mergedWith(options)) as Promise<T>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Calls one function once for each item, and yields what it returns: in the
   * order of the items, or as they come with `ordered: false`. It never takes
   * more than `concurrency` items ahead of what has been consumed. Leaving the
   * loop gives up what is under way; so does the first error, which is thrown.
   */
  map<T>(
    name: string,
    items: Iterable<unknown> | AsyncIterable<unknown>,
    options: WithSchema<MapOptions, T>,
  ): AsyncIterableIterator<T>;
  map<T = unknown>(
    name: string,
    items: Iterable<unknown> | AsyncIterable<unknown>,
    options?: MapOptions,
  ): AsyncIterableIterator<T>;
  map<T = unknown>(
    name: string,
    items: Iterable<unknown> | AsyncIterable<unknown>,
    options: MapOptions = {},
  ): AsyncIterableIterator<T> {
    const { concurrency = this.concurrency, ordered = true, ...rest } = options;
    const bound = this.mergedWith(rest);
    const callOne = (item: unknown, signal: AbortSignal) => this.#start(name, [item], { ...bound, signal });
    return mapCalls(callOne, items, { concurrency, ordered, signal: bound.signal }) as AsyncIterableIterator<T>;
  }

  /**
   * Calls one function and yields what the iterable that it returns yields: a generator, an asynchronous one, a list.
   * The call is made when the first item is asked for. Python is never further ahead than `highWaterMark` items. Leaving
   * the loop closes the generator; its `finally` runs. An error in the middle is thrown after the items before it.
   *
   * The arguments are fixed and checked before this returns; what is wrong with them is thrown where the first item is
   * asked for, as is all that `call` rejects with.
   */
  stream<T>(
    name: string,
    args: readonly unknown[],
    options: WithSchema<StreamOptions, T>,
  ): AsyncIterableIterator<T, undefined> & AsyncDisposable;
  stream<T = unknown>(
    name: string,
    args?: readonly unknown[],
    options?: StreamOptions,
  ): AsyncIterableIterator<T, undefined> & AsyncDisposable;
  stream<T = unknown>(
    name: string,
    args: readonly unknown[] = [],
    options: StreamOptions = {},
  ): AsyncIterableIterator<T, undefined> & AsyncDisposable {
    try {
      const { highWaterMark, ...rest } = options;
      const room = roomFor(highWaterMark);
      const bound = this.mergedWith(rest);
      return this.#streamOf<T>(name, this.#prepare(name, args, bound), bound, room);
    } catch (error) {
      const fail = () => {
        throw error;
      };
      return new Stream<T>(roomFor(), fail, (refused) => refused);
    }
  }

  /** The same functions as methods: `pool.py.mean([1, 2, 3])`, typed by the pool's `Api`. */
  get py(): PyProxy<Api> {
    return pyProxy<Api>((name, args) => this.#result(name, args));
  }

  /** @internal What the objects that come by its calls live as long as; `undefined`: none can come. */
  get owner(): HandleOwner | undefined {
    return this.sessionId;
  }

  /** @internal Reads or calls a member of an object. */
  onObject(member: Member, args: readonly unknown[]): PyResult {
    const { remote, name } = member;
    try {
      return this.#result(name === '' ? remote.className : `${remote.className}.${name}`, args, member);
    } catch (error) {
      return PyResult.failed(error);
    }
  }

  /** The same, with options bound. A signal here and one given with a call both count. */
  abstract with(options: CallOptions): Caller<Api>;

  /** Brings a call on its way to a worker. */
  protected abstract place(call: Call, priority: number): void;

  /** How many items `map` has under way unless it is told otherwise. */
  protected abstract get concurrency(): number;

  protected mergedWith(options: CallOptions): CallOptions {
    checkCall(options);
    const bound = this.#bound;
    // What is there and undefined says nothing.
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    const merged: { -readonly [Name in keyof CallOptions]: CallOptions[Name] } = {
      ...bound,
      ...Object.fromEntries(given),
    };
    if (options.context !== undefined) merged.context = joined(bound.context, options.context);
    if (bound.signal === undefined || options.signal === undefined) return merged;
    return { ...merged, signal: AbortSignal.any([bound.signal, options.signal]) };
  }

  #result(name: string, args: readonly unknown[], member?: Member): PyResult {
    const options = this.mergedWith({});
    const ask = this.#prepare(name, args, options, member);
    return new PyResult({
      // An attribute is read when it is awaited, the object iterated over when the first item is asked for.
      isStream: member?.isRead || this.runtime.streams.has(name),
      call: () => this.#promiseOf(name, ask, options),
      stream: () => this.#streamOf(name, ask, options, roomFor()),
    });
  }

  #start(name: string, args: readonly unknown[], options: CallOptions): Promise<unknown> {
    if (options.signal?.aborted) return Promise.reject(options.signal.reason);
    return this.#promiseOf(name, this.#prepare(name, args, options), options);
  }

  #promiseOf(name: string, ask: Ask, { schema }: CallOptions): Promise<unknown> {
    const call = ask();
    const promise = schema === undefined ? call.promise : call.promise.then(checkerOf(schema, name));
    if (this.runtime.settings.errors === undefined) return promise;
    return promise.catch((error) => Promise.reject(this.runtime.tied(error)));
  }

  #streamOf<T>(name: string, ask: Ask, { schema }: CallOptions, room: Room): Items<T> {
    const stream = new Stream<T>(
      room,
      (items) => ask(items, room),
      (error) => this.runtime.tied(error),
    );
    return schema === undefined ? stream : checkItems(stream, checkerOf<T>(schema, name));
  }

  /** Fixes and checks what is asked, and returns what asks it. */
  #prepare(name: string, args: readonly unknown[], options: CallOptions, member?: Member): Ask {
    if (typeof name !== 'string') throw new OptionError({ option: 'name', expected: "a function's name", got: name });
    if (!Array.isArray(args)) throw new OptionError({ option: 'args', expected: 'an array of arguments', got: args });
    const { signal, timeoutMs = this.runtime.settings.timeoutMs, priority = 0, kwargs, context, onProgress } = options;
    const heartbeatTimeoutMs = limitOf(options.heartbeatTimeoutMs ?? this.runtime.settings.heartbeatTimeoutMs);
    const { counters, keepAlive, settings, clock } = this.runtime;
    const { owner } = this;
    const found = new Found(name, owner, this.runtime);
    if (member !== undefined) found.add(member.remote, '');
    const asked = {
      name: member?.name ?? name,
      ...(member?.isRead ? READING : splitArgs(args, kwargs)),
      session: this.sessionId,
      context,
      progress: onProgress !== undefined,
      heartbeatMs: heartbeatTimeoutMs === undefined ? undefined : Math.max(1, Math.floor(heartbeatTimeoutMs / BEATS)),
      lease: typeof owner === 'number' ? owner : undefined,
      on: member?.remote.number,
      get: member?.isRead,
    };
    const request = encodeRequest(asked, settings.limits, found);
    return (stream, room) => {
      signal?.throwIfAborted();
      const { given, handles } = found;
      const isValues = given === undefined && handles === undefined;
      const isPlain = isValues && stream === undefined && onProgress === undefined && heartbeatTimeoutMs === undefined;
      const onTold = onProgress && this.runtime.total(onProgress);
      const extras = isPlain ? undefined : { stream, given, handles, onProgress: onTold, heartbeatTimeoutMs };
      const line = room === undefined ? request : streamed(request, room, settings.limits, name);
      const call = new Call({ name, request: line, context, caller: this }, clock, { signal, timeoutMs }, extras);
      counters.asked += 1;
      keepAlive.hold();
      call.onSettled((how) => {
        counters.settled(how);
        keepAlive.release();
      });
      this.place(call, priority);
      return call;
    };
  }
}

/** Asks what was prepared, once; for its items, if `stream` and `room` are given. */
type Ask = (stream?: CallExtras['stream'], room?: Room) => Call;

type Items<T> = AsyncIterableIterator<T, undefined> & AsyncDisposable;

/** What is found among the arguments of one call that is no value: nothing, most of the time. */
class Found implements ValueHandlers {
  given: LiveArguments | undefined;
  handles: GivenHandles | undefined;
  readonly #name: string;
  readonly #owner: HandleOwner | undefined;
  readonly #runtime: Runtime;

  constructor(name: string, owner: HandleOwner | undefined, runtime: Runtime) {
    this.#name = name;
    this.#owner = owner;
    this.#runtime = runtime;
  }

  add(remote: Remote, path: string): void {
    this.handles ??= new GivenHandles(this.#name);
    this.handles.add(remote, path);
  }

  onHandle(found: object, path: () => string): number | string | undefined {
    const remote = remoteOf(found);
    if (remote === undefined) return undefined;
    if (!remote.worker.isOf(this.#runtime)) return elsewhere(remote, 'this call is made in another pool');
    if (this.#owner === undefined) return elsewhere(remote, 'this call may go to any');
    this.add(remote, path());
    return remote.number;
  }

  onFunction(found: (...args: never[]) => unknown, path: () => string): FunctionReference | string {
    if (isMember(found)) return 'is a member of a handle. Await it to read an attribute, or call the method.';
    const kept = keptOf(found);
    if (kept?.isReleased) throw new FunctionReleasedError({ path: path(), call: this.#name });
    // Without a lease or a session it is as any other: valid as long as the call.
    if (kept === undefined || this.#owner === undefined) {
      return { kind: 'function', number: this.#live().onFunction(found as (...args: unknown[]) => unknown) };
    }
    return { kind: 'kept', number: this.#live().onKept(kept, path()) };
  }

  onIterable(found: Iterable<unknown> | AsyncIterable<unknown>): number {
    return this.#live().onIterable(found);
  }

  #live(): LiveArguments {
    this.given ??= new LiveArguments(this.#runtime.settings.limits);
    return this.given;
  }
}

function checkCall(options: CallOptions): void {
  checkWait(options, CALL_OPTIONS);
  checkPriority(options.priority);
  checkContext(options.context);
  const { heartbeatTimeoutMs } = options;
  if (heartbeatTimeoutMs !== undefined && heartbeatTimeoutMs !== Number.POSITIVE_INFINITY) {
    checkMs('heartbeatTimeoutMs', heartbeatTimeoutMs);
  }
  checkSchema(options.schema);
  const { onProgress } = options;
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new OptionError({ option: 'onProgress', expected: 'a function', got: onProgress });
  }
}

/** Infinity is no limit. */
function limitOf(ms: number | undefined): number | undefined {
  return ms === Number.POSITIVE_INFINITY ? undefined : ms;
}

function checkContext(context: unknown): void {
  if (context === undefined || isRecord(context)) return;
  const expected = "a plain object of names and values, such as { requestId: '7f3a' }";
  throw new OptionError({ option: 'context', expected, got: context });
}

/** True for what `{…}` makes, in any realm: what else has names of its own may keep its values elsewhere, as a Map does. */
function isRecord(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** A copy that nobody changes. A value that is undefined says nothing. */
function joined(bound: CallOptions['context'], given: Readonly<Record<PropertyKey, unknown>>): CallOptions['context'] {
  const context: Record<PropertyKey, unknown> = Object.assign(Object.create(null), bound);
  // Symbols too, so that the line refuses them instead of losing them.
  for (const key of Reflect.ownKeys(given)) {
    if (given[key] !== undefined && Object.prototype.propertyIsEnumerable.call(given, key)) context[key] = given[key];
  }
  return Object.freeze(context);
}

/** @throws OptionError (`ERR_OPTION`) for what is no priority. */
export function checkPriority(priority: unknown): void {
  if (priority === undefined) return;
  if (Number.isInteger(priority) && Math.abs(priority as number) <= PRIORITY_MAX) return;
  throw new OptionError({
    option: 'priority',
    expected: `an integer from -${PRIORITY_MAX} to ${PRIORITY_MAX}`,
    got: priority,
  });
}

const READING = { args: [], kwargs: undefined };
const CALL_OPTIONS: ReadonlySet<string> = new Set([
  'signal',
  'timeoutMs',
  'priority',
  'kwargs',
  'onProgress',
  'heartbeatTimeoutMs',
  'context',
  'schema',
] satisfies (keyof CallOptions)[]);
const PRIORITY_MAX = 100;
/** So many heartbeats may come in the time that is allowed for one. */
const BEATS = 4;
