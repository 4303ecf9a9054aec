/**
 * All the charts together with a world around them: processes, callers and
 * the port between the two. A world is a value, and a `Step` makes the next
 * one from it. The charts are the real ones; what `src/actors` does for them
 * is done here in the smallest way that tells the truth about it.
 */
import type { AnyEventObject, AnyStateMachine, SnapshotFrom } from 'xstate';
import {
  byAge,
  type ClientRef,
  type CoordinatorInput,
  type CoordinatorRef,
  clientMachine,
  coordinatorMachine,
  hasLiveWorker,
  listWaiters,
  type ShedRule,
  type SupervisorRef,
  supervisorMachine,
  type Waiter,
  type WorkerId,
  type WorkerRef,
  workerMachine,
} from '../../machines/index.js';
import { begin, type Effect, inertRef, type Taken, take } from '../model/take.js';

export interface Charts {
  readonly worker: typeof workerMachine;
  readonly coordinator: typeof coordinatorMachine;
  readonly client: typeof clientMachine;
  readonly supervisor: typeof supervisorMachine;
}

export const CHARTS: Charts = {
  worker: workerMachine,
  coordinator: coordinatorMachine,
  client: clientMachine,
  supervisor: supervisorMachine,
};

export type ChartName = keyof Charts;

/** What is tried, and how often. Whatever is not bounded here is unbounded. */
export interface Bounds {
  readonly size: number;
  /** The most workers there may be, where that is more. */
  readonly sizeMax?: number;
  /** How many may be out for their replacements at once. Nobody is replaced without. */
  readonly recycleMax?: number;
  /** How many each worker has. */
  readonly slots: number;
  /** And how many more, for short calls that wait in its pipe. */
  readonly ahead?: number;
  readonly callers: number;
  /** `at once`: each outside event is followed until nobody has anything left to say, as XState does it. */
  readonly delivery: 'at once' | 'delayed';
  readonly asks: readonly Ask[];
  readonly faults: ReadonlySet<Fault>;
  readonly queueMax: number;
  readonly queueMaxPerKey: number;
  /** If there is one, time may pass. */
  readonly shed: ShedRule | null;
  /** How often one caller may ask. */
  readonly callsMax: number;
  /** How many processes may die, fail to start or turn out unfit, unasked. */
  readonly deathsMax: number;
  /** How often a call may run out of time under a lease that is kept. */
  readonly timeoutsMax: number;
  /** How often the owner of the pool may drain, close or destroy it. */
  readonly commandsMax: number;
}

export interface Ask {
  readonly wish: 'anyone' | 'hint' | 'strict';
  readonly priority: number;
  readonly mayWait: boolean;
  readonly fairnessKey?: string;
  readonly isShort?: boolean;
}

export type Fault = 'death' | 'cancel' | 'timeout' | 'close';

/** How many bad starts in a row it takes to call a pool degraded. */
export const FAILURES_MAX = 3;

export type WorkerSnapshot = SnapshotFrom<typeof workerMachine>;
export type CoordinatorSnapshot = SnapshotFrom<typeof coordinatorMachine>;
export type ClientSnapshot = SnapshotFrom<typeof clientMachine>;
export type SupervisorSnapshot = SnapshotFrom<typeof supervisorMachine>;

export interface World {
  readonly supervisor: SupervisorSnapshot;
  readonly coordinator: CoordinatorSnapshot;
  /** By place: the worker that lives there, or lived there last. */
  readonly workers: readonly WorkerSnapshot[];
  /** By slot, through all places: its client, which outlives the workers. */
  readonly clients: readonly ClientSnapshot[];
  readonly processes: readonly Process[];
  /** By slot, through all places: what the port knows of the exchange that runs there. */
  readonly exchanges: readonly (Exchange | null)[];
  /** By place: a replacement is due. */
  readonly restarts: readonly boolean[];
  /** The next that is to be replaced is due. */
  readonly isRecyclingDue: boolean;
  readonly callers: readonly Caller[];
  /** Tickets whose callers have left before their grant. */
  readonly gone: readonly number[];
  readonly mail: Mail;
  readonly nextTicket: number;
  readonly now: number;
  readonly spent: Spent;
}

/** What has been used up of what is bounded. Counted only where there is a bound, so that endless runs stay finite. */
export interface Spent {
  readonly deaths: number;
  readonly timeouts: number;
  readonly commands: number;
}

