import { AsyncResource } from 'node:async_hooks';
import { checkNames } from '../base/check-names.js';
import { NO_OPTIONS, own } from '../base/own.js';
import { reasonOf, throwIfAborted } from '../base/signal.js';
import { OptionError } from '../errors.js';
import type { Carrier } from '../map/carrier.js';
import { MAP_OPTIONS, type MapOptions, type MapOutcome, mapCalls } from '../map/map.js';
import { dropUnread, type HandleCaller, type HandleOwner, type Member, methodOf } from '../objects/handle.js';
import { failedResult, type PyProxy, PyResult, pyProxy, referenceOf } from '../objects/py.js';
import type { MappedItem, MappedKwargs, MappedResult, PyFunction } from '../objects/py-function.js';
import type { Runtime } from '../runtime.js';
import { splitArgs } from '../values/kw.js';
import { type Checked, checkAnswer, checkItems, type StandardSchema } from '../values/standard-schema.js';
import { encodeRequest, streamed } from '../wire/request.js';
import type { WaitOptions } from './budget.js';
import { Call, type CallExtras, type Progress } from './call.js';
import { type CallOptions, keyless, mergedOptions, refuseRepeats, termsOf, type WithSchema } from './call-options.js';
import { outside } from './children.js';
import { tellOfEnd } from './ended-call.js';
import { Prepared } from './prepared.js';
import { Attempts } from './retries.js';
import type { Site } from './site.js';
import { type Room, roomFor, STREAM_OPTIONS, Stream, type StreamOptions } from './stream.js';

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
      return this.#start(name, args, mergedOptions(this.#bound, given), given) as Promise<T>;
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
   *
   * @param fn The function's name, or the function itself as `py` has it, `pool.py.mean`, by which items, results and
   * `kwargs` have their types. That has to be of this very `py`, or of a pool's to which nothing is bound. Under a lease
   * and in a session also a method of an object that came by it, `lease.map(model.score, rows)`.
   */
  map<T, Fn extends string | PyFunction = string>(
    fn: Fn,
    items: Source<MappedItem<Fn>>,
    options: WithSchema<MapOptionsOf<Fn> & { readonly keepGoing: true }, T>,
  ): Items<MapOutcome<T>>;
  map<T, Fn extends string | PyFunction = string>(
    fn: Fn,
    items: Source<MappedItem<Fn>>,
    options: WithSchema<MapOptionsOf<Fn> & { readonly keepGoing?: false | undefined }, T>,
  ): Items<T>;
  map<T = unknown>(
    fn: string,
    items: Source<unknown>,
    options: MapOptions & { readonly keepGoing: true },
  ): Items<MapOutcome<T>>;
  map<T = unknown>(
    fn: string,
    items: Source<unknown>,
    options?: MapOptions & { readonly keepGoing?: false | undefined },
  ): Items<T>;
  map<T = unknown>(fn: string, items: Source<unknown>, options: MapOptions): Items<T | MapOutcome<T>>;
  map<Fn extends PyFunction>(
    fn: Fn,
    items: Source<MappedItem<Fn>>,
    options: MapOptionsOf<Fn> & { readonly keepGoing: true },
  ): Items<MapOutcome<MappedResult<Fn>>>;
  map<Fn extends PyFunction>(
    fn: Fn,
    items: Source<MappedItem<Fn>>,
    options?: MapOptionsOf<Fn> & { readonly keepGoing?: false | undefined },
  ): Items<MappedResult<Fn>>;
  map<Fn extends string | PyFunction>(
    fn: Fn,
    items: Source<MappedItem<Fn>>,
    options: MapOptionsOf<Fn>,
  ): Items<MappedResult<Fn> | MapOutcome<MappedResult<Fn>>>;
  map(fn: string | PyFunction, items: Source<unknown>, options: MapOptions = NO_OPTIONS): Items<unknown> {
    const { name, member } = this.#targetOf(fn);
    checkNames(options, MAP_OPTIONS);
    const { concurrency: given, ordered = true, keepGoing = false, ...others } = own(options);
    const concurrency = given === undefined ? this.concurrency : given;
    const rest = own(others);
    const bound = mergedOptions(this.#bound, rest);
    if (rest.idempotencyKey !== undefined) throw keyless('a `map`, whose calls are not one call', rest.idempotencyKey);
    const { sites, askers, clock } = this.runtime;
    const site = sites.above(this.map, askers.size, clock.now());
    const callOne = (item: unknown, signal: AbortSignal) =>
      this.#start(name, [item], own({ ...bound, signal, idempotencyKey: undefined }), rest, member);
    const carrier = () => this.carrier(name, bound, given, keepGoing, site);
    // What a schema has made of a result is not what came.
    const onUntaken = this.owner === undefined || bound.schema !== undefined ? undefined : dropUnread;
    const rules = { concurrency, ordered, keepGoing, signal: bound.signal, onUntaken };
    return mapCalls(callOne, items, rules, carrier);
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
      const bound = mergedOptions(this.#bound, rest);
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
    return pyProxy<Api>((name, args) => this.#result(name, args), this);
  }

  /** @internal What the objects that come by its calls live as long as; `undefined`: none can come. */
  get owner(): HandleOwner | undefined {
    return this.sessionId;
  }

  /** @internal Reads or calls a member of an object. */
  onObject(member: Member, args: readonly unknown[]): PyResult {
    try {
      return this.#result(nameOf(member), args, member);
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
    _keepGoing: boolean,
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

  /** What is bound, as {@link mergedWith} returns it. */
  protected get bound(): CallOptions {
    return this.#bound;
  }

  protected mergedWith(asked: CallOptions): CallOptions {
    return mergedOptions(this.#bound, own(asked));
  }

  /** What `map` is to call. A function stands for its name: what is bound where it comes from would be lost. */
  #targetOf(fn: unknown): { name: string; member?: Member } {
    if (typeof fn === 'string') return { name: fn };
    const method = methodOf(fn);
    if (method !== undefined) {
      const { member, caller } = method;
      if (caller === this || this.#mayCallFor(caller)) return { name: nameOf(member), member };
      const expected = 'a method of an object that came by the lease or the session that has this `map`';
      throw new OptionError({ option: 'name', expected, got: fn });
    }
    const reference = referenceOf(fn);
    if (reference === undefined) {
      throw new OptionError({ option: 'name', expected: "a function's name, or a function of `py`", got: fn });
    }
    const { name, owner } = reference;
    if (owner === this || (#bound in owner && owner.canShare && owner.#isPlainIn(this.#runtime))) return { name };
    const expected = 'a function of the `py` that has this `map`, or of a pool to which nothing is bound';
    throw new OptionError({ option: 'name', expected, got: fn });
  }

  /** Whether the objects that came by that are there for calls by this, and nothing bound is lost. */
  #mayCallFor(caller: HandleCaller): boolean {
    const isTheirs = caller.owner === this.owner || caller.owner === this.sessionId;
    return isTheirs && #bound in caller && caller.#isPlainIn(this.#runtime);
  }

  /** Whether it says nothing of how a call is made. */
  #isPlainIn(runtime: Runtime): boolean {
    return this.#runtime === runtime && this.#bound === NO_OPTIONS;
  }

  #result(name: string, args: readonly unknown[], member?: Member): PyResult {
    const prepared = this.#prepare(name, args, this.#bound, member);
    return new PyResult({
      // An attribute is read when it is awaited, the object iterated over when the first item is asked for.
      isStream: member?.isRead || this.runtime.streams.has(name),
      call: () => this.#promiseOf(prepared),
      stream: () => this.#streamOf(prepared, roomFor()),
    });
  }

  /** @param given What of the options was given with this very call. */
  #start(
    name: string,
    args: readonly unknown[],
    options: CallOptions,
    given: CallOptions,
    member?: Member,
  ): Promise<unknown> {
    if (options.signal?.aborted) return Promise.reject(reasonOf(options.signal));
    if (this.unrepeatable !== undefined) refuseRepeats(given, this.unrepeatable);
    return this.#promiseOf(this.#prepare(name, args, options, member, given));
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
    if (this.runtime.news.tellsOfEnds) tellOfEnd(call, this.runtime, now);
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

/** What a call of a member is spoken of by. */
function nameOf({ remote, name }: Member): string {
  return name === '' ? remote.className : `${remote.className}.${name}`;
}

type Source<T> = Iterable<T> | AsyncIterable<T>;
type Items<T> = AsyncIterableIterator<T, undefined> & AsyncDisposable;
/** What is told for all items has the types that the function says. */
type MapOptionsOf<Fn> = Omit<MapOptions, 'kwargs'> & { readonly kwargs?: MappedKwargs<Fn> | undefined };

const READING = { args: [], kwargs: undefined };
