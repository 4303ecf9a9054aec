import type { Call } from './call.js';
import type { Exchange } from './exchange.js';

/**
 * The lease of the call that was answered last, kept until the end of the turn if nobody waits: who makes one call after
 * the other makes the next in that turn, and it goes the way of the one before. Nobody can tell: before anybody else asks, or
 * looks, it is given back.
 */
export class Linger {
  #exchange: Exchange | undefined;
  #isEndAhead = false;

  /** Keeps a lease whose call has been answered. */
  keep(exchange: Exchange): void {
    this.end();
    this.#exchange = exchange;
    if (this.#isEndAhead) return;
    this.#isEndAhead = true;
    // Behind all that follows from the answer: ticks come when there are no more microtasks.
    void NOW.then(this.#endLater);
  }

  /** The lease for a call, if there is one that it may have. @param isShort Whether others may wait behind it. */
  take(call: Call, isShort: boolean): Exchange | undefined {
    const exchange = this.#exchange;
    if (exchange === undefined) return undefined;
    this.#exchange = undefined;
    if (call.isPlain && exchange.mayCarry(isShort)) return exchange;
    exchange.end();
    return undefined;
  }

  /** Gives back what is kept. */
  end(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.end();
  }

  readonly #endLater = (): void => {
    process.nextTick(this.#endNow);
  };

  readonly #endNow = (): void => {
    this.#isEndAhead = false;
    this.end();
  };
}

const NOW = Promise.resolve();
