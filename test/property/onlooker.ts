import {
  type Actor,
  type AnyActor,
  type AnyActorLogic,
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  createMachine,
  getMicrosteps,
  getNextTransitions,
  type InspectionEvent,
  initialTransition,
  SimulatedClock,
  transition,
} from 'xstate';
import { ALWAYS, EVENTS, type Happening, IMPLEMENTATIONS, seen } from './random-chart.js';

/** All that an onlooker can see of one run, in the order in which it is seen. */
export function traceOf(
  machine: AnyStateMachine,
  happenings: readonly Happening[],
  {
    asChild = false,
    /** Not before it says something. */
    subscribesLate = false,
    input = undefined as object | undefined,
    /** How many events come before it is started. */
    early = 0,
    /** How many times an observer sends something in the middle of what it hears. */
    replies = 0,
    /** At which of the snapshots that it is given an observer stops the actor, if at all. */
    stopsAt = 0,
    onSend = (send: () => void) => send(),
    watched = ALWAYS,
    /** At which of the events that it is told of an inspector throws. */
    upsetBy = 0,
  } = {},
): unknown[] {
  seen.splice(0);
  using _ = hearingUnheard();
  let told = 0;
  const clock = new SimulatedClock();
  const logger = (...given: unknown[]) => seen.push(['log', JSON.stringify(given, named)]);
  const inspect = (event: InspectionEvent) => {
    // Better than a test that never ends.
    if (seen.length > EVENTS_MAX) throw new Error('A random chart goes on for ever.');
    seen.push(inspected(event));
    // Not as an actor is made, which would then not be.
    if (event.type === '@xstate.actor') return;
    told += 1;
    if (told === upsetBy) throw new Error('upset');
  };
  const run = (what: () => void) => {
    try {
      what();
    } catch (error) {
      seen.push(['thrown', String(error)]);
    }
  };
  const [from, to] = watched;
  const observed = from === -1 ? { inspect } : {};
  let watch: { unsubscribe(): void } | undefined;
  let isEndless = false;
  let replied = 0;
  let heard = 0;
  const parent = createActor(PARENT, { clock, logger, ...observed, id: 'parent' });
  run(() => void parent.start());
  const start = (snapshot?: unknown) => {
    const given = { ...(asChild ? { parent } : observed), clock, logger, id: 'actor', input, snapshot };
    const actor: Actor<AnyActorLogic> = createActor(machine as AnyActorLogic, given as never);
    const observer = {
      next: (next: unknown) => {
        seen.push(['next', plain(next)]);
        heard += 1;
        if (heard === stopsAt) run(() => actor.stop());
        if (replied < replies) {
          replied += 1;
          run(() => actor.send(EVENTS[0]!));
        }
        // It cannot be stopped by what an observer throws.
        if (seen.length < EVENTS_MAX || isEndless) return;
        isEndless = true;
        if (asChild) parent.stop();
        else actor.stop();
      },
      error: (error: unknown) => seen.push(['error', String(error)]),
      complete: () => seen.push(['complete']),
    };
    if (subscribesLate) {
      const saying = actor.on('said', () => {
        saying.unsubscribe();
        actor.subscribe(observer);
      });
    } else actor.subscribe(observer);
    actor.on('*', (event) => seen.push(['emitted', event, plain(actor.getSnapshot())]));
    actor.on('all', () => {
      throw new Error('heard all');
    });
    seen.push(['created', plain(actor.getSnapshot())]);
    for (const event of EVENTS.slice(0, early)) run(() => actor.send(event));
    run(() => void actor.start());
    return actor;
  };
  const [first, begun] = initialTransition(machine as AnyActorLogic, input as never);
  seen.push(['initial', plain(first), begun.map(action)]);
  let actor = start();
  for (const [index, happening] of happenings.entries()) {
    if (index === from) watch = actor.system.inspect(inspect);
    if (index === to) watch?.unsubscribe();
    const before = actor.getSnapshot() as AnyMachineSnapshot;
    if ('send' in happening) onSend(() => run(() => actor.send(happening.send)));
    else if ('wait' in happening) onSend(() => run(() => void clock.increment(happening.wait)));
    else if ('restart' in happening) run(() => void actor.stop().start());
    else if (before.status === 'active' || 'persist' in happening) {
      if ('persist' in happening) {
        const persisted = persistedOf(actor);
        seen.push(['persisted', persisted]);
        if (asChild || persisted === undefined) continue;
        run(() => actor.stop());
        actor = start(JSON.parse(persisted));
      } else {
        for (const ask of pureOf(machine, before, happening.ask)) seen.push(ask());
      }
    }
    const after = actor.getSnapshot() as AnyMachineSnapshot;
    seen.push(['then', after === before, Object.keys(after), after.status === 'error' || answers(after)]);
  }
  run(() => parent.stop());
  if (!asChild) run(() => actor.stop());
  const trace = seen.splice(0);
  if (isEndless) throw new Error('A random chart goes on for ever.');
  return trace;
}

