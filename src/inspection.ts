import type { System } from './table.js';

/** Whether anybody inspects a system. */
export interface Inspection {
  readonly system: System;
  isOn: boolean;
}

/** XState does not say whether it tells anybody, and what nobody is told of need not be made. */
export function inspectionOf(system: System): Inspection {
  const known = inspections.get(system);
  if (known !== undefined) return known;
  const inspection: Inspection = { system, isOn: hasObservers(system) };
  const { inspect } = system;
  system.inspect = (observer) => {
    const { unsubscribe } = inspect(observer);
    inspection.isOn = true;
    return {
      unsubscribe: () => {
        unsubscribe();
        inspection.isOn = hasObservers(system);
      },
    };
  };
  inspections.set(system, inspection);
  return inspection;
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
