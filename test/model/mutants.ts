import { type AnyStateMachine, createMachine, not } from 'xstate';

/** A chart with one thing changed. */
export interface Mutant {
  readonly kind: 'transition taken out' | 'guard negated' | 'target swapped' | 'action dropped';
  /** Where, and what: `idle --worker.stop[isAsked]--> ending: askToStop dropped`. */
  readonly name: string;
  /** Where the change is: a state, and of that an event, `after bootTimeout`, `always`, or `entry`. */
  readonly state: string;
  readonly event: string;
  readonly machine: AnyStateMachine;
}

/**
 * Every mutant of a chart that leaves out one transition, negates one guard, leads one transition to another state, or
 * drops one action of a transition, of an entry or of the beginning: what it sends, does or remembers.
 */
export function mutantsOf(machine: AnyStateMachine): Mutant[] {
  const config = machine.config as unknown as ChartConfig;
  const states = Object.keys(config.states);
  const mutants: Mutant[] = [];
  const made = (changed: ChartConfig) => createMachine(changed as never, machine.implementations as never);
  for (const [at, action] of listed(config.entry ?? []).entries()) {
    const mutant = made({ ...config, entry: without(listed(config.entry ?? []), at) });
    const name = `begun: ${nameOf(action)} dropped`;
    mutants.push({ kind: 'action dropped', name, state: config.initial, event: 'entry', machine: mutant });
  }
  for (const [state, node] of Object.entries(config.states)) {
    const add = (kind: Mutant['kind'], name: string, event: string, changed: StateConfig) => {
      const mutant = made({ ...config, states: { ...config.states, [state]: changed } });
      mutants.push({ kind, name, state, event, machine: mutant });
    };
    for (const [at, action] of listed(node.entry ?? []).entries()) {
      const entry = without(listed(node.entry ?? []), at);
      add('action dropped', `${state}, entered: ${nameOf(action)} dropped`, 'entry', { ...node, entry });
    }
    for (const { event, candidates, replaced } of eventsOf(node)) {
      for (const [at, told] of candidates.entries()) {
        const candidate: Branch = typeof told === 'string' ? { target: told } : told;
        const { guard, target } = candidate;
        const actions = listed(candidate.actions ?? []);
        const which = guard === undefined ? (at === 0 ? '' : '[else]') : `[${nameOf(guard)}]`;
        const name = `${state} --${event}${which}--> ${target ?? state}`;
        const put = (branch: Branch) => replaced(candidates.map((each, index) => (index === at ? branch : each)));
        add('transition taken out', `${name}: taken out`, event, replaced(without(candidates, at)));
        if (guard !== undefined) {
          const negated = put({ ...candidate, guard: not(guard as never) as never });
          add('guard negated', `${name}: guard negated`, event, negated);
        }
        if (target !== undefined) {
          const plain = target.replace(/^\./, '');
          const other = states[(states.indexOf(plain) + 1) % states.length] as string;
          add('target swapped', `${name}: to ${other} instead`, event, put({ ...candidate, target: other }));
        }
        for (const [index, action] of actions.entries()) {
          const left = { ...candidate, actions: without(actions, index) };
          add('action dropped', `${name}: ${nameOf(action)} dropped`, event, put(left));
        }
      }
    }
  }
  return mutants;
}

/** A chart with nothing changed. */
export function copyOf(machine: AnyStateMachine): AnyStateMachine {
  return createMachine(machine.config as never, machine.implementations as never);
}

interface EventOfState {
  readonly event: string;
  readonly candidates: readonly Candidate[];
  readonly replaced: (candidates: readonly Candidate[]) => StateConfig;
}

function eventsOf(node: StateConfig): EventOfState[] {
  return [
    ...Object.entries(node.on ?? {}).map(([event, those]) => ({
      event,
      candidates: listed(those),
      replaced: (candidates: readonly Candidate[]) => ({ ...node, on: { ...node.on, [event]: candidates } }),
    })),
    ...Object.entries(node.after ?? {}).map(([delay, those]) => ({
      event: `after ${delay}`,
      candidates: listed(those),
      replaced: (candidates: readonly Candidate[]) => ({ ...node, after: { ...node.after, [delay]: candidates } }),
    })),
    {
      event: 'always',
      candidates: listed(node.always ?? []),
      replaced: (candidates: readonly Candidate[]) => ({ ...node, always: candidates }),
    },
  ];
}

type Named = string | { readonly type: string };
interface Branch {
  readonly guard?: Named;
  readonly target?: string;
  readonly actions?: Named | readonly Named[];
}
type Candidate = string | Branch;
interface StateConfig {
  readonly entry?: Named | readonly Named[];
  readonly on?: Record<string, Candidate | readonly Candidate[]>;
  readonly after?: Record<string, Candidate | readonly Candidate[]>;
  readonly always?: Candidate | readonly Candidate[];
}
interface ChartConfig {
  readonly initial: string;
  readonly entry?: Named | readonly Named[];
  readonly states: Record<string, StateConfig>;
}

function nameOf(named: Named): string {
  return typeof named === 'string' ? named : named.type;
}

function without<T>(items: readonly T[], at: number): T[] {
  return items.filter((_, index) => index !== at);
}

function listed<T>(those: T | readonly T[]): readonly T[] {
  return Array.isArray(those) ? those : [those as T];
}
