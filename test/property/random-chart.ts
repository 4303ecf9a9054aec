/** Charts of all that XState's charts are made of, and what may happen to them. */
import fc from 'fast-check';
import {
  type AnyActorRef,
  type AnyEventObject,
  type AnyStateMachine,
  and,
  assign,
  cancel,
  createActor,
  createMachine,
  emit,
  enqueueActions,
  forwardTo,
  fromCallback,
  fromObservable,
  fromTransition,
  type InspectionEvent,
  log,
  not,
  or,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stateIn,
  stopChild,
} from 'xstate';
import { assignWhole } from '../../machines/whole.js';

export type Happening =
  | { readonly send: AnyEventObject }
  | { readonly wait: number }
  /** It goes on from what was persisted of it. */
  | { readonly persist: true }
  /** It is stopped, and started again. */
  | { readonly restart: true }
  /** Asked of XState's pure functions, with no actor. */
  | { readonly ask: AnyEventObject };

/** What an onlooker has seen so far; what the actions of a random chart do is seen here too. */
export const seen: unknown[] = [];

export const EVENTS = [{ type: 'a', by: 1 }, { type: 'b', by: 2 }, { type: 'c', by: 3 }, { type: 'unknown' }];

type Making = (machine: AnyStateMachine) => AnyStateMachine;

/** @returns A machine of this chart, the same each time; `make` makes it, and each that it starts, of the plain one. */
export function machineOf(config: object, make: Making = asItIs): AnyStateMachine {
  const actors = { ...IMPLEMENTATIONS.actors, ...startedBy(make) };
  return make(createMachine(config as never, { ...IMPLEMENTATIONS, actors } as never) as AnyStateMachine);
}

const asItIs: Making = (machine) => machine;
const started = new Map<Making, Record<string, AnyStateMachine>>();

function startedBy(make: Making): Record<string, AnyStateMachine> {
  const known = started.get(make);
  if (known !== undefined) return known;
  const made = Object.fromEntries(Object.entries(MACHINES).map(([name, machine]) => [name, make(machine)]));
  started.set(make, made);
  return made;
}

interface Context {
  readonly count: number;
  readonly fuel: number;
  readonly mate?: AnyActorRef;
}
type Inside = { context: Context; self: AnyActorRef; system: AnyActorRef['system'] };
type Args = { context: Context; event: { type: string; by?: number } };
interface Enqueuing {
  enqueue: ((action: unknown) => void) &
    Record<
      'assign' | 'sendTo' | 'raise' | 'emit' | 'cancel' | 'spawnChild' | 'stopChild',
      (...given: unknown[]) => void
    >;
  check: (guard: unknown) => boolean;
}
interface Told {
  readonly count?: number;
  readonly by?: unknown;
  readonly of?: AnyActorRef;
}
interface Spawning extends Args {
  spawn: (src: string, options: object) => object;
}

const SINK = createActor(
  fromCallback(({ receive }) =>
    receive((event) => {
      const { count, by, of } = event as Told;
      // Whoever says something has its next state by then.
      seen.push(['sink', event.type, count, by, JSON.stringify(of?.getSnapshot().value)]);
    }),
  ),
  { id: 'sink' },
).start();

/** What could bring itself about again takes of the fuel, so that no chart goes on for ever. */
function burning(queue: (args: Args & Enqueuing) => void) {
  return enqueueActions(((args: Args & Enqueuing) => {
    if (args.context.fuel <= 0) return;
    args.enqueue('burn');
    queue(args);
  }) as never);
}

const brief = createMachine({
  id: 'brief',
  initial: 'on',
  states: { on: { on: { hello: 'off', a: 'off' } }, off: { type: 'final' } },
  output: 'ended',
});
const ended = createMachine({ id: 'ended', initial: 'off', states: { off: { type: 'final' } } });
const broken = createMachine({
  id: 'broken',
  entry: () => {
    throw new Error('broken');
  },
});

