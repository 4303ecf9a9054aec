/** Everything that may happen to the actors from outside: processes, callers, the port, time, and the owner of the pool. */
import type { AnyEventObject } from 'xstate';
import { type Affinity, LEASES_THAT_PROVE, type Waiter } from '../../machines/index.js';
import {
  type Address,
  type Ask,
  addressOf,
  type Bounds,
  clientRef,
  coordinatorRef,
  type Fault,
  type Process,
  type Step,
  slotsOf,
  supervisorRef,
  type World,
  workerRef,
} from './world.js';

/** One thing that may happen next. */
export interface Move {
  readonly label: string;
  readonly make: (step: Step) => void;
  /** Who may count on it. */
  readonly owed: Owed;
}

/**
 * `kind`: owed by a world in which starts succeed and Python answers.
 * `cruel`: owed by one in which it does not, and only clocks and the kernel can be trusted.
 */
export type Owed = 'nobody' | 'kind' | 'cruel' | 'both';

/** What may happen next in `world`, within `bounds`. */
export function movesIn(world: World, bounds: Bounds): Move[] {
  return [
    ...deliveries(world),
    ...callerMoves(world, bounds),
    ...sizeMoves(world, bounds),
    ...(bounds.shed ? [A_SECOND_PASSES] : []),
    ...[
      ...exchangeMoves(world, bounds),
      ...processMoves(world, bounds),
      ...timers(world, bounds),
      ...ownerMoves(world, bounds),
    ].filter(({ fault }) => fault === undefined || bounds.faults.has(fault)),
  ];
}

/** A move that is a fault is made only where such faults are tried. */
interface FaultyMove extends Move {
  readonly fault?: Fault;
}

function deliveries({ mail, workers }: World): Move[] {
  const moves: Move[] = [];
  const deliver = (to: Address, line: readonly AnyEventObject[], take: (step: Step) => void) => {
    const event = line[0];
    if (event === undefined) return;
    moves.push({
      label: `${event.type} reaches ${nameOf(to)}`,
      owed: 'both',
      make: (step) => {
        take(step);
        step.changed = true;
        step.happen(to, event);
      },
    });
  };
  deliver(addressOf(supervisorRef), mail.supervisor, (step) => {
    step.mail.supervisor = mail.supervisor.slice(1);
  });
  deliver(addressOf(coordinatorRef), mail.coordinator, (step) => {
    step.mail.coordinator = mail.coordinator.slice(1);
  });
  for (const { context } of workers) {
    const { place, worker } = context;
    const line = mail.workers[place]!;
    deliver(addressOf(workerRef(place, worker)), line, (step) => {
      step.mail.workers[place] = line.slice(1);
    });
  }
  for (const [place, line] of mail.clients.entries()) {
    deliver(addressOf(clientRef(place)), line, (step) => {
      step.mail.clients[place] = line.slice(1);
    });
  }
  return moves;
}

function callerMoves(world: World, { asks, faults, callsMax }: Bounds): Move[] {
  const moves: Move[] = [];
  const alike = new Set<number>();
  for (const [index, { state, waiter, calls }] of world.callers.entries()) {
    const name = `caller ${index}`;
    if (state === 'idle' && calls < callsMax && world.supervisor.status === 'active') {
      // Of callers who have asked equally often and do nothing, one may speak for all.
      if (alike.has(calls)) continue;
      alike.add(calls);
      for (const ask of asks) {
        for (const affinity of affinities(world, ask)) {
          moves.push({
            label: `${name} asks for ${wishOf(affinity)}${ask.fairnessKey ? `, key ${ask.fairnessKey}` : ''}${ask.priority ? `, priority ${ask.priority}` : ''}${ask.mayWait ? '' : ', now or never'}${ask.isShort ? ', shortly' : ''}`,
            owed: 'nobody',
            make: (step) => {
              const { priority, mayWait, fairnessKey = null, isShort = false } = ask;
              const [ticket, askedAt] = [step.nextTicket, step.now];
              const asked: Waiter = { ticket, askedAt, priority, fairnessKey, affinity, mayWait, isShort };
              step.nextTicket += 1;
              step.callers[index] = { state: 'waiting', waiter: asked, calls: calls + (callsMax === Infinity ? 0 : 1) };
              step.changed = true;
              step.send(addressOf(coordinatorRef), { type: 'lease.request', waiter: asked });
            },
          });
        }
      }
    }
    if (waiter !== null && faults.has('cancel')) {
      moves.push({
        label: `${name} no longer waits`,
        owed: 'nobody',
        make: (step) => {
          step.settle(index);
          step.gone = [...step.gone, waiter.ticket];
          step.changed = true;
          step.send(addressOf(coordinatorRef), { type: 'lease.cancel', waiter });
        },
      });
    }
  }
  return moves;
}

