import { type Actor, createActor, type InspectionEvent, type Subscription } from 'xstate';
import {
  type Affinity,
  type ClientEvent,
  type ClientRef,
  type CoordinatorEmitted,
  type CoordinatorEvent,
  type coordinatorMachine,
  countWaiters,
  isCrowded,
  type RefusalReason,
  type ShedRule,
  type SupervisorEvent,
  standing,
  type supervisorMachine,
  type Waiter,
  type WorkerId,
  type WorkerRef,
} from '../machines/index.js';
import { giveHands } from './actors/effect.js';
import { supervisorLogic } from './actors/supervisor.js';
import { Hooks, textOf, warn } from './base/hooks.js';
import { Askers } from './call/askers.js';
import type { Asking } from './call/asking.js';
import type { Call, CallOutcome } from './call/call.js';
import { type Child, lookAgain } from './call/children.js';
import type { Coming } from './call/coming.js';
import { Poison } from './call/poison.js';
import { Retries } from './call/retries.js';
import { SharedCalls } from './call/shared-calls.js';
import { Sites } from './call/site.js';
import { type Inspection, inspectionOf } from './chart/inspection.js';
import type { System } from './chart/table.js';
import { give } from './chart/unwatched.js';
import {
  OverloadedError,
  PoolClosedError,
  PoolDegradedError,
  type PoolError,
  QueueFullError,
  QueueTimeoutError,
  type WaitedFor,
} from './errors.js';
import { Linger } from './lease/linger.js';
import { Prefetch } from './lease/prefetch.js';
import { News } from './news.js';
import type { HandleOwner } from './objects/handle.js';
import type { PoolSettings } from './options.js';
import { LiveProcesses } from './process/live.js';
import { pythonStarter, type StartPython } from './process/python-process.js';
import { PoolTemplates } from './process/templates.js';
import { SessionRegistry } from './session/session-registry.js';
import { Counters, type PoolStats, type WorkerStats } from './stats.js';
import { type PoolClock, wallClock } from './time/clock.js';
import { GuardedClock } from './time/guarded-clock.js';
import { KeepAlive } from './time/keep-alive.js';
import { patienceOn } from './time/patience.js';
import { TurnEnd } from './time/turn.js';
import { PoolPython } from './worker/pool-python.js';
import { Recycler } from './worker/recycler.js';
import { Reloader } from './worker/reloader.js';
import { Renewal } from './worker/renewal.js';
import { Sizer } from './worker/sizer.js';
import type { WorkerHand } from './worker/worker-hand.js';

