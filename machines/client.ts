import { assign, sendTo, setup } from 'xstate';
import type { ClientEvent, LeaseId, WorkerRef } from './messages.js';
import type { Waiter } from './wait-queue.js';

export interface ClientContext {
  /** The lease it holds, with the worker that granted it and the caller for whom. */
  readonly held: { readonly lease: LeaseId; readonly worker: WorkerRef; readonly waiter: Waiter } | null;
}

/**
 * The client of one slot. It holds one lease at a time and runs the exchange
 * itself, straight with the leased worker: nobody stands between the two.
 */
export const clientMachine = setup({
  types: {} as { context: ClientContext; events: ClientEvent },
  actions: {
    // Effects, given hands in src/actors/client.ts.
    beginExchange: () => {},
    failExchange: () => {},
    // What it remembers.
    holdLease: assign({
      held: ({ event, context }) =>
        event.type === 'lease.granted'
          ? { lease: event.lease, worker: event.worker, waiter: event.waiter }
          : context.held,
    }),
    dropLease: assign({ held: null }),
    // What it says, always to the worker whose lease it holds.
    releaseLease: sendTo(
      ({ context }) => context.held!.worker,
      ({ context }) => ({ type: 'lease.released', lease: context.held!.lease }),
    ),
    revokeLease: sendTo(
      ({ context }) => context.held!.worker,
      ({ context }) => ({ type: 'lease.revoked', lease: context.held!.lease }),
    ),
    resumeLease: sendTo(
      ({ context }) => context.held!.worker,
      ({ context }) => ({ type: 'lease.resumed', lease: context.held!.lease }),
    ),
  },
  guards: {
    isHeldLease: ({ context, event }) => context.held?.lease === event.lease,
  },
}).createMachine({
  id: 'client',
  context: { held: null },
  initial: 'free',
  states: {
    free: {
      on: { 'lease.granted': { target: 'exchanging', actions: ['holdLease', 'beginExchange'] } },
    },
    exchanging: {
      on: {
        'exchange.ended': { guard: 'isHeldLease', target: 'free', actions: ['releaseLease', 'dropLease'] },
        'exchange.abandoned': { guard: 'isHeldLease', target: 'cancelling', actions: 'revokeLease' },
        'lease.lost': { guard: 'isHeldLease', target: 'free', actions: ['failExchange', 'dropLease'] },
      },
    },
    // Python owes an answer that nobody waits for. Until it has come, or the
    // worker is gone, the lease is not given back.
    cancelling: {
      on: {
        'exchange.ended': { guard: 'isHeldLease', target: 'free', actions: ['releaseLease', 'dropLease'] },
        'exchange.resumed': { guard: 'isHeldLease', target: 'exchanging', actions: 'resumeLease' },
        'lease.lost': { guard: 'isHeldLease', target: 'free', actions: ['failExchange', 'dropLease'] },
      },
    },
  },
});
