import type { Call, CallHome } from '../call/call.js';
import { type Child, refuseIfDeadlocked } from '../call/children.js';
import type { Exchange, LeaseHolder } from '../call/exchange.js';
import { framesOf, type Site } from '../call/site.js';
import { type EndedLease, LeaseEndedError } from '../errors.js';
import type { Runtime } from '../runtime.js';
import { isLimit } from '../time/limit.js';
import { nextTurn } from '../time/turn.js';
import { WaitingCalls } from './waiting-calls.js';

/** How long a lease may be held, and where it was asked for. */
export interface HoldTerms {
  readonly leaseTimeoutMs: number | undefined;
  /** Present if leaks are looked for. */
  readonly site: Site | undefined;
}

/**
 * One lease that is held: the calls that wait under it, and its end. It knows
 * nothing of the `Lease` objects that its holder has, so that it can tell when the
 * last of them is lost.
 */
export class Hold implements LeaseHolder, CallHome {
  readonly runtime: Runtime;
  readonly #terms: HoldTerms;
  readonly #keeper: Child | undefined;
  readonly #waiting = new WaitingCalls();
  #exchange: Exchange | undefined;
  /** Absent in the turn in which it was handed out, unless that is looked at. */
  #heldSince: number | undefined;
  #leakTimer: unknown;
  #expiryTimer: unknown;
  #leases = 0;
  /** It sends those who waited, one after the other. */
  #isSending = false;
  #ended: EndedLease | undefined;
  #checkedIn: Promise<void> | undefined;
  #onOver: (() => void) | undefined;
  #onEnd: (() => void) | undefined;

  /** @param keeper Whose end gives the lease back, if nothing does so before. */
  constructor(runtime: Runtime, terms: HoldTerms, keeper?: Child) {
    this.runtime = runtime;
    this.#terms = terms;
    this.#keeper = keeper;
  }

  get exchange(): Exchange {
    return this.#exchange as Exchange;
  }

  /** Why it is over; `undefined` while it is held. */
  get ended(): EndedLease | undefined {
    return this.#ended;
  }

  /** The lease was granted: from now on it is held. */
  begin(exchange: Exchange): void {
    this.#exchange = exchange;
    const { clock, patience, settings } = this.runtime;
    const { leaseTimeoutMs } = this.#terms;
    if (settings.leakAfterMs !== undefined) {
      this.#heldSince = clock.now();
      this.#leakTimer = clock.setTimeout(() => this.#tellLeak('held'), settings.leakAfterMs);
    }
    if (isLimit(leaseTimeoutMs)) {
      this.#expiryTimer = patience.setTimeout(() => this.#expire(leaseTimeoutMs), leaseTimeoutMs);
    }
  }

  /** Somebody has it in hand: if all who have are lost without giving it back, it is given back for them. */
  hand(lease: object): void {
    this.#leases += 1;
    HANDED.add(lease, this);
  }

  /** It is still held at the end of the turn in which it was handed out: from now on it may be lost. */
  watch(lease: object): void {
    this.#heldSince ??= this.runtime.clock.now();
    LOST.register(lease, this, this);
  }

  /** Runs `run` once the lease is over, however it ends. */
  onEnd(run: () => void): void {
    this.#onEnd = run;
  }

