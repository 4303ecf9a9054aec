import { isA } from '../base/instance.js';
import type { Standing } from '../call/asking.js';
import type { CallOutcome } from '../call/call.js';
import type { CallOptions } from '../call/call-options.js';
import { parentRun } from '../call/children.js';
import type { Exchange } from '../call/exchange.js';
import { type Site, showCaller } from '../call/site.js';
import { CallTimeoutError, PoolError } from '../errors.js';
import type { Runtime } from '../runtime.js';
import { isLimit } from '../time/limit.js';
import { processors } from '../time/processors.js';
import { atTurnsEnd } from '../time/turn.js';
import { splitArgs } from '../values/kw.js';
import { encodeMap, type MapFrame, mapRoom } from '../wire/request.js';
import { encodePlain } from '../wire/value.js';
import { hasLimit } from '../worker/vigil.js';
import { Batch, type BatchItem, type BatchListener } from './batch.js';
import { Pace } from './pace.js';
import { TimeLimit } from './time-limit.js';
import { type Trip, TripAsking } from './trip.js';

/** What all calls of one `map` have in common. */
export interface MapTerms extends Standing {
  readonly name: string;
  readonly frame: MapFrame;
  readonly context: Readonly<Record<string, unknown>> | undefined;
  /** How long each of them may take, waiting and running together. */
  readonly timeoutMs: number | undefined;
  /** One that takes too long gives up itself alone. */
  readonly keepGoing: boolean;
  /** Items under way or finished and not yet consumed, at the most. `undefined`: as many as the workers have use for. */
  readonly concurrency: number | undefined;
  /** Where the `map` was made. */
  readonly site: Site;
}

/**
 * What takes the items of a `map` to the workers, if they are calls that have nothing but a question and an answer, and
 * nothing is done in this pool for each call or lease; else `undefined`.
 */
export function carrierFor(
  runtime: Runtime,
  name: string,
  options: CallOptions,
  concurrency: number | undefined,
  keepGoing: boolean,
  site: Site,
): Carrier | undefined {
  const { settings } = runtime;
  const { timeoutMs = settings.timeoutMs, context, priority, fairnessKey, attempts = 1 } = options;
  const { softLimitMs, hardLimitMs } = settings;
  const heartbeatTimeoutMs = options.heartbeatTimeoutMs ?? settings.heartbeatTimeoutMs;
  if (settings.lane !== 'serial' || settings.recycle?.leases !== undefined) return undefined;
  if (hasLimit({ softLimitMs, hardLimitMs, heartbeatTimeoutMs }) || timeoutMs === 0) return undefined;
  // One that waits behind calls of others is of their time, and would have to be kept from being begun.
  if (keepGoing && isLimit(timeoutMs) && settings.slots > 1) return undefined;
  if (options.onProgress !== undefined || options.schema !== undefined) return undefined;
  if (options.idempotent || attempts > 1 || options.attemptTimeoutMs !== undefined) return undefined;
  if (typeof name !== 'string' || parentRun() !== undefined) return undefined;
  try {
    const { kwargs } = splitArgs([0], options.kwargs);
    const frame = encodeMap({ name, kwargs, context }, settings.limits);
    if (frame === undefined) return undefined;
    const terms = { name, frame, context, timeoutMs, keepGoing, concurrency, site, priority, fairnessKey };
    return new Carrier(runtime, terms);
  } catch {
    // Each call says what is wrong.
    return undefined;
  }
}

/**
 * Takes the items of one `map` to the workers, by trips: each is a lease, under which batches follow each other in the
 * pipe. A trip ends when there is nothing more to send, and soon when anybody else waits for a worker.
 */
