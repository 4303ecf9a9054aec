import { assign, emit, sendTo, setup } from 'xstate';
import type {
  CoordinatorEmitted,
  CoordinatorEvent,
  LeaseId,
  RefusalReason,
  SupervisorRef,
  WorkerRef,
} from './messages.js';
import {
  addWaiter,
  emptyQueue,
  firstWaiterFor,
  hasWaiter,
  listWaiters,
  removeWaiter,
  takeBound,
  type Waiter,
  type WaitQueue,
  type WorkerId,
} from './wait-queue.js';

export interface CoordinatorInput {
  /** How many may wait at once. */
  readonly queueMax: number;
  readonly supervisor: SupervisorRef;
}

/** What the coordinator knows of one slot: whose it is, and to whom it was granted. */
export interface Slot {
  readonly worker: WorkerId;
  readonly ref: WorkerRef;
  readonly lease: LeaseId | null;
  /** To whom `lease` was granted: should the grant never have arrived, this is who goes back to the queue. */
  readonly waiter: Waiter | null;
}

export interface CoordinatorContext extends CoordinatorInput {
  /** By place; a hole where no worker is in service. */
  readonly slots: readonly (Slot | undefined)[];
  /** The places of the free slots. The one freed last is granted first, since its worker is the warmest. */
  readonly free: readonly number[];
  readonly queue: WaitQueue;
  readonly nextLease: LeaseId;
  /** The place that was granted last, for the message that says so. */
  readonly granted: number;
  /** Who was refused last, for the message that says so. */
  readonly refused: readonly Waiter[];
}

/**
 * Who is free, who waits, who gets whom; nothing else. It does no I/O, waits
 * for nothing and sees no payload: one event asks for a lease, one gives the
 * slot back, and a worker's end says which lease it had taken.
 */
