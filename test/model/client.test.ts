import { clientMachine, type Waiter, type WorkerRef } from '../../machines/index.js';
import { describeChart } from './describe-chart.js';
import { inertRef } from './take.js';

const waiter: Waiter = { ticket: 1, priority: 0, affinity: null, mayWait: true };
const worker = inertRef<WorkerRef>('worker-0');

describeChart(
  'client',
  {
    machine: clientMachine,
    input: undefined,
    events: () => [
      { type: 'lease.granted', lease: 7, waiter, worker },
      // Of the lease it holds, and of one of long ago.
      ...[7, 6].flatMap((lease) => [
        { type: 'lease.lost', lease },
        { type: 'exchange.ended', lease },
        { type: 'exchange.abandoned', lease },
        { type: 'exchange.resumed', lease },
      ]),
    ],
    key: ({ value, context }) => JSON.stringify([value, context.held?.lease]),
  },
  {
    'free --lease.granted--> exchanging': { promise: 'the exchange begins', runs: ['beginExchange'] },
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
    'cancelling --lease.lost[isHeldLease]--> free': { promise: 'no answer will come', runs: ['failExchange'] },
  },
);
