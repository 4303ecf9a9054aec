import { expect } from 'vitest';
import type { AnyEventObject, AnyStateMachine, SnapshotFrom } from 'xstate';
import type { Waiter } from '../../machines/index.js';
import type { Mutant } from './mutants.js';
import { begin, type Effect, inertRef, type Said, take } from './take.js';
import { nameOf, transitionsOf } from './transitions.js';
import type { UNHEARD } from './unheard.js';
import { type Edge, eventName, type Walkable } from './walk.js';

/** What a chart promises, written so that the chart and its mutants can be held against it step by step. */
export interface Table<TMachine extends AnyStateMachine> {
  readonly chart: keyof typeof UNHEARD;
  /** The chart, and what it takes to walk all of it; begun in several ways where one does not lead everywhere. */
  readonly walks: readonly [Walkable<TMachine>, ...Walkable<TMachine>[]];
  /** The effects of its beginning. */
  readonly begins?: readonly string[];
  /** By transition. */
  readonly promises: Readonly<Record<string, Promised>>;
  /** What holds in every step: each throws where it does not. */
  readonly rules: Readonly<Record<string, (edge: Edge<SnapshotFrom<TMachine>>) => void>>;
}

/** What a transition promises: in words, the effects that run, and what is said to whom. */
export interface Promised {
  readonly promise: string;
  readonly runs?: readonly string[];
  readonly says?: readonly string[];
  /** What it says besides, where there is somebody to say it to. */
  readonly maySay?: readonly string[];
}

/** Throws if a step leads elsewhere than its transition says, or does or says anything else than it promises. */
export function expectPromise<TMachine extends AnyStateMachine>(
  { walks: [{ machine }], promises }: Table<TMachine>,
  { transition, from, snapshot, ran, said }: Edge<SnapshotFrom<TMachine>>,
): void {
  if (transition === null) {
    expect(snapshot).toBe(from);
    expect([ran, said]).toEqual([[], []]);
    return;
  }
  const { runs = [], says = [], maySay = [] } = promises[transition]!;
  expect(ran.map(effectInWords)).toEqual(runs);
  expect(said.flatMap(inWords).filter((each) => !maySay.includes(each))).toEqual(says);
  expect(waysOf(machine, transition)).toContain(stateOf(snapshot));
}

/**
 * What a mutant of a chart breaks of its table, or null. Every step that the chart may take, from wherever it may come
 * to, is taken by the mutant instead: as many of `edges`, which are all, as lead through what was changed.
 */
export function brokenInTable<TMachine extends AnyStateMachine>(
  table: Table<TMachine>,
  edges: readonly Edge<SnapshotFrom<TMachine>>[],
  { machine, state, event }: Mutant,
): string | null {
  const isEntry = event === 'entry' || event === 'always';
  for (const edge of edges) {
    const isChanged = isEntry
      ? edge.transition?.endsWith(`--> ${state}`)
      : stateOf(edge.from) === state && eventName(edge.event) === event;
    if (!isChanged) continue;
    const from = machine.resolveState(edge.from) as SnapshotFrom<TMachine>;
    let step = edge;
    if (fails(() => (step = { ...edge, from, ...take(machine as TMachine, from, edge.event) }))) return 'it throws';
    if (fails(() => expectPromise(table, step))) return edge.transition ?? `${state} --${event}--> ${state}`;
    for (const [rule, expectIt] of Object.entries(table.rules)) if (fails(() => expectIt(step))) return rule;
  }
  const [{ input }] = table.walks;
  const begun = begin(machine as TMachine, input, inertRef(machine.id));
  return fails(() => expectBeginning(table, begun.ran)) ? 'how it begins' : null;
}

/** Throws if a chart begins in another way than its table says. */
export function expectBeginning({ begins = [] }: Pick<Table<never>, 'begins'>, ran: readonly Effect[]): void {
  expect(ran.map(effectInWords)).toEqual(begins);
}

/** Where a transition may lead: to its target, or on from there if that is left without an event. */
function waysOf(machine: AnyStateMachine, name: string): readonly string[] {
  const all = transitionsOf(machine);
  const { target, state } = all.find((each) => nameOf(each) === name)!;
  const to = target ?? state;
  return [to, ...all.flatMap((each) => (each.state === to && each.event === 'always' ? [each.target!] : []))];
}

/** `killProcess unfit`: the effect, and why it runs where the chart says so. */
function effectInWords({ name, params }: Effect): string {
  const { because } = (params ?? {}) as { because?: string };
  return because === undefined ? name : `${name} ${because}`;
}

/** `coordinator worker.left 7`, `waiters.refused busy`; nothing is heard when there is nobody to refuse. */
function inWords(said: Said): string[] {
  if (said.how === 'cancel') return said.id.startsWith('xstate.') ? [] : [`no longer: ${said.id.replace(/-\d+$/, '')}`];
  const { type, lease, leases, waiters, reason } = said.event as AnyEventObject;
  if (said.how === 'schedule') return type.startsWith('xstate.') ? [] : [`in time: ${type}`];
  if (said.how === 'emit') {
    if (waiters === undefined) return [type];
    return (waiters as Waiter[]).length === 0 ? [] : [`${type} ${reason}`];
  }
  const to = said.to.id.replace(/-\d+$/, '');
  if (leases !== undefined) return [`${to} ${type} ${(leases as unknown[]).map((each) => each ?? '-').join(' ')}`];
  return [
    [to, type, ...(lease === undefined || OF_ANY_LEASE.has(type) || to === 'worker' ? [] : [String(lease)])].join(' '),
  ];
}

/** What the coordinator says of whichever lease it was asked about. */
const OF_ANY_LEASE: ReadonlySet<string> = new Set(['lease.accepted', 'lease.declined']);

const stateOf = (snapshot: unknown) => (snapshot as { value: string }).value;

function fails(check: () => void): boolean {
  try {
    check();
    return false;
  } catch {
    return true;
  }
}
