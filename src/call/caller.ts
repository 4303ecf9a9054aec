import { AsyncResource } from 'node:async_hooks';
import { checkNames } from '../base/check-names.js';
import { bare, NO_OPTIONS, own } from '../base/own.js';
import { eitherOf, reasonOf, throwIfAborted } from '../base/signal.js';
import { FunctionReleasedError, OptionError } from '../errors.js';
import type { Carrier } from '../map/carrier.js';
import { type MapOptions, type MapOutcome, mapCalls } from '../map/map.js';
import { elsewhere, GivenHandles } from '../objects/given-handles.js';
import {
  dropUnread,
  type HandleCaller,
  type HandleOwner,
  isMember,
  type Member,
  type Remote,
  remoteOf,
} from '../objects/handle.js';
import { keptOf } from '../objects/keep.js';
import { failedResult, type PyProxy, PyResult, pyProxy } from '../objects/py.js';
import type { Runtime } from '../runtime.js';
import { checkLimit, checkMs, isLimit } from '../time/limit.js';
import { checkKwargs, splitArgs } from '../values/kw.js';
import { type Checked, checkAnswer, checkItems, checkSchema, type StandardSchema } from '../values/standard-schema.js';
import { type EncodedRequest, encodeRequest, type RequestExtras, streamed } from '../wire/request.js';
import type { FunctionReference, ValueHandlers } from '../wire/rich.js';
import type { Standing } from './asking.js';
import { checkWait, type WaitOptions } from './budget.js';
import { Call, type CallExtras, type Progress, type Question } from './call.js';
import { outside } from './children.js';
import { tellOfEnd } from './ended-call.js';
import { LiveArguments } from './live-arguments.js';
import { Attempts, type AttemptTerms } from './retries.js';
import type { Site } from './site.js';
import { type Room, roomFor, Stream, type StreamOptions } from './stream.js';

/** How one call is made. */
export interface CallOptions extends WaitOptions {
  /**
   * An integer from -100 to 100; of those who wait, a higher one goes first, where each step is worth `ageAfterMs` of
   * waiting. Under a lease it changes nothing: its calls run in the order in which they were made. Default: 0.
   */
  readonly priority?: number | undefined;
  /** Whose call it is, such as a tenant's id: of those who wait, the keys are served in turn. Default: none, which is one more party. */
  readonly fairnessKey?: string | undefined;
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
  /**
   * Doing it twice does no harm: the call may be made again after its worker died, its line broke or an attempt took too
   * long. Never after an exception of Python's, or once its caller has given up. Default: false.
   */
  readonly idempotent?: boolean | undefined;
  /**
   * How often it may be tried, from 1 to 100. Default: 3 for an `idempotent` call, else 1. More for a call that is not
   * idempotent lets it be made again only if Python had certainly not begun with it.
   */
  readonly attempts?: number | undefined;
  /** How long one attempt of an `idempotent` call may run, in ms, before the next. Default: as long as the call's budget. */
  readonly attemptTimeoutMs?: number | undefined;
  /** Calls of one key are one call: it is started once, and all who make it get its outcome. For `pool.call` and `pool.py`. */
  readonly idempotencyKey?: string | undefined;
  /** What the result has to be: a schema of zod, valibot, arktype or any other that follows Standard Schema. */
  readonly schema?: StandardSchema | undefined;
}

/** Options with a schema, which says the type of the result. */
export type WithSchema<Options, T> = Options & { readonly schema: StandardSchema<T> };

/** What a pool, a lease and a session have in common: one can call through them. */
export abstract class Caller<Api = unknown> {
  readonly #runtime: Runtime;
  /** @internal The session that its calls belong to. */
  readonly sessionId: string | undefined;
  readonly #bound: CallOptions;

  /** @param bound As `mergedWith` returns them, checked and nobody else's. */
  protected constructor(runtime: Runtime, sessionId: string | undefined, bound: CallOptions) {
    this.#runtime = runtime;
    this.sessionId = sessionId;
    this.#bound = bound;
  }

