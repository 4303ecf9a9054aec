import { getAdjacencyMap } from '@xstate/graph';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type AnyActorLogic,
  type AnyEventObject,
  type AnyStateMachine,
  assign,
  cancel,
  createActor,
  createMachine,
  emit,
  enqueueActions,
  fromCallback,
  type InspectionEvent,
  log,
  not,
  raise,
  SimulatedClock,
  sendTo,
} from 'xstate';
import { clientMachine, coordinatorMachine, workerMachine } from '../../machines/index.js';
import { compile } from '../../src/compile.js';
import { CLIENT, COORDINATOR, WORKER } from '../model/charts.js';
import { take } from '../model/take.js';
import { type Walkable, walkAll } from '../model/walk.js';
import { effort } from './effort.js';

// XState's development build warns of what is sent to an actor that has ended, which some of these do.
beforeAll(() => void vi.spyOn(console, 'warn').mockImplementation(() => {}));
afterAll(() => void vi.restoreAllMocks());

describe('a compiled machine', () => {
  it('cannot be told from the interpreted one, whatever its chart and whatever happens', () => {
    let [steps, byTable] = [0, 0];
    fc.assert(
      fc.property(chart, fc.array(happening, { minLength: 1, maxLength: 12 }), watched, (config, happenings, when) => {
        const machine = createMachine(config as never, IMPLEMENTATIONS as never) as AnyStateMachine;
        const compiled = compile(machine);
        expect(traceOf(compiled, happenings, when)).toEqual(traceOf(machine, happenings, when));
        const [taken, sent] = takenByTable(machine, happenings);
        steps += sent;
        byTable += taken;
      }),
      effort(8_000),
    );
    // A table that leaves everything to the interpreter would pass as well.
    expect(byTable / steps).toBeGreaterThan(0.5);
  });

  it('is walked by @xstate/graph as the interpreted one is', () => {
    fc.assert(
      fc.property(chart, (config) => {
        const machine = createMachine(config as never, IMPLEMENTATIONS as never) as AnyStateMachine;
        expect(adjacencyOf(compile(machine))).toEqual(adjacencyOf(machine));
      }),
      effort(400),
    );
  });

  it('has the definition of the interpreted one, and is an XState machine', () => {
    fc.assert(
      fc.property(chart, (config) => {
        const machine = createMachine(config as never, IMPLEMENTATIONS as never) as AnyStateMachine;
        const compiled = compile(machine);
        expect(compiled).toBeInstanceOf(machine.constructor);
        expect(JSON.stringify(compiled.definition)).toBe(JSON.stringify(machine.definition));
      }),
      effort(200),
    );
  });

  it('forgets what was raised once it has come to its end, as the interpreted one does', () => {
    const machine = createMachine(
      {
        initial: 'a',
        states: {
          a: { on: { go: { target: 'b', actions: ['raiseTwice'] } } },
          b: { on: { late: 'c' } },
          c: { type: 'final' },
        },
      } as never,
      {
        actions: {
          raiseTwice: enqueueActions((({ enqueue }: Enqueuing) => {
            enqueue.raise({ type: 'late' });
            enqueue.raise({ type: 'late' });
          }) as never),
        },
      } as never,
    ) as AnyStateMachine;
    const happenings = [{ send: { type: 'go' } }];
    expect(traceOf(compile(machine), happenings)).toEqual(traceOf(machine, happenings));
  });

  it('stays compiled when it is given other hands', () => {
    const done: string[] = [];
    const machine = createMachine({
      initial: 'a',
      states: { a: { on: { go: { target: 'b', actions: 'act' } } }, b: {} },
    });
    const provided = compile(machine).provide({ actions: { act: () => done.push('act') } } as never);
    expect(provided.constructor).toBe(compile(machine).constructor);
    const actor = createActor(provided).start();
    actor.send({ type: 'go' });
    expect([done, actor.getSnapshot().value]).toEqual([['act'], 'b']);
  });
});

