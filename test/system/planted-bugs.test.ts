import { describe, expect, it } from 'vitest';
import { sendTo } from 'xstate';
import { clientMachine, coordinatorMachine, workerMachine } from '../../machines/index.js';
import { ANYONE, unlimited, withSlots } from './bounds.js';
import { explore } from './explorer.js';
import { CHARTS, type Charts } from './world.js';

/** The walk must be able to fail: known mistakes are made on purpose, and it has to find the shortest way to each. */
describe('the walk through the whole system finds', () => {
  it('lease ids switched off: a client that takes any lease for its own', () => {
    const client = clientMachine.provide({ guards: { isHeldLease: () => true } });
    const { what, way } = found({ ...CHARTS, client });
    expect(what).toBe('a slot is free while its worker owes an answer');
    expect(way).toEqual([
      'caller 0 asks for anyone',
      'the process at place 0 is ready',
      'exchange.ended comes late, for a lease of long ago, at place 0',
    ]);
  });

  it('lease ids switched off: a worker that leaves without saying which lease it had', () => {
    const worker = workerMachine.provide({
      actions: {
        announceLeft: sendTo(
          ({ context }) => context.coordinator,
          ({ context: { worker, place } }) => ({ type: 'worker.left', worker, place, leases: [null] }),
        ),
      },
    });
    const { what, way } = found({ ...CHARTS, worker });
    expect(what).toBe('somebody waits who has had an answer');
    expect(way).toEqual([
      'caller 0 asks for anyone',
      'the process at place 0 is ready',
      'the process at place 0 is unfit',
    ]);
  });

  it('a pool that hands a worker on before it has answered', () => {
    const client = clientMachine.provide({
      actions: {
        revokeLease: sendTo(
          ({ context }) => context.held!.worker,
          ({ context }) => ({ type: 'lease.released', lease: context.held!.lease, slot: context.held!.slot, at: 0 }),
        ),
      },
    });
    const { what, way } = found({ ...CHARTS, client });
    expect(what).toBe('a slot is free while its worker owes an answer');
    expect(way).toEqual([
      'caller 0 asks for anyone',
      'the process at place 0 is ready',
      'a call at place 0 runs out of time, under a lease that is kept',
    ]);
  });

  it('a worker that gives back another slot than the one whose lease has ended', () => {
    const worker = workerMachine.provide({
      actions: {
        announceFreed: sendTo(
          ({ context }) => context.coordinator,
          ({ context: { worker, place } }) => ({ type: 'slot.freed', worker, place, slot: 0, at: 0 }),
        ),
      },
    });
    const { what, way } = found({ ...CHARTS, worker }, withSlots(2, unlimited(1, 2, [ANYONE])));
    expect(what).toBe('a slot is free while its worker owes an answer');
    expect(way.at(-1)).toBe('the exchange at place 0, slot 1 ends');
  });

  it('a pool that calls itself drained while somebody is served', () => {
    const coordinator = coordinatorMachine.provide({
      guards: { hasNothing: ({ context }) => context.queue.size === 0 },
    });
    const { what, way } = found({ ...CHARTS, coordinator });
    expect(what).toBe('a pool is drained and serves somebody');
    expect(way.at(-1)).toBe('pool.drain');
  });
});

function found(charts: Charts, bounds = unlimited(1, 1, [ANYONE])) {
  const finding = explore(charts, bounds).found;
  if (finding === null) throw new Error('nothing was found');
  console.log(`${finding.what}:\n${finding.way.map((move, index) => `  ${index + 1}. ${move}`).join('\n')}`);
  return finding;
}
