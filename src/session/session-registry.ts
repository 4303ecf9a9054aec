import { LruMap } from '../base/lru-map.js';
import type { Child } from '../call/children.js';
import type { Coming } from '../call/coming.js';
import { SessionLimitError, type SessionLoss } from '../errors.js';
import type { Runtime } from '../runtime.js';
import type { WorkerHand } from '../worker/worker-hand.js';
import type { Rebuild } from './rebuild.js';
import { SessionRecord } from './session-record.js';

/**
 * Which session has met which worker. A value of this process that is read
 * before a request is sent: nobody is asked on the way.
 *
 * Sessions in use are never evicted, so only idle ones stand in the cache.
 */
export class SessionRegistry {
  readonly #runtime: Runtime;
  readonly #busy = new Map<string, SessionRecord>();
  readonly #idle: LruMap<SessionRecord>;
  readonly #lost: LruMap<SessionLoss>;
  /** Those that were lost in use, until they are unused. */
  readonly #lostInUse = new Set<SessionRecord>();
  readonly #onNoneHeld: (() => void)[] = [];
  /** Those that hold somebody, and how many of them count. */
  readonly #holding = new Map<SessionRecord, number>();
  #held = 0;
  /** The sessions for which a worker may keep something. */
  readonly #visitors = new WeakMap<WorkerHand, Set<SessionRecord>>();

  constructor(runtime: Runtime) {
    const { sessionsMax } = runtime.settings;
    this.#runtime = runtime;
    // No `ttl` of the cache's own: time is the pool's clock.
    this.#idle = new LruMap(sessionsMax);
    this.#lost = new LruMap(Math.max(sessionsMax, LOSSES_MAX));
  }

  get size(): number {
    return this.#busy.size + this.#idle.size;
  }

  /**
   * Of all sessions, those who wait for another call of theirs to meet a worker first, but for those in whose place
   * somebody waits for the lease of an `onLost`.
   */
  get held(): number {
    return this.#held;
  }

  /**
   * How many more wait under that key than the queue tells: all who are held and bear it. Somebody who has asked in the place
   * of one, under the session's own key, is in the queue and is nobody more.
   */
  heldOf(fairnessKey: string): number {
    let held = 0;
    for (const record of this.#holding.keys()) {
      for (const { waiter } of record.held) if (waiter.fairnessKey === fairnessKey) held += 1;
      if (record.rebuild?.standing.fairnessKey === fairnessKey) held -= standInsOf(record);
    }
    return held;
  }

  /** The session holds others than before, or for something else: they are counted each time that somebody asks. */
  recount(record: SessionRecord): void {
    const held = Math.max(0, record.held.size - standInsOf(record));
    this.#held += held - (this.#holding.get(record) ?? 0);
    if (record.held.size > 0) this.#holding.set(record, held);
    else this.#holding.delete(record);
  }

