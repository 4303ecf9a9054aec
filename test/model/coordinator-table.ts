import { expect } from 'vitest';
import {
  type CoordinatorContext,
  type coordinatorMachine,
  firstWaiterFor,
  listWaiters,
  type Served,
  type Waiter,
} from '../../machines/index.js';
import { COORDINATOR, COORDINATOR_AHEAD, isKnown } from './charts.js';
import type { Table } from './table.js';

const GRANTS = ['worker lease.granted'];
const ACCEPTED = ['client lease.accepted'];
const DECLINED = ['client lease.declined'];
const LEFT_BEHIND = ['waiters.refused worker-left'];
const closes = (...says: string[]) => [...says, 'supervisor coordinator.closed'];

export const COORDINATOR_TABLE: Table<typeof coordinatorMachine> = {
  chart: 'coordinator',
  walks: [COORDINATOR, COORDINATOR_AHEAD],
  promises: {
    'open --lease.request[hasFreeSlotFor]--> open': { promise: 'a free worker is granted at once', says: GRANTS },
    'open --lease.request[isBoundToNobody]--> open': {
      promise: 'who wants a worker that has left is told so',
      says: LEFT_BEHIND,
    },
    'open --lease.request[mayNotWait]--> open': { promise: 'who may not wait is told', says: ['waiters.refused busy'] },
    'open --lease.request[isFull]--> open': { promise: 'a full queue says so', says: ['waiters.refused queue-full'] },
    'open --lease.request[hasFullKey]--> open': {
      promise: 'who bears a key that too many bear who wait is told so',
      says: ['waiters.refused key-full'],
    },
    'open --lease.request[hasRoomAhead]--> open': {
      promise: 'short calls wait in pipes, those too that waited for one more to come',
      maySay: GRANTS,
    },
    'open --lease.request[else]--> open': { promise: 'one more waits, in silence' },
    'open --lease.cancel[isWaiting]--> open': { promise: 'one less waits, in silence' },
    'open --worker.joined--> open': {
      promise: 'whoever is next has its slots already',
      maySay: GRANTS,
    },
    'open --slot.freed[mustShedFor]--> open': {
      promise: 'the first who has not waited too long has it already, and those before are told',
      says: [...GRANTS, 'waiters.refused overloaded'],
    },
    'open --slot.freed[hasShortFor]--> open': {
      promise: 'whoever is next has it already, and short calls wait behind it',
      maySay: GRANTS,
    },
    'open --slot.freed[hasWaiterFor]--> open': { promise: 'whoever is next has it already', says: GRANTS },
    'open --slot.freed[else]--> open': { promise: 'a slot is free, in silence' },
    'open --lease.offered[hasShortNext]--> open': {
      promise: 'whoever is next has the lease as it is',
      says: ACCEPTED,
    },
    'open --lease.offered[else]--> open': { promise: 'the lease is to go back', says: DECLINED },
    'open --worker.leaving--> open': { promise: 'nobody new is sent to it, in silence' },
    'open --worker.staying--> open': { promise: 'whoever is next has its free slots already', maySay: GRANTS },
    'open --worker.left--> open': {
      promise: 'its slots are gone, and grants that never arrived go to other workers',
      maySay: [...GRANTS, ...LEFT_BEHIND],
    },
    'open --pool.degraded[hasNoWorker]--> degraded': {
      promise: 'nobody is let wait for workers that do not come',
      maySay: ['waiters.refused degraded'],
    },
    'open --pool.drain[hasNothing]--> closed': { promise: 'nothing is left to do', says: closes() },
    'open --pool.drain[else]--> draining': { promise: 'those who wait and run are served' },
    'open --pool.destroy--> closed': {
      promise: 'those who wait are refused',
      says: closes(),
      maySay: ['waiters.refused closed'],
    },
    'degraded --lease.request--> degraded': { promise: 'it is said at once', says: ['waiters.refused degraded'] },
    'degraded --worker.joined--> open': { promise: 'a worker lives, and all is well' },
    'degraded --pool.drain--> closed': { promise: 'nothing is left to do', says: closes() },
    'degraded --pool.destroy--> closed': { promise: 'nothing is left to do', says: closes() },
    'draining --lease.request[isNew]--> draining': {
      promise: 'nobody else is let in',
      says: ['waiters.refused closed'],
    },
    'draining --lease.request[hasFreeSlotFor]--> draining': {
      promise: 'a free worker is granted at once to one who is back',
      says: GRANTS,
    },
    'draining --lease.request[else]--> draining': { promise: 'one who is back waits again, in silence' },
    'draining --lease.cancel[isLastToDo]--> closed': { promise: 'the last who waited has gone', says: closes() },
    'draining --lease.cancel[isWaiting]--> draining': { promise: 'one less waits' },
    'draining --worker.joined--> draining': { promise: 'whoever is next has its slots already', maySay: GRANTS },
    'draining --slot.freed[mustShedFor]--> draining': {
      promise: 'the first who has not waited too long has it already, and those before are told',
      says: [...GRANTS, 'waiters.refused overloaded'],
    },
    'draining --slot.freed[hasShortFor]--> draining': {
      promise: 'whoever is next has it already, and short calls wait behind it',
      maySay: GRANTS,
    },
    'draining --slot.freed[hasWaiterFor]--> draining': { promise: 'whoever is next has it already', says: GRANTS },
    'draining --slot.freed[hasNothingElse]--> closed': { promise: 'the last lease has ended', says: closes() },
    'draining --slot.freed[else]--> draining': { promise: 'others still run or wait' },
    'draining --lease.offered--> draining': { promise: 'the lease is to go back', says: DECLINED },
    'draining --worker.leaving--> draining': { promise: 'nobody new is sent to it, in silence' },
    'draining --worker.staying--> draining': { promise: 'whoever is next has its free slots already', maySay: GRANTS },
    'draining --worker.left[leavesNothing]--> closed': {
      promise: 'the last lease has ended with its worker',
      says: closes(),
      maySay: LEFT_BEHIND,
    },
    'draining --worker.left[else]--> draining': {
      promise: 'others still run or wait, and grants that never arrived go to other workers',
      maySay: [...GRANTS, ...LEFT_BEHIND],
    },
    'draining --pool.degraded[hasNoWorker]--> closed': {
      promise: 'nobody is let wait for workers that do not come',
      says: closes(),
      maySay: ['waiters.refused degraded'],
    },
    'draining --pool.destroy--> closed': {
      promise: 'those who wait are refused',
      says: closes(),
      maySay: ['waiters.refused closed'],
    },
    'closed --slot.freed--> closed': { promise: 'a lease that was still open has ended well' },
    'closed --lease.offered--> closed': { promise: 'the lease is to go back', says: DECLINED },
    'closed --lease.request--> closed': { promise: 'nobody is let in', says: ['waiters.refused closed'] },
    'closed --worker.left[isUnconfirmed]--> closed': {
      promise: 'a grant that never arrived is refused',
      says: ['waiters.refused closed'],
    },
  },
  rules: {
    'gives each lease an id of its own': ({ from, said, snapshot }) => {
      const ids = said.flatMap((each) =>
        each.how === 'send' && each.event.type === 'lease.granted' ? [each.event.lease] : [],
      );
      expect(ids).toEqual(ids.map((_, index) => from.context.nextLease + index));
      expect(snapshot.context.nextLease).toBe(from.context.nextLease + ids.length);
    },

    'passes a lease to whoever would be granted its slot, and grants nothing by it': ({
      from,
      event,
      snapshot,
      said,
    }) => {
      if (event.type !== 'lease.offered') return;
      const { queue, live, nextLease } = from.context;
      expect([snapshot.context.live, snapshot.context.nextLease]).toEqual([live, nextLease]);
      const [answer] = said;
      expect(answer?.how === 'send' && answer.event.lease).toBe(event.lease);
      if (answer?.how !== 'send' || answer.event.type !== 'lease.accepted') return;
      const { place, slot, lease } = event;
      const first = firstWaiterFor(queue, from.context.workers[place]!.worker);
      expect(answer.event).toEqual({ type: 'lease.accepted', lease, waiter: first });
      expect(first).toMatchObject({ isShort: true });
      expect(snapshot.context.workers[place]!.grants[slot]).toMatchObject({ lease, waiter: first });
      expect(listWaiters(snapshot.context.queue)).not.toContain(first);
    },

    'lets a lease go back where it is of no use as it is: nobody is next, or more than one': ({
      from,
      event,
      said,
    }) => {
      if (event.type !== 'lease.offered' || from.value !== 'open') return;
      const served = from.context.workers[event.place];
      const isAccepted = said[0]?.how === 'send' && said[0].event.type === 'lease.accepted';
      const { queue, rules } = from.context;
      const first = served && firstWaiterFor(queue, served.worker);
      const isLive = served !== undefined && served.grants[event.slot]?.lease === event.lease && !served.isLeaving;
      if (!isLive || first?.isShort !== true || rules.shed !== null) {
        expect(isAccepted).toBe(false);
        return;
      }
      // As if the slot had been given back.
      const others = served.grants.filter((grant, slot) => grant !== null && slot !== event.slot);
      const waiting = queue.size + aheadIn(from.context, event.place);
      const isCrowd = waiting > workersIn(from.context) && others.every((grant) => grant?.waiter.isShort);
      const mayBeGranted = isCrowd || others.length < served.grants.length - served.ahead;
      expect(isAccepted).toBe(mayBeGranted && !(isCrowd && served.free.length > 0));
    },

    'never leaves a slot free for somebody who waits': ({ snapshot }) => {
      const { free, queue, workers } = snapshot.context;
      for (const place of free) {
        const mine = listWaiters(queue).filter(
          ({ affinity }) => !affinity?.strict || affinity.worker === workers[place]!.worker,
        );
        expect(mine).toEqual([]);
      }
    },

    'lets nobody wait behind others but short calls behind short calls': ({ snapshot }) => {
      for (const served of snapshot.context.workers) {
        const granted = served?.grants.filter((grant) => grant !== null) ?? [];
        if (served === undefined || granted.length <= served.grants.length - served.ahead) continue;
        expect(granted.every(({ waiter }) => waiter.isShort)).toBe(true);
      }
    },

    'lets short calls wait behind others once more wait than there are workers, in the queue or in the pipes': ({
      event,
      snapshot,
    }) => {
      const { workers, queue, rules } = snapshot.context;
      if (snapshot.value === 'closed' || rules.shed !== null) return;
      const isShortNewcomer = event.type === 'lease.request' && event.waiter.isShort && snapshot.value === 'open';
      const places = event.type === 'slot.freed' ? [event.place] : isShortNewcomer ? [...workers.keys()] : [];
      for (const place of places) {
        const served = workers[place];
        if (served === undefined || !takesShort(served)) continue;
        const first = firstWaiterFor(queue, served.worker);
        expect(first?.isShort && queue.size + aheadIn(snapshot.context) > workersIn(snapshot.context)).toBeFalsy();
      }
    },

    'lets nobody wait in a pipe unless more wait than there are workers': ({ from, event, snapshot }) => {
      const { queue } = snapshot.context;
      if (aheadIn(snapshot.context) <= aheadIn(from.context, event.type === 'slot.freed' ? event.place : undefined))
        return;
      expect(queue.size + aheadIn(snapshot.context)).toBeGreaterThan(workersIn(snapshot.context));
    },

    'grants a slot of the worker that has the fewest leases': ({ from, event, said }) => {
      const [grant] = said;
      if (event.type !== 'lease.request' || event.waiter.affinity !== null || grant?.how !== 'send') return;
      const { free, workers } = from.context;
      const places = free.length > 0 ? free : [...workers.keys()].filter((place) => takesShort(workers[place]));
      const leases = places.map((place) => leasesAt(from.context, place));
      const place = Number(grant.to.id.split('-')[1]);
      expect(leasesAt(from.context, place)).toBe(Math.min(...leases));
    },

    'answers or keeps everybody: whoever waited still waits, has a slot, is refused, or has left': ({
      from,
      event,
      snapshot,
      said,
    }) => {
      const refused = said.flatMap((each) =>
        each.how === 'emit' && each.event.type === 'waiters.refused' ? (each.event.waiters as Waiter[]) : [],
      );
      const before = listWaiters(from.context.queue).filter(({ ticket }) => event.waiter?.ticket !== ticket);
      for (const waiter of before)
        expect(isKnown(snapshot.context, waiter.ticket) || refused.includes(waiter)).toBe(true);
    },
  },
};

/** How many wait in the pipes. @param freed A slot of the worker there is not leased any more. */
function aheadIn({ workers }: CoordinatorContext, freed?: number): number {
  return workers.reduce((sum, served, place) => {
    if (served === undefined) return sum;
    const leases = served.grants.filter((grant) => grant !== null).length - (place === freed ? 1 : 0);
    return sum + Math.max(0, leases - (served.grants.length - served.ahead));
  }, 0);
}

/** How many workers there are: the place of one that has left is empty. */
function workersIn({ workers }: CoordinatorContext): number {
  return workers.filter((served) => served !== undefined).length;
}

/** A short call may wait in its pipe, if anybody may. */
function takesShort(served: Served | undefined): boolean {
  if (served === undefined || served.isLeaving || served.free.length === 0) return false;
  return served.grants.every((grant) => grant?.waiter.isShort ?? true);
}

function leasesAt({ workers }: CoordinatorContext, place: number): number {
  return workers[place]!.grants.filter((grant) => grant !== null).length;
}
