// Not those of a test that plays them: a program that only waits for the pool would end meanwhile, as a file of `node --test` does.
import { clearInterval, setInterval } from 'node:timers';

/**
 * Keeps the program running while somebody waits for the pool, and only then:
 * a program that forgot to close its pool still ends by itself.
 */
export class KeepAlive {
  readonly #onIdle: () => void;
  #holders = 0;
  #timer: NodeJS.Timeout | undefined;
  #isDisposed = false;

  /** @param onIdle Has `rest` called at the end of the turn. Who makes one call after the other holds it again in that turn. */
  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  hold(): void {
    this.#holders += 1;
    this.#timer ??= setInterval(() => {}, LONGEST_DELAY_MS);
    this.#timer.ref();
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    if (this.#isDisposed) this.dispose();
    else this.#onIdle();
  }

  /** Nobody holds it. */
  get isIdle(): boolean {
    return this.#holders === 0;
  }

  /** Lets the program end, if nobody holds it any more. */
  rest(): void {
    if (this.isIdle) this.#timer?.unref();
  }

  /** Runs to the end of `work`, then lets go. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.hold();
    try {
      return await work;
    } finally {
      this.release();
    }
  }

  /** Nothing is left afterwards, not even a timer, once the last holder has let go. */
  dispose(): void {
    this.#isDisposed = true;
    if (this.#holders > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

const LONGEST_DELAY_MS = 2 ** 31 - 1;