  /** What those wait for whom sessions hold until their state is built anew. */
  get rebuilds(): readonly Rebuild[] {
    return [...this.#holding.keys()].flatMap(({ rebuild }) => rebuild ?? []);
  }

  /** Runs `run` once nobody waits for another call of the session to meet a worker first. */
  whenNoneHeld(run: () => void): void {
    this.#onNoneHeld.push(run);
    this.released();
  }

  /** Some of those held have gone on. */
  released(): void {
    if (this.#onNoneHeld.length === 0 || this.#holding.size > 0) return;
    for (const run of this.#onNoneHeld.splice(0)) run();
  }

  /**
   * The session, in use until `leave`. The one longest unused makes room for a new one.
   *
   * @throws SessionLimitError (`ERR_SESSION_LIMIT`) when all that may live are in use.
   */
  enter(id: string): SessionRecord {
    const record = this.#busy.get(id) ?? this.#idle.get(id) ?? this.#create(id);
    this.#idle.delete(id);
    this.#busy.set(id, record);
    record.active += 1;
    return record;
  }

  leave(record: SessionRecord): void {
    record.active -= 1;
    record.lastUsed = this.#runtime.clock.now();
    if (record.active > 0) return;
    this.#lostInUse.delete(record);
    for (const tell of record.onUnused) tell();
    record.onUnused = [];
    const current = this.#busy.get(record.id) ?? this.#idle.peek(record.id);
    // It was dropped meanwhile, and has met workers since that nobody else will tell of its end.
    if (current !== record) return this.#dropState(record, current);
    // No worker keeps anything for it, so there is nothing to remember.
    if (record.visited.size === 0) return this.#drop(record);
    this.#busy.delete(record.id);
    this.#idle.set(record.id, record);
    if (record.ttlMs !== undefined && record.expiry === undefined) this.#expireLater(record, record.ttlMs);
  }

  /** How long it may be unused; what was said before stands if nothing is said now. */
  limit(record: SessionRecord, ttlMs: number | undefined): void {
    if (ttlMs === undefined || ttlMs === record.ttlMs) return;
    record.ttlMs = ttlMs;
    if (record.expiry !== undefined) this.#runtime.clock.clearTimeout(record.expiry);
    record.expiry = undefined;
  }

  /** That no call or lease of the session runs or waits. */
  unused(id: string): Coming<void> {
    let leave = () => {};
    const wait = async () => {
      for (let record = this.#inUse(id); record !== undefined; record = this.#inUse(id)) {
        const waited = record;
        await new Promise<void>((resolve) => {
          waited.onUnused = [...waited.onUnused, resolve];
          leave = () => {
            waited.onUnused = waited.onUnused.filter((tell) => tell !== resolve);
          };
        });
      }
    };
    return { outcome: wait(), leave: () => leave() };
  }

  /** What of that session runs or waits, as those know it who look at who waits for whom. */
  childrenOf(id: string): readonly (Child | undefined)[] {
    const { running, askers } = this.#runtime;
    const { rebuild, held = [] } = this.#busy.get(id) ?? {};
    const waiting = [...askers, ...held].filter(({ session }) => session?.id === id);
    return [rebuild, ...running.filter(({ caller }) => caller?.sessionId === id), ...waiting.map(({ child }) => child)];
  }

  /** `worker` may keep something for the session from now on. */
  visit(record: SessionRecord, worker: WorkerHand): void {
    record.visited.add(worker);
    const visitors = this.#visitors.get(worker) ?? new Set();
    this.#visitors.set(worker, visitors.add(record));
  }

  /**
   * The worker with a free slot that the fewest living sessions have met. A new session is sent there, or else sessions that begin
   * one after the other would all meet the warmest worker and wait for each other ever after.
   *
   * @param isOfNoUse Those are left out for which it is true.
   */
  leastMet(isOfNoUse?: (worker: WorkerHand) => boolean): WorkerHand | undefined {
    let least: WorkerHand | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const hand of this.#runtime.hands.values()) {
      // One that is to be replaced would lose it soon.
      const isWorn = hand.life.isToGo || this.#runtime.recycler?.reasonFor(hand) !== undefined;
      const met = isWorn ? Number.MAX_SAFE_INTEGER : (this.#visitors.get(hand)?.size ?? 0);
      if (met >= fewest || !hand.hasFreeSlot || isOfNoUse?.(hand)) continue;
      [least, fewest] = [hand, met];
    }
    return least;
  }

  /** It keeps the state of a strict session, or is about to. */
  holds(worker: WorkerHand): boolean {
    for (const { isStrict, met, rebuild } of this.#visitors.get(worker) ?? []) {
      if (isStrict && (met ?? rebuild?.worker) === worker) return true;
    }
    return false;
  }

  /** Something of the session runs or waits, those left out that had to do with what it has lost. */
  isBusy(id: string): boolean {
    return this.#busy.has(id);
  }

  /** Why the session's state is gone, told once: who has been told may build it anew. */
  takeLoss(id: string): SessionLoss | undefined {
    const loss = this.#lost.get(id);
    this.#lost.delete(id);
    return loss;
  }

  /** It could not be built anew: what was built goes, and the next call is told as this one was. */
  unbuilt(record: SessionRecord, loss: SessionLoss): void {
    this.#dropState(record);
    this.putLossBack(record.id, loss);
  }

  /** Nobody could be told of it. */
  putLossBack(id: string, loss: SessionLoss): void {
    this.#lost.set(id, loss);
  }

  /** Ends the session: Python drops what it keeps for it. False: it is in use. */
  end(id: string): boolean {
    if (this.#inUse(id) !== undefined) return false;
    this.#lost.delete(id);
    const record = this.#idle.peek(id);
    if (record !== undefined) this.#drop(record);
    return true;
  }

  /** The worker is out of service for good, and what it kept is gone. Safe to repeat. */
  workerLeft(worker: WorkerHand, reason: SessionLoss): void {
    const visitors = this.#visitors.get(worker);
    this.#visitors.delete(worker);
    for (const record of visitors ?? []) {
      record.visited.delete(worker);
      if (record.met === worker) {
        if (record.isStrict) this.#lose(record, reason);
        else record.forgetWorker();
      }
      if (record.active === 0 && record.visited.size === 0) this.#drop(record);
    }
  }

  clear(): void {
    for (const record of [...this.#busy.values(), ...this.#idle.values()]) {
      record.rebuild?.close();
      this.#drop(record);
    }
    this.#lost.clear();
    this.#lostInUse.clear();
    // Nobody is there any more to be told of a drain.
    this.#onNoneHeld.length = 0;
  }

  /** One that something of that session runs or waits for: the one that lives, or one that was lost meanwhile. */
  #inUse(id: string): SessionRecord | undefined {
    const record = this.#busy.get(id);
    if (record !== undefined || this.#lostInUse.size === 0) return record;
    return [...this.#lostInUse].find((lost) => lost.id === id);
  }

  #create(id: string): SessionRecord {
    const { sessionsMax } = this.#runtime.settings;
    if (this.size >= sessionsMax) {
      const victim = this.#idle.pop();
      if (victim === undefined) throw new SessionLimitError({ sessionsMax });
      this.#lose(victim, 'evicted');
    }
    return new SessionRecord(id, this);
  }

  #expireLater(record: SessionRecord, ms: number): void {
    record.expiry = this.#runtime.clock.setTimeout(() => {
      record.expiry = undefined;
      if (record.active > 0 || record.ttlMs === undefined) return;
      const left = record.lastUsed + record.ttlMs - this.#runtime.clock.now();
      // It was used since the timer was set, which is cheaper than setting one anew for each use.
      if (left > 0) this.#expireLater(record, left);
      else this.#lose(record, 'expired');
    }, ms);
  }

  #lose(record: SessionRecord, reason: SessionLoss): void {
    this.#drop(record);
    if (record.active > 0) this.#lostInUse.add(record);
    if (!record.isStrict || record.met === undefined) return;
    this.#lost.set(record.id, reason);
    this.#runtime.news.emit('session.lost', { session: record.id, reason });
  }

  #drop(record: SessionRecord): void {
    this.#busy.delete(record.id);
    this.#idle.delete(record.id);
    if (record.expiry !== undefined) this.#runtime.clock.clearTimeout(record.expiry);
    record.expiry = undefined;
    this.#dropState(record);
  }

  /** Python drops what it keeps for the session, but where its `successor` of the same id keeps something. */
  #dropState(record: SessionRecord, successor?: SessionRecord): void {
    for (const worker of record.visited) {
      if (!successor?.visited.has(worker)) worker.endSession(record.id);
      this.#visitors.get(worker)?.delete(record);
      this.#runtime.recycler?.sessionLeft(worker);
    }
    record.visited.clear();
  }
}

/** How many of those held are not counted, since somebody has asked in their place. */
function standInsOf({ rebuild }: SessionRecord): number {
  return rebuild !== undefined && rebuild.worker === undefined ? 1 : 0;
}

/** So many losses at least are remembered: one that is forgotten before it was told is a state that was empty unannounced. */
const LOSSES_MAX = 10_000;
