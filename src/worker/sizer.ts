import type { ElasticSize } from '../options.js';
import type { Runtime } from '../runtime.js';
import { IdleTimer } from '../time/idle-timer.js';
import type { WorkerHand } from './worker-hand.js';

/**
 * Sees when somebody has waited so long that a pool of no fixed size should have one worker more, and when nobody has
 * needed a worker for so long that it should have one less. The supervisor decides.
 *
 * Whoever stands in the queue at one look and still at the next has waited for as long as lies between: a lease costs
 * nothing for that.
 */
export class Sizer {
  readonly #runtime: Runtime;
  readonly #size: ElasticSize;
  readonly #idle = new Map<WorkerHand, IdleTimer>();
  #timer: unknown;
  /** The newest ticket at the last look. */
  #seen = 0;

  constructor(runtime: Runtime, size: ElasticSize) {
    this.#runtime = runtime;
    this.#size = size;
  }

  /** Somebody has begun to wait. */
  waits(): void {
    if (this.#timer === undefined) this.#lookLater();
  }

  /** It can take leases from now on. */
  joined(hand: WorkerHand): void {
    const timer = new IdleTimer(
      this.#runtime.clock,
      this.#size.shrinkAfterMs,
      () => hand.isLeased || this.#runtime.sessions.holds(hand),
      () => {
        this.#runtime.tellSupervisor({ type: 'worker.unused', worker: hand.id, place: hand.place });
        // It stays where there would be too few, until it is asked again.
        if (this.#idle.has(hand)) timer.touch();
      },
    );
    this.#idle.set(hand, timer);
    timer.touch();
  }

  /** A lease of it has ended well. */
  returned(hand: WorkerHand): void {
    this.#idle.get(hand)?.touch();
  }

  /** It takes no more leases, or is dead. */
  left(hand: WorkerHand): void {
    this.#idle.get(hand)?.clear();
    this.#idle.delete(hand);
  }

  close(): void {
    if (this.#timer !== undefined) this.#runtime.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #lookLater(): void {
    this.#seen = this.#runtime.lastTicket;
    this.#timer = this.#runtime.clock.setTimeout(() => {
      this.#timer = undefined;
      const { long, all } = this.#waitingForAny();
      if (long > 0) this.#runtime.tellSupervisor({ type: 'pool.crowded', waiting: long });
      if (all > 0) this.#lookLater();
    }, this.#size.growAfterMs);
  }

  /** How many wait whom any worker could serve: all of them, and those who did at the last look. */
  #waitingForAny(): { all: number; long: number } {
    let [all, long] = [0, 0];
    for (const { waiter } of this.#runtime.askers) {
      if (waiter.affinity?.strict) continue;
      all += 1;
      // Nobody needs to know of more than there can be workers.
      if (all > this.#runtime.settings.sizeMax) break;
      if (waiter.ticket <= this.#seen) long += 1;
    }
    return { all, long };
  }
}