/** What the actors and the public surface share: the running charts, the hands, and the callers that wait. */
export class Runtime {
  readonly settings: PoolSettings;
  readonly clock: PoolClock;
  /** The same time, for whatever may end a worker. */
  readonly patience: PoolClock;
  readonly python: PoolPython;
  readonly startPython: StartPython;
  readonly hands = new Map<WorkerRef, WorkerHand>();
  readonly live = new LiveProcesses();
  readonly #turnEnd: TurnEnd = new TurnEnd(
    (): boolean => this.linger.isKeeping || this.keepAlive.isIdle,
    () => {
      this.linger.end();
      this.keepAlive.rest();
    },
  );
  readonly keepAlive: KeepAlive = new KeepAlive(this.#turnEnd.want);
  readonly linger: Linger = new Linger(this.#turnEnd.want);
  /** The maps that are about to send what they have taken, or to ask for a worker for it. */
  readonly flushing = new Set<{ flush(): void }>();
  readonly sessions: SessionRegistry;
  readonly counters = new Counters();
  readonly hooks = new Hooks();
  readonly news: News;
  readonly sites = new Sites();
  /** Those who have asked for a worker and have none: neither been granted one nor refused. */
  readonly askers = new Askers();
  readonly poison: Poison;
  readonly prefetch: Prefetch;
  readonly retries: Retries;
  readonly shared: SharedCalls;
  /** The functions that are generators, once a worker has told. */
  streams: ReadonlySet<string> = new Set();
  /** Present if processes are to be forked. */
  readonly templates: PoolTemplates | undefined;
  readonly renewal: Renewal;
  /** Present if the pool was to watch its files. */
  readonly reloader: Reloader | undefined;
  /** Present if workers are to be replaced while they are well. */
  readonly recycler: Recycler | undefined;
  /** Present if the pool has no fixed size. */
  readonly sizer: Sizer | undefined;
  /** What ended the pool, once something has. */
  endedBy: PoolClosedError['by'] | undefined;
  /** What the last start that came to nothing failed by, or a worker that was ready died of, unasked. */
  lastFailure: unknown;
  readonly #supervisor: Actor<typeof supervisorMachine>;
  readonly #coordinator: Actor<typeof coordinatorMachine>;
  readonly #inspection: Inspection;
  #tickets = 0;
  #requests = 0;

  /** @param startPython How a process is started; tests play theirs. */
  constructor(settings: PoolSettings, startPython?: StartPython) {
    this.settings = settings;
    this.news = new News(settings.logs, this.hooks);
    const clockFailed = (error: unknown) => this.hooks.failed(settings.clock, 'The `clock`', error);
    this.clock = settings.clock === wallClock ? wallClock : new GuardedClock(settings.clock, clockFailed);
    this.patience = patienceOn(this.clock);
    this.python = new PoolPython(settings);
    const recycleConcurrencyMax = settings.recycle === undefined ? 0 : settings.recycleConcurrencyMax;
    const spawn = startPython ?? pythonStarter(this.live);
    if (settings.start === 'fork') {
      this.templates = new PoolTemplates({
        live: this.live,
        spawn,
        seats: settings.sizeMax + recycleConcurrencyMax + SEATS_MORE,
        loadLine: () => this.python.loadLine(),
        onRefused: (reason) => this.news.emit('fork.refused', { reason }),
      });
    }
    this.startPython = this.templates?.start ?? spawn;
    this.sessions = new SessionRegistry(this);
    this.poison = new Poison(this);
    this.prefetch = new Prefetch(settings, () => this.#tickets);
    this.retries = new Retries(this);
    this.shared = new SharedCalls(this);
    this.renewal = new Renewal(this);
    this.#supervisor = createActor(supervisorLogic(this), {
      id: 'supervisor',
      systemId: 'supervisor',
      input: {
        sizeMin: settings.sizeMin,
        sizeMax: settings.sizeMax,
        recycleConcurrencyMax,
        failuresMax: settings.failuresMax,
        closeTimeoutMs: settings.closeTimeoutMs,
      },
      clock: this.patience,
      // Named even where there is none: XState would take what a polluted `Object.prototype` says.
      inspect: (settings.inspect && this.#fenced(settings.inspect)) as (event: InspectionEvent) => void,
    });
    for (const type of ['pool.ready', 'pool.degraded', 'pool.drained', 'pool.closed'] as const) {
      this.#supervisor.on(type, () => this.news.emit(type, { state: this.state }));
    }
    this.#supervisor.subscribe({
      next: ({ value }) => {
        if (value === 'stopping') this.python.giveUp(this.refusal('closed'));
      },
      error: (error) => this.#crashed(error),
      complete: () => this.#closed(),
    });
    if (settings.recycle !== undefined) this.recycler = new Recycler(this, settings.recycle);
    if (settings.elastic !== undefined) this.sizer = new Sizer(this, settings.elastic);
    if (settings.watch) this.reloader = new Reloader(this);
    disinherit(this.#supervisor);
    giveHands(this, this.#supervisor.system);
    this.#inspection = inspectionOf(this.#supervisor.system as unknown as System);
    this.#supervisor.start();
    disinherit(this.#supervisor);
    this.#coordinator = this.#supervisor.system.get('coordinator');
    this.#coordinator.on('waiters.refused', (refused) => this.#refuse(refused));
  }

  // ---------------------------------------------------------------- asking for a lease

  /** What is done for every call once it has ended: one for all, since a hundred thousand may wait. */
  readonly onCallSettled = (how: CallOutcome): void => {
    this.counters.settled(how);
    this.keepAlive.release();
  };

  /** The same for a stream. */
  readonly onStreamSettled = (how: CallOutcome): void => this.counters.settled(how);

  /** All calls that wait for an answer. */
  get running(): Call[] {
    const exchanges = [...this.hands.values()].flatMap((hand) => hand.exchanges);
    return exchanges.flatMap((exchange) => exchange?.calls ?? []);
  }

  /** All that runs or waits, and what else has a lease given back at its end, as those know it who look at who waits for whom. */
  get unserved(): (Child | undefined)[] {
    const exchanges = [...this.hands.values()].flatMap((hand) => hand.exchanges);
    const asking = [...this.askers].map(({ child }) => child);
    return [...this.running, ...exchanges.map((exchange) => exchange?.keeper), ...this.sessions.rebuilds, ...asking];
  }

  /** Who asks for a short call is sent ahead, if there is room in a pipe: no worker is free, and more wait than there are. */
  get sendsAhead(): boolean {
    const { context } = this.#coordinator.getSnapshot();
    return context.free.length === 0 && isCrowded(context);
  }

  /** A worker has a free slot, and fewer leases than that. */
  hasFreerThan(leases: number): boolean {
    const { workers, free } = this.#coordinator.getSnapshot().context;
    const freest = workers[free.at(-1) ?? -1];
    return freest !== undefined && freest.grants.length - freest.free.length < leases;
  }

  /** The moment it is, for a coordinator that sheds whoever has waited too long; null for one that does not. */
  get nowToShed(): number | null {
    return this.settings.shed === null ? null : this.clock.now();
  }

  nextTicket(): number {
    this.#tickets += 1;
    return this.#tickets;
  }

  /** The next id for a request, or the last of so many. */
  nextRequestId(count = 1): number {
    this.#requests += count;
    return this.#requests;
  }

  /** @param isBack It was let in before: its worker never came to it, or it waited elsewhere; or it asks for one who was. */
  ask(asker: Asking, isBack = false): void {
    // A coordinator that has ended with the pool hears nobody.
    if (!this.#isActive) return asker.onRefused('closed');
    this.linger.end();
    this.askers.add(asker);
    const { waiter } = asker;
    const held = isBack ? undefined : this.#heldBeside(waiter);
    // Most of the time nobody is held, and nothing is to be said of it.
    if (held === undefined) this.#tellCoordinator({ type: 'lease.request', waiter, isBack });
    else this.#tellCoordinator({ type: 'lease.request', waiter, isBack, held });
    if (this.sizer !== undefined && this.askers.has(asker.waiter.ticket)) this.sizer.waits();
  }

  withdraw(waiter: Waiter): void {
    if (this.askers.take(waiter.ticket) !== undefined) this.#tellCoordinator({ type: 'lease.cancel', waiter });
  }

  /** That worker takes nobody new for good: who would have nobody else waits in vain. */
  refuseBoundTo(worker: WorkerId): void {
    for (const asker of [...this.askers]) {
      const { affinity } = asker.waiter;
      if (!affinity?.strict || affinity.worker !== worker) continue;
      this.withdraw(asker.waiter);
      asker.onRefused('worker-left');
    }
  }

  /** What those wait for who hold every slot that could serve such a wish; undefined if one is free, or may come up. */
  keepers(affinity: Affinity | null): readonly (Child | undefined)[] | undefined {
    const { sizeMax, slots } = this.settings;
    // At its end a pool does not grow.
    const size = this.endedBy === undefined ? sizeMax : this.size;
    const hands = [...this.hands.values()].filter(({ id }) => !affinity?.strict || id === affinity.worker);
    if (hands.length < (affinity?.strict ? 1 : size)) return undefined;
    const keepers: (Child | undefined)[] = [];
    for (const { exchanges, isRetired } of hands) {
      const held = exchanges.filter((exchange) => exchange !== undefined);
      // One that is to be replaced has a slot for nobody, and goes with the last of its leases.
      if (held.length < (isRetired ? 1 : slots)) return undefined;
      for (const { keeper } of held) keepers.push(keeper);
    }
    return keepers;
  }

  /** What all have in common who wait by such a wish, and so for the same {@link keepers}. */
  queueFor(affinity: Affinity | null): object | undefined {
    return affinity?.strict ? [...this.hands.values()].find(({ id }) => id === affinity.worker) : this;
  }

  /** What somebody is told whose budget is spent before there was a worker. */
  queueTimeout(waitedMs: number, waitedFor?: WaitedFor): QueueTimeoutError {
    const { idle, leased, cancelling, retiring, evicting } = this.workerStates();
    return new QueueTimeoutError({
      waitedMs: Math.round(waitedMs),
      leased: this.leases,
      waiting: this.waiting,
      waitedFor,
      isNobodyUp: idle + leased + cancelling + retiring + evicting === 0,
    });
  }

  /** What somebody is told whom the coordinator refused. */
  refusal(reason: Exclude<RefusalReason, 'worker-left' | 'overloaded'>, fairnessKey?: string): PoolError {
    switch (reason) {
      case 'closed':
        return new PoolClosedError({ by: this.endedBy ?? 'close' });
      case 'degraded':
        return new PoolDegradedError({ failures: this.failures, cause: this.lastFailure });
      case 'queue-full':
        return new QueueFullError({ queueMax: this.settings.queueMax });
      case 'key-full':
        return new QueueFullError({ queueMax: this.settings.queueMaxPerKey, fairnessKey });
      case 'busy':
        return this.queueTimeout(0, 'session-worker');
    }
  }

  /** What somebody is told who was refused for the sake of the others. */
  shed(waitedMs: number): OverloadedError {
    const { targetMs } = this.settings.shed as ShedRule;
    return new OverloadedError({ waitedMs: Math.round(waitedMs), targetMs });
  }

  // ---------------------------------------------------------------- the pool's life

  get state() {
    const { status, value } = this.#supervisor.getSnapshot();
    return status === 'error' ? 'closed' : value;
  }

  /** Bad starts in a row. */
  get failures(): number {
    return this.#supervisor.getSnapshot().context.failures;
  }

  /** A worker that lives has proven that its start was good. */
  get hasProvenWorker(): boolean {
    for (const { isProven } of this.hands.values()) if (isProven) return true;
    return false;
  }

  /** Whether Node has a handle of any object that came by that lease or session. */
  hasObjectsOf(owner: HandleOwner): boolean {
    for (const hand of this.hands.values()) if (hand.hasObjectsOf(owner)) return true;
    return false;
  }

  get waiting(): number {
    return this.#coordinator.getSnapshot().context.queue.size + this.sessions.held;
  }

  /** Why that one may not wait besides those who do, the ones whom sessions hold included; undefined: there is room. */
  whyFull({ fairnessKey }: Waiter): RefusalReason | undefined {
    const { queueMax, queueMaxPerKey } = this.settings;
    if (this.waiting >= queueMax) return 'queue-full';
    if (fairnessKey === null) return undefined;
    const { queue } = this.#coordinator.getSnapshot().context;
    const alike = countWaiters(queue, fairnessKey) + this.#heldOf(fairnessKey);
    return alike >= queueMaxPerKey ? 'key-full' : undefined;
  }

  /** Those whom sessions hold, and who wait beside that one as well as those in the queue; undefined: nobody. */
  #heldBeside({ fairnessKey }: Waiter): { all: number; alike: number } | undefined {
    const all = this.sessions.held;
    const alike = fairnessKey === null ? 0 : this.#heldOf(fairnessKey);
    return all === 0 && alike === 0 ? undefined : { all, alike };
  }

  #heldOf(fairnessKey: string): number {
    // Where all who wait are fewer than may be of one key, nobody has to count those.
    return this.waiting < this.settings.queueMaxPerKey ? 0 : this.sessions.heldOf(fairnessKey);
  }

  /** How many workers there are to be now. */
  get size(): number {
    // At its end a pool lets them go one by one.
    return Math.max(this.settings.sizeMin, standing(this.#supervisor.getSnapshot().context));
  }

  get lastTicket(): number {
    return this.#tickets;
  }

  end(by: PoolClosedError['by']): void {
    if (!this.#isActive) return;
    this.linger.end();
    this.retries.hurry();
    // What a map had taken is served with those who are there.
    for (const carrier of [...this.flushing]) carrier.flush();
    this.endedBy ??= by;
    this.reloader?.close();
    void this.renewal.close();
    this.#supervisor.send({ type: `pool.${by}` });
    if (this.sizer !== undefined) lookAgain();
  }

  /** Workers that wait out a back-off are started now. */
  startWaiting(): void {
    for (const [place, { state }] of this.#supervisor.getSnapshot().context.places.entries()) {
      if (state === 'waiting') this.#supervisor.send({ type: 'restart.due', place });
    }
  }

  /** What `settled` returns, as soon as it returns something: asked now and after each change of the pool's state. */
  changed<T>(settled: () => Promise<T> | undefined): Coming<T> {
    const now = settled();
    if (now !== undefined) return { outcome: now };
    let subscription: Subscription | undefined;
    const outcome = new Promise<T>((resolve) => {
      const look = () => {
        const later = settled();
        if (later === undefined) return;
        subscription?.unsubscribe();
        resolve(later);
      };
      subscription = this.#supervisor.subscribe({ next: look, complete: look, error: look });
    });
    return { outcome, leave: () => subscription?.unsubscribe() };
  }

  /** A number from 0 to 1, whatever the user's `random` does. */
  jitter(): number {
    const drawn: unknown = this.hooks.call(this.settings.random, 'The `random`');
    return typeof drawn === 'number' && drawn >= 0 && drawn <= 1 ? drawn : 1;
  }

  /** Resolves once nothing of the pool is left but what its state still needs. */
  async released(): Promise<void> {
    await this.renewal.close();
    if (this.state === 'closed') await this.#letGo();
  }

  /** Ends what was there for the workers, of whom there are none any more. */
  async #letGo(): Promise<void> {
    await this.templates?.close();
    await this.live.close();
  }

  bootFailed(error: Error): void {
    this.lastFailure = error;
    this.news.emit('boot.failed', { error });
  }

  /** What each worker does, and when it was heard of. */
  workers(): WorkerStats[] {
    this.linger.end();
    return [...this.hands.values()].map(({ stats }) => stats);
  }

  /** How many workers are in each state of their chart. */
  workerStates(): PoolStats['workers'] {
    this.linger.end();
    const counts = { spawning: 0, idle: 0, leased: 0, cancelling: 0, retiring: 0, evicting: 0, ending: 0 };
    for (const { state } of this.hands.values()) if (state !== 'dead') counts[state] += 1;
    return counts;
  }

  /** How many leases are live. */
  get leases(): number {
    this.linger.end();
    let leases = 0;
    for (const { liveLeases } of this.hands.values()) leases += liveLeases;
    return leases;
  }

  /** Code of our own threw, or somebody else's in the middle of it. It is said, and nothing else is disturbed. */
  fault(error: unknown): void {
    warn(`Code that the pool called back threw: ${textOf(error)}`);
  }

  /** What a caller gets for an error: of the class that `errors` ties to what Python raised, if there is one. */
  tied(error: unknown): unknown {
    const failed = (tied: object, thrown: unknown) =>
      this.hooks.failed(tied, 'The constructor of a class in `errors`', thrown);
    return this.settings.errors?.errorFor(error, failed) ?? error;
  }

  // ---------------------------------------------------------------- telling the actors, and hearing of them

  tellSupervisor(event: SupervisorEvent): void {
    this.linger.end();
    if (this.#isActive) this.#supervisor.send(event);
  }

  /** Says to the client of a slot how its exchange stands. */
  tellClient(client: ClientRef, event: ClientEvent): void {
    give(client, event, this.#inspection);
  }

  /** Has the coordinator pass on a lease whose call was answered. */
  offer(offer: CoordinatorEvent & { type: 'lease.offered' }): void {
    this.#tellCoordinator(offer);
  }

  #tellCoordinator(event: CoordinatorEvent): void {
    give(this.#coordinator, event, this.#inspection);
  }

  #refuse({ waiters, reason }: CoordinatorEmitted): void {
    for (const { ticket } of waiters) this.askers.take(ticket)?.onRefused(reason);
  }

  #fenced(inspect: NonNullable<PoolSettings['inspect']>) {
    const observe = typeof inspect === 'function' ? inspect : inspect.next?.bind(inspect);
    return (event: Parameters<NonNullable<typeof observe>>[0]) => {
      if (observe !== undefined) this.hooks.call(observe, 'The observer `inspect`', event);
    };
  }

  #closed(): void {
    this.sizer?.close();
    void this.#letGo();
    this.sessions.clear();
    this.keepAlive.dispose();
  }

  /** A fault of our own has killed the root actor: nobody may wait for it, and no process outlive it. */
  #crashed(error: unknown): void {
    this.endedBy ??= 'destroy';
    this.retries.hurry();
    for (const asker of [...this.askers]) {
      this.askers.take(asker.waiter.ticket);
      asker.onRefused('closed');
    }
    for (const hand of this.hands.values()) {
      hand.life.kill('stopped');
      hand.loseLeases();
    }
    this.reloader?.close();
    void this.renewal.close();
    this.live.killAll();
    this.#closed();
    this.fault(error);
  }

  get #isActive(): boolean {
    return this.#supervisor.getSnapshot().status === 'active';
  }
}

/** XState goes over its delayed events with `for … in`, and would find among them what is hung on `Object.prototype`. */
function disinherit({ system }: { readonly system: object }): void {
  const { _snapshot: snapshot } = system as { readonly _snapshot?: { readonly _scheduledEvents?: object } };
  if (snapshot?._scheduledEvents !== undefined) Object.setPrototypeOf(snapshot._scheduledEvents, null);
}

/** Besides the workers and what boots for those that are about to leave: the trial of a reload. */
const SEATS_MORE = 1;
