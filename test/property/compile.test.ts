import { readFileSync } from 'node:fs';
import { createTestModel, getAdjacencyMap, getShortestPaths, getSimplePaths } from '@xstate/graph';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Actor,
  type AnyActorRef,
  type AnyEventObject,
  type AnyStateMachine,
  assign,
  createActor,
  createMachine,
  enqueueActions,
  fromCallback,
  type InspectionEvent,
  not,
  raise,
  sendTo,
  setup,
  spawnChild,
} from 'xstate';
import { clientMachine, coordinatorMachine, workerMachine } from '../../machines/index.js';
import { assignWhole, compile, leftToInterpreter } from '../../src/compile.js';
import { CLIENT, COORDINATOR, WORKER } from '../model/charts.js';
import { take } from '../model/take.js';
import { type Walkable, walkAll } from '../model/walk.js';
import { collectGarbage } from '../support/garbage.js';
import { effort } from './effort.js';
import { traceOf } from './onlooker.js';
import { chart, EVENTS, happening, machineOf, upset, watched } from './random-chart.js';

// XState's development build warns of what is sent to an actor that has ended, which some of these do.
beforeAll(() => void vi.spyOn(console, 'warn').mockImplementation(() => {}));
afterAll(() => void vi.restoreAllMocks());

const MACHINES = 8_000;
const TIME_LIMIT_MS = 600_000;