/** It answers whoever has started it, at once and after a while, and talks to itself. */
const partner = setup({
  types: {} as { context: { n: number }; input: { n: number } | undefined },
  actions: {
    answer: sendParent({ type: 'up' }),
    count: assign({ n: ({ context }) => context.n + 1 }),
    hear: ({ event }) => void seen.push(['partner', event.type]),
  },
  guards: { hasEnough: ({ context }) => context.n > 5 },
}).createMachine({
  id: 'partner',
  context: ({ input }) => ({ n: input?.n ?? 0 }),
  initial: 'on',
  entry: 'answer',
  on: { '*': { actions: 'hear' } },
  states: {
    on: {
      on: {
        hello: { target: 'off', actions: ['answer', emit({ type: 'said' }), raise({ type: 'tick' })] },
        tick: { actions: ['count', sendTo(({ self }) => self, { type: 'echo' })] },
        echo: { guard: 'hasEnough', target: 'over' },
      },
    },
    off: {
      on: { tick: { actions: 'count' }, echo: { target: 'on', actions: 'answer' } },
      after: { 2: { target: 'on', actions: 'hear' } },
    },
    over: { type: 'final', entry: 'answer' },
  },
  output: ({ context }) => context.n,
});
const MACHINES: Record<string, AnyStateMachine> = { brief, ended, broken, partner };

const speaker = fromCallback(({ sendBack, receive, input }) => {
  seen.push(['speaker', JSON.stringify(input)]);
  sendBack({ type: 'up' });
  receive(({ type }) => {
    seen.push(['speaker', type]);
    sendBack({ type: 'up' });
  });
  return () => void seen.push(['speaker', 'ended']);
});

const sums = fromTransition((sum: number, { type, by = 1 }: { type: string; by?: number }) => {
  if (type === 'c') throw new Error('no sum');
  return sum + by;
}, 0);

const numbers = fromObservable(
  ({ input }) =>
    ({
      subscribe({ next, complete }: { next(value: unknown): void; complete(): void }) {
        for (const value of [1, input]) next(value);
        if (input === undefined) complete();
        return { unsubscribe: () => void seen.push(['numbers', 'ended']) };
      },
    }) as never,
);

/** Nothing of XState's, and it cannot be told anything. */
const WALL = {
  _send() {
    throw new Error('a wall');
  },
};

