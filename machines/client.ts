import { sendTo, setup } from 'xstate';
import type { ClientEvent, CoordinatorRef, LeaseId, WorkerRef } from './messages.js';
import { assignWhole } from './whole.js';

/** What a client is made with. */
export interface ClientInput {
  /** How long Python may still answer once nobody waits for it. */
  readonly cancelGraceMs: number;
  readonly coordinator: CoordinatorRef;
}

/** What a client remembers. */
export interface ClientContext extends ClientInput {
  readonly held: HeldLease | null;
}

/** The lease that a client holds, with the worker and the slot that it is of. */
export interface HeldLease {
  readonly lease: LeaseId;
  readonly worker: WorkerRef;
  readonly slot: number;
}

/**
 * The client of one slot. It holds one lease at a time and runs the exchange
 * itself, straight with the leased worker: nobody stands between the two.
 */
export const clientMachine = setup({
  types: {} as { context: ClientContext; input: ClientInput; events: ClientEvent },
  actions: {
    // Effects, given hands in src/actors/client.ts.
    beginExchange: () => {},
    continueExchange: () => {},
    endExchange: () => {},
    failExchange: () => {},
    // What it remembers.
    holdLease: assignWhole(({ event, context: { cancelGraceMs, coordinator } }) => {
      const { lease, worker, slot } = event as Granted;
      return { cancelGraceMs, coordinator, held: { lease, worker, slot } };
    }),
    dropLease: assignWhole(({ context: { cancelGraceMs, coordinator } }) => ({
      cancelGraceMs,
      coordinator,
      held: null,
    })),
    // What it says to the worker whose lease it holds.
    releaseLease: sendTo(
      ({ context }) => context.held!.worker,
      ({ context, event }) => {
        const { lease, slot } = context.held!;
        // Where the time is asked for, no lease is offered.
        return { type: 'lease.released', lease, slot, at: event.type === 'exchange.ended' ? event.at : null };
      },
    ),
    revokeLease: sendTo(
      ({ context }) => context.held!.worker,
      ({ context }) => ({ type: 'lease.revoked', lease: context.held!.lease, slot: context.held!.slot }),
    ),
    resumeLease: sendTo(
      ({ context }) => context.held!.worker,
      ({ context }) => ({ type: 'lease.resumed', lease: context.held!.lease, slot: context.held!.slot }),
    ),
    reportOverdue: sendTo(
      ({ context }) => context.held!.worker,
      ({ context }) => ({ type: 'lease.overdue', lease: context.held!.lease, slot: context.held!.slot }),
    ),
    // What it says to the coordinator.
    returnWaiter: sendTo(
      ({ context }) => context.coordinator,
      ({ event }) => ({ type: 'lease.request', waiter: (event as Accepted).waiter, isBack: true }),
    ),
  },
  guards: {
    isHeldLease: ({ context, event }) => context.held?.lease === event.lease,
  },
  delays: { cancelGrace: ({ context }) => context.cancelGraceMs },
}).createMachine({
  id: 'client',
  context: ({ input }) => ({ ...input, held: null }),
  initial: 'free',
  states: {
    free: {
      on: {
        'lease.granted': { target: 'exchanging', actions: ['holdLease', 'beginExchange'] },
        // The lease was lost before whoever was next had it.
        'lease.accepted': { actions: 'returnWaiter' },
      },
    },
    exchanging: {
      on: {
        // Its call has been answered, and its lease was offered to whoever is next: that call follows under the same lease, of
        // which the worker need not hear, or the lease goes back.
        'lease.accepted': { guard: 'isHeldLease', actions: 'continueExchange' },
        'lease.declined': {
          guard: 'isHeldLease',
          target: 'free',
          actions: ['endExchange', 'releaseLease', 'dropLease'],
        },
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
      // What becomes of the worker then is the worker's to say.
      after: { cancelGrace: { actions: 'reportOverdue' } },
    },
  },
});

type Granted = ClientEvent & { type: 'lease.granted' };
type Accepted = ClientEvent & { type: 'lease.accepted' };