const TIME_LIMIT_MS = 600_000;

describe.each<[string, Walkable<never>, AnyStateMachine]>([
  ['worker', WORKER as never, workerMachine],
  ['client', CLIENT as never, clientMachine],
  ['coordinator', COORDINATOR as never, coordinatorMachine],
])('the chart of the %s', (_, walkable, machine) => {
  let walked: ReturnType<typeof walkAll<never>> | undefined;
  const edgesOf = () => {
    walked ??= walkAll(walkable);
    return walked;
  };

  it('does the same from its table, on each edge that can be reached', { timeout: TIME_LIMIT_MS }, () => {
    const seen = (walked: ReturnType<typeof walkAll<never>>) =>
      walked.map((edge) => {
        const { value, context, status } = edge.snapshot as unknown as {
          value: unknown;
          context: object;
          status: string;
        };
        return JSON.stringify([edge.event, edge.transition, value, context, status, edge.ran, edge.said]);
      });
    const edges = edgesOf();
    expect(edges.length).toBeGreaterThan(20);
    expect(seen(walkAll({ ...walkable, machine: compile(machine) as never }))).toEqual(seen(edges));
  });

  it('is in the table whole: nothing of it is left to the interpreter', { timeout: TIME_LIMIT_MS }, () => {
    const compiled = compile(machine);
    for (const { event, from, transition } of edgesOf()) {
      if (transition !== null) expect(isByTable(compiled, from, event), transition).toBe(true);
    }
  });
});

// ---------------------------------------------------------------- what is observed

type Happening = { send: AnyEventObject } | { wait: number };

/** From when to when somebody inspects, by the number of what happens: from before the actor is made on, or never, too. */
type Watched = readonly [from: number, to: number];

const ALWAYS: Watched = [-1, Number.POSITIVE_INFINITY];

/** All that an onlooker can see of one run. */
function traceOf(machine: AnyStateMachine, happenings: readonly Happening[], [from, to] = ALWAYS): unknown[] {
  const trace: unknown[] = [];
  const clock = new SimulatedClock();
  done.splice(0);
  let isSilent = true;
  const options = { clock, id: 'actor', logger: (...given: unknown[]) => trace.push(['log', ...given]) };
  const inspect = (event: InspectionEvent) => {
    if (!isSilent) trace.push(inspected(event));
  };
  const actor = createActor(machine as AnyActorLogic, from === -1 ? { ...options, inspect } : options);
  let watch: { unsubscribe(): void } | undefined;
  isSilent = false;
  actor.subscribe({
    next: (snapshot) => trace.push(['next', plain(snapshot)]),
    error: (error) => trace.push(['error', String(error)]),
    complete: () => trace.push(['complete']),
  });
  actor.on('*', (event) => trace.push(['emitted', event]));
  actor.start();
  for (const [index, happening] of happenings.entries()) {
    if (index === from) watch = actor.system.inspect(inspect);
    if (index === to) watch?.unsubscribe();
    const before = actor.getSnapshot();
    if ('send' in happening) actor.send(happening.send);
    else clock.increment(happening.wait);
    const after = actor.getSnapshot();
    trace.push(['then', plain(after), after === before, Object.keys(after), done.splice(0)]);
  }
  isSilent = true;
  const snapshot = actor.getSnapshot();
  if (snapshot.status === 'active' && Object.keys(snapshot.children).length === 0) {
    const persisted = actor.getPersistedSnapshot();
    const again = createActor(machine as AnyActorLogic, { ...options, snapshot: persisted });
    again.subscribe({ error: (error) => trace.push(['error', String(error)]) });
    again.start();
    again.send({ type: 'a', by: 1 });
    trace.push(['persisted', JSON.stringify(persisted), plain(again.getSnapshot())]);
    again.stop();
  }
  actor.stop();
  return trace;
}

