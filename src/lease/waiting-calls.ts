import type { Call } from '../call/call.js';

/**
 * The calls that wait under one lease, in the order in which they were made. Nobody bounds how many: to send the first of
 * them, and to let any of them give up, takes no longer where they are more.
 */
export class WaitingCalls {
  /** Those before `#at` have been taken, and of the others those are settled that have given up. */
  #calls: (Call | undefined)[] = [];
  #at = 0;
  #size = 0;

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  /** The one that was made first; `undefined` if nobody waits. */
  get first(): Call | undefined {
    if (this.#size === 0) return undefined;
    while (this.#calls[this.#at]?.isSettled) this.#pass();
    return this.#calls[this.#at];
  }

  add(call: Call): void {
    this.#calls.push(call);
    this.#size += 1;
  }

  /** Takes out {@link first}. */
  takeFirst(): void {
    this.#pass();
    this.#size -= 1;
    if (this.#size === 0) this.#clear();
    else if (this.#at >= PASSED_MAX && 2 * this.#at > this.#calls.length) this.#keep(() => true);
  }

  /** One of them gives up, and is about to be settled. Nothing for one that is settled. */
  remove(call: Call): void {
    if (call.isSettled) return;
    this.#size -= 1;
    if (this.#size === 0) return this.#clear();
    if (this.#calls.length - this.#at < 2 * this.#size + PASSED_MAX) return;
    this.#keep((each) => each !== call && each?.isSettled === false);
  }

  /** Takes out all of them. */
  takeAll(): Call[] {
    const calls = this.#calls.slice(this.#at) as Call[];
    this.#size = 0;
    this.#clear();
    return calls.filter(({ isSettled }) => !isSettled);
  }

  #pass(): void {
    // Nothing is kept for one that has been answered.
    this.#calls[this.#at] = undefined;
    this.#at += 1;
  }

  #clear(): void {
    this.#calls = [];
    this.#at = 0;
  }

  #keep(isKept: (call: Call | undefined) => boolean): void {
    this.#calls = this.#calls.slice(this.#at).filter(isKept);
    this.#at = 0;
  }
}

/** So many that nobody waits for any more may be passed over before those that are left move up. */
const PASSED_MAX = 1_024;