export const IMPLEMENTATIONS = {
  guards: {
    isEven: ({ context }: Args) => context.count % 2 === 0,
    isAtLeast: ({ context }: Args, { min } = { min: 1 }) => context.count >= min,
    isOdd: not('isEven'),
    hasFuel: ({ context }: Args) => context.fuel > 0,
    isInOne: stateIn('one'),
    isInTwo: stateIn('#two'),
    isSmallAndEven: and(['isEven', not({ type: 'isAtLeast', params: { min: 5 } } as never)]),
    isAny: or([({ context }: Args) => context.count > 4, 'isOdd'] as never),
    alias: 'isEven',
    throwsAtThree: ({ context }: Args) => {
      if (context.count === 3) throw new Error('three');
      return true;
    },
  },
  actions: {
    note: ({ context, event }: Args, params: unknown) => {
      seen.push(['note', JSON.stringify([context.count, event.type, params])]);
    },
    sendsByItself: ({ self }: { self: { send: (event: object) => void } }) => self.send({ type: 'echo' }),
    muted: false,
    stopsAtFive: ({ context, self }: Args & { self: { stop(): void } }) => {
      if (context.count === 5) self.stop();
    },
    fail: ({ context }: Args) => {
      if (context.count > 5) throw new Error('more than five');
    },
    failWithNothing: ({ context }: Args) => {
      if (context.count > 5) throw undefined;
    },
    meddle: ({ context }: { context: { count: number } }) => {
      context.count += 1;
    },
    peek: ({ self, system }: Inside) => {
      const { value, context, children } = self.getSnapshot();
      seen.push(['peek', value, context.count, Object.keys(children), Object.keys(system.getAll())]);
    },
    listen: ({ self, context }: Inside) => {
      if (context.count % 2 === 0) return;
      const listening = self.subscribe(({ value }) => {
        seen.push(['listening', JSON.stringify(value)]);
        listening.unsubscribe();
        if (context.count > 5) throw new Error('heard enough');
      });
    },
    look: ({ system, context }: Inside) => {
      if (context.count % 3 === 0) return;
      const looking = system.inspect(({ type, ...told }: InspectionEvent) => {
        seen.push(['looking', type, 'event' in told && told.event?.type]);
        if (type === '@xstate.snapshot' && context.count % 3 === 1) looking.unsubscribe();
      });
    },
    tellChildren: ({ self, context }: Inside) => {
      if (context.fuel <= 0) return;
      const children: AnyActorRef[] = Object.values(self.getSnapshot().children);
      for (const child of children) if (child?.getSnapshot().status === 'active') child.send({ type: 'tick' });
    },
    add: assign({ count: ({ context, event }: Args) => context.count + (event.by ?? 1) } as never),
    addGiven: assign((({ context }: Args, params?: { n: number }) => ({
      count: context.count + (params?.n ?? 7),
    })) as never),
    addWhole: assignWhole((({ context }: Args, params?: { n: number }) =>
      // Sometimes it has nothing to change.
      context.count > 5 ? context : { ...context, count: context.count + (params?.n ?? 1) }) as never),
    addKey: assign({ last: ({ event }: Args) => event.type, first: 1 } as never),
    assignNothing: assign((() => undefined) as never),
    assignThrows: assign((({ context }: Args) => {
      if (context.count > 5) throw new Error('no more');
      return {};
    }) as never),
    burn: assign({ fuel: ({ context }: Args) => context.fuel - 1 } as never),
    spawnOne: assign((({ spawn, context }: Spawning) => {
      spawn('kid', { id: `kid-${context.count}` });
      return { count: context.count + 1 };
    }) as never),
    spawnKept: assign({
      kept: ({ spawn }: Spawning) => {
        seen.push(['spawns']);
        return spawn('brief', { id: 'brief', input: ({ context }: Args) => seen.push(['input', context.count]) });
      },
      count: 4,
    } as never),
    spawnUnknown: assign((({ spawn }: Spawning) => {
      spawn('nobody', { id: 'nobody' });
      return {};
    }) as never),
    spawnChild: spawnChild('kid', {
      id: (({ context }: Args) => `kid-${context.count}`) as never,
      input: (({ context }: Args) => seen.push(['input', context.count])) as never,
    }),
    spawnEnded: burning(({ enqueue }) => enqueue.spawnChild('ended', { id: 'ended' })),
    spawnBroken: burning(({ enqueue }) => enqueue.spawnChild('broken', { id: 'broken' })),
    spawnSynced: burning(({ enqueue }) => enqueue.spawnChild('brief', { id: 'synced', syncSnapshot: true })),
    spawnKnown: burning(({ enqueue }) => {
      enqueue.stopChild('known');
      enqueue.spawnChild('kid', { id: 'known', systemId: 'known' });
    }),
    startPartner: burning(({ enqueue }) => {
      enqueue.stopChild('partner');
      enqueue.spawnChild('partner', { id: 'partner', systemId: 'partner', input: { n: 3 } });
    }),
    tellPartner: sendTo(({ system }) => system.get('partner') ?? SINK, { type: 'hello' }),
    spawnMate: assign((({ spawn, context }: Spawning) => {
      if (context.fuel <= 0) return {};
      const input = ({ context: { count } }: Args) => ({ n: count });
      const mate = spawn('partner', { id: `mate-${context.fuel}`, syncSnapshot: context.count % 2 === 0, input });
      return { fuel: context.fuel - 1, mate };
    }) as never),
    tellMate: sendTo(
      (({ context }: Args) => context.mate ?? SINK) as never,
      (({ context }: Args) => ({ type: context.count % 2 === 0 ? 'tick' : 'hello' })) as never,
    ),
    stopMate: stopChild((({ context }: Args) => context.mate) as never),
    startSpeaker: burning(({ enqueue }) => {
      enqueue.stopChild('speaker');
      enqueue.spawnChild('speaker', {
        id: 'speaker',
        input: ({ context, event }: Args) => [context.count, event.type],
      });
      enqueue.sendTo('speaker', { type: 'hello' });
    }),
    startNameless: burning(({ enqueue }) => {
      enqueue.stopChild('nameless');
      enqueue.spawnChild(speaker, { id: 'nameless' });
    }),
    startSums: burning(({ enqueue }) => {
      enqueue.stopChild('sums');
      enqueue.spawnChild('sums', { id: 'sums', syncSnapshot: true });
      enqueue.sendTo('sums', ({ event }: Args) => event);
    }),
    startNumbers: burning(({ enqueue }) => {
      enqueue.stopChild('numbers');
      enqueue.spawnChild('numbers', { id: 'numbers', input: 5 });
    }),
    stopKept: stopChild('brief'),
    stopNobody: stopChild('nobody'),
    tell: sendTo(SINK, (({ context }: Args) => ({ type: 'told', count: context.count })) as never),
    tellFound: sendTo((() => SINK) as never, { type: 'found' } as never),
    tellSelf: sendTo((({ self }: { self: unknown }) => self) as never, { type: 'echo' } as never),
    tellLater: sendTo((({ self }: { self: unknown }) => self) as never, { type: 'echo' } as never, { delay: 5 }),
    tellInside: sendTo('#_internal' as never, { type: 'echo' } as never),
    // To nobody is to itself.
    tellNobody: sendTo((() => undefined) as never, { type: 'echo' } as never),
    tellText: sendTo(SINK, 'text' as never),
    tellNothing: sendTo(SINK, (() => undefined) as never),
    tellWall: sendTo(
      WALL as never,
      (({ context }: Args) => ({
        type: context.count % 2 === 0 ? 'told' : 'xstate.error',
      })) as never,
    ),
    tellInTurn: sendTo(SINK, { type: 'in turn' } as never, {
      delay: (({ context }: Args) => (context.count % 2 === 0 ? undefined : 0)) as never,
    }),
    tellInTime: sendTo(SINK, { type: 'in time' } as never, { id: 'in time', delay: 4 }),
    tellKnown: sendTo(
      (({ system }: { system: { get(id: string): object | undefined } }) => system.get('known') ?? SINK) as never,
      { type: 'hello' } as never,
    ),
    tellKid: sendTo('kid-1', { type: 'hello' } as never),
    tellKept: burning(({ enqueue }) =>
      enqueue.sendTo(({ context }: { context: { kept?: object } }) => context.kept ?? SINK, { type: 'hello' }),
    ),
    tellParent: sendParent({ type: 'up' } as never),
    tellParentAtOnce: ({ self }: { self: { _parent?: AnyActorRef } }) => self._parent?.send({ type: 'up' }),
    tellOf: sendTo(SINK, (({ self }: Inside) => ({ type: 'told of', of: self })) as never),
    forward: forwardTo(SINK),
    say: emit((({ context }: Args) => ({ type: 'said', count: context.count })) as never),
    sayAll: emit({ type: 'all' } as never),
    logAll: log(),
    logIt: log((({ context }: Args) => context.count) as never, 'label'),
    raiseNow: raise({ type: 'late' } as never),
    raiseLater: raise({ type: 'late' } as never, { id: 'late', delay: 4 }),
    raiseSoon: raise({ type: 'late' } as never, { delay: 0 }),
    raiseNothing: raise((() => undefined) as never),
    raiseInTurn: raise((({ context }: Args) => ({ type: 'late', by: context.count })) as never, {
      id: 'late',
      delay: (({ context }: Args) => (context.count % 3 === 0 ? undefined : context.count)) as never,
    }),
    raiseByName: raise({ type: 'late' } as never, { id: 'late', delay: 'some' } as never),
    raiseByNoDelay: raise({ type: 'late' } as never, { delay: 'none' } as never),
    cancelLate: cancel('late'),
    cancelInTime: cancel('in time'),
    cancelInTurn: cancel((({ context }: Args) => (context.count % 2 === 0 ? 'in time' : 'late')) as never),
    queue: enqueueActions((({ context, event, enqueue, check }: Args & Enqueuing) => {
      if (check('isEven')) enqueue('add');
      enqueue.assign({ count: ({ context: now }: Args) => now.count + 1 });
      enqueue({ type: 'note', params: { n: context.count } });
      enqueue.sendTo(SINK, { type: 'queued', by: event.type });
      if (check({ type: 'isAtLeast', params: { min: 3 } }) || check(stateIn('two'))) enqueue('queue less');
      enqueue.raise({ type: 'late' }, { id: 'late', delay: 3 });
    }) as never),
    'queue less': enqueueActions((({ context, enqueue }: Args & Enqueuing) => {
      enqueue.emit({ type: 'said', count: context.count });
      enqueue('nobody knows');
      enqueue.cancel('late');
      enqueue('note');
    }) as never),
    queueRare: enqueueActions((({ context, enqueue }: Args & Enqueuing) => {
      if (context.count % 4 === 0) enqueue.raise({ type: 'late' });
      if (context.count % 4 === 1) enqueue.spawnChild('kid', { id: `kid-${context.count}` });
      if (context.count % 4 === 2) enqueue.stopChild('kid-1');
      if (context.count % 4 === 3) enqueue.stopChild('nobody');
      else enqueue('add');
    }) as never),
    raiseTwo: burning(({ context, enqueue }) => {
      const types = ['a', 'b', 'c', 'late', 'unknown', 'a.b'];
      enqueue.raise({ type: types[context.count % types.length], by: 1 });
      enqueue.raise({ type: types[context.fuel % types.length], by: 2 });
    }),
  },
  actors: { kid: fromCallback(() => {}), speaker, sums, numbers },
  delays: { some: ({ context }: Args) => 2 + context.count, none: () => undefined },
};

