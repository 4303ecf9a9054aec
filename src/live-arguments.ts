import { encodeAnswer, encodeAnswerError, encodeItems, encodeItemsEnd } from './wire/message.js';
import type { Encoded } from './wire/value.js';

/** Says something that belongs to a call under way, if it still is. */
export type Say = (encode: (id: number) => string, bin?: readonly Uint8Array[]) => void;

/** How values are encoded that answer Python: `"value":…` or `"values":[…]`. */
export type EncodeAnswer = (fields: { readonly value: unknown } | { readonly values: readonly unknown[] }) => Encoded;

/** Tells what was thrown, as it crosses. */
export type TellThrown = (thrown: unknown) => string;

/** The functions and iterables among a call's arguments: Python uses them while the call runs, and no longer. */
export class LiveArguments {
  readonly #functions: ((...args: unknown[]) => unknown)[] = [];
  readonly #iterables: (Iterable<unknown> | AsyncIterable<unknown>)[] = [];
  readonly #inputs = new Map<number, Input>();
  readonly #encode: EncodeAnswer;
  readonly #tell: TellThrown;
  /** How many of the functions run. */
  #running = 0;
  #isOver = false;

  constructor(encode: EncodeAnswer, tell: TellThrown) {
    this.#encode = encode;
    this.#tell = tell;
  }

  onFunction(given: (...args: unknown[]) => unknown): number {
    return indexIn(this.#functions, given);
  }

  onIterable(given: Iterable<unknown> | AsyncIterable<unknown>): number {
    return indexIn(this.#iterables, given);
  }

  /** Python calls the function of that index. False: there is none. */
  call(index: number, number: number, args: readonly unknown[], run: Run, say: Say): boolean {
    const called = this.#functions[index];
    if (called === undefined) return false;
    if (this.#isOver) return true;
    this.#running += 1;
    const answer = async () => {
      try {
        // A function that returns nothing returns None.
        const { text, bin } = this.#encode({ value: (await run(() => called(...args))) ?? null });
        say((id) => encodeAnswer(id, number, text), bin);
      } catch (error) {
        say((id) => encodeAnswerError(id, number, this.#tell(error)));
      } finally {
        this.#running -= 1;
      }
    };
    void answer();
    return true;
  }

  /** Python has room for so many more items of the iterable of that index. False: there is none. */
  pull(index: number, items: number, say: Say): boolean {
    const given = this.#iterables[index];
    if (given === undefined) return false;
    if (this.#isOver) return true;
    let input = this.#inputs.get(index);
    if (input === undefined) {
      input = new Input(index, given, { encode: this.#encode, tell: this.#tell, say });
      this.#inputs.set(index, input);
    }
    input.pull(items);
    return true;
  }

  /** Python may wait for an answer, or for items. */
  get isOwing(): boolean {
    return this.#running > 0 || [...this.#inputs.values()].some(({ isOwing }) => isOwing);
  }

  /** The call is over: sources that were begun are closed. */
  close(): void {
    this.#isOver = true;
    for (const input of this.#inputs.values()) input.close();
  }
}

/** How a function is run that Python has called. */
export type Run = <T>(called: () => T) => T;

/** One iterable on its way to Python: never read further than Python has room for. */
class Input {
  readonly #index: number;
  readonly #source: Source;
  readonly #ways: Ways;
  #room = 0;
  /** The sizes of the items that Python has not asked to replace yet, and their sum. */
  readonly #sizes: number[] = [];
  #bytes = 0;
  /** How large an item was in the last message. The first has one of its own. */
  #itemBytes = BATCH_BYTES;
  #isRunning = false;
  #isClosed = false;

  constructor(index: number, given: Iterable<unknown> | AsyncIterable<unknown>, ways: Ways) {
    this.#index = index;
    this.#ways = ways;
    this.#source = sourceOf(given);
  }

  pull(items: number): void {
    for (const size of this.#sizes.splice(0, items)) this.#bytes -= size;
    this.#room += items;
    if (!this.#isRunning) void this.#run();
  }

  /** Python has room for items that have not come. */
  get isOwing(): boolean {
    return this.#room > 0 && !this.#isClosed;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // What goes wrong in closing is nobody's to hear any more.
    (async () => this.#source.return?.())().catch(() => {});
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    const batch: unknown[] = [];
    try {
      while (!this.#isClosed && this.#room > batch.length && this.#bytes < AHEAD_BYTES_MAX) {
        let result = this.#source.next();
        if ('then' in result) {
          // What comes late lets what is there go.
          const late = await Promise.race([result, nextTurn()]);
          if (late === undefined && batch.length > 0) this.#send(batch);
          result = late ?? (await result);
        }
        if (this.#isClosed) return;
        if (result.done) {
          this.#send(batch);
          this.#isClosed = true;
          this.#ways.say((id) => encodeItemsEnd(id, this.#index));
          return;
        }
        batch.push(result.value);
        if (batch.length >= Math.min(BATCH_ITEMS, BATCH_BYTES / this.#itemBytes)) this.#send(batch);
      }
      this.#send(batch);
    } catch (error) {
      this.#fail(batch, error);
    } finally {
      this.#isRunning = false;
    }
    if (!this.#isClosed && this.#room > 0 && this.#bytes < AHEAD_BYTES_MAX) void this.#run();
  }

  #send(batch: unknown[]): void {
    if (batch.length === 0 || this.#isClosed) return;
    const values = batch.splice(0);
    const { text, bin } = this.#ways.encode({ values });
    const size = bin.reduce((sum, { byteLength }) => sum + byteLength, text.length);
    this.#itemBytes = size / values.length;
    this.#room -= values.length;
    this.#bytes += size;
    for (const _ of values) this.#sizes.push(this.#itemBytes);
    this.#ways.say((id) => encodeItems(id, this.#index, text), bin);
  }

  /** The items before the error are sent first. */
  #fail(batch: unknown[], error: unknown): void {
    if (this.#isClosed) return;
    let told = error;
    try {
      this.#send(batch);
    } catch (refused) {
      told = refused;
    }
    this.close();
    this.#ways.say((id) => encodeItemsEnd(id, this.#index, this.#ways.tell(told)));
  }
}

interface Ways {
  readonly encode: EncodeAnswer;
  readonly tell: TellThrown;
  readonly say: Say;
}

interface Source {
  next(): IteratorResult<unknown> | Promise<IteratorResult<unknown>>;
  return?(): unknown;
}

function sourceOf(given: Iterable<unknown> | AsyncIterable<unknown>): Source {
  const asynchronous = (given as AsyncIterable<unknown>)[Symbol.asyncIterator]?.();
  return asynchronous ?? ((given as Iterable<unknown>)[Symbol.iterator]() as Source);
}

function indexIn<T>(list: T[], item: T): number {
  const at = list.indexOf(item);
  return at === -1 ? list.push(item) - 1 : at;
}

function nextTurn(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(resolve, undefined));
}

const BATCH_ITEMS = 256;
const BATCH_BYTES = 64 * 1024;
/** Items that Python has not read may be so large together, and then one more batch. */
const AHEAD_BYTES_MAX = 1024 * 1024;
