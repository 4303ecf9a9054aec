import type { System } from './table.js';
import { untold } from './unwatched.js';

/**
 * Whether anybody inspects a system. XState does not say whether it tells anybody, and what nobody is told of need not be
 * made: as long as nobody looks, nothing of this file runs, and XState tells no function that would.
 */
export class Inspection {
  isOn = true;
  readonly #system: System;
  readonly #tell: System['_sendInspectionEvent'];

  constructor(system: System) {
    this.#system = system;
    this.#tell = system._sendInspectionEvent;
    this.#turn(this.#hasObservers());
    const { inspect } = system;
    system.inspect = (observer) => {
      const { unsubscribe } = inspect(observer);
      this.#turn(true);
      return {
        unsubscribe: () => {
          unsubscribe();
          this.#turn(this.#hasObservers());
        },
      };
    };
  }

  #turn(isOn: boolean): void {
    this.isOn = isOn;
    this.#system._sendInspectionEvent = isOn ? this.#tell : untold;
  }

  /** An event that throws as soon as somebody is to be told of it reaches nobody. */
  #hasObservers(): boolean {
    try {
      this.#tell(UNTELLABLE);
      return false;
    } catch {
      return true;
    }
  }
}

/**
 * The one of that system, for all copies of this library that have actors in it: the second would find that nobody is told,
 * and have it so for good.
 */
export function inspectionOf(system: System & { [INSPECTION]?: Inspection }): Inspection {
  system[INSPECTION] ??= new Inspection(system);
  return system[INSPECTION];
}

const INSPECTION: unique symbol = Symbol.for('pythonarium.inspection');
const UNTELLABLE = {
  get type(): string {
    throw new Error('Somebody inspects.');
  },
};
