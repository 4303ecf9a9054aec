import { expect } from 'vitest';
import { type KillReason, LEASES_THAT_PROVE, type LiveLease, type workerMachine } from '../../machines/index.js';
import { WORKER } from './charts.js';
import type { Promised, Table } from './table.js';
import type { Said } from './take.js';

const killed = (because: KillReason) => [`killProcess ${because}`];
const LEFT_IDLE = ['coordinator worker.left - - -'];
/** With one lease, with two, or with three. */
const LEFT_LEASED = [
  ...['7 - -', '- 8 -', '- - 9', '7 8 -', '7 - 9', '- 8 9', '7 8 9'].map(
    (leases) => `coordinator worker.left ${leases}`,
  ),
  ...[7, 8, 9].map((lease) => `client lease.lost ${lease}`),
];
const LEAVING = ['coordinator worker.leaving'];
const STAYING = ['coordinator worker.staying'];
const DEAD = ['supervisor worker.dead'];
const FREED = ['coordinator slot.freed'];
const GRANTED = [7, 8, 9].map((lease) => `client lease.granted ${lease}`);

const passes: Promised = { promise: 'the client of the slot gets the lease', maySay: GRANTED };
const takesOneMore: Promised = { promise: 'the other slot is leased, too', maySay: GRANTED };
const interrupts: Promised = {
  promise: 'that slot is not free: it owes an answer, and Python is asked to make it short',
  runs: ['interruptCall'],
};
const frees: Promised = { promise: 'that slot is free again', says: FREED };
const stops: Promised = {
  promise: 'its clients hear that their leases are lost',
  runs: killed('stopped'),
  maySay: LEFT_LEASED,
};
const isUnfit: Promised = {
  promise: 'its clients hear that their leases are lost',
  runs: killed('unfit'),
  maySay: LEFT_LEASED,
};
const dies: Promised = {
  promise: 'the coordinator and the clients hear before it is gone',
  says: DEAD,
  maySay: LEFT_LEASED,
};
const isOverdue: Promised = {
  promise: 'an answer that does not come in time ends it',
  runs: killed('cancel-grace'),
  maySay: LEFT_LEASED,
};

const retires: Promised = {
  promise: 'nobody new comes in, and those who are there may finish',
  runs: ['beginRetirement'],
  says: LEAVING,
};

