import { type AnyActorRef, type AnyStateMachine, StateMachine } from 'xstate';

/**
 * The same machine, run from a table that is derived from its chart. In all that can be observed it is the XState
 * machine it was: definition, `provide`, persistence, `xstate/graph`, inspection, the order of effects. What the table
 * does not know is left to XState's interpreter, event by event: nested and parallel states, invoked actors, final
 * states, `always`, wildcards, guards made of guards, actions that raise at once, spawn or stop.
 *
 * It reads internals of XState (the interfaces at the end of this file), as versions 5.32 and 5.33 have them.
 */
export function compile<Machine extends AnyStateMachine>(machine: Machine): Machine {
  return new CompiledMachine(machine.config, machine.implementations) as unknown as Machine;
}

class CompiledMachine extends (StateMachine as unknown as new (config: object, implementations: object) => Base) {
  readonly #interpret: Transition;
  #table: Table | undefined;
  /** Of the system in which this machine ran last. */
  #watch: Watch | undefined;

  constructor(config: object, implementations: object) {
    super(config, implementations);
    // XState binds this method to every machine, so that one in the prototype would never be called.
    this.#interpret = this.transition;
    this.transition = (state, event, scope) => this.#transition(state, event, scope);
  }

  override provide(implementations: object): Base {
    const provided = super.provide(implementations);
    return new CompiledMachine(provided.config, provided.implementations);
  }

  #transition(state: State, event: AnyEvent, scope: Scope): State {
    this.#table ??= tableOf(this);
    const row = this.#table.get(state.value);
    if (row === undefined || state.status !== 'active') return this.#interpret(state, event, scope);
    const edges = row.get(event.type) ?? (event.type.startsWith('xstate.') ? LEFT : NONE);
    if (edges === LEFT) return this.#interpret(state, event, scope);
    for (const edge of edges) {
      let isTaken: boolean;
      try {
        isTaken = edge.guard === undefined || edge.guard({ context: state.context, event });
      } catch {
        // It will throw again, and the interpreter knows how to say so.
        return this.#interpret(state, event, scope);
      }
      if (isTaken) return this.#take(edge, state, event, scope);
    }
    if (this.#isWatched(scope)) tell(state, event, scope, []);
    return state;
  }

  #take(edge: Edge, from: State, event: AnyEvent, scope: Scope): State {
    const isWatched = this.#isWatched(scope);
    const step: Taking = { event, scope, isWatched, state: from, extra: undefined };
    const context = this.#perform(edge.actions, from.context, step);
    const leaf = edge.target ?? from;
    const isSame = context === from.context && leaf.value === from.value && step.state.children === from.children;
    let next = isSame ? from : stateAt(leaf, step.state, context);
    if (isWatched) tell(next, event, scope, [edge.transition]);
    // What was raised at once is taken in turn, and forgotten once the end has been reached.
    for (const each of step.extra?.internalQueue ?? NOTHING) {
      if (next.status !== 'active') break;
      next = this.#transition(next, each, scope);
    }
    return next;
  }

  /** Returns the context, which goes on its own, so that a snapshot need not be made for each change of it. */
  #perform(steps: readonly Step[], given: object, taking: Taking): object {
    const { event, scope } = taking;
    let context = given;
    for (const step of steps) {
      const { type, params: asked, builtin, changes } = step;
      const params = typeof asked === 'function' ? asked({ context, event }) : asked;
      if (changes !== undefined) {
        const args = { context, event, self: scope.self, system: scope.system, spawn: refuseToSpawn };
        const changed = changes(args, params);
        context = changed === SPAWNS ? this.#resolve(step, context, params, taking).state.context : changed;
        continue;
      }
      if (builtin === undefined) {
        const info = { context, event, self: scope.self, system: scope.system };
        scope.actionExecutor({ type, info, params, exec: step.exec });
      } else if (builtin.collect !== undefined) {
        const { enqueued } = this.#resolve(step, context, params, taking);
        const more = (enqueued as (Named | Action)[]).map((action) => stepOf(this, action));
        context = this.#perform(more, context, taking);
      } else if (taking.isWatched || step.sends === undefined || !sent(step.sends, context, params, taking)) {
        const { resolved } = this.#resolve(step, context, params, taking);
        if (builtin.execute === undefined) continue;
        const info = { context, event, self: scope.self, system: scope.system };
        scope.actionExecutor({ type, info, params: resolved, exec: builtin.execute.bind(null, scope, resolved) });
      }
    }
    return context;
  }

  /** Has XState resolve one of its own actions. */
  #resolve(step: Step, context: object, params: unknown, taking: Taking) {
    const { event, scope } = taking;
    const builtin = step.builtin as Builtin;
    taking.extra ??= { internalQueue: [] };
    const args = { context, event, self: scope.self, system: scope.system };
    const now = { ...taking.state, context };
    const [state, resolved, enqueued] = builtin.resolve(scope, now, args, params, builtin, taking.extra);
    taking.state = state;
    return { state, resolved, enqueued };
  }

  #isWatched(scope: Scope): boolean {
    const { system, self } = scope;
    // What is no actor's own has effects of its own, such as `xstate.transition()`, which only collects them.
    if (scope !== self._actorScope) return true;
    if (this.#watch?.system !== system) this.#watch = watchOf(system);
    return this.#watch.isOn;
  }
}