function inspected(event: InspectionEvent): unknown[] {
  const seen: unknown[] = [event.type];
  if ('event' in event) seen.push(event.event);
  if ('snapshot' in event) seen.push(plain(event.snapshot));
  if ('action' in event) seen.push(event.action.type, JSON.stringify(event.action.params, named));
  if ('_transitions' in event) seen.push(JSON.stringify(event._transitions));
  return seen;
}

function plain(snapshot: unknown): unknown {
  const { value, context, status, tags, error, output, children } = snapshot as Record<string, never>;
  return [value, context, status, [...((tags ?? []) as string[])], String(error), output, Object.keys(children ?? {})];
}

/** Refs have session ids of their own in each run. */
function named(_key: string, value: unknown): unknown {
  return value !== null && typeof value === 'object' && 'sessionId' in value ? (value as { id?: string }).id : value;
}

function adjacencyOf(machine: AnyStateMachine): unknown {
  try {
    const map = getAdjacencyMap(machine, {
      events: EVENTS as never,
      limit: 60,
      serializeState: ((snapshot: { value: unknown; context: { count: number } }) =>
        JSON.stringify([snapshot.value, Math.min(snapshot.context.count, 4)])) as never,
    });
    return Object.entries(map).map(([key, { transitions }]) => [key, Object.keys(transitions)]);
  } catch (error) {
    return String(error);
  }
}

/** How many of the events that are sent are taken by the table, and how many are sent. */
function takenByTable(machine: AnyStateMachine, happenings: readonly Happening[]): [number, number] {
  const compiled = compile(machine);
  const actor = createActor(machine as AnyActorLogic, { clock: new SimulatedClock(), logger: () => {} });
  actor.subscribe({ error: () => {} });
  actor.start();
  let [taken, sent] = [0, 0];
  for (const happening of happenings) {
    const snapshot = actor.getSnapshot();
    if (!('send' in happening) || snapshot.status !== 'active') continue;
    sent += 1;
    if (isByTable(compiled, snapshot, happening.send)) taken += 1;
    actor.send(happening.send);
  }
  actor.stop();
  return [taken, sent];
}

/** The interpreter asks the chart's nodes what is next; the table does not. */
function isByTable(compiled: AnyStateMachine, snapshot: unknown, event: AnyEventObject): boolean {
  const asked = vi.spyOn(Object.getPrototypeOf(compiled.root), 'next');
  try {
    take(compiled, snapshot as never, event);
  } catch {
    // What it does is another test's.
  }
  const isAsked = asked.mock.calls.length > 0;
  asked.mockRestore();
  return !isAsked;
}

// ---------------------------------------------------------------- what a chart is made of

const done: string[] = [];
const SINK = createActor(
  fromCallback(({ receive }) => receive((event) => done.push(JSON.stringify(event)))),
  { id: 'sink' },
).start();
const EVENTS = [{ type: 'a', by: 1 }, { type: 'b', by: 2 }, { type: 'c', by: 3 }, { type: 'unknown' }];

interface Context {
  readonly count: number;
}
type Args = { context: Context; event: { type: string; by?: number } };
interface Enqueuing {
  enqueue: ((action: unknown) => void) &
    Record<
      'assign' | 'sendTo' | 'raise' | 'emit' | 'cancel' | 'spawnChild' | 'stopChild',
      (...given: unknown[]) => void
    >;
  check: (guard: unknown) => boolean;
}

