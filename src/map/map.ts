import { isA } from '../base/instance.js';
import { reasonOf, throwIfAborted, whenAborted } from '../base/signal.js';
import { type AnyIterator, Source } from '../base/source.js';
import type { CallOutcome } from '../call/call.js';
import { CALL_OPTIONS, type CallOptions } from '../call/call-options.js';
import { isMadeHere } from '../error-ties.js';
import { OptionError, PoolError } from '../errors.js';
import { nextTick } from '../time/turn.js';
import type { BatchItem } from './batch.js';
import type { Carrier } from './carrier.js';

/** How `map` goes over its items. */
export interface MapOptions extends CallOptions {
  /**
   * Items under way or finished and not yet consumed, at the most. Default: twice the slots, and up to 64 for each slot
   * while the function takes less than a millisecond; 1 under a lease and in a session.
   */
  readonly concurrency?: number | undefined;
  /** Whether results come in the order of the items. Default: true. */
  readonly ordered?: boolean | undefined;
  /**
   * Whether the others go on where an item fails: what is yielded is then a {@link MapOutcome} of each. What they would all
   * fail by is thrown nevertheless. Default: false, where the first error is thrown.
   */
  readonly keepGoing?: boolean | undefined;
}

/** What became of one item of a `map` that keeps going: a `PromiseSettledResult`, and which of the items it is, from 0 on. */
export type MapOutcome<T = unknown> =
  | { readonly status: 'fulfilled'; readonly index: number; readonly value: T }
  | { readonly status: 'rejected'; readonly index: number; readonly reason: unknown };

/**
 * Runs each of the items, `concurrency` at a time, and yields the results. The source is never read further than there is
 * room for, and is closed when the consumer leaves.
 *
 * @param callOne Calls one, by itself, and gives it up when the signal aborts.
 * @param carrier What takes many together, where that can be: asked for once, with the first item.
 */
export function mapCalls<T, Item = unknown>(
  callOne: (item: Item, signal: AbortSignal) => Promise<T>,
  items: Iterable<Item> | AsyncIterable<Item>,
  rules: MapRules,
  carrier: () => Carrier | undefined = () => undefined,
): AsyncIterableIterator<T, undefined> & AsyncDisposable {
  return new Mapping<T>(callOne as CallOne<T>, items, rules, carrier);
}

type CallOne<T> = (item: unknown, signal: AbortSignal) => Promise<T>;

interface MapRules {
  readonly concurrency: number;
  readonly ordered: boolean;
  readonly keepGoing?: boolean;
  readonly signal: AbortSignal | undefined;
  /** Gets each result that is there and that nobody will take. */
  readonly onUntaken?: ((result: unknown) => void) | undefined;
}

/** One item that was taken, and what came of it. */
export class MapItem implements BatchItem {
  text = '';
  moves = 0;
  askedAt = 0;
  sentAt: number | undefined;
  waitedMs = 0;
  isDone = false;
  hasFailed = false;
  /** The result, or the error. */
  outcome: unknown;
  /** The next that was taken, or the next that was done: the order in which they are yielded. */
  next: MapItem | undefined;
  /** Which of the items it is, from 0 on. */
  readonly index: number;
  readonly #mapping: Pick<Mapping<unknown>, 'onDone'>;
  /** Absent for a call of its own. */
  readonly #carrier: Carrier | undefined;

  constructor(index: number, mapping: Pick<Mapping<unknown>, 'onDone'>, carrier: Carrier | undefined) {
    this.index = index;
    this.#mapping = mapping;
    this.#carrier = carrier;
  }

  succeed(value: unknown): void {
    if (this.isDone) return;
    this.isDone = true;
    this.outcome = value;
    this.#carrier?.onSettled(this, 'answered');
    this.#mapping.onDone(this);
  }

  fail(error: unknown, how: CallOutcome = 'failed'): void {
    if (this.isDone) return;
    this.isDone = true;
    this.hasFailed = true;
    // The reason of a signal stays as it is.
    this.outcome = this.#carrier === undefined || how === 'aborted' ? error : this.#carrier.shown(error);
    this.#carrier?.onSettled(this, how, error);
    this.#mapping.onDone(this);
  }
}

