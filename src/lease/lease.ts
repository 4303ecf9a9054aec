import type { RefusalReason } from '../../machines/index.js';
import { checkNames } from '../base/check-names.js';
import { NO_OPTIONS, own } from '../base/own.js';
import { reasonOf, throwIfAborted } from '../base/signal.js';
import { Asking, Spurned } from '../call/asking.js';
import { Budget, checkWait, isBounded, type WaitOptions } from '../call/budget.js';
import type { Call } from '../call/call.js';
import type { CallOptions } from '../call/call-options.js';
import { Caller } from '../call/caller.js';
import { type Child, isBelow, parentRun, type Run, unlessDeadlocked } from '../call/children.js';
import { within } from '../call/coming.js';
import type { Exchange } from '../call/exchange.js';
import { siteAbove } from '../call/site.js';
import type { DeadlockError, LeaseEnd } from '../errors.js';
import type { Runtime } from '../runtime.js';
import { checkLimit } from '../time/limit.js';
import type { Hold, HoldTerms } from './hold.js';

/** How a lease may be held. */
export interface HoldOptions {
  /**
   * How long it may be held, in ms; `Infinity` for as long as one likes. Then it is over (`ERR_LEASE_ENDED`, `expired`),
   * and its worker goes to somebody else as soon as no answer is owed. Default: the pool's.
   */
  readonly leaseTimeoutMs?: number | undefined;
}

/** How `checkout` waits. `timeoutMs` and `signal` bound the wait, and not how long the lease is held. */
export interface CheckoutOptions extends WaitOptions, HoldOptions {
  /** An integer from -100 to 100; a higher one goes first, where each step is worth `ageAfterMs` of waiting. Default: 0. */
  readonly priority?: number | undefined;
  /** Who asks, such as a tenant's id: of those who wait, the keys are served in turn. Default: none, which is one more party. */
  readonly fairnessKey?: string | undefined;
}

/**
 * One worker, held: its calls run there one after the other, in the order in
 * which they were made, and nobody else gets it before `checkin`.
 *
 * A call that is given up leaves its answer owed; the next one waits for it.
 * When it does not come within `cancelGraceMs` the worker is ended, and the
 * lease with it: later calls reject with `ERR_LEASE_ENDED`.
 */
export class Lease<Api = unknown> extends Caller<Api> {
  readonly #hold: Hold;

  /** @internal */
  constructor(hold: Hold, session: string | undefined, bound: CallOptions) {
    super(hold.runtime, session, bound);
    this.#hold = hold;
    hold.hand(this);
  }

  /** The lease's id, which is never used again. */
  get id(): number {
    return this.#hold.exchange.lease;
  }

  /** @internal */
  override get owner(): number {
    return this.id;
  }

  /** The name of its worker, such as `worker-0`. */
  get worker(): string {
    return this.#hold.exchange.worker.name;
  }

  /** Why the lease is over; `undefined` while it is held. */
  get ended(): LeaseEnd | undefined {
    return this.#hold.ended?.reason;
  }

  /**
   * Gives the worker back once the calls already made have been answered. Safe to repeat; a lease that is over already is
   * left as it is. Giving up the wait (`signal.reason`, `ERR_QUEUE_TIMEOUT`) does not undo it, and neither does that it
   * rejects with `ERR_DEADLOCK`, as it does where a function awaits it that one of these calls waits for.
   */
  checkin(given: WaitOptions = NO_OPTIONS): Promise<void> {
    let wait: WaitOptions;
    try {
      wait = own(given);
      checkWait(wait);
      throwIfAborted(wait.signal);
    } catch (error) {
      return Promise.reject(error);
    }
    const hold = this.#hold;
    const outcome = hold.checkin();
    if (hold.ended !== undefined) return outcome;
    const over = within(this.runtime, { outcome }, wait, 'checked-in');
    return unlessDeadlocked(over, 'checkin()', () => [hold.exchange.keeper]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.checkin();
  }

  with(options: CallOptions): Lease<Api> {
    return boundLease(this.#hold, this.sessionId, this.mergedWith(options));
  }

  protected override place(call: Call): void {
    this.#hold.place(call);
  }

  protected override get unrepeatable(): string {
    return 'a lease, whose state is in its worker';
  }

  protected override get concurrency(): number {
    return 1;
  }
}

/** Made outside of the class: esbuild would rename one that names itself. */
function boundLease<Api>(hold: Hold, session: string | undefined, bound: CallOptions): Lease<Api> {
  return new Lease(hold, session, bound);
}

/** The options of a checkout, checked: those for whoever waits, and those for whoever holds. @throws OptionError (`ERR_OPTION`). */
export function checkoutOptions(
  runtime: Runtime,
  options: CheckoutOptions,
  names: ReadonlySet<string> = CHECKOUT_OPTIONS,
): { wait: CallOptions; terms: HoldTerms } {
  checkNames(options, names);
  const { settings } = runtime;
  if (options === NO_OPTIONS && settings.leakAfterMs === undefined) {
    return { wait: NO_OPTIONS, terms: { leaseTimeoutMs: settings.leaseTimeoutMs, site: undefined } };
  }
  const { leaseTimeoutMs = settings.leaseTimeoutMs, signal, timeoutMs, priority, fairnessKey } = own(options);
  const wait = { signal, timeoutMs, priority, fairnessKey };
  checkLimit('leaseTimeoutMs', leaseTimeoutMs);
  const site = settings.leakAfterMs === undefined ? undefined : siteAbove(checkoutOptions);
  return { wait, terms: { leaseTimeoutMs, site } };
}

/** Asks for a worker to hold. */
export class CheckoutAsking<Api> extends Asking implements Child {
  readonly name = 'checkout()';
  readonly parent: Run | undefined = parentRun();
  readonly holder: Hold;
  /** Absent for one that nothing bounds. */
  readonly #budget: Budget | undefined;
  /** What becomes of it. Dropped then: nothing here may keep a lease that its holder has lost. */
  #resolve: ((lease: Lease<Api>) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #isSettled = false;
  readonly #session: string | undefined;
  readonly #bound: CallOptions;
  #onFailed: (() => void) | undefined;
  readonly #spurned = new Spurned();
  /** Somebody is kept waiting. */
  #waits = false;

  /**
   * @param session Whose the calls of the lease are.
   * @param bound What is bound to them, checked and nobody else's.
   */
  constructor(runtime: Runtime, options: CallOptions, hold: Hold, session?: string, bound: CallOptions = NO_OPTIONS) {
    super(runtime, options);
    this.holder = hold;
    this.#session = session;
    this.#bound = bound;
    if (isBounded(options)) {
      this.#budget = new Budget(runtime.clock, options, (by) => {
        const error = by === 'signal' ? reasonOf(options.signal) : this.timeout();
        this.withdraw();
        this.fail(error);
      });
    }
    this.parent?.adopt(this);
  }

