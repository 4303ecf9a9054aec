import type { InspectionEvent } from 'xstate';
import type { Waiter, WorkerEvent } from '../../machines/index.js';

/** An observer that is told of everybody who is granted a lease, in that order and at that moment. */
export function whenGranted(onGranted: (waiter: Waiter) => void): (event: InspectionEvent) => void {
  return (event) => {
    if (event.type !== '@xstate.event' || event.event.type !== 'lease.granted') return;
    // The coordinator's own word, and not the worker's to its client.
    const { sourceRef } = event;
    if (sourceRef === undefined || !('id' in sourceRef) || sourceRef.id !== 'coordinator') return;
    onGranted((event.event as WorkerEvent & { type: 'lease.granted' }).waiter);
  };
}
