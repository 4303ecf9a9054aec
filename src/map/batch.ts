import type { CallOutcome } from '../call/call.js';
import type { Answer, Loss } from '../call/exchange.js';
import type { Request } from '../call/pipe.js';
import type { MappedMessage } from '../wire/message.js';
import { type EncodedRequest, type MapFrame, mapLine, requestOfItem } from '../wire/request.js';

/** One call of a batch, from when its item was taken. */
export interface BatchItem {
  /** The JSON of its argument. */
  readonly text: string;
  /** How often it was sent in vain: its worker ended before it came to it. */
  moves: number;
  readonly isDone: boolean;
  askedAt: number;
  /** When it was sent last. */
  sentAt: number | undefined;
  /** How long its map had no worker for it until then. */
  waitedMs: number;
  succeed(value: unknown): void;
  fail(error: unknown, how?: CallOutcome): void;
}

/** What a batch tells its owner. */
export interface BatchListener {
  /** The moment it is. */
  now(): number;
  /** So many were answered, which took so long, and the longest of them. */
  onTook(calls: number, tookUs: number, longestUs: number): void;
  /** An item that Python had certainly not begun with: it may be sent once more. */
  onUnbegun(items: readonly BatchItem[]): void;
}

/**
 * Calls of one function that are one request: their ids follow each other, Python runs one after the other and answers
 * each. They are given up together.
 */
export class Batch {
  readonly name: string;
  readonly frame: MapFrame;
  readonly context: Readonly<Record<string, unknown>> | undefined;
  readonly items: readonly BatchItem[];
  readonly #listener: BatchListener;
  /** How many are answered: the first ones. */
  answered = 0;
  /** When Python came to the next one, as far as Node can tell. */
  begunAt: number;

  constructor(
    { name, frame, context }: Pick<Batch, 'name' | 'frame' | 'context'>,
    items: readonly BatchItem[],
    listener: BatchListener,
  ) {
    this.name = name;
    this.frame = frame;
    this.context = context;
    this.items = items;
    this.#listener = listener;
    this.begunAt = listener.now();
  }

  /** All that was sent before it is answered. */
  begin(): void {
    this.begunAt = this.#listener.now();
  }

  /** The one that is owed the next answer; undefined once all are answered. */
  get next(): BatchItem | undefined {
    return this.items[this.answered];
  }

  get count(): number {
    return this.items.length;
  }

  get isAnswered(): boolean {
    return this.answered === this.items.length;
  }

  /** Its line, where its first call has that id. */
  lineFrom(id: number): string {
    return mapLine(
      id,
      this.frame,
      this.items.map(({ text }) => text),
    );
  }

  /** What a single call would have been that asks the same as the next one that is owed an answer. */
  requestOfNext(): EncodedRequest {
    return requestOfItem(this.frame, (this.next as BatchItem).text);
  }

  /** Whether answers are owed to so many calls from `id` on, and to that before all others. */
  owes(request: Request, id: number, answers: number): boolean {
    return id === request.id + this.answered && answers > 0 && this.answered + answers <= this.items.length;
  }

  onMapped({ values, tookUs, longestUs }: MappedMessage): void {
    for (const value of values) this.#take().succeed(value);
    this.begin();
    this.#listener.onTook(values.length, tookUs, longestUs);
  }

  /** @param tookUs Absent where Python does not say how long that call took. */
  onAnswer(answer: Answer, tookUs?: number): void {
    if ('error' in answer) this.#take().fail(answer.error);
    else this.#take().succeed(answer.value);
    this.begin();
    if (tookUs !== undefined) this.#listener.onTook(1, tookUs, tookUs);
  }

  /** Its worker will answer no more. `lossOf` tells of the call of that number in the batch. */
  onLost(lossOf: (index: number) => Loss): void {
    const unbegun: BatchItem[] = [];
    while (!this.isAnswered) {
      const { error, started, isFinal } = lossOf(this.answered);
      const item = this.#take();
      item.moves += 1;
      if (started === false && !isFinal && item.moves < MOVES_MAX) unbegun.push(item);
      else item.fail(error);
    }
    this.#listener.onUnbegun(unbegun);
  }

  #take(): BatchItem {
    const item = this.next as BatchItem;
    this.answered += 1;
    return item;
  }
}

/** As many attempts as an idempotent call has: a worker that never comes to an item may be ended by its mere sight. */
const MOVES_MAX = 3;
