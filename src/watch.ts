import type { System } from './table.js';

/** Whether anybody inspects a system. */
export interface Watch {
  readonly system: System;
  isOn: boolean;
}

/** XState does not say whether it tells anybody, and what nobody is told of need not be made. */
export function watchOf(system: System): Watch {
  const known = watches.get(system);
  if (known !== undefined) return known;
  const watch: Watch = { system, isOn: isInspected(system) };
  const { inspect } = system;
  system.inspect = (observer) => {
    const { unsubscribe } = inspect(observer);
    watch.isOn = true;
    return {
      unsubscribe: () => {
        unsubscribe();
        watch.isOn = isInspected(system);
      },
    };
  };
  watches.set(system, watch);
  return watch;
}

/** An event that throws as soon as somebody is to be told of it reaches nobody. */
function isInspected(system: System): boolean {
  try {
    system._sendInspectionEvent(UNTELLABLE);
    return false;
  } catch {
    return true;
  }
}

const watches = new WeakMap<System, Watch>();
const UNTELLABLE = {
  get type(): string {
    throw new Error('Somebody inspects.');
  },
};
