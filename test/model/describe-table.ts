import { afterAll, describe, expect, it } from 'vitest';
import type { AnyEventObject, AnyStateMachine } from 'xstate';
import { expectBeginning, expectPromise, type Table } from './table.js';
import { take } from './take.js';
import { nameOf, transitionsOf } from './transitions.js';
import { UNHEARD } from './unheard.js';
import { beginning, Coverage, edgesOf, timeouts } from './walk.js';

/**
 * The tests that every chart passes: all of it is walked, each transition
 * does what it promises wherever it is taken, what a state has no word
 * about changes nothing there, and each rule holds in every step.
 */
export function describeTable<TMachine extends AnyStateMachine>(table: Table<TMachine>): void {
  const { chart, walks, promises, rules } = table;
  const [walkable] = walks;
  const { machine } = walkable;
  const edges = edgesOf(walks);
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

    it('begins as it promises', () => {
      for (const walk of walks) expectBeginning(table, beginning(walk).ran);
    });

    it.each(Object.entries(promises).map(([name, { promise }]) => [name, promise] as const))('%s: %s', (name) => {
      const taken = edges.filter(({ transition }) => transition === name);
      expect(taken).not.toHaveLength(0);
      for (const edge of taken) expectPromise(table, edge);
    });

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

    it('is not changed by what it has no word about, nor by what its guards decline: the same snapshot, and nothing done or said', () => {
      for (const edge of edges) if (edge.transition === null) expectPromise(table, edge);
    });

    it('throws in no state, whatever comes, from anybody, however late', () => {
      const everything = [
        ...new Map(
          states.flatMap((state) =>
            [...walkable.events(state), ...timeouts(machine, state)].map((event) => [JSON.stringify(event), event]),
          ),
        ).values(),
      ] as AnyEventObject[];
      for (const state of states) for (const event of everything) take(machine, state, event);
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

  if (Object.keys(rules).length === 0) return;
  describe(`the ${chart}, in every step it can take,`, () => {
    it.each(Object.entries(rules))('%s', (_, expectIt) => {
      for (const edge of edges) expectIt(edge);
    });
  });
}
