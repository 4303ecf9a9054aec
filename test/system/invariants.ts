/**
 * What must hold in every world, as far as the charts can break it: the
 * first eight invariants of the design and the tenth.
 */
import { firstWaiterFor, listWaiters, standing } from '../../machines/index.js';
import { mayComeUnheard } from '../model/unheard.js';
import { isQuiet, type Step, slotsOf, Violation, type World } from './world.js';

/** Throws a `Violation` that says what is wrong with `world`. */
export function checkWorld(world: World): void {
  for (const invariant of ALWAYS) invariant(world);
  if (isQuiet(world.mail)) for (const invariant of WHEN_QUIET) invariant(world);
}

/** Throws a `Violation` if something came to an actor that its chart does not expect in that state. */
export function checkStep(step: Step): void {
  for (const { chart, state, event } of step.unheard) {
    if (!mayComeUnheard(chart, state, event)) {
      throw new Violation(`${event} came to a ${chart} that is ${state}, where nobody thought it could`);
    }
  }
}

/** Nobody waits for anything any more, and the pool rests. `kind`: as it should be when all goes well. */
export function isSettled(world: World, how: 'kind' | 'cruel'): boolean {
  const { supervisor, callers, exchanges, workers } = world;
  if (!isQuiet(world.mail) || callers.some(({ state }) => state !== 'idle')) return false;
  if (exchanges.some((exchange) => exchange !== null)) return false;
  if (how === 'cruel') return ['ready', 'degraded', 'drained', 'closed'].includes(supervisor.value);
  if (supervisor.value === 'ready') {
    const { places } = supervisor.context;
    return workers.every(({ value }, place) => value === (places[place]!.state === 'empty' ? 'dead' : 'idle'));
  }
  if (supervisor.value === 'drained') return workers.every(({ value }) => value === 'idle' || value === 'dead');
  return supervisor.value === 'closed';
}

type Invariant = (world: World) => void;

