import { remove } from '../base/remove.js';
import type { Call } from '../call/call.js';
import type { Exchange } from '../call/exchange.js';

/**
 * The leases of the calls that were answered in this turn, kept until its end if nobody waits: who makes one call after
 * the other makes the next in that turn, and it goes to the worker of one that was answered which has the least to do. Nobody
 * can tell: before anybody else asks, or looks, they are given back.
 */
export class Linger {
  readonly #onKept: () => void;
  /** In the order of the answers. */
  #kept: Exchange[] = [];

  /** @param onKept Has `end` called at the end of the turn. */
  constructor(onKept: () => void) {
    this.#onKept = onKept;
  }

  /** Keeps a lease whose call has been answered. */
  keep(exchange: Exchange): void {
    this.#kept.push(exchange);
    this.#onKept();
  }

  /** The lease for a call, if there is one that it may have. @param isShort Whether others may wait behind it. */
  take(call: Call, isShort: boolean): Exchange | undefined {
    const exchange = this.#leastBusy();
    if (exchange === undefined || !call.isPlain || !exchange.mayCarry(isShort)) return undefined;
    // What its worker does there may wait for this very call.
    if (call.parent !== undefined && exchange.worker.pipe.owes > 0) return undefined;
    remove(this.#kept, exchange);
    return exchange;
  }

  /** The one whose worker owes the fewest answers. */
  #leastBusy(): Exchange | undefined {
    let best = this.#kept[0];
    for (const each of this.#kept) if (each.worker.pipe.owes < (best as Exchange).worker.pipe.owes) best = each;
    return best;
  }

  get isKeeping(): boolean {
    return this.#kept.length > 0;
  }

  /** Gives back all that is kept. */
  end(): void {
    if (this.#kept.length === 0) return;
    const kept = this.#kept;
    this.#kept = [];
    for (const exchange of kept) exchange.end();
  }
}
