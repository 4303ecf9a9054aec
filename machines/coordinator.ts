import { emit, enqueueActions, sendTo, setup } from 'xstate';
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
  byAge,
  countWaiters,
  emptyQueue,
  firstWaiterFor,
  hasWaiter,
  isAwaited,
  listWaiters,
  type QueueRules,
  removeWaiter,
  returnWaiter,
  type Taken,
  takeBound,
  takeFirst,
  type Waiter,
  type WaitQueue,
  type WorkerId,
} from './wait-queue.js';
import { assignWhole } from './whole.js';

/** What the coordinator is made with. */
export interface CoordinatorInput {
  /** How many may wait at once, those included who are held elsewhere. */
  readonly queueMax: number;
  /** How many of those may bear one fairness key. */
  readonly queueMaxPerKey: number;
  readonly rules: QueueRules;
  readonly supervisor: SupervisorRef;
}

/** What the coordinator knows of one worker in service: who it is, and to whom its slots were granted. */
export interface Served {
  readonly worker: WorkerId;
  readonly ref: WorkerRef;
  /** By slot: null if it is free. */
  readonly grants: readonly (Grant | null)[];
  /** Its free slots; the last is granted next. */
  readonly free: readonly number[];
  /** The last so many to be granted go to short calls alone, which wait in its pipe behind others. */
  readonly ahead: number;
  /** It lets its last calls finish, and is granted to nobody. */
  readonly isLeaving: boolean;
}

/** A lease that was granted and has not ended. */
export interface Grant {
  readonly lease: LeaseId;
  /** Should the grant never have arrived, this is who goes back to the queue. */
  readonly waiter: Waiter;
  /** And at which turn. */
  readonly turn: number;
}

/** A slot that was granted, and where in the pool its worker lives. */
export interface Granted {
  readonly place: number;
  readonly slot: number;
}

/** What the coordinator remembers. */
export interface CoordinatorContext extends CoordinatorInput {
  /** By place; a hole where no worker is in service. */
  readonly workers: readonly (Served | undefined)[];
  /**
   * The places of the workers that have a free slot and stay. The last is granted next: the one with the fewest leases, and of
   * those the one that was freed last, since its worker is the warmest.
   */
  readonly free: readonly number[];
  readonly queue: WaitQueue;
  readonly nextLease: LeaseId;
  /** Leases that are granted and have not ended. */
  readonly live: number;
  /** Which slots were granted last, for the messages that say so. */
  readonly granted: readonly Granted[];
  /** Who was refused last, for the message that says so. */
  readonly refused: readonly Waiter[];
}

/**
 * Who is free, who waits, who gets whom; nothing else. It does no I/O, waits
 * for nothing and sees no payload: one event asks for a lease, one gives the
 * slot back or offers the lease to whoever is next, and a worker that leaves
 * says which leases it had taken.
 */
