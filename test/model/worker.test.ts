import type { KillReason } from '../../machines/index.js';
import { WORKER } from './charts.js';
import { describeChart } from './describe-chart.js';

const killed = (because: KillReason) => [`killProcess ${because}`];
const LEFT_IDLE = ['coordinator worker.left null'];
const LEFT_LEASED = ['coordinator worker.left 7', 'client lease.lost 7'];
const DEAD = ['supervisor worker.dead'];
const IDLE = ['coordinator worker.idle'];

describeChart('worker', WORKER, {
  'spawning --process.ready--> idle': {
    promise: 'it is up, and free',
    says: ['supervisor worker.ready', ...IDLE],
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
  'idle --lease.granted--> leased': { promise: 'its client gets the lease', says: ['client lease.granted 7'] },
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
  'leased --lease.released[isLiveLease]--> idle': { promise: 'it is free again', says: IDLE },
  'leased --lease.revoked[isLiveLease]--> cancelling': {
    promise: 'it is not free: it owes an answer, and Python is asked to make it short',
    runs: ['interruptCall'],
  },
  'leased --worker.stop--> ending': {
    promise: 'its client hears that the lease is lost',
    runs: killed('stopped'),
    says: LEFT_LEASED,
  },
  'leased --process.unfit--> ending': {
    promise: 'its client hears that the lease is lost',
    runs: killed('unfit'),
    says: LEFT_LEASED,
  },
  'leased --process.exited--> dead': {
    promise: 'the coordinator and the client hear before it is gone',
    says: [...LEFT_LEASED, ...DEAD],
  },
  'cancelling --lease.released[isLiveLease]--> idle': { promise: 'it has answered, and is free', says: IDLE },
  'cancelling --lease.resumed[isLiveLease]--> leased': { promise: 'it has answered, and the lease goes on' },
  'cancelling --worker.stop--> ending': {
    promise: 'it goes without its answer',
    runs: killed('stopped'),
    says: LEFT_LEASED,
  },
  'cancelling --process.unfit--> ending': {
    promise: 'it goes without its answer',
    runs: killed('unfit'),
    says: LEFT_LEASED,
  },
  'cancelling --process.exited--> dead': { promise: 'no answer will come', says: [...LEFT_LEASED, ...DEAD] },
  'cancelling --after cancelGrace--> ending': {
    promise: 'an answer that does not come in time ends it',
    runs: killed('cancel-grace'),
    says: LEFT_LEASED,
  },
  'ending --worker.stop[isForced]--> ending': {
    promise: 'who cannot wait any longer need not',
    runs: killed('stopped'),
  },
  'ending --process.exited--> dead': { promise: 'only the kernel says that it is gone', says: DEAD },
  'ending --process.failed--> dead': { promise: 'nothing had come to be', says: DEAD },
  'ending --after stopGrace--> ending': { promise: 'a teardown does not take for ever', runs: killed('stopped') },
});
