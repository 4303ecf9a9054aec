import type { HeldReplies } from '../process/start-mark.js';
import type { PoolClock } from '../time/clock.js';
import { whenPolled } from '../time/polled.js';
import { parseLine } from '../wire/fields.js';
import { messageOf, type ReplyMessage } from '../wire/message.js';

/**
 * Looks for replies that Python holds back for longer than it means to: it writes them before anything that it knows to
 * be slow, and after the next call otherwise, which may hang all the same.
 */
export class HeldReplyWatch {
  readonly #clock: PoolClock;
  readonly #hands: HeldReplyHands;
  /** Set while it looks. */
  #timer: unknown;
  #isOver = false;
  #state: bigint | undefined;
  /** The requests whose replies were taken before Python has sent them. */
  readonly #taken = new Set<number>();

  constructor(clock: PoolClock, hands: HeldReplyHands) {
    this.#clock = clock;
    this.#hands = hands;
  }

  /** Requests wait behind each other from now on. */
  begin(): void {
    if (this.#timer !== undefined || this.#isOver) return;
    this.#state = undefined;
    this.#later();
  }

  /** Python has sent the reply to that request. False: it was not taken before. */
  sent(id: number): boolean {
    return this.#taken.delete(id);
  }

  /** There is nothing more to come. */
  end(): void {
    this.#isOver = true;
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
  }

  #later(): void {
    this.#timer = this.#clock.setTimeout(() => this.#look(), LOOK_MS);
  }

  #look(): void {
    this.#timer = undefined;
    if (!this.#hands.hasSeveral()) return;
    const held = this.#hands.read();
    const isSame = held?.state === this.#state;
    this.#state = held?.state;
    if (held !== undefined && held.lines.length > 0 && isSame) this.#take(held);
    this.#later();
  }

  /** What Python wrote before it held these comes first. */
  #take(held: HeldReplies): void {
    whenPolled(() => {
      if (this.#hands.read()?.state !== held.state) return;
      for (const reply of repliesIn(held.lines)) {
        if (!this.#hands.isOwed(reply.id)) continue;
        this.#hands.onReply(reply);
        this.#taken.add(reply.id);
      }
    });
  }
}

/** The replies that these lines are, which Python holds. */
export function repliesIn(lines: readonly string[]): ReplyMessage[] {
  const replies: ReplyMessage[] = [];
  for (const line of lines) {
    try {
      const message = messageOf(parseLine(line));
      if (message.type === 'reply') replies.push(message);
    } catch {
      break; // Whoever crashes may have written anywhere.
    }
  }
  return replies;
}

/** What a watch asks, and tells. */
export interface HeldReplyHands {
  /** Whether more than one request waits for its answer, so that a reply may wait for another. */
  readonly hasSeveral: () => boolean;
  readonly read: () => HeldReplies | undefined;
  readonly isOwed: (id: number) => boolean;
  /** Python has given that reply, and not sent it yet. */
  readonly onReply: (reply: ReplyMessage) => void;
}

/** A reply that is seen twice has been held for that long. */
const LOOK_MS = 5;
