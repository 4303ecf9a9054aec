import type { ClientRef, LeaseId } from '../machines/index.js';
import type { WorkerHand } from './actors/worker.js';
import type { Call } from './call.js';
import type { PoolError } from './errors.js';
import type { Started } from './retries.js';
import type { Vigil } from './vigil.js';
import type { MessageDuringCall } from './wire/message.js';

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
  /** Nothing is unanswered: the next request may be sent. */
  onAnswered(): void;
  onLost(): void;
}

/**
 * The requests and replies under one lease, between the client of a slot and
 * its worker. It sends one request at a time, and tells the client's chart
 * when nobody waits for the answer any more, and when all is done.
 */
export class Exchange {
  readonly lease: LeaseId;
  readonly slot: number;
  readonly worker: WorkerHand;
  readonly #client: ClientRef;
  readonly #holder: LeaseHolder | undefined;
  #unanswered: { readonly id: number; readonly call: Call } | undefined;
  /** Present while Python runs a request that has limits. */
  #vigil: Vigil | undefined;
  #isAbandoned = false;
  /** The client knows of it. */
  #isRevoked = false;
  #isOver = false;

  /** @param holder Absent for a single call, which gives the lease back with its answer. */
  constructor(lease: LeaseId, slot: number, worker: WorkerHand, client: ClientRef, holder?: LeaseHolder) {
    this.lease = lease;
    this.slot = slot;
    this.worker = worker;
    this.#client = client;
    this.#holder = holder;
    worker.exchanges[slot] = this;
  }

  get isBusy(): boolean {
    return this.#unanswered !== undefined;
  }

  /** The request that Python owes an answer to. */
  get requestId(): number | undefined {
    return this.#unanswered?.id;
  }

  /** The call that waits for its answer. */
  get call(): Call | undefined {
    return this.#unanswered?.call;
  }

  /** The one whose request Python runs, where this one's waits in the pipe. */
  get ahead(): Exchange | undefined {
    return this.worker.ahead(this);
  }

  /** Whether Python has begun with the request that it owes an answer to. */
  get hasStarted(): Started {
    return this.#unanswered === undefined ? false : this.worker.hasStarted(this.#unanswered.id);
  }

  /** Nobody waits for the answer that Python owes. */
  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  send(call: Call): void {
    const refusal = call.refusalBy(this.worker);
    if (refusal !== undefined) {
      call.fail(refusal);
      return this.#unsent();
    }
    this.#unanswered = { id: this.worker.request(call, this), call };
    call.onSent(this);
    if (this.worker.runs(this)) this.onRunning();
  }

  /** The answer to the request that was sent has come. */
  answer(answer: Answer): void {
    if (this.#unanswered === undefined) return;
    const { call } = this.#unanswered;
    const [wasAbandoned, wasRevoked] = [this.#isAbandoned, this.#isRevoked];
    this.#unanswered = undefined;
    this.#isAbandoned = false;
    this.#isRevoked = false;
    this.#endVigil();
    // What was given up in the pipe and never begun is not counted: nothing was cancelled.
    if (wasAbandoned && !('error' in answer && answer.started === false)) this.worker.counters.cancelled.kept += 1;
    if (!this.#holder?.holds) this.end();
    else if (wasRevoked) this.#client.send({ type: 'exchange.resumed', lease: this.lease });
    call.onAnswered(answer, this);
    this.#holder?.onAnswered();
  }

  /** Something is said of the request before its answer. False: nobody asked for that. */
  hear(message: MessageDuringCall): boolean {
    this.#vigil?.beat();
    return this.#unanswered?.call.hear(message, this) ?? false;
  }

  /** Says something that belongs to this call, if it is still unanswered. */
  say(call: Call, encode: (id: number) => string, bin?: readonly Uint8Array[]): void {
    if (this.#unanswered?.call !== call) return;
    this.#vigil?.beat();
    this.worker.say(encode(this.#unanswered.id), bin);
  }

  /** Nobody waits for this call's answer any more. Python still owes it, so the lease stays where it is. */
  abandon(call: Call): void {
    if (this.#unanswered?.call !== call || this.#isAbandoned) return;
    this.#endVigil();
    if (this.worker.withdraw(this.#unanswered.id)) {
      this.#unanswered = undefined;
      return this.#unsent();
    }
    this.#isAbandoned = true;
    if (this.worker.runs(this)) this.onRunning();
    else this.worker.forestall(this.slot);
  }

  /** Python has come to the request: from now on it is its own doing if it does not answer. */
  onRunning(): void {
    if (this.#unanswered === undefined || this.#isRevoked) return;
    if (!this.#isAbandoned) {
      this.#vigil ??= this.worker.watch(this.#unanswered.call, this.#unanswered.id);
      return;
    }
    this.#isRevoked = true;
    this.#client.send({ type: 'exchange.abandoned', lease: this.lease });
  }

  /** The lease is wanted no further. It goes back at once, or with the answer that is still owed. */
  end(): void {
    if (this.#isOver || this.#unanswered !== undefined) return;
    this.#isOver = true;
    this.worker.exchanges[this.slot] = undefined;
    this.worker.endLease(this.lease);
    this.#client.send({ type: 'exchange.ended', lease: this.lease, at: this.worker.now });
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
    const request = this.#unanswered;
    this.#unanswered = undefined;
    this.#endVigil();
    if (this.#isRevoked) this.worker.counters.cancelled.killed += 1;
    request?.call.onLost(this.worker.loss(request.call, request.id, this), this);
    this.#holder?.onLost();
  }

  #endVigil(): void {
    this.#vigil?.end();
    this.#vigil = undefined;
  }
}