export const coordinatorMachine = setup({
  types: {} as {
    context: CoordinatorContext;
    input: CoordinatorInput;
    events: CoordinatorEvent;
    emitted: CoordinatorEmitted;
  },
  actions: {
    grantToNewcomer: assignWhole(({ context, event }) => {
      const { waiter } = event as Requested;
      return granted(context, placeFor(context, waiter) as number, waiter, context.queue.nextTurn);
    }),
    enqueue: assignWhole(({ context, event }) => enqueued(context, event as Requested)),
    grantAhead: assignWhole(({ context }) => spread(context)),
    dequeue: assignWhole(({ context, event }) =>
      withQueue(context, removeWaiter(context.queue, (event as Cancelled).waiter)),
    ),
    addWorker: assignWhole(({ context, event }) => joined(context, event as Joined)),
    // The slot that was freed comes last: its client is in the middle of giving it back, and begins after the others.
    grantToSeveral: assignWhole(({ context, event }) =>
      filled(freed(context, event as Freed, 'first'), (event as Freed).place),
    ),
    freeSlot: assignWhole(({ context, event }) => freed(context, event as Freed)),
    // The slot goes from one to the next, and is not free between.
    grantToFirst: assignWhole(({ context, event }) => {
      const { worker, place, slot, at } = event as Freed;
      const { waiter, turn, shed, queue } = takeFirst(context.queue, worker, at) as Taken;
      const served = context.workers[place] as Served;
      const grants = withGrant(served.grants, slot, { lease: context.nextLease, waiter, turn });
      return changed(context, {
        workers: withWorker(context.workers, place, withSlots(served, grants, served.free)),
        queue,
        nextLease: context.nextLease + 1,
        granted: [{ place, slot }],
        refused: shed,
      });
    }),
    // The lease goes on as it is: its worker is not told, and serves whoever comes next as it served the one before.
    acceptForFirst: assignWhole(({ context, event }) => {
      const { lease, place, slot } = event as Offered;
      const served = context.workers[place] as Served;
      const { waiter, turn, queue } = takeFirst(context.queue, served.worker, null) as Taken;
      const grants = withGrant(served.grants, slot, { lease, waiter, turn });
      const workers = withWorker(context.workers, place, withSlots(served, grants, served.free));
      return withQueue(context, queue, workers);
    }),
    closeWorker: assignWhole(({ context, event }) => leaving(context, event as Leaving, true)),
    reopenWorker: assignWhole(({ context, event }) => {
      const { place } = event as Leaving;
      return filled(leaving(context, event as Leaving, false), place);
    }),
    removeWorker: assignWhole(({ context, event }) => withoutWorker(context, event as Left)),
    refuseNewcomer: assignWhole(({ context, event }) => changed(context, { refused: [(event as Requested).waiter] })),
    refuseAll: assignWhole(({ context }) =>
      changed(context, { refused: listWaiters(context.queue), queue: emptyQueue(context.rules) }),
    ),
    refuseReturned: assignWhole(({ context, event }) =>
      changed(context, {
        ...withServed(context, (event as Left).place, undefined),
        refused: unconfirmed(context, event as Left).map(({ waiter }) => waiter),
      }),
    ),
    sendGrant: sendTo(
      ({ context }) => servedAt(context, 0).ref,
      ({ context }) => grantOf(context, 0),
    ),
    sendGrants: enqueueActions(({ context, enqueue }) => {
      for (const index of context.granted.keys()) enqueue.sendTo(servedAt(context, index).ref, grantOf(context, index));
    }),
    sendAccepted: sendTo(
      ({ event }) => (event as Offered).client,
      ({ context, event }) => {
        const { lease, place, slot } = event as Offered;
        const { waiter } = context.workers[place]!.grants[slot] as Grant;
        return { type: 'lease.accepted', lease, waiter };
      },
    ),
    sendDeclined: sendTo(
      ({ event }) => (event as Offered).client,
      ({ event }) => ({ type: 'lease.declined', lease: (event as Offered).lease }),
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
      return affinity?.strict === true && context.workers[affinity.place]?.worker !== affinity.worker;
    },
    isNew: ({ event }) => !(event as Requested).isBack,
    mayNotWait: ({ event }) => !(event as Requested).waiter.mayWait,
    isFull: ({ context, event }) =>
      !(event as Requested).isBack && heldBeside(event).all + context.queue.size >= context.queueMax,
    hasFullKey: ({ context, event }) => {
      const { waiter, isBack } = event as Requested;
      if (isBack || waiter.fairnessKey === null) return false;
      const { alike } = heldBeside(event);
      return alike + countWaiters(context.queue, waiter.fairnessKey) >= context.queueMaxPerKey;
    },
    // Others may have waited for one more to come.
    hasRoomAhead: ({ context, event }) => {
      const { waiter } = event as Requested;
      if (!waiter.isShort || !context.workers.some(hasFreeSlot)) return false;
      return placeAhead(enqueued(context, event as Requested)) !== undefined;
    },
    isWaiting: ({ context, event }) => hasWaiter(context.queue, (event as Cancelled).waiter),
    isLastToDo: ({ context, event }) =>
      context.queue.size === 1 && context.live === 0 && hasWaiter(context.queue, (event as Cancelled).waiter),
    mustShedFor: ({ context, event }) => {
      const { worker, at } = event as Freed;
      if (context.rules.shed === null || !takesLeases(context, event as Freed)) return false;
      return (takeFirst(context.queue, worker, at)?.shed.length ?? 0) > 0;
    },
    // Others may follow it, and there are further slots for them.
    hasShortFor: ({ context, event }) => {
      const first = firstFor(context, event as Freed);
      const served = context.workers[(event as Freed).place] as Served;
      return first !== undefined && served.free.length > 0 && mayFollow(context, served, first, (event as Freed).slot);
    },
    hasWaiterFor: ({ context, event }) => {
      const { worker, place, slot } = event as Freed;
      if (!takesLeases(context, event as Freed) || !isAwaited(context.queue, worker)) return false;
      const served = context.workers[place] as Served;
      if (served.free.length >= served.ahead) return true;
      return mayFollow(context, served, firstWaiterFor(context.queue, worker) as Waiter, slot);
    },
    // A short call that would be granted that very slot, and nobody else with it.
    hasShortNext: ({ context, event }) => {
      const { lease, place, slot } = event as Offered;
      const served = context.workers[place];
      if (served === undefined || served.isLeaving || served.grants[slot]?.lease !== lease) return false;
      const first = firstWaiterFor(context.queue, served.worker);
      if (first === undefined || !first.isShort || context.rules.shed !== null) return false;
      return mayFollow(context, served, first, slot) ? served.free.length === 0 : served.free.length >= served.ahead;
    },
    hasNothingElse: ({ context }) => context.queue.size === 0 && context.live === 1,
    // The news may have crossed a worker that has just come into service.
    hasNoWorker: ({ context }) => context.workers.every((served) => served === undefined),
    hasNothing: ({ context }) => context.queue.size === 0 && context.live === 0,
    isUnconfirmed: ({ context, event }) => unconfirmed(context, event as Left).length > 0,
    leavesNothing: ({ context, event }) => {
      const { queue, live } = withoutWorker(context, event as Left);
      return queue.size === 0 && live === 0;
    },
  },
}).createMachine({
  id: 'coordinator',
  context: ({ input: { queueMax, queueMaxPerKey, rules, supervisor } }) => ({
    queueMax,
    queueMaxPerKey,
    rules,
    supervisor,
    workers: [],
    free: [],
    queue: emptyQueue(rules),
    nextLease: 1,
    live: 0,
    granted: [],
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
          { guard: 'hasFullKey', actions: ['refuseNewcomer', { type: 'sayRefused', params: { reason: 'key-full' } }] },
          { guard: 'hasRoomAhead', actions: ['enqueue', 'grantAhead', 'sendGrants'] },
          { actions: 'enqueue' },
        ],
        'lease.cancel': { guard: 'isWaiting', actions: 'dequeue' },
        'worker.joined': { actions: ['addWorker', 'sendGrants'] },
        'slot.freed': [
          // The slot goes to the first who has not waited too long.
          {
            guard: 'mustShedFor',
            actions: ['grantToFirst', 'sendGrant', { type: 'sayRefused', params: { reason: 'overloaded' } }],
          },
          { guard: 'hasShortFor', actions: ['grantToSeveral', 'sendGrants'] },
          { guard: 'hasWaiterFor', actions: ['grantToFirst', 'sendGrant'] },
          { actions: 'freeSlot' },
        ],
        'lease.offered': [
          { guard: 'hasShortNext', actions: ['acceptForFirst', 'sendAccepted'] },
          { actions: 'sendDeclined' },
        ],
        'worker.leaving': { actions: 'closeWorker' },
        'worker.staying': { actions: ['reopenWorker', 'sendGrants'] },
        // Whoever it was granted to in vain gets another slot, or waits again at the old place.
        'worker.left': {
          actions: ['removeWorker', 'sendGrants', { type: 'sayRefused', params: { reason: 'worker-left' } }],
        },
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
        'worker.joined': { target: 'open', actions: 'addWorker' },
        'pool.drain': 'closed',
        'pool.destroy': 'closed',
      },
    },
    // Those who wait are served; nobody else is let in. Whoever is back was let in before, and may wait for any worker.
    draining: {
      on: {
        'lease.request': [
          { guard: 'isNew', actions: ['refuseNewcomer', { type: 'sayRefused', params: { reason: 'closed' } }] },
          { guard: 'hasFreeSlotFor', actions: ['grantToNewcomer', 'sendGrant'] },
          { actions: 'enqueue' },
        ],
        'lease.cancel': [
          { guard: 'isLastToDo', target: 'closed', actions: 'dequeue' },
          { guard: 'isWaiting', actions: 'dequeue' },
        ],
        'worker.joined': { actions: ['addWorker', 'sendGrants'] },
        'slot.freed': [
          {
            guard: 'mustShedFor',
            actions: ['grantToFirst', 'sendGrant', { type: 'sayRefused', params: { reason: 'overloaded' } }],
          },
          { guard: 'hasShortFor', actions: ['grantToSeveral', 'sendGrants'] },
          { guard: 'hasWaiterFor', actions: ['grantToFirst', 'sendGrant'] },
          { guard: 'hasNothingElse', target: 'closed', actions: 'freeSlot' },
          { actions: 'freeSlot' },
        ],
        'lease.offered': { actions: 'sendDeclined' },
        'worker.leaving': { actions: 'closeWorker' },
        'worker.staying': { actions: ['reopenWorker', 'sendGrants'] },
        'worker.left': [
          {
            guard: 'leavesNothing',
            target: 'closed',
            actions: ['removeWorker', { type: 'sayRefused', params: { reason: 'worker-left' } }],
          },
          { actions: ['removeWorker', 'sendGrants', { type: 'sayRefused', params: { reason: 'worker-left' } }] },
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
        'lease.offered': { actions: 'sendDeclined' },
        'slot.freed': { actions: 'freeSlot' },
        'lease.request': { actions: ['refuseNewcomer', { type: 'sayRefused', params: { reason: 'closed' } }] },
        'worker.left': {
          guard: 'isUnconfirmed',
          actions: ['refuseReturned', { type: 'sayRefused', params: { reason: 'closed' } }],
        },
      },
    },
  },
});

