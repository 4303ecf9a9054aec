import type { ClientRef, LeaseId } from '../../machines/index.js';
import { remove } from '../base/remove.js';
import { type EndedLease, LeaseEndedError, type PoolError } from '../errors.js';
import type { Batch } from '../map/batch.js';
import type { MappedMessage, MessageDuringCall } from '../wire/message.js';
import type { Vigil } from '../worker/vigil.js';
import type { WorkerHand } from '../worker/worker-hand.js';
import type { Call } from './call.js';
import { type Child, callOf, lookAgain } from './children.js';
import type { Request } from './pipe.js';
import type { Started } from './retries.js';

/** How a request was answered. */
export type Answer =
  | { readonly value: unknown }
  | {
      readonly error: PoolError;
      /** `false`: Python has not even begun. */
      readonly started?: boolean | undefined;
    };

/** How a request was lost. */
export interface Loss {
  readonly error: PoolError;
  /** Whether Python had begun with it. */
  readonly started: Started;
  /** The pool itself ends. */
  readonly isFinal: boolean;
}

/** Whoever keeps a lease for more than one call. */
export interface LeaseHolder {
  /** The lease is wanted further. */
  readonly holds: boolean;
  /** Whose end gives the lease back, if nothing does so before: an `onLost`. */
  readonly keptBy?: Child | undefined;
  /** It is of no use while its worker runs what it runs now. */
  readonly isSpurned?: boolean;
  /** Nothing is unanswered: the next request may be sent. */
  onAnswered(): void;
  /** The lease is over. */
  onLost(ended: EndedLease): void;
}

/**
 * The requests and replies under one lease, between the client of a slot and
 * its worker. Python runs one at a time, in the order in which they were sent,
 * and the next may be in the pipe meanwhile. The client's chart is told when
 * nobody waits for the answer to the one that runs, and when all is done.
 */
export class Exchange {
  readonly lease: LeaseId;
  readonly slot: number;
  readonly worker: WorkerHand;
  /** Whether others may have been let in behind its call, as that is short. */
  readonly #isShort: boolean;
  readonly #client: ClientRef;
  #holder: LeaseHolder | undefined;
  /** In the order in which they were sent. Those behind the first are in the pipe. */
  readonly #requests: Request[] = [];
  /** Present while Python runs a request that has limits. */
  #vigil: Vigil | undefined;
  #isOver = false;

  /** @param holder Absent for a single call, which gives the lease back with its answer. */
  constructor(
    lease: LeaseId,
    slot: number,
    worker: WorkerHand,
    client: ClientRef,
    holder?: LeaseHolder,
    isShort = false,
  ) {
    this.lease = lease;
    this.#isShort = isShort;
    this.slot = slot;
    this.worker = worker;
    this.#client = client;
    this.#holder = holder;
    worker.exchanges[slot] = this;
  }

  get isBusy(): boolean {
    return this.#requests.length > 0;
  }

  /** The request whose answer comes next. */
  get requestId(): number | undefined {
    return this.#requests[0]?.id;
  }

  /** The call of a batch that runs and is given up by itself. */
  get lateItem(): number | undefined {
    const [next] = this.#requests;
    return next?.isAbandoned ? undefined : next?.lateItem;
  }

  /** The call that waits for that answer; undefined if none does, or does any more. */
  get call(): Call | undefined {
    const [next] = this.#requests;
    return next?.isAbandoned ? undefined : next?.call;
  }

  /** What others wait for who want its slot: that call, what keeps the lease, or else what Python runs before it comes to it. */
  get keeper(): Child | undefined {
    return this.call ?? this.#holder?.keptBy ?? this.ahead;
  }

  /** The call behind which a batch waits, or one that was given up: in the pipe, or where the worker stands still. */
  get ahead(): Child | undefined {
    const [next] = this.#requests;
    return next && this.#before(next);
  }

  /** The call before which Python does not go on with that one. */
  before(call: Call): Child | undefined {
    const request = this.#requestOf(call);
    return request && this.#before(request);
  }