export interface Process {
  readonly life: 'pending' | 'up' | 'gone';
  /** What it has been sent to end it. */
  readonly ending: 'no' | 'asked' | 'told' | 'killed';
}

export interface Exchange {
  readonly lease: number;
  readonly worker: WorkerId;
  /** The caller who holds the lease, or null once that one has left. */
  readonly caller: number | null;
  /** Python owes an answer that nobody waits for. */
  readonly owed: boolean;
  /** The grace time of that has run out, which it does once. */
  readonly overdue: boolean;
}

export interface Caller {
  readonly state: 'idle' | 'waiting' | 'running';
  readonly waiter: Waiter | null;
  readonly calls: number;
}

/** What is under way to each, first in first out for each receiver. */
export interface Mail {
  readonly supervisor: readonly AnyEventObject[];
  readonly coordinator: readonly AnyEventObject[];
  readonly workers: readonly (readonly AnyEventObject[])[];
  readonly clients: readonly (readonly AnyEventObject[])[];
}

/** Nothing is under way: the actors have no more to say until something happens outside. */
export function isQuiet({ supervisor, coordinator, workers, clients }: Mail): boolean {
  const isEmpty = (line: readonly AnyEventObject[]) => line.length === 0;
  return isEmpty(supervisor) && isEmpty(coordinator) && workers.every(isEmpty) && clients.every(isEmpty);
}

/** Something that must never be: the message says what. */
export class Violation extends Error {}

/** How many slots each worker has. */
export function slotsOf({ clients, processes }: World): number {
  return clients.length / processes.length;
}

/** Where a message goes. Worker addresses name one life, not only a place; a client's place is that of its slot, through all. */
export interface Address {
  readonly chart: ChartName;
  readonly place: number;
  readonly worker: WorkerId;
}

export const addressOf = (ref: unknown): Address => (ref as { address: Address }).address;

export const supervisorRef = addressed<SupervisorRef>('supervisor', 0, 0);
export const coordinatorRef = addressed<CoordinatorRef>('coordinator', 0, 0);

/** The one address of a slot's client. */
export function clientRef(place: number): ClientRef {
  return remembered(clientRefs, place, () => addressed<ClientRef>('client', place, 0));
}

/** The clients of a place, by slot. */
export function clientRefsAt(place: number, slots: number): readonly ClientRef[] {
  return Array.from({ length: slots }, (_, slot) => clientRef(place * slots + slot));
}

/** The one address of one life of a worker. */
export function workerRef(place: number, worker: WorkerId): WorkerRef {
  return remembered(workerRefs, place * 1_000_000 + worker, () => addressed<WorkerRef>('worker', place, worker));
}

export function firstWorld(charts: Charts, bounds: Bounds): World {
  const { size, sizeMax = size, recycleMax = 0, ahead = 0 } = bounds;
  const places = Array.from({ length: sizeMax + recycleMax }, (_, place) => place);
  const slots = Array.from({ length: places.length * (bounds.slots + ahead) }, (_, slot) => slot);
  const nobody: Process = { life: 'gone', ending: 'no' };
  const supervisor = begin(
    charts.supervisor,
    { sizeMin: size, sizeMax, recycleConcurrencyMax: recycleMax, failuresMax: FAILURES_MAX, closeTimeoutMs: 1 },
    supervisorRef,
  );
  const step = new Step(charts, bounds, {
    supervisor: supervisor.snapshot,
    coordinator: begin(charts.coordinator, coordinatorInput(bounds), coordinatorRef).snapshot,
    workers: places.map((place) => neverLived(charts, bounds, place)),
    clients: slots.map(
      (slot) => begin(charts.client, { cancelGraceMs: 1, coordinator: coordinatorRef }, clientRef(slot)).snapshot,
    ),
    processes: places.map(() => nobody),
    exchanges: slots.map(() => null),
    restarts: places.map(() => false),
    isRecyclingDue: false,
    callers: Array.from({ length: bounds.callers }, () => ({ state: 'idle', waiter: null, calls: 0 })),
    gone: [],
    mail: { supervisor: [], coordinator: [], workers: places.map(() => []), clients: slots.map(() => []) },
    nextTicket: 1,
    now: 0,
    spent: { deaths: 0, timeouts: 0, commands: 0 },
  });
  step.perform(addressOf(supervisorRef), supervisor.ran);
  return step.done();
}

