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
    return told(state, event, scope, []);
  }

  #take(edge: Edge, from: State, event: AnyEvent, scope: Scope): State {
    const raised: AnyEvent[] = [];
    const { state, context } = this.#perform(edge.actions, from, from.context, event, scope, raised);
    const leaf = edge.target ?? from;
    const isSame = context === from.context && leaf.value === from.value && state.children === from.children;
    let next = isSame ? from : stateAt(leaf, state, context);
    next = told(next, event, scope, [edge.transition]);
    // What was raised at once is taken in turn, and forgotten once the end has been reached.
    for (const each of raised) {
      if (next.status !== 'active') break;
      next = this.#transition(next, each, scope);
    }
    return next;
  }

  /** The context goes on its own, so that a snapshot need not be made for each change of it. */
  #perform(
    steps: readonly Step[],
    from: State,
    given: object,
    event: AnyEvent,
    scope: Scope,
    raised: AnyEvent[],
  ): { state: State; context: object } {
    const extra = { internalQueue: raised };
    let state = from;
    let context = given;
    for (const { type, params: asked, builtin, exec } of steps) {
      const args = { context, event, self: scope.self, system: scope.system };
      const params = typeof asked === 'function' ? asked({ context, event }) : asked;
      if (builtin === undefined) {
        scope.actionExecutor({ type, info: args, params, exec });
      } else if (builtin.assignment !== undefined) {
        const update = assigned(builtin.assignment, args, params);
        if (update === SPAWNS) {
          [state] = builtin.resolve(scope, { ...state, context }, args, params, builtin, extra);
          context = state.context;
        } else {
          context = Object.assign({}, context, update);
        }
      } else if (builtin.collect !== undefined) {
        const [, , enqueued] = builtin.resolve(scope, { ...state, context }, args, params, builtin, extra);
        const more = (enqueued as (Named | Action)[]).map((action) => stepOf(this, action));
        ({ state, context } = this.#perform(more, state, context, event, scope, raised));
      } else {
        const [after, resolved] = builtin.resolve(scope, state, args, params, builtin, extra);
        state = after;
        if (builtin.execute === undefined) continue;
        scope.actionExecutor({ type, info: args, params: resolved, exec: builtin.execute.bind(null, scope, resolved) });
      }
    }
    return { state, context };
  }
}

/** Tells whoever inspects of a step, as the interpreter does, and returns where it led. */
function told(next: State, event: AnyEvent, scope: Scope, transitions: readonly object[]): State {
  const step = { actorRef: scope.self, event, snapshot: next, _transitions: transitions };
  scope.system._sendInspectionEvent({ type: '@xstate.microstep', ...step });
  return next;
}

function assigned(assignment: Assignment, args: ActionArgs, params: unknown): object | typeof SPAWNS {
  const { context, event, self, system } = args;
  const withSpawn = { context, event, self, system, spawn: refuseToSpawn };
  try {
    if (typeof assignment === 'function') return assignment(withSpawn, params);
    const update: Record<string, unknown> = {};
    for (const key of Object.keys(assignment)) {
      const value = assignment[key];
      update[key] = typeof value === 'function' ? value(withSpawn, params) : value;
    }
    return update;
  } catch (error) {
    if (error === SPAWNS) return SPAWNS;
    throw error;
  }
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
  if (found !== undefined && isBuiltin(found)) return { type: found.type, params, exec: undefined, builtin: found };
  const type = typeof action === 'function' ? action.name || '(anonymous)' : nameOf(action);
  return { type, params, exec: found, builtin: undefined };
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
const SPAWNS = Symbol('spawns');

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
  readonly self: AnyActorRef;
  readonly system: { _sendInspectionEvent(event: object): void };
  actionExecutor(action: { type: string; info: ActionArgs; params: unknown; exec: unknown }): void;
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

type Assigner<Result> = (args: ActionArgs & { spawn: () => never }, params: unknown) => Result;
type Assignment = Assigner<object> | Record<string, unknown>;
