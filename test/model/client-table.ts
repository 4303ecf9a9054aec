import { expect } from 'vitest';
import type { clientMachine } from '../../machines/index.js';
import { CLIENT } from './charts.js';
import type { Table } from './table.js';

export const CLIENT_TABLE: Table<typeof clientMachine> = {
  chart: 'client',
  walks: [CLIENT],
  promises: {
    'free --lease.granted--> exchanging': { promise: 'the exchange begins', runs: ['beginExchange'] },
    'free --lease.accepted--> free': {
      promise: 'whoever was to have a lease that is lost waits again',
      says: ['coordinator lease.request'],
    },
    'exchanging --lease.accepted[isHeldLease]--> exchanging': {
      promise: 'the exchange goes on, in silence',
      runs: ['continueExchange'],
    },
    'exchanging --lease.declined[isHeldLease]--> free': {
      promise: 'the exchange is over, and the lease goes back',
      runs: ['endExchange'],
      says: ['worker lease.released'],
    },
    'exchanging --exchange.ended[isHeldLease]--> free': {
      promise: 'the lease goes back',
      says: ['worker lease.released'],
    },
    'exchanging --exchange.abandoned[isHeldLease]--> cancelling': {
      promise: 'the worker hears that nobody waits for its answer',
      says: ['worker lease.revoked'],
    },
    'exchanging --lease.lost[isHeldLease]--> free': {
      promise: 'whoever waits for an answer hears of it',
      runs: ['failExchange'],
    },
    'cancelling --exchange.ended[isHeldLease]--> free': {
      promise: 'the answer has come, and the lease goes back',
      says: ['worker lease.released'],
    },
    'cancelling --exchange.resumed[isHeldLease]--> exchanging': {
      promise: 'the answer has come, and the lease is kept',
      says: ['worker lease.resumed'],
    },
    'cancelling --after cancelGrace--> cancelling': {
      promise: 'the worker hears that its time is up',
      says: ['worker lease.overdue'],
    },
    'cancelling --lease.lost[isHeldLease]--> free': { promise: 'no answer will come', runs: ['failExchange'] },
  },
  rules: {
    'sends back whom it cannot serve, before all who ask': ({ event, said }) => {
      for (const each of said) {
        if (each.how !== 'send' || each.event.type !== 'lease.request') continue;
        expect(each.event).toEqual({ type: 'lease.request', waiter: event.waiter, isBack: true });
      }
    },
  },
};