/** One transition as it is taken. */
interface Taking {
  readonly event: AnyEvent;
  readonly scope: Scope;
  /** All that is done is told of. */
  readonly isWatched: boolean;
  /** Where it began, with the children that it has now. */
  state: State;
  /** Made if XState is asked to resolve something. */
  extra: { internalQueue: AnyEvent[] } | undefined;
}

/** Tells whoever inspects of a step, as the interpreter does. */
function tell(next: State, event: AnyEvent, scope: Scope, transitions: readonly object[]): void {
  const step = { actorRef: scope.self, event, snapshot: next, _transitions: transitions };
  scope.system._sendInspectionEvent({ type: '@xstate.microstep', ...step });
}

/** Sends what `sendTo` says, once the transition has been taken. False: XState has to, with all that it knows of targets and errors. */
function sent({ to, event }: Sends, context: object, params: unknown, taking: Taking): boolean {
  const { scope } = taking;
  const { self, system } = scope;
  const args = { context, event: taking.event, self, system };
  const target = typeof to === 'function' ? to(args, params) : to;
  if (!isActor(target)) return false;
  const said = typeof event === 'function' ? event(args, params) : event;
  if (typeof said?.type !== 'string' || said.type === 'xstate.error') return false;
  // Somebody may have begun to inspect meanwhile.
  scope.defer(() => (watchOf(system).isOn ? system._relay(self, target, said) : target._send(said)));
  return true;
}

function isActor(target: unknown): target is Receiver {
  return typeof (target as Receiver | undefined)?._send === 'function';
}

// ---------------------------------------------------------------- who watches

/** Whether anybody inspects a system. */
interface Watch {
  readonly system: System;
  isOn: boolean;
}

/** XState does not say whether it tells anybody, and what nobody is told of need not be made. */
function watchOf(system: System): Watch {
  const known = watches.get(system);
  if (known !== undefined) return known;
  const watch: Watch = { system, isOn: isInspected(system) };
  const { inspect } = system;
  system.inspect = (observer) => {
    const { unsubscribe } = inspect(observer);
    watch.isOn = true;
    return {
      unsubscribe: () => {
        unsubscribe();
        watch.isOn = isInspected(system);
      },
    };
  };
  watches.set(system, watch);
  return watch;
}

/** An event that throws as soon as somebody is to be told of it reaches nobody. */
function isInspected(system: System): boolean {
  try {
    system._sendInspectionEvent(UNTELLABLE);
    return false;
  } catch {
    return true;
  }
}

const watches = new WeakMap<System, Watch>();
const UNTELLABLE = {
  get type(): string {
    throw new Error('Somebody inspects.');
  },
};

