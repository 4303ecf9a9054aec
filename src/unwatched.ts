import type { AnyActorRef } from 'xstate';
import type { Inspection } from './inspection.js';
import type { AnyEvent, Inspected, Receiver } from './table.js';

/**
 * What an actor of a compiled chart does as long as nobody inspects its system: it takes in what comes of each event, and
 * sends what it has to say, without making anything of which XState would tell. In all else it does what XState does,
 * and leaves to it what is rare: observers, and an actor's end.
 */
export class Unwatched {
  readonly inspection: Inspection;
  readonly #actor: Inspected;
  /** What it says in this step, whom and what in turn. Not emptied but overwritten, so that its memory is kept. */
  readonly #said: (Receiver | AnyEvent | undefined)[] = [];
  #count = 0;

  constructor(actor: Inspected, inspection: Inspection) {
    this.inspection = inspection;
    this.#actor = actor;
    const { update } = actor;
    const quietly: typeof update = (snapshot, event) => this.#takeIn(snapshot, event, update);
    Object.defineProperty(actor, 'update', { value: quietly, writable: true, configurable: true });
  }

  /** Sends an event once the step has been taken, after all that is to be done then by now. */
  say(target: Receiver, event: AnyEvent): void {
    const { _deferred: deferred } = this.#actor;
    if (deferred.length > 0) return void deferred.push(() => this.#send(target, event));
    this.#said[this.#count] = target;
    this.#said[this.#count + 1] = event;
    this.#count += 2;
  }

  #takeIn(snapshot: Inspected['_snapshot'], event: object, update: Inspected['update']): void {
    const actor = this.#actor;
    if (this.inspection.isOn || actor.observers.size > 0 || snapshot.status !== 'active') {
      this.#defer();
      return update.call(actor, snapshot, event);
    }
    actor._snapshot = snapshot;
    const deferred = actor._deferred;
    try {
      for (let at = 0; at < this.#count; at += 2) this.#sayAt(at);
      this.#count = 0;
      for (let effect = deferred.shift(); effect !== undefined; effect = deferred.shift()) effect();
    } catch (error) {
      this.#count = 0;
      deferred.length = 0;
      deferred.push(() => {
        throw error;
      });
      return update.call(actor, snapshot, event);
    }
    // Somebody may have begun to look meanwhile.
    if (this.inspection.isOn) {
      actor.system._sendInspectionEvent({
        type: '@xstate.snapshot',
        actorRef: actor,
        event,
        snapshot: actor._snapshot,
      });
    }
  }

  /** XState is to say it, before all else that is deferred. */
  #defer(): void {
    const effects: (() => void)[] = [];
    for (let at = 0; at < this.#count; at += 2) {
      const [target, event] = this.#said.slice(at, at + 2) as [Receiver, AnyEvent];
      effects.push(() => this.#send(target, event));
    }
    this.#count = 0;
    this.#actor._deferred.unshift(...effects);
  }

  #sayAt(at: number): void {
    const target = this.#said[at] as Receiver;
    const event = this.#said[at + 1] as AnyEvent;
    // Nothing is to live on for having been said.
    this.#said[at] = undefined;
    this.#said[at + 1] = undefined;
    this.#send(target, event);
  }

  #send(target: Receiver, event: AnyEvent): void {
    const actor = this.#actor;
    if (this.inspection.isOn) actor.system._relay(actor as unknown as AnyActorRef, target, event);
    else target._send(event);
  }
}

/** Sends an event from outside to an actor. */
export function give(actor: AnyActorRef, event: AnyEvent, inspection: Inspection): void {
  if (inspection.isOn) actor.send(event);
  else (actor as unknown as Inspected)._send(event);
}

/** Whom XState tells of what nobody looks at. */
export function untold(): void {}
