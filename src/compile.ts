import { type AnyStateMachine, StateMachine } from 'xstate';
import { inspectionOf } from './chart/inspection.js';
import {
  type ActionArgs,
  type AnyEvent,
  type Assigner,
  type Builtin,
  type Edge,
  type Extra,
  type GuardArgs,
  type Inspected,
  LEFT,
  type Left,
  listLeft,
  type Machine,
  Names,
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
  UNWATCHED,
} from './chart/table.js';
import { Unwatched } from './chart/unwatched.js';

export { assignWhole } from '../machines/whole.js';
export type { Left } from './chart/table.js';

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
  return compiled(machine.config, machine.implementations) as unknown as TMachine;
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
  #table = new Names<Row>();
  /** Of these is the table. The hooks for React put others in their place at each rendering. */
  #known: Machine['implementations'] | undefined;
  #handedOver: AnyEvent[] = [];

  constructor(config: object, implementations: object) {
    super(config, implementations);
    // XState binds this method to every machine, so that one in the prototype would never be called.
    this.#interpret = this.transition;
    this.transition = (state, event, scope) => this.#transition(state, event, scope);
    const { getInitialSnapshot, restoreSnapshot, transition } = this;
    this.getInitialSnapshot = (scope, ...more) => {
      enter(scope, transition);
      return getInitialSnapshot(scope, ...more);
    };
    this.restoreSnapshot = (persisted, scope) => {
      enter(scope, transition);
      return restoreSnapshot(persisted, scope);
    };
  }

  override provide(implementations: object): Machine {
    const provided = super.provide(implementations);
    return compiled(provided.config, provided.implementations);
  }

  override getTransitionData(state: State, event: AnyEvent): readonly TransitionDefinition[] {
    if (event !== HAND_OVER) return super.getTransitionData(state, event);
    const raised = this.#handedOver;
    const resolve: Builtin['resolve'] = (_scope, same, _args, _params, _action, { internalQueue }) => {
      internalQueue.push(...raised.splice(0));
      return [same, undefined];
    };
    const actions = [Object.assign(() => {}, { resolve })];
    return [{ ...NO_TARGET, source: this.root, actions }];
  }

  #transition(state: State, event: AnyEvent, scope: Scope): State {
    const edge = this.#knows(state) ? this.#edgeFor(state, event) : LEFT;
    if (edge === LEFT) return this.#interpret(state, event, scope);
    if (edge === undefined) return this.#stay(state, event, scope);
    if (!edge.mayRaise) return this.#take(edge, state, event, scope, NOTHING_RAISED);
    const extra: Extra = { internalQueue: [] };
    return this.#goOn(this.#take(edge, state, event, scope, extra), scope, extra);
  }

  /** XState has a snapshot go on as the machine says that has made it, and assigns to no context that is not there. */
  #knows({ machine, status, context }: State): boolean {
    return machine === this && status === 'active' && Boolean(context);
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
  #handOver(state: State, scope: Scope, raised: AnyEvent[]): State {
    const { system } = scope;
    const tell = system._sendInspectionEvent;
    // Nobody is told of that step.
    const untoldOnce = () => {
      system._sendInspectionEvent = tell;
    };
    system._sendInspectionEvent = untoldOnce;
    this.#handedOver = raised;
    try {
      return this.#interpret(state, HAND_OVER, scope);
    } finally {
      // Somebody may have begun to look, or ceased to, in what followed.
      if (system._sendInspectionEvent === untoldOnce) system._sendInspectionEvent = tell;
    }
  }

  #derive(): void {
    this.#known = this.implementations;
    this.#table = tableOf(this);
  }

  /** @returns Undefined if nothing happens. */
  #edgeFor(state: State, event: AnyEvent): Edge | undefined | typeof LEFT {
    if (this.#known !== this.implementations) this.#derive();
    const edges = this.#table.get(state.value)?.edgesAt(event.type) ?? LEFT;
    if (edges === LEFT) return LEFT;
    let args: GuardArgs | undefined;
    for (const edge of edges) {
      try {
        const { guard, needsState } = edge;
        if (guard === undefined) return edge;
        args ??= { context: state.context, event };
        if (guard(args, needsState ? state : undefined)) return edge;
      } catch {
        // It will throw again, and the interpreter knows how to say so.
        return LEFT;
      }
    }
    return undefined;
  }

  #stay(state: State, event: AnyEvent, scope: Scope): State {
    if (unwatchedOf(scope) === undefined) tell(state, event, scope, NONE);
    return state;
  }

  #take(edge: Edge, from: State, event: AnyEvent, scope: Scope, extra: Extra): State {
    const { steps, target, transitions } = edge;
    const { self, system } = scope;
    let { context } = from;
    // Most steps make a context, or say something, or do something of the user's: no more is made for them than that takes.
    let args: ActionArgs | undefined;
    let run: Run | undefined;
    for (let at = 0; at < steps.length; at++) {
      const step = steps[at]!;
      const { params: asked, whole, sends } = step;
      const unwatched = unwatchedOf(scope);
      if (unwatched === undefined || (step.builtin !== undefined && whole === undefined && sends === undefined)) {
        run = new Run(this, from, context, event, scope, extra);
        run.perform(steps.slice(at));
        break;
      }
      const params = typeof asked === 'function' ? asked({ context, event }) : asked;
      args ??= { context, event, self, system };
      if (whole !== undefined) {
        context = anew(whole(args, params), from.context);
        args = undefined;
      } else if (sends === undefined) {
        scope.actionExecutor({ type: step.type, info: args, params, exec: step.exec });
      } else {
        const left = send(step.builtin!, sends, args, params, unwatched);
        if (left === undefined) continue;
        run = new Run(this, from, context, event, scope, extra);
        run.resolve(left, args, params);
        run.perform(steps.slice(at + 1));
        break;
      }
    }
    if (run !== undefined) context = run.context;
    const state = run?.state ?? from;
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
    if (unwatchedOf(scope) === undefined) tell(next, event, scope, transitions);
    return next;
  }
}

