import { sendTo, setup } from 'xstate';
import type { ClientEvent, LeaseId, WorkerRef } from './messages.js';
import type { Waiter } from './wait-queue.js';
import { assignWhole } from './whole.js';

export interface ClientInput {
  /** How long Python may still answer once nobody waits for it. */
  readonly cancelGraceMs: number;
}

export interface ClientContext extends ClientInput {
  readonly held: HeldLease | null;
}

/** The lease that a client holds, with the worker and the slot that it is of, and the caller for whom. */
interface HeldLease {
  readonly lease: LeaseId;
  readonly worker: WorkerRef;
  readonly slot: number;
  readonly waiter: Waiter;
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
    failExchange: () => {},
    // What it remembers.
    holdLease: assignWhole(({ event, context: { cancelGraceMs } }) => {
      const { lease, worker, slot, waiter } = event as Granted;
      return { cancelGraceMs, held: { lease, worker, slot, waiter } };
    }),
    dropLease: assignWhole(({ context: { cancelGraceMs } }) => ({ cancelGraceMs, held: null })),
    // What it says, always to the worker whose lease it holds.
    releaseLease: sendTo(
      ({ context }) => context.held!.worker,
      ({ context, event }) => {
        const { lease, slot } = context.held!;
        return { type: 'lease.released', lease, slot, at: (event as Ended).at };
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
      // What becomes of the worker then is the worker's to say.
      after: { cancelGrace: { actions: 'reportOverdue' } },
    },
  },
});

type Granted = ClientEvent & { type: 'lease.granted' };
type Ended = ClientEvent & { type: 'exchange.ended' };