export const coordinatorMachine = setup({
  types: {} as {
    context: CoordinatorContext;
    input: CoordinatorInput;
    events: CoordinatorEvent;
    emitted: CoordinatorEmitted;
  },
  actions: {
    grantToNewcomer: assign(({ context, event }) => {
      const { waiter } = event as Requested;
      return granted(context, placeFor(context, waiter) as number, waiter);
    }),
    enqueue: assign({ queue: ({ context, event }) => addWaiter(context.queue, (event as Requested).waiter) }),
    dequeue: assign({ queue: ({ context, event }) => removeWaiter(context.queue, (event as Cancelled).waiter) }),
    freeSlot: assign(({ context, event }) => freed(context, event as Idle)),
    grantToFirst: assign(({ context, event }) => {
      const { worker, place } = event as Idle;
      const waiter = firstWaiterFor(context.queue, worker) as Waiter;
      const queue = removeWaiter(context.queue, waiter);
      return granted({ ...context, ...freed(context, event as Idle), queue }, place, waiter);
    }),
    removeSlot: assign(({ context, event }) => withoutSlot(context, event as Left)),
    grantElsewhere: assign(({ context, event }) => {
      const waiter = unconfirmed(context, event as Left) as Waiter;
      const rest = { ...context, ...withoutSlot(context, event as Left) };
      const others = rest.refused.filter((each) => each !== waiter);
      const queue = removeWaiter(rest.queue, waiter);
      return granted({ ...rest, queue, refused: others }, placeFor(rest, waiter) as number, waiter);
    }),
    refuseNewcomer: assign({ refused: ({ event }) => [(event as Requested).waiter] }),
    refuseAll: assign({ refused: ({ context }) => listWaiters(context.queue), queue: emptyQueue }),
    refuseReturned: assign({
      refused: ({ context, event }) => [unconfirmed(context, event as Left) as Waiter],
      slots: ({ context, event }) => withoutSlot(context, event as Left).slots,
    }),
    sendGrant: sendTo(
      ({ context }) => (context.slots[context.granted] as Slot).ref,
      ({ context }) => {
        const slot = context.slots[context.granted] as Slot;
        return { type: 'lease.granted', lease: slot.lease as LeaseId, waiter: slot.waiter as Waiter };
      },
    ),
    sayRefused: emit(({ context }, params: { reason: RefusalReason }) => ({
      type: 'waiters.refused',
      waiters: context.refused,
      reason: params.reason,
    })),
    announceClosed: sendTo(({ context }) => context.supervisor, { type: 'coordinator.closed' }),
  },
  guards: {
    hasFreeSlotFor: ({ context, event }) => placeFor(context, (event as Requested).waiter) !== undefined,
    isBoundToNobody: ({ context, event }) => {
      const { affinity } = (event as Requested).waiter;
      return affinity?.strict === true && context.slots[affinity.place]?.worker !== affinity.worker;
    },
    mayNotWait: ({ event }) => !(event as Requested).waiter.mayWait,
    isFull: ({ context }) => context.queue.size >= context.queueMax,
    isWaiting: ({ context, event }) => hasWaiter(context.queue, (event as Cancelled).waiter),
    isLastToDo: ({ context, event }) =>
      context.queue.size === 1 &&
      hasWaiter(context.queue, (event as Cancelled).waiter) &&
      context.slots.every((slot) => !slot || slot.lease === null),
    hasWaiterFor: ({ context, event }) => firstWaiterFor(context.queue, (event as Idle).worker) !== undefined,
    hasNothingElse: ({ context, event }) =>
      context.queue.size === 0 &&
      context.slots.every((slot, place) => !slot || slot.lease === null || place === (event as Idle).place),
    // The news may have crossed a worker that has just come into service.
    hasNoWorker: ({ context }) => context.slots.every((slot) => slot === undefined),
    hasNothing: ({ context }) =>
      context.queue.size === 0 && context.slots.every((slot) => !slot || slot.lease === null),
    canGrantElsewhere: ({ context, event }) => {
      const waiter = unconfirmed(context, event as Left);
      return waiter !== null && placeFor({ ...context, ...withoutSlot(context, event as Left) }, waiter) !== undefined;
    },
    isUnconfirmed: ({ context, event }) => unconfirmed(context, event as Left) !== null,
    leavesNothing: ({ context, event }) => {
      const rest = withoutSlot(context, event as Left);
      return rest.queue.size === 0 && rest.slots.every((slot) => !slot || slot.lease === null);
    },
  },
}).createMachine({
  id: 'coordinator',
  context: ({ input }) => ({
    ...input,
    slots: [],
    free: [],
    queue: emptyQueue,
    nextLease: 1,
    granted: -1,
    refused: [],
  }),
  initial: 'open',
  states: {
    open: {
      on: {
        'lease.request': [
          { guard: 'hasFreeSlotFor', actions: ['grantToNewcomer', 'sendGrant'] },
          {
            guard: 'isBoundToNobody',
            actions: ['refuseNewcomer', { type: 'sayRefused', params: { reason: 'worker-left' } }],
          },
          { guard: 'mayNotWait', actions: ['refuseNewcomer', { type: 'sayRefused', params: { reason: 'busy' } }] },
          { guard: 'isFull', actions: ['refuseNewcomer', { type: 'sayRefused', params: { reason: 'queue-full' } }] },
          { actions: 'enqueue' },
        ],
        'lease.cancel': { guard: 'isWaiting', actions: 'dequeue' },
        'worker.idle': [{ guard: 'hasWaiterFor', actions: ['grantToFirst', 'sendGrant'] }, { actions: 'freeSlot' }],
        'worker.left': [
          {
            // Its grant crossed the worker's end, and another slot is free.
            guard: 'canGrantElsewhere',
            actions: ['grantElsewhere', 'sendGrant', { type: 'sayRefused', params: { reason: 'worker-left' } }],
          },
          // Whoever it was granted to in vain waits again, at the old place.
          { actions: ['removeSlot', { type: 'sayRefused', params: { reason: 'worker-left' } }] },
        ],
        'pool.degraded': {
          guard: 'hasNoWorker',
          target: 'degraded',
          actions: ['refuseAll', { type: 'sayRefused', params: { reason: 'degraded' } }],
        },
        'pool.drain': [{ guard: 'hasNothing', target: 'closed' }, { target: 'draining' }],
        'pool.destroy': {
          target: 'closed',
          actions: ['refuseAll', { type: 'sayRefused', params: { reason: 'closed' } }],
        },
      },
    },
    // No worker lives and starts keep failing: said at once instead of letting callers wait.
    degraded: {
      on: {
        'lease.request': {
          actions: ['refuseNewcomer', { type: 'sayRefused', params: { reason: 'degraded' } }],
        },
        'worker.idle': { target: 'open', actions: 'freeSlot' },
        'pool.drain': 'closed',
        'pool.destroy': 'closed',
      },
    },
    // Those who wait are served; nobody else is let in.
    draining: {
      on: {
        'lease.request': { actions: ['refuseNewcomer', { type: 'sayRefused', params: { reason: 'closed' } }] },
        'lease.cancel': [
          { guard: 'isLastToDo', target: 'closed', actions: 'dequeue' },
          { guard: 'isWaiting', actions: 'dequeue' },
        ],
        'worker.idle': [
          { guard: 'hasWaiterFor', actions: ['grantToFirst', 'sendGrant'] },
          { guard: 'hasNothingElse', target: 'closed', actions: 'freeSlot' },
          { actions: 'freeSlot' },
        ],
        'worker.left': [
          {
            guard: 'canGrantElsewhere',
            actions: ['grantElsewhere', 'sendGrant', { type: 'sayRefused', params: { reason: 'worker-left' } }],
          },
          {
            guard: 'leavesNothing',
            target: 'closed',
            actions: ['removeSlot', { type: 'sayRefused', params: { reason: 'worker-left' } }],
          },
          { actions: ['removeSlot', { type: 'sayRefused', params: { reason: 'worker-left' } }] },
        ],
        'pool.degraded': {
          guard: 'hasNoWorker',
          target: 'closed',
          actions: ['refuseAll', { type: 'sayRefused', params: { reason: 'degraded' } }],
        },
        'pool.destroy': {
          target: 'closed',
          actions: ['refuseAll', { type: 'sayRefused', params: { reason: 'closed' } }],
        },
      },
    },
    // Nothing waits and nothing is granted any more.
    closed: {
      entry: 'announceClosed',
      on: {
        // What was granted before may still end as it should.
        'worker.idle': { actions: 'freeSlot' },
        'lease.request': { actions: ['refuseNewcomer', { type: 'sayRefused', params: { reason: 'closed' } }] },
        'worker.left': [
          {
            guard: 'isUnconfirmed',
            actions: ['refuseReturned', { type: 'sayRefused', params: { reason: 'closed' } }],
          },
          { actions: 'removeSlot' },
        ],
      },
    },
  },
});

