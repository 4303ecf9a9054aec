import type { AnyActorRef } from 'xstate';
import { isWhole } from '../../machines/whole.js';
import { changesOf } from './assignment.js';
import type { Unwatched } from './unwatched.js';

/**
 * Something by its name, for what is looked up with every step. A chart has few states and a state few events: to compare
 * the first of them one by one takes a fraction of what a `Map` does.
 */
export class Names<Value> {
  readonly #names: string[] = [];
  readonly #values: Value[] = [];
  readonly #others = new Map<unknown, Value>();

  set(name: string, value: Value): void {
    const at = this.#names.indexOf(name);
    if (at !== -1) this.#values[at] = value;
    else if (this.#names.length === COMPARED_MAX) this.#others.set(name, value);
    else {
      this.#names.push(name);
      this.#values.push(value);
    }
  }

  get(name: unknown): Value | undefined {
    const names = this.#names;
    for (let at = 0; at < names.length; at++) if (names[at] === name) return this.#values[at];
    return this.#others.size === 0 ? undefined : this.#others.get(name);
  }
}

/** What may happen in one state, by event. */
export class Row {
  readonly #machine: Machine;
  readonly #leaf: StateNode;
  readonly #edges = new Names<Edges>();
  readonly #isWild: boolean;

  constructor(machine: Machine, leaf: StateNode) {
    this.#machine = machine;
    this.#leaf = leaf;
    const types = [leaf, machine.root].flatMap((node) => [...node.transitions.keys()]);
    this.#isWild = types.some(isWildcard);
    for (const type of types) this.#edges.set(type, edgesAt(machine, leaf, type));
  }