const guard = fc.oneof(
  { weight: 8, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.constant('isEven') },
  { weight: 2, arbitrary: fc.nat(4).map((min) => ({ type: 'isAtLeast', params: { min } })) },
  { weight: 1, arbitrary: fc.constant({ type: 'isAtLeast', params: ({ event }: Args) => ({ min: event.by ?? 0 }) }) },
  { weight: 1, arbitrary: fc.constant(({ context }: Args) => context.count < 3) },
  { weight: 1, arbitrary: fc.constantFrom(not('isInOne'), stateIn('two'), and(['isEven', 'isInTwo'])) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('isOdd', 'isInOne', 'isInTwo', 'isSmallAndEven', 'isAny', 'alias', 'isAtLeast'),
  },
  { weight: 1, arbitrary: fc.constantFrom('throwsAtThree', 'throwsAtThree', 'nobody knows') },
  { weight: 1, arbitrary: fc.constant(null) },
);

/** Those that raise nothing at once, so that they may answer what is raised. */
const quietAction = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('note', 'add', 'addGiven', 'tell', 'say') },
  { weight: 4, arbitrary: fc.constantFrom('tellFound', 'raiseLater', 'raiseByName', 'cancelLate', 'logIt', 'queue') },
  {
    weight: 2,
    arbitrary: fc.constantFrom('addKey', 'addWhole', 'assignNothing', 'forward', 'spawnKept', 'stopKept', 'tellKept'),
  },
  { weight: 1, arbitrary: fc.constantFrom('spawnChild', 'stopNobody', 'spawnEnded', 'spawnSynced', 'raiseTwo') },
  { weight: 2, arbitrary: fc.constantFrom('tellKnown', 'tellOf', 'tellInTime', 'cancelInTime', 'muted') },
  { weight: 2, arbitrary: fc.constantFrom('peek', 'listen', 'look', 'meddle', 'sayAll', 'logAll', 'tellChildren') },
  { weight: 2, arbitrary: fc.constantFrom('startPartner', 'tellPartner', 'spawnMate', 'tellMate', 'stopMate') },
  { weight: 1, arbitrary: fc.constantFrom('startSpeaker', 'startNameless', 'startSums', 'startNumbers') },
  { weight: 1, arbitrary: fc.constantFrom('tellInside', 'tellNobody', 'tellInTurn', 'raiseSoon', 'cancelInTurn') },
  { weight: 2, arbitrary: fc.nat(3).map((n) => ({ type: 'note', params: { n } })) },
  { weight: 2, arbitrary: fc.constant({ type: 'note', params: ({ context, event }: Args) => [context, event.type] }) },
  { weight: 2, arbitrary: fc.nat(3).map((n) => ({ type: 'addGiven', params: { n } })) },
  { weight: 2, arbitrary: fc.constant(({ event }: Args) => seen.push(['inline', event.type])) },
  {
    weight: 2,
    arbitrary: fc.constant(function named({ event }: Args) {
      seen.push(['named', event.type]);
    }),
  },
  { weight: 2, arbitrary: fc.constant(assign({ count: 2 } as never)) },
);
const action = fc.oneof(
  { weight: 9, arbitrary: quietAction },
  { weight: 2, arbitrary: fc.constantFrom('tellSelf', 'tellLater', 'raiseByNoDelay', 'spawnOne', 'raiseTwo') },
  { weight: 1, arbitrary: fc.constantFrom('fail', 'assignThrows', 'tellKid', 'raiseNow', 'queueRare', 'nobody knows') },
  { weight: 1, arbitrary: fc.constantFrom('spawnBroken', 'spawnUnknown', 'tellParent', 'sendsByItself', 'raiseNow') },
  { weight: 1, arbitrary: fc.constantFrom('failWithNothing', 'raiseNothing', 'raiseInTurn') },
  { weight: 1, arbitrary: fc.constantFrom('tellText', 'tellNothing', 'tellWall', 'tellParentAtOnce') },
  // Two of one name are an error wherever none is ended, as in a graph.
  { weight: 1, arbitrary: fc.constantFrom('stopsAtFive', 'stopsAtFive', 'stopsAtFive', 'spawnKnown') },
);

