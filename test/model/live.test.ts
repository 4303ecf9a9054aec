import { getShortestPaths } from '@xstate/graph';
import { describe, expect, it } from 'vitest';
import { type AnyEventObject, type AnyStateMachine, createActor, SimulatedClock } from 'xstate';
import { CLIENT, COORDINATOR, SUPERVISOR, WORKER } from './charts.js';
import { timeouts, type Walkable } from './walk.js';

/** What was walked on paper is gone again by an actor that runs, on a clock that is turned by hand. */
describe.each<[string, Walkable<AnyStateMachine>]>([
  ['worker', WORKER as never],
  ['client', CLIENT as never],
  ['coordinator', COORDINATOR as never],
  ['supervisor', SUPERVISOR as never],
])('a running %s', (_, { machine, input, events, key }) => {
  it('gets to every state by the shortest path that the graph has for it, and its timeouts by waiting', () => {
    const paths = getShortestPaths(machine, {
      input,
      events: ((snapshot: never) => [...events(snapshot), ...timeouts(machine, snapshot)]) as never,
      serializeState: ((snapshot: never) => key(snapshot)) as never,
      serializeEvent: ((event: AnyEventObject) => JSON.stringify(event)) as never,
    });
    expect(paths.length).toBeGreaterThan(0);
    for (const { state, steps } of paths) {
      const clock = new SimulatedClock();
      // Its reminders to itself are among the events; here the clock is for timeouts.
      const patient = machine.provide({ delays: { restartDelay: 2 ** 31 } });
      const actor = createActor(patient, { input, clock }).start();
      for (const { event } of steps.slice(1)) {
        const timeout = /^xstate\.after\.(\w+)\./.exec(event.type)?.[1];
        if (timeout === undefined) actor.send(event);
        else clock.increment(delayOf(machine, timeout, actor.getSnapshot().context));
      }
      expect(key(actor.getSnapshot() as never)).toBe(key(state as never));
      actor.stop();
    }
  });
});

function delayOf(machine: AnyStateMachine, name: string, context: unknown): number {
  const delay = machine.implementations.delays[name] as unknown as (args: { context: unknown }) => number;
  return delay({ context });
}