const ALWAYS: readonly Invariant[] = [
  function oneLeaseForOneSlot({ coordinator, workers }) {
    const grants = coordinator.context.workers.flatMap((served) => served?.grants ?? []);
    const given = grants.flatMap((grant) => grant?.lease ?? []);
    must(new Set(given).size === given.length, 'one lease stands in two slots');
    const up = workers.filter(({ value }) => UP.has(value));
    const live = up.flatMap(({ context }) => context.leases.flatMap((each) => each?.lease ?? []));
    must(new Set(live).size === live.length, 'two slots hold one lease');
    for (const { context } of up) {
      const { leases } = context;
      must(leases.filter((each) => each !== null).length === context.live, 'two leases are live in one slot');
      const revoked = leases.filter((each) => each && each.state !== 'awaited');
      must(revoked.length === context.revoked, 'a worker is wrong about what it owes');
      const overdue = leases.filter((each) => each?.state === 'overdue');
      must(overdue.length === context.overdue, 'a worker is wrong about what is overdue');
    }
  },

  function noSlotIsFreeWithARequestUnanswered(world) {
    const slots = slotsOf(world);
    for (const [index, exchange] of world.exchanges.entries()) {
      if (exchange === null) continue;
      const [place, slot] = [Math.floor(index / slots), index % slots];
      const served = world.coordinator.context.workers[place];
      const isTaken = served?.worker !== exchange.worker || (served.grants[slot] && !served.free.includes(slot));
      must(Boolean(isTaken), 'a slot is free while its worker owes an answer');
      const { value, context } = world.workers[place]!;
      const mayForget = context.worker !== exchange.worker || !UP.has(value);
      must(mayForget || context.leases[slot] !== null, 'a worker takes a slot for free that owes an answer');
    }
  },

  function aWorkerIsWhatItsLeasesMakeOfIt({ workers }) {
    for (const { value, context } of workers) {
      const { live, revoked, overdue } = context;
      if (value === 'idle') must(live === 0, 'a worker is idle and leased');
      if (value === 'leased')
        must(live > 0 && revoked === 0, 'a worker is leased and holds no lease, or owes an answer');
      if (value === 'cancelling') must(revoked > 0, 'a worker is cancelling and owes no answer');
      if (value === 'evicting') must(overdue > 0, 'a worker is to end that has answered');
      else must(!UP.has(value) || overdue === 0, 'a worker takes leases although an answer is overdue');
      if (value === 'evicting') must(live > revoked, 'a worker is not ended although nobody waits for it');
      if (['idle', 'leased', 'cancelling'].includes(value))
        must(!context.retired, 'a worker that is to be replaced takes leases');
      if (value === 'retiring') must(live > 0, 'a worker that is to be replaced is kept although no lease is');
    }
  },

  function theFreeListIsTrue({ coordinator }) {
    const { workers, free } = coordinator.context;
    must(new Set(free).size === free.length, 'a place is free twice');
    for (const [place, served] of workers.entries()) {
      const isOpen = served !== undefined && served.free.length > served.ahead && !served.isLeaving;
      must(free.includes(place) === isOpen, 'the free list is wrong');
      if (served === undefined) continue;
      must(new Set(served.free).size === served.free.length, 'a slot is free twice');
      for (const [slot, grant] of served.grants.entries()) {
        must(served.free.includes(slot) === (grant === null), 'a slot is granted and free, or neither');
      }
    }
  },

  function theCoordinatorCountsItsGrants({ coordinator }) {
    const { workers, live } = coordinator.context;
    const granted = workers.flatMap((served) => served?.grants.filter((grant) => grant !== null) ?? []);
    // Once it is closed, nobody asks.
    must(coordinator.value === 'closed' || granted.length === live, 'the coordinator has lost count of the leases');
  },

  function onlyShortCallsFollow({ coordinator }) {
    for (const served of coordinator.context.workers) {
      const granted = served?.grants.filter((grant) => grant !== null) ?? [];
      const isFollowed = served !== undefined && granted.length > served.grants.length - served.ahead;
      must(
        !isFollowed || granted.every(({ waiter }) => waiter.isShort),
        'a call waits behind others and not all of them are short',
      );
    }
  },

  function theNextIsOneOfTheLeastLeased({ coordinator }) {
    const { workers, free } = coordinator.context;
    const leases = free.map((place) => workers[place]!.grants.filter((grant) => grant !== null).length);
    must(
      leases.every((each, at) => at === 0 || each <= leases[at - 1]!),
      'a worker with more leases is granted first',
    );
  },

  function noWakeUpIsLost({ coordinator }) {
    const { workers, free, queue } = coordinator.context;
    for (const place of free) {
      must(
        firstWaiterFor(queue, workers[place]!.worker) === undefined,
        'a slot is free and somebody who may have it waits',
      );
    }
  },

  function nobodyWaitsForAWorkerThatHasLeft({ coordinator }) {
    const { workers, queue } = coordinator.context;
    for (const { affinity } of listWaiters(queue)) {
      if (!affinity?.strict) continue;
      must(workers[affinity.place]?.worker === affinity.worker, 'somebody waits for a worker that has left');
    }
  },

  function aWorkerLivesAsLongAsItsProcess({ workers, processes }) {
    for (const [place, { value }] of workers.entries()) {
      must(
        (value === 'dead') === (processes[place]!.life === 'gone'),
        'a worker is dead and its process is not, or lives without one',
      );
    }
  },

  function endingIsMeant({ workers, processes }) {
    for (const [place, { value }] of workers.entries()) {
      must(
        (value === 'ending') === (processes[place]!.ending !== 'no' && value !== 'dead'),
        'a worker is ending and its process was not told, or the reverse',
      );
    }
  },

  function nobodyWaitsForACoordinatorThatIsClosed({ coordinator }) {
    must(coordinator.value !== 'closed' || coordinator.context.queue.size === 0, 'somebody waits and all is over');
  },

  function thereAreNeverTooManyWorkersNorTooFew({ supervisor, processes }) {
    const { sizeMin, sizeMax, recycleConcurrencyMax, places } = supervisor.context;
    const live = processes.filter(({ life }) => life !== 'gone').length;
    const booting = places.filter(({ state, replaces }) => state === 'retiring' || replaces !== null).length;
    must(booting <= recycleConcurrencyMax, 'more are out at once for their replacements than may be');
    must(live <= sizeMax + booting, 'there are more workers than there may be');
    const isRunning =
      supervisor.value === 'starting' || supervisor.value === 'ready' || supervisor.value === 'degraded';
    must(!isRunning || standing(supervisor.context) >= sizeMin, 'there are fewer places filled than there must be');
  },

  function aClosedPoolKeepsNothing({ supervisor, processes }) {
    must(
      supervisor.value !== 'closed' || processes.every(({ life }) => life === 'gone'),
      'a closed pool has a process',
    );
  },
];

