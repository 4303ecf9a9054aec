import type { AnyEventObject, AnyStateMachine, InputFrom, SnapshotFrom } from 'xstate';
import { begin, inertRef, type Taken, take } from './take.js';

/** What the last of `events` does to an actor that has had the ones before, from its beginning. */
export function follow<TMachine extends AnyStateMachine>(
  machine: TMachine,
  input: InputFrom<TMachine>,
  events: readonly AnyEventObject[],
  self = inertRef(machine.id),
): Taken<SnapshotFrom<TMachine>> {
  let last = begin(machine, input, self);
  for (const event of events) last = take(machine, last.snapshot, event, self);
  return last;
}