  /** Asks, by `ask`, and returns what comes of it. */
  lease(ask: () => void): Promise<Lease<Api>> {
    const promise = new Promise<Lease<Api>>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const signal = this.#budget?.signal;
    if (signal?.aborted) this.fail(reasonOf(signal));
    else ask();
    // Most have their lease by now, and nobody is kept waiting.
    if (!this.isSettled) {
      this.#waits = true;
      this.runtime.keepAlive.hold();
    }
    return promise;
  }

  /** Runs `run` once it needs its session no more: no lease comes of it, or the lease is over. */
  onOver(run: () => void): void {
    this.#onFailed = run;
    this.holder.onEnd(run);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  override get child(): Child {
    return this;
  }

  override onGranted(exchange: Exchange): void {
    if (!this.waiter.affinity?.strict && this.isOfNoUse(exchange)) {
      return this.spurn(exchange, this, this.#spurned);
    }
    super.onGranted(exchange);
  }

  fail(error: unknown): void {
    if (this.isSettled) return;
    const reject = this.#reject;
    this.#settle();
    reject?.(error);
    this.#onFailed?.();
    this.#spurned.giveBack();
  }

  refuse(error: DeadlockError): boolean {
    this.withdraw();
    this.fail(error);
    return true;
  }

  protected granted(exchange: Exchange): void {
    this.holder.begin(exchange);
    const resolve = this.#resolve;
    this.#settle();
    resolve?.(new Lease<Api>(this.holder, this.#session, this.#bound));
    this.#spurned.giveBack();
  }

  #settle(): void {
    this.#resolve = undefined;
    this.#reject = undefined;
    this.#isSettled = true;
    this.parent?.release(this);
    this.#budget?.close();
    if (this.#waits) this.runtime.keepAlive.release();
    this.close();
  }
}

/** Asks for a worker to hold that is free at this moment. */
export class HastyAsking extends Asking {
  readonly parent = parentRun();
  readonly holder: Hold;
  /** What came of it, where that is no lease. */
  error: unknown;
  isGranted = false;
  #isSettled = false;

  constructor(runtime: Runtime, hold: Hold) {
    super(runtime, NO_OPTIONS);
    this.holder = hold;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  fail(error: unknown): void {
    this.error = error;
    this.#isSettled = true;
    this.close();
  }

  override onRefused(reason: RefusalReason): void {
    if (reason === 'busy') this.fail(undefined);
    else super.onRefused(reason);
  }

  protected override mayWaitFor(): boolean {
    return false;
  }

  protected granted(exchange: Exchange): void {
    const { inFront } = exchange.worker.pipe;
    // Behind a call in whose function this is, nothing that is called there would ever come to its turn.
    if (inFront !== undefined && isBelow(this, inFront)) {
      this.fail(undefined);
      return exchange.end(true);
    }
    this.isGranted = true;
    this.#isSettled = true;
    this.holder.begin(exchange);
  }
}

export const HOLD_OPTIONS: ReadonlySet<string> = new Set(['leaseTimeoutMs'] satisfies (keyof HoldOptions)[]);
const CHECKOUT_OPTIONS: ReadonlySet<string> = new Set([
  'signal',
  'timeoutMs',
  'priority',
  'fairnessKey',
  'leaseTimeoutMs',
] satisfies (keyof CheckoutOptions)[]);