function affinities(world: World, { wish }: Ask): (Affinity | null)[] {
  if (wish === 'anyone') return [null];
  const strict = wish === 'strict';
  const met = world.workers.map(({ context: { worker, place } }) => ({ worker, place, strict }));
  return [...met, { worker: 0, place: 0, strict }];
}

function exchangeMoves(world: World, { asks, timeoutsMax }: Bounds): FaultyMove[] {
  const moves: FaultyMove[] = [];
  const slots = slotsOf(world);
  const mayOffer = asks.some(({ isShort }) => isShort);
  for (const [index, exchange] of world.exchanges.entries()) {
    const client = addressOf(clientRef(index));
    const place = whereIs(index, slots);
    for (const type of ['exchange.ended', 'exchange.abandoned', 'exchange.resumed']) {
      moves.push({
        label: `${type} comes late, for a lease of long ago, at place ${place}`,
        owed: 'nobody',
        make: (step) => step.happen(client, { type, lease: NO_LEASE, at: step.now }),
      });
    }
    if (exchange === null) continue;
    const { lease, caller, owed } = exchange;
    if (caller !== null && !owed) {
      moves.push({
        label: `the exchange at place ${place} ends`,
        owed: 'kind',
        make: (step) => {
          step.settle(caller);
          step.exchanges[index] = null;
          step.happen(client, { type: 'exchange.ended', lease, at: step.now });
        },
      });
      if (mayOffer) {
        moves.push({
          label: `the call at place ${place} is answered, and the next may have its lease`,
          owed: 'nobody',
          make: (step) => {
            step.settle(caller);
            step.exchanges[index] = { ...exchange, caller: null };
            const [place, slot] = [Math.floor(index / slots), index % slots];
            const offer = { type: 'lease.offered', lease, place, slot, client: clientRef(index) };
            step.send(addressOf(coordinatorRef), offer);
          },
        });
      }
      if (world.spent.timeouts < timeoutsMax) {
        moves.push({
          label: `a call at place ${place} runs out of time, under a lease that is kept`,
          owed: 'nobody',
          fault: 'timeout',
          make: (step) => {
            step.spend('timeouts');
            step.exchanges[index] = { ...exchange, owed: true, overdue: false };
            step.happen(client, { type: 'exchange.abandoned', lease });
          },
        });
      }
    }
    if (caller !== null) {
      moves.push({
        label: `the caller at place ${place} leaves`,
        owed: 'cruel',
        fault: 'timeout',
        make: (step) => {
          step.settle(caller);
          step.exchanges[index] = { ...exchange, caller: null, owed: true, overdue: owed && exchange.overdue };
          step.changed = true;
          if (!owed) step.happen(client, { type: 'exchange.abandoned', lease });
        },
      });
    }
    if (owed) {
      moves.push({
        label: `the answer that nobody waited for comes at place ${place}`,
        owed: 'kind',
        make: (step) => {
          step.exchanges[index] = caller === null ? null : { ...exchange, owed: false, overdue: false };
          step.changed = true;
          step.happen(client, { type: caller === null ? 'exchange.ended' : 'exchange.resumed', lease, at: step.now });
        },
      });
    }
  }
  return moves;
}