export class Carrier implements BatchListener {
  readonly runtime: Runtime;
  readonly #terms: MapTerms;
  readonly #pace = new Pace();
  /** So many trips at once, one for each slot that there may be. */
  readonly #tripsMax: number;
  /** Items under way or finished and not yet consumed, at the most. */
  concurrency: number;
  readonly #room: number;
  readonly #askings = new Set<TripAsking>();
  readonly #trips = new Set<Trip>();
  /** When the last trip ended. */
  #servedUntil = 0;
  /** Taken and not sent. */
  #pending: BatchItem[] = [];
  /** So many of them, the first ones, are sent. */
  #sent = 0;
  /** Taken and not settled. */
  #open = 0;
  /** Absent where nothing limits how long an item may take. */
  readonly #timeLimit: TimeLimit | undefined;
  /** The names of the workers that items were sent to, while somebody listens to `call.ended`. */
  readonly #sentTo = new WeakMap<BatchItem, string>();
  /** What it was given up by, if it was. */
  #over: { readonly error: unknown; readonly how: CallOutcome } | undefined;

  constructor(runtime: Runtime, terms: MapTerms) {
    const { sizeMax, slots } = runtime.settings;
    this.runtime = runtime;
    this.#terms = terms;
    this.#tripsMax = sizeMax * slots;
    this.concurrency = terms.concurrency ?? this.#useful;
    this.#room = Math.min(BATCH_CHARS_MAX, mapRoom(terms.frame, runtime.settings.limits));
    const { timeoutMs, keepGoing } = terms;
    if (!isLimit(timeoutMs)) return;
    const dues = keepGoing ? (now: number) => this.#dues(timeoutMs, now) : undefined;
    this.#timeLimit = new TimeLimit(timeoutMs, runtime.clock, (late) => this.#failLate(late), dues);
  }

  /** What an item is on the line; `undefined` for one that must be a call of its own. */
  textOf(item: unknown): string | undefined {
    if (!this.runtime.poison.isEmpty) return undefined;
    try {
      const text = encodePlain(item, this.runtime.settings.limits);
      return text !== undefined && text.length <= this.#room ? text : undefined;
    } catch {
      // What a getter throws, or a proxy, is for its call to tell.
      return undefined;
    }
  }

