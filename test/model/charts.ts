/** The four charts, each with what it takes to walk all of it. */
import type { AnyEventObject } from 'xstate';
import {
  type ClientRef,
  type CoordinatorContext,
  type CoordinatorRef,
  clientMachine,
  coordinatorMachine,
  hasLiveWorker,
  listWaiters,
  type Place,
  type SupervisorRef,
  supervisorMachine,
  type Waiter,
  type WorkerRef,
  workerMachine,
} from '../../machines/index.js';
import { listItems } from '../../machines/sorted-tree.js';
import { ranksOf } from '../../machines/wait-queue.js';
import { inertRef } from './take.js';
import type { Walkable } from './walk.js';

/** Three slots: one whose answer is overdue, one that is awaited, and one more. */
export const WORKER: Walkable<typeof workerMachine> = {
  machine: workerMachine,
  input: {
    worker: 1,
    place: 0,
    bootTimeoutMs: 30_000,
    evictGraceMs: 5_000,
    stopGraceMs: 2_000,
    termGraceMs: 1_000,
    coordinator: inertRef<CoordinatorRef>('coordinator'),
    supervisor: inertRef<SupervisorRef>('supervisor'),
    clients: [0, 1, 2].map((slot) => inertRef<ClientRef>(`client-${slot}`)),
    ahead: 1,
  },
  events: ({ context }) => [
    { type: 'process.ready' },
    { type: 'process.failed' },
    { type: 'process.unfit' },
    { type: 'process.exited', byItself: true },
    { type: 'process.exited', byItself: false },
    { type: 'process.exited', byItself: false, isBlameless: true },
    // A lease is granted where none is.
    ...[0, 1, 2].flatMap((slot) =>
      context.leases[slot] ? [] : [{ type: 'lease.granted', lease: leaseOf(slot), slot, waiter: ANYONE }],
    ),
    // Of the live leases, and of one of long ago.
    ...[0, 1, 2].flatMap((slot) =>
      [leaseOf(slot), 6].flatMap((lease) => [
        { type: 'lease.released', lease, slot, at: 0 },
        { type: 'lease.revoked', lease, slot },
        { type: 'lease.resumed', lease, slot },
        { type: 'lease.overdue', lease, slot },
      ]),
    ),
    { type: 'worker.retire' },
    { type: 'worker.stop', way: 'ask' },
    { type: 'worker.stop', way: 'kill' },
  ],
  key: ({ value, context }) => JSON.stringify([value, context.leases, context.retired, context.served]),
};

const leaseOf = (slot: number) => 7 + slot;

export const CLIENT: Walkable<typeof clientMachine> = {
  machine: clientMachine,
  input: { cancelGraceMs: 1_000, coordinator: inertRef<CoordinatorRef>('coordinator') },
  events: () => [
    { type: 'lease.granted', lease: 7, slot: 0, waiter: ANYONE, worker: inertRef<WorkerRef>('worker-0') },
    // Of the lease it holds, and of one of long ago.
    ...[7, 6].flatMap((lease) => [
      { type: 'lease.lost', lease },
      { type: 'lease.accepted', lease, waiter: ANYONE },
      { type: 'lease.declined', lease },
      { type: 'exchange.ended', lease, at: 0 },
      { type: 'exchange.abandoned', lease },
      { type: 'exchange.resumed', lease },
    ]),
  ],
  key: ({ value, context }) => JSON.stringify([value, context.held?.lease]),
};

/** One worker of two slots, and one of one. */
const SLOTS = [2, 1];