type Changes = Partial<Omit<CoordinatorContext, keyof CoordinatorInput>>;
type Requested = CoordinatorEvent & { type: 'lease.request' };
type Cancelled = CoordinatorEvent & { type: 'lease.cancel' };
type Joined = CoordinatorEvent & { type: 'worker.joined' };
type Freed = CoordinatorEvent & { type: 'slot.freed' };
type Offered = CoordinatorEvent & { type: 'lease.offered' };
type Leaving = CoordinatorEvent & { type: 'worker.leaving' | 'worker.staying' };
type Left = CoordinatorEvent & { type: 'worker.left' };

/**
 * The context with what changes of it. All names are written out, here and below, since these are made anew for each
 * lease: V8 makes a literal of known names in a tenth of the time that a spread takes.
 */
function changed(was: CoordinatorContext, is: Changes): CoordinatorContext {
  return {
    queueMax: was.queueMax,
    queueMaxPerKey: was.queueMaxPerKey,
    rules: was.rules,
    supervisor: was.supervisor,
    workers: is.workers ?? was.workers,
    free: is.free ?? was.free,
    queue: is.queue ?? was.queue,
    nextLease: is.nextLease ?? was.nextLease,
    live: is.live ?? was.live,
    granted: is.granted ?? was.granted,
    refused: is.refused ?? was.refused,
  };
}

