import type { PingStats } from '../stats.js';
import type { PoolClock } from '../time/clock.js';

/** What a pulse does, and asks. */
export interface Pulsing {
  /** It can answer now, if it listens at all. */
  readonly canAnswer: () => boolean;
  readonly ask: (number: number) => void;
  /** It was asked and has said nothing since. */
  readonly onSilent: () => void;
}

/**
 * Asks a worker that has said nothing for a while whether it still listens. Whatever it says is an answer, so that one
 * that is busy answering calls is asked nothing.
 */
export class Pulse {
  readonly #clock: PoolClock;
  readonly #everyMs: number;
  readonly #timeoutMs: number;
  readonly #pulsing: Pulsing;
  #heardAt: number;
  /** When it was sent the ping whose own answer has not come. */
  #askedAt: number | undefined;
  /** It has said nothing since it was asked. */
  #isUnanswered = false;
  #number = 0;
  #answered: { readonly at: number; readonly tookMs: number } | undefined;
  #timer: unknown;

  /** @param clock A patient one: what a worker says while this process sleeps counts. */
  constructor(clock: PoolClock, { everyMs, timeoutMs }: { everyMs: number; timeoutMs: number }, pulsing: Pulsing) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#timeoutMs = timeoutMs;
    this.#pulsing = pulsing;
    this.#heardAt = clock.now();
    this.#wait(everyMs);
  }

  /** The last ping that was answered, and whether one waits for its answer. */
  get state(): PingStats {
    const answered = this.#answered;
    return {
      answeredMsAgo: answered === undefined ? null : Math.round(this.#clock.now() - answered.at),
      tookMs: answered === undefined ? null : answered.tookMs,
      isUnanswered: this.#isUnanswered,
    };
  }

  /** The worker has said something. */
  heard(): void {
    this.#heardAt = this.#clock.now();
    if (!this.#isUnanswered) return;
    this.#isUnanswered = false;
    this.#clock.clearTimeout(this.#timer);
    this.#wait(this.#everyMs);
  }

  /** What it has said is the answer to that ping. */
  answered(number: number): void {
    if (this.#askedAt === undefined || number !== this.#number) return;
    const at = this.#clock.now();
    this.#answered = { at, tookMs: at - this.#askedAt };
    this.#askedAt = undefined;
  }

  end(): void {
    // What it says on its way out begins nothing.
    this.#isUnanswered = false;
    this.#clock.clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    this.#timer = this.#clock.setTimeout(() => {
      const quietMs = this.#clock.now() - this.#heardAt;
      if (quietMs < this.#everyMs) return this.#wait(this.#everyMs - quietMs);
      if (!this.#pulsing.canAnswer()) return this.#wait(this.#everyMs);
      this.#ask();
    }, ms);
  }

  #ask(): void {
    this.#number += 1;
    this.#askedAt = this.#clock.now();
    this.#isUnanswered = true;
    this.#timer = this.#clock.setTimeout(() => this.#pulsing.onSilent(), this.#timeoutMs);
    this.#pulsing.ask(this.#number);
  }
}
