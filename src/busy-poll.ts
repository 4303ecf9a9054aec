import { AsyncResource } from 'node:async_hooks';
import { processors } from './processors.js';

/**
 * Busy polling: while a worker owes an answer that may be there in a moment, Node asks its descriptors again and again
 * before it sleeps, since to sleep and to be woken takes longer than a short call. Whatever else comes meanwhile is served
 * as ever. Only while there are processors for Node and for all workers that are at work. Looking that comes to nothing is
 * left out the more often, the more often it does.
 */
export class BusyPoll {
  /** How many workers of this process owe an answer. */
  atWork = 0;
  readonly #processors: () => number;
  readonly #now: () => number;
  readonly afterPoll: (run: () => void) => void;
  #isPolling = false;
  /** Something has happened since the last look, after which an answer may come soon. */
  #isFresh = false;
  #until = 0;
  /** How many occasions are left out from here on, and how many were the last time. */
  #skips = 0;
  #skipped = 0;

  /**
   * @param processors How many there are; asked once there is something to look for.
   * @param now The time in ms.
   * @param afterPoll Has its argument called once all descriptors were asked.
   */
  constructor(processors: () => number, now: () => number, afterPoll: (run: () => void) => void) {
    this.#processors = processors;
    this.#now = now;
    this.afterPoll = afterPoll;
  }

  /** To be called when a worker was sent something, or has sent something: an answer may come soon. */
  soon(): void {
    if (!this.#hasRoom) return;
    if (this.#isPolling) {
      // It was worth it.
      if (!this.#isFresh) this.#skips >>= 1;
      this.#isFresh = true;
    } else if (this.#skipped < this.#skips) {
      this.#skipped += 1;
    } else {
      this.#isPolling = this.#isFresh = true;
      this.afterPoll(this.#look);
    }
  }

  get #hasRoom(): boolean {
    return this.atWork > 0 && this.atWork < this.#processors();
  }

  readonly #look = (): void => {
    if (!this.#hasRoom) {
      this.#isPolling = false;
      return;
    }
    if (this.#isFresh) {
      this.#isFresh = false;
      this.#until = this.#now() + MOMENT_MS;
    } else if (this.#now() >= this.#until) {
      this.#isPolling = false;
      this.#skips = Math.min(2 * this.#skips + 1, SKIPS_MAX);
      this.#skipped = 0;
      return;
    }
    this.afterPoll(this.#look);
  };
}

/** About as long as to sleep and to be woken takes: so what is spent for nothing is never more than what it would have saved. */
const MOMENT_MS = 0.05;
const SKIPS_MAX = 1023;

let known: number | undefined;
/** As it was when this was asked first. */
export function knownProcessors(): number {
  known ??= processors();
  return known;
}

// A fake clock of a test has no say in this. Nor is it a part of whatever has sent the first request.
const { setImmediate } = globalThis;
const fromNowhere = AsyncResource.bind((run: () => void): void => void setImmediate(run));
/** That of all pools: the processors are the same. */
export const busyPoll = new BusyPoll(knownProcessors, performance.now.bind(performance), fromNowhere);