// ---------------------------------------------------------------- assignments

/** What an assignment makes of a context. */
function changesBy(assignment: Assignment): Changes {
  const change = typeof assignment === 'function' ? changeAtOnce(assignment) : changeEach(assignment);
  return (args, params) => {
    try {
      return change(args, params);
    } catch (error) {
      if (error === SPAWNS) return SPAWNS;
      throw error;
    }
  };
}

function changeAtOnce(assigner: Assigner<object>): Assigner<object> {
  return (args, params) => {
    const { context } = args;
    const change = assigner(args, params);
    return isWhole(change, context) ? change : { ...context, ...change };
  };
}

/** Whether a change is a new context by itself: it names all that there is, in the same order, so that a copy would be the same. */
function isWhole(change: object, context: object): boolean {
  if (change === context || Object.getPrototypeOf(change) !== Object.prototype) return false;
  const names = Object.keys(context);
  let at = 0;
  for (const name in change) {
    if (name !== names[at]) return false;
    at += 1;
  }
  return at === names.length;
}

/** All see the context as it was before. */
function changeEach(assignment: Record<string, unknown>): Assigner<object> {
  const keys = Object.keys(assignment);
  const valueAt = (key: string, args: SpawnArgs, params: unknown) => {
    const value = assignment[key];
    return typeof value === 'function' ? value(args, params) : value;
  };
  const [only] = keys;
  if (keys.length === 1 && only !== undefined) {
    return (args, params) => {
      const value = valueAt(only, args, params);
      const next: Record<string, unknown> = { ...args.context };
      next[only] = value;
      return next;
    };
  }
  return (args, params) => {
    const values = keys.map((key) => valueAt(key, args, params));
    const next: Record<string, unknown> = { ...args.context };
    for (const [index, key] of keys.entries()) next[key] = values[index];
    return next;
  };
}

/** An assignment that spawns is begun anew by XState, which knows how. */
function refuseToSpawn(): never {
  throw SPAWNS;
}

/** A snapshot of XState's own shape, its keys in XState's order. */
function stateAt({ value, _nodes, tags }: Leaf, from: State, context: object): State {
  return {
    status: from.status,
    output: from.output,
    error: from.error,
    machine: from.machine,
    context,
    _nodes,
    value,
    tags,
    children: from.children,
    historyValue: from.historyValue,
    matches: from.matches,
    hasTag: from.hasTag,
    can: from.can,
    getMeta: from.getMeta,
    toJSON: from.toJSON,
  };
}

// ---------------------------------------------------------------- deriving the table

function tableOf(machine: Base): Table {
  const { root } = machine;
  const leaves = Object.values(root.states);
  const table: Table = new Map();
  if (root.type !== 'compound' || [root, ...leaves].some((node) => node.always !== undefined || hasWildcard(node))) {
    return table;
  }
  for (const leaf of leaves) {
    if (leaf.type !== 'atomic') continue;
    const row: Map<string, readonly Edge[]> = new Map();
    for (const type of new Set([...leaf.transitions.keys(), ...root.transitions.keys()])) {
      const transitions = [leaf, root].flatMap((node) => node.transitions.get(type) ?? []);
      const edges = transitions.map((transition) => edgeOf(machine, leaf, transition));
      // An error that nobody takes ends the actor.
      const isKnown = edges.every((edge) => edge !== undefined) && !type.startsWith('xstate.error.');
      row.set(type, isKnown ? edges : LEFT);
    }
    table.set(leaf.key, row);
  }
  return table;
}

function hasWildcard(node: StateNode): boolean {
  return [...node.transitions.keys()].some((type) => type.endsWith('*'));
}

