import { describe, expect, it } from 'vitest';
import { coordinatorMachine, supervisorMachine, type Waiter, workerMachine } from '../../machines/index.js';
import { follow } from '../model/follow.js';
import { unlimited } from './bounds.js';
import { clientRef, coordinatorInput, coordinatorRef, supervisorRef, workerRef } from './world.js';

/** Faults that the walk through the whole system has found, each in the few events that show it. */
describe('what had been wrong', () => {
  it('a worker that is told to end before its process could be started still dies', () => {
    const { snapshot } = follow(workerMachine, worker, [
      { type: 'worker.stop', way: 'kill' },
      { type: 'process.failed' },
    ]);
    expect(snapshot.value).toBe('dead');
  });

  it('a closed coordinator refuses nobody whose lease has ended well', () => {
    const { said } = follow(coordinatorMachine, coordinatorInput(unlimited(1, 1, [])), [
      JOINED,
      { type: 'lease.request', waiter: waiter(1) },
      { type: 'pool.destroy' },
      { type: 'slot.freed', worker: 1, place: 0, slot: 0 },
      LEFT_WITHOUT_LEASE,
    ]);
    expect(said).toEqual([]);
  });

  it('a waiter that may not wait is refused, and not queued, when its grant crosses its worker on the way out', () => {
    const hasty = { ...waiter(1), mayWait: false };
    const { snapshot, said } = follow(coordinatorMachine, coordinatorInput(unlimited(1, 1, [])), [
      JOINED,
      { type: 'lease.request', waiter: hasty },
      LEFT_WITHOUT_LEASE,
    ]);
    expect(snapshot.context.queue.size).toBe(0);
    expect(said).toEqual([
      { how: 'emit', event: { type: 'waiters.refused', waiters: [hasty], reason: 'worker-left' } },
    ]);
  });

  it('first starts that fail in turns are over when each has failed, although there is always a replacement booting', () => {
    const { snapshot } = follow(
      supervisorMachine,
      { sizeMin: 2, sizeMax: 2, recycleConcurrencyMax: 0, failuresMax: 5, closeTimeoutMs: 1 },
      [
        { type: 'worker.dead', worker: 1, place: 0, proven: false },
        { type: 'restart.due', place: 0 },
        { type: 'worker.dead', worker: 2, place: 1, proven: false },
      ],
    );
    expect(snapshot.value).toBe('degraded');
  });
});

const worker = {
  worker: 1,
  place: 0,
  bootTimeoutMs: 1,
  evictGraceMs: 1,
  stopGraceMs: 1,
  termGraceMs: 1,
  coordinator: coordinatorRef,
  supervisor: supervisorRef,
  clients: [clientRef(0)],
  ahead: 0,
};

function waiter(ticket: number): Waiter {
  return { ticket, askedAt: 0, priority: 0, fairnessKey: null, affinity: null, mayWait: true, isShort: false };
}

const JOINED = { type: 'worker.joined', worker: 1, place: 0, ref: workerRef(0, 1), slots: 1, ahead: 0 };
const LEFT_WITHOUT_LEASE = { type: 'worker.left', worker: 1, place: 0, leases: [null] };