  /** Not to be seen by who prints a pool or a lease: it is large, and the environment is in it. */
  protected get runtime(): Runtime {
    return this.#runtime;
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
   * `ERR_OVERLOADED`, `ERR_POISON`, `ERR_POOL_CLOSED`, `ERR_POOL_DEGRADED`, `ERR_PROTOCOL`, `ERR_OPTION`; with a `schema`
   * also `ERR_RESULT` and `ERR_SCHEMA_TIMEOUT`, with an `idempotencyKey` `ERR_IDEMPOTENCY_KEY`, in a pool with `validate`
   * `ERR_ARGUMENT`, inside of a function that Python calls `ERR_DEADLOCK`; in a session also `ERR_SESSION_LOST` and
   * `ERR_SESSION_LIMIT`, under a lease `ERR_LEASE_ENDED`, and in both, of what is among the arguments, `ERR_HANDLE_ENDED`
   * and `ERR_FUNCTION_RELEASED`.
   */
  call<T>(name: string, args: readonly unknown[], options: WithSchema<CallOptions, T>): Promise<T>;
  call<T = unknown>(name: string, args?: readonly unknown[], options?: CallOptions): Promise<T>;
  call<T = unknown>(name: string, args: readonly unknown[] = [], options: CallOptions = NO_OPTIONS): Promise<T> {
    try {
      const given = own(options);
      return this.#start(name, args, this.#merged(given), given) as Promise<T>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Calls one function once for each item, and yields what it returns: in the
   * order of the items, or as they come with `ordered: false`. It never takes
   * more than `concurrency` items ahead of what has been consumed. Leaving the
   * loop gives up what is under way; so does the first error, which is thrown,
   * and says in `index` which item it is of. With `keepGoing: true` the others
   * go on, and what became of each is yielded.
   */
  map<T>(
    name: string,
    items: Iterable<unknown> | AsyncIterable<unknown>,
    options: WithSchema<MapOptions & { readonly keepGoing: true }, T>,
  ): AsyncIterableIterator<MapOutcome<T>, undefined> & AsyncDisposable;
  map<T = unknown>(
    name: string,
    items: Iterable<unknown> | AsyncIterable<unknown>,
    options: MapOptions & { readonly keepGoing: true },
  ): AsyncIterableIterator<MapOutcome<T>, undefined> & AsyncDisposable;
  map<T>(
    name: string,
    items: Iterable<unknown> | AsyncIterable<unknown>,
    options: WithSchema<MapOptions & { readonly keepGoing?: false | undefined }, T>,
  ): AsyncIterableIterator<T, undefined> & AsyncDisposable;
  map<T = unknown>(
    name: string,
    items: Iterable<unknown> | AsyncIterable<unknown>,
    options?: MapOptions & { readonly keepGoing?: false | undefined },
  ): AsyncIterableIterator<T, undefined> & AsyncDisposable;
  map<T = unknown>(
    name: string,
    items: Iterable<unknown> | AsyncIterable<unknown>,
    options: MapOptions,
  ): AsyncIterableIterator<T | MapOutcome<T>, undefined> & AsyncDisposable;
  map<T = unknown>(
    name: string,
    items: Iterable<unknown> | AsyncIterable<unknown>,
    options: MapOptions = NO_OPTIONS,
  ): AsyncIterableIterator<T | MapOutcome<T>, undefined> & AsyncDisposable {
    checkNames(options, MAP_OPTIONS);
    const { concurrency: given, ordered = true, keepGoing = false, ...others } = own(options);
    const concurrency = given === undefined ? this.concurrency : given;
    const rest = own(others);
    const bound = this.mergedWith(rest);
    if (rest.idempotencyKey !== undefined) throw keyless('a `map`, whose calls are not one call', rest.idempotencyKey);
    const { sites, askers, clock } = this.runtime;
    const site = sites.above(this.map, askers.size, clock.now());
    const callOne = (item: unknown, signal: AbortSignal) =>
      this.#start(name, [item], own({ ...bound, signal, idempotencyKey: undefined }), rest);
    // An item that takes too long gives up all that went with it.
    const isAlone = keepGoing && isLimit(this.#waitOf(bound).timeoutMs);
    const carrier = () => (isAlone ? undefined : this.carrier(name, bound, given, site));
    // What a schema has made of a result is not what came.
    const onUntaken = this.owner === undefined || bound.schema !== undefined ? undefined : dropUnread;
    const rules = { concurrency, ordered, keepGoing, signal: bound.signal, onUntaken };
    return mapCalls(callOne, items, rules, carrier) as Items<T | MapOutcome<T>>;
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
    options: StreamOptions = NO_OPTIONS,
  ): AsyncIterableIterator<T, undefined> & AsyncDisposable {
    try {
      checkNames(options, STREAM_OPTIONS);
      const { highWaterMark, ...others } = own(options);
      const rest = own(others);
      const room = roomFor(highWaterMark);
      const bound = this.mergedWith(rest);
      refuseRepeats(rest, 'a stream, whose items may have been read');
      if (rest.idempotencyKey !== undefined) throw keyless('a stream, which has one reader', rest.idempotencyKey);
      return this.#streamOf<T>(this.#prepare(name, args, bound), room);
    } catch (error) {
      const fail = () => {
        throw error;
      };
      return new Stream<T>(roomFor(), fail, (refused) => refused, this.runtime.keepAlive);
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
      return failedResult(error);
    }
  }

  /** The same, with options bound. A signal here and one given with a call both count. */
  abstract with(options: CallOptions): Caller<Api>;

  /** Brings a call on its way to a worker. */
  protected abstract place(call: Call, options: CallOptions): void;

  /** How many items `map` has under way unless it is told otherwise. */
  protected abstract get concurrency(): number;

  /** What takes the items of a `map` to the workers many at a time; `undefined` if each has to be a call by itself. */
  protected carrier(
    _name: string,
    _options: CallOptions,
    _concurrency: number | undefined,
    _site: Site,
  ): Carrier | undefined {
    return undefined;
  }

  /** Why none of its calls can be made again, as the end of "not for ..."; `undefined` if some can. */
  protected get unrepeatable(): string | undefined {
    return undefined;
  }

  /** Whether its calls depend on nothing but what they are given. */
  protected get canShare(): boolean {
    return false;
  }

  protected mergedWith(asked: CallOptions): CallOptions {
    return this.#merged(own(asked));
  }

  #merged(options: CallOptions): CallOptions {
    const bound = this.#bound;
    if (options === NO_OPTIONS) return bound;
    checkCall(options);
    const merged: { -readonly [Name in keyof CallOptions]: CallOptions[Name] } = Object.assign(bare(), bound);
    for (const name of Object.keys(options) as (keyof CallOptions)[]) {
      // What is there and undefined says nothing.
      if (options[name] !== undefined) (merged as Record<string, unknown>)[name] = options[name];
    }
    if (options.context !== undefined) merged.context = joined(bound.context, options.context);
    if (bound.signal === undefined || options.signal === undefined) return merged;
    merged.signal = eitherOf(bound.signal, options.signal);
    return merged;
  }

  #result(name: string, args: readonly unknown[], member?: Member): PyResult {
    const options = this.mergedWith(NO_OPTIONS);
    const prepared = this.#prepare(name, args, options, member);
    return new PyResult({
      // An attribute is read when it is awaited, the object iterated over when the first item is asked for.
      isStream: member?.isRead || this.runtime.streams.has(name),
      call: () => this.#promiseOf(prepared),
      stream: () => this.#streamOf(prepared, roomFor()),
    });
  }

  /** @param given What of the options was given with this very call. */
  #start(name: string, args: readonly unknown[], options: CallOptions, given: CallOptions): Promise<unknown> {
    if (options.signal?.aborted) return Promise.reject(reasonOf(options.signal));
    if (this.unrepeatable !== undefined) refuseRepeats(given, this.unrepeatable);
    return this.#promiseOf(this.#prepare(name, args, options, undefined, given));
  }

  #promiseOf(prepared: Prepared): Promise<unknown> {
    const { name, options } = prepared;
    const { schema, idempotencyKey: key } = options;
    const answer = key === undefined ? this.#ask(prepared).promise : this.#share(prepared, key);
    const promise = schema === undefined ? answer : checkAnswer(answer, this.#checked(schema, name, options));
    if (this.runtime.settings.errors === undefined) return promise;
    return promise.catch((error) => Promise.reject(this.#seen(error, options)));
  }

  /** What a caller gets of an error: the reason of their own signal as it is. */
  #seen(error: unknown, { signal }: CallOptions): unknown {
    return error === signal?.reason ? error : this.runtime.tied(error);
  }

  #share(prepared: Prepared, key: string): Promise<unknown> {
    const { name, request, options, given } = prepared;
    if (!this.canShare) throw keyless('a lease or a session, whose state is part of the call', key);
    if (given !== undefined) throw keyless('a call with functions or iterables among its arguments', key);
    const { idempotent = false } = options;
    const wait = this.#waitOf(options);
    throwIfAborted(wait.signal);
    const { shared, sites, askers, clock } = this.runtime;
    return shared.join({
      key,
      name,
      request,
      isIdempotent: idempotent,
      wait,
      site: sites.above(this.#share, askers.size, clock.now()),
      start: (onMade) => this.#ask(prepared, undefined, undefined, onMade),
    });
  }

  #streamOf<T>(prepared: Prepared, room: Room): Items<T> {
    const { name, options } = prepared;
    const { schema } = options;
    const stream = new Stream<T>(
      room,
      (items) => this.#ask(prepared, items, room),
      (error) => this.#seen(error, options),
      this.runtime.keepAlive,
    );
    return schema === undefined ? stream : checkItems<T>(stream, this.#checked(schema, name, options));
  }

  #checked(schema: StandardSchema, call: string, options: CallOptions): Checked {
    return { schema, call, runtime: this.runtime, wait: this.#waitOf(options), owner: this.owner };
  }

  #waitOf({ signal, timeoutMs = this.runtime.settings.timeoutMs }: CallOptions): WaitOptions {
    return { signal, timeoutMs };
  }

  /** Fixes and checks what is to be asked. */
  #prepare(
    name: string,
    args: readonly unknown[],
    options: CallOptions,
    member?: Member,
    given?: CallOptions,
  ): Prepared {
    if (typeof name !== 'string') throw new OptionError({ option: 'name', expected: "a function's name", got: name });
    if (!Array.isArray(args)) throw new OptionError({ option: 'args', expected: 'an array of arguments', got: args });
    const prepared = new Prepared(name, options, this, this.runtime, member);
    const split = member?.isRead ? READING : splitArgs(args, options.kwargs);
    prepared.request = encodeRequest(member?.name ?? name, split, prepared, this.runtime.settings.limits, prepared);
    if (given !== undefined && prepared.given !== undefined) {
      refuseRepeats(given, 'a call with functions or iterables among its arguments, which may have been used');
    }
    if (given !== undefined && prepared.handles !== undefined) {
      refuseRepeats(given, 'a call with a handle, whose object is in one worker');
    }
    prepared.terms = termsOf(options);
    return prepared;
  }