export const COORDINATOR: Walkable<typeof coordinatorMachine> = {
  machine: coordinatorMachine,
  // Two may wait, of a key one; whoever has waited longer than 20 ms is passed over.
  input: {
    queueMax: 2,
    queueMaxPerKey: 1,
    rules: { ageAfterMs: 10_000, shed: { targetMs: 10, intervalMs: 0 } },
    supervisor: inertRef<SupervisorRef>('supervisor'),
  },
  events: ({ value, context }) => [
    ...WAITERS.filter(({ ticket }) => !isKnown(context, ticket)).map((waiter) => ({ type: 'lease.request', waiter })),
    // Whoever was let in before: one is enough, where that makes a difference.
    ...(value === 'draining' && !isKnown(context, ANYONE.ticket)
      ? [{ type: 'lease.request', waiter: ANYONE, isBack: true }]
      : []),
    ...WAITERS.map((waiter) => ({ type: 'lease.cancel', waiter })),
    ...SLOTS.flatMap((slots, place): AnyEventObject[] => {
      const served = context.workers[place];
      const of = { worker: place + 1, place };
      const ref = inertRef<WorkerRef>(`worker-${place}`);
      if (!served) return [{ type: 'worker.joined', ...of, ref, slots, ahead: 0 }];
      const granted = served.grants.map((grant) => grant?.lease ?? null);
      const none = granted.map(() => null);
      return [
        ...granted.flatMap((lease, slot) => (lease === null ? [] : [{ type: 'slot.freed', ...of, slot, at: 30 }])),
        offered(granted[0] ?? OF_LONG_AGO, place, 0),
        { type: served.isLeaving ? 'worker.staying' : 'worker.leaving', ...of },
        ...[granted, none, [granted[0] ?? null, ...none.slice(1)]].map((leases) => ({
          type: 'worker.left',
          ...of,
          leases,
        })),
      ];
    }),
    // Of a worker that has not served yet.
    { type: 'worker.left', worker: 7, place: 3, leases: [null, null] },
    { type: 'pool.degraded' },
    { type: 'pool.drain' },
    { type: 'pool.destroy' },
  ],
  key: ({ value, context }) =>
    JSON.stringify([
      value,
      // The slots of one worker are alike.
      SLOTS.map((_, place) => context.workers[place]?.grants.map((grant) => grant?.waiter.ticket ?? 0).sort()),
      context.workers.map((served) => served?.isLeaving),
      context.free,
      listWaiters(context.queue).map(({ ticket }) => ticket),
      ranksOf(context.queue).map(({ groups }) => byTurn(listItems(groups)).map(({ key }) => key)),
    ]),
};

const offered = (lease: number | null, place: number, slot: number) => ({
  type: 'lease.offered',
  lease: lease ?? OF_LONG_AGO,
  place,
  slot,
  client: inertRef<ClientRef>(`client-${slot}`),
});

const OF_LONG_AGO = 0;

/** One worker of one slot, with two for short calls that wait in its pipe. */
export const COORDINATOR_AHEAD: Walkable<typeof coordinatorMachine> = {
  ...COORDINATOR,
  input: { ...COORDINATOR.input, queueMax: 3, queueMaxPerKey: 4, rules: { ageAfterMs: 10_000, shed: null } } as never,
  events: ({ context }) => {
    const served = context.workers[0];
    const of = { worker: 1, place: 0 };
    const granted = served?.grants.map((grant) => grant?.lease ?? null) ?? [];
    return [
      ...SHORT_AND_LONG.filter(({ ticket }) => !isKnown(context, ticket)).flatMap((waiter) => [
        { type: 'lease.request', waiter },
        { type: 'lease.request', waiter, isBack: true },
      ]),
      ...SHORT_AND_LONG.map((waiter) => ({ type: 'lease.cancel', waiter })),
      ...(served
        ? [
            ...granted.flatMap((lease, slot) => (lease === null ? [] : [{ type: 'slot.freed', ...of, slot, at: 30 }])),
            ...granted.flatMap((lease, slot) => [offered(lease, 0, slot), offered(OF_LONG_AGO, 0, slot)]),
            { type: served.isLeaving ? 'worker.staying' : 'worker.leaving', ...of },
            { type: 'worker.left', ...of, leases: granted },
            { type: 'worker.left', ...of, leases: granted.map(() => null) },
          ]
        : [{ type: 'worker.joined', ...of, ref: inertRef<WorkerRef>('worker-0'), slots: 1, ahead: 2 }]),
      // By the client of a worker that has left.
      offered(OF_LONG_AGO, 1, 0),
      { type: 'pool.drain' },
    ];
  },
};