/** What stands at a place before anybody has lived there. */
function neverLived(charts: Charts, bounds: Bounds, place: number): WorkerSnapshot {
  const ref = workerRef(place, place + 1);
  const { snapshot } = begin(charts.worker, inputOf(bounds, place, place + 1), ref);
  return take(charts.worker, snapshot, { type: 'process.failed' }, ref).snapshot;
}

function inputOf({ slots, ahead = 0 }: Bounds, place: number, worker: WorkerId) {
  return {
    worker,
    place,
    bootTimeoutMs: 1,
    evictGraceMs: 1,
    stopGraceMs: 1,
    termGraceMs: 1,
    coordinator: coordinatorRef,
    supervisor: supervisorRef,
    clients: clientRefsAt(place, slots + ahead),
    ahead,
  };
}

export function coordinatorInput({ queueMax, queueMaxPerKey, shed }: Bounds): CoordinatorInput {
  return { queueMax, queueMaxPerKey, rules: { ageAfterMs: 10_000, shed }, supervisor: supervisorRef };
}

/** The making of one world from another. */
export class Step {
  supervisor: SupervisorSnapshot;
  coordinator: CoordinatorSnapshot;
  readonly workers: WorkerSnapshot[];
  readonly clients: ClientSnapshot[];
  readonly processes: Process[];
  readonly exchanges: (Exchange | null)[];
  readonly restarts: boolean[];
  isRecyclingDue: boolean;
  readonly callers: Caller[];
  gone: readonly number[];
  readonly mail: {
    supervisor: readonly AnyEventObject[];
    coordinator: readonly AnyEventObject[];
    workers: (readonly AnyEventObject[])[];
    clients: (readonly AnyEventObject[])[];
  };
  nextTicket: number;
  now: number;
  spent: Spent;
  /** False as long as this step has made no difference to anything. */
  changed = false;
  /** What the pool's owner, or its callers' port, got to hear. */
  readonly emitted: AnyEventObject[] = [];
  /** Events that came to a state whose chart has no word about them. */
  readonly unheard: { chart: ChartName; state: string; event: string }[] = [];

  readonly #charts: Charts;
  readonly #bounds: Bounds;
  /** Those who are reading a message, each with what has come in meanwhile. */
  readonly #reading = new Map<string, AnyEventObject[]>();

  constructor(charts: Charts, bounds: Bounds, world: World) {
    this.#charts = charts;
    this.#bounds = bounds;
    this.supervisor = world.supervisor;
    this.coordinator = world.coordinator;
    this.workers = world.workers.slice();
    this.clients = world.clients.slice();
    this.processes = world.processes.slice();
    this.exchanges = world.exchanges.slice();
    this.restarts = world.restarts.slice();
    this.isRecyclingDue = world.isRecyclingDue;
    this.callers = world.callers.slice();
    this.gone = world.gone;
    this.mail = { ...world.mail, workers: world.mail.workers.slice(), clients: world.mail.clients.slice() };
    this.nextTicket = world.nextTicket;
    this.now = world.now;
    this.spent = world.spent;
  }

  done(): World {
    const { supervisor, coordinator, workers, clients, processes, exchanges, restarts, callers, gone, mail } = this;
    const { isRecyclingDue, nextTicket, now, spent } = this;
    return {
      supervisor,
      coordinator,
      workers,
      clients,
      processes,
      exchanges,
      restarts,
      isRecyclingDue,
      callers,
      gone,
      mail,
      nextTicket,
      now,
      spent,
    };
  }

