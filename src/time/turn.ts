import { AsyncResource } from 'node:async_hooks';
import { setImmediate } from 'node:timers';

/**
 * Node's own, also while a test plays the ticks. Not of `node:process`: to import that looks at all that `process` has, its
 * streams among it, which takes 2.6 ms and 250 KB of a program.
 */
export const { nextTick } = process;

/**
 * What is put off to the end of a turn, for all of a pool: after all that follows from what came in it, however many promises a
 * program has put around that, and also while a test plays the ticks.
 */
export class TurnEnd {
  readonly #isWanted: () => boolean;
  readonly #atEnd: () => void;
  #isAhead = false;
  #looks = 0;

  /** @param isWanted Whether there still is something to do. What follows from an answer may have done it. */
  constructor(isWanted: () => boolean, atEnd: () => void) {
    this.#isWanted = isWanted;
    this.#atEnd = atEnd;
  }

  /** There is something to do at the end of this turn. */
  readonly want = (): void => {
    if (this.#isAhead) return;
    this.#isAhead = true;
    this.#looks = LOOKS;
    void NOW.then(this.#look);
  };

  /** Ticks come when there are no more microtasks. But one takes as long as ten of those, and most who go on at once do so soon. */
  readonly #look = (): void => {
    if (!this.#isWanted()) {
      this.#isAhead = false;
    } else if (this.#looks === 0) {
      nextTick(this.#endNow);
    } else {
      this.#looks -= 1;
      void NOW.then(this.#look);
    }
  };

  readonly #endNow = (): void => {
    this.#isAhead = false;
    this.#atEnd();
  };
}

/** Whoever awaits a promise goes on in the first microtask, and with each promise around that in one more. */
const LOOKS = 3;

/** Runs `run` as a microtask: for less than `queueMicrotask`, and also while a test plays those. */
export function soon(run: () => void): void {
  void NOW.then(() => {
    // A promise that it returns is not this one's to wait for: whoever has that hears what it rejects with.
    run();
  });
}

/** Runs `run` at the end of this turn: for what is put off too seldom to have a {@link TurnEnd} of its own. */
export function atTurnsEnd(run: () => void): void {
  void NOW.then(() => nextTick(run));
}

const NOW = Promise.resolve();

/** Runs `run` in the next turn of the loop: as no part of whatever asks for it, and also while a test plays the timers. */
export function nextTurn(run: () => void): void {
  nobody.runInAsyncScope(setImmediate, undefined, run);
}

/** Runs what lives longer than whoever asks for it: what it hears later is not heard in the context of that one. */
export function asNobody<T>(run: () => T): T {
  return nobody.runInAsyncScope(run);
}

/** Of no caller. Its `bind` says the same and takes its arguments apart and together again, each time that Node looks for an answer. */
const nobody = new AsyncResource('pythonarium');
