import { wallClock } from './clock.js';
import { processors } from './processors.js';
import { nextTurn } from './turn.js';

/**
 * Busy polling: while a worker owes an answer that may be there in a moment, Node asks its descriptors again and again
 * before it sleeps, since to sleep and to be woken takes longer than a short call. Whatever else comes meanwhile is served
 * as ever. Only while there are processors for Node and for all workers that are at work. Looking that comes to nothing is
 * left out the more often, the more often it does.
 */
export class BusyPoll {
  /** How many workers owe an answer. */
  atWork = 0;
  readonly #processors: () => number;
  readonly #now: () => number;
  readonly #nextTurn: (run: () => void) => void;
  #isPolling = false;
  /** Something has happened since the last look, after which an answer may come soon. */
  #isFresh = false;
  /** Something has come since it began to look. */
  #hasCome = false;
  #until = 0;
  /** How many occasions are left out after one at which nothing came, and how many were since. */
  #skips = 0;
  #skipped = 0;

  /**
   * @param processors How many there are; asked once there is something to look for.
   * @param now The time in ms.
   * @param nextTurn Has its argument called in the next turn of the loop, which does not sleep before it.
   */
  constructor(processors: () => number, now: () => number, nextTurn: (run: () => void) => void) {
    this.#processors = processors;
    this.#now = now;
    this.#nextTurn = nextTurn;
  }

  /** To be called when a worker has sent something, before what it answers is no longer owed. */
  came(): void {
    // What had come before the first look would have come anyway.
    if (this.#isPolling && !this.#isFresh) this.#hasCome = true;
  }

  /** To be called when a worker that is waited for was sent something, or has sent something: an answer may come soon. */
  soon(): void {
    if (!this.hasRoom) return;
    if (this.#isPolling) {
      this.#isFresh = true;
    } else if (this.#skipped < this.#skips) {
      this.#skipped += 1;
    } else {
      this.#isPolling = this.#isFresh = true;
      this.#hasCome = false;
      this.#nextTurn(this.#look);
    }
  }

  /** There is somebody to wait for, and a processor besides theirs. */
  get hasRoom(): boolean {
    return this.atWork > 0 && this.atWork < this.#processors();
  }

  readonly #look = (): void => {
    if (!this.hasRoom) return this.#stop(false);
    if (this.#isFresh) {
      this.#isFresh = false;
      this.#until = this.#now() + MOMENT_MS;
    } else if (this.#now() >= this.#until) {
      return this.#stop(true);
    }
    this.#nextTurn(this.#look);
  };

  /** @param isOver Its time is up. */
  #stop(isOver: boolean): void {
    this.#isPolling = false;
    if (this.#hasCome) {
      this.#skips >>= 1;
    } else if (isOver) {
      this.#skips = Math.min(2 * this.#skips + 1, SKIPS_MAX);
      this.#skipped = 0;
    }
  }
}

/** About as long as to sleep and to be woken takes: so what is spent for nothing is never more than what it would have saved. */
const MOMENT_MS = 0.05;
const SKIPS_MAX = 1023;

/** Under a quota one processor is left for what Node does beside. */
const beside = () => processors().count - (processors().isQuota ? 1 : 0);
/** That of all pools: the processors are the same. A thread of Node has one of its own. */
export const busyPoll = new BusyPoll(beside, wallClock.now, nextTurn);
