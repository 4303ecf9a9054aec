/**
 * When two worlds are the same for all that can come of them.
 *
 * Lease ids, tickets and worker ids are names: no chart does more with them
 * than tell them apart, or (tickets) put them in order. Places are alike, and
 * so are callers. So a world is the same under other names and with its
 * places and callers in another order; `canonical` picks one world of each
 * such family, with the smallest names, and a key that is equal for equal
 * worlds. That makes an endless run of leases a finite thing to look at.
 */
import type { AnyEventObject, AnyStateMachine } from 'xstate';
import {
  type Affinity,
  emptyQueue,
  listWaiters,
  returnWaiter,
  type Served,
  type Waiter,
  type WorkerRef,
} from '../../machines/index.js';
import { listItems } from '../../machines/sorted-tree.js';
import { ranksOf } from '../../machines/wait-queue.js';
import {
  addressOf,
  type Caller,
  type ClientSnapshot,
  type CoordinatorSnapshot,
  clientRef,
  clientRefsAt,
  type Exchange,
  isQuiet,
  keyOf,
  keyOfWaiter,
  type Mail,
  type Process,
  remembered,
  type SupervisorSnapshot,
  slotsOf,
  type WorkerSnapshot,
  type World,
  workerRef,
} from './world.js';

export interface Canonical {
  readonly key: string;
  /** Made where it is asked for: most worlds have been met before. */
  readonly world: () => World;
}

/** The one world that stands for `world` and all that are the same but for names and order. */
export function canonical(world: World): Canonical {
  return new Renaming(world).apply();
}

/** A name that nothing bears, for the next lease and the next worker. */
const FRESH = 1_000;

const NO_PROCESS: Process = { life: 'gone', ending: 'no' };

/** In place of somebody who has had an answer: that nobody may hear of it again is all there is to know. */
const ANSWERED: Waiter = {
  ticket: 0,
  askedAt: 0,
  priority: 0,
  fairnessKey: null,
  affinity: null,
  mayWait: true,
  isShort: false,
};
/** And whether others may wait behind it. */
const ANSWERED_SHORT: Waiter = { ...ANSWERED, isShort: true };

class Renaming {
  readonly #world: World;
  /** New place -> old place. */
  readonly #places: readonly number[];
  /** Old place -> new place. */
  readonly #placeOf: readonly number[];
  /** By old place: new slot -> old slot. */
  readonly #slots: readonly (readonly number[])[];
  /** New index of a slot, through all places -> old one. */
  readonly #seats: readonly number[];
  readonly #leases = new Map<number, number>();
  readonly #workers = new Map<number, number>();
  readonly #tickets = new Map<number, number>();
  readonly #gone: readonly number[];
  #turns: ReadonlyMap<number, readonly number[]> | undefined;

