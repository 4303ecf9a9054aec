import { type Affinity, byAge, type RefusalReason, type Waiter } from '../../machines/index.js';
import { own } from '../base/own.js';
import type { Runtime } from '../runtime.js';
import { joinPieces } from '../wire/request.js';
import type { WorkerHand } from '../worker/worker-hand.js';
import { Budget } from './budget.js';
import type { Call, CallHome, CallOutcome } from './call.js';
import type { CallOptions } from './call-options.js';
import { type Child, callAbove, deadlockOf, isBelow, lookAgain, type Run, refuseIfDeadlocked } from './children.js';
import type { Exchange, LeaseHolder } from './exchange.js';

/** Where somebody stands among those who wait. */
export interface Standing {
  readonly priority?: number | undefined;
  readonly fairnessKey?: string | undefined;
}

/** What a session asks of what is asked in it. */
export interface SessionTerms {
  readonly id: string;
  /** False: it is to be refused rather than to wait for the one worker that will do. */
  readonly mayWait: boolean;
  /** Called with what was granted, before anything is sent there. False: it is of no use, and another was asked for. */
  onGranted(exchange: Exchange): boolean;
  /** The worker it is bound to has left, and the session sees to the rest. */
  readonly onWorkerLeft: (() => void) | undefined;
  /** What it waits for at this moment in place of a worker, if it does: that its state is built anew. */
  readonly waitsBehind?: (() => Child | undefined) | undefined;
}

/**
 * Somebody on the way to a lease: for one call, or to hold it. A session
 * steers it by an affinity, and hears of the worker it meets.
 */
export abstract class Asking {
  /** Whoever keeps the lease for more than one call; absent for a single call. */
  abstract readonly holder: LeaseHolder | undefined;
  /** In which it was made. */
  abstract readonly parent: Run | undefined;
  /**
   * As it was asked last. Its ticket and its time are of the moment at which it asked first, whatever holds it up; but where
   * callers are shed the time of another attempt is its own.
   */
  waiter: Waiter;
  /** Absent unless it is a session's. */
  session: SessionTerms | undefined;
  /** It came after the pool's end had begun. */
  readonly isLate: boolean;
  protected readonly runtime: Runtime;
  /** It is one of those who wait, or was: wherever it waits next, it is not refused for how many do. */
  #isLetIn = false;
  /** Absent if one may wait for ever. */
  #queueBudget: Budget | undefined;
  /** Since when it has waited for the worker that it is to have now, those included that never came to it. */
  #waitsSince: number;

  /** @param askedAt Since when, by the pool's clock: in whole ms, as a call has it, or that would go first. */
  constructor(
    runtime: Runtime,
    { priority = 0, fairnessKey }: Standing,
    isShort = false,
    askedAt = Math.floor(runtime.clock.now()),
  ) {
    this.runtime = runtime;
    this.isLate = runtime.endedBy !== undefined;
    this.waiter = {
      ticket: runtime.nextTicket(),
      askedAt,
      priority,
      fairnessKey: fairnessKey ?? null,
      affinity: null,
      mayWait: true,
      isShort,
    };
    this.#waitsSince = askedAt;
    this.#queueBudget = this.#newQueueBudget();
  }

  abstract get isSettled(): boolean;

  /** False: it is refused rather than to wait for the one worker that will do. */
  get mayWait(): boolean {
    return this.session?.mayWait ?? true;
  }

  /** As what it is known to those who look at who waits for whom; absent for what no function can wait for. */
  get child(): Child | undefined {
    return undefined;
  }

  /** The one worker that will do, for the sake of objects that are there. */
  get boundTo(): WorkerHand | undefined {
    return undefined;
  }

  /** Ends the asking with an error; nothing if it has ended. */
  abstract fail(error: unknown, how?: CallOutcome): void;

  protected abstract granted(exchange: Exchange): void;

