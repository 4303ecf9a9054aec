import { describe, expect, it } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import { clientMachine, coordinatorMachine, supervisorMachine, workerMachine } from '../../machines/index.js';
import { transitionsOf } from './transitions.js';

/** What lets the hot three be run from a table, and all four be opened in Stately as they stand. */
describe.each<[string, AnyStateMachine]>([
  ['worker', workerMachine],
  ['coordinator', coordinatorMachine],
  ['client', clientMachine],
])('the %s, on the way of every lease,', (_, machine) => {
  const states = Object.values(machine.states);

  it('is flat: no state within a state, nothing at its root', () => {
    for (const { type } of states) expect(['atomic', 'final']).toContain(type);
    expect([...machine.root.transitions.keys()]).toEqual([]);
    expect(machine.root.entry).toEqual([]);
    expect(machine.root.always).toBeUndefined();
  });

  it('invokes nobody, and takes no step without an event', () => {
    for (const { invoke, always } of states) {
      expect(invoke).toEqual([]);
      expect(always).toBeUndefined();
    }
  });

  it('names each event in full', () => {
    for (const { on } of states) for (const type of Object.keys(on)) expect(type).not.toContain('*');
  });
});

describe.each<[string, AnyStateMachine]>([
  ['worker', workerMachine],
  ['coordinator', coordinatorMachine],
  ['client', clientMachine],
  ['supervisor', supervisorMachine],
])('the chart of the %s', (_, machine) => {
  const { actions, guards, delays } = machine.implementations;

  it('names its actions, guards and delays, and spells none out, so that it is a literal', () => {
    const { states } = machine.config as { states: object };
    expect(JSON.parse(JSON.stringify(states))).toEqual(states);
  });

  it('uses each action, guard and delay that it names, and names each that it uses', () => {
    const transitions = transitionsOf(machine);
    const entered = Object.values(machine.states).flatMap(({ entry, exit }) => [...entry, ...exit]);
    const own = [...entered, ...machine.root.entry].map(nameOf).filter((name) => !name.startsWith('xstate.'));
    const used = [...own, ...transitions.flatMap((each) => each.actions)];
    expect([...new Set(used)].sort()).toEqual(
      Object.keys(actions)
        .filter((name) => name in actions)
        .sort(),
    );
    expect([...new Set(transitions.flatMap(({ guard }) => guard ?? []))].sort()).toEqual(Object.keys(guards).sort());
    const timeouts = transitions.flatMap(({ event }) =>
      event.startsWith('after ') ? [event.slice('after '.length)] : [],
    );
    const delayed = Object.keys(delays).filter((name) => !timeouts.includes(name));
    // The one delay that no state has: of the supervisor's reminder to itself.
    expect(delayed).toEqual(machine.id === 'supervisor' ? ['restartDelay'] : []);
  });
});

function nameOf(action: unknown): string {
  if (typeof action === 'string') return action;
  return (action as { type?: string }).type ?? 'xstate.unnamed';
}
