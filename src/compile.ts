import { type AnyStateMachine, StateMachine } from 'xstate';
import { type Inspection, inspectionOf, quieten } from './inspection.js';
import {
  type ActionArgs,
  type AnyEvent,
  type Assigner,
  type Builtin,
  type Edge,
  type Extra,
  type Inspected,
  LEFT,
  type Left,
  listLeft,
  type Machine,
  type Receiver,
  type Row,
  type Scope,
  type Sends,
  type Spawn,
  type State,
  type Step,
  stepOf,
  type Transition,
  type TransitionDefinition,
  tableOf,
} from './table.js';

export type { Left } from './table.js';

/**
 * The same machine, run from a table that is derived from its chart. In all that can be observed it is the XState
 * machine it was: definition, `provide`, persistence, `@xstate/graph`, inspection, the order of effects. What the
 * table does not know is left to XState's interpreter, event by event; `leftToInterpreter` says what that is.
 *
 * The machine that is given stays as it is. The table is derived at the first event, once for all actors.
 *
 * @returns A machine of the same type, to be used wherever that one is: `createActor`, `actors` of `setup`, `spawn`,
 *   `@xstate/graph`.
 */
export function compile<TMachine extends AnyStateMachine>(machine: TMachine): TMachine {
  return new CompiledMachine(machine.config, machine.implementations) as unknown as TMachine;
}

/**
 * What of a machine its table does not have, compiled or not yet, in the order of the chart: nested and parallel
 * states, `always`, invoked actors that are started or stopped, final states. An empty list means that no event in any
 * of its states needs the interpreter, but for those of XState's own.
 */
export function leftToInterpreter(machine: AnyStateMachine): Left[] {
  return listLeft(machine as unknown as Machine);
}

class CompiledMachine extends (StateMachine as unknown as new (config: object, implementations: object) => Machine) {
  readonly #interpret: Transition;
  #table: Map<unknown, Row> | undefined;
  #handedOver: readonly AnyEvent[] = [];
  /** Of the system in which this machine ran last. */
  #inspection: Inspection | undefined;

  constructor(config: object, implementations: object) {
    super(config, implementations);
    // XState binds this method to every machine, so that one in the prototype would never be called.
    this.#interpret = this.transition;
    this.transition = (state, event, scope) => this.#transition(state, event, scope);
    const { getInitialSnapshot, restoreSnapshot } = this;
    this.getInitialSnapshot = (scope, ...more) => {
      if (isOwn(scope)) quieten(scope.self as unknown as Inspected);
      return getInitialSnapshot(scope, ...more);
    };
    this.restoreSnapshot = (persisted, scope) => {
      if (isOwn(scope)) quieten(scope.self as unknown as Inspected);
      return restoreSnapshot(persisted, scope);
    };
  }

  override provide(implementations: object): Machine {
    const provided = super.provide(implementations);
    return new CompiledMachine(provided.config, provided.implementations);
  }

  override getTransitionData(state: State, event: AnyEvent): readonly TransitionDefinition[] {
    if (event !== HAND_OVER) return super.getTransitionData(state, event);
    const raised = this.#handedOver;
    const resolve: Builtin['resolve'] = (_scope, same, _args, _params, _action, { internalQueue }) => {
      internalQueue.push(...raised);
      return [same, undefined];
    };
    const actions = [Object.assign(() => {}, { resolve })];
    return [{ ...NO_TARGET, source: this.root, actions }];
  }

