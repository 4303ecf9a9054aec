import { getAdjacencyMap } from '@xstate/graph';
import type { AnyEventObject, AnyStateMachine, InputFrom, SnapshotFrom } from 'xstate';
import { begin, inertRef, type Taken, take } from './take.js';
import { nameOf, type Transition, transitionsOf } from './transitions.js';

/** A chart, and what is needed to walk all of it. */
export interface Walkable<TMachine extends AnyStateMachine> {
  readonly machine: TMachine;
  readonly input: InputFrom<TMachine>;
  /** The events to try in a state; its timeouts are added. */
  readonly events: (snapshot: SnapshotFrom<TMachine>) => readonly AnyEventObject[];
  /** Tells two snapshots apart as far as it matters. */
  readonly key: (snapshot: SnapshotFrom<TMachine>) => string;
}

/** One step of the walk, with all that it did. */
export interface Edge<TSnapshot> extends Taken<TSnapshot> {
  readonly from: TSnapshot;
  readonly event: AnyEventObject;
  /** Which transition it took; null if none. */
  readonly transition: string | null;
}

/** Every edge between the states that can be reached, found by `@xstate/graph`. */
export function walkAll<TMachine extends AnyStateMachine>(
  walkable: Walkable<TMachine>,
): Edge<SnapshotFrom<TMachine>>[] {
  const { machine, input, events, key } = walkable;
  const map = getAdjacencyMap(machine, {
    input,
    // A list of events would take the place of the timeouts, which the library tries by itself only without one.
    events: ((snapshot: SnapshotFrom<TMachine>) => [...events(snapshot), ...timeouts(machine, snapshot)]) as never,
    serializeState: ((snapshot: SnapshotFrom<TMachine>) => key(snapshot)) as never,
    serializeEvent: ((event: AnyEventObject) => JSON.stringify(event)) as never,
    limit: STATES_MAX,
  });
  return Object.values(map).flatMap(({ state, transitions }) => {
    const from = state as SnapshotFrom<TMachine>;
    return Object.values(transitions as Record<string, { event: AnyEventObject }>).map(({ event }) =>
      edgeFrom(machine, from, event),
    );
  });
}

/** The edges of several walks, one after the other. */
export function edgesOf<TMachine extends AnyStateMachine>(
  walks: readonly Walkable<TMachine>[],
): Edge<SnapshotFrom<TMachine>>[] {
  return walks.flatMap((each) => walkAll(each));
}

export function edgeFrom<TMachine extends AnyStateMachine>(
  machine: TMachine,
  from: SnapshotFrom<TMachine>,
  event: AnyEventObject,
): Edge<SnapshotFrom<TMachine>> {
  return { from, event, transition: transitionTaken(machine, from, event), ...take(machine, from, event) };
}

/** The state a chart begins in, and what that does. */
export function beginning<TMachine extends AnyStateMachine>({ machine, input }: Walkable<TMachine>) {
  return begin(machine, input, inertRef(machine.id));
}

export function timeouts(machine: AnyStateMachine, snapshot: { value: unknown }): AnyEventObject[] {
  const { on } = machine.states[snapshot.value as string]!;
  return Object.keys(on).flatMap((type) => (type.startsWith('xstate.after.') ? [{ type }] : []));
}

/** As a transition has it: `after bootTimeout` for a timeout. */
export function eventName({ type }: AnyEventObject): string {
  const timeout = /^xstate\.after\.(\w+)\./.exec(type)?.[1];
  return timeout === undefined ? type : `after ${timeout}`;
}

/** What of a chart has been taken, and each guard both ways. */
export class Coverage {
  readonly #machine: AnyStateMachine;
  readonly #states = new Set<string>();
  readonly #taken = new Set<string>();
  readonly #passed = new Set<string>();
  readonly #failed = new Set<string>();

  constructor(machine: AnyStateMachine, initial: { value: unknown }) {
    this.#machine = machine;
    this.#states.add(initial.value as string);
  }

  add({ from, event, snapshot }: Edge<{ value: unknown; context: unknown }>): void {
    this.#states.add(from.value as string).add(snapshot.value as string);
    const tried = candidatesFor(this.#machine, from, event);
    const chosen = tried.findIndex(({ passes }) => passes);
    for (const [index, { transition, passes }] of tried.entries()) {
      if (chosen !== -1 && index > chosen) break;
      if (transition.guard !== null) (passes ? this.#passed : this.#failed).add(nameOf(transition));
      if (index === chosen) this.#taken.add(nameOf(transition));
    }
    // `always` is taken on the way, wherever its state is entered and left at once.
    if (chosen === -1) return;
    for (const transition of transitionsOf(this.#machine).filter((each) => each.event === 'always')) {
      if ((tried[chosen]!.transition.target ?? from.value) !== transition.state) continue;
      (snapshot.value === transition.target ? this.#passed : this.#failed).add(nameOf(transition));
      if (snapshot.value === transition.target) {
        this.#states.add(transition.state);
        this.#taken.add(nameOf(transition));
      }
    }
  }

  /** One line of the table. */
  report(): string {
    const { states, transitions, guarded } = this.#whole();
    const guards = guarded.filter((name) => this.#passed.has(name) && this.#failed.has(name)).length;
    return [
      this.#machine.id.padEnd(12),
      `states ${this.#states.size}/${states.length}`.padEnd(15),
      `transitions ${this.#taken.size}/${transitions.length}`.padEnd(20),
      `guards both ways ${guards}/${guarded.length}`,
    ].join(' ');
  }

  missing(): string[] {
    const { states, transitions, guarded } = this.#whole();
    return [
      ...states.filter((state) => !this.#states.has(state)),
      ...transitions.filter((name) => !this.#taken.has(name)),
      ...guarded.filter((name) => !this.#passed.has(name)).map((name) => `${name}, its guard true`),
      ...guarded.filter((name) => !this.#failed.has(name)).map((name) => `${name}, its guard false`),
    ];
  }

  #whole() {
    const all = transitionsOf(this.#machine);
    return {
      states: Object.keys(this.#machine.states),
      transitions: all.map(nameOf),
      guarded: all.filter(({ guard }) => guard !== null).map(nameOf),
    };
  }
}

function transitionTaken(machine: AnyStateMachine, from: { value: unknown; context: unknown }, event: AnyEventObject) {
  const taken = candidatesFor(machine, from, event).find(({ passes }) => passes);
  return taken ? nameOf(taken.transition) : null;
}

/** The candidates of this event in this state, in order, each with what its guard says. */
function candidatesFor(machine: AnyStateMachine, from: { value: unknown; context: unknown }, event: AnyEventObject) {
  const named = eventName(event);
  return transitionsOf(machine)
    .filter((each) => each.state === from.value && each.event === named)
    .map((transition: Transition) => ({
      transition,
      passes: transition.guard === null || guardOf(machine, transition.guard)({ context: from.context, event }),
    }));
}

function guardOf(machine: AnyStateMachine, name: string): (args: { context: unknown; event: unknown }) => boolean {
  return machine.implementations.guards[name] as never;
}

/** Far more than any chart has; a chart that counts without bound is caught here. */
const STATES_MAX = 200_000;
