import { Asking } from './asking.js';
import { Budget, checkWait, type WaitOptions } from './budget.js';
import type { Call, CallHome, CallOutcome } from './call.js';
import { Caller, type CallOptions } from './caller.js';
import { type Child, deadlockOf, parentCall } from './children.js';
import { type LeaseEnd, LeaseEndedError } from './errors.js';
import type { Exchange, LeaseHolder } from './exchange.js';
import { own } from './own.js';
import type { Runtime } from './runtime.js';

/** How `checkout` waits. `timeoutMs` and `signal` bound the wait; the lease may then be held as long as one likes. */
export interface CheckoutOptions extends WaitOptions {
  /** An integer from -100 to 100; a higher one goes first. Default: 0. */
  readonly priority?: number | undefined;
}

/**
 * One worker, held: its calls run there one after the other, in the order in
 * which they were made, and nobody else gets it before `checkin`.
 *
 * A call that is given up leaves its answer owed; the next one waits for it.
 * When it does not come within `cancelGraceMs` the worker is ended, and the
 * lease with it: later calls reject with `ERR_LEASE_ENDED`.
 */
export class Lease<Api = unknown> extends Caller<Api> implements LeaseHolder, CallHome {
  readonly #held: Held;

  /** @internal */
  constructor(runtime: Runtime, session: string | undefined, bound: CallOptions = {}, held: Held = { waiting: [] }) {
    super(runtime, session, bound);
    this.#held = held;
  }

  /** The lease's id, which is never used again. */
  get id(): number {
    return this.#exchange.lease;
  }

  /** @internal */
  override get owner(): number {
    return this.id;
  }

  /** The name of its worker, such as `worker-0`. */
  get worker(): string {
    return this.#exchange.worker.name;
  }

  /** Why the lease is over; `undefined` while it is held. */
  get ended(): LeaseEnd | undefined {
    return this.#held.ended?.reason;
  }

  /**
   * Gives the worker back once the calls already made have been answered.
   * Safe to repeat; a lease that is over already is left as it is. Giving up
   * the wait (`signal.reason`, `ERR_QUEUE_TIMEOUT`) does not undo it.
   */
  async checkin(given: WaitOptions = {}): Promise<void> {
    const wait = own(given);
    checkWait(wait);
    wait.signal?.throwIfAborted();
    const held = this.#held;
    held.checkedIn ??= new Promise((resolve) => {
      held.onOver = resolve;
    });
    if (held.ended !== undefined) held.onOver?.();
    else if (!this.#exchange.isBusy && held.waiting.length === 0) {
      this.#finish();
      this.#exchange.end();
    }
    await this.runtime.within(held.checkedIn, wait, 'checked-in');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.checkin();
  }

  with(options: CallOptions): Lease<Api> {
    return new Lease(this.runtime, this.sessionId, this.mergedWith(options), this.#held);
  }

  /** @internal */
  bind(exchange: Exchange): void {
    this.#held.exchange = exchange;
  }

  /** @internal */
  get holds(): boolean {
    return this.#held.checkedIn === undefined || this.#held.waiting.length > 0;
  }

  /** @internal */
  onAnswered(): void {
    const next = this.#held.waiting.shift();
    if (next !== undefined) this.#exchange.send(next);
    else if (this.#held.checkedIn !== undefined) this.#finish();
  }

  /** @internal */
  onLost(): void {
    const held = this.#held;
    const { worker } = this.#exchange;
    held.ended = worker.lossOfLease(this.#exchange);
    for (const call of held.waiting.splice(0)) call.fail(worker.lossOfLease(this.#exchange));
    held.onOver?.();
    held.onEnd?.();
  }

  /** @internal */
  withdraw(call: Call, waitedMs: number): Error {
    const at = this.#held.waiting.indexOf(call);
    if (at !== -1) this.#held.waiting.splice(at, 1);
    return this.runtime.queueTimeout(waitedMs);
  }

  /** @internal */
  holders(): readonly Exchange[] {
    return [this.#exchange];
  }

  /** @internal Runs `run` once the lease is over, however it ends. */
  onEnd(run: () => void): void {
    this.#held.onEnd = run;
  }

  protected override place(call: Call): void {
    const held = this.#held;
    if (held.ended !== undefined) return call.fail(new LeaseEndedError({ lease: this.id, reason: held.ended.reason }));
    if (held.checkedIn !== undefined) return call.fail(new LeaseEndedError({ lease: this.id, reason: 'checked-in' }));
    if (!this.#exchange.isBusy) return this.#exchange.send(call);
    held.waiting.push(call);
    call.waitAt(this);
    call.refuseIfDeadlocked();
  }

  protected override get unrepeatable(): string {
    return 'a lease, whose state is in its worker';
  }

  protected override get concurrency(): number {
    return 1;
  }

  #finish(): void {
    this.#held.ended = new LeaseEndedError({ lease: this.id, reason: 'checked-in' });
    this.#held.onOver?.();
    this.#held.onEnd?.();
  }

  get #exchange(): Exchange {
    return this.#held.exchange as Exchange;
  }
}

/** What a lease and the ones made of it by `with` have in common. */
interface Held {
  exchange?: Exchange;
  readonly waiting: Call[];
  ended?: LeaseEndedError;
  checkedIn?: Promise<void>;
  onOver?: () => void;
  onEnd?: () => void;
}

/** Asks for a worker to hold. */
export class CheckoutAsking<Api> extends Asking implements Child {
  readonly name = 'checkout()';
  readonly parent: Call | undefined = parentCall();
  readonly holder: Lease<Api>;
  readonly promise: Promise<Lease<Api>>;
  readonly #budget: Budget;
  #resolve!: (lease: Lease<Api>) => void;
  #reject!: (error: unknown) => void;
  #isSettled = false;

  constructor(runtime: Runtime, options: CheckoutOptions, lease: Lease<Api>) {
    super(runtime, options.priority ?? 0);
    this.holder = lease;
    this.promise = runtime.keepAlive.during(
      new Promise((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      }),
    );
    const askedAt = runtime.clock.now();
    this.#budget = new Budget(runtime.clock, options, (by) => {
      const error = this.leaveQueue(runtime.clock.now() - askedAt);
      this.fail(by === 'signal' ? options.signal?.reason : error);
    });
    this.parent?.adopt(this);
    if (options.signal?.aborted) this.fail(options.signal.reason);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  waitsFor(): readonly (Child | undefined)[] | undefined {
    return this.holders()?.map(({ call }) => call);
  }

  fail(error: unknown, _how?: CallOutcome): void {
    if (!this.#isSettled) this.#reject(error);
    this.#settle();
  }

  protected refuseIfDeadlocked(): void {
    const error = this.#isSettled ? undefined : deadlockOf(this);
    if (error === undefined) return;
    this.leaveQueue(0);
    this.fail(error);
  }

  protected granted(exchange: Exchange): void {
    this.holder.bind(exchange);
    this.#resolve(this.holder);
    this.#settle();
  }

  #settle(): void {
    this.#isSettled = true;
    this.parent?.release(this);
    this.#budget.close();
    this.close();
  }
}
