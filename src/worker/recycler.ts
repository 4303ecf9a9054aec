import type { RecycleLimits } from '../options.js';
import { residentBytes } from '../process/resident.js';
import type { Runtime } from '../runtime.js';
import { IdleTimer } from '../time/idle-timer.js';
import type { WorkerHand } from './worker-hand.js';

/** Why a worker is replaced although it is well. */
export type WearReason = 'leases' | 'age' | 'idle' | 'rss';

/**
 * Sees when a worker has served, lived, idled or grown so far that another is to take its place, and tells the
 * supervisor, which decides when. Workers that started together do not wear out together: each has a limit of its own,
 * up to a quarter below the one that was set.
 */
export class Recycler {
  readonly #runtime: Runtime;
  readonly #limits: RecycleLimits;
  readonly #wears = new Map<WorkerHand, Wear>();

  constructor(runtime: Runtime, limits: RecycleLimits) {
    this.#runtime = runtime;
    this.#limits = limits;
  }

  /** It can take leases from now on. */
  joined(hand: WorkerHand): void {
    const { ageMs, idleMs, leases } = this.#limits;
    const { clock } = this.#runtime;
    const share = shareOf(hand.id);
    this.#wears.set(hand, {
      leasesLeft: leases === undefined ? Number.POSITIVE_INFINITY : Math.ceil(leases * share),
      age: ageMs === undefined ? undefined : clock.setTimeout(() => this.#wornOut(hand, 'age'), ageMs * share),
      idle:
        idleMs === undefined
          ? undefined
          : new IdleTimer(
              clock,
              idleMs * share,
              () => hand.isLeased,
              () => this.#wornOut(hand, 'idle'),
            ),
      measuredAt: clock.now(),
      reason: undefined,
      drain: undefined,
    });
  }

  /** A lease of it has ended well. */
  returned(hand: WorkerHand): void {
    const wear = this.#wears.get(hand);
    if (wear === undefined || wear.reason !== undefined) return;
    wear.leasesLeft -= 1;
    if (wear.leasesLeft <= 0) return this.#wornOut(hand, 'leases');
    wear.idle?.touch();
    if (this.#limits.rssBytes !== undefined) this.#measure(hand, wear, this.#limits.rssBytes);
  }

  /** A session has left it. */
  sessionLeft(hand: WorkerHand): void {
    if (this.#wears.get(hand)?.drain === undefined || this.#runtime.sessions.holds(hand)) return;
    this.#offer(hand);
  }

  /** It takes no more leases, or is dead. */
  left(hand: WorkerHand): void {
    const wear = this.#wears.get(hand);
    if (wear === undefined) return;
    this.#clear(wear);
    this.#wears.delete(hand);
  }

  /** Why it is to be replaced, if it is. */
  reasonFor(hand: WorkerHand): WearReason | undefined {
    return this.#wears.get(hand)?.reason;
  }

  #measure(hand: WorkerHand, wear: Wear, rssBytesMax: number): void {
    const now = this.#runtime.clock.now();
    if (now - wear.measuredAt < MEASURE_EVERY_MS) return;
    wear.measuredAt = now;
    const bytes = residentBytes(hand.life.pythonPid);
    if (bytes !== undefined && bytes > rssBytesMax) this.#wornOut(hand, 'rss');
  }

  #wornOut(hand: WorkerHand, reason: WearReason): void {
    const wear = this.#wears.get(hand);
    if (wear === undefined || wear.reason !== undefined) return;
    this.#clear(wear);
    wear.reason = reason;
    const { clock, sessions, settings } = this.#runtime;
    if (!sessions.holds(hand)) return this.#offer(hand);
    wear.drain = clock.setTimeout(() => this.#offer(hand), settings.sessionDrainMs);
  }

  #offer(hand: WorkerHand): void {
    const wear = this.#wears.get(hand);
    if (wear === undefined) return;
    this.#clear(wear);
    this.#runtime.tellSupervisor({ type: 'worker.worn', worker: hand.id, place: hand.place });
  }

  #clear(wear: Wear): void {
    const { clock } = this.#runtime;
    if (wear.age !== undefined) clock.clearTimeout(wear.age);
    if (wear.drain !== undefined) clock.clearTimeout(wear.drain);
    wear.idle?.clear();
    wear.age = undefined;
    wear.drain = undefined;
  }
}

interface Wear {
  leasesLeft: number;
  age: unknown;
  readonly idle: IdleTimer | undefined;
  /** When its memory was last looked at. */
  measuredAt: number;
  reason: WearReason | undefined;
  /** Set while it is worn and waits for the strict sessions that it keeps something for. */
  drain: unknown;
}

/** From 1 down to 3/4, as far apart as can be for workers that follow each other: by the golden ratio. */
function shareOf(worker: number): number {
  return 1 - STAGGER * ((worker * GOLDEN) % 1);
}

const STAGGER = 0.25;
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const MEASURE_EVERY_MS = 1_000;
