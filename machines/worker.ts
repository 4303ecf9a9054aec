import { assign, enqueueActions, sendTo, setup } from 'xstate';
import type {
  ClientRef,
  CoordinatorRef,
  KillReason,
  LeaseId,
  SlotLeases,
  SupervisorRef,
  WorkerEvent,
} from './messages.js';
import type { WorkerId } from './wait-queue.js';
import { assignWhole } from './whole.js';

/** What a worker is made with. */
export interface WorkerInput {
  readonly worker: WorkerId;
  /** Where in the pool it lives; its replacement will live there too. */
  readonly place: number;
  readonly bootTimeoutMs: number;
  readonly evictGraceMs: number;
  readonly stopGraceMs: number;
  readonly termGraceMs: number;
  readonly coordinator: CoordinatorRef;
  readonly supervisor: SupervisorRef;
  /** By slot: its client. */
  readonly clients: readonly ClientRef[];
  /** So many of the slots are for short calls that wait in its pipe behind others. */
  readonly ahead: number;
}

/** What a worker remembers. */
export interface WorkerContext extends WorkerInput {
  /** By slot: the lease that is live there. */
  readonly leases: readonly (LiveLease | null)[];
  /** How many are live, how many of those are revoked, and how many of those are overdue. */
  readonly live: number;
  readonly revoked: number;
  readonly overdue: number;
  /** It is to be replaced. */
  readonly retired: boolean;
  /** How many leases it has served to their end, as far as that tells whether its start was good. */
  readonly served: number;
}

