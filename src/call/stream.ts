import { OptionError } from '../errors.js';
import { dropUnread } from '../objects/handle.js';
import { UnreadObjects } from '../objects/unread.js';
import type { KeepAlive } from '../time/keep-alive.js';
import type { Call, CallExtras, CallOutcome } from './call.js';
import { CALL_OPTIONS, type CallOptions } from './call-options.js';

/** How a stream is read. */
export interface StreamOptions extends CallOptions {
  /** How many items Python may be ahead of the reader, from 1 to 1,000,000. Default: 1,024; and never more than 1 MiB. */
  readonly highWaterMark?: number | undefined;
}

/** What Python may send unread. */
export interface Room {
  readonly items: number;
  readonly bytes: number;
}

/** @throws OptionError (`ERR_OPTION`). */
export function roomFor(highWaterMark: number = HIGH_WATER_MARK): Room {
  if (!Number.isInteger(highWaterMark) || highWaterMark < 1 || highWaterMark > HIGH_WATER_MARK_MAX) {
    throw new OptionError({
      option: 'highWaterMark',
      expected: `an integer from 1 to ${HIGH_WATER_MARK_MAX}`,
      got: highWaterMark,
    });
  }
  return { items: highWaterMark, bytes: ROOM_BYTES };
}

/**
 * The items of one call, read one after the other. The call is made when the first is asked for; leaving the loop gives
 * it up, and so closes the generator in Python.
 */
export class Stream<T> implements AsyncIterableIterator<T, undefined> {
  readonly #start: (stream: CallExtras['stream']) => Call;
  readonly #room: Room;
  readonly #seen: (error: unknown) => unknown;
  readonly #keepAlive: KeepAlive;
  /** What has come and was not read, the first batch read up to `#at`. */
  readonly #batches: { readonly values: readonly unknown[]; readonly bytes: number }[] = [];
  #at = 0;
  readonly #readers: Reader<T>[] = [];
  #call: Call | undefined;
  #readItems = 0;
  #readBytes = 0;
  #end: Ending | undefined;
  /** Of what was unread when it ended. Absent where there can be none. */
  #unreadObjects: UnreadObjects | undefined;

  /**
   * @param seen What the reader is to see of an error.
   * @param keepAlive Held while somebody waits for an item. An open stream that nobody waits on keeps no program running.
   */
  constructor(
    room: Room,
    start: (stream: CallExtras['stream']) => Call,
    seen: (error: unknown) => unknown,
    keepAlive: KeepAlive,
  ) {
    this.#seen = seen;
    this.#keepAlive = keepAlive;
    this.#room = room;
    this.#start = start;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const batch = this.#batches[0];
    if (batch !== undefined) return Promise.resolve({ value: this.#take(batch) as T, done: false });
    if (this.#end !== undefined) return this.#ended(this.#end);
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      this.#keepAlive.hold();
      this.#begin();
    });
  }

  /** What leaving the loop does. It does not wait for Python. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#leaveUnread();
    this.#end = {};
    this.#call?.leave();
    this.#serveAll(() => DONE);
    return Promise.resolve(DONE);
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    void this.return();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** @internal */
  get isWaiting(): boolean {
    return this.#readers.length > 0;
  }

  /** @internal */
  onItems(values: readonly unknown[], bytes: number): void {
    if (values.length === 0 || this.#end !== undefined) return;
    this.#batches.push({ values, bytes });
    for (let batch = this.#batches[0]; batch !== undefined && this.isWaiting; batch = this.#batches[0]) {
      this.#serve({ value: this.#take(batch) as T, done: false });
    }
  }

  #begin(): void {
    if (this.#call !== undefined) return;
    try {
      const call = this.#start(this);
      this.#call = call;
      let how: CallOutcome | undefined;
      call.onSettled((outcome) => {
        how = outcome;
      });
      call.promise.then(
        () => this.#finish({}),
        (error: unknown) => {
          // What came before an error of Python's is read first. Who has given up waits for nothing.
          if (how === 'timedOut' || how === 'aborted') this.#leaveUnread();
          this.#finish({ error });
        },
      );
    } catch (error) {
      this.#finish({ error });
    }
  }

  /** What has come is read no further. */
  #leaveUnread(): void {
    if (this.#unreadObjects === undefined) dropUnread(this.#unread());
    else this.#unreadObjects.drop();
    this.#batches.length = 0;
    this.#at = 0;
  }

  /** What has come and was not read, if objects can be in it. Without a lease or a session none can have come. */
  #unread(): readonly unknown[] {
    const call = this.#call;
    const owner = call?.caller?.owner;
    if (owner === undefined || !call?.worker?.hasObjectsOf(owner)) return [];
    return this.#batches.flatMap(({ values }) => values).slice(this.#at);
  }

  #take(batch: { readonly values: readonly unknown[]; readonly bytes: number }): unknown {
    const value = batch.values[this.#at];
    this.#at += 1;
    this.#unreadObjects?.read();
    if (this.#at === batch.values.length) {
      this.#at = 0;
      this.#batches.shift();
      this.#readItems += batch.values.length;
      this.#readBytes += batch.bytes;
      this.#makeRoom();
    }
    return value;
  }

  /** Python is told of room in halves, so that a fast reader costs few messages and a slow one never makes it wait long. */
  #makeRoom(): void {
    const [items, bytes] = [this.#readItems, this.#readBytes];
    if (2 * items < this.#room.items && 2 * bytes < this.#room.bytes) return;
    this.#readItems = 0;
    this.#readBytes = 0;
    this.#call?.credit(items, bytes);
  }

  #finish(end: Ending): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    const unread = this.#unread();
    if (unread.length > 0) this.#unreadObjects = new UnreadObjects(this, unread);
    this.#serveAll(() => this.#ended(this.#end as Ending));
  }

  #serveAll(result: () => ReaderResult<T>): void {
    while (this.isWaiting) this.#serve(result());
  }

  /** The one who has waited longest has that. */
  #serve(result: ReaderResult<T>): void {
    this.#readers.shift()?.resolve(result);
    this.#keepAlive.release();
  }

  /** An error is told once; after it there is nothing more. */
  #ended(end: Ending): Promise<IteratorResult<T, undefined>> {
    if (!('error' in end)) return Promise.resolve(DONE);
    this.#end = {};
    return Promise.reject(this.#seen(end.error));
  }
}

interface Ending {
  readonly error?: unknown;
}

type ReaderResult<T> = IteratorResult<T, undefined> | Promise<IteratorResult<T, undefined>>;

interface Reader<T> {
  readonly resolve: (result: ReaderResult<T>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };
const HIGH_WATER_MARK = 1024;
const HIGH_WATER_MARK_MAX = 1_000_000;
const ROOM_BYTES = 1024 * 1024;
export const STREAM_OPTIONS: ReadonlySet<string> = new Set([
  ...CALL_OPTIONS,
  ...(['highWaterMark'] satisfies (keyof StreamOptions)[]),
]);
