/**
 * What must hold in every world, as far as the charts can break it: the
 * first eight invariants of the design and the tenth.
 */
import { firstWaiterFor, listWaiters } from '../../machines/index.js';
import { mayComeUnheard } from '../model/unheard.js';
import { isQuiet, type Step, Violation, type World } from './world.js';

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
  if (supervisor.value === 'ready') return workers.every(({ value }) => value === 'idle');
  if (supervisor.value === 'drained') return workers.every(({ value }) => value === 'idle' || value === 'dead');
  return supervisor.value === 'closed';
}

type Invariant = (world: World) => void;

const ALWAYS: readonly Invariant[] = [
  function oneLeaseForOneSlot({ coordinator, workers }) {
    const given = coordinator.context.slots.flatMap((slot) => (slot?.lease ? [slot.lease] : []));
    must(new Set(given).size === given.length, 'one lease stands in two slots');
    const live = workers.flatMap(({ context, value }) => (context.lease && value !== 'dead' ? [context.lease] : []));
    must(new Set(live).size === live.length, 'two workers hold one lease');
  },

  function noSlotIsFreeWithARequestUnanswered({ coordinator, workers, exchanges }) {
    const { slots, free } = coordinator.context;
    for (const [place, exchange] of exchanges.entries()) {
      if (exchange === null) continue;
      const slot = slots[place];
      const isTaken = slot?.worker !== exchange.worker || (slot.lease !== null && !free.includes(place));
      must(isTaken, 'a slot is free while its worker owes an answer');
      const { value, context } = workers[place]!;
      must(value !== 'idle' || context.worker !== exchange.worker, 'a worker is idle while it owes an answer');
    }
  },

  function theFreeListIsTrue({ coordinator }) {
    const { slots, free } = coordinator.context;
    must(new Set(free).size === free.length, 'a place is free twice');
    for (const [place, slot] of slots.entries()) {
      must(
        free.includes(place) === (slot !== undefined && slot.lease === null),
        'the free list and the slots disagree',
      );
      must(
        !slot || (slot.lease === null) === (slot.waiter === null),
        'a slot is granted to nobody, or free for somebody',
      );
    }
  },

  function noWakeUpIsLost({ coordinator }) {
    const { slots, free, queue } = coordinator.context;
    for (const place of free) {
      const slot = slots[place]!;
      must(firstWaiterFor(queue, slot.worker) === undefined, 'a slot is free and somebody who may have it waits');
    }
  },

  function nobodyWaitsForAWorkerThatHasLeft({ coordinator }) {
    const { slots, queue } = coordinator.context;
    for (const { affinity } of listWaiters(queue)) {
      if (!affinity?.strict) continue;
      must(slots[affinity.place]?.worker === affinity.worker, 'somebody waits for a worker that has left');
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

  function aClosedPoolKeepsNothing({ supervisor, processes }) {
    must(
      supervisor.value !== 'closed' || processes.every(({ life }) => life === 'gone'),
      'a closed pool has a process',
    );
  },
];

const WHEN_QUIET: readonly Invariant[] = [
  function everybodyAgreesOnWhatIsLeased({ coordinator, workers, clients, exchanges }) {
    for (const [place, { value, context }] of workers.entries()) {
      const isLeased = value === 'leased' || value === 'cancelling';
      const slot = coordinator.context.slots[place];
      const client = clients[place]!;
      const lease = isLeased ? context.lease : null;
      must((client.context.held?.lease ?? null) === lease, 'a client and its worker disagree about their lease');
      must((exchanges[place]?.lease ?? null) === lease, 'an exchange outlives its lease, or the reverse');
      must(
        !isLeased || coordinator.value === 'closed' || slot?.lease === lease,
        'the coordinator does not know who is leased',
      );
      must(
        (client.value === 'cancelling') === (value === 'cancelling'),
        'a client and its worker disagree about what is owed',
      );
    }
  },

  function anIdleWorkerIsKnownToBeFree({ coordinator, workers }) {
    for (const [place, { value, context }] of workers.entries()) {
      if (coordinator.value === 'closed') continue;
      const slot = coordinator.context.slots[place];
      must(
        value !== 'idle' || (slot?.worker === context.worker && slot.lease === null),
        'a worker is idle and not known to be free',
      );
      must(
        slot === undefined || ['idle', 'leased', 'cancelling'].includes(value),
        'the coordinator counts on a worker that has left',
      );
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
      const isUp = ['idle', 'leased', 'cancelling'].includes(value);
      must(
        !isUp || state === 'up' || supervisor.value === 'stopping',
        'the supervisor does not know that a worker is up',
      );
      const replaces = !['drained', 'stopping', 'closed'].includes(supervisor.value);
      must(!replaces || value !== 'dead' || restarts[place]!, 'a place is empty and nothing will fill it');
    }
  },
];

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