  #before(request: Request): Child | undefined {
    const inFront = this.worker.pipe.ahead(request)?.call;
    if (inFront === undefined) return callOf(this.worker.blockedBy);
    // Python lets go of an attempt that was given up, though the call goes on elsewhere, or a function of it here.
    return inFront.worker === this.worker ? inFront : undefined;
  }

  /**
   * It is of no use, and is kept until that call has another, or has ended, or the worker has come to something else.
   *
   * @param call What it waits for; absent once that has to come by itself.
   */
  keepFor(call: Child | undefined): void {
    this.#holder = { holds: true, isSpurned: true, keptBy: call, onAnswered() {}, onLost() {} };
    this.worker.hasSpurned = true;
  }

  /** A call there was given up: its worker is not to live on for this where that is not answered in time. */
  revokeSpurned(): void {
    this.keepFor(this.worker.pipe.inFront);
    this.worker.runtime.tellClient(this.#client, { type: 'exchange.abandoned', lease: this.lease });
  }

  get isSpurned(): boolean {
    return this.#holder?.isSpurned ?? false;
  }

  /** All calls that wait for an answer. */
  get calls(): readonly Call[] {
    return this.#requests.flatMap(({ call }) => call ?? []);
  }

  /** Nobody waits for the answer that comes next. */
  get isAbandoned(): boolean {
    return this.#requests[0]?.isAbandoned ?? false;
  }

  /** Whether that call is in the pipe, and Python has not begun with it. */
  isPiped(call: Call): boolean {
    const { pipe } = this.worker;
    const request = this.#requestOf(call);
    return request !== undefined && !pipe.runs(request) && pipe.hasStarted(request.id) !== true;
  }

  /** Whether that call is on the line, if Python owes an answer to it. */
  hasSent(call: Call): boolean {
    const request = this.#requestOf(call);
    return request !== undefined && this.worker.pipe.hasSent(request.id);
  }

  /** Whether Python has begun with that call, if it owes an answer to it. */
  hasStarted(call: Call): Started {
    const request = this.#requestOf(call);
    return request === undefined ? false : this.worker.pipe.hasStarted(request.id);
  }

  /** Whether that call may be sent now: at once if nothing else is owed, or behind what says nothing but its answer. */
  takes(call: Call): boolean {
    // Its loss is being told: what is asked from within waits to hear of it, too.
    if (this.#isOver) return false;
    const last = this.#requests.at(-1);
    if (last === undefined) return true;
    if (!this.worker.pipe.takesSeveral || this.#requests.length >= PIPED_MAX) return false;
    if (last.call?.isPlain !== true || !call.isPlain) return false;
    return call.bin.length === 0 || this.worker.pipe.hasRoomFor(call);
  }

  send(call: Call): void {
    const refusal = call.refusalBy(this.worker);
    if (refusal !== undefined) {
      call.failToBeSent(refusal, 'refused');
      return this.#unsent();
    }
    const { pipe } = this.worker;
    const request = pipe.request(call, undefined, this);
    this.#requests.push(request);
    call.onSent(this);
    pipe.send(request);
    if (pipe.runs(request)) {
      this.onRunning(request);
      // Where a plain function holds up the loop, it waits behind that.
      if (this.worker.blockedBy !== undefined) lookAgain();
      return;
    }
    // Its slot comes free no sooner than that of the one in front. None that is sent ahead of its turn stands behind one with functions.
    if (this.#holder !== undefined || !this.worker.isBeyondItsSlots) return lookAgain();
    request.isAhead = true;
    this.worker.runtime.prefetch.counts.ahead += 1;
  }

  /** Sends calls that are one request, behind others of that kind alone. */
  sendBatch(batch: Batch): void {
    const { pipe } = this.worker;
    const request = pipe.request(undefined, batch, this);
    this.#requests.push(request);
    pipe.send(request);
    if (pipe.runs(request)) return this.onRunning(request);
    lookAgain();
  }

  /** The answer to a request has come. One that comes after all is lost is nobody's. */
  answer(request: Request, answer: Answer): void {
    if (this.#isOver) return;
    this.#answered(request, isBegun(answer));
    request.call?.onAnswered(answer, this);
    this.#holder?.onAnswered();
  }

  /** Calls of a batch were answered. False: those were not the ones that come next. */
  answerMapped(request: Request, message: MappedMessage): boolean {
    const { batch } = request;
    if (this.#isOver) return true;
    if (batch?.owes(request, message.id, message.values.length) !== true) return false;
    batch.onMapped(message);
    this.#answeredCalls(request, batch, true);
    return true;
  }

  /** A call of a batch was answered by itself. False: it was not the one that comes next. */
  answerOne(request: Request, batch: Batch, id: number, answer: Answer, tookUs?: number): boolean {
    if (this.#isOver) return true;
    if (!batch.owes(request, id, 1)) return false;
    batch.onAnswer(answer, tookUs);
    this.#answeredCalls(request, batch, isBegun(answer));
    return true;
  }

  /** Something is said of a request before its answer; after all is lost, to nobody. False: nobody asked for that. */
  hear({ call }: Request, message: MessageDuringCall): boolean {
    if (this.#isOver) return true;
    if (call === undefined) return false;
    this.#vigil?.beat();
    return call.hear(message, this);
  }

  /** Says something that belongs to this call, if it is still unanswered. */
  say(call: Call, encode: (id: number) => string, bin?: readonly Uint8Array[]): void {
    const request = this.#requestOf(call);
    if (request === undefined) return;
    this.#vigil?.beat();
    this.worker.pipe.say(encode(request.id), bin, request.id);
  }

  /** Nobody waits for the answer to this any more. Python still owes it, so the lease stays where it is. */
  abandon(what: Call | Batch): void {
    const request = this.#requestOf(what);
    // Its last answer is being told.
    if (request === undefined || request.isAbandoned || request.batch?.isAnswered) return;
    const { pipe } = this.worker;
    const runs = pipe.runs(request);
    if (runs) this.#endVigil();
    if (pipe.withdraw(request)) {
      this.#forget(request);
      return this.#unsent();
    }
    request.isAbandoned = true;
    // What is behind the one that is given up already is not to be begun either.
    if (!runs || request.lateItem !== undefined) pipe.forestall(request);
    if (!runs) return;
    this.onRunning(request);
    if (this.worker.hasSpurned) this.worker.revokeSpurned();
    // It may have held up others, who wait for those in their own functions again.
    lookAgain();
  }

  /**
   * Which call of that batch Python runs, by its number there; undefined if it runs something else, and while one is given up:
   * what is behind that may run already, and nobody knows since when.
   */
  runningIn(batch: Batch): number | undefined {
    const request = this.#requestOf(batch);
    if (request === undefined || request.isRevoked || batch.isAnswered) return undefined;
    if (!this.worker.pipe.runs(request)) return undefined;
    return this.worker.pipe.runningIn(request, batch);
  }

  /** Nobody waits for that call of that batch, which runs, while the others are waited for: Python is to end it and go on. */
  abandonItem(batch: Batch, index: number): void {
    const request = this.#requestOf(batch);
    if (request === undefined || request.isRevoked || request.isAbandoned) return;
    request.lateItem = request.id + index;
    request.isRevoked = true;
    this.worker.runtime.tellClient(this.#client, { type: 'exchange.abandoned', lease: this.lease });
    if (this.worker.hasSpurned) this.worker.revokeSpurned();
  }

  /** Python has come to the request: from now on it is its own doing if it does not answer. */
  onRunning(request: Request): void {
    if (this.#isOver || request.isRevoked) return;
    if (!request.isAbandoned) {
      if (request.call !== undefined) this.#vigil ??= this.worker.watch(request.call, request.id);
      return;
    }
    request.isRevoked = true;
    this.worker.runtime.tellClient(this.#client, { type: 'exchange.abandoned', lease: this.lease });
  }

  /** Whether another call may be made in it. */
  mayCarry(isShort: boolean): boolean {
    return !this.#isOver && this.#isShort === isShort;
  }

  /**
   * The lease is wanted no further. It goes back at once, or with the answer that is still owed.
   *
   * @param isUnused It has served nobody.
   */
  end(isUnused = this.isSpurned): void {
    if (this.#isOver || this.isBusy) return;
    const { runtime } = this.worker;
    // The next call may rather have its slot than one of those that were kept before.
    runtime.linger.end();
    this.close(isUnused);
    runtime.tellClient(this.#client, { type: 'exchange.ended', lease: this.lease, at: runtime.nowToShed });
  }

  /** Its client gives the lease back. */
  close(isUnused = false): void {
    this.#isOver = true;
    this.worker.exchanges[this.slot] = undefined;
    this.worker.endLease(this.lease, isUnused);
  }

  /** Calls of a batch were answered, and if they were the last, the request with them. */
  #answeredCalls(request: Request, batch: Batch, wereBegun: boolean): void {
    request.wasBegun ||= request.isAbandoned && wereBegun;
    this.#passLate(request, batch);
    if (!batch.isAnswered) return;
    this.worker.pipe.answered(request);
    this.#answered(request, request.wasBegun);
    this.#holder?.onAnswered();
    this.worker.pipe.goOn();
  }

  /** The one that was given up by itself may have been answered: what follows it is waited for. */
  #passLate(request: Request, batch: Batch): void {
    if (request.lateItem === undefined || request.isAbandoned) return;
    if (request.id + batch.answered <= request.lateItem) return;
    request.lateItem = undefined;
    this.worker.runtime.counters.cancelled.kept += 1;
    // With the last of a batch all of it is answered.
    if (batch.isAnswered) return;
    request.isRevoked = false;
    this.worker.runtime.tellClient(this.#client, { type: 'exchange.resumed', lease: this.lease });
  }

  #answered(request: Request, wasBegun: boolean): void {
    this.#forget(request);
    this.#endVigil();
    // What was given up in the pipe and never begun is not counted: nothing was cancelled.
    if (request.isAbandoned && wasBegun) this.worker.runtime.counters.cancelled.kept += 1;
    if (!this.#holder?.holds && !this.isBusy) return this.#rest(request);
    if (!request.isRevoked) return;
    this.worker.runtime.tellClient(this.#client, { type: 'exchange.resumed', lease: this.lease });
  }

  /** Nothing is owed any more: the lease goes back, is offered to who waits, or stays for the rest of the turn. */
  #rest({ isAbandoned }: Request): void {
    const isOfOneCall = this.#holder === undefined && !isAbandoned;
    if (isOfOneCall && this.#isShort && this.worker.mayOffer) {
      const { lease, slot } = this;
      const { runtime, place } = this.worker;
      runtime.offer({ type: 'lease.offered', lease, place, slot, client: this.#client });
    } else if (isOfOneCall && this.worker.mayLinger) {
      this.worker.runtime.linger.keep(this);
    } else {
      this.end();
    }
  }

  /** Python owes nothing for a request that it never got. */
  #unsent(): void {
    if (!this.#holder?.holds) this.end();
    this.#holder?.onAnswered();
  }

  /** The worker is gone, or on its way out. */
  lost(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.worker.exchanges[this.slot] = undefined;
    const ended = this.worker.lossOfLease(this);
    const { runtime, pipe } = this.worker;
    const requests = this.#requests.splice(0);
    this.#endVigil();
    if (requests[0]?.isRevoked) runtime.counters.cancelled.killed += 1;
    for (const request of requests) {
      const { id, call, batch } = request;
      batch?.onLost((index) => pipe.lossOfItem(batch, id + index));
      if (call === undefined) continue;
      const answer = pipe.heldAnswer(request);
      if (answer !== undefined) {
        call.onAnswered(answer, this);
        continue;
      }
      const loss = pipe.loss(request, call);
      // It was in the pipe by the pool's own choice, and there is still somewhere else to go.
      if (loss.started === false && request.isAhead && !runtime.endedBy && call.goElsewhere(this)) {
        runtime.prefetch.counts.moved += 1;
        continue;
      }
      // What Python never came to is told what a call is told that was never sent.
      if (request !== requests[0] && loss.started === false) call.fail(new LeaseEndedError(ended));
      else call.onLost(loss, this);
    }
    this.#holder?.onLost(ended);
  }

  #requestOf(what: Call | Batch): Request | undefined {
    for (const request of this.#requests) if (request.call === what || request.batch === what) return request;
    return undefined;
  }

  #forget(request: Request): void {
    remove(this.#requests, request);
  }

  #endVigil(): void {
    this.#vigil?.end();
    this.#vigil = undefined;
  }
}

/** Whether Python had begun with what it answers so. */
export function isBegun(answer: Answer): boolean {
  return !('error' in answer && answer.started === false);
}

/** How many requests of one lease may be unanswered at a time. */
const PIPED_MAX = 64;
