import type { ClientRef, LeaseId } from '../machines/index.js';
import type { WorkerHand } from './actors/worker.js';
import type { Call } from './call.js';
import type { PoolError } from './errors.js';
import type { MessageDuringCall } from './wire/message.js';

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

  callOf(id: number): Call | undefined {
    return this.#unanswered?.id === id ? this.#unanswered.call : undefined;
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

  /** Something is said of the request `id` before its answer. False: nobody asked for that. */
  hear(message: MessageDuringCall): boolean {
    return this.#unanswered?.id === message.id && this.#unanswered.call.hear(message);
  }

  /** Says something that belongs to this call, if it is still unanswered. */
  say(call: Call, encode: (id: number) => string, bin?: readonly Uint8Array[]): void {
    if (this.#unanswered?.call === call) this.worker.say(encode(this.#unanswered.id), bin);
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