  #transition(state: State, event: AnyEvent, scope: Scope): State {
    const edge = state.status === 'active' ? this.#edgeFor(state, event) : LEFT;
    if (edge === LEFT) return this.#interpret(state, event, scope);
    if (edge === undefined) return this.#stay(state, event, scope);
    if (!edge.mayRaise) return this.#take(edge, state, event, scope, NOTHING_RAISED);
    const extra: Extra = { internalQueue: [] };
    return this.#goOn(this.#take(edge, state, event, scope, extra), scope, extra);
  }

  /** What was raised is taken in turn, by whoever knows it. */
  #goOn(from: State, scope: Scope, extra: Extra): State {
    const raised = extra.internalQueue;
    let state = from;
    // Whoever bounds the steps has XState count them.
    while (raised.length > 0 && this.options.maxIterations === Number.POSITIVE_INFINITY) {
      const event = raised[0]!;
      const edge = this.#edgeFor(state, event);
      if (edge === LEFT) break;
      raised.shift();
      state = edge === undefined ? this.#stay(state, event, scope) : this.#take(edge, state, event, scope, extra);
    }
    return raised.length === 0 ? state : this.#handOver(state, scope, raised);
  }

  /** The interpreter takes over in the middle of a step, by one of its own that raises what has been raised. */
  #handOver(state: State, scope: Scope, raised: readonly AnyEvent[]): State {
    const { system } = scope;
    const tell = system._sendInspectionEvent;
    // Nobody is told of that step.
    system._sendInspectionEvent = () => {
      system._sendInspectionEvent = tell;
    };
    this.#handedOver = raised;
    try {
      return this.#interpret(state, HAND_OVER, scope);
    } finally {
      system._sendInspectionEvent = tell;
    }
  }

  /** @returns Undefined if nothing happens. */
  #edgeFor(state: State, event: AnyEvent): Edge | undefined | typeof LEFT {
    this.#table ??= tableOf(this);
    const edges = this.#table.get(state.value)?.edgesAt(event.type) ?? LEFT;
    if (edges === LEFT) return LEFT;
    for (const edge of edges) {
      try {
        if (edge.guard === undefined || edge.guard({ context: state.context, event }, state)) return edge;
      } catch {
        // It will throw again, and the interpreter knows how to say so.
        return LEFT;
      }
    }
    return undefined;
  }

  #stay(state: State, event: AnyEvent, scope: Scope): State {
    if (this.#isInspected(scope)) tell(state, event, scope, NONE);
    return state;
  }

  #take(edge: Edge, from: State, event: AnyEvent, scope: Scope, extra: Extra): State {
    const { steps, target, transitions } = edge;
    const isInspected = this.#isInspected(scope);
    const run = new Run(this, from, event, scope, extra, isInspected);
    run.perform(steps);
    const { state, context } = run;
    const leaf = target ?? from;
    const isSame = state === from && context === from.context && leaf.value === from.value;
    const next = isSame
      ? from
      : {
          // A snapshot of XState's own shape, its keys in XState's order.
          status: from.status,
          output: from.output,
          error: from.error,
          machine: from.machine,
          context,
          _nodes: leaf._nodes,
          value: leaf.value,
          tags: leaf.tags,
          children: state.children,
          historyValue: from.historyValue,
          matches: from.matches,
          hasTag: from.hasTag,
          can: from.can,
          getMeta: from.getMeta,
          toJSON: from.toJSON,
        };
    if (isInspected) tell(next, event, scope, transitions);
    return next;
  }

  #isInspected(scope: Scope): boolean {
    const { system } = scope;
    if (!isOwn(scope)) return true;
    if (this.#inspection?.system !== system) this.#inspection = inspectionOf(system);
    return this.#inspection.isOn;
  }
}

/** The actions of one step, each done with what those before it have left. */
class Run {
  readonly #machine: Machine;
  readonly #event: AnyEvent;
  readonly #scope: Scope;
  readonly #extra: Extra;
  /** All that is done is told of. */
  readonly #isInspected: boolean;
  /** As it was, but for the children. */
  state: State;
  /** It goes on its own, so that a snapshot need not be made for each change of it. */
  context: object;

  constructor(machine: Machine, from: State, event: AnyEvent, scope: Scope, extra: Extra, isInspected: boolean) {
    this.#machine = machine;
    this.#event = event;
    this.#scope = scope;
    this.#extra = extra;
    this.#isInspected = isInspected;
    this.state = from;
    this.context = from.context;
  }

