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

/**
 * Why somebody does not get a worker. `busy`: it may not wait, and none is free. `worker-left`: it was for one worker alone,
 * which is gone, or may not wait. The others are those of the errors that callers get.
 */
export type RefusalReason = 'closed' | 'degraded' | 'queue-full' | 'key-full' | 'busy' | 'overloaded' | 'worker-left';

/** Whoever is told a {@link CoordinatorEvent}. */
export type CoordinatorRef = ActorRef<Snapshot<unknown>, CoordinatorEvent>;
/** Whoever is told a {@link WorkerEvent}. */
export type WorkerRef = ActorRef<Snapshot<unknown>, WorkerEvent>;
/** Whoever is told a {@link ClientEvent}. */
export type ClientRef = ActorRef<Snapshot<unknown>, ClientEvent>;
/** Whoever is told a {@link SupervisorEvent}. */
export type SupervisorRef = ActorRef<Snapshot<unknown>, SupervisorEvent>;

/** What the coordinator is told. */
export type CoordinatorEvent =
  /**
   * `isBack`: it was let in before, and had a worker that never came to it or was of no use, or was held by its session,
   * or it asks for one who was: it is let in however many wait, and while the pool drains. `held`: so many wait who have
   * asked for no worker yet, and so many of them under its fairness key; absent: nobody.
   */
  | { type: 'lease.request'; waiter: Waiter; isBack?: boolean; held?: { readonly all: number; readonly alike: number } }
  /** It waits no longer. If it was granted a lease before that was heard, its client gives that back. */
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
  /** It takes no leases any more, and `leases` are those that it had taken. Whoever was granted another may wait again. */
  | { type: 'worker.left'; worker: WorkerId; place: number; leases: SlotLeases }
  /** No worker lives, and starts keep failing: whoever waits is refused. */
  | { type: 'pool.degraded' }
  /** Nobody new is let in. Those who are there are served. */
  | { type: 'pool.drain' }
  /** Nobody is served any more. */
  | { type: 'pool.destroy' };

/** By slot: the last lease that it took, if that is still live. A later grant never reached it. */
export type SlotLeases = readonly (LeaseId | null)[];

/** What the coordinator says to whoever made the pool: these do not get a worker. */
export type CoordinatorEmitted = { type: 'waiters.refused'; waiters: readonly Waiter[]; reason: RefusalReason };

/** What a worker is told. */
export type WorkerEvent =
  /** The process can take leases. */
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
  /** Whoever asked is to have that slot. */
  | { type: 'lease.granted'; lease: LeaseId; slot: number; waiter: Waiter }
  /** Its client is done, since that moment; null where nobody looks at it. */
  | { type: 'lease.released'; lease: LeaseId; slot: number; at: number | null }
  /** Nobody waits for the answer that Python owes. */
  | { type: 'lease.revoked'; lease: LeaseId; slot: number }
  /** That answer has come, and the lease is still held. */
  | { type: 'lease.resumed'; lease: LeaseId; slot: number }
  /** It was revoked, and its grace time is up. */
  | { type: 'lease.overdue'; lease: LeaseId; slot: number }
  /** It is to be replaced once its leases have ended. */
  | { type: 'worker.retire' }
  /** It is to end: that way if no lease is live, and else at once. */
  | { type: 'worker.stop'; way: EndingWay };

/** What a client is told. */
export type ClientEvent =
  /** The lease has come to its worker, and is its own from now on. */
  | { type: 'lease.granted'; lease: LeaseId; slot: number; waiter: Waiter; worker: WorkerRef }
  /** Its worker ends, and the lease with it. */
  | { type: 'lease.lost'; lease: LeaseId }
  /** Whoever was next has the lease: its call was answered, and it was offered. */
  | { type: 'lease.accepted'; lease: LeaseId; waiter: Waiter }
  /** Nobody is to have it: it goes back. */
  | { type: 'lease.declined'; lease: LeaseId }
  /** Nothing is unanswered and nobody holds the lease any more, since that moment; null where nobody looks at it. */
  | { type: 'exchange.ended'; lease: LeaseId; at: number | null }
  /** Nobody waits for the answer any more, but Python still owes one. */
  | { type: 'exchange.abandoned'; lease: LeaseId }
  /** The answer that nobody waited for has come, and the lease is still held. */
  | { type: 'exchange.resumed'; lease: LeaseId };

/** What the supervisor is told. */
export type SupervisorEvent =
  /** It can take leases. */
  | { type: 'worker.ready'; worker: WorkerId; place: number }
  /**
   * `proven`: it had served, or was to be replaced, so its end says nothing about the next start. Null: it had not, and went
   * with others, so nothing is known of its own start.
   */
  | { type: 'worker.dead'; worker: WorkerId; place: number; proven: boolean | null }
  /** It has served so much that nothing which it does by itself speaks against its start: told once in its life. */
  | { type: 'worker.proven'; worker: WorkerId; place: number }
  /** The back-off of whoever is to live there is over. */
  | { type: 'restart.due'; place: number }
  /** Another is to take its place: it has served, lived or grown so far, or its modules are to be loaded anew. */
  | { type: 'worker.worn'; worker: WorkerId; place: number }
  /** The next of those that are worn may be replaced. */
  | { type: 'recycle.due' }
  /** Somebody has waited too long, and so many wait whom any worker could serve. */
  | { type: 'pool.crowded'; waiting: number }
  /** Nobody has needed it for long. */
  | { type: 'worker.unused'; worker: WorkerId; place: number }
  /** Nobody waits, and nothing is leased any more. */
  | { type: 'coordinator.closed' }
  /** Those who are there are served, and the workers stay. */
  | { type: 'pool.drain' }
  /** Those who are there are served, for as long as `closeTimeoutMs`, and the workers go. */
  | { type: 'pool.close' }
  /** The workers go at once. */
  | { type: 'pool.destroy' };

/** What the supervisor says to whoever made the pool: how the pool is from now on. */
export type SupervisorEmitted = { type: 'pool.ready' | 'pool.degraded' | 'pool.drained' | 'pool.closed' };