/** The context with another queue. It changes with each call that waits, and to read what is not among {@link Changes} takes V8 a while. */
function withQueue(was: CoordinatorContext, queue: WaitQueue, workers = was.workers): CoordinatorContext {
  return {
    queueMax: was.queueMax,
    queueMaxPerKey: was.queueMaxPerKey,
    rules: was.rules,
    supervisor: was.supervisor,
    workers,
    free: was.free,
    queue,
    nextLease: was.nextLease,
    live: was.live,
    granted: was.granted,
    refused: was.refused,
  };
}

function withSlots({ worker, ref, ahead, isLeaving }: Served, grants: Served['grants'], free: Served['free']): Served {
  return { worker, ref, grants, free, ahead, isLeaving };
}

/** Who waits beside those in the queue. */
function heldBeside(event: CoordinatorEvent) {
  return (event as Requested).held ?? NOBODY_HELD;
}

/** The place of the worker that `waiter` gets: the one it has met if that has a free slot, else the next, else none. */
function placeFor({ workers, free }: CoordinatorContext, { affinity }: Waiter): number | undefined {
  if (affinity !== null) {
    const met = workers[affinity.place];
    if (met?.worker === affinity.worker && hasRoom(met)) return affinity.place;
    if (affinity.strict) return undefined;
  }
  return free.at(-1);
}

