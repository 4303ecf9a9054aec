import { assign, sendTo, setup } from 'xstate';
import type { ClientRef, CoordinatorRef, KillReason, LeaseId, SupervisorRef, WorkerEvent } from './messages.js';
import type { WorkerId } from './wait-queue.js';

export interface WorkerInput {
  readonly worker: WorkerId;
  /** Where in the pool it lives; its replacement will live there too. */
  readonly place: number;
  readonly bootTimeoutMs: number;
  readonly cancelGraceMs: number;
  readonly stopGraceMs: number;
  readonly coordinator: CoordinatorRef;
  readonly supervisor: SupervisorRef;
  /** The client of this worker's slot. */
  readonly client: ClientRef;
}

export interface WorkerContext extends WorkerInput {
  /** The lease that is live on this worker. */
  readonly lease: LeaseId | null;
  /** It has served a lease to its end. */
  readonly proven: boolean;
}

/**
 * One Python process and what may happen to it. The only actor that may end
 * that process.
 */
export const workerMachine = setup({
  types: {} as { context: WorkerContext; input: WorkerInput; events: WorkerEvent },
  actions: {
    // Effects, given hands in src/actors/worker.ts.
    startProcess: () => {},
    interruptCall: () => {},
    askToStop: () => {},
    killProcess: (_, _params: { because: KillReason }) => {},
    // What it remembers.
    takeLease: assign({
      lease: ({ event, context }) => (event.type === 'lease.granted' ? event.lease : context.lease),
    }),
    endLease: assign({ lease: null, proven: true }),
    // What it says.
    announceReady: sendTo(
      ({ context }) => context.supervisor,
      ({ context }) => ({ type: 'worker.ready', worker: context.worker, place: context.place }),
    ),
    announceIdle: sendTo(
      ({ context }) => context.coordinator,
      ({ context, self }) => ({ type: 'worker.idle', worker: context.worker, place: context.place, ref: self }),
    ),
    announceLeft: sendTo(
      ({ context }) => context.coordinator,
      ({ context }) => ({
        type: 'worker.left',
        worker: context.worker,
        place: context.place,
        lease: context.lease,
      }),
    ),
    announceDead: sendTo(
      ({ context }) => context.supervisor,
      ({ context }) => ({
        type: 'worker.dead',
        worker: context.worker,
        place: context.place,
        proven: context.proven,
      }),
    ),
    passLease: sendTo(
      ({ context }) => context.client,
      ({ event, self }) => ({ ...(event as WorkerEvent & { type: 'lease.granted' }), worker: self }),
    ),
    loseLease: sendTo(
      ({ context }) => context.client,
      ({ context }) => ({ type: 'lease.lost', lease: context.lease as LeaseId }),
    ),
  },
  guards: {
    isLiveLease: ({ context, event }) => 'lease' in event && event.lease === context.lease,
    isAsked: ({ event }) => event.type === 'worker.stop' && event.way === 'ask',
    isForced: ({ event }) => event.type === 'worker.stop' && event.way === 'kill',
  },
  delays: {
    bootTimeout: ({ context }) => context.bootTimeoutMs,
    cancelGrace: ({ context }) => context.cancelGraceMs,
    stopGrace: ({ context }) => context.stopGraceMs,
  },
}).createMachine({
  id: 'worker',
  context: ({ input }) => ({ ...input, lease: null, proven: false }),
  initial: 'spawning',
  states: {
    spawning: {
      entry: 'startProcess',
      on: {
        'process.ready': { target: 'idle', actions: 'announceReady' },
        'process.unfit': { target: 'ending', actions: { type: 'killProcess', params: { because: 'unfit' } } },
        'process.failed': 'dead',
        'process.exited': 'dead',
        'worker.stop': [
          { guard: 'isAsked', target: 'ending', actions: 'askToStop' },
          { target: 'ending', actions: { type: 'killProcess', params: { because: 'stopped' } } },
        ],
      },
      after: {
        bootTimeout: { target: 'ending', actions: { type: 'killProcess', params: { because: 'boot-timeout' } } },
      },
    },
    idle: {
      entry: 'announceIdle',
      on: {
        'lease.granted': { target: 'leased', actions: ['takeLease', 'passLease'] },
        'worker.stop': [
          { guard: 'isAsked', target: 'ending', actions: ['announceLeft', 'askToStop'] },
          { target: 'ending', actions: ['announceLeft', { type: 'killProcess', params: { because: 'stopped' } }] },
        ],
        'process.unfit': {
          target: 'ending',
          actions: ['announceLeft', { type: 'killProcess', params: { because: 'unfit' } }],
        },
        'process.exited': { target: 'dead', actions: 'announceLeft' },
      },
    },
    leased: {
      on: {
        'lease.released': { guard: 'isLiveLease', target: 'idle', actions: 'endLease' },
        'lease.revoked': { guard: 'isLiveLease', target: 'cancelling', actions: 'interruptCall' },
        'worker.stop': {
          target: 'ending',
          actions: ['announceLeft', 'loseLease', { type: 'killProcess', params: { because: 'stopped' } }],
        },
        'process.unfit': {
          target: 'ending',
          actions: ['announceLeft', 'loseLease', { type: 'killProcess', params: { because: 'unfit' } }],
        },
        'process.exited': { target: 'dead', actions: ['announceLeft', 'loseLease'] },
      },
    },
    // Python is part-way through a call that nobody waits for any more: it
    // may still answer and live, but nobody else gets it before it has.
    cancelling: {
      on: {
        'lease.released': { guard: 'isLiveLease', target: 'idle', actions: 'endLease' },
        'lease.resumed': { guard: 'isLiveLease', target: 'leased' },
        'worker.stop': {
          target: 'ending',
          actions: ['announceLeft', 'loseLease', { type: 'killProcess', params: { because: 'stopped' } }],
        },
        'process.unfit': {
          target: 'ending',
          actions: ['announceLeft', 'loseLease', { type: 'killProcess', params: { because: 'unfit' } }],
        },
        'process.exited': { target: 'dead', actions: ['announceLeft', 'loseLease'] },
      },
      after: {
        cancelGrace: {
          target: 'ending',
          actions: ['announceLeft', 'loseLease', { type: 'killProcess', params: { because: 'cancel-grace' } }],
        },
      },
    },
    // Still a live process until the kernel says that it is gone.
    ending: {
      on: {
        'worker.stop': { guard: 'isForced', actions: { type: 'killProcess', params: { because: 'stopped' } } },
        'process.exited': 'dead',
        // It was told to end before it was known that no process would come to be.
        'process.failed': 'dead',
      },
      after: { stopGrace: { actions: { type: 'killProcess', params: { because: 'stopped' } } } },
    },
    // Not a final state of the chart: XState would report it to a supervisor that may have closed upon it.
    dead: { entry: 'announceDead' },
  },
});