  /**
   * Asks what was prepared, once; for its items, if there is room for some.
   *
   * @param onMade Called before it waits for a worker.
   */
  #ask(prepared: Prepared, stream?: CallExtras['stream'], room?: Room, onMade?: (call: Call) => void): Call {
    const { name, request, caller, given, handles, terms, heartbeatTimeoutMs, options } = prepared;
    const { counters, keepAlive, settings, clock, poison, sites, hooks, askers } = this.runtime;
    const { signal, timeoutMs = settings.timeoutMs, context, onProgress } = options;
    // Those who share a call wait with budgets of their own.
    const isShared = onMade !== undefined;
    if (!isShared) throwIfAborted(signal);
    const isOfValues = given === undefined && handles === undefined;
    const mayRepeat = terms !== undefined && room === undefined && isOfValues && !this.unrepeatable;
    const attempts = mayRepeat ? new Attempts(terms, this.runtime) : undefined;
    const isQuestion = isOfValues && attempts === undefined;
    const isPlain = isQuestion && stream === undefined && onProgress === undefined && heartbeatTimeoutMs === undefined;
    const onTold =
      onProgress &&
      AsyncResource.bind((told: Progress) => void outside(() => hooks.call(onProgress, 'An `onProgress`', told)));
    const extras = isPlain ? undefined : { stream, given, handles, attempts, onProgress: onTold, heartbeatTimeoutMs };
    const question =
      room === undefined
        ? prepared
        : { name, request: streamed(request, room, settings.limits, name), context, caller };
    const wait = isShared ? NO_OPTIONS : { signal, timeoutMs };
    const now = clock.now();
    const site = sites.above(this.#ask, askers.size, now);
    // In whole ms: V8 keeps those in the call itself and other numbers in objects of their own, and a hundred thousand may wait.
    const askedAt = Math.floor(now);
    const call = new Call(question, site, clock, askedAt, wait, extras);
    counters.asked += 1;
    if (this.runtime.tellsOfEnds) tellOfEnd(call, this.runtime, now);
    // A stream holds it while somebody waits for an item.
    if (stream === undefined) keepAlive.hold();
    call.onSettled(stream === undefined ? this.runtime.onCallSettled : this.runtime.onStreamSettled);
    onMade?.(call);
    const refusal = poison.isEmpty ? undefined : poison.refusalOf(call);
    if (refusal === undefined) this.place(call, options);
    else call.fail(refusal, 'refused');
    return call;
  }
}

