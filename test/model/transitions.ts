/**
 * A chart's transitions, counted one by one: every candidate of every event
 * of every state, timeouts and `always` included.
 */
import type { AnyStateMachine } from 'xstate';

export interface Transition {
  readonly chart: string;
  readonly state: string;
  /** The event's type; `after bootTimeout` for a timeout, `always` for what needs no event. */
  readonly event: string;
  /** Its place among the candidates for this event. */
  readonly index: number;
  readonly guard: string | null;
  /** Where it leads, or null if it stays. */
  readonly target: string | null;
  readonly actions: readonly string[];
}

export function transitionsOf(machine: AnyStateMachine): Transition[] {
  const { states } = machine.config as ChartConfig;
  return Object.entries(states).flatMap(([state, { on, after, always }]) => [
    ...Object.entries(on ?? {}).flatMap(([event, those]) => candidates(machine.id, state, event, those)),
    ...Object.entries(after ?? {}).flatMap(([delay, those]) => candidates(machine.id, state, `after ${delay}`, those)),
    ...candidates(machine.id, state, 'always', always ?? []),
  ]);
}

/** Reads like the chart: `idle --worker.stop[isAsked]--> ending`. */
export function nameOf({ state, event, index, guard, target }: Transition): string {
  const which = guard === null ? (index === 0 ? '' : '[else]') : `[${guard}]`;
  return `${state} --${event}${which}--> ${target ?? state}`;
}

type Candidate = string | { guard?: string; target?: string; actions?: Action | readonly Action[] };
type Candidates = Candidate | readonly Candidate[];
type Action = string | { type: string };
interface StateConfig {
  readonly on?: Record<string, Candidates>;
  readonly after?: Record<string, Candidates>;
  readonly always?: Candidates;
}
interface ChartConfig {
  readonly states: Record<string, StateConfig>;
}

function candidates(chart: string, state: string, event: string, those: Candidates): Transition[] {
  return listed(those).map((candidate, index) => {
    const { guard, target, actions } = typeof candidate === 'string' ? { target: candidate } : candidate;
    const names = listed(actions ?? []).map((action) => (typeof action === 'string' ? action : action.type));
    return { chart, state, event, index, guard: guard ?? null, target: target ?? null, actions: names };
  });
}

function listed<T>(those: T | readonly T[]): readonly T[] {
  return Array.isArray(those) ? those : [those as T];
}