describe('a compiled machine', () => {
  it(`cannot be told from the interpreted one: ${MACHINES} random charts`, { timeout: TIME_LIMIT_MS }, () => {
    using asked = vi.spyOn(nodesOf(machineOf({})), 'next');
    let [machines, events, byTable] = [0, 0, 0];
    const count = (send: () => void) => {
      asked.mockClear();
      send();
      events += 1;
      if (asked.mock.calls.length === 0) byTable += 1;
    };
    const happenings = fc.array(happening, { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(chart, happenings, fc.nat(6), watched, upset, (config, happened, chance, when, upsetBy) => {
        const given = {
          asChild: chance < 2,
          subscribesLate: chance === 1 || chance === 5,
          input: { count: chance },
          watched: when,
          early: chance === 4 ? 2 : 0,
          replies: chance === 3 ? 2 : 0,
          stopsAt: chance === 6 ? 3 : 0,
          upsetBy,
        };
        expect(traceOf(machineOf(config, compile), happened, { ...given, onSend: count })).toEqual(
          traceOf(machineOf(config), happened, given),
        );
        machines += 1;
      }),
      // All of them, however slow the machine.
      { numRuns: effort(MACHINES).numRuns },
    );
    expect(machines).toBe(effort(MACHINES).numRuns);
    // A table that leaves everything to the interpreter would pass as well.
    expect(byTable / events).toBeGreaterThan(0.5);
  });

  it('is walked by @xstate/graph as the interpreted one is', () => {
    fc.assert(
      fc.property(chart, (config) => {
        const machine = machineOf(config);
        expect(adjacencyOf(compile(machine))).toEqual(adjacencyOf(machine));
      }),
      effort(400),
    );
  });

  it('has the paths and the test model of the interpreted one', () => {
    const machine = setup({ actions: { add: assign({ n: ({ context }) => context.n + 1 }) } }).createMachine({
      context: { n: 0 },
      initial: 'a',
      states: {
        a: { on: { go: { target: 'b', actions: 'add' }, stay: {} } },
        b: { on: { go: [{ guard: ({ context }) => context.n < 3, target: 'a' }, { target: 'c' }], stay: 'b' } },
        c: { type: 'final' },
      },
    });
    const pathsOf = (all: ReturnType<typeof getShortestPaths>) =>
      all.map(({ state, weight, steps }) => [state.value, state.context, weight, steps.map((step) => step.event)]);
    const compiled = compile(machine);
    for (const paths of [getShortestPaths, getSimplePaths] as const) {
      expect(pathsOf(paths(compiled) as never)).toEqual(pathsOf(paths(machine) as never));
    }
    const described = (model: typeof machine) =>
      createTestModel(model)
        .getShortestPaths()
        .map(({ description }) => description);
    expect(described(compiled)).toEqual(described(machine));
    expect(described(compiled).length).toBeGreaterThan(1);
  });

  it('has the definition of the interpreted one, and is an XState machine', () => {
    fc.assert(
      fc.property(chart, (config) => {
        const machine = machineOf(config);
        const compiled = compile(machine);
        expect(compiled).toBeInstanceOf(machine.constructor);
        expect(JSON.stringify(compiled.definition)).toBe(JSON.stringify(machine.definition));
      }),
      effort(200),
    );
  });

  it('forgets what was raised once it has come to its end, as the interpreted one does', () => {
    const machine = raisingMachine({
      a: { on: { go: { target: 'b', actions: { type: 'raiseAll', params: ['late', 'late'] } } } },
      b: { on: { late: 'c' } },
      c: { type: 'final' },
    });
    const happenings = [{ send: { type: 'go' } }];
    expect(traceOf(compile(machine), happenings)).toEqual(traceOf(machine, happenings));
  });

  it.each([
    ['by its table', {}, true],
    ['by the interpreter where the table ends', { always: { guard: () => false, target: 'a' } }, false],
    ['by the interpreter that counts the steps', { options: { maxIterations: 9 } }, false],
  ])('takes what was raised in the order in which it was raised: %s', (_, more, isWhole) => {
    const { always, options } = more as { always?: object; options?: object };
    const machine = raisingMachine(
      {
        a: {
          on: {
            go: { actions: { type: 'raiseAll', params: ['one', 'two'] } },
            one: { target: 'b', actions: { type: 'raiseAll', params: ['three', 'unknown', 'four'] } },
          },
        },
        b: { ...(always && { always }), on: { two: { actions: 'note' }, three: { actions: 'note' }, four: 'a' } },
      },
      options,
    );
    const happenings = [{ send: { type: 'go' } }, { send: { type: 'go' } }];
    const trace = traceOf(compile(machine), happenings);
    expect(trace).toEqual(traceOf(machine, happenings));
    const taken = trace.flatMap((each) => {
      const [what, , event] = each as [string, unknown, string];
      return what === '@xstate.microstep' ? [(JSON.parse(event) as AnyEventObject).type] : [];
    });
    expect(taken.filter((type) => !type.startsWith('xstate.')).slice(-6)).toEqual([
      ...['go', 'one', 'two', 'three', 'unknown', 'four'],
    ]);
    const asked = vi.spyOn(nodesOf(machine), 'next');
    createActor(compile(machine)).start().send({ type: 'go' });
    expect(asked.mock.calls.length === 0).toBe(isWhole);
    asked.mockRestore();
  });

  it.each<[string, unknown[]]>([
    ['sent', [5]],
    ['raised', ['go', 'late']],
  ])('does with an event without a name that is %s what the interpreted one does', (_, types) => {
    const machine = raisingMachine({
      a: { on: { go: { actions: { type: 'raiseAll', params: [5, 'late'] } }, late: 'b' } },
      b: { on: { late: 'a' } },
    });
    const happenings = types.map((type) => ({ send: { type: type as string } }));
    expect(traceOf(compile(machine), happenings)).toEqual(traceOf(machine, happenings));
  });

  it.each<[string, string, object]>([
    ['several targets', 'go', { a: { on: { go: { target: ['a', 'b'] } } }, b: {} }],
    [
      'a target that is atomic with an initial state',
      'go',
      { a: { on: { go: 'b' } }, b: { initial: 'c', states: {} } },
    ],
    [
      'the state is atomic with states of its own',
      '*',
      { a: { type: 'atomic', states: { past: { type: 'history' } }, on: { go: 'b' } }, b: {} },
    ],
  ])('leaves to the interpreter, whatever comes of it: %s', (because, event, states) => {
    const machine = raisingMachine(states);
    const happenings = [{ send: { type: 'go' } }];
    expect(leftToInterpreter(machine)).toEqual([{ state: 'a', event, because }]);
    expect(traceOf(compile(machine), happenings)).toEqual(traceOf(machine, happenings));
  });

  it('looks for a state whose name begins with # by its id, as the interpreted one does', () => {
    const machine = raisingMachine({
      a: { on: { go: '#b', other: '#known' } },
      '#a': { id: 'b', on: { go: 'a' } },
      '#known': { id: 'known', on: { go: 'a' } },
    });
    for (const first of ['go', 'other']) {
      const happenings = [first, 'go'].map((type) => ({ send: { type } }));
      expect(traceOf(compile(machine), happenings)).toEqual(traceOf(machine, happenings));
    }
    const because = 'a name that begins with `#`';
    expect(leftToInterpreter(machine)).toEqual(['#a', '#known'].map((state) => ({ state, event: '*', because })));
  });

  it('gives a child that it starts what the actions before have made of the context', () => {
    const inputs: unknown[] = [];
    const machine = setup({
      types: {} as { context: { n: number }; children: { kid: 'kid' } },
      actors: { kid: fromCallback(({ input }) => void inputs.push(input)) },
      actions: {
        start: enqueueActions(({ enqueue }) => {
          enqueue.assign({ n: 1 });
          enqueue.spawnChild('kid', {
            id: 'kid',
            input: (({ context }: { context: { n: number } }) => context.n) as never,
          });
        }),
      },
    }).createMachine({ context: { n: 0 }, initial: 'a', states: { a: { on: { go: { actions: 'start' } } } } });
    createActor(compile(machine)).start().send({ type: 'go' });
    expect(inputs).toEqual([1]);
  });

  it('has no child that was spawned once the assignment was over, as the interpreted one has not', () => {
    const inputs: unknown[] = [];
    const kid = fromCallback(({ input }) => void inputs.push(input));
    const input = ({ context }: { context: { n: number } }) => context.n;
    let later = (_src: string, _options: object): void => {};
    const keep = assign((({ spawn }: { spawn: typeof later }) => {
      later = spawn;
      return { n: 1 };
    }) as never);
    const actions = [keep, () => later('kid', { id: 'kid', input })];
    const machine = createMachine(
      { context: { n: 0 }, initial: 'a', states: { a: { on: { go: { actions } } } } } as never,
      { actors: { kid } } as never,
    ) as AnyStateMachine;
    for (const each of [machine, compile(machine)]) {
      const actor = createActor(each).start();
      actor.send({ type: 'go' });
      // What begins nevertheless is given what the assignment was given.
      expect([inputs.splice(0), Object.keys(actor.getSnapshot().children)]).toEqual([[0], []]);
    }
  });

  it.each([
    ['begins', false, ['one']],
    ['ceases', true, ['one']],
    // XState has said nothing in that step by then.
    ['ceases at its beginning', true, []],
  ])('says all that is to be said where somebody %s to look in the middle of a step', (_, before, first) => {
    const heard: string[] = [];
    let turn = (_isOn: boolean) => {};
    const say = (type: string) => ({ type: 'say' as const, params: { type } });
    const machine = setup({
      actors: { kid: fromCallback(({ receive }) => receive(({ type }) => void heard.push(type))) },
      actions: {
        say: sendTo(
          ({ system }) => system.get('kid'),
          (_args, { type }: { type: string }) => ({ type }),
        ),
        turn: () => turn(!before),
      },
    }).createMachine({
      invoke: { src: 'kid', systemId: 'kid' },
      initial: 'a',
      states: {
        a: {
          on: {
            go: {
              target: 'b',
              actions: [...first.map(say), 'turn' as const, say('two')],
            },
          },
        },
        b: { on: { go: { target: 'a', actions: say('three') } } },
      },
    });
    const actor = createActor(compile(machine));
    let watch: { unsubscribe(): void } | undefined;
    turn = (isOn) => {
      if (isOn) watch ??= actor.system.inspect(() => {});
      else watch?.unsubscribe();
    };
    actor.start();
    turn(before);
    actor.send({ type: 'go' });
    expect(heard.splice(0)).toEqual([...first, 'two']);
    actor.send({ type: 'go' });
    expect([heard, actor.getSnapshot().value]).toEqual([['three'], 'a']);
  });

  it('tells whoever begins to look in the middle of a step of all that follows in it', () => {
    let look = () => {};
    const tellSelf = sendTo((({ self }: { self: unknown }) => self) as never, { type: 'echo' } as never);
    const machine = createMachine({
      initial: 'a',
      states: { a: { on: { go: { target: 'b', actions: [() => look(), 'note', tellSelf] } } }, b: {} },
    } as never) as AnyStateMachine;
    const [interpreted, compiled] = [machine, compile(machine)].map((each) => {
      const told: unknown[] = [];
      const actor = createActor(each).start();
      look = () => {
        actor.system.inspect((event: InspectionEvent) => {
          const { type, action } = event as { type: string; action?: { type: string } };
          told.push([type, action?.type]);
        });
      };
      actor.send({ type: 'go' });
      return told;
    });
    expect(compiled).toEqual(interpreted);
    expect(compiled).toContainEqual(['@xstate.action', 'xstate.sendTo']);
    expect(compiled).toContainEqual(['@xstate.microstep', undefined]);
  });

  it('tells whoever looks of all actors, though another copy of this library has compiled some of them', async () => {
    const other = await secondCopy();
    const child = createMachine({ initial: 'a', states: { a: { on: { go: 'b' } }, b: {} } });
    const parent = createMachine({
      initial: 'a',
      states: {
        a: {
          entry: spawnChild(other.compile(child), { id: 'child' }),
          on: { go: { actions: sendTo('child', { type: 'go' }) } },
        },
      },
    });
    const actor = createActor(compile(parent)).start();
    const told: unknown[] = [];
    const watch = actor.system.inspect(({ type, actorRef }: InspectionEvent) => {
      if (type === '@xstate.microstep') told.push(actorRef === actor ? 'parent' : 'child');
    });
    actor.send({ type: 'go' });
    watch.unsubscribe();
    actor.send({ type: 'go' });
    expect(told).toEqual(['parent', 'child']);
  });

  it('knows an assignWhole of another copy of this library as its own', async () => {
    const other = await secondCopy();
    const whole = { n: 1 };
    const machine = createMachine({
      context: { n: 0 },
      initial: 'a',
      states: { a: { on: { go: { actions: other.assignWhole(() => whole) } } } },
    });
    const actor = createActor(compile(machine)).start();
    actor.send({ type: 'go' });
    expect(actor.getSnapshot().context).toBe(whole);
  });

  it.each<[string, unknown]>([
    ['an actor', createActor(fromCallback(() => {})).start()],
    ['nobody', undefined],
  ])('asks once what is to be sent and then to whom: %s', (_, whom) => {
    const asked: string[] = [];
    const say = sendTo(
      () => {
        asked.push('whom');
        return whom as never;
      },
      () => {
        asked.push('what');
        return { type: 'said' } as never;
      },
    );
    const machine = setup({ actions: { say } }).createMachine({
      initial: 'a',
      states: { a: { on: { go: { actions: 'say' } } } },
    });
    for (const each of [machine, compile(machine)]) {
      createActor(each).start().send({ type: 'go' });
      expect(asked.splice(0)).toEqual(['what', 'whom']);
    }
  });

  it.each<[string, object]>([
    ['a guard that is null', { guard: null }],
    ['an action that is false', { actions: ['note', false] }],
    ['an action that is null', { actions: ['note', null] }],
    ['an assignment of nothing', { actions: ['note', assign(null as never)] }],
    ['an action that is enqueued and null', { actions: 'enqueueNull' }],
    ['an action that is enqueued and false', { actions: 'enqueueFalse' }],
    ['an implementation that is false', { actions: 'muted' }],
    ['an implementation that is null', { actions: 'absent' }],
    ['an implementation that is a name', { actions: 'named' }],
  ])('takes %s for what the interpreted one takes it for, once it comes to it', (_, odd) => {
    const enqueueing = (action: unknown) =>
      enqueueActions((({ enqueue }: { enqueue(action: unknown): void }) => {
        enqueue('note');
        enqueue(action);
      }) as never);
    const config = {
      initial: 'a',
      states: { a: { on: { odd: { target: 'b', ...odd }, go: 'b' } }, b: { on: { go: 'a' } } },
    };
    const enqueued = { enqueueNull: enqueueing(null), enqueueFalse: enqueueing(false) };
    const implementations = { actions: { ...enqueued, muted: false, absent: null, named: 'note' } };
    const machine = createMachine(config as never, implementations as never) as AnyStateMachine;
    const happenings = ['go', 'go', 'odd', 'go'].map((type) => ({ send: { type } }));
    expect(leftToInterpreter(machine).length).toBeLessThanOrEqual(1);
    expect(traceOf(compile(machine), happenings)).toEqual(traceOf(machine, happenings));
  });

  it('calls what a chart is made of as the interpreter does: with the same `this`, and as much is passed', () => {
    const heard: unknown[][] = [];
    function hear(this: unknown, ...passed: unknown[]): boolean {
      heard.push([typeof this, passed.length, typeof passed[1]]);
      return true;
    }
    const given = { type: 'hear', params: hear } as never;
    const machine = createMachine({
      context: { count: 0 },
      initial: 'a',
      states: {
        a: {
          on: {
            go: { guard: hear, actions: [hear, assign(hear as never)] },
            other: { guard: not(hear as never) },
            given: { guard: given, actions: given },
          },
        },
      },
    }).provide({ guards: { hear } } as never);
    const [interpreted, compiled] = [machine, compile(machine)].map((each) => {
      const actor = createActor(each).start();
      for (const type of ['go', 'given', 'other']) actor.send({ type });
      return heard.splice(0);
    });
    expect(compiled).toEqual(interpreted);
    expect(compiled).toHaveLength(7);
  });

  it('asks for the params of a guard that is made of others, though nobody is given them, as XState does', () => {
    const params = () => {
      throw new Error('no params');
    };
    const on = { go: { guard: { type: 'isOther', params }, target: 'b' } };
    const machine = createMachine(
      { initial: 'a', states: { a: { on }, b: {} } } as never,
      { guards: { isOther: not((() => false) as never) } } as never,
    ) as AnyStateMachine;
    const happenings = [{ send: { type: 'go' } }];
    expect(leftToInterpreter(machine)).toEqual([]);
    expect(traceOf(compile(machine), happenings)).toEqual(traceOf(machine, happenings));
  });

  it('keeps nothing for events that no state knows', () => {
    const machine = compile(createMachine({ initial: 'a', states: { a: { on: { go: {} } } } }));
    const get = vi.spyOn(Map.prototype, 'set');
    const actor = createActor(machine).start();
    actor.send({ type: 'go' });
    get.mockClear();
    actor.send({ type: 'never heard of' });
    const kept = get.mock.calls.map(([key]) => key);
    get.mockRestore();
    expect(kept).toEqual([]);
  });

  it.each([
    ['somebody observes', true],
    ['nobody observes', false],
  ])(
    'keeps nothing of what it has taken, said and raised where %s it, as the interpreted one does not',
    async (_, isObserved) => {
      const made: WeakRef<object>[] = [];
      const make = (type: string) => {
        const event = { type };
        made.push(new WeakRef(event));
        return event;
      };
      const sink = createActor(fromCallback(() => {})).start();
      const actions = [
        sendTo(sink, (() => make('said')) as never),
        ({ self }: { self: AnyActorRef }) => self.send(make('sent')),
        raise((() => make('raised')) as never),
      ];
      const machine = createMachine({
        initial: 'a',
        states: { a: { on: { go: { actions }, raised: 'b' } }, b: { always: { guard: () => false, target: 'a' } } },
      } as never) as AnyStateMachine;
      for (const each of [machine, compile(machine)]) {
        const actor = createActor(each);
        if (isObserved) actor.subscribe(() => {});
        actor.start().send({ type: 'go' });
        await new Promise(setImmediate);
        collectGarbage();
        expect(made.splice(0).map((event) => event.deref())).toEqual([undefined, undefined, undefined]);
        expect(actor.getSnapshot().value).toBe('b');
      }
    },
  );

  it('imports nothing but XState, so that whoever compiles a chart needs no pool', () => {
    const [followed, others] = [new Set<string>(), new Set<string>()];
    const follow = (file: URL) => {
      if (followed.has(file.href)) return;
      followed.add(file.href);
      for (const [, from = ''] of readFileSync(file, 'utf8').matchAll(/ from '(.+)';$/gm)) {
        if (from.startsWith('.')) follow(new URL(from.replace(/js$/, 'ts'), file));
        else others.add(from);
      }
    };
    follow(new URL('../../src/compile.ts', import.meta.url));
    expect([...others]).toEqual(['xstate']);
  });

  it.each<[string, (inner: AnyStateMachine, heard: unknown[]) => object]>([
    [
      'begins it anew in the middle of a step',
      (inner) => ({
        transition: (...[snapshot, event, scope]: Step) =>
          event.type === 'again' ? inner.getInitialSnapshot(scope) : inner.transition(snapshot, event, scope),
      }),
    ],
    [
      'begins it in the middle of a step only',
      (inner) => ({
        getInitialSnapshot: () => ({ status: 'active', children: {} }),
        transition: (...[snapshot, event, scope]: Step) =>
          'value' in snapshot ? inner.transition(snapshot, event, scope) : inner.getInitialSnapshot(scope),
      }),
    ],
    [
      'has it take an event before it is started',
      (inner) => ({
        getInitialSnapshot: (scope: Step[2]) =>
          inner.transition(inner.getInitialSnapshot(scope), { type: 'go' }, scope),
      }),
    ],
    [
      'has a hand in its effects',
      (inner, heard) => ({
        transition: (...[snapshot, event, scope]: Step) => {
          const actionExecutor: Step[2]['actionExecutor'] = (action) => {
            heard.push(action.type);
            scope.actionExecutor(action);
          };
          return inner.transition(snapshot, event, { ...scope, actionExecutor });
        },
      }),
    ],
    [
      'has a hand in its effects by the same scope',
      (inner, heard) => ({
        transition: (...[snapshot, event, scope]: Step) => {
          const { actionExecutor } = scope;
          scope.actionExecutor = (action) => {
            heard.push(action.type);
            actionExecutor(action);
          };
          try {
            return inner.transition(snapshot, event, scope);
          } finally {
            scope.actionExecutor = actionExecutor;
          }
        },
      }),
    ],
  ])('does within a logic that %s what the interpreted one does there', (_, around) => {
    const heard: unknown[] = [];
    const sink = createActor(fromCallback(({ receive }) => receive(({ type }) => void heard.push(type)))).start();
    const actions = [sendTo(sink, { type: 'said' } as never), () => void heard.push('noted')];
    const machine = createMachine({
      initial: 'a',
      states: { a: { on: { go: { target: 'b', actions } } }, b: { on: { go: 'a' } } },
    } as never) as AnyStateMachine;
    const [interpreted, compiled] = [machine, compile(machine)].map((inner) => {
      const actor = createActor({ ...inner, ...around(inner, heard) } as unknown as AnyStateMachine).start();
      for (const type of ['go', 'again', 'go', 'go']) {
        actor.send({ type });
        heard.push(actor.getSnapshot().value);
      }
      return heard.splice(0);
    });
    expect(compiled).toEqual(interpreted);
    expect(compiled).toContain('said');
  });

  it('leaves its effects to whoever has put a transition in the place of its own, as the interpreted one does', () => {
    const heard: unknown[] = [];
    const sink = createActor(fromCallback(({ receive }) => receive(({ type }) => void heard.push(type)))).start();
    const actions = [sendTo(sink, { type: 'said' } as never), () => void heard.push('noted')];
    const machine = createMachine({
      initial: 'a',
      states: { a: { on: { go: { target: 'b', actions } } }, b: {} },
    } as never) as AnyStateMachine;
    const [interpreted, compiled] = [machine, compile(machine)].map((each) => {
      const { transition } = each;
      each.transition = (snapshot, event, scope) => {
        const { actionExecutor } = scope;
        scope.actionExecutor = (action) => {
          heard.push(action.type);
          actionExecutor(action);
        };
        try {
          return transition(snapshot, event, scope);
        } finally {
          scope.actionExecutor = actionExecutor;
        }
      };
      createActor(each).start().send({ type: 'go' });
      return heard.splice(0);
    });
    expect(compiled).toEqual(interpreted);
    expect(compiled).toEqual(['xstate.sendTo', '(anonymous)', 'noted', 'said']);
  });

  it.each<[string, (machine: AnyStateMachine, send: (actor: unknown) => void) => Actor<AnyStateMachine>]>([
    [
      'whoever inspects',
      (machine, send) => {
        const inspect = ({ type, actorRef }: InspectionEvent) => {
          if (type === '@xstate.actor') send(actorRef);
        };
        return createActor(machine, { inspect } as never);
      },
    ],
    [
      'a logic around its own',
      (machine, send) => {
        const getInitialSnapshot = (scope: Step[2]) => {
          send(scope.self);
          return machine.getInitialSnapshot(scope);
        };
        return createActor({ ...machine, getInitialSnapshot } as unknown as AnyStateMachine);
      },
    ],
  ])('takes what %s has sent as the actor was made, as the interpreted one does', (_, make) => {
    const machine = createMachine({
      initial: 'a',
      states: { a: { on: { go: 'b' } }, b: { on: { more: 'c' } }, c: {} },
    }) as AnyStateMachine;
    for (const each of [machine, compile(machine)]) {
      const actor = make(each, (made) => {
        for (const type of ['go', 'more']) (made as AnyActorRef).send({ type });
      });
      expect(actor.start().getSnapshot().value).toBe('c');
    }
  });

  it.each([
    ['at its first snapshot', [], true, ['a', 'b']],
    ['at its first snapshot, with something sent before it started', ['go', 'more'], true, ['a', 'b']],
    ['before it has started, and is started', ['go', 'more'], false, ['a', 'b', 'b', 'c']],
  ])('takes, if it is stopped %s, what of that the interpreted one does', (_, before, isStopped, expected) => {
    const machine = createMachine({
      initial: 'a',
      states: {
        a: {
          entry: ({ self }: { self: { send(event: object): void } }) => {
            for (const type of ['go', 'more']) self.send({ type });
          },
          on: { go: 'b' },
        },
        b: { on: { more: 'c' } },
        c: {},
      },
    } as never) as AnyStateMachine;
    for (const each of [machine, compile(machine)]) {
      const values: unknown[] = [];
      const actor = createActor(each);
      actor.subscribe(({ value }) => {
        values.push(value);
        if (isStopped) actor.stop();
      });
      for (const type of before) actor.send({ type });
      if (!isStopped) actor.stop();
      actor.start();
      expect(values).toEqual(expected);
    }
  });

  it('takes no event where no step is allowed, as the interpreted one does not', () => {
    const machine = createMachine({
      initial: 'a',
      options: { maxIterations: 0 },
      states: { a: { on: { go: 'b' } }, b: {} },
    }) as AnyStateMachine;
    for (const each of [machine, compile(machine)]) {
      const snapshot = each.resolveState({ value: 'a', context: {} });
      expect(() => take(each, snapshot as never, { type: 'go' })).toThrow('more than 0 microsteps');
    }
  });

  it('makes a snapshot without effects for whoever has no actor, as the interpreted one does', () => {
    const machine = createMachine({ initial: 'a', states: { a: {} } });
    for (const each of [machine, compile(machine)]) {
      const snapshot = each.getInitialSnapshot({} as never);
      const persisted = each.getPersistedSnapshot(snapshot);
      expect([snapshot.value, each.restoreSnapshot(persisted as never, undefined as never).value]).toEqual(['a', 'a']);
    }
  });

  it('assigns to no context that is not there, as the interpreted one does not', () => {
    const machine = createMachine({
      initial: 'a',
      states: { a: { on: { go: { actions: assign({ n: 1 } as never) } } } },
    } as never) as AnyStateMachine;
    const snapshot = { status: 'active', value: 'a', children: {}, historyValue: {} } as never;
    const [interpreted, compiled] = [machine, compile(machine)].map((each) => {
      const errors: string[] = [];
      const actor = createActor(each, { snapshot });
      actor.subscribe({ error: (error) => void errors.push(String(error)) });
      actor.start().send({ type: 'go' });
      return errors;
    });
    expect(compiled).toEqual(interpreted);
    expect(compiled).toHaveLength(1);
  });

  it.each<[string, object]>([
    ['nobody', {}],
    ['somebody', { inspect: () => {} }],
  ])('makes a snapshot of an assignment that gives back the context it began with, while %s looks', (_, options) => {
    const first = { count: 0 };
    const actions = [assignWhole((() => ({ count: 1 })) as never), assignWhole((() => first) as never)];
    const machine = createMachine({
      context: first,
      initial: 'a',
      states: { a: { on: { go: { actions } } } },
    } as never) as AnyStateMachine;
    for (const each of [machine, compile(machine)]) {
      const actor = createActor(each, options as never).start();
      const before = actor.getSnapshot();
      actor.send({ type: 'go' });
      const after = actor.getSnapshot();
      expect([after === before, after.context === first, after.context]).toEqual([false, false, first]);
    }
  });

  it('takes what a function returns for all of a context by assignWhole, and not where assign has it, too', () => {
    const count = (({ context }: { context: { n: number } }) => ({ n: context.n + 1 })) as never;
    assignWhole(count);
    const machine = createMachine({
      context: { n: 0, name: 'kept' },
      initial: 'a',
      states: { a: { on: { go: { actions: assign(count) } } } },
    } as never) as AnyStateMachine;
    for (const each of [machine, compile(machine)]) {
      const actor = createActor(each).start();
      actor.send({ type: 'go' });
      expect(actor.getSnapshot().context).toEqual({ n: 1, name: 'kept' });
    }
  });

  it('has a snapshot go on as the machine says that has made it, as the interpreted one does', () => {
    const signsAs = (name: string) => ({ actions: { sign: assign({ by: name } as never) } });
    const machine = createMachine({
      context: { by: 'nobody' },
      initial: 'a',
      states: { a: { on: { go: { actions: 'sign' } } } },
    }).provide(signsAs('its own') as never) as AnyStateMachine;
    const compiled = compile(machine);
    for (const asked of [machine, compiled]) {
      const others = asked.provide(signsAs('another') as never);
      for (const made of [machine, compiled]) {
        const snapshot = made.resolveState({ value: 'a', context: { by: 'nobody' } });
        const { context } = take(others, snapshot as never, { type: 'go' }).snapshot as { context: unknown };
        expect(context).toEqual({ by: 'its own' });
      }
    }
  });

  it('goes by the implementations that are put in the place of its own, as hooks for React do', () => {
    const machine = createMachine({ initial: 'a', states: { a: { on: { go: { actions: 'act' } } } } });
    for (const each of [machine, compile(machine)]) {
      const done: string[] = [];
      const byHandsOf = (name: string) => each.provide({ actions: { act: () => done.push(name) } } as never);
      const actor = createActor(byHandsOf('first')).start();
      actor.send({ type: 'go' });
      Object.assign(actor.logic, { implementations: byHandsOf('second').implementations });
      actor.send({ type: 'go' });
      expect(done).toEqual(['first', 'second']);
    }
  });

  it('says what it has to say after it was stopped and started from where it was, as hooks for React do', () => {
    const heard: string[] = [];
    const sink = createActor(fromCallback(({ receive }) => receive(({ type }) => void heard.push(type)))).start();
    const machine = createMachine({
      initial: 'a',
      states: { a: { on: { go: { actions: sendTo(sink, { type: 'said' } as never) } } } },
    } as never) as AnyStateMachine;
    for (const each of [machine, compile(machine)]) {
      const actor = createActor(each).start();
      const snapshot = actor.getSnapshot();
      actor.stop();
      Object.assign(actor, { _processingStatus: 0, _snapshot: snapshot });
      actor.start().send({ type: 'go' });
      expect(heard.splice(0)).toEqual(['said']);
    }
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

describe('leftToInterpreter', () => {
  it('says of each part of a chart that no table has what about it is unknown', () => {
    const machine = setup({ actors: { kid: fromCallback(() => {}) }, guards: { known: () => true } }).createMachine({
      id: 'm',
      initial: 'a',
      on: { again: { target: '.a', reenter: true }, 'xstate.error.actor.kid': '.a' },
      states: {
        a: {
          on: {
            known: { guard: 'known', target: 'a', reenter: true, actions: () => {} },
            any: { guard: 'nobody knows' as never },
            end: 'end',
            deep: '#deep',
            whole: '#m',
            invoke: 'invokes',
            eventless: 'eventless',
            'wild.*': {},
            '*': { actions: () => {} },
          },
          after: { 1: {} },
        },
        invokes: { invoke: { src: 'kid', onDone: 'a' }, on: { stay: {}, leave: 'a' } },
        eventless: { always: { guard: () => false, target: 'a' } },
        nested: { initial: 'deep', states: { deep: { id: 'deep' } } },
        parallel: { type: 'parallel', states: { one: {} } },
        odd: { id: 'odd', route: {}, on: { 'a.*.b': {} } },
        hist: { type: 'history' },
        end: { type: 'final' },
      },
    });
    const left = leftToInterpreter(machine);
    expect(leftToInterpreter(compile(machine))).toEqual(left);
    const ofMachine = ['again', 'xstate.error.actor.kid', 'xstate.route'];
    const ofAll = left.filter(({ event }) => !ofMachine.includes(event));
    expect(ofAll.map(({ state, event, because }) => `${state} ${event}: ${because}`)).toEqual([
      'a any: a guard without an implementation of its own',
      'a end: a target that is final',
      'a deep: a target that is nested',
      'a whole: a target that is the machine',
      'a invoke: a target that invokes',
      'a eventless: a target with `always`',
      'invokes leave: leaving a state that invokes',
      "invokes xstate.done.actor.0.m.invokes: an event of XState's own",
      'eventless *: `always`',
      'nested *: the state is compound',
      'parallel *: the state is parallel',
      'odd *: a wildcard that is not the last token',
    ]);
    expect(left).toContainEqual({ state: 'a', event: 'again', because: 'the machine is entered anew' });
    for (const event of ['xstate.error.actor.kid', 'xstate.route']) {
      expect(left).toContainEqual({ state: 'a', event, because: "an event of XState's own" });
    }
  });

  it.each([
    [{ type: 'parallel', states: { a: {} } }, 'the machine is parallel'],
    [{ on: { go: {} } }, 'the machine has no states'],
    [{ initial: 'a', always: { guard: () => false }, states: { a: {} } }, '`always` of the machine'],
    [{ initial: 'a', options: { maxIterations: 0 }, states: { a: {} } }, '`maxIterations` below 1'],
  ])('says why there is no table at all: %j', (config, because) => {
    const machine = createMachine({ id: 'm', ...config } as never) as AnyStateMachine;
    expect(leftToInterpreter(machine)).toEqual([{ state: 'm', event: '*', because }]);
  });

  it('leaves out nothing: whatever the interpreter is asked for is in the list', () => {
    fc.assert(
      fc.property(chart, fc.constantFrom(...EVENTS), (config, event) => {
        const machine = machineOf(config);
        const left = leftToInterpreter(machine);
        const compiled = compile(machine);
        for (const { key, type } of Object.values(machine.states)) {
          const isListed = left.some(
            ({ state, event: of }) => [key, machine.id].includes(state) && covers(of, event.type),
          );
          if (type !== 'atomic') continue;
          const snapshot = machine.resolveState({ value: key, context: { count: 3, fuel: 3 } });
          try {
            machine.getTransitionData(snapshot, event);
          } catch {
            // A guard that throws is the interpreter's too.
            continue;
          }
          if (!isListed) expect(isByTable(compiled, snapshot, event), `${key} ${event.type}`).toBe(true);
        }
      }),
      effort(300),
    );
  });
});

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
    expect(leftToInterpreter(machine)).toEqual([]);
    for (const { event, from, transition } of edgesOf()) {
      if (transition !== null) expect(isByTable(compiled, from, event), transition).toBe(true);
    }
  });
});

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

/** A machine of these states, the first of them `a`, whose action `raiseAll` raises the events of its params. */
function raisingMachine(states: object, options: object = {}): AnyStateMachine {
  const raiseAll = enqueueActions((({ enqueue }: { enqueue: { raise(event: object): void } }, types: string[]) => {
    for (const type of types) enqueue.raise({ type });
  }) as never);
  const config = { initial: 'a', context: { count: 0 }, options, states };
  return createMachine(config as never, { actions: { raiseAll, note: () => {} } } as never) as AnyStateMachine;
}

/** Whether an event of that type is among those that are spoken of. */
function covers(descriptor: string, type: string): boolean {
  if (descriptor === '*') return true;
  const prefix = descriptor.replace(/\*$/, '');
  return descriptor.endsWith('.*') ? `${type}.`.startsWith(prefix) : descriptor === type;
}

/** The interpreter asks the chart's nodes what is next; the table does not. */
function isByTable(compiled: AnyStateMachine, snapshot: unknown, event: AnyEventObject): boolean {
  using asked = vi.spyOn(nodesOf(compiled), 'next');
  try {
    take(compiled, compiled.resolveState(snapshot as never) as never, event);
  } catch {
    // What it does is another test's.
  }
  return !asked.mock.calls.some(([, of]) => of === event);
}

/** The library once more, as a program has it that comes by two versions of it. */
function secondCopy(): Promise<typeof import('../../src/compile.js')> {
  vi.resetModules();
  return import('../../src/compile.js');
}

/** What all nodes of all charts are. */
function nodesOf(machine: AnyStateMachine) {
  return Object.getPrototypeOf(machine.root) as { next: (snapshot: unknown, event: unknown) => unknown };
}

/** What a logic is asked for with each event. */
type Step = Parameters<AnyStateMachine['transition']>;