function processMoves(world: World, { deathsMax }: Bounds): FaultyMove[] {
  const moves: FaultyMove[] = [];
  for (const [place, process] of world.processes.entries()) {
    if (process.life === 'gone') continue;
    const { worker } = world.workers[place]!.context;
    const to = addressOf(workerRef(place, worker));
    const becomes =
      (life: Process['life'], type: string, dies: boolean, more: object = {}) =>
      (step: Step) => {
        step.processes[place] = { ...process, life };
        if (dies) step.spend('deaths');
        step.changed = true;
        step.happen(to, { type, ...more });
      };
    const mayDie = world.spent.deaths < deathsMax;
    if (process.life === 'pending') {
      moves.push({
        label: `the process at place ${place} is ready`,
        owed: 'kind',
        make: becomes('up', 'process.ready', false),
      });
      if (mayDie) {
        moves.push({
          label: `no process comes to be at place ${place}`,
          owed: 'nobody',
          fault: 'death',
          make: becomes('gone', 'process.failed', true),
        });
      }
    }
    if (mayDie) {
      moves.push({
        label: `the process at place ${place} is unfit`,
        owed: 'nobody',
        fault: 'death',
        make: becomes('up', 'process.unfit', true),
      });
    }
    if (mayDie && process.life === 'up' && process.ending === 'no') {
      moves.push({
        label: `the worker at place ${place} is to be replaced`,
        owed: 'nobody',
        // It is one worker less, though nobody loses anything by it.
        fault: 'death',
        make: (step) => {
          step.spend('deaths');
          step.happen(to, { type: 'worker.retire' });
        },
      });
    }
    if (process.ending !== 'no') {
      moves.push({
        label: `the process at place ${place} exits, as it was ${process.ending === 'asked' ? 'asked to' : 'made to'}`,
        owed: process.ending === 'killed' ? 'both' : 'kind',
        make: becomes('gone', 'process.exited', false, { byItself: false }),
      });
    } else if (mayDie) {
      moves.push({
        label: `the process at place ${place} dies`,
        owed: 'nobody',
        fault: 'death',
        make: becomes('gone', 'process.exited', true, { byItself: true }),
      });
    }
  }
  return moves;
}

function timers(world: World, { deathsMax }: Bounds): FaultyMove[] {
  const moves: FaultyMove[] = [];
  const slots = slotsOf(world);
  for (const [index, { value, machine }] of world.clients.entries()) {
    const exchange = world.exchanges[index];
    if (!exchange || exchange.overdue) continue;
    for (const type of afterEvents(machine.states[value]!.on)) {
      moves.push({
        label: `${type.split('.')[2]} runs out at place ${whereIs(index, slots)}`,
        owed: 'cruel',
        fault: 'timeout',
        make: (step) => {
          step.exchanges[index] = { ...exchange, overdue: true };
          step.changed = true;
          step.happen(addressOf(clientRef(index)), { type });
        },
      });
    }
  }
  for (const { value, context, machine } of world.workers) {
    const ref = workerRef(context.place, context.worker);
    for (const type of afterEvents(machine.states[value]!.on)) {
      const [, , delay] = type.split('.');
      // A start that takes too long is a death like any other.
      const isDeath = delay === 'bootTimeout';
      if (isDeath && world.spent.deaths >= deathsMax) continue;
      moves.push({
        label: `${delay} runs out at place ${context.place}`,
        owed: 'cruel',
        ...(delay === 'stopGrace' || delay === 'killGrace' ? {} : { fault: 'timeout' }),
        make: (step) => {
          if (isDeath) step.spend('deaths');
          step.happen(addressOf(ref), { type });
        },
      });
    }
  }
  if (world.isRecyclingDue) {
    moves.push({
      label: 'the next replacement of one that is worn is due',
      owed: 'both',
      make: (step) => {
        step.isRecyclingDue = false;
        step.changed = true;
        step.happen(addressOf(supervisorRef), { type: 'recycle.due' });
      },
    });
  }
  const { machine, value } = world.supervisor;
  for (const type of afterEvents(machine.states[value]!.on)) {
    moves.push({
      label: `closeTimeout runs out`,
      owed: 'cruel',
      make: (step) => step.happen(addressOf(supervisorRef), { type }),
    });
  }
  for (const [place, due] of world.restarts.entries()) {
    if (!due) continue;
    moves.push({
      label: `the replacement at place ${place} is due`,
      owed: 'both',
      make: (step) => {
        step.restarts[place] = false;
        step.changed = true;
        step.happen(addressOf(supervisorRef), { type: 'restart.due', place });
      },
    });
  }
  return moves;
}

