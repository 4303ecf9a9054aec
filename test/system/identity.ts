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
import {
  addressOf,
  type Caller,
  type ClientSnapshot,
  type CoordinatorSnapshot,
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
  readonly world: World;
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
    const parts: string[] = [];
    const intern: Intern = (key, { machine }, make) => {
      parts.push(key);
      const known = remembered(interned, machine, () => new Map<string, object>());
      return remembered(known, key, make) as ReturnType<typeof make>;
    };

    const places = this.#places;
    const workers = places.map((place, now) => this.#worker(old.workers[place]!, now, intern));
    const clients = this.#seats.map((seat, now) => this.#client(old.clients[seat]!, now, intern));
    const coordinator = this.#coordinator(old.coordinator, intern);
    const exchanges = this.#seats.map((seat) => this.#exchange(old.exchanges[seat]!));
    // A replacement that comes due once no place is filled any more makes no difference.
    const isFilling = !['drained', 'stopping', 'closed'].includes(old.supervisor.value);
    const restarts = places.map((place) => isFilling && old.restarts[place]!);
    // Of a process that was told to end it may still turn out that it had never come to be.
    const processes = places.map((place): Process => {
      const process = old.processes[place]!;
      if (process.life === 'gone') return NO_PROCESS;
      return process.ending === 'no' ? process : { ...process, life: 'pending' };
    });
    for (const { life, ending } of processes) parts.push(life[0]! + ending[0]);

    // Callers who run are told apart by where, those who wait by their ticket, and the idle are alike.
    const callers = old.callers.map((caller, index) => ({ caller: this.#caller(caller), index, key: '' }));
    for (const each of callers) {
      const running = exchanges.findIndex((exchange) => exchange?.caller === each.index);
      each.key = `${each.caller.state[0]}${each.caller.calls}${each.caller.waiter ? keyOfWaiter(each.caller.waiter) : ''}${running}`;
    }
    callers.sort((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0));
    for (const { key } of callers) parts.push(key);
    const callerOf: number[] = [];
    for (const [now, { index }] of callers.entries()) callerOf[index] = now;
    for (const [place, exchange] of exchanges.entries()) {
      if (exchange === null) continue;
      const caller = exchange.caller === null ? null : callerOf[exchange.caller]!;
      exchanges[place] = { ...exchange, caller };
      parts.push(`x${place}:${exchange.lease},${exchange.worker},${caller},${exchange.owed},${exchange.overdue}`);
    }

    const mail = this.#mail();
    for (const line of [mail.supervisor, mail.coordinator, ...mail.workers, ...mail.clients]) {
      parts.push(line.length === 0 ? '' : line.map(keyOf).join(';'));
    }
    const gone = this.#gone.map((ticket) => this.#ticket(ticket));
    parts.push(
      gone.join(),
      restarts.map(Number).join(''),
      String(old.isRecyclingDue),
      `${old.spent.deaths},${old.spent.timeouts},${old.spent.commands}`,
    );
    const supervisor = this.#supervisor(old.supervisor, intern);
    return {
      key: compact(parts),
      world: {
        supervisor,
        coordinator,
        workers,
        clients,
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
      },
    };
  }

  #worker(snapshot: WorkerSnapshot, place: number, intern: Intern): WorkerSnapshot {
    const { context } = snapshot;
    const worker = this.#workerId(context.worker);
    // On its way out it has said which leases it had, and dead it has said all.
    const isOut = snapshot.value === 'ending' || snapshot.value === 'dead';
    const slots = this.#slots[context.place]!;
    const leases = slots.map((slot) => {
      const live = isOut ? null : context.leases[slot]!;
      return live && { lease: this.#lease(live.lease), state: live.state };
    });
    const isDead = snapshot.value === 'dead';
    const served = isDead ? 0 : context.served;
    const retired = !isDead && context.retired;
    const told = leases.map((live) => live && `${live.lease}${live.state}`).join(';');
    return intern(`w${place}:${snapshot.value},${worker},${told},${served},${retired}`, snapshot, () => ({
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
    }));
  }

  #client(snapshot: ClientSnapshot, seat: number, intern: Intern): ClientSnapshot {
    const { held } = snapshot.context;
    if (held === null) return intern(`k${seat}:${snapshot.value}`, snapshot, () => snapshot);
    const lease = this.#lease(held.lease);
    const worker = this.#workerRef(held.worker);
    const slot = this.#slot(addressOf(held.worker).place, held.slot);
    return intern(`k${seat}:${snapshot.value},${lease},${addressOf(worker).worker}`, snapshot, () => ({
      ...snapshot,
      context: { ...snapshot.context, held: { lease, worker, slot, waiter: ANSWERED } },
    }));
  }

  #coordinator(snapshot: CoordinatorSnapshot, intern: Intern): CoordinatorSnapshot {
    const { context } = snapshot;
    const workers = this.#places.map((place) => this.#served(context.workers[place], place));
    const free = context.free.map((place) => this.#placeOf[place]!);
    const waiters = listWaiters(context.queue).map((waiter) => this.#waiter(waiter));
    waiters.sort((one, other) => one.ticket - other.ticket);
    const turnOf = this.#turnOf(context);
    const inSlots = workers.map((served) => {
      if (served === undefined) return '';
      const grants = served.grants.map((grant) => grant && `${grant.lease}${keyOfWaiter(grant.waiter)}t${grant.turn}`);
      return `${served.worker},${grants.join('/')},${served.free.join('/')},${served.isLeaving}`;
    });
    const key = `c${context.queueMax} ${snapshot.value} ${inSlots.join(';')} ${free.join()} ${waiters.map((waiter) => `${keyOfWaiter(waiter)}t${turnOf(waiter)}`).join()}`;
    return intern(key, snapshot, () => ({
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
    }));
  }

  #supervisor(snapshot: SupervisorSnapshot, intern: Intern): SupervisorSnapshot {
    const { context } = snapshot;
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
    const key = `s${snapshot.value} ${places.map(({ state, worker, isWorn, replaces }) => state + worker + (isWorn ? 'w' : '') + (replaces ?? '')).join()} ${failures}`;
    return intern(key, snapshot, () => ({
      ...snapshot,
      context: { ...context, places, failures, at: 0, nextWorker: FRESH },
    }));
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
      const rank = queue.ranks.find((each) => each.priority === priority)!;
      const group = listItems(rank.groups).find(({ key }) => key === (fairnessKey ?? ''))!;
      return this.#turn(priority, group.turn.number);
    };
  }

  /** The new slot of an old one at an old place. */
  #slot(place: number, slot: number): number {
    return this.#slots[place]!.indexOf(slot);
  }

  #exchange(exchange: Exchange | null): Exchange | null {
    if (exchange === null) return null;
    return { ...exchange, lease: this.#lease(exchange.lease), worker: this.#workerId(exchange.worker) };
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
    return {
      ...event,
      ...(place !== undefined && { place }),
      ...(slot !== undefined && { slot }),
      ...(worker !== undefined && { worker }),
      ...(ref !== undefined && { ref }),
      ...(lease !== undefined && { lease }),
      ...(leases !== undefined && { leases }),
      ...(waiter !== undefined && { waiter }),
    };
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
    return ticket === waiter.ticket && affinity === waiter.affinity ? waiter : { ...waiter, ticket, affinity };
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
    queue.ranks.some(({ groups }) => listItems(groups).some(({ key }) => key !== '')) ||
    workers.some((served) => served?.grants.some((grant) => grant !== null && grant.waiter.fairnessKey !== null));
  if (!isKeyed) return NO_TURNS;
  const seen = new Map<number, Map<number, Set<string>>>();
  const see = (priority: number, turn: number, key: string) => {
    const turns = remembered(seen, priority, () => new Map<number, Set<string>>());
    remembered(turns, turn, () => new Set<string>()).add(key);
  };
  for (const { priority, groups } of queue.ranks) {
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

/** One character for each part, by the order in which parts were first met: there are many worlds and few parts. */
function compact(parts: readonly string[]): string {
  const codes = parts.map((part) => remembered(codeOf, part, () => codeOf.size));
  if (codeOf.size > 0xffff) throw new RangeError('more parts than characters');
  return String.fromCharCode(...codes);
}

const codeOf = new Map<string, number>();

type Intern = <T extends object>(key: string, from: { machine: AnyStateMachine }, make: () => T) => T;

/** Parts of worlds, by chart and key: equal parts are one object, so that a chart need not be asked twice. */
const interned = new WeakMap<AnyStateMachine, Map<string, object>>();

function renamed(names: Map<number, number>, old: number): number {
  let name = names.get(old);
  if (name === undefined) {
    name = names.size + 1;
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