export const WORKER_TABLE: Table<typeof workerMachine> = {
  chart: 'worker',
  walks: [WORKER],
  begins: ['startProcess'],
  promises: {
    'spawning --process.ready--> idle': {
      promise: 'it is up, and its slots are free',
      says: ['supervisor worker.ready', 'coordinator worker.joined'],
    },
    'spawning --process.unfit--> ending': { promise: 'a process that cannot serve is ended', runs: killed('unfit') },
    'spawning --process.failed--> dead': { promise: 'where no process came to be, nothing lives', says: DEAD },
    'spawning --process.exited--> dead': { promise: 'a process that dies while it boots is dead', says: DEAD },
    'spawning --worker.stop[isAsked]--> ending': { promise: 'it may run its teardown', runs: ['askToStop'] },
    'spawning --worker.stop[else]--> ending': { promise: 'it goes at once', runs: killed('stopped') },
    'spawning --after bootTimeout--> ending': {
      promise: 'a start does not take for ever',
      runs: killed('boot-timeout'),
    },
    'idle --lease.granted--> leased': passes,
    'idle --worker.retire--> ending': {
      promise: 'it is no longer free, and may run its teardown',
      runs: ['beginRetirement', 'askToStop'],
      says: LEFT_IDLE,
    },
    'idle --worker.stop[isAsked]--> ending': {
      promise: 'it is no longer free, and may run its teardown',
      runs: ['askToStop'],
      says: LEFT_IDLE,
    },
    'idle --worker.stop[else]--> ending': {
      promise: 'it is no longer free, and goes at once',
      runs: killed('stopped'),
      says: LEFT_IDLE,
    },
    'idle --process.unfit--> ending': {
      promise: 'nobody is given a broken line',
      runs: killed('unfit'),
      says: LEFT_IDLE,
    },
    'idle --process.exited--> dead': { promise: 'the coordinator hears first', says: [...LEFT_IDLE, ...DEAD] },
    'leased --lease.granted--> leased': takesOneMore,
    'leased --lease.released[isLastLease]--> idle': frees,
    'leased --lease.released[isLiveLease]--> leased': frees,
    'leased --lease.revoked[isAwaitedLease]--> cancelling': interrupts,
    'leased --worker.retire--> retiring': retires,
    'leased --worker.stop--> ending': stops,
    'leased --process.unfit--> ending': isUnfit,
    'leased --process.exited--> dead': dies,
    'cancelling --lease.granted--> cancelling': takesOneMore,
    'cancelling --lease.released[isLastLease]--> idle': frees,
    'cancelling --lease.released[isLastRevoked]--> leased': frees,
    'cancelling --lease.released[isLiveLease]--> cancelling': frees,
    'cancelling --lease.revoked[isAwaitedLease]--> cancelling': interrupts,
    'cancelling --lease.resumed[isLastRevoked]--> leased': { promise: 'it has answered, and the lease goes on' },
    'cancelling --lease.resumed[isLiveLease]--> cancelling': { promise: 'it has answered, and owes another answer' },
    'cancelling --lease.overdue[isNobodyAwaited]--> ending': isOverdue,
    'cancelling --lease.overdue[isRevokedLease]--> evicting': {
      promise: 'nobody new comes in, and those who are there may finish',
      says: LEAVING,
    },
    'cancelling --worker.retire--> retiring': retires,
    'cancelling --worker.stop--> ending': stops,
    'cancelling --process.unfit--> ending': isUnfit,
    'cancelling --process.exited--> dead': dies,
    'retiring --lease.released[isLastLease]--> ending': {
      promise: 'its last lease has ended well, and it may run its teardown',
      runs: ['askToStop'],
      says: [...FREED, ...LEFT_IDLE],
    },
    'retiring --lease.released[isLiveLease]--> retiring': {
      promise: 'the coordinator counts one lease less',
      says: FREED,
    },
    'retiring --lease.granted--> retiring': { promise: 'what was on its way before is served', maySay: GRANTED },
    'retiring --lease.revoked[isAwaitedLease]--> retiring': interrupts,
    'retiring --lease.resumed[isLiveLease]--> retiring': { promise: 'it has answered, and the lease goes on' },
    'retiring --lease.overdue[isNobodyAwaited]--> ending': isOverdue,
    'retiring --lease.overdue[isRevokedLease]--> evicting': { promise: 'others do not hold it for ever any more' },
    'retiring --worker.stop--> ending': stops,
    'retiring --process.unfit--> ending': isUnfit,
    'retiring --process.exited--> dead': dies,
    'evicting --lease.released[isLastAwaited]--> ending': {
      promise: 'the last answer that somebody waited for has come, and it goes',
      runs: killed('cancel-grace'),
      says: FREED,
      maySay: [...LEFT_IDLE, ...LEFT_LEASED],
    },
    'evicting --lease.granted--> evicting': {
      promise: 'what was on its way before is served',
      says: [],
      maySay: GRANTED,
    },
    'evicting --lease.released[isLastOverdueOfRetired]--> retiring': {
      promise: 'it has answered after all, and is replaced as it was to be',
      says: FREED,
    },
    'evicting --lease.released[isLastRevoked]--> leased': {
      promise: 'it has answered after all, and takes leases again',
      says: [...FREED, ...STAYING],
    },
    'evicting --lease.released[isLastOverdue]--> cancelling': {
      promise: 'it has answered after all, and takes leases again',
      says: [...FREED, ...STAYING],
    },
    'evicting --lease.released[isLiveLease]--> evicting': frees,
    'evicting --lease.revoked[isLastAwaited]--> ending': {
      promise: 'nobody waits for an answer any more, and it goes',
      runs: killed('cancel-grace'),
      maySay: LEFT_LEASED,
    },
    'evicting --lease.revoked[isAwaitedLease]--> evicting': interrupts,
    'evicting --lease.resumed[isLastOverdueOfRetired]--> retiring': {
      promise: 'it has answered after all, and is replaced as it was to be',
    },
    'evicting --lease.resumed[isLastRevoked]--> leased': {
      promise: 'it has answered after all, and takes leases again',
      says: STAYING,
    },
    'evicting --lease.resumed[isLastOverdue]--> cancelling': {
      promise: 'it has answered after all, and takes leases again',
      says: STAYING,
    },
    'evicting --lease.resumed[isLiveLease]--> evicting': { promise: 'it has answered, and owes another answer' },
    'evicting --lease.overdue[isRevokedLease]--> evicting': { promise: 'one more answer has not come in time' },
    'evicting --worker.retire--> evicting': { promise: 'it does not stay, come what may', runs: ['beginRetirement'] },
    'evicting --worker.stop--> ending': stops,
    'evicting --process.unfit--> ending': isUnfit,
    'evicting --process.exited--> dead': dies,
    'evicting --after evictGrace--> ending': {
      promise: 'others do not hold it for ever',
      runs: killed('cancel-grace'),
      maySay: LEFT_LEASED,
    },
    'ending --worker.stop[isForced]--> ending': {
      promise: 'who cannot wait any longer need not',
      runs: killed('stopped'),
    },
    'ending --process.exited--> dead': { promise: 'only the kernel says that it is gone', says: DEAD },
    'ending --process.failed--> dead': { promise: 'nothing had come to be', says: DEAD },
    'ending --after stopGrace--> ending': { promise: 'a teardown does not take for ever', runs: ['terminateProcess'] },
    'ending --after killGrace--> ending': { promise: 'who heeds nothing is killed', runs: killed('stopped') },
  },
  rules: {
    'counts its leases, those that are revoked, and those that are overdue': ({ snapshot }) => {
      const { leases, live, revoked, overdue } = snapshot.context;
      const states = leases.flatMap((each) => each?.state ?? []);
      const count = (...of: string[]) => states.filter((each) => of.includes(each)).length;
      expect([live, revoked, overdue]).toEqual([states.length, count('revoked', 'overdue'), count('overdue')]);
    },

    'is in the state that its leases make': ({ snapshot }) => {
      const { live, revoked, overdue } = snapshot.context;
      const state = live === 0 ? 'idle' : revoked === 0 ? 'leased' : overdue === 0 ? 'cancelling' : 'evicting';
      if (!['idle', 'leased', 'cancelling', 'evicting'].includes(snapshot.value)) return;
      expect(snapshot.value).toBe(state);
      // Somebody waits for an answer of it, or it would not be let live.
      if (state === 'evicting') expect(live).toBeGreaterThan(revoked);
    },

    'knows of each slot which lease is live there, and what becomes of its answer': ({
      from,
      event,
      transition,
      snapshot,
    }) => {
      const { slot, lease } = event;
      const becomes = transition === null ? undefined : BECOMES[event.type];
      const leases = from.context.leases.map((was, at) =>
        becomes === undefined || at !== slot ? was : becomes === null ? null : { lease, state: becomes },
      );
      // What it takes along when it goes is told to the coordinator, and no longer kept.
      if (isUp(snapshot.value)) expect(snapshot.context.leases).toEqual(leases);
    },

    'passes each lease to the client of the slot that it is for, and no other': ({ event, transition, said }) => {
      const granted = sent(said, 'lease.granted');
      if (event.type !== 'lease.granted' || transition === null) {
        expect(granted).toEqual([]);
        return;
      }
      expect(granted.map(({ to, event: { lease, slot } }) => [to.id, lease, slot])).toEqual([
        [`client-${event.slot}`, event.lease, event.slot],
      ]);
    },

    'gives back the slot that was released, at the moment at which it was': ({ event, said }) => {
      for (const { event: freed } of sent(said, 'slot.freed')) {
        expect([freed.slot, freed.at, freed.worker, freed.place]).toEqual([event.slot, event.at, 1, 0]);
      }
    },

    'remembers that it is to be replaced, and how many leases have proven it': ({
      from,
      event,
      transition,
      snapshot,
    }) => {
      const { retired, served } = from.context;
      const isOf = (type: string) => transition !== null && event.type === type;
      expect(snapshot.context.retired).toBe(retired || isOf('worker.retire'));
      expect(snapshot.context.served).toBe(Math.min(served + Number(isOf('lease.released')), LEASES_THAT_PROVE));
    },

    'has proven itself when it dies if it was to be replaced, has served two leases, or one and was ended': ({
      event,
      from,
      said,
    }) => {
      for (const { event: dead } of sent(said, 'worker.dead')) {
        const { retired, served } = from.context;
        const isProven = retired || served === 2 || (served === 1 && event.byItself !== true);
        expect(dead.proven).toBe(isProven || (event.isBlameless ? null : false));
      }
    },

    'leaves once, and tells each client that holds a lease, and no other, that it is lost': ({
      from,
      event,
      snapshot,
      said,
    }) => {
      const left = sent(said, 'worker.left');
      const lost = sent(said, 'lease.lost');
      expect(left).toHaveLength(isUp(from.value) && !isUp(snapshot.value) ? 1 : 0);
      const leases = from.context.leases.map((live, slot) =>
        event.type === 'lease.released' && event.slot === slot ? null : (live?.lease ?? null),
      );
      for (const each of left) expect(each.event.leases).toEqual(leases);
      expect(lost.map(({ to, event: { lease } }) => [to.id, lease])).toEqual(
        left.length === 0 ? [] : leases.flatMap((lease, slot) => (lease === null ? [] : [[`client-${slot}`, lease]])),
      );
    },
  },
};

/** What becomes of a lease by an event that is about it. */
const BECOMES: Readonly<Record<string, LiveLease['state'] | null>> = {
  'lease.granted': 'awaited',
  'lease.released': null,
  'lease.revoked': 'revoked',
  'lease.resumed': 'awaited',
  'lease.overdue': 'overdue',
};

function isUp(state: string): boolean {
  return ['idle', 'leased', 'cancelling', 'retiring', 'evicting'].includes(state);
}

function sent(said: readonly Said[], type: string) {
  return said.flatMap((each) => (each.how === 'send' && each.event.type === type ? [each] : []));
}