type Items<T> = AsyncIterableIterator<T, undefined> & AsyncDisposable;

/**
 * What is fixed and checked of a call that is to be made. It is all of it in one, since it is made for each call: what the
 * line says of it, and what is found among its arguments that is no value, which is nothing, most of the time.
 */
class Prepared implements Question, RequestExtras, ValueHandlers {
  readonly name: string;
  readonly options: CallOptions;
  readonly caller: HandleCaller;
  readonly heartbeatTimeoutMs: number | undefined;
  request!: EncodedRequest;
  terms: AttemptTerms | undefined;
  given: LiveArguments | undefined;
  handles: GivenHandles | undefined;
  readonly #runtime: Runtime;
  readonly #member: Member | undefined;

  constructor(name: string, options: CallOptions, caller: HandleCaller, runtime: Runtime, member: Member | undefined) {
    this.name = name;
    this.options = options;
    this.caller = caller;
    const { heartbeatTimeoutMs = runtime.settings.heartbeatTimeoutMs } = options;
    this.heartbeatTimeoutMs = isLimit(heartbeatTimeoutMs) ? heartbeatTimeoutMs : undefined;
    this.#runtime = runtime;
    this.#member = member;
    if (member !== undefined) this.add(member.remote, '');
  }

  get context(): CallOptions['context'] {
    return this.options.context;
  }

