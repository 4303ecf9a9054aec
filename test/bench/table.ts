import { compile } from 'pythonarium/compile';
import { clientMachine, coordinatorMachine, workerMachine } from 'pythonarium/machines';
import {
  type Actor,
  type AnyActorLogic,
  type AnyStateMachine,
  assign,
  createActor,
  fromTransition,
  setup,
} from 'xstate';
import { summary } from './figures.js';
import { atMost, type Scenario, shown } from './scenario.js';

/** Events of charts from their tables, interpreted, and by hand, each after the other in every round. */
export const tableScenario: Scenario = {
  name: 'table',
  title: 'One event of a chart, in microseconds of the processor',
  caveat: "No pool and no Python: charts alone. How long a chart's own guards and assignments take is in it.",
  async run({ rounds, progress }) {
    progress('table');
    const loads = [
      measured('a turnstile: a guard and an assignment, in an actor', rounds, {
        interpreted: turns(turnstile),
        'from the table': turns(compile(turnstile)),
        'a switch by hand': turns(byHand),
      }),
      measured('leases: coordinator, worker and client, six events each', rounds, {
        interpreted: leasesOf((machine) => machine),
        'from the table': leasesOf(compile),
      }),
      measured('building: the machine, an actor of it, its first event', rounds, {
        interpreted: builds((machine) => machine),
        'from the table': builds(compile),
      }),
    ];
    const rows = loads.flatMap(({ load, eventUs }) =>
      Object.entries(eventUs).map(([way, figures]) => [load, way, shown(summary(figures))]),
    );
    const [small] = loads;
    const ratios = small!.eventUs['from the table']!.map(
      (us, round) => us / small!.eventUs['a switch by hand']![round]!,
    );
    return {
      tables: [{ title: 'Each event', head: ['load', 'way', 'us'], rows }],
      checks: [atMost('from the table over a switch by hand, of the turnstile', ratios, 1.5)],
      figures: loads,
    };
  },
};

/** @returns How many events it has sent. */
type Load = () => number;

function measured(load: string, rounds: number, ways: Record<string, Load>) {
  const all: Record<string, number[]> = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
  for (const run of Object.values(ways)) for (let warmUp = 0; warmUp < 3; warmUp++) run();
  for (let round = 0; round < rounds; round++) {
    for (const [way, run] of Object.entries(ways)) {
      const start = process.cpuUsage();
      const events = run();
      const { user, system } = process.cpuUsage(start);
      all[way]!.push((user + system) / events);
    }
  }
  return { load, eventUs: all };
}

function turns(logic: AnyActorLogic): Load {
  const actor = createActor(logic).start();
  return () => {
    for (let event = 0; event < TURNS; event += 2) {
      actor.send({ type: 'coin' });
      actor.send({ type: 'push' });
    }
    return TURNS;
  };
}

function builds(made: (machine: AnyStateMachine) => AnyStateMachine): Load {
  return () => {
    for (let count = 0; count < BUILDS; count++) {
      const actor: Actor<AnyActorLogic> = createActor(made(turnstile.provide({})));
      actor.start().send({ type: 'coin' });
    }
    return BUILDS;
  };
}

/** The lease of the one slot of the one worker, asked for and given back. */
function leasesOf(made: <Machine extends AnyStateMachine>(machine: Machine) => Machine): Load {
  const nobody = { _send: () => {}, sessionId: 'nobody' } as never;
  const rules = { ageAfterMs: 10_000, shed: null };
  const waiter = {
    ticket: 1,
    askedAt: 0,
    priority: 0,
    fairnessKey: null,
    affinity: null,
    mayWait: true,
    isShort: false,
  };
  const coordinator = createActor(made(coordinatorMachine), {
    input: { queueMax: 10, queueMaxPerKey: 10, rules, supervisor: nobody },
  }).start();
  const client = createActor(made(clientMachine), {
    input: { cancelGraceMs: 1_000, coordinator: coordinator as never },
  }).start();
  const worker = createActor(made(workerMachine), {
    input: {
      ...{ worker: 1, place: 0, bootTimeoutMs: 1e9, evictGraceMs: 1, stopGraceMs: 1, termGraceMs: 1 },
      ...{ coordinator: coordinator as never, supervisor: nobody, clients: [client], ahead: 0 },
    },
  }).start();
  worker.send({ type: 'process.ready' });
  let lease = 0;
  return () => {
    for (let count = 0; count < LEASES; count++) {
      coordinator.send({ type: 'lease.request', waiter });
      lease += 1;
      client.send({ type: 'exchange.ended', lease, at: 0 });
    }
    return LEASES * 6;
  };
}

const turnstile = setup({
  types: {} as { context: { turns: number }; events: { type: 'coin' | 'push' } },
  guards: { isOpen: ({ context }) => context.turns >= 0 },
  actions: { count: assign({ turns: ({ context }) => context.turns + 1 }) },
}).createMachine({
  context: { turns: 0 },
  initial: 'locked',
  states: {
    locked: { on: { coin: { guard: 'isOpen', target: 'unlocked' } } },
    unlocked: { on: { push: { target: 'locked', actions: 'count' } } },
  },
});

const byHand = fromTransition(
  (state: { readonly value: 'locked' | 'unlocked'; readonly turns: number }, event) => {
    switch (state.value) {
      case 'locked':
        return event.type === 'coin' && state.turns >= 0 ? { ...state, value: 'unlocked' as const } : state;
      case 'unlocked':
        return event.type === 'push' ? { value: 'locked' as const, turns: state.turns + 1 } : state;
    }
  },
  { value: 'locked', turns: 0 },
);

const TURNS = 60_000;
const LEASES = 5_000;
const BUILDS = 500;