/** @returns Undefined for what is left to the interpreter. */
function edgeOf(machine: Base, leaf: StateNode, transition: TransitionDefinition): Edge | undefined {
  const { root } = machine;
  const guard = transition.guard === undefined ? undefined : guardOf(machine, transition.guard);
  if (transition.guard !== undefined && guard === undefined) return undefined;
  const targets = transition.target ?? [];
  const target = targets[0];
  const leaves = target !== undefined && (target !== leaf || transition.source !== leaf || transition.reenter);
  if (leaves) {
    const isPlain = targets.length === 1 && target.parent === root && target.type === 'atomic';
    const reentersRoot = transition.source === root && transition.reenter;
    if (!isPlain || reentersRoot || target.invoke.length > 0 || leaf.invoke.length > 0) return undefined;
  }
  const taken = leaves ? [...leaf.exit, ...transition.actions, ...target.entry] : transition.actions;
  const actions = taken.map((action) => actionOf(machine, action));
  if (!actions.every((action) => action !== undefined)) return undefined;
  return { transition, guard, actions, target: leaves ? leafAt(root, target) : undefined };
}

function leafAt(root: StateNode, leaf: StateNode): Leaf {
  return { value: leaf.key, _nodes: [root, leaf], tags: new Set([...root.tags, ...leaf.tags]) };
}

function guardOf(machine: Base, guard: Named | Guard): Edge['guard'] {
  const found = typeof guard === 'function' ? guard : machine.implementations.guards[nameOf(guard)];
  if (typeof found !== 'function' || 'check' in found) return undefined;
  if (typeof guard !== 'object' || guard.params === undefined) return found;
  const { params } = guard;
  return (args) => found(args, typeof params === 'function' ? params(args) : params);
}

function actionOf(machine: Base, action: Named | Action): Step | undefined {
  const step = stepOf(machine, action);
  const { builtin } = step;
  const isKnown = builtin === undefined ? step.exec !== undefined : BUILTINS.has(builtin.type) || isDelayed(builtin);
  return isKnown ? step : undefined;
}

function stepOf(machine: Base, action: Named | Action): Step {
  const found = typeof action === 'function' ? action : machine.implementations.actions[nameOf(action)];
  const params = typeof action === 'object' ? action.params : undefined;
  if (found !== undefined && isBuiltin(found)) {
    const changes = found.assignment === undefined ? undefined : changesBy(found.assignment);
    return { type: found.type, params, exec: undefined, builtin: found, changes, sends: sendsOf(found) };
  }
  const type = typeof action === 'function' ? action.name || '(anonymous)' : nameOf(action);
  return { type, params, exec: found, builtin: undefined, changes: undefined, sends: undefined };
}

/** @returns Undefined for what is sent later, and what is no `sendTo`. */
function sendsOf({ type, to, event, delay }: Builtin): Sends | undefined {
  if (type !== 'xstate.sendTo' || delay !== undefined || to === undefined || event === undefined) return undefined;
  return { to, event } as Sends;
}

function isDelayed({ type, delay }: Builtin): boolean {
  return type === 'xstate.raise' && delay !== undefined;
}

function isBuiltin(action: Action | Builtin): action is Builtin {
  return 'resolve' in action;
}

function nameOf(named: Named): string {
  return typeof named === 'string' ? named : named.type;
}

const BUILTINS: ReadonlySet<string> = new Set([
  'xstate.assign',
  'xstate.sendTo',
  'xstate.emit',
  'xstate.cancel',
  'xstate.log',
  'xstate.enqueueActions',
]);
/** What is left to the interpreter. */
const LEFT: readonly Edge[] = [];
const NONE: readonly Edge[] = [];
const NOTHING: readonly AnyEvent[] = [];
const SPAWNS: unique symbol = Symbol('spawns');

/** By state, then by event: what may happen, in the order in which it is tried. */
type Table = Map<unknown, ReadonlyMap<string, readonly Edge[]>>;

interface Edge {
  readonly transition: TransitionDefinition;
  readonly guard: ((args: { context: object; event: AnyEvent }) => boolean) | undefined;
  readonly actions: readonly Step[];
  /** Absent if the state is not left. */
  readonly target: Leaf | undefined;
}

interface Leaf {
  readonly value: unknown;
  readonly _nodes: readonly StateNode[];
  readonly tags: ReadonlySet<string>;
}