  /** Takes an item in. It is sent by the next {@link flush}. */
  add(item: BatchItem): void {
    const { counters, keepAlive, clock, endedBy } = this.runtime;
    counters.asked += 1;
    if (this.#open === 0) keepAlive.hold();
    this.#open += 1;
    item.askedAt = clock.now();
    // A source that was being read as the map was given up may yield one more.
    if (this.#over !== undefined) return item.fail(this.#over.error, this.#over.how);
    if (endedBy !== undefined) return item.fail(this.runtime.refusal('closed'), 'refused');
    this.#pending.push(item);
    this.#timeLimit?.watch(item, this.concurrency);
  }

  /** An item that was taken in is settled. */
  onSettled(item: BatchItem, how: CallOutcome, error?: unknown): void {
    this.runtime.counters.settled(how);
    if (this.runtime.news.tellsOfEnds) this.#tellOfEnd(item, how, error);
    this.#open -= 1;
    if (this.#open > 0) return;
    this.runtime.keepAlive.release();
    this.#timeLimit?.rest();
  }

  /** The error as whoever made the `map` gets it. */
  shown(error: unknown): unknown {
    if (isA(error, PoolError)) showCaller(error, this.#terms.site);
    return this.runtime.tied(error);
  }

  /** Sends what there is to whoever has room for it, asks for more workers, and lets go of those that have nothing to do. */
  flush(): void {
    for (const trip of this.#trips) trip.go();
    while (
      this.#over === undefined &&
      this.#wants > this.#askings.size &&
      this.#trips.size + this.#askings.size < this.#tripsMax
    ) {
      const asking = new TripAsking(this.runtime, this.#terms, this);
      this.#askings.add(asking);
      asking.ask();
      if (asking.hasFailed) return;
    }
  }

  /** Nobody waits for any of them any more. */
  giveUp(error: unknown, how: CallOutcome): void {
    if (this.#over !== undefined) return;
    this.#over = { error, how };
    const items = this.#takePending();
    for (const asking of this.#askings) asking.giveUp();
    this.#askings.clear();
    for (const trip of this.#trips) items.push(...trip.giveUp());
    for (const item of items) item.fail(error, how);
  }

  // ---------------------------------------------------------------- as its trips see it

  /** Items for the next batch of that trip, if a worker that owes answers to `owed` batches is to have one more. */
  next(trip: Trip, owed: number, { name, pipe }: Exchange['worker']): Batch | undefined {
    const left = this.#left;
    const { takesSeveral } = pipe;
    const limit = takesSeveral ? Math.min(this.#pace.limit, this.#share) : 1;
    if (left === 0 || owed >= (limit > 1 || (this.#pace.isQuick && takesSeveral) ? batchesMax() : 1)) return undefined;
    // What is more than one has time: the more come together, the less each costs.
    if (owed > 0 && left < limit) return undefined;
    const items: BatchItem[] = [];
    const { clock } = this.runtime;
    const now = clock.now();
    let chars = 0;
    for (; items.length < limit && this.#sent < this.#pending.length; this.#sent++) {
      const item = this.#pending[this.#sent] as BatchItem;
      // It has timed out where it waited.
      if (item.isDone) continue;
      chars += item.text.length + 1;
      if (items.length > 0 && chars > this.#room) break;
      item.sentAt = now;
      item.waitedMs = trip.waitOf(item);
      items.push(item);
    }
    if (this.runtime.news.tellsOfEnds) for (const item of items) this.#sentTo.set(item, name);
    if (this.#sent === this.#pending.length || this.#sent >= FORGOTTEN) {
      this.#pending = this.#pending.slice(this.#sent);
      this.#sent = 0;
    }
    return items.length === 0 ? undefined : new Batch(this.#terms, items, this);
  }

  /** Whether a trip that began then is over: nothing more is to be sent on it. */
  isOver(since: number): boolean {
    const { runtime } = this;
    if (this.#over !== undefined) return true;
    // At the pool's end whoever was there is served, and would get no other worker.
    if (runtime.endedBy !== undefined) return false;
    return runtime.askers.size > this.#askings.size || runtime.clock.now() - since >= TRIP_MS;
  }

  /** Returns from when on there has been no trip until `now`; `Infinity` where there is one. */
  onGranted(asking: TripAsking, now: number): number {
    this.#askings.delete(asking);
    // One whose time was up before is not to be begun: it would be behind others, where nobody takes it for late.
    this.#timeLimit?.look(now);
    const from = this.#trips.size === 0 ? this.#servedUntil : Number.POSITIVE_INFINITY;
    this.#trips.add(asking.holder);
    return from;
  }

  onAskingFailed(asking: TripAsking, error: unknown, how: CallOutcome): void {
    this.#askings.delete(asking);
    // Others go on, and ask again in their time.
    if (this.#trips.size > 0 || this.#askings.size > 0) return;
    const items = this.#takePending();
    for (const item of items) item.fail(error, how);
  }

  /** A trip has nothing to do, or is over. */
  onIdle(): void {
    const { flushing } = this.runtime;
    if (flushing.has(this)) return;
    flushing.add(this);
    // Once whoever waits for the results has taken those that are there, and with them the next items.
    atTurnsEnd(() => {
      flushing.delete(this);
      this.flush();
    });
  }

  onEnded(trip: Trip): void {
    this.#trips.delete(trip);
    this.#servedUntil = this.now();
    this.onIdle();
  }

  now(): number {
    return this.runtime.clock.now();
  }

  onTook(calls: number, tookUs: number, longestUs: number): void {
    this.#pace.took(calls, tookUs, longestUs);
    this.concurrency = this.#terms.concurrency ?? this.#useful;
  }

  onUnbegun(items: readonly BatchItem[]): void {
    if (items.length === 0) return;
    // One that was lost with them has given up the map.
    if (this.#over !== undefined) {
      for (const item of items) item.fail(this.#over.error, this.#over.how);
      return;
    }
    this.runtime.retries.moved += items.length;
    const pending = this.#takePending();
    // Behind those of batches that were sent before theirs, which are lost first.
    const back = pending.findLastIndex(({ moves }) => moves > 0) + 1;
    this.#pending = pending.toSpliced(back, 0, ...items);
    for (const item of items) item.sentAt = undefined;
    this.onIdle();
  }

  /** How many each slot has use for: one runs and one waits, and of short calls a batch runs and others come and go. */
  get #useful(): number {
    const { limit } = this.#pace;
    return this.#tripsMax * (limit === 1 ? 2 : Math.min(4 * limit, USEFUL_MAX));
  }

  /** Of the concurrency, what falls to each slot, shared by the batches that it may have. */
  get #share(): number {
    return Math.max(1, Math.floor(this.concurrency / (batchesMax() * this.#tripsMax)));
  }

  /** How many trips more there is work for. */
  get #wants(): number {
    return Math.ceil(this.#left / Math.max(1, Math.min(this.#pace.limit, this.#share)));
  }

  /** How many are taken and not sent. */
  get #left(): number {
    return this.#pending.length - this.#sent;
  }

  /** Those that are taken and not sent, for the caller to see to. */
  #takePending(): BatchItem[] {
    const items = this.#pending.slice(this.#sent);
    this.#pending = [];
    this.#sent = 0;
    return items;
  }

  /**
   * What says when an item is late that gives up itself alone. What it waits behind others of its map does not count: that it
   * was taken so early, or sent behind them, was the map's choice. So late are those that run, or that no worker is there
   * for; and of the others none sooner than if it came to run now.
   */
  #dues(ms: number, now: number): (item: BatchItem) => number {
    const begun = this.#begun();
    const served = this.#trips.size > 0 ? now : this.#servedUntil;
    return (item) => {
      const { askedAt, sentAt, waitedMs } = item;
      return sentAt === undefined ? Math.max(askedAt, served) + ms : (begun.get(item) ?? now) + ms - waitedMs;
    };
  }

  /** Those that Python runs, and since when. */
  #begun(): ReadonlyMap<BatchItem, number> {
    const running = [...this.#trips].flatMap((trip) => trip.running ?? []);
    return new Map(running.map(({ batch, index }) => [batch.items[index] as BatchItem, batch.begunAt]));
  }

  #failLate(late: readonly BatchItem[]): void {
    const begun = this.#terms.keepGoing ? this.#begun() : undefined;
    for (const item of late) item.fail(this.#timeout(item, begun?.get(item)), 'timedOut');
    if (begun !== undefined) {
      for (const trip of this.#trips) trip.passOver();
      return;
    }
    // All before them are settled, and nothing behind an error is of use.
    this.giveUp(new DOMException('An item of map() took too long.', 'AbortError'), 'aborted');
  }

  /** @param begunAt When Python came to it, where what it waited behind others is not of its time. */
  #timeout({ askedAt, sentAt }: BatchItem, begunAt = sentAt): PoolError {
    const now = this.runtime.clock.now();
    if (sentAt === undefined || begunAt === undefined) return this.runtime.queueTimeout(now - askedAt);
    return new CallTimeoutError({
      call: this.#terms.name,
      timeoutMs: this.#terms.timeoutMs as number,
      waitedMs: Math.round(begunAt - askedAt),
      ranMs: Math.round(now - begunAt),
      attempts: 1,
      isOfAttempt: false,
      cause: undefined,
    });
  }

  /** As `tellOfEnd` does of a call. Of what was sent before somebody listened nothing is told. */
  #tellOfEnd(item: BatchItem, how: CallOutcome, error: unknown): void {
    const worker = item.sentAt === undefined ? undefined : this.#sentTo.get(item);
    if (item.sentAt !== undefined && worker === undefined) return;
    const { name, context } = this.#terms;
    const now = this.runtime.clock.now();
    const sentAt = item.sentAt ?? now;
    const [waitedMs, ranMs] = [sentAt - item.askedAt, now - sentAt];
    this.runtime.news.emit('call.ended', { name, how, worker, waitedMs, ranMs, error, context });
  }
}

/**
 * So many batches of one worker may be unanswered: one is run, one is in the pipe behind it, and one is with Node, if the
 * two have time to work at once. Where they have that of one processor, the larger the batches, the better.
 */
export function batchesMax(): number {
  return processors().count > 1 ? 3 : 2;
}

/** A batch has no more, unless it is one item alone. */
const BATCH_CHARS_MAX = 64 * 1024;
/** More for each slot save next to nothing. */
const USEFUL_MAX = 64;
/** Of those that are sent, so many are kept at the most. */
const FORGOTTEN = 1_024;
/** So that whoever looks after the workers gets to see them. */
const TRIP_MS = 10;