  /** One less of what is bounded. */
  spend(what: keyof Spent): void {
    if (this.#bounds[`${what}Max`] !== Infinity) this.spent = { ...this.spent, [what]: this.spent[what] + 1 };
  }

  /** An actor, or somebody outside who stands behind others in the line, says something. */
  send(to: Address, event: AnyEventObject): void {
    if (to.chart === 'worker' && !this.#lives(to)) return;
    if (this.#bounds.delivery === 'at once') {
      this.happen(to, event);
      return;
    }
    this.changed = true;
    const { mail } = this;
    if (to.chart === 'worker') mail.workers[to.place] = [...mail.workers[to.place]!, event];
    else if (to.chart === 'client') mail.clients[to.place] = [...mail.clients[to.place]!, event];
    else mail[to.chart] = [...mail[to.chart], event];
  }

  /** Something reaches an actor now. */
  happen(to: Address, event: AnyEventObject): void {
    const name = `${to.chart}${to.place}`;
    const later = this.#reading.get(name);
    if (later !== undefined) {
      later.push(event);
      return;
    }
    const inbox = [event];
    this.#reading.set(name, inbox);
    for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) this.#read(to, next);
    this.#reading.delete(name);
  }

  #read(to: Address, event: AnyEventObject): void {
    if (to.chart === 'worker' && !this.#lives(to)) return;
    const machine: AnyStateMachine = this.#charts[to.chart];
    const before = this.#snapshotOf(to);
    const state = before.value as string;
    if (machine.states[state]!.on[event.type] === undefined) {
      this.unheard.push({ chart: to.chart, state, event: event.type });
      return;
    }
    const taken = takeOnce(machine, before, event, to);
    if (taken.snapshot === before && taken.ran.length === 0 && taken.said.length === 0) return;
    this.changed = true;
    this.#keep(to, taken.snapshot);
    this.perform(to, taken.ran);
    for (const said of taken.said) {
      if (said.how === 'send') {
        const receiver = addressOf(said.to);
        if (said.event.type === 'lease.granted' && to.chart === 'coordinator')
          this.#checkOrder(receiver.worker, said.event);
        if (said.event.type === 'lease.accepted') {
          const place = Math.floor(receiver.place / (this.clients.length / this.processes.length));
          this.#checkOrder(this.coordinator.context.workers[place]!.worker, said.event);
        }
        this.send(receiver, said.event);
      } else if (said.how === 'emit') {
        this.hear(said.event);
      } else if (said.how === 'cancel') {
        if (said.id === 'recycling') this.isRecyclingDue = false;
        else if (said.id.startsWith('restart-')) this.restarts[Number(said.id.slice('restart-'.length))] = false;
      } else if (said.event.type === 'restart.due') {
        this.restarts[said.event.place as number] = true;
      } else if (said.event.type === 'recycle.due') {
        this.isRecyclingDue = true;
      }
    }
  }

  #snapshotOf(to: Address) {
    if (to.chart === 'worker') return this.workers[to.place]!;
    if (to.chart === 'client') return this.clients[to.place]!;
    return this[to.chart];
  }

  #keep(to: Address, snapshot: unknown): void {
    if (to.chart === 'supervisor') this.supervisor = snapshot as SupervisorSnapshot;
    else if (to.chart === 'coordinator') this.coordinator = snapshot as CoordinatorSnapshot;
    else if (to.chart === 'client') this.clients[to.place] = snapshot as ClientSnapshot;
    else {
      this.workers[to.place] = snapshot as WorkerSnapshot;
      // Nobody reads the letters of the dead.
      if (!this.#lives(to)) this.mail.workers[to.place] = [];
    }
  }

