import type { ClientRef, LeaseId } from '../machines/index.js';
import type { WorkerHand } from './actors/worker.js';
import type { Call } from './call.js';
import type { PoolError } from './errors.js';
import { encodeCredit } from './wire/message.js';

/** How a request was answered. */
export type Answer = { readonly value: unknown } | { readonly error: PoolError };

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
  readonly worker: WorkerHand;
  readonly #client: ClientRef;
  readonly #holder: LeaseHolder | undefined;
  #unanswered: { readonly id: number; readonly call: Call } | undefined;
  #isAbandoned = false;
  #isOver = false;

  /** @param holder Absent for a single call, which gives the lease back with its answer. */
  constructor(lease: LeaseId, worker: WorkerHand, client: ClientRef, holder?: LeaseHolder) {
    this.lease = lease;
    this.worker = worker;
    this.#client = client;
    this.#holder = holder;
    worker.exchange = this;
  }

  get isBusy(): boolean {
    return this.#unanswered !== undefined;
  }

  /** The request that Python owes an answer to. */
  get requestId(): number | undefined {
    return this.#unanswered?.id;
  }

  callName(id: number): string | undefined {
    return this.#unanswered?.id === id ? this.#unanswered.call.name : undefined;
  }

  contextOf(id: number): Call['context'] {
    return this.#unanswered?.id === id ? this.#unanswered.call.context : undefined;
  }

  send(call: Call): void {
    this.#unanswered = { id: this.worker.request(call), call };
    call.onSent(this);
  }

  /** An answer has come for the request `id`. False: nobody asked that. */
  answer(id: number, answer: Answer): boolean {
    if (this.#unanswered?.id !== id) return false;
    const { call } = this.#unanswered;
    const wasAbandoned = this.#isAbandoned;
    this.#unanswered = undefined;
    this.#isAbandoned = false;
    if (wasAbandoned) this.worker.counters.cancelled.kept += 1;
    if (!this.#holder?.holds) this.end();
    else if (wasAbandoned) this.#client.send({ type: 'exchange.resumed', lease: this.lease });
    call.onAnswered(answer);
    this.#holder?.onAnswered();
    return true;
  }

  /** Items of the stream of the request `id` have come. False: nobody asked for them. */
  items(id: number, values: readonly unknown[], bytes: number): boolean {
    return this.#unanswered?.id === id && this.#unanswered.call.onItems(values, bytes);
  }

  /** The reader of this call's stream has made room. */
  credit(call: Call, items: number, bytes: number): void {
    if (this.#unanswered?.call === call) this.worker.say(encodeCredit(this.#unanswered.id, items, bytes));
  }

  /** Nobody waits for this call's answer any more. Python still owes it, so the lease stays where it is. */
  abandon(call: Call): void {
    if (this.#unanswered?.call !== call || this.#isAbandoned) return;
    this.#isAbandoned = true;
    this.#client.send({ type: 'exchange.abandoned', lease: this.lease });
  }

  /** The lease is wanted no further. It goes back at once, or with the answer that is still owed. */
  end(): void {
    if (this.#isOver || this.#unanswered !== undefined) return;
    this.#isOver = true;
    this.worker.exchange = undefined;
    this.#client.send({ type: 'exchange.ended', lease: this.lease });
  }

  /** The worker is gone, or on its way out. */
  lost(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.worker.exchange = undefined;
    const request = this.#unanswered;
    this.#unanswered = undefined;
    if (this.#isAbandoned) this.worker.counters.cancelled.killed += 1;
    request?.call.onAnswered({ error: this.worker.loss(request.call.name, request.id) });
    this.#holder?.onLost();
  }
}