type Requested = CoordinatorEvent & { type: 'lease.request' };
type Cancelled = CoordinatorEvent & { type: 'lease.cancel' };
type Idle = CoordinatorEvent & { type: 'worker.idle' };
type Left = CoordinatorEvent & { type: 'worker.left' };

/** The free slot that `waiter` gets: the worker it has met if that is free, else the warmest, else none. */
function placeFor({ slots, free }: CoordinatorContext, { affinity }: Waiter): number | undefined {
  if (affinity !== null) {
    const met = slots[affinity.place];
    if (met?.worker === affinity.worker && met.lease === null) return affinity.place;
    if (affinity.strict) return undefined;
  }
  return free.at(-1);
}

function granted(context: CoordinatorContext, place: number, waiter: Waiter): CoordinatorContext {
  const slot = context.slots[place] as Slot;
  return {
    ...context,
    slots: withSlot(context.slots, place, { ...slot, lease: context.nextLease, waiter }),
    free: context.free.filter((each) => each !== place),
    nextLease: context.nextLease + 1,
    granted: place,
  };
}

function freed({ slots, free }: CoordinatorContext, { worker, place, ref }: Idle) {
  return { slots: withSlot(slots, place, { worker, ref, lease: null, waiter: null }), free: [...free, place] };
}

/** The waiter whose grant the leaving worker never took, or null. */
function unconfirmed({ slots }: CoordinatorContext, { worker, place, lease }: Left): Waiter | null {
  const slot = slots[place];
  return slot?.worker === worker && slot.lease !== lease ? slot.waiter : null;
}

/**
 * The pool without the worker that left: whoever it was granted to in vain
 * waits again, and those who waited for it alone, or may not wait, are refused.
 */
function withoutSlot(context: CoordinatorContext, left: Left) {
  const waiter = unconfirmed(context, left);
  const queue = waiter?.mayWait ? addWaiter(context.queue, waiter) : context.queue;
  const [bound, rest] = takeBound(queue, left.worker);
  return {
    slots: withSlot(context.slots, left.place, undefined),
    free: context.free.filter((place) => place !== left.place),
    queue: rest,
    refused: waiter === null || waiter.mayWait ? bound : [...bound, waiter],
  };
}

function withSlot(slots: readonly (Slot | undefined)[], place: number, slot: Slot | undefined) {
  const copy = slots.slice();
  copy[place] = slot;
  return copy;
}