  #lives({ place, worker }: Address): boolean {
    const snapshot = this.workers[place];
    return snapshot?.value !== 'dead' && snapshot?.context.worker === worker;
  }

  // ---------------------------------------------------------------- the hands

  perform(to: Address, effects: readonly Effect[]): void {
    for (const effect of effects) {
      const hand = Step.#hands[effect.name];
      if (hand === undefined) throw new Violation(`nobody has hands for the effect ${effect.name}`);
      hand(this, to.place, effect);
    }
  }

  static readonly #hands: Record<string, (step: Step, place: number, effect: Effect) => void> = {
    startActors: (step, _, { context }) => {
      for (const [place, each] of (context as SupervisorSnapshot['context']).places.entries()) {
        if (hasLiveWorker(each)) step.#start(place, each.worker);
      }
    },
    startWorker: (step, _, { context }) => {
      const { at, places } = context as SupervisorSnapshot['context'];
      step.#start(at, places[at]!.worker);
    },
    retireWorker: (step, _, { context }) => {
      const { at, places } = context as SupervisorSnapshot['context'];
      step.send(addressOf(workerRef(at, places[at]!.worker)), { type: 'worker.retire' });
    },
    askWorkers: (step) => step.#stopWorkers('ask'),
    killWorkers: (step) => step.#stopWorkers('kill'),
    tellDegraded: (step) => step.send(addressOf(coordinatorRef), { type: 'pool.degraded' }),
    tellDrain: (step) => step.send(addressOf(coordinatorRef), { type: 'pool.drain' }),
    tellDestroy: (step) => step.send(addressOf(coordinatorRef), { type: 'pool.destroy' }),
    startProcess: (step, place) => {
      step.processes[place] = { life: 'pending', ending: 'no' };
    },
    askToStop: (step, place) => {
      step.processes[place] = { ...step.processes[place]!, ending: 'asked' };
    },
    killProcess: (step, place) => {
      step.processes[place] = { ...step.processes[place]!, ending: 'killed' };
    },
    // What Python does about it, and who goes by a worker that is leaving, makes no difference here.
    interruptCall: () => {},
    terminateProcess: (step, place) => {
      // Whoever was killed stays so.
      const process = step.processes[place]!;
      if (process.ending === 'asked') step.processes[place] = { ...process, ending: 'told' };
    },
    beginRetirement: () => {},
    beginExchange: (step, place, { context, event }) =>
      step.#beginExchange(place, (context as ClientSnapshot['context']).held!, event.waiter as Waiter),
    continueExchange: (step, place, { event }) => step.#continueExchange(place, event.waiter as Waiter),
    endExchange: (step, place) => {
      step.exchanges[place] = null;
    },
    failExchange: (step, place, { context }) =>
      step.#failExchange(place, (context as ClientSnapshot['context']).held!.lease),
  };

  #start(place: number, worker: WorkerId): void {
    if (this.processes[place]!.life !== 'gone') throw new Violation('a worker is started where a process still lives');
    const ref = workerRef(place, worker);
    const { snapshot, ran } = begin(this.#charts.worker, inputOf(this.#bounds, place, worker), ref);
    this.workers[place] = snapshot;
    this.mail.workers[place] = [];
    this.perform(addressOf(ref), ran);
  }

  #stopWorkers(way: 'ask' | 'kill'): void {
    for (const { value, context } of this.workers) {
      if (value !== 'dead')
        this.send(addressOf(workerRef(context.place, context.worker)), { type: 'worker.stop', way });
    }
  }

  #beginExchange(place: number, { lease, worker }: { lease: number; worker: WorkerRef }, waiter: Waiter): void {
    if (this.exchanges[place] !== null) throw new Violation('an exchange begins where another has not ended');
    this.exchanges[place] = { lease, worker: addressOf(worker).worker, caller: null, owed: false, overdue: false };
    this.#continueExchange(place, waiter);
  }

  #continueExchange(place: number, waiter: Waiter): void {
    const exchange = this.exchanges[place];
    if (!exchange || exchange.caller !== null) throw new Violation('an exchange goes on that is over, or not yet');
    if (this.#forget(waiter.ticket)) {
      // The caller has gone: the lease is given back.
      this.exchanges[place] = null;
      this.send(addressOf(clientRef(place)), { type: 'exchange.ended', lease: exchange.lease, at: this.now });
      return;
    }
    const caller = this.#waitingFor(waiter, 'is given a lease');
    this.callers[caller] = { ...this.callers[caller]!, state: 'running', waiter: null };
    this.exchanges[place] = { ...exchange, caller };
  }

  #failExchange(place: number, lease: number): void {
    const exchange = this.exchanges[place];
    // It had been answered with a release that is still under way.
    if (!exchange) return;
    if (exchange.lease !== lease) throw new Violation('an exchange fails for the loss of a lease it does not hold');
    if (exchange.caller !== null) this.settle(exchange.caller);
    this.exchanges[place] = null;
  }

  /** What is said to the outside. */
  hear(event: AnyEventObject): void {
    this.emitted.push(event);
    if (event.type === 'waiters.refused') {
      for (const waiter of event.waiters as Waiter[]) {
        if (!this.#forget(waiter.ticket)) this.settle(this.#waitingFor(waiter, 'is refused'));
      }
    }
    if (event.type === 'pool.closed' && this.processes.some(({ life }) => life !== 'gone')) {
      throw new Violation('the pool says that it is closed while a process lives');
    }
  }

  /** The caller is answered, one way or another. */
  settle(caller: number): void {
    this.callers[caller] = { ...this.callers[caller]!, state: 'idle', waiter: null };
  }

  /** True if the caller behind `ticket` has left, which is now known to everybody. */
  #forget(ticket: number): boolean {
    if (!this.gone.includes(ticket)) return false;
    this.gone = this.gone.filter((each) => each !== ticket);
    return true;
  }

  #waitingFor({ ticket }: Waiter, what: string): number {
    const caller = this.callers.findIndex(({ waiter }) => waiter?.ticket === ticket);
    if (caller === -1) throw new Violation(`somebody who has had an answer ${what}`);
    return caller;
  }

  #checkOrder(worker: WorkerId, granted: AnyEventObject): void {
    const waiter = granted.waiter as Waiter;
    const { queue } = this.coordinator.context;
    const order = byAge(queue.rules);
    // Where somebody bears a key it is told here only of their own; a model of the queue tells the rest.
    const isKeyed = (other: Waiter) => other.fairnessKey !== null || waiter.fairnessKey !== null;
    const isOfOthers = (other: Waiter) =>
      isKeyed(other) && (other.fairnessKey !== waiter.fairnessKey || other.priority !== waiter.priority);
    const overtaken = listWaiters(queue).some(
      (other) =>
        (!other.affinity?.strict || other.affinity.worker === worker) &&
        !(listWaiters(queue).some(isKeyed) && isOfOthers(other)) &&
        order(other, waiter) < 0,
    );
    if (overtaken) throw new Violation('a waiter is overtaken');
  }
}