export const SUPERVISOR: Walkable<typeof supervisorMachine> = {
  machine: supervisorMachine,
  // Two places, and a third for the one that boots for another.
  input: { sizeMin: 2, sizeMax: 2, recycleConcurrencyMax: 1, failuresMax: 3, closeTimeoutMs: 10_000 },
  events: ({ context: { places } }) => [
    ...places.flatMap((each, place) => [
      ...(isStarting(each) ? [{ type: 'worker.ready', worker: 1, place }] : []),
      ...(hasLiveWorker(each)
        ? [true, false, null].map((proven) => ({ type: 'worker.dead', worker: 1, place, proven }))
        : []),
      { type: 'restart.due', place },
      ...(each.state === 'up'
        ? [
            { type: 'worker.proven', worker: each.worker, place },
            { type: 'worker.worn', worker: each.worker, place },
            { type: 'worker.unused', worker: each.worker, place },
          ]
        : []),
    ]),
    // Of one of long ago.
    { type: 'worker.worn', worker: 0, place: 0 },
    { type: 'worker.unused', worker: 0, place: 0 },
    { type: 'recycle.due' },
    { type: 'pool.crowded', waiting: 1 },
    { type: 'coordinator.closed' },
    { type: 'pool.drain' },
    { type: 'pool.close' },
    { type: 'pool.destroy' },
  ],
  key: ({ value, context: { places, failures } }) =>
    JSON.stringify([
      value,
      places.map(({ state, isWorn, replaces }) => [state, isWorn, replaces]),
      wornFirst(places),
      Math.min(failures, 3),
    ]),
};

/** One place or two. */
export const ELASTIC_SUPERVISOR: Walkable<typeof supervisorMachine> = {
  ...SUPERVISOR,
  input: { sizeMin: 1, sizeMax: 2, recycleConcurrencyMax: 0, failuresMax: 3, closeTimeoutMs: 10_000 },
};

/** Three places, as long as their first workers start: one may be up, and another wait, while the third does. */
export const STARTING_SUPERVISOR: Walkable<typeof supervisorMachine> = {
  ...SUPERVISOR,
  input: { sizeMin: 3, sizeMax: 3, recycleConcurrencyMax: 0, failuresMax: 3, closeTimeoutMs: 10_000 },
  events: (snapshot) =>
    snapshot.value === 'starting' ? SUPERVISOR.events(snapshot).filter(({ type }) => type !== 'worker.worn') : [],
};

function isStarting({ state }: Place): boolean {
  return state === 'starting' || state === 'restarting';
}

/** The worn, in the order in which they were started. */
function wornFirst(places: readonly Place[]): number[] {
  const worn = [...places.keys()].filter((place) => places[place]!.isWorn);
  return worn.sort((one, other) => places[one]!.worker - places[other]!.worker);
}

/** True if `ticket` waits, or has been granted a slot. */
export function isKnown({ queue, workers }: CoordinatorContext, ticket: number): boolean {
  const granted = workers.flatMap((served) => served?.grants ?? []);
  return [...listWaiters(queue), ...granted.map((grant) => grant?.waiter)].some((each) => each?.ticket === ticket);
}

function byTurn<T extends { turn: { number: number } }>(groups: readonly T[]): readonly T[] {
  return [...groups].sort((one, other) => one.turn.number - other.turn.number);
}

const ANYONE: Waiter = {
  ticket: 1,
  askedAt: 0,
  priority: 0,
  fairnessKey: null,
  affinity: null,
  mayWait: true,
  isShort: false,
};
const SHORT_AND_LONG: readonly Waiter[] = [
  ...[1, 2, 3, 4].map((ticket) => ({ ...ANYONE, ticket, isShort: true })),
  { ...ANYONE, ticket: 5 },
];
const WAITERS: readonly Waiter[] = [
  ANYONE,
  { ticket: 2, askedAt: 0, priority: 1, fairnessKey: 'a', affinity: null, mayWait: true, isShort: false },
  // Bound to a worker; in a hurry; bound to a worker that is nowhere.
  {
    ticket: 3,
    askedAt: 0,
    priority: 0,
    fairnessKey: null,
    affinity: { worker: 1, place: 0, strict: true },
    mayWait: true,
    isShort: false,
  },
  {
    ticket: 4,
    askedAt: 0,
    priority: 0,
    fairnessKey: null,
    affinity: { worker: 2, place: 1, strict: false },
    mayWait: false,
    isShort: false,
  },
  {
    ticket: 5,
    askedAt: 0,
    priority: 0,
    fairnessKey: null,
    affinity: { worker: 9, place: 0, strict: true },
    mayWait: true,
    isShort: false,
  },
  // Of one tenant with the second.
  { ticket: 6, askedAt: 0, priority: 0, fairnessKey: 'a', affinity: null, mayWait: true, isShort: false },
];
