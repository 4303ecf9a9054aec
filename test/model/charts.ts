/** The four charts, each with what it takes to walk all of it. */
import {
  type ClientRef,
  type CoordinatorContext,
  type CoordinatorRef,
  clientMachine,
  coordinatorMachine,
  hasLiveWorker,
  listWaiters,
  type SupervisorRef,
  supervisorMachine,
  type Waiter,
  type WorkerRef,
  workerMachine,
} from '../../machines/index.js';
import { inertRef } from './take.js';
import type { Walkable } from './walk.js';

export const WORKER: Walkable<typeof workerMachine> = {
  machine: workerMachine,
  input: {
    worker: 1,
    place: 0,
    bootTimeoutMs: 30_000,
    cancelGraceMs: 1_000,
    stopGraceMs: 2_000,
    coordinator: inertRef<CoordinatorRef>('coordinator'),
    supervisor: inertRef<SupervisorRef>('supervisor'),
    client: inertRef<ClientRef>('client'),
  },
  events: () => [
    { type: 'process.ready' },
    { type: 'process.failed' },
    { type: 'process.unfit' },
    { type: 'process.exited' },
    { type: 'lease.granted', lease: 7, waiter: ANYONE },
    // Of the live lease, and of one of long ago.
    ...[7, 6].flatMap((lease) => [
      { type: 'lease.released', lease },
      { type: 'lease.revoked', lease },
      { type: 'lease.resumed', lease },
    ]),
    { type: 'worker.stop', way: 'ask' },
    { type: 'worker.stop', way: 'kill' },
  ],
  key: ({ value, context }) => JSON.stringify([value, context.lease, context.proven]),
};

export const CLIENT: Walkable<typeof clientMachine> = {
  machine: clientMachine,
  input: undefined,
  events: () => [
    { type: 'lease.granted', lease: 7, waiter: ANYONE, worker: inertRef<WorkerRef>('worker-0') },
    // Of the lease it holds, and of one of long ago.
    ...[7, 6].flatMap((lease) => [
      { type: 'lease.lost', lease },
      { type: 'exchange.ended', lease },
      { type: 'exchange.abandoned', lease },
      { type: 'exchange.resumed', lease },
    ]),
  ],
  key: ({ value, context }) => JSON.stringify([value, context.held?.lease]),
};

export const COORDINATOR: Walkable<typeof coordinatorMachine> = {
  machine: coordinatorMachine,
  input: { queueMax: 2, supervisor: inertRef<SupervisorRef>('supervisor') },
  events: ({ context }) => [
    ...WAITERS.filter(({ ticket }) => !isKnown(context, ticket)).map((waiter) => ({ type: 'lease.request', waiter })),
    ...WAITERS.map((waiter) => ({ type: 'lease.cancel', waiter })),
    ...[0, 1].flatMap((place) => {
      const slot = context.slots[place];
      const of = { worker: place + 1, place };
      return [
        ...(slot && slot.lease === null
          ? []
          : [{ type: 'worker.idle', ...of, ref: inertRef<WorkerRef>(`worker-${place}`) }]),
        ...(slot ? [...new Set([slot.lease, null])].map((lease) => ({ type: 'worker.left', ...of, lease })) : []),
      ];
    }),
    // Of a worker that has not served yet.
    { type: 'worker.left', worker: 7, place: 3, lease: null },
    { type: 'pool.degraded' },
    { type: 'pool.drain' },
    { type: 'pool.destroy' },
  ],
  key: ({ value, context }) =>
    JSON.stringify([
      value,
      [0, 1].map((place) => context.slots[place]?.waiter?.ticket ?? Boolean(context.slots[place])),
      context.free,
      listWaiters(context.queue).map(({ ticket }) => ticket),
    ]),
};

export const SUPERVISOR: Walkable<typeof supervisorMachine> = {
  machine: supervisorMachine,
  input: { size: 2, closeTimeoutMs: 10_000 },
  events: ({ context: { places } }) => [
    ...places.flatMap(({ state, worker }, place) => [
      ...(hasLiveWorker({ state, worker }) && state !== 'up' ? [{ type: 'worker.ready', worker, place }] : []),
      ...(hasLiveWorker({ state, worker })
        ? [true, false].map((proven) => ({ type: 'worker.dead', worker, place, proven }))
        : []),
      { type: 'restart.due', place },
    ]),
    { type: 'coordinator.closed' },
    { type: 'pool.drain' },
    { type: 'pool.close' },
    { type: 'pool.destroy' },
  ],
  key: ({ value, context: { places, failures } }) =>
    JSON.stringify([value, places.map(({ state }) => state), Math.min(failures, 3)]),
};

/** True if `ticket` waits, or has been granted a slot. */
export function isKnown({ queue, slots }: CoordinatorContext, ticket: number): boolean {
  return (
    listWaiters(queue).some((each) => each.ticket === ticket) || slots.some((slot) => slot?.waiter?.ticket === ticket)
  );
}

const ANYONE: Waiter = { ticket: 1, priority: 0, affinity: null, mayWait: true };
const WAITERS: readonly Waiter[] = [
  ANYONE,
  { ticket: 2, priority: 1, affinity: null, mayWait: true },
  // Bound to a worker; in a hurry; bound to a worker that is nowhere.
  { ticket: 3, priority: 0, affinity: { worker: 1, place: 0, strict: true }, mayWait: true },
  { ticket: 4, priority: 0, affinity: { worker: 2, place: 1, strict: false }, mayWait: false },
  { ticket: 5, priority: 0, affinity: { worker: 9, place: 0, strict: true }, mayWait: true },
];
