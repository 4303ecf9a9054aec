import type { Affinity, RefusalReason, Waiter } from '../machines/index.js';
import type { WorkerHand } from './actors/worker.js';
import { Budget } from './budget.js';
import type { Call, CallHome, CallOutcome } from './call.js';
import type { Exchange, LeaseHolder } from './exchange.js';
import { own } from './own.js';
import type { Asker, Runtime } from './runtime.js';

/**
 * Somebody on the way to a lease: for one call, or to hold it. A session
 * steers it by an affinity, and hears of the worker it meets.
 */
export abstract class Asking implements Asker {
  abstract readonly holder: LeaseHolder | undefined;
  waiter!: Waiter;
  /** A session's: false if it is to be refused rather than to wait for the one worker that will do. */
  mayWait = true;
  /** A session's: called with the worker that was granted, before anything is sent to it. */
  onMet: ((worker: WorkerHand) => void) | undefined;
  /** A session's: the worker it is bound to has left, and it sees to the rest. */
  onWorkerLeft: (() => void) | undefined;
  /** It came after the pool's end had begun. */
  readonly isLate: boolean;
  protected readonly runtime: Runtime;
  readonly #priority: number;
  readonly #askedAt: number;
  #queueBudget: Budget;

  constructor(runtime: Runtime, priority: number) {
    this.runtime = runtime;
    this.isLate = runtime.endedBy !== undefined;
    this.#priority = priority;
    this.#askedAt = runtime.clock.now();
    this.#queueBudget = this.#newQueueBudget();
  }

  abstract get isSettled(): boolean;

  /** The one worker that will do, for the sake of objects that are there. */
  get boundTo(): WorkerHand | undefined {
    return undefined;
  }

  /** Ends the asking with an error; nothing if it has ended. */
  abstract fail(error: unknown, how?: CallOutcome): void;

  /** Ends it at once if it was asked by a call's own function and would wait for ever. */
  protected abstract refuseIfDeadlocked(): void;

  protected abstract granted(exchange: Exchange): void;

  /** Goes to the coordinator, with a session's wish for a worker. */
  ask(affinity: Affinity | null = null): void {
    if (this.isLate) return this.onRefused('closed');
    const mayWait = this.mayWait || !affinity?.strict;
    this.waiter = { ticket: this.runtime.nextTicket(), priority: this.#priority, affinity, mayWait };
    this.runtime.ask(this);
    this.refuseIfDeadlocked();
  }

  /** Goes to the coordinator once more, to its old place and for any worker. */
  protected askOnceMore(): void {
    if (this.runtime.endedBy !== undefined) return this.onRefused('closed');
    this.#queueBudget = this.#newQueueBudget();
    this.waiter = { ...this.waiter, affinity: null };
    this.runtime.ask(this);
    this.refuseIfDeadlocked();
  }

  /** Who holds every slot that could serve it; undefined if one is free, or may come up. */
  holders(): readonly Exchange[] | undefined {
    return this.runtime.holders(this.waiter.affinity);
  }

  onGranted(exchange: Exchange): void {
    this.#queueBudget.close();
    this.onMet?.(exchange.worker);
    this.granted(exchange);
  }

  onRefused(reason: RefusalReason): void {
    if (reason === 'worker-left') this.onWorkerLeft?.();
    else this.fail(this.runtime.refusal(reason), 'refused');
  }

  /** Takes it out of wherever it waits, and returns what its caller is told if that is for want of time. */
  leaveQueue(waitedMs: number): Error {
    const error = this.runtime.queueTimeout(waitedMs);
    if (this.waiter !== undefined) this.runtime.withdraw(this.waiter);
    return error;
  }

  protected close(): void {
    this.#queueBudget.close();
  }

  #newQueueBudget(): Budget {
    const { clock, settings } = this.runtime;
    return new Budget(clock, own({ timeoutMs: settings.queueTimeoutMs }), () =>
      this.fail(this.leaveQueue(clock.now() - this.#askedAt), 'timedOut'),
    );
  }
}

/** Asks for a worker for one call. */
export class CallAsking extends Asking implements CallHome {
  readonly holder = undefined;
  readonly #call: Call;

  constructor(runtime: Runtime, call: Call, priority: number) {
    super(runtime, priority);
    this.#call = call;
    call.waitAt(this);
    call.onSettled(() => this.close());
  }

  get isSettled(): boolean {
    return this.#call.isSettled;
  }

  override get boundTo(): WorkerHand | undefined {
    return this.#call.handles?.worker;
  }

  withdraw(_call: Call, waitedMs: number): Error {
    return this.leaveQueue(waitedMs);
  }

  get askAgain(): (() => void) | undefined {
    const isBound = this.boundTo !== undefined || this.waiter.affinity?.strict;
    return isBound ? undefined : () => this.askOnceMore();
  }

  fail(error: unknown, how?: CallOutcome): void {
    this.#call.failToBeSent(error, how);
  }

  protected refuseIfDeadlocked(): void {
    this.#call.refuseIfDeadlocked();
  }

  protected granted(exchange: Exchange): void {
    exchange.send(this.#call);
  }
}