/** Made outside of the class: esbuild would rename one that names itself. */
function compiled(config: object, implementations: object): Machine {
  return new CompiledMachine(config, implementations);
}

/** The actions of one step, each done with what those before it have left. */
class Run {
  readonly #machine: Machine;
  readonly #event: AnyEvent;
  readonly #scope: Scope;
  readonly #extra: Extra;
  /** The context of before the step. */
  readonly #before: object;
  /** As it was, but for the children. */
  state: State;
  /** It goes on its own, so that a snapshot need not be made for each change of it. */
  context: object;

  constructor(machine: Machine, from: State, context: object, event: AnyEvent, scope: Scope, extra: Extra) {
    this.#machine = machine;
    this.#event = event;
    this.#scope = scope;
    this.#extra = extra;
    this.#before = from.context;
    this.state = from;
    this.context = context;
  }

  perform(steps: readonly Step[]): void {
    for (const step of steps) this.#do(step);
  }

  #do(step: Step): void {
    const { self, system } = this.#scope;
    const event = this.#event;
    const { context } = this;
    const { type, params: asked, changes, builtin, exec, sends } = step;
    const params = typeof asked === 'function' ? asked({ context, event }) : asked;
    if (changes !== undefined) {
      this.context = anew(this.#changed(changes, builtin!, params), this.#before);
      return;
    }
    const args = { context, event, self, system };
    if (builtin === undefined) return this.#scope.actionExecutor({ type, info: args, params, exec });
    const unwatched = unwatchedOf(this.#scope);
    const left = unwatched && sends ? send(builtin, sends, args, params, unwatched) : builtin;
    if (left !== undefined) this.resolve(left, args, params);
  }

  #changed(changes: Assigner<object>, builtin: Builtin, params: unknown): object {
    const { self, system } = this.#scope;
    const { context } = this;
    const spawn = (...given: readonly unknown[]) => this.#spawn(given, builtin, context);
    return changes({ context, event: this.#event, spawn, self, system }, params);
  }

  /** Spawns as XState does, which gives its `spawn` to an assignment only, and knows no child of one that is over. */
  #spawn(given: readonly unknown[], builtin: Builtin, context: object): unknown {
    const { self, system } = this.#scope;
    const args = { context, event: this.#event, self, system };
    let child: unknown;
    const assignment = ({ spawn }: { spawn: Spawn }) => {
      child = spawn(...given);
      return {};
    };
    const before = { ...this.state, context };
    const [after] = builtin.resolve(this.#scope, before, args, undefined, { assignment }, this.#extra);
    if (this.context === context) this.state = after;
    return child;
  }

  /** Does what XState brings, as XState does it. */
  resolve(builtin: Builtin, args: ActionArgs, params: unknown): void {
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
    for (const action of more ?? []) this.#do(stepOf(this.#machine, action));
  }

  #snapshot(): State {
    const { state, context } = this;
    return context === state.context ? state : { ...state, context };
  }
}

/** XState makes another context with each assignment, and so another snapshot, though the one of before is assigned. */
function anew(context: object, before: object): object {
  return context === before ? { ...context } : context;
}

/**
 * Says something once the transition has been taken.
 *
 * @returns What XState has to do instead, with all that it knows of targets and errors; nothing is asked for again.
 */
function send(
  builtin: Builtin,
  { to, event }: Sends,
  args: ActionArgs,
  params: unknown,
  unwatched: Unwatched,
): Builtin | undefined {
  const said = typeof event === 'function' ? event(args, params) : event;
  const target = typeof to === 'function' ? to(args, params) : to;
  const type = said?.type;
  if (!isActor(target) || typeof type !== 'string' || type === 'xstate.error') {
    return { ...builtin, to: () => target, event: () => said };
  }
  unwatched.say(target, said);
  return undefined;
}

function isActor(target: unknown): target is Receiver {
  return typeof (target as Receiver | undefined)?._send === 'function';
}

/**
 * @returns Undefined if anybody is to be told: whoever looks, and may begin to or cease to in the middle of a step, and
 *   whoever takes a step by a scope that is not the actor's, or apart from its events.
 */
function unwatchedOf(scope: Scope): Unwatched | undefined {
  const unwatched = scope[UNWATCHED];
  return unwatched?.takes(scope) ? unwatched : undefined;
}

/** An actor is made. A logic around this one may begin it later, too, and whoever has no actor may have no scope. */
function enter(scope: Scope | undefined, transition: Transition): void {
  const actor = scope?.self as unknown as Inspected | undefined;
  if (scope === undefined || actor?._actorScope !== scope || actor._snapshot !== undefined) return;
  scope[UNWATCHED] ??= new Unwatched(actor, inspectionOf(scope.system), transition);
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