  get session(): string | undefined {
    return this.caller.sessionId;
  }

  get progress(): boolean {
    return this.options.onProgress !== undefined;
  }

  get heartbeatMs(): number | undefined {
    const ms = this.heartbeatTimeoutMs;
    return ms === undefined ? undefined : Math.max(1, Math.floor(ms / BEATS));
  }

  get lease(): number | undefined {
    const { owner } = this.caller;
    return typeof owner === 'number' ? owner : undefined;
  }

  get on(): number | undefined {
    return this.#member?.remote.number;
  }

  get get(): boolean | undefined {
    return this.#member?.isRead;
  }

  add(remote: Remote, path: string): void {
    this.handles ??= new GivenHandles(this.name);
    this.handles.add(remote, path);
  }

  onHandle(found: object, path: () => string): number | string | undefined {
    const remote = remoteOf(found);
    if (remote === undefined) return undefined;
    if (remote.worker.runtime !== this.#runtime) return elsewhere(remote, 'this call is made in another pool');
    if (this.caller.owner === undefined) return elsewhere(remote, 'this call may go to any');
    this.add(remote, path());
    return remote.number;
  }

  onFunction(found: (...args: never[]) => unknown, path: () => string): FunctionReference | string {
    if (isMember(found)) return 'is a member of a handle. Await it to read an attribute, or call the method.';
    const kept = keptOf(found);
    if (kept?.isReleased) throw new FunctionReleasedError({ path: path(), call: this.name });
    // Without a lease or a session it is as any other: valid as long as the call.
    if (kept === undefined || this.caller.owner === undefined) {
      return { kind: 'function', number: this.#live().onFunction(found as (...args: unknown[]) => unknown) };
    }
    return { kind: 'kept', number: this.#live().onKept(kept, path()) };
  }

  onIterable(found: Iterable<unknown> | AsyncIterable<unknown>): number {
    // Python iterates over it later, and it is not to be called meanwhile.
    if (found instanceof PyResult) found[Symbol.asyncIterator]();
    return this.#live().onIterable(found);
  }

  #live(): LiveArguments {
    this.given ??= new LiveArguments(this.#runtime.settings.limits);
    return this.given;
  }
}

function checkCall(options: CallOptions): void {
  checkWait(options, CALL_OPTIONS);
  checkStanding(options);
  if (options.kwargs !== undefined) checkKwargs(options.kwargs, 'kwargs');
  checkContext(options.context);
  checkAttempts(options);
  checkLimit('heartbeatTimeoutMs', options.heartbeatTimeoutMs);
  checkSchema(options.schema);
  const { onProgress } = options;
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new OptionError({ option: 'onProgress', expected: 'a function', got: onProgress });
  }
}

/** @throws OptionError (`ERR_OPTION`) for a call that is to be made again where none can be. What is bound says nothing there. */
function refuseRepeats({ idempotent, attempts = 1, attemptTimeoutMs: ms }: CallOptions, where: string): void {
  if (idempotent) throw new OptionError({ option: 'idempotent', expected: `false for ${where}`, got: idempotent });
  if (attempts > 1) throw new OptionError({ option: 'attempts', expected: `1 for ${where}`, got: attempts });
  if (ms !== undefined)
    throw new OptionError({ option: 'attemptTimeoutMs', expected: `left out for ${where}`, got: ms });
}

function keyless(where: string, key: string): OptionError {
  return new OptionError({ option: 'idempotencyKey', expected: `left out for ${where}`, got: key });
}

/** How often a call may be made; `undefined`: once. */
function termsOf({ idempotent = false, attempts = idempotent ? ATTEMPTS : 1, attemptTimeoutMs }: CallOptions) {
  if (attemptTimeoutMs !== undefined && !idempotent) {
    const expected = 'left out for a call that is not `idempotent`, since it makes it again';
    throw new OptionError({ option: 'attemptTimeoutMs', expected, got: attemptTimeoutMs });
  }
  if (attempts === 1 && attemptTimeoutMs === undefined) return undefined;
  return { idempotent, attempts, attemptTimeoutMs } satisfies AttemptTerms;
}

function checkAttempts({ idempotent, attempts, attemptTimeoutMs, idempotencyKey: key }: CallOptions): void {
  if (idempotent !== undefined && typeof idempotent !== 'boolean') {
    throw new OptionError({ option: 'idempotent', expected: 'true or false', got: idempotent });
  }
  if (attempts !== undefined && !(Number.isInteger(attempts) && attempts >= 1 && attempts <= ATTEMPTS_MAX)) {
    throw new OptionError({ option: 'attempts', expected: `an integer from 1 to ${ATTEMPTS_MAX}`, got: attempts });
  }
  if (attemptTimeoutMs !== undefined) checkMs('attemptTimeoutMs', attemptTimeoutMs);
  if (key !== undefined && (typeof key !== 'string' || key === '' || key.length > KEY_CHARS_MAX)) {
    const expected = `a string of 1 to ${KEY_CHARS_MAX} characters`;
    throw new OptionError({ option: 'idempotencyKey', expected, got: key });
  }
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

function checkStanding({ priority = 0, fairnessKey = 'none' }: Standing): void {
  if (!Number.isInteger(priority) || Math.abs(priority) > PRIORITY_MAX) {
    const expected = `an integer from -${PRIORITY_MAX} to ${PRIORITY_MAX}`;
    throw new OptionError({ option: 'priority', expected, got: priority });
  }
  if (typeof fairnessKey !== 'string' || fairnessKey === '') {
    throw new OptionError({ option: 'fairnessKey', expected: 'a string of one character or more', got: fairnessKey });
  }
}

const READING = { args: [], kwargs: undefined };
const CALL_OPTIONS: ReadonlySet<string> = new Set([
  'signal',
  'timeoutMs',
  'priority',
  'fairnessKey',
  'kwargs',
  'onProgress',
  'heartbeatTimeoutMs',
  'context',
  'idempotent',
  'attempts',
  'attemptTimeoutMs',
  'idempotencyKey',
  'schema',
] satisfies (keyof CallOptions)[]);
const MAP_OPTIONS: ReadonlySet<string> = new Set([...CALL_OPTIONS, 'concurrency', 'ordered', 'keepGoing']);
const STREAM_OPTIONS: ReadonlySet<string> = new Set([...CALL_OPTIONS, 'highWaterMark']);
const PRIORITY_MAX = 100;
const ATTEMPTS = 3;
const ATTEMPTS_MAX = 100;
const KEY_CHARS_MAX = 1_000;
/** So many heartbeats may come in the time that is allowed for one. */
const BEATS = 4;