interface Step {
  readonly type: string;
  readonly params: Params;
  readonly exec: Action | undefined;
  readonly builtin: Builtin | undefined;
  /** Of an assignment. */
  readonly changes: Changes | undefined;
  /** Of a `sendTo` that is due at once. */
  readonly sends: Sends | undefined;
}

interface Sends {
  readonly to: object | string | ((args: ActionArgs, params: unknown) => unknown);
  readonly event: AnyEvent | ((args: ActionArgs, params: unknown) => AnyEvent);
}

interface Receiver {
  _send(event: AnyEvent): void;
}

// ---------------------------------------------------------------- what is read of XState

interface AnyEvent {
  readonly type: string;
}

interface State extends Leaf {
  readonly status: string;
  readonly output: unknown;
  readonly error: unknown;
  readonly machine: Base;
  readonly context: object;
  readonly children: object;
  readonly historyValue: object;
  readonly matches: unknown;
  readonly hasTag: unknown;
  readonly can: unknown;
  readonly getMeta: unknown;
  readonly toJSON: unknown;
}

interface Scope {
  readonly self: AnyActorRef & { readonly _actorScope?: Scope };
  readonly system: System;
  defer(effect: () => void): void;
  actionExecutor(action: { type: string; info: ActionArgs; params: unknown; exec: unknown }): void;
}

interface System {
  _sendInspectionEvent(event: object): void;
  _relay(source: AnyActorRef, target: Receiver, event: AnyEvent): void;
  inspect(observer: never): { unsubscribe(): void };
}

type Transition = (state: State, event: AnyEvent, scope: Scope) => State;

interface Base {
  readonly config: object;
  readonly root: StateNode;
  readonly implementations: {
    readonly guards: Record<string, Guard | undefined>;
    readonly actions: Record<string, Action | Builtin | undefined>;
  };
  transition: Transition;
  provide(implementations: object): Base;
}

interface StateNode {
  readonly key: string;
  readonly type: string;
  readonly parent: StateNode | undefined;
  readonly states: Record<string, StateNode>;
  readonly transitions: ReadonlyMap<string, readonly TransitionDefinition[]>;
  readonly always: unknown;
  readonly invoke: readonly unknown[];
  readonly entry: readonly (Named | Action)[];
  readonly exit: readonly (Named | Action)[];
  readonly tags: readonly string[];
}

interface TransitionDefinition {
  readonly source: StateNode;
  readonly target: readonly StateNode[] | undefined;
  readonly reenter: boolean;
  readonly guard: Named | Guard | undefined;
  readonly actions: readonly (Named | Action)[];
}

type Params = unknown | ((args: { context: object; event: AnyEvent }) => unknown);
type Named = string | { readonly type: string; readonly params?: Params };
type Guard = (args: { context: object; event: AnyEvent }, params?: unknown) => boolean;
type Action = (args: ActionArgs, params: unknown) => void;

interface ActionArgs {
  readonly context: object;
  readonly event: AnyEvent;
  readonly self: AnyActorRef;
  readonly system: object;
}

/** An action that XState brings: it is resolved to what is to be done, and that is then done. */
interface Builtin {
  readonly type: string;
  readonly assignment?: Assignment;
  readonly delay?: unknown;
  /** Of `sendTo`. */
  readonly to?: unknown;
  readonly event?: unknown;
  /** Of `enqueueActions`, which resolves to further actions. */
  readonly collect?: unknown;
  resolve(
    scope: Scope,
    state: State,
    args: ActionArgs,
    params: unknown,
    action: Builtin,
    extra: { internalQueue: AnyEvent[] },
  ): [State, unknown, unknown?];
  execute?(scope: Scope, resolved: unknown): void;
}

type SpawnArgs = ActionArgs & { spawn: () => never };
type Assigner<Result> = (args: SpawnArgs, params: unknown) => Result;
type Changes = Assigner<object | typeof SPAWNS>;
type Assignment = Assigner<object> | Record<string, unknown>;