/** What the hands see of a pool that replaces its workers, or has no fixed size. */
function sizeMoves(world: World, { size, sizeMax = size, recycleMax = 0 }: Bounds): Move[] {
  if (world.supervisor.status !== 'active') return [];
  const tell = (label: string, event: AnyEventObject): Move => ({
    label,
    owed: 'nobody',
    make: (step) => step.happen(addressOf(supervisorRef), event),
  });
  const up = world.workers.filter(({ value }) => value === 'idle' || value === 'leased');
  // Else it makes no difference: here, time runs out whenever it likes.
  const isNews = world.supervisor.context.failures > 0;
  return [
    ...(isNews ? up.filter(({ context: { served } }) => served === LEASES_THAT_PROVE) : []).map(
      ({ context: { worker, place } }) =>
        tell(`the worker at place ${place} has proven itself`, { type: 'worker.proven', worker, place }),
    ),
    ...(recycleMax === 0 ? [] : up).map(({ context: { worker, place } }) =>
      tell(`the worker at place ${place} is worn`, { type: 'worker.worn', worker, place }),
    ),
    ...(sizeMax === size ? [] : up).map(({ context: { worker, place } }) =>
      tell(`the worker at place ${place} is of no use`, { type: 'worker.unused', worker, place }),
    ),
    ...(sizeMax > size && world.coordinator.context.queue.size > 0
      ? [tell('somebody has waited too long', { type: 'pool.crowded', waiting: world.coordinator.context.queue.size })]
      : []),
  ];
}

function ownerMoves(world: World, { commandsMax }: Bounds): FaultyMove[] {
  if (world.supervisor.status !== 'active' || world.spent.commands >= commandsMax) return [];
  return ['pool.drain', 'pool.close', 'pool.destroy'].map((type) => ({
    label: type,
    owed: 'nobody',
    fault: 'close',
    make: (step) => {
      step.spend('commands');
      step.happen(addressOf(supervisorRef), { type });
    },
  }));
}

/** The `after` events that a state's timers may bring. */
function afterEvents(on: Record<string, unknown>): string[] {
  return Object.keys(on).filter((type) => type.startsWith('xstate.after.'));
}

/** `0`; with several slots `0, slot 1`. */
function whereIs(index: number, slots: number): string {
  return slots === 1 ? String(index) : `${Math.floor(index / slots)}, slot ${index % slots}`;
}

export function nameOf({ chart, place, worker }: Address): string {
  if (chart === 'worker') return `worker ${worker} at place ${place}`;
  return chart === 'client' ? `client ${place}` : `the ${chart}`;
}

function wishOf(affinity: Affinity | null): string {
  if (affinity === null) return 'anyone';
  const who = affinity.worker === 0 ? 'a worker that has gone' : `worker ${affinity.worker}`;
  return affinity.strict ? `${who} alone` : `${who} if possible`;
}

const A_SECOND_PASSES: Move = {
  label: 'a second passes',
  owed: 'nobody',
  make: (step) => {
    step.now += 1_000;
  },
};

/** The id of a lease that is not live anywhere. */
const NO_LEASE = 0;
