import { Asking, type Standing } from '../call/asking.js';
import type { CallOutcome } from '../call/call.js';
import type { Exchange, LeaseHolder } from '../call/exchange.js';
import type { Runtime } from '../runtime.js';
import type { Batch, BatchItem } from './batch.js';
import type { Carrier } from './carrier.js';

/** One lease of a `map`, and the batches that go under it. */
export class Trip implements LeaseHolder {
  readonly #carrier: Carrier;
  /** Those that answers are owed to. */
  #batches: Batch[] = [];
  #exchange: Exchange | undefined;
  #since = 0;
  /** From when on its map had no worker until it had this one. */
  #waitedFrom = 0;
  #hasBegun = false;
  /** Until it gives the lease back itself. */
  holds = true;

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  /** @param waitedFrom From when on the map has had no worker until `now`; later than that if it has. */
  begin(exchange: Exchange, now: number, waitedFrom: number): void {
    this.#exchange = exchange;
    this.#waitedFrom = waitedFrom;
    this.#since = now;
    this.go();
  }

  /** Sends what may be sent, and gives the lease back if there is no use for it. */
  go(): void {
    const exchange = this.#exchange as Exchange;
    // One batch it has in any case: else nobody would come to anything where somebody always waits.
    while (!this.#hasBegun || !this.#carrier.isOver(this.#since)) {
      const batch = this.#carrier.next(this, this.#batches.length, exchange.worker);
      if (batch === undefined) break;
      this.#hasBegun = true;
      this.#batches.push(batch);
      exchange.sendBatch(batch);
    }
    if (!exchange.isBusy) this.#end();
  }

  /** How long that item has waited for this worker or another, in ms; what it waited while others of its map had one does not count. */
  waitOf({ askedAt }: BatchItem): number {
    return Math.max(0, this.#since - Math.max(askedAt, this.#waitedFrom));
  }

  /** The item that Python runs, as far as Node can tell: its batch, and its number there. */
  get running(): { readonly batch: Batch; readonly index: number } | undefined {
    const [batch] = this.#batches;
    const index = batch && this.#exchange?.runningIn(batch);
    return batch === undefined || index === undefined ? undefined : { batch, index };
  }

  /** What Python runs is ended if it is settled as it is, and what is behind it goes on. */
  passOver(): void {
    const { running } = this;
    if (running?.batch.items[running.index]?.isDone) this.#exchange?.abandonItem(running.batch, running.index);
  }

  /** @returns The items whose answers are owed. */
  giveUp(): BatchItem[] {
    const exchange = this.#exchange as Exchange;
    const items = this.#batches.flatMap((batch) => batch.items.slice(batch.answered));
    // The last first, so that Python finds all of it said when it is interrupted.
    for (const batch of [...this.#batches].reverse()) exchange.abandon(batch);
    if (!exchange.isBusy) this.#end();
    return items;
  }

  onAnswered(): void {
    this.#batches = this.#batches.filter(({ isAnswered }) => !isAnswered);
    this.#batches[0]?.begin();
    if (!this.holds) return;
    const exchange = this.#exchange as Exchange;
    if (exchange.isBusy) return this.go();
    if (this.#carrier.isOver(this.#since)) return this.#end();
    this.#carrier.onIdle();
  }

  onLost(): void {
    this.holds = false;
    this.#carrier.onEnded(this);
  }

  #end(): void {
    if (!this.holds) return;
    this.holds = false;
    this.#exchange?.end();
    this.#carrier.onEnded(this);
  }
}

/** Asks for a worker for a trip. */
export class TripAsking extends Asking {
  readonly parent = undefined;
  readonly holder: Trip;
  hasFailed = false;
  readonly #carrier: Carrier;
  #isSettled = false;

  constructor(runtime: Runtime, standing: Standing, carrier: Carrier) {
    super(runtime, standing);
    this.#carrier = carrier;
    this.holder = new Trip(carrier);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  fail(error: unknown, how: CallOutcome = 'failed'): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.hasFailed = true;
    this.close();
    this.#carrier.onAskingFailed(this, error, how);
  }

  /** Nobody has anything to send any more. */
  giveUp(): void {
    this.#isSettled = true;
    this.close();
    this.withdraw();
  }

  protected granted(exchange: Exchange): void {
    this.#isSettled = true;
    const now = this.#carrier.now();
    this.holder.begin(exchange, now, this.#carrier.onGranted(this, now));
  }
}