  edgesAt(type: string): Edges {
    const known = this.#edges.get(type);
    if (known !== undefined) return known;
    // What is no name is no event, which XState says.
    if (typeof type !== 'string' || isXStatesOwn(type)) return LEFT;
    if (!this.#isWild) return NONE;
    const edges = edgesAt(this.#machine, this.#leaf, type);
    // As XState keeps them.
    this.#edges.set(type, edges);
    return edges;
  }
}

/** In the order in which they are tried; `LEFT` if the interpreter has to. */
export type Edges = readonly Edge[] | typeof LEFT;

export interface Edge {
  /** As XState tells of it. */
  readonly transitions: readonly [TransitionDefinition];
  readonly guard: Check | undefined;
  /** Only what XState brings looks at the state: a guard without parameters is called as it is, with nothing between. */
  readonly needsState: boolean;
  readonly steps: readonly Step[];
  /** Absent if the state is not left. */
  readonly target: Leaf | undefined;
  /** Whether it may raise an event that is taken in the same breath. */
  readonly mayRaise: boolean;
}

/** A state that has no states of its own, as every snapshot in it shows it. */
export interface Leaf {
  readonly value: unknown;
  readonly _nodes: readonly StateNode[];
  readonly tags: ReadonlySet<string>;
}

/** One action. `exec` is the user's own; `builtin` is XState's. */
export interface Step {
  readonly type: string;
  readonly params: Params;
  readonly exec: Action | undefined;
  readonly builtin: Builtin | undefined;
  /** Of an assignment by `assignWhole`: what makes a context. It has no use for `spawn`. */
  readonly whole: ((args: ActionArgs, params: unknown) => object) | undefined;
  /** Of an assignment: what it makes of a context. */
  readonly changes: Assigner<object> | undefined;
  /** Of a `sendTo` that is due at once. */
  readonly sends: Sends | undefined;
}

export interface Sends {
  readonly to: object | ((args: ActionArgs, params: unknown) => unknown);
  readonly event: AnyEvent | ((args: ActionArgs, params: unknown) => AnyEvent);
}

/** Something of a chart that no table has. */
export interface Left {
  /** The key of a state, or the machine's id. */
  readonly state: string;
  /** The event's type, or `'*'` for whatever comes in that state. */
  readonly event: string;
  /** What about it the table does not know. */
  readonly because: string;
}

/** What the interpreter has to do. */
export const LEFT = 'left';

/** By state; a state that is not there is left to the interpreter. */
export function tableOf(machine: Machine): Names<Row> {
  const { root } = machine;
  const table = new Names<Row>();
  if (whyNoTable(machine) !== undefined) return table;
  const leaves = Object.values(root.states).filter((leaf) => whyNoRow(root, leaf) === undefined);
  for (const leaf of leaves) table.set(leaf.key, new Row(machine, leaf));
  return table;
}

function edgesAt(machine: Machine, leaf: StateNode, type: string): Edges {
  if (isXStatesOwn(type)) return LEFT;
  const edges: Edge[] = [];
  for (const transition of [leaf, machine.root].flatMap((node) => transitionsOf(node, type))) {
    const edge = edgeOf(machine, leaf, transition);
    if (typeof edge === 'string') return LEFT;
    edges.push(edge);
  }
  return edges;
}

/** All that the interpreter does, in the order of the chart. */
export function listLeft(machine: Machine): Left[] {
  const { root } = machine;
  const noTable = whyNoTable(machine);
  if (noTable !== undefined) return [{ state: root.key, event: '*', because: noTable }];
  return Object.values(root.states).flatMap((leaf): Left[] => {
    // Nothing happens any more in the one, and the other is no state.
    if (leaf.type === 'final' || leaf.type === 'history') return [];
    const noRow = whyNoRow(root, leaf);
    if (noRow !== undefined) return [{ state: leaf.key, event: '*', because: noRow }];
    const transitions = [...new Set([...leaf.transitions.values(), ...root.transitions.values()])].flat();
    return transitions.flatMap((transition) => {
      const event = transition.eventType;
      // A wildcard is for others, too, whose edge is in the table.
      const isOwn = event !== '*' && isXStatesOwn(event);
      const edge = isOwn ? "an event of XState's own" : edgeOf(machine, leaf, transition);
      return typeof edge === 'string' ? [{ state: leaf.key, event, because: edge }] : [];
    });
  });
}

/** XState gives some of its events a meaning of their own: an error that nobody takes ends the actor. */
function isXStatesOwn(type: string): boolean {
  return type === '*' || (type.startsWith('xstate.') && !type.startsWith('xstate.after.'));
}

function whyNoTable({ root, options }: Machine): string | undefined {
  if (root.type === 'parallel') return 'the machine is parallel';
  if (root.type !== 'compound') return 'the machine has no states';
  // XState counts what an event does by itself, too.
  if (options.maxIterations < 1) return '`maxIterations` below 1';
  return root.always === undefined ? undefined : '`always` of the machine';
}

function whyNoRow(root: StateNode, leaf: StateNode): string | undefined {
  if (leaf.type !== 'atomic') return `the state is ${leaf.type}`;
  // XState enters and leaves them all the same.
  if (Object.keys(leaf.states).length > 0) return 'the state is atomic with states of its own';
  // XState looks for that one by its id, though nothing else does.
  if (leaf.key.startsWith('#')) return 'a name that begins with `#`';
  if (leaf.always !== undefined) return '`always`';
  return [leaf, root].some((node) => [...node.transitions.keys()].some(isOddWildcard))
    ? 'a wildcard that is not the last token'
    : undefined;
}

function isWildcard(descriptor: string): boolean {
  return descriptor.endsWith('*');
}

function isOddWildcard(descriptor: string): boolean {
  return descriptor.slice(0, -1).includes('*');
}

/** Of one node: the exact ones, then those of the longest wildcard first. */
function transitionsOf({ transitions }: StateNode, type: string): readonly TransitionDefinition[] {
  const wild = [...transitions.keys()].filter((descriptor) => descriptor !== type && isWildFor(descriptor, type));
  wild.sort((one, other) => other.length - one.length);
  return [type, ...wild].flatMap((descriptor) => transitions.get(descriptor) ?? []);
}

function isWildFor(descriptor: string, type: string): boolean {
  if (descriptor === '*') return true;
  if (!descriptor.endsWith('.*')) return false;
  return type === descriptor.slice(0, -2) || type.startsWith(descriptor.slice(0, -1));
}

/** @returns Why it is left to the interpreter, if it is. */
function edgeOf(machine: Machine, leaf: StateNode, transition: TransitionDefinition): Edge | string {
  const { root } = machine;
  // XState takes what is falsy for none.
  const asked = transition.guard || undefined;
  const guard = asked === undefined ? undefined : checkOf(machine, asked);
  if (guard === 'unknown') return 'a guard without an implementation of its own';
  const [target, ...more] = transition.target ?? [];
  if (more.length > 0) return 'several targets';
  const isLeft = target !== undefined && (target !== leaf || transition.source !== leaf || transition.reenter);
  if (isLeft) {
    if (target.parent !== root || target.type !== 'atomic') return `a target that is ${kindOf(target, root)}`;
    // XState looks for the state that is named, and refuses what is not there.
    if (target.config.initial) return 'a target that is atomic with an initial state';
    if (transition.source === root && transition.reenter) return 'the machine is entered anew';
    if (target.always !== undefined) return 'a target with `always`';
    if (target.invoke.length > 0) return 'a target that invokes';
    if (leaf.invoke.length > 0) return 'leaving a state that invokes';
  }
  const taken = isLeft ? [...leaf.exit, ...transition.actions, ...target.entry] : transition.actions;
  const steps = stepsOf(machine, taken);
  if (steps === undefined) return 'an action that is none';
  return {
    transitions: [transition],
    guard,
    needsState: asked !== undefined && guardOf(machine, asked)?.check !== undefined,
    steps,
    target: isLeft ? leafAt(root, target) : undefined,
    mayRaise: steps.some(mayRaise),
  };
}

function kindOf(target: StateNode, root: StateNode): string {
  if (target === root) return 'the machine';
  return target.parent === root ? target.type : 'nested';
}

function leafAt(root: StateNode, leaf: StateNode): Leaf {
  return { value: leaf.key, _nodes: [root, leaf], tags: new Set([...root.tags, ...leaf.tags]) };
}

function checkOf(machine: Machine, guard: Named | Guard): Check | 'unknown' {
  const found = guardOf(machine, guard);
  if (typeof found !== 'function') return 'unknown';
  const { check } = found;
  const params = paramsOf(guard);
  if (check !== undefined) {
    return (args, state) => {
      // Nobody is given them, but XState asks for them all the same.
      if (typeof params === 'function') params(args);
      return check(state as State, args, found);
    };
  }
  if (params === undefined) return found;
  return (args) => found(args, typeof params === 'function' ? params(args) : params);
}

function guardOf(machine: Machine, guard: Named | Guard): Guard | undefined {
  return typeof guard === 'function' ? guard : machine.implementations.guards[nameOf(guard)];
}

/** @returns Undefined if one of them is none, which XState says once it comes to it. */
function stepsOf(machine: Machine, actions: readonly (Named | Action)[]): readonly Step[] | undefined {
  try {
    return actions.map((action) => stepOf(machine, action));
  } catch {
    return undefined;
  }
}

/** @throws As XState does, if it is none. */
export function stepOf(machine: Machine, action: Named | Action): Step {
  const found = typeof action === 'function' ? action : machine.implementations.actions[nameOf(action)];
  const params = paramsOf(action);
  if (found && isBuiltin(found)) {
    const { type, assignment } = found;
    const whole = typeof assignment === 'function' && isWhole(found) ? (assignment as Step['whole']) : undefined;
    const changes = whole ?? (assignment === undefined ? undefined : changesOf(assignment));
    return { type, params, exec: undefined, builtin: found, whole, changes, sends: sendsOf(found) };
  }
  const type = typeof action === 'function' ? action.name || '(anonymous)' : nameOf(action);
  return { type, params, exec: found, builtin: undefined, whole: undefined, changes: undefined, sends: undefined };
}

/** They may be made by a method of the object that has them. */
function paramsOf(named: Named | Action | Guard): Params {
  if (typeof named === 'string' || typeof named === 'function' || !('params' in named)) return undefined;
  const { params } = named;
  return typeof params === 'function' ? params.bind(named) : params;
}

/** @returns Undefined for what is sent later or to a name, and what is no `sendTo`. */
function sendsOf({ type, to, event, delay }: Builtin): Sends | undefined {
  if (type !== 'xstate.sendTo' || delay !== undefined || to === undefined || event === undefined) return undefined;
  // XState knows the names, and refuses an event that is one.
  if (typeof to === 'string' || typeof event === 'string') return undefined;
  return { to, event } as Sends;
}

function isBuiltin(action: Action | Builtin): action is Builtin {
  return 'resolve' in action;
}

function mayRaise({ builtin }: Step): boolean {
  if (builtin === undefined) return false;
  return builtin.type === 'xstate.raise' ? typeof builtin.delay !== 'number' : !IS_QUIET.has(builtin.type);
}

function nameOf(named: Named): string {
  return typeof named === 'string' ? named : named.type;
}

/** A dozen names take about as long as a `Map`. */
const COMPARED_MAX = 12;
const NONE: readonly Edge[] = [];
/** They raise nothing, and leave the snapshot as it is but for the context. */
const IS_QUIET: ReadonlySet<string> = new Set([
  'xstate.assign',
  'xstate.sendTo',
  'xstate.emit',
  'xstate.cancel',
  'xstate.log',
]);

// ---------------------------------------------------------------- what is read of XState 5.32 and 5.33

export interface AnyEvent {
  readonly type: string;
}

export interface State extends Leaf {
  readonly status: string;
  readonly output: unknown;
  readonly error: unknown;
  readonly machine: Machine;
  readonly context: object;
  readonly children: object;
  readonly historyValue: object;
  readonly matches: unknown;
  readonly hasTag: unknown;
  readonly can: unknown;
  readonly getMeta: unknown;
  readonly toJSON: unknown;
}

/** Where the scope of an actor of a compiled chart has what it does while nobody inspects. */
export const UNWATCHED: unique symbol = Symbol('pythonarium.unwatched');

export interface Scope {
  /** Absent where effects are only collected, as by XState's `transition()`. */
  [UNWATCHED]?: Unwatched;
  readonly self: AnyActorRef & { readonly _actorScope?: Scope };
  readonly system: System;
  actionExecutor(action: { type: string; info: ActionArgs; params: unknown; exec: unknown }): void;
}

export interface System {
  _sendInspectionEvent(event: object): void;
  _relay(source: AnyActorRef, target: Receiver, event: AnyEvent): void;
  inspect(observer: never): { unsubscribe(): void };
}

/** What is needed of an actor to take events, and states in. */
export interface Inspected extends Receiver {
  readonly system: System;
  readonly logic: { transition(snapshot: Snapshot, event: AnyEvent, scope: Scope): Snapshot };
  readonly observers: ReadonlySet<unknown>;
  readonly _actorScope: Scope;
  mailbox: Mailbox;
  _snapshot: Snapshot;
  /** What it does once it has taken its next state in. */
  readonly _deferred: (() => void)[];
  update(snapshot: Snapshot, event: AnyEvent): void;
  /** Takes one event. */
  _process(event: AnyEvent): void;
  /** Ends by that error. */
  _error(error: unknown): void;
}

interface Snapshot {
  /** Of a machine's. */
  readonly machine?: unknown;
  readonly status: string;
  readonly error?: unknown;
}

/** What an actor is sent comes here. */
export interface Mailbox {
  /** From now on events are taken, one after the other. */
  start(): void;
  /** What waits is dropped. */
  clear(): void;
  enqueue(event: AnyEvent): void;
  /** In XState's: the first that waits. */
  readonly _current?: Waiting | null;
}

interface Waiting {
  readonly value: AnyEvent;
  readonly next: Waiting | null;
}

export interface Receiver {
  _send(event: AnyEvent): void;
}

export type Transition = (state: State, event: AnyEvent, scope: Scope) => State;

export interface Machine {
  readonly config: object;
  readonly options: { readonly maxIterations: number };
  readonly root: StateNode;
  readonly implementations: {
    readonly guards: Record<string, Guard | undefined>;
    readonly actions: Record<string, Action | Builtin | undefined>;
  };
  transition: Transition;
  getInitialSnapshot(scope: Scope, ...more: readonly unknown[]): State;
  restoreSnapshot(persisted: unknown, scope: Scope): State;
  getTransitionData(state: State, event: AnyEvent): readonly TransitionDefinition[];
  provide(implementations: object): Machine;
}

export interface StateNode {
  readonly key: string;
  readonly type: string;
  readonly parent: StateNode | undefined;
  readonly config: { readonly initial?: unknown };
  readonly states: Record<string, StateNode>;
  readonly transitions: ReadonlyMap<string, readonly TransitionDefinition[]>;
  readonly always: unknown;
  readonly invoke: readonly unknown[];
  readonly entry: readonly (Named | Action)[];
  readonly exit: readonly (Named | Action)[];
  readonly tags: readonly string[];
}

export interface TransitionDefinition {
  readonly source: StateNode;
  readonly target: readonly StateNode[] | undefined;
  readonly reenter: boolean;
  readonly eventType: string;
  readonly guard: Named | Guard | undefined;
  readonly actions: readonly (Named | Action)[];
}

type Params = unknown | ((args: GuardArgs) => unknown);
export type Named = string | { readonly type: string; readonly params?: Params };
export type Action = (args: ActionArgs, params: unknown) => void;
type Check = (args: GuardArgs, state: State | undefined) => boolean;

/** `check`: of `and`, `or`, `not` and `stateIn`. */
interface Guard {
  (args: GuardArgs, params?: unknown): boolean;
  readonly check?: (state: State, args: GuardArgs, guard: Guard) => boolean;
}

export interface GuardArgs {
  readonly context: object;
  readonly event: AnyEvent;
}

export interface ActionArgs extends GuardArgs {
  readonly self: AnyActorRef;
  readonly system: object;
}

/** An action that XState brings: it is resolved to what is to be done, and that is then done. */
export interface Builtin {
  readonly type: string;
  readonly assignment?: Assignment;
  readonly delay?: unknown;
  /** Of `sendTo`. */
  readonly to?: unknown;
  readonly event?: unknown;
  /** @returns The snapshot it leads to, what is to be done, and further actions. */
  resolve(
    scope: Scope,
    state: State,
    args: ActionArgs,
    params: unknown,
    action: object,
    extra: Extra,
  ): [State, unknown, (readonly (Named | Action)[])?];
  execute?(scope: Scope, resolved: unknown): void;
}

export interface Extra {
  /** What was raised, to be taken in turn. */
  readonly internalQueue: AnyEvent[];
}

export type Spawn = (...given: readonly unknown[]) => unknown;
export type Assigner<Result> = (args: ActionArgs & { readonly spawn: Spawn }, params: unknown) => Result;
export type Assignment = Assigner<object> | Record<string, unknown>;