const IMPLEMENTATIONS = {
  guards: {
    isEven: ({ context }: Args) => context.count % 2 === 0,
    isAtLeast: ({ context }: Args, { min }: { min: number }) => context.count >= min,
    isOdd: not('isEven'),
    throwsAtThree: ({ context }: Args) => {
      if (context.count === 3) throw new Error('three');
      return true;
    },
  },
  actions: {
    note: ({ context, event }: Args, params: unknown) => done.push(JSON.stringify([context, event.type, params])),
    fail: ({ context }: Args) => {
      if (context.count > 5) throw new Error('more than five');
    },
    add: assign({ count: ({ context, event }: Args) => context.count + (event.by ?? 1) } as never),
    addGiven: assign((({ context }: Args, params?: { n: number }) => ({
      count: context.count + (params?.n ?? 7),
    })) as never),
    spawnOne: assign((({ spawn, context }: { spawn: (src: string, options: object) => object; context: Context }) => {
      spawn('kid', { id: `kid-${context.count}` });
      return { count: context.count + 1 };
    }) as never),
    tell: sendTo(SINK, (({ context }: Args) => ({ type: 'told', count: context.count })) as never),
    tellFound: sendTo((() => SINK) as never, { type: 'found' } as never),
    tellSelf: sendTo((({ self }: { self: unknown }) => self) as never, { type: 'echo' } as never),
    tellLater: sendTo((({ self }: { self: unknown }) => self) as never, { type: 'echo' } as never, { delay: 5 }),
    tellKid: sendTo('kid-1', { type: 'hello' } as never),
    say: emit((({ context }: Args) => ({ type: 'said', count: context.count })) as never),
    logIt: log((({ context }: Args) => context.count) as never),
    raiseNow: raise({ type: 'late' } as never),
    raiseLater: raise({ type: 'late' } as never, { id: 'late', delay: 4 }),
    raiseByName: raise({ type: 'late' } as never, { id: 'late', delay: 'some' } as never),
    raiseByNoDelay: raise({ type: 'late' } as never, { delay: 'none' } as never),
    cancelLate: cancel('late'),
    queue: enqueueActions((({ context, event, enqueue, check }: Args & Enqueuing) => {
      if (check('isEven')) enqueue('add');
      enqueue.assign({ count: ({ context: now }: Args) => now.count + 1 });
      enqueue({ type: 'note', params: { n: context.count } });
      enqueue.sendTo(SINK, { type: 'queued', by: event.type });
      if (check({ type: 'isAtLeast', params: { min: 3 } })) enqueue('queue less');
      enqueue.raise({ type: 'late' }, { id: 'late', delay: 3 });
    }) as never),
    'queue less': enqueueActions((({ context, enqueue }: Args & Enqueuing) => {
      enqueue.emit({ type: 'said', count: context.count });
      enqueue('nobody knows');
      enqueue.cancel('late');
      enqueue('note');
    }) as never),
    queueRare: enqueueActions((({ context, enqueue }: Args & Enqueuing) => {
      if (context.count % 3 === 0) enqueue.raise({ type: 'late' });
      if (context.count % 3 === 1) enqueue.spawnChild('kid', { id: `kid-${context.count}` });
      if (context.count % 3 === 2) enqueue.stopChild('kid-1');
      enqueue('add');
    }) as never),
  },
  actors: { kid: fromCallback(() => {}) },
  delays: { some: ({ context }: Args) => 2 + context.count, none: () => undefined },
};

const guard = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.constant('isEven') },
  { weight: 2, arbitrary: fc.nat(4).map((min) => ({ type: 'isAtLeast', params: { min } })) },
  { weight: 1, arbitrary: fc.constant({ type: 'isAtLeast', params: ({ event }: Args) => ({ min: event.by ?? 0 }) }) },
  { weight: 1, arbitrary: fc.constant(({ context }: Args) => context.count < 3) },
  { weight: 1, arbitrary: fc.constantFrom('isOdd', 'throwsAtThree') },
);