const STATES = ['one', 'two', 'three', 'four'];
/** Of states within others; if a chart has none they are states like any. */
const WITHIN = ['#inner', '#hist', '#deep', '#left', '#right'];

const transition = (actions: fc.Arbitrary<unknown>, targets: readonly string[]) =>
  fc.record(
    {
      target: fc.oneof(
        { weight: 12, arbitrary: fc.constantFrom(...targets) },
        {
          weight: 1,
          arbitrary: fc.constantFrom<string | string[]>(...WITHIN, '#random', '', [], ['#left', '#right']),
        },
      ),
      guard,
      actions: fc.array(actions, { maxLength: 4 }),
      reenter: fc.boolean(),
      meta: fc.constant({ of: 'transition' }),
    },
    { requiredKeys: [] },
  );

const quiet = (targets: readonly string[]) => transition(quietAction, targets);

/** Of events that the machine may have brought about itself. */
const burningOnce = (targets: readonly string[]) =>
  quiet(targets).map((config) => ({ ...config, guard: 'hasFuel', actions: ['burn', ...(config.actions ?? [])] }));

const handlers = (targets: readonly string[]) =>
  fc.record(
    {
      a: fc.array(transition(action, targets), { maxLength: 3 }),
      b: transition(action, targets),
      c: fc.oneof(fc.constant(undefined), transition(action, targets)),
      echo: burningOnce(targets),
      late: burningOnce(targets),
      up: burningOnce(targets),
      'xstate.error.actor.kid-1': quiet(targets),
      'xstate.error.actor.broken': quiet(targets),
      'xstate.done.actor.ended': quiet(targets),
      'xstate.snapshot.synced': burningOnce(targets),
      'xstate.done.actor.partner': burningOnce(targets),
      'xstate.snapshot.mate-5': burningOnce(targets),
      'xstate.snapshot.sums': burningOnce(targets),
      'xstate.error.actor.sums': burningOnce(targets),
    },
    { requiredKeys: ['a'] },
  );

