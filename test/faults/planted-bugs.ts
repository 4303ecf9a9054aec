/**
 * Bugs that other pools have had, each made here on purpose: in which of our files, what is there, and what is put in
 * its place. `caughtBy` is the simulation, or the test file whose test has to fail.
 */
export interface PlantedBug {
  readonly what: string;
  /** Where the like was reported, or found by trying. */
  readonly seenIn: string;
  readonly file: string;
  readonly find: string;
  readonly put: string;
  readonly caughtBy: string;
  /** What whoever catches it says. */
  readonly says: RegExp;
}

const WORKER = 'machines/worker.ts';
const COORDINATOR = 'machines/coordinator.ts';
const CLIENT = 'machines/client.ts';
const SUPERVISOR = 'machines/supervisor.ts';
const SIMULATION = 'simulation';

export const PLANTED: readonly PlantedBug[] = [
  {
    what: 'a grant goes to a waiter who has timed out, and its slot is lost',
    seenIn: 'tarn#61, knex#1694',
    file: 'src/runtime.ts',
    find: "if (this.askers.take(waiter.ticket) !== undefined) this.#tellCoordinator({ type: 'lease.cancel', waiter });",
    put: 'void waiter;',
    caughtBy: SIMULATION,
    says: /./,
  },
  {
    what: 'a slot is given back twice and has two holders',
    seenIn: 'node-pool#19, node-pg-pool#115; tarn and lightning-pool, by trying',
    file: WORKER,
    find: '  return live?.lease === lease ? live : null;',
    put: '  return lease > 0 ? live : null;',
    caughtBy: 'test/model/worker.test.ts',
    says: /./,
  },
  {
    what: 'an old lease gives back the lease of the new holder',
    seenIn: 'tarn, generic-pool and lightning-pool, by trying',
    file: CLIENT,
    find: 'isHeldLease: ({ context, event }) => context.held?.lease === event.lease,',
    put: 'isHeldLease: ({ context }) => context.held !== null,',
    caughtBy: 'test/model/client.test.ts',
    says: /./,
  },
  {
    what: 'a slot is handed on while the call that ran out of time still runs',
    seenIn: 'postgrex#747',
    file: CLIENT,
    find: "'exchange.abandoned': { guard: 'isHeldLease', target: 'cancelling', actions: 'revokeLease' },",
    put: "'exchange.abandoned': { guard: 'isHeldLease', target: 'free', actions: ['releaseLease', 'dropLease'] },",
    caughtBy: SIMULATION,
    says: /owe an answer|more leases than it has slots|granted while/,
  },
  {
    what: 'somebody who has given up stays in the queue',
    seenIn: 'poolboy#70, poolex#210',
    file: 'src/runtime.ts',
    find: "if (this.askers.take(waiter.ticket) !== undefined) this.#tellCoordinator({ type: 'lease.cancel', waiter });",
    put: 'this.askers.take(waiter.ticket);',
    caughtBy: SIMULATION,
    says: /wait, and \d+ should|wait, and/,
  },
  {
    what: 'a freed worker is lost at the head of a queue that it does not fit',
    seenIn: 'cds-dbs#1721',
    file: COORDINATOR,
    find: '!isAwaited(context.queue, worker)) return false;',
    put: 'context.queue.size === 0) return false;',
    caughtBy: SIMULATION,
    says: /./,
  },
  {
    what: 'those who wait are not woken when a worker comes up',
    seenIn: 'graphile/worker#592, riak_core#298, HikariCP#452',
    file: COORDINATOR,
    find: '  return filled(changed(context, withServed(context, place, served)), place);',
    put: '  return changed(context, { ...withServed(context, place, served), granted: [] });',
    caughtBy: SIMULATION,
    says: /waits while a slot is free/,
  },
  {
    what: 'after a worker has died nobody starts another, and the queue stands still',
    seenIn: 'workerpool, by trying; poolifier#3211',
    file: SUPERVISOR,
    find: "{ actions: ['noteDead', 'scheduleRestart', 'scheduleRecycling'] },",
    put: "{ actions: ['noteDead', 'scheduleRecycling'] },",
    caughtBy: SIMULATION,
    says: /./,
  },
  {
    what: 'a call whose worker has died is never told',
    seenIn: 'joblib/loky#1, threads.js#386; tinypool with threads, by trying',
    file: WORKER,
    find: "        'process.exited': { target: 'dead', actions: ['announceLeft', 'loseLeases'] },",
    put: "        'process.exited': { target: 'dead', actions: ['announceLeft'] },",
    caughtBy: SIMULATION,
    says: /./,
  },
  {
    what: 'a dead worker is handed out',
    seenIn: "effect's Pool, by trying",
    file: WORKER,
    find: "        'process.exited': { target: 'dead', actions: 'announceLeft' },",
    put: "        'process.exited': { target: 'dead' },",
    caughtBy: SIMULATION,
    says: /./,
  },
  {
    what: 'starts that fail are repeated at once and for ever',
    seenIn: 'generic-pool, by trying; supervisor#1189, resque-pool#108',
    file: SUPERVISOR,
    find: '  if (failures === 0) return 0;',
    put: '  if (failures >= 0) return 0;',
    caughtBy: 'test/unit/machines/supervisor.test.ts',
    says: /./,
  },
  {
    what: 'whoever waits for a worker that has left waits for ever',
    seenIn: 'hyperframes#1132',
    file: COORDINATOR,
    find: '      return affinity?.strict === true && context.workers[affinity.place]?.worker !== affinity.worker;',
    put: '      return affinity?.strict === true && context.workers[affinity.place] === affinity;',
    caughtBy: 'test/model/coordinator.test.ts',
    says: /./,
  },
  {
    what: 'the bound of the queue is not kept',
    seenIn: 'nimble_pool, which has no bound',
    file: COORDINATOR,
    find: 'context.queue.size >= context.queueMax,',
    put: 'context.queue.size > context.queueMax + 1e9,',
    caughtBy: SIMULATION,
    says: /wait, and \d+ may/,
  },
  {
    what: 'whoever comes last is served first',
    seenIn: 'nimble_pool, where a request can lose its turn, by trying',
    file: 'machines/wait-queue.ts',
    find: '  return (one, other) => since(one) - since(other) || byTicket(one, other);',
    put: '  return (one, other) => since(other) - since(one) || byTicket(other, one);',
    caughtBy: 'test/unit/machines/wait-queue.test.ts',
    says: /./,
  },
  {
    what: 'a pool that is to drain refuses those who wait',
    seenIn: 'threads.js#461; lightning-pool and effect, by trying',
    file: COORDINATOR,
    find: "        'pool.drain': [{ guard: 'hasNothing', target: 'closed' }, { target: 'draining' }],",
    put: "        'pool.drain': [{ guard: 'hasNothing', target: 'closed' }, { target: 'draining', actions: ['refuseAll', { type: 'sayRefused', params: { reason: 'closed' } }] }],",
    caughtBy: SIMULATION,
    says: /it was there before the pool began to drain/,
  },
  {
    what: 'a close waits for ever for a worker that does not end when it is asked to',
    seenIn: 'tinypool#49, workerpool#498',
    file: WORKER,
    find: "        killGrace: { actions: { type: 'killProcess', params: { because: 'stopped' } } },",
    put: '',
    caughtBy: SIMULATION,
    says: /./,
  },
  {
    what: 'a drained pool does not end its workers when it is closed',
    seenIn: 'HikariCP#229',
    file: SUPERVISOR,
    find: "        'pool.close': { target: 'stopping', actions: 'askWorkers' },",
    put: "        'pool.close': { target: 'stopping' },",
    caughtBy: SIMULATION,
    says: /./,
  },
  {
    what: 'a call that had been started is said not to have been, and would be repeated',
    seenIn: 'celery#3541',
    file: 'src/call/pipe.ts',
    find: "'unknown' : id <= last",
    put: "'unknown' : id < last",
    caughtBy: SIMULATION,
    says: /started is/,
  },
  {
    what: 'an answer goes to whoever asked first, and not to whoever asked for it',
    seenIn: 'db_connection, whose `outdated connection reference` guards against it',
    file: 'src/call/pipe.ts',
    find: '    for (const request of this.#requests) if (request.id <= id && id <= request.lastId) return request;',
    put: '    for (const request of this.#requests) if (request.id !== -id) return request;',
    caughtBy: SIMULATION,
    says: /./,
  },
  {
    what: 'a listener is left on the signal of each call',
    seenIn: 'node#16572',
    file: 'src/base/signal.ts',
    find: "    this.#signal.removeEventListener('abort', this.#onAbort);",
    put: '',
    caughtBy: 'test/integration/budget.test.ts',
    says: /./,
  },
  {
    what: 'a deadline begins anew when the caller goes back to the queue',
    seenIn: 'mysql2#4498',
    file: 'src/call/budget.ts',
    find: '    else this.#timer = clock.setTimeout(onTime, timeoutMs);',
    put: '    else this.#timer = clock.setTimeout(() => clock.setTimeout(onTime, timeoutMs), timeoutMs);',
    caughtBy: SIMULATION,
    says: /its time is up at|past its deadline|waits at/,
  },
  {
    what: 'bytes that are no UTF-8 are taken for characters',
    seenIn: 'the `toString()` of a chunk, by trying',
    file: 'src/wire/frame.ts',
    find: "new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })",
    put: "new TextDecoder('utf-8', { ignoreBOM: true })",
    caughtBy: 'test/wire/rfc8259.test.ts',
    says: /8\.1 UTF-8/,
  },
  {
    what: 'a line without an end is held until memory is',
    seenIn: 'readers that collect what comes, by trying',
    file: 'src/wire/frame.ts',
    find: '    if (bytes <= this.#messageBytesMax) return;',
    put: '    if (bytes <= Number.MAX_SAFE_INTEGER) return;',
    caughtBy: 'test/unit/wire/frame.test.ts',
    says: /./,
  },
  {
    what: 'a write to a worker that has gone ends Node by EPIPE',
    seenIn: 'node#29206, vscode#182604',
    file: 'src/wire/channel.ts',
    find: "    duplex.on('error', (error) => this.#finish(error));",
    put: '',
    caughtBy: 'test/unit/wire/channel.test.ts',
    says: /./,
  },
  {
    what: 'a worker that has answered is killed, since its grace time goes on',
    seenIn: 'paseo#3235, pi-ext#146, where watchers kill what is well',
    file: CLIENT,
    find: "        'exchange.resumed': { guard: 'isHeldLease', target: 'exchanging', actions: 'resumeLease' },",
    put: "        'exchange.resumed': { guard: 'isHeldLease', actions: 'resumeLease' },",
    caughtBy: SIMULATION,
    says: /./,
  },
];
