import { afterAll, describe, expect, it } from 'vitest';
import type { AnyEventObject, AnyStateMachine, SnapshotFrom } from 'xstate';
import type { Waiter } from '../../machines/index.js';
import type { Effect, Said } from './take.js';
import { nameOf, transitionsOf } from './transitions.js';
import { UNHEARD } from './unheard.js';
import { beginning, Coverage, type Edge, edgeFrom, timeouts, type Walkable, walkAll } from './walk.js';

/** What a transition promises: in words, the effects that run, and what is said to whom. */
export interface Promised {
  readonly promise: string;
  readonly runs?: readonly string[];
  readonly says?: readonly string[];
  /** What it says besides, where there is somebody to say it to. */
  readonly maySay?: readonly string[];
}

/**
 * The tests that every chart passes: all of it is walked, each transition
 * does what it promises wherever it is taken, and what a state has no word
 * about changes nothing there. Returns the walk, for promises of its own.
 */
export function describeChart<TMachine extends AnyStateMachine>(
  chart: keyof typeof UNHEARD,
  walkable: Walkable<TMachine>,
  promises: Readonly<Record<string, Promised>>,
  /** The same chart, begun in another way. */
  more: readonly Walkable<TMachine>[] = [],
): Edge<SnapshotFrom<TMachine>>[] {
  const { machine } = walkable;
  const edges = [walkable, ...more].flatMap((each) => walkAll(each));
  const states = [...new Map(edges.map(({ from }) => [walkable.key(from), from])).values()];
  const unheard: Record<string, { may: readonly string[]; never: readonly string[] }> = UNHEARD[chart];

  describe(`the ${chart}'s chart, walked exhaustively`, () => {
    const coverage = new Coverage(machine, beginning(walkable).snapshot);
    for (const edge of edges) coverage.add(edge);

    it('is taken whole: every state, every transition, every guard both ways', () => {
      expect(coverage.missing()).toEqual([]);
    });

    it('has a promise for each transition and for no other', () => {
      expect(Object.keys(promises).sort()).toEqual(
        transitionsOf(machine)
          .filter(({ event }) => event !== 'always')
          .map(nameOf)
          .sort(),
      );
    });

    it.each(Object.entries(promises).map(([name, each]) => [name, each.promise, each] as const))(
      '%s: %s',
      (name, _, { runs = [], says = [], maySay = [] }) => {
        const taken = edges.filter(({ transition }) => transition === name);
        expect(taken).not.toHaveLength(0);
        for (const edge of taken) {
          expect(edge.ran.map(effectInWords)).toEqual(runs);
          expect(edge.said.flatMap(inWords).filter((each) => !maySay.includes(each))).toEqual(says);
        }
      },
    );

    it('answers or declines each event in each state, as the table of what it has no word about says', () => {
      const types = [...new Set(Object.values(machine.states).flatMap(({ on }) => Object.keys(on)))].filter(
        (type) => !type.startsWith('xstate.'),
      );
      for (const [state, node] of Object.entries(machine.states)) {
        const heard = types.filter((type) => node.on[type] !== undefined);
        const { may, never } = unheard[state]!;
        expect([...heard, ...may, ...never].sort(), state).toEqual([...types].sort());
      }
    });

    it('is not changed by what it has no word about: the same snapshot, and nothing done or said', () => {
      for (const { from, event, snapshot, ran, said } of edges) {
        const { may, never } = unheard[stateOf(from)]!;
        if (![...may, ...never].includes(event.type)) continue;
        expect(snapshot).toBe(from);
        expect([ran, said]).toEqual([[], []]);
      }
    });

    it('is not changed by what its guards decline', () => {
      for (const { from, transition, snapshot, ran, said } of edges) {
        if (transition !== null) continue;
        expect(snapshot).toBe(from);
        expect([ran, said]).toEqual([[], []]);
      }
    });

    it('throws in no state, whatever comes, from anybody, however late', () => {
      const everything = [
        ...new Map(
          states.flatMap((state) =>
            [...walkable.events(state), ...timeouts(machine, state)].map((event) => [JSON.stringify(event), event]),
          ),
        ).values(),
      ] as AnyEventObject[];
      for (const state of states) for (const event of everything) edgeFrom(machine, state, event);
      expect(everything.length * states.length).toBeGreaterThan(0);
    });

    afterAll(() => {
      const lines = Object.entries(unheard).flatMap(([state, { may, never }]) => [
        ...may.map((event) => `  ${state.padEnd(11)} ${event.padEnd(20)} may come, and changes nothing`),
        ...never.map((event) => `  ${state.padEnd(11)} ${event.padEnd(20)} never comes, and would change nothing`),
      ]);
      console.log([`${coverage.report()}  (${states.length} snapshots, ${edges.length} edges)`, ...lines].join('\n'));
    });
  });
  return edges;
}

/** `killProcess unfit`: the effect, and why it runs where the chart says so. */
function effectInWords({ name, params }: Effect): string {
  const { because } = (params ?? {}) as { because?: string };
  return because === undefined ? name : `${name} ${because}`;
}

const stateOf = (snapshot: unknown) => (snapshot as { value: string }).value;

/** `coordinator worker.left 7`, `waiters.refused busy`; nothing is heard when there is nobody to refuse. */
function inWords(said: Said): string[] {
  if (said.how === 'schedule') return said.event.type.startsWith('xstate.') ? [] : [`in time: ${said.event.type}`];
  const { type, lease, leases, waiters, reason } = said.event;
  if (said.how === 'emit') {
    if (waiters === undefined) return [type];
    return (waiters as Waiter[]).length === 0 ? [] : [`${type} ${reason}`];
  }
  const to = said.to.id.replace(/-\d+$/, '');
  if (leases !== undefined) return [`${to} ${type} ${(leases as unknown[]).map((each) => each ?? '-').join(' ')}`];
  return [[to, type, ...(lease === undefined || to === 'worker' ? [] : [String(lease)])].join(' ')];
}