const wild = (targets: readonly string[]) =>
  fc.record(
    { 'a.*': burningOnce(targets), 'a.b.*': burningOnce(targets), '*': burningOnce(targets) },
    { requiredKeys: [] },
  );

const few = fc.array(quietAction, { maxLength: 2 });
const after = fc.record({ 0: burningOnce(STATES), 3: quiet(STATES), some: quiet(STATES) }, { requiredKeys: [] });
const plain = {
  on: handlers(STATES),
  entry: few,
  exit: few,
  tags: fc.constantFrom(['x'], ['x', 'y']),
  meta: fc.constant({ of: 'state' }),
};
/** Of a parallel state: its end has that name. */
const half = (end: string) =>
  fc.record({
    initial: fc.constant('begun'),
    states: fc.record({
      begun: fc.record({ on: handlers(['over']), exit: few }),
      over: fc.constant({ type: 'final', id: end }),
    }),
  });
const state = fc.oneof(
  { weight: 60, arbitrary: fc.record({ ...plain, after }, { requiredKeys: ['on'] }) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.record(plain, { requiredKeys: ['on'] }), wild(STATES))
      .map(([config, more]) => ({ ...config, on: { ...config.on, ...more } })),
  },
  {
    weight: 3,
    arbitrary: fc.record(
      {
        type: fc.constant('final'),
        entry: few,
        exit: few,
        output: fc.constantFrom({ n: 1 }, ({ context }: Args) => context.count),
      },
      { requiredKeys: ['type'] },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      initial: fc.constant('inner'),
      states: fc.record({
        inner: fc.record({ id: fc.constant('inner'), on: handlers(['other', 'last']) }),
        other: fc.record({ entry: few, exit: few }),
        last: fc.constant({ type: 'final' }),
        hist: fc.constant({ type: 'history', id: 'hist' }),
        deep: fc.constant({ type: 'history', history: 'deep', id: 'deep', target: 'other' }),
        both: fc.record({
          type: fc.constant('parallel'),
          states: fc.record({ p: half('left'), q: half('right') }),
          onDone: burningOnce(['other']),
        }),
      }),
      on: handlers(STATES),
      onDone: burningOnce(STATES),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('parallel'),
      states: fc.record({
        p: fc.record({
          initial: fc.constant('x'),
          states: fc.record({ x: fc.record({ on: handlers(['y']) }), y: after.map(() => ({})) }),
        }),
        q: fc.record({ on: fc.record({ b: quiet(['q']) }) }),
      }),
      on: handlers(STATES),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      on: handlers(STATES),
      always: fc.constantFrom(
        { guard: and(['hasFuel', 'isOdd']), target: 'one', actions: ['add', 'burn'] },
        { guard: 'hasFuel', actions: 'burn' },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      on: handlers(STATES),
      exit: few,
      invoke: fc.record(
        {
          src: fc.constantFrom<unknown>(
            'kid',
            'brief',
            'ended',
            'broken',
            'partner',
            'speaker',
            'sums',
            'numbers',
            speaker,
          ),
          id: fc.constant('invoked'),
          input: fc.constantFrom<unknown>({ n: 1 }, ({ context }: Args) => ({ n: context.count })),
          systemId: fc.constant('invoked'),
          onDone: burningOnce(STATES),
          onError: burningOnce(STATES),
          onSnapshot: burningOnce(STATES),
        },
        { requiredKeys: ['src', 'id'] },
      ),
    }),
  },
);

