import { AsyncResource } from 'node:async_hooks';
import { type AnyIterator, Source } from '../base/source.js';
import { FunctionReleasedError, type PoolError } from '../errors.js';
import { elsewhere } from '../objects/given-handles.js';
import { dropUnread, type HandleOwner, remoteOf } from '../objects/handle.js';
import type { Kept } from '../objects/keep.js';
import { nextTurn } from '../time/turn.js';
import {
  encodeAnswer,
  encodeAnswerError,
  encodeItems,
  encodeItemsEnd,
  encodeSaid,
  itemsRoom,
  type PullMessage,
} from '../wire/message.js';
import { ThrownErrors } from '../wire/thrown.js';
import { type Encoded, type EncodedItem, encodeItem, lengthOf, type ValueLimits } from '../wire/value.js';
import type { WorkerHand } from '../worker/worker-hand.js';

/** The call in whose name Python asks for something. */
export interface AskingCall {
  readonly name: string;
  /** Where it runs. */
  readonly worker: WorkerHand | undefined;
  /** Runs something of the caller's that Python has asked for, and tells what it comes to. */
  run<T>(run: () => T): Promise<Awaited<T>>;
  /** Says something that belongs to the call, if it is still under way. */
  say(encode: (id: number) => string, bin?: readonly Uint8Array[]): void;
}

/** The functions and iterables among a call's arguments: Python uses them while the call runs, and but for kept ones no longer. */
export class LiveArguments {
  /** What its functions threw at Python. */
  readonly thrown = new ThrownErrors();
  readonly limits: ValueLimits;
  /** Python has waited for items where it stands, which holds up its worker, and may do so again at any moment. */
  hasBlocked = false;
  readonly #functions: ((...args: unknown[]) => unknown)[] = [];
  readonly #iterables: (Iterable<unknown> | AsyncIterable<unknown>)[] = [];
  readonly #inputs = new Map<number, Input>();
  /** Those that outlive the call, and where they are among its arguments. */
  readonly #kept = new Map<Kept, string>();
  /** The async context of the caller: what reads the line is in one of its own. */
  readonly scope = new AsyncResource('pythonarium');
  /** How many of the functions run. */
  #running = 0;
  #isOver = false;

  constructor(limits: ValueLimits) {
    this.limits = limits;
  }

