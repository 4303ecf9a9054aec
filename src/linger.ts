import type { Call } from './call.js';
import type { Exchange } from './exchange.js';

/**
 * The lease of the call that was answered last, kept until the end of the turn if nobody waits: who makes one call after
 * the other makes the next in that turn, and it goes the way of the one before. Nobody can tell: before anybody else asks, or
 * looks, it is given back.
 */
export class Linger {
  readonly #onKept: () => void;
  #exchange: Exchange | undefined;

  /** @param onKept Has `end` called at the end of the turn. */
  constructor(onKept: () => void) {
    this.#onKept = onKept;
  }

  /** Keeps a lease whose call has been answered. */
  keep(exchange: Exchange): void {
    this.end();
    this.#exchange = exchange;
    this.#onKept();
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
}