/** A lease that a worker has taken, and how it stands. */
export interface LiveLease {
  readonly lease: LeaseId;
  /** `revoked`: nobody waits for the answer that Python owes. `overdue`: and its grace time is up. */
  readonly state: 'awaited' | 'revoked' | 'overdue';
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
    terminateProcess: () => {},
    killProcess: (_, _params: { because: KillReason }) => {},
    beginRetirement: () => {},
    // What it remembers.
    takeLease: assignWhole(({ context, event }) => withLease(context, event as Granted, 'awaited')),
    endLease: assignWhole(({ context, event }) => withLease(context, event as OfLease, null)),
    noteRevoked: assignWhole(({ context, event }) => withLease(context, event as OfLease, 'revoked')),
    noteOverdue: assignWhole(({ context, event }) => withLease(context, event as OfLease, 'overdue')),
    noteResumed: assignWhole(({ context, event }) => withLease(context, event as OfLease, 'awaited')),
    noteRetired: assign({ retired: true }),
    // What it says.
    announceReady: sendTo(
      ({ context }) => context.supervisor,
      ({ context }) => ({ type: 'worker.ready', worker: context.worker, place: context.place }),
    ),
    announceJoined: sendTo(
      ({ context }) => context.coordinator,
      ({ context, self }) => ({
        type: 'worker.joined',
        worker: context.worker,
        place: context.place,
        ref: self,
        slots: context.clients.length - context.ahead,
        ahead: context.ahead,
      }),
    ),
    announceFreed: sendTo(
      ({ context }) => context.coordinator,
      ({ context, event }) => ({
        type: 'slot.freed',
        worker: context.worker,
        place: context.place,
        slot: (event as Released).slot,
        at: (event as Released).at,
      }),
    ),
    announceLeaving: sendTo(
      ({ context }) => context.coordinator,
      ({ context }) => ({ type: 'worker.leaving', worker: context.worker, place: context.place }),
    ),
    announceStaying: sendTo(
      ({ context }) => context.coordinator,
      ({ context }) => ({ type: 'worker.staying', worker: context.worker, place: context.place }),
    ),
    announceLeft: sendTo(
      ({ context }) => context.coordinator,
      ({ context }) => ({
        type: 'worker.left',
        worker: context.worker,
        place: context.place,
        leases: leasesOf(context),
      }),
    ),
    announceDead: sendTo(
      ({ context }) => context.supervisor,
      ({ context, event }) => ({
        type: 'worker.dead',
        worker: context.worker,
        place: context.place,
        proven: isProven(context, event),
      }),
    ),
    passLease: sendTo(
      ({ context, event }) => context.clients[(event as Granted).slot] as ClientRef,
      ({ event, self }) => {
        const { lease, slot, waiter } = event as Granted;
        return { type: 'lease.granted', lease, slot, waiter, worker: self };
      },
    ),
    loseLeases: enqueueActions<WorkerContext, WorkerEvent, undefined, WorkerEvent, never, never, never>(
      ({ context, enqueue }) => {
        for (const [slot, live] of context.leases.entries()) {
          if (live !== null)
            enqueue.sendTo(context.clients[slot] as ClientRef, { type: 'lease.lost', lease: live.lease });
        }
      },
    ),
  },
  guards: {
    isLiveLease: ({ context, event }) => liveLease(context, event) !== null,
    isAwaitedLease: ({ context, event }) => liveLease(context, event)?.state === 'awaited',
    isRevokedLease: ({ context, event }) => liveLease(context, event)?.state === 'revoked',
    isLastLease: ({ context, event }) => liveLease(context, event) !== null && context.live === 1,
    isLastRevoked: ({ context, event }) => isRevoked(liveLease(context, event)) && context.revoked === 1,
    isLastOverdue: ({ context, event }) => liveLease(context, event)?.state === 'overdue' && context.overdue === 1,
    isLastOverdueOfRetired: ({ context, event }) =>
      context.retired && liveLease(context, event)?.state === 'overdue' && context.overdue === 1,
    isLastAwaited: ({ context, event }) =>
      liveLease(context, event)?.state === 'awaited' && context.live - context.revoked === 1,
    isNobodyAwaited: ({ context, event }) =>
      liveLease(context, event)?.state === 'revoked' && context.live === context.revoked,
    isAsked: ({ event }) => event.type === 'worker.stop' && event.way === 'ask',
    isForced: ({ event }) => event.type === 'worker.stop' && event.way === 'kill',
  },
  delays: {
    bootTimeout: ({ context }) => context.bootTimeoutMs,
    evictGrace: ({ context }) => context.evictGraceMs,
    stopGrace: ({ context }) => context.stopGraceMs,
    killGrace: ({ context }) => context.stopGraceMs + context.termGraceMs,
  },
}).createMachine({
  id: 'worker',
  context: ({ input }) => ({
    ...input,
    leases: input.clients.map(() => null),
    live: 0,
    revoked: 0,
    overdue: 0,
    retired: false,
    served: 0,
  }),
  initial: 'spawning',
  states: {
    spawning: {
      entry: 'startProcess',
      on: {
        'process.ready': { target: 'idle', actions: ['announceReady', 'announceJoined'] },
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
    // No slot is leased.
    idle: {
      on: {
        'lease.granted': { target: 'leased', actions: ['takeLease', 'passLease'] },
        'worker.retire': {
          target: 'ending',
          actions: ['noteRetired', 'announceLeft', 'beginRetirement', 'askToStop'],
        },
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
        'lease.granted': { actions: ['takeLease', 'passLease'] },
        'lease.released': [
          { guard: 'isLastLease', target: 'idle', actions: ['endLease', 'announceFreed'] },
          { guard: 'isLiveLease', actions: ['endLease', 'announceFreed'] },
        ],
        'lease.revoked': { guard: 'isAwaitedLease', target: 'cancelling', actions: ['noteRevoked', 'interruptCall'] },
        'worker.retire': { target: 'retiring', actions: ['noteRetired', 'announceLeaving', 'beginRetirement'] },
        'worker.stop': {
          target: 'ending',
          actions: ['announceLeft', 'loseLeases', { type: 'killProcess', params: { because: 'stopped' } }],
        },
        'process.unfit': {
          target: 'ending',
          actions: ['announceLeft', 'loseLeases', { type: 'killProcess', params: { because: 'unfit' } }],
        },
        'process.exited': { target: 'dead', actions: ['announceLeft', 'loseLeases'] },
      },
    },
    // Python is part-way through a call that nobody waits for any more: it
    // may still answer and live, but nobody else gets that slot before it has.
    cancelling: {
      on: {
        'lease.granted': { actions: ['takeLease', 'passLease'] },
        'lease.released': [
          { guard: 'isLastLease', target: 'idle', actions: ['endLease', 'announceFreed'] },
          { guard: 'isLastRevoked', target: 'leased', actions: ['endLease', 'announceFreed'] },
          { guard: 'isLiveLease', actions: ['endLease', 'announceFreed'] },
        ],
        'lease.revoked': { guard: 'isAwaitedLease', actions: ['noteRevoked', 'interruptCall'] },
        'lease.resumed': [
          { guard: 'isLastRevoked', target: 'leased', actions: 'noteResumed' },
          { guard: 'isLiveLease', actions: 'noteResumed' },
        ],
        'lease.overdue': [
          {
            guard: 'isNobodyAwaited',
            target: 'ending',
            actions: ['announceLeft', 'loseLeases', { type: 'killProcess', params: { because: 'cancel-grace' } }],
          },
          { guard: 'isRevokedLease', target: 'evicting', actions: ['noteOverdue', 'announceLeaving'] },
        ],
        'worker.retire': { target: 'retiring', actions: ['noteRetired', 'announceLeaving', 'beginRetirement'] },
        'worker.stop': {
          target: 'ending',
          actions: ['announceLeft', 'loseLeases', { type: 'killProcess', params: { because: 'stopped' } }],
        },
        'process.unfit': {
          target: 'ending',
          actions: ['announceLeft', 'loseLeases', { type: 'killProcess', params: { because: 'unfit' } }],
        },
        'process.exited': { target: 'dead', actions: ['announceLeft', 'loseLeases'] },
      },
    },
    // It is well and to be replaced: nobody new comes in, and it goes with
    // its last lease, however long that is held.
    retiring: {
      on: {
        // It had been sent before the coordinator heard.
        'lease.granted': { actions: ['takeLease', 'passLease'] },
        'lease.released': [
          {
            guard: 'isLastLease',
            target: 'ending',
            actions: ['endLease', 'announceFreed', 'announceLeft', 'askToStop'],
          },
          { guard: 'isLiveLease', actions: ['endLease', 'announceFreed'] },
        ],
        'lease.revoked': { guard: 'isAwaitedLease', actions: ['noteRevoked', 'interruptCall'] },
        'lease.resumed': { guard: 'isLiveLease', actions: 'noteResumed' },
        'lease.overdue': [
          {
            guard: 'isNobodyAwaited',
            target: 'ending',
            actions: ['announceLeft', 'loseLeases', { type: 'killProcess', params: { because: 'cancel-grace' } }],
          },
          { guard: 'isRevokedLease', target: 'evicting', actions: 'noteOverdue' },
        ],
        'worker.stop': {
          target: 'ending',
          actions: ['announceLeft', 'loseLeases', { type: 'killProcess', params: { because: 'stopped' } }],
        },
        'process.unfit': {
          target: 'ending',
          actions: ['announceLeft', 'loseLeases', { type: 'killProcess', params: { because: 'unfit' } }],
        },
        'process.exited': { target: 'dead', actions: ['announceLeft', 'loseLeases'] },
      },
    },
    // It must end for one call, and lets those that others wait for finish
    // first: nobody new is sent to it. It stays if that one answers after all, unless
    // it is to be replaced.
    evicting: {
      on: {
        // It had been sent before the coordinator heard.
        'lease.granted': { actions: ['takeLease', 'passLease'] },
        'lease.released': [
          {
            guard: 'isLastAwaited',
            target: 'ending',
            actions: [
              'endLease',
              'announceFreed',
              'announceLeft',
              'loseLeases',
              { type: 'killProcess', params: { because: 'cancel-grace' } },
            ],
          },
          { guard: 'isLastOverdueOfRetired', target: 'retiring', actions: ['endLease', 'announceFreed'] },
          { guard: 'isLastRevoked', target: 'leased', actions: ['endLease', 'announceFreed', 'announceStaying'] },
          { guard: 'isLastOverdue', target: 'cancelling', actions: ['endLease', 'announceFreed', 'announceStaying'] },
          { guard: 'isLiveLease', actions: ['endLease', 'announceFreed'] },
        ],
        'lease.revoked': [
          {
            guard: 'isLastAwaited',
            target: 'ending',
            actions: ['announceLeft', 'loseLeases', { type: 'killProcess', params: { because: 'cancel-grace' } }],
          },
          { guard: 'isAwaitedLease', actions: ['noteRevoked', 'interruptCall'] },
        ],
        'lease.resumed': [
          { guard: 'isLastOverdueOfRetired', target: 'retiring', actions: 'noteResumed' },
          { guard: 'isLastRevoked', target: 'leased', actions: ['noteResumed', 'announceStaying'] },
          { guard: 'isLastOverdue', target: 'cancelling', actions: ['noteResumed', 'announceStaying'] },
          { guard: 'isLiveLease', actions: 'noteResumed' },
        ],
        'lease.overdue': { guard: 'isRevokedLease', actions: 'noteOverdue' },
        'worker.retire': { actions: ['noteRetired', 'beginRetirement'] },
        'worker.stop': {
          target: 'ending',
          actions: ['announceLeft', 'loseLeases', { type: 'killProcess', params: { because: 'stopped' } }],
        },
        'process.unfit': {
          target: 'ending',
          actions: ['announceLeft', 'loseLeases', { type: 'killProcess', params: { because: 'unfit' } }],
        },
        'process.exited': { target: 'dead', actions: ['announceLeft', 'loseLeases'] },
      },
      after: {
        evictGrace: {
          target: 'ending',
          actions: ['announceLeft', 'loseLeases', { type: 'killProcess', params: { because: 'cancel-grace' } }],
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
      // One that was asked is told by signal, and then killed.
      after: {
        stopGrace: { actions: 'terminateProcess' },
        killGrace: { actions: { type: 'killProcess', params: { because: 'stopped' } } },
      },
    },
    // Not a final state of the chart: XState would report it to a supervisor that may have closed upon it.
    dead: { entry: 'announceDead' },
  },
});

type Granted = WorkerEvent & { type: 'lease.granted' };
type Released = WorkerEvent & { type: 'lease.released' };
type OfLease = Extract<WorkerEvent, { lease: LeaseId }>;

/** The lease that an event is about, if that is live; null for one of long ago. */
function liveLease({ leases }: WorkerContext, event: WorkerEvent): LiveLease | null {
  const { lease, slot } = event as OfLease;
  const live = leases[slot] ?? null;
  return live?.lease === lease ? live : null;
}

function isRevoked(live: LiveLease | null): boolean {
  return live !== null && live.state !== 'awaited';
}

/** The leases with this one in that state, or without it, and how many there are of each. */
function withLease(context: WorkerContext, { lease, slot }: OfLease, state: LiveLease['state'] | null): WorkerContext {
  const was = context.leases[slot] ?? null;
  const is = state && { lease, state };
  const leases = context.leases.slice();
  leases[slot] = is;
  // All names are written out: V8 makes such a literal in a tenth of the time that a spread takes.
  return {
    worker: context.worker,
    place: context.place,
    bootTimeoutMs: context.bootTimeoutMs,
    evictGraceMs: context.evictGraceMs,
    stopGraceMs: context.stopGraceMs,
    termGraceMs: context.termGraceMs,
    coordinator: context.coordinator,
    supervisor: context.supervisor,
    clients: context.clients,
    ahead: context.ahead,
    leases,
    live: context.live + Number(is !== null) - Number(was !== null),
    revoked: context.revoked + Number(isRevoked(is)) - Number(isRevoked(was)),
    overdue: context.overdue + Number(is?.state === 'overdue') - Number(was?.state === 'overdue'),
    retired: context.retired,
    served: Math.min(context.served + Number(is === null), LEASES_THAT_PROVE),
  };
}

/**
 * Whether its end says nothing about the next start: it was to be replaced, or it has served. One that goes by itself
 * after its first lease might do so for ever, and must have served a second. Null: nothing is known of its start.
 */
function isProven({ retired, served }: WorkerContext, event: WorkerEvent): boolean | null {
  const exit = event.type === 'process.exited' ? event : undefined;
  if (retired || served >= (exit?.byItself ? LEASES_THAT_PROVE : 1)) return true;
  return exit?.isBlameless ? null : false;
}

function leasesOf({ leases }: WorkerContext): SlotLeases {
  return leases.map((live) => live?.lease ?? null);
}

/** How many leases a worker must have served to their end before nothing that it does by itself speaks against its start. */
export const LEASES_THAT_PROVE = 2;
