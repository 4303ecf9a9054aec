/**
 * What the actors say to each other. Facts are in the past tense and cannot
 * be refused; requests are, and the receiver's chart decides.
 */
import type { ActorRef, Snapshot } from 'xstate';
import type { Waiter, WorkerId } from './wait-queue.js';

/** Names one lease and is never used again, so that whatever comes late can be told from what is meant. */
export type LeaseId = number;

/** How a worker's process is to be ended: asked, with time to run its teardown, or at once. */
export type EndingWay = 'ask' | 'kill';

/** Why a worker kills its process: it cannot serve, took too long, or was told to. */
export type KillReason = 'unfit' | 'boot-timeout' | 'cancel-grace' | 'stopped';

export type RefusalReason = 'closed' | 'degraded' | 'queue-full' | 'key-full' | 'busy' | 'overloaded' | 'worker-left';

export type CoordinatorRef = ActorRef<Snapshot<unknown>, CoordinatorEvent>;
export type WorkerRef = ActorRef<Snapshot<unknown>, WorkerEvent>;
export type ClientRef = ActorRef<Snapshot<unknown>, ClientEvent>;
export type SupervisorRef = ActorRef<Snapshot<unknown>, SupervisorEvent>;

export type CoordinatorEvent =
  /**
   * `isBack`: it was let in before, and had a worker that never came to it or was of no use, or was held by its session,
   * or it asks for one who was: it is let in however many wait, and while the pool drains. `held`: so many wait who have
   * asked for no worker yet, and so many of them under its fairness key; absent: nobody.
   */
  | { type: 'lease.request'; waiter: Waiter; isBack?: boolean; held?: { readonly all: number; readonly alike: number } }
  | { type: 'lease.cancel'; waiter: Waiter }
  /** It is up, and all its slots are free: those for anybody, and those `ahead`, for short calls behind others. */
  | { type: 'worker.joined'; worker: WorkerId; place: number; ref: WorkerRef; slots: number; ahead: number }
  /** A lease has ended well, at that moment of the pool's clock; null where waiters are not shed, and nobody looks at the time. */
  | { type: 'slot.freed'; worker: WorkerId; place: number; slot: number; at: number | null }
  /** The call under that lease has been answered: whoever is next may have the lease as it is. */
  | { type: 'lease.offered'; lease: LeaseId; place: number; slot: number; client: ClientRef }
  /** It must end, and lets the calls that others wait for finish first: nobody new is to come. */
  | { type: 'worker.leaving'; worker: WorkerId; place: number }
  /** It has answered after all. */
  | { type: 'worker.staying'; worker: WorkerId; place: number }
  | { type: 'worker.left'; worker: WorkerId; place: number; leases: SlotLeases }
  | { type: 'pool.degraded' }
  | { type: 'pool.drain' }
  | { type: 'pool.destroy' };

/** By slot: the last lease that it took, if that is still live. A later grant never reached it. */
export type SlotLeases = readonly (LeaseId | null)[];

export type CoordinatorEmitted = { type: 'waiters.refused'; waiters: readonly Waiter[]; reason: RefusalReason };

export type WorkerEvent =
  | { type: 'process.ready' }
  /** No process came to be. */
  | { type: 'process.failed' }
  /** The process lives and cannot serve: its module does not load, or its line is broken. */
  | { type: 'process.unfit' }
  /**
   * `byItself`: by its own doing. Neither the pool nor anybody outside had ended it. `isBlameless`: it went with others, which
   * is no bad start of its own.
   */
  | { type: 'process.exited'; byItself: boolean; isBlameless?: boolean }
  | { type: 'lease.granted'; lease: LeaseId; slot: number; waiter: Waiter }
  | { type: 'lease.released'; lease: LeaseId; slot: number; at: number | null }
  | { type: 'lease.revoked'; lease: LeaseId; slot: number }
  | { type: 'lease.resumed'; lease: LeaseId; slot: number }
  /** It was revoked, and its grace time is up. */
  | { type: 'lease.overdue'; lease: LeaseId; slot: number }
  /** It is to be replaced once its leases have ended. */
  | { type: 'worker.retire' }
  | { type: 'worker.stop'; way: EndingWay };

export type ClientEvent =
  | { type: 'lease.granted'; lease: LeaseId; slot: number; waiter: Waiter; worker: WorkerRef }
  | { type: 'lease.lost'; lease: LeaseId }
  /** Whoever was next has the lease that was offered. */
  | { type: 'lease.accepted'; lease: LeaseId; waiter: Waiter }
  /** Nobody is to have it: it goes back. */
  | { type: 'lease.declined'; lease: LeaseId }
  /** The one call under the lease has been answered, and others wait. */
  | { type: 'exchange.answered'; lease: LeaseId }
  /** Nothing is unanswered and nobody holds the lease any more, since that moment; null where nobody looks at it. */
  | { type: 'exchange.ended'; lease: LeaseId; at: number | null }
  /** Nobody waits for the answer any more, but Python still owes one. */
  | { type: 'exchange.abandoned'; lease: LeaseId }
  /** The answer that nobody waited for has come, and the lease is still held. */
  | { type: 'exchange.resumed'; lease: LeaseId };

export type SupervisorEvent =
  | { type: 'worker.ready'; worker: WorkerId; place: number }
  /**
   * `proven`: it had served, or was to be replaced, so its end says nothing about the next start. Null: it had not, and went
   * with others, so nothing is known of its own start.
   */
  | { type: 'worker.dead'; worker: WorkerId; place: number; proven: boolean | null }
  | { type: 'restart.due'; place: number }
  /** It has served, lived or grown so far that another is to take its place. */
  | { type: 'worker.worn'; worker: WorkerId; place: number }
  | { type: 'recycle.due' }
  /** Somebody has waited too long, and so many wait whom any worker could serve. */
  | { type: 'pool.crowded'; waiting: number }
  /** Nobody has needed it for long. */
  | { type: 'worker.unused'; worker: WorkerId; place: number }
  | { type: 'coordinator.closed' }
  | { type: 'pool.drain' }
  | { type: 'pool.close' }
  | { type: 'pool.destroy' };

export type SupervisorEmitted = { type: 'pool.ready' | 'pool.degraded' | 'pool.drained' | 'pool.closed' };