const EVENTS_MAX = 5_000;

/** Has errors of which nobody hears be seen; XState throws them by a timer. */
function hearingUnheard(): Disposable {
  const { setTimeout } = globalThis;
  const hear = (what: () => void) => {
    try {
      what();
    } catch (error) {
      seen.push(['unheard', String(error)]);
    }
  };
  Object.assign(globalThis, { setTimeout: hear });
  return { [Symbol.dispose]: () => void Object.assign(globalThis, { setTimeout }) };
}

/** @returns Undefined if it has a child of a logic without a name, of which XState keeps nothing. */
function persistedOf(actor: AnyActor): string | undefined {
  try {
    return JSON.stringify(actor.getPersistedSnapshot(), named);
  } catch {
    return undefined;
  }
}

/** Whoever has started it. */
const PARENT = createMachine({ on: { '*': { actions: ({ event }) => void seen.push(['parent', event.type]) } } });

/** What XState's pure functions say of it. */
function pureOf(machine: AnyStateMachine, snapshot: AnyMachineSnapshot, event: { type: string }) {
  const asked = (what: () => unknown) => () => {
    try {
      return what();
    } catch (error) {
      return ['thrown', String(error)];
    }
  };
  return [
    asked(() => {
      const [next, actions] = transition(machine as AnyActorLogic, snapshot, event as never);
      return ['transition', plain(next), next === snapshot, actions.map(action)];
    }),
    asked(() => {
      const others = machine.provide({ actions: { add: IMPLEMENTATIONS.actions.addKey } } as never);
      const [next, actions] = transition(others as AnyActorLogic, snapshot, event as never);
      return ['by other hands', plain(next), next === snapshot, actions.map(action)];
    }),
    asked(() => ['microsteps', getMicrosteps(machine, snapshot, event).map(([next]) => plain(next))]),
  ];
}

function action({ type, params, exec, info }: { type: string; params: unknown; exec: unknown; info: object }) {
  const { context, event } = info as { context: unknown; event: unknown };
  return [type, JSON.stringify([params, context, event], named), typeof exec, Object.keys(info)];
}

/** What the snapshot says when it is asked. */
function answers(snapshot: AnyMachineSnapshot): unknown[] {
  const can = (event: { type: string }) => {
    try {
      return snapshot.can(event);
    } catch (error) {
      return String(error);
    }
  };
  return [
    EVENTS.map(can),
    snapshot.hasTag('x'),
    snapshot.matches('one'),
    JSON.stringify(snapshot.getMeta()),
    JSON.stringify(snapshot, named),
    getNextTransitions(snapshot).length,
    snapshot._nodes.map(({ id }) => id),
    JSON.stringify(snapshot.historyValue, (key, value) => (key === '' || Array.isArray(value) ? value : value.id)),
  ];
}

function inspected(event: InspectionEvent): unknown[] {
  const told: unknown[] = [event.type, (event.actorRef as AnyActorRef).id];
  if ('sourceRef' in event) told.push((event.sourceRef as AnyActorRef | undefined)?.id);
  if ('event' in event) told.push(JSON.stringify(event.event, named));
  if ('snapshot' in event) told.push(plain(event.snapshot));
  if ('action' in event) told.push(event.action.type, JSON.stringify(event.action.params, named));
  if ('_transitions' in event) told.push(JSON.stringify(event._transitions), Object.keys(event));
  return told;
}

function plain(snapshot: unknown): unknown {
  const { value, context, status, tags, error, output, children } = snapshot as Record<string, object>;
  return JSON.stringify(
    [value, context, status, tags && [...(tags as Set<string>)], String(error), output, Object.keys(children ?? {})],
    named,
  );
}

/** Actors of no name have another in each run, and errors show nothing of themselves. */
function named(_key: string, value: unknown): unknown {
  if (value instanceof Error) return String(value);
  if (value === null || typeof value !== 'object' || !('xstate$$type' in value)) return value;
  const { id } = value as unknown as AnyActorRef;
  return /^x:\d+$/.test(id) ? 'nameless' : value;
}