/** One `map`: its source, what is under way, and whoever asks for the results. No promise is made but those for results. */
class Mapping<T> implements AsyncIterableIterator<T, undefined>, AsyncDisposable {
  readonly #callOne: CallOne<T>;
  readonly #carrierFor: () => Carrier | undefined;
  readonly #rules: MapRules;
  readonly #source: Source;
  #unwatch: (() => void) | undefined;
  #carrier: Carrier | undefined;
  /** Present once a call of its own was made: gives up all such. */
  #leaving: AbortController | undefined;
  /** Those who asked for a result that is not there. */
  readonly #readers: Reader<T>[] = [];
  /** The next to be yielded, and the last of those in line behind it; without an order only what is done is in line. */
  #first: MapItem | undefined;
  #last: MapItem | undefined;
  #taken = 0;
  #yielded = 0;
  /** Of those yielded, so many are done with: whoever had them has asked for more. */
  #consumed = 0;
  #isReading = false;
  #isDrained = false;
  #sourceEnd: { readonly error?: unknown } | undefined;
  #hasFillAhead = false;
  #isBegun = false;
  #isOver = false;

  constructor(
    callOne: CallOne<T>,
    items: Iterable<unknown> | AsyncIterable<unknown>,
    rules: MapRules,
    carrier: () => Carrier | undefined,
  ) {
    this.#callOne = callOne;
    this.#carrierFor = carrier;
    this.#source = new Source(() => iteratorOf(items));
    this.#rules = rules;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#isOver) return Promise.resolve({ value: undefined, done: true });
    try {
      if (!this.#isBegun) this.#begin();
    } catch (error) {
      return Promise.reject(error);
    }
    this.#consumed = this.#yielded;
    const item = this.#readers.length === 0 ? this.#takeDone() : undefined;
    if (item === undefined) {
      return new Promise((resolve, reject) => {
        this.#readers.push({ resolve, reject });
        this.#fill();
        this.#serve();
      });
    }
    // What else is there to be had is taken first, so that as many as can be go together.
    if (this.#carrier === undefined) this.#fill();
    else this.#fillLater();
    if (!item.hasFailed || this.#survives(item)) return Promise.resolve({ value: this.#yieldOf(item), done: false });
    return Promise.reject(this.#failedBy(item));
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    if (!this.#isOver) await this.#leave();
    return { value: undefined, done: true };
  }

  async throw(error: unknown): Promise<never> {
    if (!this.#isOver) this.#failed();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** An item has come to its end. */
  onDone(item: MapItem): void {
    if (this.#isOver) return this.#leaveUntaken(item);
    if (!this.#rules.ordered) this.#append(item);
    if (this.#readers.length > 0) this.#serve();
  }

  #begin(): void {
    this.#isBegun = true;
    const { concurrency, ordered, keepGoing = false, signal } = this.#rules;
    try {
      if (!Number.isInteger(concurrency) || concurrency < 1) {
        throw new OptionError({ option: 'concurrency', expected: 'an integer of 1 or more', got: concurrency });
      }
      if (typeof ordered !== 'boolean') {
        throw new OptionError({ option: 'ordered', expected: 'true or false', got: ordered });
      }
      if (typeof keepGoing !== 'boolean') {
        throw new OptionError({ option: 'keepGoing', expected: 'true or false', got: keepGoing });
      }
      this.#source.open();
      throwIfAborted(signal);
      this.#unwatch = signal && whenAborted(signal, this.#onAbort);
      this.#carrier = this.#carrierFor();
    } catch (error) {
      this.#failed();
      throw error;
    }
  }

  readonly #onAbort = () => {
    const reason = reasonOf(this.#rules.signal);
    this.#sourceEnd ??= { error: reason };
    this.#leaving?.abort(reason);
    this.#carrier?.giveUp(reason, 'aborted');
    this.#serve();
  };

  /** Reads the source as far as there is room. */
  #fill(): void {
    while (!this.#isOver && !this.#isReading && this.#sourceEnd === undefined && this.#hasRoom) {
      try {
        const result = this.#source.next();
        if ('then' in result) this.#read(result);
        else this.#take(result);
      } catch (error) {
        this.#sourceEnd ??= { error };
      }
    }
    this.#carrier?.flush();
  }

  get #hasRoom(): boolean {
    return this.#taken - this.#consumed < (this.#carrier?.concurrency ?? this.#rules.concurrency);
  }

  #read(reading: Promise<IteratorResult<unknown>>): void {
    this.#isReading = true;
    const read = (take: () => void) => {
      this.#isReading = false;
      try {
        take();
      } catch (error) {
        this.#sourceEnd ??= { error };
      }
      this.#fill();
      this.#serve();
    };
    reading.then(
      (result) => read(() => this.#take(result)),
      (error: unknown) =>
        read(() => {
          throw error;
        }),
    );
  }

  #take(result: IteratorResult<unknown>): void {
    if (result.done) {
      this.#isDrained = true;
      this.#sourceEnd ??= {};
      return;
    }
    if (this.#isOver) return;
    const index = this.#taken;
    this.#taken += 1;
    const text = this.#carrier?.textOf(result.value);
    const item = new MapItem(index, this, text === undefined ? undefined : this.#carrier);
    if (this.#rules.ordered) this.#append(item);
    if (text === undefined) return this.#call(item, result.value);
    item.text = text;
    this.#carrier?.add(item);
  }

  #call(item: MapItem, value: unknown): void {
    this.#leaving ??= this.#newLeaving();
    const { signal } = this.#leaving;
    // What it throws at once, such as a value that cannot cross, is that item's outcome like any other.
    new Promise<T>((resolve) => resolve(this.#callOne(value, signal))).then(
      (result) => item.succeed(result),
      (error: unknown) => item.fail(error),
    );
  }

  #newLeaving(): AbortController {
    const { signal } = this.#rules;
    const leaving = new AbortController();
    // A source that was being read as that aborted may yield one more.
    if (signal?.aborted) leaving.abort(reasonOf(signal));
    return leaving;
  }

  /** Once whoever takes results has taken all that are there. */
  #fillLater(): void {
    if (this.#hasFillAhead) return;
    this.#hasFillAhead = true;
    nextTick(() => {
      this.#hasFillAhead = false;
      this.#fill();
      this.#serve();
    });
  }

  #append(item: MapItem): void {
    if (this.#last === undefined) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
  }

  /** The next result, if it is there. */
  #takeDone(): MapItem | undefined {
    const item = this.#first;
    if (item === undefined || !item.isDone) return undefined;
    this.#first = item.next;
    // V8 would have one that has become old keep it, and with that all that come after it, until the next full collection.
    item.next = undefined;
    if (this.#first === undefined) this.#last = undefined;
    this.#yielded += 1;
    return item;
  }

  /** Gives those who asked what there is. */
  #serve(): void {
    while (this.#readers.length > 0) {
      const item = this.#takeDone();
      const reader = this.#readers[0] as Reader<T>;
      if (item === undefined) {
        if (this.#sourceEnd === undefined || this.#taken > this.#yielded) return;
        const { error } = this.#sourceEnd;
        this.#readers.shift();
        if ('error' in this.#sourceEnd) {
          this.#failed();
          reader.reject(error);
        } else {
          void this.#leave();
          reader.resolve({ value: undefined, done: true });
        }
        return;
      }
      this.#readers.shift();
      if (item.hasFailed && !this.#survives(item)) return reader.reject(this.#failedBy(item));
      if (this.#readers.length > 0) {
        this.#consumed = this.#yielded;
        this.#fillLater();
      }
      reader.resolve({ value: this.#yieldOf(item), done: false });
    }
  }

  #yieldOf({ index, hasFailed, outcome }: MapItem): T {
    if (!this.#rules.keepGoing) return outcome as T;
    const told: MapOutcome = hasFailed
      ? { status: 'rejected', index, reason: outcome }
      : { status: 'fulfilled', index, value: outcome };
    return told as T;
  }

  /** Whether it goes on behind that item, which has failed: by what says nothing of the others. */
  #survives({ outcome }: MapItem): boolean {
    const { keepGoing, signal } = this.#rules;
    if (!keepGoing || (isA(outcome, PoolError) && HOPELESS.has(outcome.code))) return false;
    // That of a polyfill may know of no reason.
    return !signal?.aborted || (signal.reason !== undefined && outcome !== signal.reason);
  }

  /** It ends by the error of that item, which says so. The reason of its signal is nothing that the item failed by. */
  #failedBy({ outcome, index }: MapItem): unknown {
    this.#failed();
    if (outcome !== this.#rules.signal?.reason) showIndex(outcome, index);
    return outcome;
  }

  /** It ends by an error. What goes wrong in closing the source does not hide what went wrong before. */
  #failed(): void {
    this.#leave().catch(() => {});
  }

  /** Nobody wants any more. Resolves when the source is closed. */
  async #leave(): Promise<void> {
    this.#isOver = true;
    for (let item = this.#first; item !== undefined; item = item.next) this.#leaveUntaken(item);
    this.#first = undefined;
    this.#last = undefined;
    this.#unwatch?.();
    for (const { resolve } of this.#readers.splice(0)) resolve({ value: undefined, done: true });
    const reason = new DOMException('The consumer of map() left.', 'AbortError');
    this.#leaving?.abort(reason);
    this.#carrier?.giveUp(reason, 'aborted');
    if (this.#isDrained) return;
    // A source in the middle of a read closes when that is done, and need not be waited for.
    const closing = this.#source.close();
    if (this.#isReading) closing.catch(() => {});
    else await closing;
  }

  /** One that is not done yet comes here once it is. */
  #leaveUntaken({ isDone, hasFailed, outcome }: MapItem): void {
    if (isDone && !hasFailed) this.#rules.onUntaken?.(outcome);
  }
}

interface Reader<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/** Says in an error of the pool's making which item it is of. */
function showIndex(error: unknown, index: number): void {
  // One that somebody has frozen stays as it is.
  if (!isMadeHere(error) || !Object.isExtensible(error)) return;
  // One of a class of the user's may have an `index` of its own, or a field for this one.
  if (Object.getOwnPropertyDescriptor(error, 'index')?.value !== undefined) return;
  Object.defineProperty(error, 'index', { value: index, configurable: true, writable: true, enumerable: true });
}

function iteratorOf(items: Iterable<unknown> | AsyncIterable<unknown>): AnyIterator {
  if (items !== null && items !== undefined) {
    const asynchronous = (items as AsyncIterable<unknown>)[Symbol.asyncIterator]?.();
    if (asynchronous !== undefined) return asynchronous;
    const synchronous = (items as Iterable<unknown>)[Symbol.iterator]?.();
    if (synchronous !== undefined) return synchronous as AnyIterator;
  }
  throw new OptionError({ option: 'items', expected: 'an iterable or an async iterable', got: items });
}

/**
 * What says something of all items behind it: they would fail by it as well, and at once, before anything could change; or
 * meet another state than those before.
 */
const HOPELESS: ReadonlySet<PoolError['code']> = new Set([
  'ERR_OPTION',
  'ERR_NOT_EXPOSED',
  'ERR_QUEUE_FULL',
  'ERR_SESSION_LIMIT',
  'ERR_DEADLOCK',
  'ERR_POOL_CLOSED',
  'ERR_POOL_DEGRADED',
  'ERR_LEASE_ENDED',
  'ERR_SESSION_LOST',
]);
export const MAP_OPTIONS: ReadonlySet<string> = new Set([
  ...CALL_OPTIONS,
  ...(['concurrency', 'ordered', 'keepGoing'] satisfies (keyof MapOptions)[]),
]);