/** With whoever asks in the queue: at the end of its party, or at its old place if it had a slot in vain. */
function enqueued(context: CoordinatorContext, { waiter, isBack }: Requested): CoordinatorContext {
  const { queue } = context;
  const turn = isBack ? turnOf(context, waiter) : undefined;
  return withQueue(context, turn === undefined ? addWaiter(queue, waiter) : returnWaiter(queue, waiter, turn));
}

/**
 * The turn of one who is back: at which it was granted a slot, as long as that has not been given back. The slot of a short one
 * may have gone with its worker, and then it comes before all who wait, since its turn had come before theirs.
 */
function turnOf({ workers }: CoordinatorContext, { ticket, isShort }: Waiter): number | undefined {
  const grants = workers.flatMap((served) => served?.grants ?? []);
  return grants.find((grant) => grant?.waiter.ticket === ticket)?.turn ?? (isShort ? FIRST_TURN : undefined);
}

/** After a grant to `waiter`. */
function granted(context: CoordinatorContext, place: number, waiter: Waiter, turn: number): CoordinatorContext {
  const served = context.workers[place] as Served;
  const slot = served.free.at(-1) as number;
  const grants = withGrant(served.grants, slot, { lease: context.nextLease, waiter, turn });
  const { workers, free } = withServed(context, place, withSlots(served, grants, served.free.slice(0, -1)));
  return changed(context, {
    workers,
    free,
    nextLease: context.nextLease + 1,
    live: context.live + 1,
    granted: [{ place, slot }],
  });
}

/** Who is next for the worker whose slot was freed, if it takes anybody. */
function firstFor(context: CoordinatorContext, event: Freed): Waiter | undefined {
  return takesLeases(context, event) ? firstWaiterFor(context.queue, event.worker) : undefined;
}

function takesLeases({ workers }: CoordinatorContext, { worker, place }: Freed): boolean {
  const served = workers[place];
  return served?.worker === worker && !served.isLeaving;
}

/** @param stands Where in the list of the free the slot comes. */
function freed(
  context: CoordinatorContext,
  { worker, place, slot }: Freed,
  stands: 'first' | 'last' = 'last',
): CoordinatorContext {
  const served = context.workers[place];
  if (served?.worker !== worker) return context;
  const grants = withGrant(served.grants, slot, null);
  const slots = served.free.toSpliced(stands === 'last' ? served.free.length : 0, 0, slot);
  const { workers, free } = withServed(context, place, withSlots(served, grants, slots));
  return changed(context, { workers, free, live: context.live - 1 });
}