/** Of the machine, which few have. */
const rare = fc.oneof(
  { weight: 30, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ always: { guard: 'hasFuel', actions: 'burn' } }) },
  {
    weight: 1,
    // A state may have invoked one of the same id, which then ends whenever this brings it back there.
    arbitrary: fc.constant({
      invoke: { src: 'brief', id: 'invoked', onDone: { target: '.two', guard: 'hasFuel', actions: 'burn' } },
    }),
  },
  { weight: 1, arbitrary: fc.constant({ after: { 4: { actions: 'note' } } }) },
  { weight: 1, arbitrary: fc.constant({ type: 'parallel' }) },
);

const ROOT_TARGETS = STATES.map((name) => `.${name}`);

export const chart: fc.Arbitrary<object> = fc
  .tuple(
    fc.record(
      {
        states: fc.record({ one: state, two: state, three: state, four: state }),
        on: handlers(ROOT_TARGETS),
        entry: few,
        exit: few,
        tags: fc.constant(['root']),
        output: fc.constantFrom({ all: 'done' }, ({ context, event }: Args) => [context.count, event.type]),
        // With a bound, endless loops are told of by an error.
        options: fc.constant({ maxIterations: 5 }),
        initial: few.map((actions) => ({ target: 'one', actions })),
      },
      { requiredKeys: ['states'] },
    ),
    rare,
    fc.oneof({ weight: 9, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: wild(ROOT_TARGETS) }),
    fc.constantFrom({}, {}, { route: {} }, { route: { guard: 'isEven', actions: 'note', reenter: true } }),
  )
  .map(([config, more, others, route]) => {
    const isNested = Object.values(config.states).some((each) => 'onDone' in each);
    const states = { ...config.states, two: { id: 'two', ...route, ...config.states.two } };
    const on = { ...config.on, ...others };
    const whole = { initial: 'one', ...config, ...more, on, states, id: 'random' };
    return {
      ...(isNested ? whole : (aimed(whole) as object)),
      context: ({ input }: { input?: { count?: number } }) => ({ count: input?.count ?? 0, fuel: 5 }),
    };
  });

