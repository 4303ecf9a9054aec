import type { AnyActorRef } from 'xstate';
import type { Inspection } from './inspection.js';
import type { AnyEvent, Inspected } from './table.js';

/**
 * Has an actor take in what comes of each event without making what whoever inspects would be told, as long as nobody
 * does. In all else it does what XState does, and leaves to it what is rare: observers, and an actor's end.
 */
export function quieten(actor: Inspected, inspection: Inspection): void {
  const { update } = actor;
  const quietly: typeof update = (snapshot, event) => {
    if (inspection.isOn || actor.observers.size > 0 || snapshot.status !== 'active') {
      return update.call(actor, snapshot, event);
    }
    actor._snapshot = snapshot;
    const deferred = actor._deferred;
    try {
      for (let effect = deferred.shift(); effect !== undefined; effect = deferred.shift()) effect();
    } catch (error) {
      deferred.length = 0;
      deferred.push(() => {
        throw error;
      });
      return update.call(actor, snapshot, event);
    }
    // Somebody may have begun to look meanwhile.
    if (inspection.isOn) {
      actor.system._sendInspectionEvent({
        type: '@xstate.snapshot',
        actorRef: actor,
        event,
        snapshot: actor._snapshot,
      });
    }
  };
  Object.defineProperty(actor, 'update', { value: quietly, writable: true, configurable: true });
}

/** Sends an event from outside to an actor. */
export function give(actor: AnyActorRef, event: AnyEvent, inspection: Inspection): void {
  if (inspection.isOn) actor.send(event);
  else (actor as unknown as Inspected)._send(event);
}

/** Whom XState tells of what nobody looks at. */
export function untold(): void {}