function joined(context: CoordinatorContext, { worker, place, ref, slots, ahead }: Joined): CoordinatorContext {
  const all = slots + ahead;
  const free = Array.from({ length: all }, (_, slot) => all - 1 - slot);
  const served: Served = { worker, ref, grants: free.map(() => null), free, ahead, isLeaving: false };
  return filled(changed(context, withServed(context, place, served)), place);
}

function leaving(context: CoordinatorContext, { worker, place }: Leaving, isLeaving: boolean): CoordinatorContext {
  const served = context.workers[place];
  if (served?.worker !== worker) return context;
  return changed(context, withServed(context, place, { ...served, isLeaving }));
}

/** The free slots of the worker there go to those who wait, as far as they do and may have them. */
function filled(context: CoordinatorContext, place: number): CoordinatorContext {
  const all: Granted[] = [];
  let now = context;
  for (;;) {
    const served = now.workers[place];
    const first = served && firstWaiterFor(now.queue, served.worker);
    if (first === undefined || served === undefined || served.free.length === 0) break;
    if (!hasRoom(served) && !mayFollow(now, served, first)) break;
    now = grantedToFirst(now, place);
    all.push(...now.granted);
  }
  return changed(now, { granted: all });
}

/** After a grant to whoever is next for the worker there. */
function grantedToFirst(context: CoordinatorContext, place: number): CoordinatorContext {
  const { waiter, turn, queue } = takeFirst(context.queue, (context.workers[place] as Served).worker, null) as Taken;
  return withQueue(granted(context, place, waiter, turn), queue);
}

/** Those who wait and may be granted ahead are, by the workers with the fewest leases. */
function spread(context: CoordinatorContext): CoordinatorContext {
  const all: Granted[] = [];
  let now = context;
  for (let place = placeAhead(now); place !== undefined; place = placeAhead(now)) {
    now = grantedToFirst(now, place);
    all.push(...now.granted);
  }
  return changed(now, { granted: all });
}

/** The place of the worker that whoever is next may wait for in its pipe: of those that will do, the one with the fewest leases. */
function placeAhead(context: CoordinatorContext): number | undefined {
  if (!isCrowded(context)) return undefined;
  let place: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [at, served] of context.workers.entries()) {
    if (!hasFreeSlot(served) || leasesOf(served) >= least) continue;
    const first = firstWaiterFor(context.queue, served.worker);
    if (first?.isShort !== true || !areShort(served)) continue;
    place = at;
    least = leasesOf(served);
  }
  return place;
}

/** The grants that the leaving worker never took, in the order of their waiters. */
function unconfirmed({ workers, rules }: CoordinatorContext, { worker, place, leases }: Left): Grant[] {
  const served = workers[place];
  if (served?.worker !== worker) return [];
  const lost = served.grants.flatMap((grant, slot) => (grant && grant.lease !== leases[slot] ? [grant] : []));
  const order = byAge(rules);
  return lost.sort((one, other) => order(one.waiter, other.waiter));
}

/**
 * The pool without the worker that left. Whoever it was granted to in vain
 * gets a slot elsewhere, or waits again; those who waited for it alone, or may
 * not wait, are refused.
 */
function withoutWorker(context: CoordinatorContext, left: Left): CoordinatorContext {
  const served = context.workers[left.place];
  // It left before it had joined, with none the wiser.
  if (served?.worker !== left.worker) return changed(context, { granted: [], refused: [] });
  const returned = unconfirmed(context, left);
  const live = context.live - leasesOf(served);
  let now = changed(context, { ...withServed(context, left.place, undefined), live });
  const all: Granted[] = [];
  const refused: Waiter[] = [];
  for (const { waiter, turn } of returned) {
    const place = placeFor(now, waiter);
    if (place !== undefined) {
      now = granted(now, place, waiter, turn);
      all.push(...now.granted);
    } else if (waiter.mayWait) {
      now = withQueue(now, returnWaiter(now.queue, waiter, turn));
    } else {
      refused.push(waiter);
    }
  }
  const [bound, queue] = takeBound(now.queue, left.worker);
  return changed(now, { queue, granted: all, refused: [...bound, ...refused] });
}