  /** Goes to the coordinator, with a session's wish for a worker. */
  ask(wish: Affinity | null = null): void {
    if (this.isLate) return this.onRefused('closed');
    const affinity = this.#beside(wish);
    const mayWait = this.mayWaitFor(affinity);
    const { waiter } = this;
    // Most want what they wanted at first, and a hundred thousand may wait.
    if (affinity !== waiter.affinity || mayWait !== waiter.mayWait)
      this.waiter = { ...waiter, affinity, mayWait, isShort: false };
    this.runtime.ask(this, this.#isLetIn);
    this.#isLetIn = true;
    this.refuseIfDeadlocked();
  }

  /** Its turn comes before that of the other, where any worker would do for both. */
  goesBefore(other: Asking): boolean {
    return byAge(this.runtime.settings)(this.waiter, other.waiter) < 0;
  }

  /** Leaves the queue to one that stands in for both there, if that one's turn comes sooner. False: it stays where it is. */
  givesWayTo(other: Asking): boolean {
    if (!this.mayWait || !other.goesBefore(this) || !this.runtime.askers.has(this.waiter.ticket)) return false;
    this.withdraw();
    return true;
  }

  /** A session's: lets it in among those who wait, though it asks for no worker yet. False: it is refused. */
  letIn(): boolean {
    const reason = this.#isLetIn ? undefined : this.runtime.whyFull(this.waiter);
    this.#isLetIn = true;
    if (reason !== undefined) this.onRefused(reason);
    return reason === undefined;
  }

  /** It asks in place of one that was let in, and counts in its place. */
  standIn(): void {
    this.#isLetIn = true;
  }

  /** A session's: waits for another of it to meet a worker, any worker, and has asked for none itself. */
  waitBehind(): void {
    this.#isLetIn = true;
    // The one that it may have waited for has left.
    this.waiter = { ...this.waiter, affinity: null };
    this.refuseIfDeadlocked();
  }

  /**
   * Goes to the coordinator once more, to its old place and for any worker.
   *
   * @param isBack It had a worker that never came to it, or was of no use.
   */
  protected askOnceMore(isBack: boolean): void {
    const { clock, settings } = this.runtime;
    const now = clock.now();
    // One that is back has waited all the time, and for another attempt it waits anew.
    if (!isBack) this.#waitsSince = now;
    this.#queueBudget = this.#newQueueBudget(now - this.#waitsSince);
    // What the attempt before took is no waiting, for which it might be shed.
    const askedAt = isBack || settings.shed === null ? this.waiter.askedAt : Math.floor(now);
    this.waiter = { ...this.waiter, affinity: this.#beside(null), askedAt };
    this.runtime.ask(this, isBack);
    this.refuseIfDeadlocked();
    // Before, it went on by itself.
    if (!isBack) lookAgain();
  }

  /** Who would wait for ever is told so. */
  protected refuseIfDeadlocked(): void {
    refuseIfDeadlocked(this.child);
  }

  /** What is sent there would wait behind a call in whose function this was made. */
  isBehind(hand: WorkerHand): boolean {
    const { lane } = this.runtime.settings;
    // In the other lanes calls go on beside each other, unless one of them blocks all.
    return callAbove(this.parent, (call) => call.worker === hand && (lane === 'serial' || call.blocks)) !== undefined;
  }

  /**
   * What is sent there would wait behind a call that waits for it, if not for it alone: what else that waits for may end
   * before. And it may ask for another.
   *
   * @param child This one, or another that waits for what it asks for.
   */
  isOfNoUse({ worker }: Exchange, child = this.child): boolean {
    const { inFront } = worker.pipe;
    if (child === undefined || inFront === undefined) return false;
    return isBelow(child, inFront) || deadlockOf(child, [inFront]) !== undefined;
  }

  /**
   * Asks once more, and has that slot until it has another, or Python has come to something else there: given back before,
   * it would be granted to it again at once. Nobody loses by that, since whoever had it would wait there for this as well.
   *
   * @param child Who would wait there for ever: this one, or another that goes where this one goes, or waits for it.
   */
  spurn(exchange: Exchange, child: Child, spurned: Spurned): void {
    this.close();
    spurned.keep(exchange, child);
    this.askOnceMore(true);
    // What was granted together with it has not come to everybody yet.
    lookAgain();
  }

  /** False: it is refused rather than to wait. */
  protected mayWaitFor(affinity: Affinity | null): boolean {
    return this.mayWait || !affinity?.strict;
  }

  /** What those wait for who hold every slot that could serve it, or what it waits for itself; undefined if one is free, or may come up. */
  waitsFor(): readonly (Child | undefined)[] | undefined {
    const behind = this.session?.waitsBehind?.();
    if (behind !== undefined) return [behind];
    return this.runtime.keepers(this.waiter.affinity);
  }

  /** What all have in common who wait for the same. */
  get queue(): object | undefined {
    return this.session?.waitsBehind?.() === undefined ? this.runtime.queueFor(this.waiter.affinity) : undefined;
  }

  onGranted(exchange: Exchange): void {
    if (this.session?.onGranted(exchange) === false) return;
    this.#queueBudget?.close();
    this.granted(exchange);
  }

  onRefused(reason: RefusalReason): void {
    if (reason === 'worker-left') this.session?.onWorkerLeft?.();
    else if (reason === 'overloaded') this.fail(this.runtime.shed(this.#waitedMs), 'shed');
    else this.fail(this.runtime.refusal(reason, this.waiter.fairnessKey ?? undefined), 'refused');
  }

  /** What its caller is told when its time is up where it waits. */
  timeout(): Error {
    return this.runtime.queueTimeout(this.#waitedMs);
  }

  /** Takes it out of wherever it waits. */
  withdraw(): void {
    this.runtime.withdraw(this.waiter);
  }

  get #waitedMs(): number {
    return this.runtime.clock.now() - this.waiter.askedAt;
  }

  /**
   * The wish, or one for a worker with room where it waits behind none of the calls in whose functions this was made:
   * that would be for ever.
   */
  #beside(wish: Affinity | null): Affinity | null {
    const { runtime, parent } = this;
    const { slots, lane } = runtime.settings;
    if (parent === undefined || slots === 1 || wish?.strict) return wish;
    if (lane !== 'serial' && ![...runtime.hands.values()].some((hand) => this.isBehind(hand))) return wish;
    let best: WorkerHand | undefined;
    for (const hand of runtime.hands.values()) {
      if (this.isBehind(hand) || !hand.hasFreeSlot) continue;
      if (hand.id === wish?.worker) return wish;
      if (best === undefined || hand.pipe.owes < best.pipe.owes) best = hand;
    }
    return best === undefined ? wish : preferring(best);
  }

  protected close(): void {
    this.#queueBudget?.close();
  }

  #newQueueBudget(waitedMs = 0): Budget | undefined {
    const { clock, settings } = this.runtime;
    if (settings.queueTimeoutMs === undefined) return undefined;
    return new Budget(clock, own({ timeoutMs: Math.max(0, settings.queueTimeoutMs - waitedMs) }), () => {
      const error = this.timeout();
      this.withdraw();
      this.fail(error, 'timedOut');
    });
  }
}

/** The slots that were granted to somebody and are of no use, until there is one that is. */
export class Spurned {
  readonly #exchanges: Exchange[] = [];

  get isEmpty(): boolean {
    return this.#exchanges.length === 0;
  }

  keep(exchange: Exchange, child: Child): void {
    this.#exchanges.push(exchange);
    exchange.keepFor(child);
  }

  giveBack(): void {
    for (const exchange of this.#exchanges.splice(0)) exchange.end();
  }
}

/** Asks for a worker for one call. */
export class CallAsking extends Asking implements CallHome {
  protected readonly call: Call;

  /** @param isShort It may wait in a worker's pipe. */
  constructor(runtime: Runtime, call: Call, standing: Standing, isShort = false) {
    super(runtime, standing, isShort, call.askedAt);
    this.call = call;
    call.waitAt(this);
    if (runtime.askers.size >= MANY) joinPieces(call);
    if (runtime.settings.queueTimeoutMs !== undefined) call.onSettled(() => this.close());
  }

  get holder(): undefined {
    return undefined;
  }

  override get child(): Call {
    return this.call;
  }

  get parent(): Run | undefined {
    return this.call.parent;
  }

  get isSettled(): boolean {
    return this.call.isSettled;
  }

  override get boundTo(): WorkerHand | undefined {
    return this.call.handles?.worker;
  }

  get askAgain(): CallHome['askAgain'] {
    const isBound = this.boundTo !== undefined || this.waiter.affinity?.strict;
    return isBound ? undefined : (isBack = false) => this.askOnceMore(isBack);
  }

  /** Runs `run` once it needs its session no more. */
  onOver(run: () => void): void {
    this.call.onSettled(run);
  }

  fail(error: unknown, how?: CallOutcome): void {
    this.call.failToBeSent(error, how);
  }

  override onGranted(exchange: Exchange): void {
    if (this.waiter.isShort && this.#isShortInVain(exchange)) this.#askAsLong(exchange);
    else super.onGranted(exchange);
  }

  protected granted(exchange: Exchange): void {
    exchange.send(this.call);
  }

  /** To be short is of no use to it any more: its function is not, or what it would wait behind was given up and may take its time. */
  #isShortInVain({ worker }: Exchange): boolean {
    return worker.pipe.isHeldUp || this.runtime.prefetch.isLongSince(this.call, this.waiter.ticket);
  }

  /**
   * Gives back what it was granted as a short one, and asks once more as one that is not: neither is it to wait behind others
   * nor others behind it.
   */
  #askAsLong(exchange: Exchange): void {
    this.waiter = { ...this.waiter, isShort: false };
    exchange.end(true);
    this.runtime.ask(this, true);
  }
}

/** Asks for a worker for one call that somebody waits for in the function of another, or may come to. */
class NestedAsking extends CallAsking {
  readonly #spurned = new Spurned();

  override onGranted(exchange: Exchange): void {
    const inVain = this.askAgain && this.#waiting.find((child) => this.isOfNoUse(exchange, child));
    if (inVain !== undefined) {
      if (this.#spurned.isEmpty) this.call.onSettled(() => this.#spurned.giveBack());
      return this.spurn(exchange, inVain, this.#spurned);
    }
    super.onGranted(exchange);
  }

  protected override granted(exchange: Exchange): void {
    super.granted(exchange);
    this.#spurned.giveBack();
  }

  protected override refuseIfDeadlocked(): void {
    for (const child of this.#waiting) refuseIfDeadlocked(child);
  }

  /** Who waits for it, the newest first. */
  get #waiting(): readonly Child[] {
    return [this.call, ...this.runtime.shared.sharersOf(this.call)].toReversed();
  }
}

/** So many who wait that it matters how much room each takes. */
const MANY = 1_000;

/** What asks for a worker for that call. */
export function askingFor(runtime: Runtime, call: Call, options: CallOptions, isShort = false): CallAsking {
  // One that is shared may be made again in the function of a call, and is waited for there as well.
  const Kind = call.parent === undefined && options.idempotencyKey === undefined ? CallAsking : NestedAsking;
  return new Kind(runtime, call, options, isShort);
}

/** The wish for that worker and no other. */
export function only({ id, place }: WorkerHand): Affinity {
  return { worker: id, place, strict: true };
}

/** The wish for one worker rather than another. */
export function preferring(worker: WorkerHand | undefined): Affinity | null {
  return worker === undefined ? null : { worker: worker.id, place: worker.place, strict: false };
}
