/**
 * The charts, as pure definitions: what may happen, without anything that
 * makes it happen. They open in Stately as they stand, and can be walked,
 * simulated and tested with `xstate` and its `xstate/graph` alone.
 */
export { type ClientContext, type ClientInput, clientMachine, type HeldLease } from './client.js';
export {
  type CoordinatorContext,
  type CoordinatorInput,
  coordinatorMachine,
  type Grant,
  type Granted,
  isCrowded,
  type Served,
} from './coordinator.js';
export type * from './messages.js';
export {
  hasLiveWorker,
  type Place,
  restartDelayMs,
  type SupervisorContext,
  type SupervisorInput,
  standing,
  supervisorMachine,
} from './supervisor.js';
export {
  type Affinity,
  addWaiter,
  byAge,
  countWaiters,
  emptyQueue,
  firstWaiterFor,
  hasWaiter,
  listWaiters,
  type QueueRules,
  removeWaiter,
  returnWaiter,
  type ShedRule,
  type Taken,
  takeBound,
  takeFirst,
  type Waiter,
  type WaitQueue,
  type WorkerId,
} from './wait-queue.js';
export { LEASES_THAT_PROVE, type LiveLease, type WorkerContext, type WorkerInput, workerMachine } from './worker.js';
