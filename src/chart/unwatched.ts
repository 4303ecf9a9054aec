import type { AnyActorRef } from 'xstate';
import type { Inspection } from './inspection.js';
import type { AnyEvent, Inspected, Mailbox, Receiver, Scope, Transition } from './table.js';

/**
 * What an actor of a compiled chart does as long as nobody inspects its system: it takes its events, takes in what comes
 * of each, and sends what it has to say, without making anything of which XState would tell. It is the actor's mailbox.
 * In all else it does what XState does, and leaves to it what is rare: observers, errors, and an actor's end.
 */
export class Unwatched implements Mailbox {
  readonly #inspection: Inspection;
  readonly #actor: Inspected;
  /** The machine's own. */
  readonly #transition: Transition;
  /** What it says in this step, whom and what in turn. Not emptied but overwritten, so that its memory is kept. */
  readonly #said: (Receiver | AnyEvent | undefined)[] = [];
  #count = 0;
  /** What has come in the middle of a step, or before the first. */
  #first: Letter | undefined;
  #last: Letter | undefined;
  #hasBegun = false;
  /** True before the first step, too. */
  #isBusy = true;
  /** In the middle of a step that neither XState nor a logic around the machine takes. */
  #isTaking = false;

  constructor(actor: Inspected, inspection: Inspection, transition: Transition) {
    this.#inspection = inspection;
    this.#actor = actor;
    this.#transition = transition;
    // Whoever was told of the actor, or has a logic around its own, may have sent it something.
    for (let sent = actor.mailbox._current; sent; sent = sent.next) this.#keep(sent.value);
    actor.mailbox = this;
  }

  start(): void {
    this.#hasBegun = true;
    this.#takeAll();
  }

  /** What waits is dropped; as long as the actor has not begun XState keeps the first, which it has in hand by then. */
  clear(): void {
    const kept = this.#hasBegun ? undefined : this.#first;
    if (kept !== undefined) kept.next = undefined;
    this.#first = kept;
    this.#last = kept;
  }

  enqueue(event: AnyEvent): void {
    if (this.#isBusy) return this.#keep(event);
    this.#isBusy = true;
    this.#take(event);
    this.#takeAll();
  }

  #keep(event: AnyEvent): void {
    const letter: Letter = { event, next: undefined };
    if (this.#first === undefined) this.#first = letter;
    else this.#last!.next = letter;
    this.#last = letter;
  }

  #takeAll(): void {
    for (let letter = this.#first; letter !== undefined; letter = this.#first) {
      this.#first = letter.next;
      // Nothing is to live on for having been taken.
      if (letter === this.#last) this.#last = undefined;
      this.#take(letter.event);
    }
    this.#isBusy = false;
  }

  #take(event: AnyEvent): void {
    const actor = this.#actor;
    // What is no event at all ends the actor by what the transition throws.
    if (this.#inspection.isOn || event?.type === 'xstate.stop') return actor._process(event);
    let snapshot: Inspected['_snapshot'];
    // A logic around the machine, or a transition in the place of its own, may have a hand in whatever is done.
    this.#isTaking = actor.logic.transition === this.#transition;
    try {
      snapshot = actor.logic.transition(actor._snapshot, event, actor._actorScope);
    } catch (error) {
      actor._snapshot = { ...actor._snapshot, status: 'error', error };
      return actor._error(error);
    } finally {
      this.#isTaking = false;
    }
    this.#takeIn(snapshot, event);
  }

  /**
   * Whether it is this that takes the step, nobody looks, and nobody has a hand in it. Somebody may take a step at any
   * time, and by a scope of their own; and an actor that was stopped and goes on has XState's mailbox.
   */
  takes(scope: Scope): boolean {
    return this.#isTaking && !this.#inspection.isOn && scope === this.#actor._actorScope;
  }

  /** Sends an event once the step has been taken, after all that is to be done then by now. */
  say(target: Receiver, event: AnyEvent): void {
    const { _deferred: deferred } = this.#actor;
    if (deferred.length > 0) return void deferred.push(() => this.#send(target, event));
    this.#said[this.#count] = target;
    this.#said[this.#count + 1] = event;
    this.#count += 2;
  }

  #takeIn(snapshot: Inspected['_snapshot'], event: AnyEvent): void {
    const actor = this.#actor;
    if (this.#inspection.isOn || actor.observers.size > 0 || snapshot.status !== 'active') {
      this.#defer();
      return actor.update(snapshot, event);
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
      return actor.update(snapshot, event);
    }
    // Somebody may have begun to look meanwhile.
    if (this.#inspection.isOn || actor.observers.size > 0) actor.update(snapshot, event);
  }

  /** XState is to say it, before all else that is deferred. */
  #defer(): void {
    const effects: (() => void)[] = [];
    const said = this.#said.splice(0, this.#count);
    for (let at = 0; at < said.length; at += 2) {
      const [target, event] = said.slice(at, at + 2) as [Receiver, AnyEvent];
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
    if (this.#inspection.isOn) actor.system._relay(actor as unknown as AnyActorRef, target, event);
    else target._send(event);
  }
}

interface Letter {
  readonly event: AnyEvent;
  next: Letter | undefined;
}

/** Sends an event from outside to an actor. */
export function give(actor: AnyActorRef, event: AnyEvent, inspection: Inspection): void {
  if (inspection.isOn) actor.send(event);
  else (actor as unknown as Inspected)._send(event);
}

/** Whom XState tells of what nobody looks at. */
export function untold(): void {}