/** The workers with that one, or without any, at a place, and which of them have a free slot. */
function withServed(context: CoordinatorContext, place: number, served: Served | undefined) {
  const workers = withWorker(context.workers, place, served);
  const isFree = served !== undefined && hasRoom(served);
  const leases = isFree ? leasesOf(served) : 0;
  const was = context.free.indexOf(place);
  const others = was === -1 ? context.free : context.free.toSpliced(was, 1);
  if (!isFree) return { workers, free: others };
  let at = 0;
  while (at < others.length && leasesOf(workers[others[at] as number] as Served) >= leases) at += 1;
  return { workers, free: others.toSpliced(at, 0, place) };
}

function withWorker(workers: CoordinatorContext['workers'], place: number, served: Served | undefined) {
  const copy = workers.slice();
  copy[place] = served;
  return copy;
}

function withGrant(grants: Served['grants'], slot: number, grant: Grant | null) {
  const copy = grants.slice();
  copy[slot] = grant;
  return copy;
}

/** It has a slot, if only one that goes to a short call in a crowd. */
function hasFreeSlot(served: Served | undefined): served is Served {
  return served !== undefined && served.free.length > 0 && !served.isLeaving;
}

/** It has a slot that anybody may have. */
function hasRoom({ free, ahead, isLeaving }: Served): boolean {
  return free.length > ahead && !isLeaving;
}

/**
 * Whether `waiter` may wait in the worker's pipe: it is short, as all are who run or wait there, and there is a crowd.
 *
 * @param freedSlot That slot of the worker is not leased any more.
 */
function mayFollow(context: CoordinatorContext, served: Served, waiter: Waiter, freedSlot?: number): boolean {
  if (!waiter.isShort || !isCrowded(context, freedSlot === undefined ? undefined : served)) return false;
  return areShort(served, freedSlot);
}

/** Whether all that run on that worker or wait in its pipe are short. */
function areShort({ grants }: Served, freedSlot?: number): boolean {
  for (let slot = 0; slot < grants.length; slot++) {
    if (slot !== freedSlot && grants[slot]?.waiter.isShort === false) return false;
  }
  return true;
}

/**
 * More wait than there are workers, in the queue or in the pipes. What waits ahead has left the queue, and with it the clock
 * that sheds.
 *
 * @param freed A slot of that one is not leased any more.
 */
export function isCrowded({ queue, workers, rules }: CoordinatorContext, freed?: Served): boolean {
  if (rules.shed !== null) return false;
  if (queue.size > workers.length) return true;
  let waiting = queue.size;
  let there = 0;
  for (const served of workers) {
    if (served === undefined) continue;
    const free = served.free.length + (served === freed ? 1 : 0);
    waiting += Math.max(0, served.ahead - free);
    there += 1;
  }
  return waiting > there;
}

/** How many of its slots are not free. */
function leasesOf({ grants, free }: Served): number {
  return grants.length - free.length;
}

function servedAt({ workers, granted }: CoordinatorContext, index: number): Served {
  return workers[granted[index]!.place] as Served;
}

/** The message that tells a worker of the grant. */
function grantOf(context: CoordinatorContext, index: number) {
  const { slot } = context.granted[index]!;
  const { lease, waiter } = servedAt(context, index).grants[slot] as Grant;
  return { type: 'lease.granted' as const, lease, slot, waiter };
}

const NOBODY_HELD = { all: 0, alike: 0 };
/** Before all that a queue gives away. */
const FIRST_TURN = 0;