/** Those that cannot make a chart go on for ever. */
const quietAction = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('note', 'add', 'addGiven', 'tell', 'say') },
  { weight: 2, arbitrary: fc.constantFrom('tellFound', 'raiseLater', 'raiseByName', 'cancelLate', 'logIt', 'queue') },
  { weight: 1, arbitrary: fc.nat(3).map((n) => ({ type: 'note', params: { n } })) },
  { weight: 1, arbitrary: fc.constant({ type: 'note', params: ({ context, event }: Args) => [context, event.type] }) },
  { weight: 1, arbitrary: fc.nat(3).map((n) => ({ type: 'addGiven', params: { n } })) },
  { weight: 1, arbitrary: fc.constant(({ event }: Args) => done.push(event.type)) },
  {
    weight: 1,
    arbitrary: fc.constant(function inline({ event }: Args) {
      done.push(`inline ${event.type}`);
    }),
  },
  { weight: 1, arbitrary: fc.constant(assign({ count: 2 } as never)) },
);
const action = fc.oneof(
  { weight: 9, arbitrary: quietAction },
  { weight: 1, arbitrary: fc.constantFrom('tellSelf', 'tellLater', 'raiseByNoDelay', 'spawnOne') },
  { weight: 1, arbitrary: fc.constantFrom('fail', 'tellKid', 'raiseNow', 'queueRare', 'nobody knows') },
);

const STATES = ['one', 'two', 'three', 'four'];

const transition = (actions: fc.Arbitrary<unknown>, targets: readonly string[]) =>
  fc.record(
    {
      target: fc.constantFrom(...targets),
      guard,
      actions: fc.array(actions, { maxLength: 4 }),
      reenter: fc.boolean(),
    },
    { requiredKeys: [] },
  );

const handlers = (targets: readonly string[]) =>
  fc.record(
    {
      a: fc.array(transition(action, targets), { maxLength: 3 }),
      b: transition(action, targets),
      c: fc.oneof(fc.constant(undefined), transition(action, targets)),
      echo: transition(quietAction, targets),
      late: transition(quietAction, targets),
      'xstate.error.actor.kid-1': transition(quietAction, targets),
    },
    { requiredKeys: ['a'] },
  );

const few = fc.array(quietAction, { maxLength: 2 });
const state = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record(
      {
        on: handlers(STATES),
        entry: few,
        exit: few,
        tags: fc.constantFrom(['x'], ['x', 'y']),
        after: fc.record(
          { 3: transition(quietAction, STATES), some: transition(quietAction, STATES) },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: ['on'] },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record(
      { type: fc.constant('final'), entry: few, exit: few, output: fc.constant({ n: 1 }) },
      { requiredKeys: ['type'] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      initial: fc.constant('inner'),
      states: fc.record({ inner: fc.record({ on: handlers(['other']) }), other: fc.record({ entry: few }) }),
      on: handlers(STATES),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      on: handlers(STATES),
      always: fc.constant({ guard: 'isOdd', target: 'one', actions: 'add' }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      on: fc.record({ 'a.*': transition(quietAction, STATES), '*': transition(quietAction, STATES) }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ on: handlers(STATES), invoke: fc.constant({ src: 'kid', id: 'invoked' }) }) },
);

const chart = fc
  .record(
    {
      states: fc.record({ one: state, two: state, three: state, four: state }),
      on: handlers(STATES.map((name) => `.${name}`)),
      entry: few,
      exit: few,
      tags: fc.constant(['root']),
      output: fc.constant({ all: 'done' }),
    },
    { requiredKeys: ['states'] },
  )
  .map((config) => ({
    ...config,
    id: 'random',
    initial: 'one',
    context: { count: 0 },
    options: { maxIterations: 20 },
  }));

const watched: fc.Arbitrary<Watched> = fc.oneof(
  fc.constant(ALWAYS),
  fc.constant([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as const),
  fc.tuple(fc.nat(6), fc.nat(12)),
);

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...EVENTS).map((send) => ({ send })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('echo', 'late', 'xstate.done.actor.kid-1', 'xstate.error.actor.kid-1')
      .map((type) => ({ send: { type } })),
  },
  { weight: 2, arbitrary: fc.nat(6).map((wait) => ({ wait })) },
);
