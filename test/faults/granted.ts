import type { InspectionEvent } from 'xstate';
import type { Waiter, WorkerEvent } from '../../machines/index.js';

/** An observer that is told of everybody who is granted a lease, or is given one that goes on, in that order and at that moment. */
export function whenGranted(onGranted: (waiter: Waiter) => void): (event: InspectionEvent) => void {
  return (event) => {
    if (event.type !== '@xstate.event' || !GIVEN.has(event.event.type)) return;
    // The coordinator's own word, and not the worker's to its client.
    const { sourceRef } = event;
    if (sourceRef === undefined || !('id' in sourceRef) || sourceRef.id !== 'coordinator') return;
    onGranted((event.event as WorkerEvent & { type: 'lease.granted' }).waiter);
  };
}

const GIVEN: ReadonlySet<string> = new Set(['lease.granted', 'lease.accepted']);