/** The same chart with a state of its own for each target that is not there. */
function aimed(config: unknown): unknown {
  if (WITHIN.includes(config as string)) return '#two';
  if (Array.isArray(config)) return config.map(aimed);
  if (typeof config !== 'object' || config === null) return config;
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, aimed(value)]));
}

const event = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<AnyEventObject>(...EVENTS) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('echo', 'late', 'a.b', 'a.b.c', 'hello', 'up', '').map((type) => ({ type })),
  },
);

export const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 24, arbitrary: event.map((send) => ({ send })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('xstate.done.actor.kid-1', 'xstate.error.actor.kid-1', 'xstate.after.3.random.one', '*')
      .map((type) => ({ send: { type } })),
  },
  { weight: 1, arbitrary: fc.constant({ send: { type: 'xstate.route', to: '#two' } }) },
  { weight: 5, arbitrary: fc.nat(6).map((wait) => ({ wait })) },
  // What is no event at all, which its type does not let anybody send.
  { weight: 1, arbitrary: fc.constant({ send: undefined as unknown as AnyEventObject }) },
  { weight: 2, arbitrary: fc.constant({ persist: true } as const) },
  { weight: 1, arbitrary: fc.constant({ restart: true } as const) },
  { weight: 2, arbitrary: event.map((ask) => ({ ask })) },
);

/** From when to when somebody inspects, by the number of what happens: from before the actor is made on, or never, too. */
export type Watched = readonly [from: number, to: number];

export const ALWAYS: Watched = [-1, Number.POSITIVE_INFINITY];

export const watched: fc.Arbitrary<Watched> = fc.oneof(
  fc.constant(ALWAYS),
  fc.constant([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as const),
  fc.tuple(fc.nat(6), fc.nat(12)),
);

/** At which of the events that it is told of an inspector throws, if at all. */
export const upset: fc.Arbitrary<number> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(0) },
  fc.integer({ min: 1, max: 80 }),
);