const WHEN_QUIET: readonly Invariant[] = [
  function everybodyAgreesOnWhatIsLeased(world) {
    const { coordinator, workers, clients, exchanges } = world;
    for (const [index, client] of clients.entries()) {
      const [place, slot] = [Math.floor(index / slotsOf(world)), index % slotsOf(world)];
      const { value, context } = workers[place]!;
      const live = (UP.has(value) && context.leases[slot]) || null;
      const lease = live?.lease ?? null;
      must((client.context.held?.lease ?? null) === lease, 'a client and its worker disagree about their lease');
      must((exchanges[index]?.lease ?? null) === lease, 'an exchange outlives its lease, or the reverse');
      must(
        (client.value === 'cancelling') === (live !== null && live.state !== 'awaited'),
        'a client and its worker disagree about what is owed',
      );
      if (coordinator.value === 'closed') continue;
      const served = coordinator.context.workers[place];
      must((served?.worker === context.worker) === UP.has(value), 'the coordinator is wrong about who is there');
      const isLeaving = value === 'retiring' || value === 'evicting';
      must((served?.isLeaving ?? false) === isLeaving, 'the coordinator is wrong about who takes leases');
      must((served?.grants[slot]?.lease ?? null) === lease, 'the coordinator does not know what is leased, or free');
    }
  },

  function everyWaiterIsInTheQueue({ coordinator, callers, gone }) {
    const waiting = callers.flatMap(({ waiter }) => (waiter === null ? [] : [waiter.ticket]));
    const queued = listWaiters(coordinator.context.queue).map(({ ticket }) => ticket);
    for (const ticket of waiting) must(queued.includes(ticket), 'somebody waits and nobody knows');
    for (const ticket of queued)
      must(waiting.includes(ticket) || gone.includes(ticket), 'somebody waits who has had an answer');
  },

  function whoeverRunsHasAnExchange({ callers, exchanges }) {
    const running = callers.filter(({ state }) => state === 'running').length;
    const held = exchanges.filter((exchange) => exchange !== null && exchange.caller !== null).length;
    must(running === held, 'a caller was granted a lease and never heard of it again');
  },

  function nobodyIsWornForEver({ supervisor, isRecyclingDue }) {
    const { places, recycleConcurrencyMax } = supervisor.context;
    const isFull = places.filter(({ state, replaces }) => state === 'retiring' || replaces !== null).length;
    const isWanted = places.some(({ isWorn }, place) => isWorn && !places.some(({ replaces }) => replaces === place));
    const hasRoom = isFull < recycleConcurrencyMax && places.some(({ state }) => state === 'empty');
    must(
      supervisor.value !== 'ready' || !isWanted || !hasRoom || isRecyclingDue,
      'one is worn and nothing will replace it',
    );
  },

  function aDrainedPoolServesNobody({ supervisor, exchanges }) {
    const isServing = exchanges.some((exchange) => exchange !== null);
    must(supervisor.value !== 'drained' || !isServing, 'a pool is drained and serves somebody');
  },

  function theCoordinatorFollowsTheLifeOfThePool({ supervisor, coordinator }) {
    const expected = COORDINATOR_WHILE[supervisor.value];
    must(
      expected.includes(coordinator.value),
      `the pool is ${supervisor.value} and its coordinator is ${coordinator.value}`,
    );
  },

  function degradedMeansThatNoWorkerServes({ supervisor, workers }) {
    const serves = workers.some(({ value }) => value === 'idle' || value === 'leased');
    must(supervisor.value !== 'degraded' || !serves, 'a degraded pool has a worker that serves');
  },

  function theSupervisorKnowsWhoIsThere({ supervisor, workers, restarts }) {
    for (const [place, { state, worker }] of supervisor.context.places.entries()) {
      const { value, context } = workers[place]!;
      must(worker === context.worker, 'the supervisor has another worker in mind');
      must(
        (value === 'dead') === (state === 'waiting' || state === 'empty'),
        'the supervisor is wrong about who lives',
      );
      const isUp = UP.has(value);
      must(
        !isUp || ['up', 'retiring', 'leaving'].includes(state) || supervisor.value === 'stopping',
        'the supervisor does not know that a worker is up',
      );
      const replaces = !['drained', 'stopping', 'closed'].includes(supervisor.value);
      must(!replaces || state !== 'waiting' || restarts[place]!, 'a place is empty and nothing will fill it');
    }
  },
];

/** A worker that can hold leases. */
const UP: ReadonlySet<string> = new Set(['idle', 'leased', 'cancelling', 'retiring', 'evicting']);

const COORDINATOR_WHILE: Record<World['supervisor']['value'], readonly World['coordinator']['value'][]> = {
  starting: ['open'],
  ready: ['open'],
  degraded: ['degraded'],
  draining: ['draining'],
  drained: ['closed'],
  closing: ['draining'],
  stopping: ['closed'],
  closed: ['closed'],
};

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Violation(otherwise);
}