/** A chart is asked once for each (snapshot, event): it is pure, so the answer stays. */
function takeOnce<TMachine extends AnyStateMachine>(
  machine: TMachine,
  snapshot: SnapshotFrom<TMachine>,
  event: AnyEventObject,
  to: Address,
): Taken<SnapshotFrom<TMachine>> {
  const known = remembered(taken, machine, () => new WeakMap<object, Map<string, Taken<unknown>>>());
  const answers = remembered(known, snapshot as object, () => new Map<string, Taken<unknown>>());
  const self =
    to.chart === 'worker'
      ? workerRef(to.place, to.worker)
      : to.chart === 'client'
        ? clientRef(to.place)
        : to.chart === 'supervisor'
          ? supervisorRef
          : coordinatorRef;
  return remembered(answers, keyOf(event), () => take(machine, snapshot, event, self)) as Taken<SnapshotFrom<TMachine>>;
}

/** Tells two events apart. */
export function keyOf(event: AnyEventObject): string {
  return remembered(keysOfEvents, event, () => {
    const { type, lease, leases, slot, slots, ahead, worker, place, way, proven, byItself, ref, waiter, waiting, at } =
      event;
    const who = typeof worker === 'object' ? addressOf(worker).worker : worker;
    const from = ref === undefined ? '' : addressOf(ref).worker;
    const where = `${place} ${slot} ${slots} ${ahead} ${leases}`;
    return `${type} ${lease} ${who} ${where} ${way} ${proven} ${byItself} ${from} ${at} ${waiting} ${event.isBack} ${waiter ? keyOfWaiter(waiter) : ''}`;
  });
}

export function keyOfWaiter(waiter: Waiter): string {
  return remembered(keysOfWaiters, waiter, () => {
    const { ticket, askedAt, priority, fairnessKey, affinity, mayWait, isShort } = waiter;
    const wish = affinity === null ? '' : `${affinity.strict ? 'S' : 'H'}${affinity.worker}@${affinity.place}`;
    return `${ticket}@${askedAt}^${priority}${fairnessKey ?? ''}${wish}${mayWait ? '' : '!'}${isShort ? '~' : ''}`;
  });
}

function addressed<TRef extends SupervisorRef | CoordinatorRef | ClientRef | WorkerRef>(
  chart: ChartName,
  place: number,
  worker: WorkerId,
): TRef {
  return Object.assign(inertRef<TRef>(`${chart}-${place}-${worker}`), { address: { chart, place, worker } });
}

export function remembered<K, V>(
  memory: { get(key: K): V | undefined; set(key: K, value: V): unknown },
  key: K,
  make: () => V,
): V {
  let value = memory.get(key);
  if (value === undefined) {
    value = make();
    memory.set(key, value);
  }
  return value;
}

const keysOfEvents = new WeakMap<AnyEventObject, string>();
const keysOfWaiters = new WeakMap<Waiter, string>();
const clientRefs = new Map<number, ClientRef>();
const workerRefs = new Map<number, WorkerRef>();
const taken = new WeakMap<AnyStateMachine, WeakMap<object, Map<string, Taken<unknown>>>>();