  perform(steps: readonly Step[]): void {
    const { self, system } = this.#scope;
    const event = this.#event;
    for (const { type, params: asked, builtin, exec, changes, sends } of steps) {
      const { context } = this;
      const params = typeof asked === 'function' ? asked({ context, event }) : asked;
      if (changes !== undefined) {
        this.context = this.#changed(changes, builtin!, params);
      } else if (builtin === undefined) {
        this.#scope.actionExecutor({ type, info: { context, event, self, system }, params, exec });
      } else if (this.#isInspected || sends === undefined || !this.#send(sends, params)) {
        this.#resolve(builtin, { context, event, self, system }, params);
      }
    }
  }

  #changed(changes: Assigner<object>, builtin: Builtin, params: unknown): object {
    const { self, system } = this.#scope;
    const spawn = (...given: readonly unknown[]) => this.#spawn(given, builtin);
    return changes({ context: this.context, event: this.#event, spawn, self, system }, params);
  }

  /** Once the transition has been taken. False: XState has to, with all that it knows of targets and errors. */
  #send({ to, event }: Sends, params: unknown): boolean {
    const { self, system } = this.#scope;
    const args = { context: this.context, event: this.#event, self, system };
    const target = typeof to === 'function' ? to(args, params) : to;
    if (!isActor(target)) return false;
    const said = typeof event === 'function' ? event(args, params) : event;
    if (typeof said?.type !== 'string' || said.type === 'xstate.error') return false;
    // Somebody may have begun to inspect meanwhile.
    this.#scope.defer(() => (inspectionOf(system).isOn ? system._relay(self, target, said) : target._send(said)));
    return true;
  }

  /** Spawns as XState does, which gives its `spawn` to an assignment only. */
  #spawn(given: readonly unknown[], builtin: Builtin): unknown {
    const { self, system } = this.#scope;
    const args = { context: this.context, event: this.#event, self, system };
    let child: unknown;
    const assignment = ({ spawn }: { spawn: Spawn }) => {
      child = spawn(...given);
      return {};
    };
    [this.state] = builtin.resolve(this.#scope, this.#snapshot(), args, undefined, { assignment }, this.#extra);
    return child;
  }

  #resolve(builtin: Builtin, args: ActionArgs, params: unknown): void {
    const scope = this.#scope;
    const before = this.#snapshot();
    const [after, resolved, more] = builtin.resolve(scope, before, args, params, builtin, this.#extra);
    if (after !== before) {
      this.state = after;
      this.context = after.context;
    }
    if (builtin.execute !== undefined) {
      const exec = builtin.execute.bind(null, scope, resolved);
      scope.actionExecutor({ type: builtin.type, info: args, params: resolved, exec });
    }
    if (more !== undefined) this.perform(more.map((action) => stepOf(this.#machine, action)));
  }

  #snapshot(): State {
    const { state, context } = this;
    return context === state.context ? state : { ...state, context };
  }
}

function isActor(target: unknown): target is Receiver {
  return typeof (target as Receiver | undefined)?._send === 'function';
}

/** What is no actor's own has effects of its own, such as `xstate.transition()`, which only collects them. */
function isOwn(scope: Scope): boolean {
  return scope === scope.self._actorScope;
}

/** Tells whoever inspects of a step, as the interpreter does. */
function tell(snapshot: State, event: AnyEvent, scope: Scope, _transitions: readonly object[]): void {
  scope.system._sendInspectionEvent({
    type: '@xstate.microstep',
    actorRef: scope.self,
    event,
    snapshot,
    _transitions,
  });
}

const NONE: readonly object[] = [];
const NOTHING_RAISED: Extra = { internalQueue: [] };
const HAND_OVER: AnyEvent = { type: 'pythonarium.hand-over' };
const NO_TARGET = { target: undefined, reenter: false, eventType: HAND_OVER.type, guard: undefined };