  place(call: Call): void {
    if (this.#ended !== undefined) return call.fail(new LeaseEndedError(this.#ended));
    if (this.#checkedIn !== undefined) {
      return call.fail(new LeaseEndedError({ lease: this.exchange.lease, reason: 'checked-in' }));
    }
    if (this.#waiting.isEmpty && this.exchange.takes(call)) return this.exchange.send(call);
    this.#waiting.add(call);
    call.waitAt(this);
    refuseIfDeadlocked(call);
  }

  /** Gives it back once the calls already made have been answered, and resolves then. */
  checkin(): Promise<void> {
    if (this.#checkedIn !== undefined || this.#ended !== undefined) return this.#checkedIn ?? OVER;
    if (!this.exchange.isBusy && this.#waiting.isEmpty) {
      this.#checkedIn = OVER;
      this.#checkedInNow();
      this.exchange.end();
      return OVER;
    }
    this.#checkedIn = new Promise((resolve) => {
      this.#onOver = resolve;
    });
    return this.#checkedIn;
  }

  /** All `Lease` objects but one, or all, are lost. */
  lost(): void {
    this.#leases -= 1;
    if (this.#leases > 0 || this.#checkedIn !== undefined || this.#ended !== undefined) return;
    this.#tellLeak('lost');
    void this.checkin();
  }

  // ---------------------------------------------------------------- as the exchange sees it

  get holds(): boolean {
    if (this.#ended !== undefined) return false;
    return this.#checkedIn === undefined || !this.#waiting.isEmpty;
  }

  /** Absent once it goes back in any case. */
  get keptBy(): Child | undefined {
    return this.#checkedIn === undefined ? this.#keeper : undefined;
  }

  onAnswered(): void {
    // One that is refused as its turn comes tells so from within. The next is sent out here: thousands in each other are too
    // many for the stack.
    if (this.#isSending || this.#ended !== undefined) return;
    this.#isSending = true;
    try {
      for (
        let next = this.#waiting.first;
        next !== undefined && this.exchange.takes(next);
        next = this.#waiting.first
      ) {
        this.#waiting.takeFirst();
        this.exchange.send(next);
      }
    } finally {
      this.#isSending = false;
    }
    if (this.#checkedIn === undefined || !this.#waiting.isEmpty || this.exchange.isBusy) return;
    this.#checkedInNow();
    // The last that waited may have given up while the one before it was being answered.
    this.exchange.end();
  }

  onLost(ended: EndedLease): void {
    if (this.#ended === undefined) this.#end(ended);
  }

  // ---------------------------------------------------------------- as a call that waits sees it

  withdraw(call: Call): void {
    this.#waiting.remove(call);
  }

  timeout(waitedMs: number): Error {
    return this.runtime.queueTimeout(waitedMs);
  }

  waitsFor(): readonly (Child | undefined)[] {
    const { call, ahead } = this.exchange;
    return [call ?? ahead];
  }

  // ---------------------------------------------------------------- its end

  /** The pool takes it back: an answer that is owed is waited for as after any call that is given up. */
  #expire(leaseTimeoutMs: number): void {
    if (this.#ended !== undefined) return;
    const { exchange } = this;
    const { calls } = exchange;
    const ended: EndedLease = { lease: exchange.lease, reason: 'expired', leaseTimeoutMs };
    this.#end(ended);
    if (calls.length === 0) return exchange.end();
    for (const call of calls) call.fail(new LeaseEndedError(ended));
    // The last first, so that Python finds all of it said when it is interrupted.
    for (const call of calls.toReversed()) exchange.abandon(call);
  }

  #checkedInNow(): void {
    this.#end({ lease: this.exchange.lease, reason: 'checked-in' });
  }

  #end(ended: EndedLease): void {
    this.#ended = ended;
    LOST.unregister(this);
    const { clock, patience } = this.runtime;
    if (this.#leakTimer !== undefined) clock.clearTimeout(this.#leakTimer);
    if (this.#expiryTimer !== undefined) patience.clearTimeout(this.#expiryTimer);
    for (const call of this.#waiting.takeAll()) call.fail(new LeaseEndedError(ended));
    this.#onOver?.();
    this.#onEnd?.();
  }

  #tellLeak(how: 'held' | 'lost'): void {
    const { clock } = this.runtime;
    this.runtime.news.leaked({
      lease: this.exchange.lease,
      worker: this.exchange.worker.name,
      how,
      heldMs: Math.round(clock.now() - (this.#heldSince as number)),
      stack: this.#terms.site && framesOf(this.#terms.site).slice(1),
    });
  }
}

const OVER = Promise.resolve();
/** `Lease` objects that nobody has in hand any more. */
const LOST = new FinalizationRegistry<Hold>((hold) => hold.lost());

/**
 * `Lease` objects that were handed out in this turn. Watching one costs as much as two steps of a chart, and many a lease
 * is over before anybody could have lost it.
 */
class Handed {
  readonly #leases: object[] = [];
  readonly #holds: Hold[] = [];

  add(lease: object, hold: Hold): void {
    if (this.#leases.length === 0) nextTurn(() => this.#watch());
    else if (this.#leases.length === HANDED_MAX) this.#watch();
    this.#leases.push(lease);
    this.#holds.push(hold);
  }

  #watch(): void {
    for (const [at, hold] of this.#holds.entries()) {
      if (hold.ended === undefined) hold.watch(this.#leases[at] as object);
    }
    this.#leases.length = 0;
    this.#holds.length = 0;
  }
}

const HANDED = new Handed();
const HANDED_MAX = 100;
