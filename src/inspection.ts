import type { AnyActorRef } from 'xstate';
import type { AnyEvent, Inspected, System } from './table.js';

/**
 * Whether anybody inspects a system. XState does not say whether it tells anybody, and what nobody is told of need not be
 * made.
 */
export class Inspection {
  readonly system: System;
  isOn: boolean;

  constructor(system: System) {
    this.system = system;
    this.isOn = hasObservers(system);
    const { inspect } = system;
    system.inspect = (observer) => {
      const { unsubscribe } = inspect(observer);
      this.isOn = true;
      return {
        unsubscribe: () => {
          unsubscribe();
          this.isOn = hasObservers(system);
        },
      };
    };
  }

  /** Sends an event from outside to an actor of the system. */
  tell(actor: AnyActorRef, event: AnyEvent): void {
    if (this.isOn) actor.send(event);
    else (actor as unknown as Inspected)._send(event);
  }
}

/** The one of that system. */
export function inspectionOf(system: System): Inspection {
  const known = inspections.get(system);
  if (known !== undefined) return known;
  const inspection = new Inspection(system);
  inspections.set(system, inspection);
  return inspection;
}

/**
 * Has an actor take in what comes of each event without making what whoever inspects would be told, as long as nobody
 * does. In all else it does what XState does, and leaves to it what is rare: observers, and an actor's end.
 */
export function quieten(actor: Inspected): void {
  const inspection = inspectionOf(actor.system);
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

/** An event that throws as soon as somebody is to be told of it reaches nobody. */
function hasObservers(system: System): boolean {
  try {
    system._sendInspectionEvent(UNTELLABLE);
    return false;
  } catch {
    return true;
  }
}

const inspections = new WeakMap<System, Inspection>();
const UNTELLABLE = {
  get type(): string {
    throw new Error('Somebody inspects.');
  },
};