  constructor(world: World) {
    this.#world = world;
    const order = sorted(world);
    this.#places = order.places;
    this.#slots = order.slots;
    const count = slotsOf(world);
    this.#seats = this.#places.flatMap((place) => order.slots[place]!.map((slot) => place * count + slot));
    const placeOf: number[] = [];
    for (const [now, old] of this.#places.entries()) placeOf[old] = now;
    this.#placeOf = placeOf;
    for (const [now, old] of this.#places.entries()) this.#workers.set(world.workers[old]!.context.worker, now + 1);
    this.#nameWorkers();
    this.#gone = world.gone.filter((ticket) => isKnownSomewhere(world, ticket));
    const live = [...this.#gone];
    for (const { waiter } of world.callers) if (waiter !== null) live.push(waiter.ticket);
    live.sort((one, other) => one - other);
    for (const [rank, ticket] of live.entries()) this.#tickets.set(ticket, rank + 1);
  }

  /** Before any wish for a worker is looked at, so that a worker which only a letter still names is known. */
  #nameWorkers(): void {
    const { coordinator, clients, exchanges, mail } = this.#world;
    for (const place of this.#places) {
      const served = coordinator.context.workers[place];
      if (served !== undefined) this.#workerId(served.worker);
    }
    for (const seat of this.#seats) {
      const held = clients[seat]!.context.held;
      if (held !== null) this.#workerId(addressOf(held.worker).worker);
      const exchange = exchanges[seat];
      if (exchange) this.#workerId(exchange.worker);
    }
    for (const line of [mail.supervisor, mail.coordinator, ...this.#seats.map((seat) => mail.clients[seat]!)]) {
      for (const { worker } of line) {
        if (worker !== undefined) this.#workerId(typeof worker === 'object' ? addressOf(worker).worker : worker);
      }
    }
  }

  apply(): Canonical {
    const old = this.#world;
    const places = this.#places;
    const workers = places.map((place, now) => this.#worker(old.workers[place]!, now));
    const clients = this.#seats.map((seat, now) => this.#client(old.clients[seat]!, now));
    const coordinator = this.#coordinator(old.coordinator);
    const codes = [coordinator.code];
    for (const { code } of workers) codes.push(code);
    for (const { code } of clients) codes.push(code);
    const processes = places.map((place) => simplest(old.processes[place]!));
    for (const { life, ending } of processes)
      codes.push(LIVES.indexOf(life) * ENDINGS.length + ENDINGS.indexOf(ending));

    // Callers who run are told apart by where, those who wait by their ticket, and the idle are alike.
    const runsAt: number[] = [];
    for (const [now, seat] of this.#seats.entries()) {
      const caller = old.exchanges[seat]?.caller ?? null;
      if (caller !== null) runsAt[caller] = now + 1;
    }
    const callers = old.callers.map((each, index) => {
      const caller = this.#caller(each);
      const how = (caller.calls * STATES.length + STATES.indexOf(caller.state)) * NAMES + (runsAt[index] ?? 0);
      return { caller, index, how, who: caller.waiter === null ? 0 : codeOfWaiter(caller.waiter) };
    });
    callers.sort((one, other) => one.how - other.how || one.who - other.who);
    for (const { how, who } of callers) codes.push(how, who);
    const callerOf: number[] = [];
    for (const [now, { index }] of callers.entries()) callerOf[index] = now;
    const exchanges = this.#seats.map((seat) => this.#exchange(old.exchanges[seat]!, callerOf));
    for (const exchange of exchanges) {
      if (exchange === null) codes.push(0);
      else
        codes.push(
          exchange.lease,
          exchange.worker,
          1 + (exchange.caller ?? -1),
          flags(exchange.owed, exchange.overdue),
        );
    }

    const mail = this.#mail();
    for (const line of [mail.supervisor, mail.coordinator, ...mail.workers, ...mail.clients]) {
      codes.push(line.length);
      for (const event of line) codes.push(remembered(codesOfEvents, event, () => codeOf(keyOf(event))));
    }
    const gone = this.#gone.map((ticket) => this.#ticket(ticket));
    // A replacement that comes due once no place is filled any more makes no difference.
    const isFilling = !['drained', 'stopping', 'closed'].includes(old.supervisor.value);
    const restarts = places.map((place) => isFilling && old.restarts[place]!);
    const { deaths, timeouts, commands } = old.spent;
    codes.push(gone.length, ...gone, flags(old.isRecyclingDue, ...restarts), deaths, timeouts, commands);
    const supervisor = this.#supervisor(old.supervisor);
    codes.push(supervisor.code);
    return {
      key: String.fromCharCode(...codes),
      world: () => ({
        supervisor: supervisor.value,
        coordinator: coordinator.value,
        workers: workers.map(({ value }) => value),
        clients: clients.map(({ value }) => value),
        processes,
        exchanges,
        restarts,
        isRecyclingDue: old.isRecyclingDue,
        callers: callers.map(({ caller }) => caller),
        gone,
        mail,
        nextTicket: this.#tickets.size + 1,
        now: old.now,
        spent: old.spent,
      }),
    };
  }

  #worker(snapshot: WorkerSnapshot, place: number): Part<WorkerSnapshot> {
    const { context } = snapshot;
    const worker = this.#workerId(context.worker);
    // On its way out it has said which leases it had, and dead it has said all.
    const isDead = snapshot.value === 'dead';
    const isOut = isDead || snapshot.value === 'ending';
    const slots = this.#slots[context.place]!;
    let names = place * NAMES + worker;
    for (const slot of slots) {
      const live = isOut ? null : context.leases[slot]!;
      names = (names * NAMES + (live === null ? 0 : this.#lease(live.lease))) * SLOTS + slot;
    }
    return part(snapshot, names, () => {
      const leases = slots.map((slot) => {
        const live = isOut ? null : context.leases[slot]!;
        return live && { lease: this.#lease(live.lease), state: live.state };
      });
      const served = isDead ? 0 : context.served;
      const retired = !isDead && context.retired;
      const told = leases.map((live) => live && `${live.lease}${live.state}`).join(';');
      return {
        key: `w${place}:${snapshot.value},${worker},${told},${served},${retired}`,
        make: () => ({
          ...snapshot,
          context: {
            ...context,
            place,
            worker,
            leases,
            live: isOut ? 0 : context.live,
            revoked: isOut ? 0 : context.revoked,
            overdue: isOut ? 0 : context.overdue,
            served,
            retired,
            clients: clientRefsAt(place, slots.length),
          },
        }),
      };
    });
  }

  #client(snapshot: ClientSnapshot, seat: number): Part<ClientSnapshot> {
    const { held } = snapshot.context;
    const place = Math.floor(seat / slotsOf(this.#world));
    if (held === null) {
      return part(snapshot, seat, () => ({
        key: `k${seat}:${snapshot.value}`,
        make: () => ({ ...snapshot, context: { ...snapshot.context, place } }),
      }));
    }
    const lease = this.#lease(held.lease);
    const worker = this.#workerRef(held.worker);
    const slot = this.#slot(addressOf(held.worker).place, held.slot);
    const { worker: id } = addressOf(worker);
    return part(snapshot, (seat * NAMES + lease) * NAMES + id, () => ({
      key: `k${seat}:${snapshot.value},${lease},${id}`,
      make: () => ({
        ...snapshot,
        context: { ...snapshot.context, place, held: { lease, worker, slot } },
      }),
    }));
  }

  #coordinator(snapshot: CoordinatorSnapshot): Part<CoordinatorSnapshot> {
    const { context } = snapshot;
    return part(snapshot, this.#namesIn(context), () => {
      const workers = this.#places.map((place) => this.#served(context.workers[place], place));
      const free = context.free.map((place) => this.#placeOf[place]!);
      const waiters = listWaiters(context.queue).map((waiter) => this.#waiter(waiter));
      waiters.sort((one, other) => one.ticket - other.ticket);
      const turnOf = this.#turnOf(context);
      const inSlots = workers.map((served) => {
        if (served === undefined) return '';
        const grants = served.grants.map(
          (grant) => grant && `${grant.lease}${keyOfWaiter(grant.waiter)}t${grant.turn}`,
        );
        return `${served.worker},${grants.join('/')},${served.free.join('/')},${served.isLeaving}`;
      });
      return {
        key: `c${context.queueMax} ${snapshot.value} ${inSlots.join(';')} ${free.join()} ${waiters.map((waiter) => `${keyOfWaiter(waiter)}t${turnOf(waiter)}`).join()}`,
        make: () => ({
          ...snapshot,
          context: {
            ...context,
            workers,
            free,
            queue: waiters.reduce((queue, waiter) => returnWaiter(queue, waiter, turnOf(waiter)), {
              ...emptyQueue(context.rules),
              nextTurn: FRESH,
            }),
            nextLease: FRESH,
            granted: [],
            refused: [],
          },
        }),
      };
    });
  }

  /** All that is named in the coordinator, by its new name, in an order of its own. */
  #namesIn({ workers, queue }: CoordinatorSnapshot['context']): string {
    const names: number[] = [];
    const name = ({ ticket, affinity }: Waiter) => {
      names.push(this.#ticket(ticket));
      if (affinity === null) return;
      const { worker, place } = this.#affinity(affinity);
      names.push(worker, place);
    };
    for (const place of this.#places) {
      names.push(place);
      const served = workers[place];
      if (served === undefined) continue;
      names.push(this.#workerId(served.worker));
      for (const slot of this.#slots[place]!) {
        const grant = served.grants[slot]!;
        names.push(slot, grant === null ? 0 : this.#lease(grant.lease));
        if (grant !== null) name(grant.waiter);
      }
    }
    for (const waiter of listWaiters(queue)) name(waiter);
    return String.fromCharCode(...names);
  }

  #supervisor(snapshot: SupervisorSnapshot): Part<SupervisorSnapshot> {
    const { context } = snapshot;
    let names = 0;
    for (const place of this.#places) {
      names = (names * NAMES + place) * NAMES + this.#workerId(context.places[place]!.worker);
    }
    return part(snapshot, names, () => {
      const places = this.#places.map((place) => {
        const { state, worker, isWorn, replaces } = context.places[place]!;
        return {
          state,
          worker: this.#workerId(worker),
          isWorn,
          replaces: replaces === null ? null : this.#placeOf[replaces]!,
        };
      });
      // How long it waits before the next start makes no difference: here, time runs out whenever it likes.
      const failures = Math.min(context.failures, context.failuresMax);
      return {
        key: `s${snapshot.value} ${places.map(({ state, worker, isWorn, replaces }) => state + worker + (isWorn ? 'w' : '') + (replaces ?? '')).join()} ${failures}`,
        make: () => ({
          ...snapshot,
          context: { ...context, places, failures, at: 0, nextWorker: FRESH },
        }),
      };
    });
  }

  #served(served: Served | undefined, place: number): Served | undefined {
    if (served === undefined) return undefined;
    return {
      worker: this.#workerId(served.worker),
      ref: this.#workerRef(served.ref),
      grants: this.#slots[place]!.map((slot) => {
        const grant = served.grants[slot]!;
        const turn = grant && this.#turn(grant.waiter.priority, grant.turn);
        return grant && { lease: this.#lease(grant.lease), waiter: this.#waiter(grant.waiter), turn: turn ?? 0 };
      }),
      free: served.free.map((slot) => this.#slot(place, slot)),
      ahead: served.ahead,
      isLeaving: served.isLeaving,
    };
  }

  /** Turns are names that are put in order, among those of one priority; where all are of one key they are alike. */
  #turn(priority: number, number: number): number {
    this.#turns ??= turnsIn(this.#world.coordinator.context);
    return Math.max(0, this.#turns.get(priority)?.indexOf(number) ?? 0);
  }

  #turnOf({ queue }: CoordinatorSnapshot['context']): (waiter: Waiter) => number {
    return ({ priority, fairnessKey }) => {
      const rank = ranksOf(queue).find((each) => each.priority === priority)!;
      const group = listItems(rank.groups).find(({ key }) => key === (fairnessKey ?? ''))!;
      return this.#turn(priority, group.turn.number);
    };
  }

  /** The new slot of an old one at an old place. */
  #slot(place: number, slot: number): number {
    return this.#slots[place]!.indexOf(slot);
  }

  #exchange(exchange: Exchange | null, callerOf: readonly number[]): Exchange | null {
    if (exchange === null) return null;
    const { lease, worker, caller, owed, overdue } = exchange;
    return {
      lease: this.#lease(lease),
      worker: this.#workerId(worker),
      caller: caller === null ? null : callerOf[caller]!,
      owed,
      overdue,
    };
  }

  #caller(caller: Caller): Caller {
    return caller.waiter === null ? caller : { ...caller, waiter: this.#waiter(caller.waiter) };
  }

  #mail(): Mail {
    const { mail } = this.#world;
    if (isQuiet(mail)) return mail;
    const count = slotsOf(this.#world);
    const read = (line: readonly AnyEventObject[], at?: number) =>
      line.map((event) => this.#event(event, event.place ?? at));
    return {
      supervisor: read(mail.supervisor),
      coordinator: read(mail.coordinator),
      workers: this.#places.map((place) => read(mail.workers[place]!, place)),
      clients: this.#seats.map((seat) => read(mail.clients[seat]!, Math.floor(seat / count))),
    };
  }

  /** @param at The old place that it is about, if it is about one. */
  #event(event: AnyEventObject, at: number | undefined): AnyEventObject {
    const place = event.place === undefined ? undefined : this.#placeOf[event.place];
    const slot = event.slot === undefined ? undefined : this.#slot(at!, event.slot);
    const worker = this.#workerIn(event.worker);
    const ref = event.ref === undefined ? undefined : this.#workerRef(event.ref);
    const lease = event.lease === undefined ? undefined : this.#leaseOrNull(event.lease);
    const leases = event.leases && this.#slots[at!]!.map((old) => this.#leaseOrNull(event.leases[old]));
    const waiter = event.waiter === undefined ? undefined : this.#waiter(event.waiter);
    const isSame =
      place === event.place &&
      slot === event.slot &&
      worker === event.worker &&
      ref === event.ref &&
      lease === event.lease &&
      leases === undefined &&
      waiter === event.waiter;
    if (isSame) return event;
    const names = [
      place ?? -1,
      slot ?? -1,
      ...namesOf(worker),
      ...namesOf(ref),
      lease ?? -1,
      waiter ? codeOfWaiter(waiter) : -1,
    ];
    for (const each of leases ?? []) names.push(each ?? -1);
    // Under each name it is one object, of which it is known what it is.
    const known = remembered(eventsOf, event, () => new Map<string, AnyEventObject>());
    return remembered(known, String.fromCharCode(...names), () => ({
      ...event,
      ...(place !== undefined && { place }),
      ...(slot !== undefined && { slot }),
      ...(worker !== undefined && { worker }),
      ...(ref !== undefined && { ref }),
      ...(event.client !== undefined && { client: clientRef(place! * slotsOf(this.#world) + slot!) }),
      ...(lease !== undefined && { lease }),
      ...(leases !== undefined && { leases }),
      ...(waiter !== undefined && { waiter }),
    }));
  }

  /** In one message a worker is named by its id, in another by its address. */
  #workerIn(worker: number | WorkerRef | undefined): number | WorkerRef | undefined {
    if (worker === undefined) return undefined;
    return typeof worker === 'number' ? this.#workerId(worker) : this.#workerRef(worker);
  }

  #waiter(waiter: Waiter): Waiter {
    const ticket = this.#ticket(waiter.ticket);
    if (ticket === 0) return waiter.isShort ? ANSWERED_SHORT : ANSWERED;
    const affinity = waiter.affinity && this.#affinity(waiter.affinity);
    if (ticket === waiter.ticket && affinity === waiter.affinity) return waiter;
    // Under each name it is one object, of which it is known what it is.
    const names = affinity === null ? ticket : (ticket * NAMES + affinity.worker + 1) * NAMES + affinity.place;
    const known = remembered(waitersOf, waiter, () => new Map<number, Waiter>());
    return remembered(known, names, () => ({ ...waiter, ticket, affinity }));
  }

  #affinity(affinity: Affinity): Affinity {
    // A worker that nothing remembers any more is no longer anywhere, under whatever name.
    const worker = this.#workers.get(affinity.worker) ?? 0;
    const place = worker === 0 ? 0 : this.#placeOf[affinity.place]!;
    return worker === affinity.worker && place === affinity.place ? affinity : { ...affinity, worker, place };
  }

  #ticket(ticket: number): number {
    return this.#tickets.get(ticket) ?? 0;
  }

  #lease(lease: number): number {
    return renamed(this.#leases, lease);
  }

  #leaseOrNull(lease: number | null): number | null {
    return lease === null ? null : this.#lease(lease);
  }

  #workerId(worker: number): number {
    return renamed(this.#workers, worker);
  }

  #workerRef(ref: WorkerRef): WorkerRef {
    const { place, worker } = addressOf(ref);
    return workerRef(this.#placeOf[place]!, this.#workerId(worker));
  }
}

/** By priority: the turns that are remembered, in order, if they are of several keys. */
function turnsIn({ queue, workers }: CoordinatorSnapshot['context']): ReadonlyMap<number, readonly number[]> {
  const isKeyed =
    ranksOf(queue).some(({ groups }) => listItems(groups).some(({ key }) => key !== '')) ||
    workers.some((served) => served?.grants.some((grant) => grant !== null && grant.waiter.fairnessKey !== null));
  if (!isKeyed) return NO_TURNS;
  const seen = new Map<number, Map<number, Set<string>>>();
  const see = (priority: number, turn: number, key: string) => {
    const turns = remembered(seen, priority, () => new Map<number, Set<string>>());
    remembered(turns, turn, () => new Set<string>()).add(key);
  };
  for (const { priority, groups } of ranksOf(queue)) {
    for (const { turn, key } of listItems(groups)) see(priority, turn.number, key);
  }
  for (const grant of workers.flatMap((served) => served?.grants ?? [])) {
    if (grant) see(grant.waiter.priority, grant.turn, grant.waiter.fairnessKey ?? '');
  }
  return new Map(
    [...seen].map(([priority, turns]) => {
      const keys = new Set([...turns.values()].flatMap((each) => [...each]));
      return [priority, keys.size > 1 ? [...turns.keys()].sort((one, other) => one - other) : []];
    }),
  );
}

/** Where nobody bears a key. */
const NO_TURNS: ReadonlyMap<number, readonly number[]> = new Map();

/** A part of a world under the names that it has there: what stands for it in the key, and itself. */
interface Part<T> {
  readonly code: number;
  readonly value: T;
}

/** The part that a snapshot is under its new `names`, of which it is told by whoever knows it what it is then. */
function part<T extends { readonly machine: AnyStateMachine }>(
  snapshot: T,
  names: number | string,
  tell: () => { key: string; make: () => T },
): Part<T> {
  const known = remembered(partsOf, snapshot, () => new Map<number | string, Part<object>>());
  return remembered(known, names, () => {
    const { key, make } = tell();
    const alike = remembered(interned, snapshot.machine, () => new Map<string, object>());
    return { code: codeOf(key), value: remembered(alike, key, make) };
  }) as Part<T>;
}

const partsOf = new WeakMap<object, Map<number | string, Part<object>>>();

/** Parts of worlds, by chart and key: equal parts are one object, so that a chart need not be asked twice. */
const interned = new WeakMap<AnyStateMachine, Map<string, object>>();

const waitersOf = new WeakMap<Waiter, Map<number, Waiter>>();

/** One character for each key, by the order in which they were first met: there are many worlds and few parts. */
function codeOf(key: string): number {
  return remembered(codes, key, () => {
    if (codes.size === 0xffff) throw new RangeError('more parts than characters');
    return codes.size + 1;
  });
}

const codes = new Map<string, number>();

function codeOfWaiter(waiter: Waiter): number {
  return remembered(codesOfWaiters, waiter, () => codeOf(keyOfWaiter(waiter)));
}

const codesOfWaiters = new WeakMap<Waiter, number>();
const codesOfEvents = new WeakMap<AnyEventObject, number>();
const eventsOf = new WeakMap<AnyEventObject, Map<string, AnyEventObject>>();

/** Of a worker that is named by its id, or by its address; or not at all. */
function namesOf(worker: number | WorkerRef | undefined): readonly [number, number] {
  if (typeof worker !== 'object') return [worker ?? -1, -1];
  const address = addressOf(worker);
  return [address.worker, address.place];
}

/** Of a process that was told to end it may still turn out that it had never come to be. */
function simplest(process: Process): Process {
  if (process.life === 'gone') return NO_PROCESS;
  return process.ending === 'no' ? process : { ...process, life: 'pending' };
}

const LIVES: readonly Process['life'][] = ['pending', 'up', 'gone'];
const ENDINGS: readonly Process['ending'][] = ['no', 'asked', 'told', 'killed'];
const STATES: readonly Caller['state'][] = ['idle', 'waiting', 'running'];

/** A bit for each. */
function flags(...are: readonly boolean[]): number {
  return are.reduce((bits, is) => 2 * bits + Number(is), 0);
}

/** There are fewer leases, workers and seats. */
const NAMES = 64;
/** And slots of one worker: with four of them all names still fit into one number. */
const SLOTS = 8;

function renamed(names: Map<number, number>, old: number): number {
  let name = names.get(old);
  if (name === undefined) {
    name = names.size + 1;
    if (name === NAMES) throw new RangeError(`${NAMES} names are not enough`);
    names.set(old, name);
  }
  return name;
}

/** The places, and the slots of each, in an order that depends only on what is there; where that is alike, in any order. */
function sorted(world: World): { places: readonly number[]; slots: readonly (readonly number[])[] } {
  const { context } = world.coordinator;
  const count = slotsOf(world);
  const wishes = listWaiters(context.queue);
  const filled = world.supervisor.context.places;
  const slots: (readonly number[])[] = [];
  const keyed = world.workers.map((worker, place) => {
    const served = context.workers[place];
    const process = world.processes[place]!;
    const { leases, worker: id, served: hasServed, retired } = worker.context;
    let wished = '';
    for (const { ticket, affinity } of wishes) if (affinity?.worker === id) wished += `${affinity.strict}${ticket},`;
    const toWorker = world.mail.workers[place]!;
    const inside: { at: number; key: string }[] = [];
    for (let slot = 0; slot < count; slot += 1) {
      const seat = place * count + slot;
      const exchange = world.exchanges[seat];
      const grant = served === undefined ? '' : `${served.grants[slot] === null}${served.free.indexOf(slot)}`;
      const asked = exchange ? `${exchange.caller === null}${exchange.owed}${exchange.overdue}` : '';
      const mine = count === 1 || toWorker.length === 0 ? '' : toWorker.map((event) => event.slot === slot).join();
      const { value } = world.clients[seat]!;
      const key = `${value},${grant},${leases[slot]?.state},${asked},${typesOf(world.mail.clients[seat]!)},${mine}`;
      inside.push({ at: slot, key });
    }
    if (count > 1) inOrder(inside);
    slots.push(count === 1 ? ONE_SLOT : inside.map(({ at }) => at));
    const { state, isWorn, replaces } = filled[place]!;
    const isReplaced = filled.some((each) => each.replaces === place);
    let key = `${state},${isWorn},${replaces !== null},${isReplaced},${worker.value},${hasServed},${retired},`;
    key += `${process.life},${process.ending},${world.restarts[place]},${context.free.indexOf(place)},${wished},`;
    key += typesOf(toWorker);
    for (const each of inside) key += `,${each.key}`;
    return { at: place, key };
  });
  return { places: inOrder(keyed).map(({ at }) => at), slots };
}

function typesOf(line: readonly AnyEventObject[]): string {
  return line.length === 0 ? '' : line.map(({ type }) => type).join();
}

const ONE_SLOT = [0];

function inOrder<T extends { at: number; key: string }>(keyed: T[]): T[] {
  return keyed.sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : one.at - other.at));
}

/** True if `ticket` is anywhere but with the caller who has left. */
function isKnownSomewhere({ coordinator, mail }: World, ticket: number): boolean {
  const { queue, workers } = coordinator.context;
  const is = (waiter: Waiter | null | undefined) => waiter?.ticket === ticket;
  return (
    listWaiters(queue).some(is) ||
    workers.some((served) => served?.grants.some((grant) => is(grant?.waiter))) ||
    [mail.coordinator, ...mail.workers, ...mail.clients].some((line) => line.some(({ waiter }) => is(waiter)))
  );
}