  onFunction(given: (...args: unknown[]) => unknown): number {
    return indexIn(this.#functions, given);
  }

  onIterable(given: Iterable<unknown> | AsyncIterable<unknown>): number {
    return indexIn(this.#iterables, given);
  }

  onKept(given: Kept, path: string): number {
    this.#kept.set(given, path);
    return given.number;
  }

  /** Why the call cannot be sent any more, now that its turn has come. */
  refusal(call: string): PoolError | undefined {
    for (const [kept, path] of this.#kept) if (kept.isReleased) return new FunctionReleasedError({ path, call });
    return undefined;
  }

  /** The call was sent, by that lease or session. */
  onSent(worker: WorkerHand, owner: HandleOwner | undefined): void {
    if (owner !== undefined) for (const kept of this.#kept.keys()) worker.keep(kept, owner);
  }

  /** Python calls the function of that index. False: there is none. */
  call(index: number, number: number, args: readonly unknown[], call: AskingCall): boolean {
    const called = this.#functions[index];
    if (called === undefined) return false;
    if (!this.#isOver) void this.scope.runInAsyncScope(() => this.#answer(called, number, args, call));
    return true;
  }

  /** Python calls a kept function; `undefined`: one that was released as it did. */
  callKept(kept: Kept | undefined, number: number, args: readonly unknown[], call: AskingCall): void {
    if (kept === undefined) dropUnread(args);
    const called = (...given: unknown[]) => {
      if (kept === undefined) throw new FunctionReleasedError();
      return kept.call(given);
    };
    const answer = () => this.#answer(called, number, args, call);
    if (!this.#isOver) void (kept === undefined ? answer() : kept.scope.runInAsyncScope(answer));
  }

  /**
   * Python has room for so many more items of an iterable. False: there is none.
   *
   * @param block Takes note that Python waits for them where it stands, and returns what ends that.
   */
  pull({ input: index, items, blocks = false }: PullMessage, call: AskingCall, block: () => () => void): boolean {
    const given = this.#iterables[index];
    if (given === undefined) return false;
    if (this.#isOver) return true;
    this.hasBlocked ||= blocks;
    let input = this.#inputs.get(index);
    if (input === undefined) {
      input = new Input(index, given, this, call);
      this.#inputs.set(index, input);
    }
    input.pull(items, blocks ? block : undefined);
    return true;
  }

  /** Python may wait for an answer, or for items. */
  get isOwing(): boolean {
    return this.#running > 0 || [...this.#inputs.values()].some(({ isOwing }) => isOwing);
  }

  /** The call is over: sources that were begun are closed. */
  close(): void {
    this.#isOver = true;
    for (const input of this.#inputs.values()) this.scope.runInAsyncScope(() => input.close());
  }

  async #answer(called: (...args: unknown[]) => unknown, number: number, args: readonly unknown[], call: AskingCall) {
    this.#running += 1;
    try {
      // A function that returns nothing returns None.
      const value = (await call.run(() => called(...args))) ?? null;
      const { text, bin } = this.encode({ value }, 'what a function answers Python', call);
      call.say((id) => encodeAnswer(id, number, text), bin);
    } catch (error) {
      const told = this.tell(error);
      call.say((id) => encodeAnswerError(id, number, told));
    } finally {
      this.#running -= 1;
    }
  }

  /** Values as they are said to Python, of which an error tells as `what`. */
  encode(fields: Parameters<typeof encodeSaid>[0], what: string, call: AskingCall): Encoded {
    const onHandle = (found: object) => handleFor(call.worker, found);
    return encodeSaid(fields, { call: call.name, what }, this.limits, { onHandle });
  }

  /** What was thrown, as it crosses. */
  tell(thrown: unknown): string {
    return this.thrown.encode(thrown, this.limits.messageBytesMax - ENVELOPE_BYTES);
  }
}

/** The number of a handle in what a function answers, or an iterable yields; or why it cannot cross. */
function handleFor(worker: WorkerHand | undefined, found: object): number | string | undefined {
  const remote = remoteOf(found);
  if (remote === undefined) return undefined;
  if (remote.ended !== undefined) return `is a handle of ${JSON.stringify(remote.className)} that is of no more use.`;
  return remote.worker === worker ? remote.number : elsewhere(remote, 'this call runs in another');
}

/** One iterable on its way to Python: never read further than Python has room for. */
class Input {
  readonly #index: number;
  readonly #live: LiveArguments;
  readonly #call: AskingCall;
  /** How many characters of items a message has room for. */
  readonly #charsMax: number;
  readonly #source: Source;
  #room = 0;
  /** How many have been sent. */
  #sent = 0;
  /** The sizes of the items that Python has not asked to replace yet, and their sum. */
  readonly #sizes: number[] = [];
  #bytes = 0;
  /** Those that are to go together, as they were when they were yielded; what `rich` says of them; how many characters that is. */
  #texts: string[] = [];
  #rich: string[] = [];
  #chars = 0;
  #isRunning = false;
  #isClosed = false;
  /** Ends that Python waits for the next where it stands; absent while it does not. */
  #unblock: (() => void) | undefined;

  constructor(index: number, given: Iterable<unknown> | AsyncIterable<unknown>, live: LiveArguments, call: AskingCall) {
    this.#index = index;
    this.#live = live;
    this.#call = call;
    this.#charsMax = itemsRoom(live.limits);
    this.#source = new Source(() => iteratorOf(given));
  }

  pull(items: number, block: (() => () => void) | undefined): void {
    for (const size of this.#sizes.splice(0, items)) this.#bytes -= size;
    this.#room += items;
    // What it has not read is on its way, and lets it go on.
    if (!this.#isClosed && this.#sizes.length === 0) this.#unblock ??= block?.();
    if (!this.#isRunning && !this.#isClosed) this.#start();
  }

  /** Python has room for items that have not come. */
  get isOwing(): boolean {
    return this.#room > 0 && !this.#isClosed;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#goOn();
    // What goes wrong in closing is nobody's to hear any more.
    this.#source.close().catch(() => {});
  }

  #start(): void {
    void this.#live.scope.runInAsyncScope(() => this.#call.run(() => this.#run()));
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      while (!this.#isClosed && this.#room > this.#texts.length && this.#bytes < AHEAD_BYTES_MAX) {
        let result = this.#source.next();
        if ('then' in result) {
          // What comes late lets what is there go.
          const late = await Promise.race([
            result,
            new Promise<undefined>((resolve) => nextTurn(() => resolve(undefined))),
          ]);
          if (late === undefined) this.#send();
          result = late ?? (await result);
        }
        if (this.#isClosed) return;
        if (result.done) {
          this.#send();
          this.#isClosed = true;
          this.#say((id) => encodeItemsEnd(id, this.#index));
          return;
        }
        this.#take(result.value);
      }
      this.#send();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isRunning = false;
    }
    if (!this.#isClosed && this.#room > 0 && this.#bytes < AHEAD_BYTES_MAX) this.#start();
  }

  /** As it is now: the iterator may change it, and yield it again, before it is sent. */
  #take(value: unknown): void {
    const item = encodeItem(value, this.#texts.length, this.#live.limits);
    if (item === undefined || this.#chars + charsOf(item) > this.#charsMax) {
      // What has raw bytes or handles has a message of its own, and what is too large for that is refused.
      if (this.#texts.length === 0) {
        const what = `item ${this.#sent} of an iterable among the arguments`;
        return this.#sendItems(1, this.#live.encode({ values: [value] }, what, this.#call));
      }
      this.#send();
      return this.#take(value);
    }
    this.#texts.push(item.json);
    if (item.rich !== '') this.#rich.push(item.rich);
    // With a comma behind each.
    this.#chars += charsOf(item) + 2;
    // The first goes by itself, so that Python has something to do.
    if (this.#sent === 0 || this.#texts.length === BATCH_ITEMS || this.#chars >= BATCH_CHARS) this.#send();
  }

  #send(): void {
    const [texts, rich] = [this.#texts, this.#rich];
    if (texts.length === 0) return;
    this.#texts = [];
    this.#rich = [];
    this.#chars = 0;
    if (this.#isClosed) return;
    const told = rich.length === 0 ? '' : `,"rich":[${rich.join()}]`;
    this.#sendItems(texts.length, { text: `"values":[${texts.join()}]${told}`, bin: [] });
  }

  #sendItems(count: number, { text, bin }: Encoded): void {
    const size = lengthOf({ text, bin });
    this.#sent += count;
    this.#room -= count;
    this.#bytes += size;
    for (let item = 0; item < count; item += 1) this.#sizes.push(size / count);
    this.#say((id) => encodeItems(id, this.#index, text), bin);
  }

  /** The items before the error are sent first. */
  #fail(error: unknown): void {
    if (this.#isClosed) return;
    this.#send();
    this.close();
    const text = this.#live.tell(error);
    this.#say((id) => encodeItemsEnd(id, this.#index, text));
  }

  #say(...said: Parameters<AskingCall['say']>): void {
    this.#goOn();
    this.#call.say(...said);
  }

  /** Python does, if it has waited. */
  #goOn(): void {
    this.#unblock?.();
    this.#unblock = undefined;
  }
}

function charsOf({ json, rich }: EncodedItem): number {
  return json.length + rich.length;
}

function iteratorOf(given: Iterable<unknown> | AsyncIterable<unknown>): AnyIterator {
  const asynchronous = (given as AsyncIterable<unknown>)[Symbol.asyncIterator]?.();
  const iterator = asynchronous ?? ((given as Iterable<unknown>)[Symbol.iterator]() as AnyIterator);
  if (typeof iterator?.next === 'function') return iterator;
  // An asynchronous function makes a promise of one, of which nobody hears any more.
  (async () => iterator)().catch(() => {});
  throw new TypeError('What is to be iterated over makes an iterator without a `next` method.');
}

function indexIn<T>(list: T[], item: T): number {
  const at = list.indexOf(item);
  return at === -1 ? list.push(item) - 1 : at;
}

/** What is around what was thrown in its message, generously. */
const ENVELOPE_BYTES = 128;
const BATCH_ITEMS = 256;
const BATCH_CHARS = 64 * 1024;
/** Items that Python has not read may be so large together, and then one more batch. */
const AHEAD_BYTES_MAX = 1024 * 1024;
