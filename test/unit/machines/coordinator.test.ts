import { describe, expect, it } from 'vitest';
import type { AnyEventObject } from 'xstate';
import {
  type Affinity,
  type CoordinatorEvent,
  coordinatorMachine,
  type LeaseId,
  listWaiters,
  type QueueRules,
  type SupervisorRef,
  type Waiter,
  type WorkerRef,
} from '../../../machines/index.js';
import { begin, inertRef, type Said, take } from '../../model/take.js';

describe('who asks', () => {
  it('gets a lease at once where a slot is free, each by an id of its own', () => {
    const { joins, asks } = coordinator();
    joins(0, { slots: 2 });
    expect(asks(1)).toEqual(['worker-0: lease 1, slot 0, for 1']);
    expect(asks(2)).toEqual(['worker-0: lease 2, slot 1, for 2']);
  });

  it('waits where none is, in silence, and gets the next', () => {
    const { joins, asks, frees, waiting } = coordinator();
    joins(0);
    asks(1);
    expect(asks(2)).toEqual([]);
    expect(waiting()).toEqual([2]);
    expect(frees(0)).toEqual(['worker-0: lease 2, slot 0, for 2']);
    expect(waiting()).toEqual([]);
  });

  it('gets the slot that was freed last, of the worker that has the fewest leases', () => {
    const { joins, asks, frees } = coordinator();
    joins(0, { slots: 3 });
    joins(1, { slots: 3 });
    joins(2, { slots: 3 });
    expect(asks(1)).toEqual(['worker-2: lease 1, slot 0, for 1']);
    expect(asks(2)).toEqual(['worker-1: lease 2, slot 0, for 2']);
    expect(asks(3)).toEqual(['worker-0: lease 3, slot 0, for 3']);
    expect(asks(4)).toEqual(['worker-0: lease 4, slot 1, for 4']);
    frees(1, 0);
    expect(asks(5)).toEqual(['worker-1: lease 5, slot 0, for 5']);
    frees(1, 0);
    frees(2, 0);
    expect(asks(6)).toEqual(['worker-2: lease 6, slot 0, for 6']);
    expect(asks(7)).toEqual(['worker-1: lease 7, slot 0, for 7']);
  });

  it('gets the worker that it has met where that has room, and another where it may', () => {
    const { joins, asks, frees } = coordinator();
    joins(0);
    joins(1);
    expect(asks(1, { affinity: likes(0) })).toEqual(['worker-0: lease 1, slot 0, for 1']);
    expect(asks(2, { affinity: likes(0) })).toEqual(['worker-1: lease 2, slot 0, for 2']);
    frees(1);
    expect(asks(3, { affinity: likes(0, 999) })).toEqual(['worker-1: lease 3, slot 0, for 3']);
  });

  it('waits for the one that it is bound to, though others are free, and hears when that is no longer there', () => {
    const { joins, asks, frees, leaves } = coordinator();
    joins(0);
    joins(1);
    asks(1, { affinity: bound(0) });
    expect(asks(2, { affinity: bound(0) })).toEqual([]);
    expect(asks(3, { affinity: bound(0, 999) })).toEqual(['refused worker-left: 3']);
    expect(asks(4, { affinity: bound(7) })).toEqual(['refused worker-left: 4']);
    expect(frees(0)).toEqual(['worker-0: lease 2, slot 0, for 2']);
    expect(asks(5, { affinity: bound(0) })).toEqual([]);
    expect(leaves(0, [2])).toEqual(['refused worker-left: 5']);
  });

  it('is refused where it may not wait and would have to', () => {
    const { joins, asks, waiting } = coordinator();
    expect(asks(1, { mayWait: false })).toEqual(['refused busy: 1']);
    joins(0);
    expect(asks(2, { mayWait: false })).toEqual(['worker-0: lease 1, slot 0, for 2']);
    expect(waiting()).toEqual([]);
  });

  it('is refused where as many wait as may', () => {
    const { asks, waiting } = coordinator({ queueMax: 2 });
    expect([...asks(1), ...asks(2)]).toEqual([]);
    expect(asks(3)).toEqual(['refused queue-full: 3']);
    expect(waiting()).toEqual([1, 2]);
  });

  it('is refused where as many wait under its key as may, and those without a key are never so many', () => {
    const { asks } = coordinator({ queueMaxPerKey: 1 });
    expect(asks(1, { fairnessKey: 'a' })).toEqual([]);
    expect(asks(2, { fairnessKey: 'a' })).toEqual(['refused key-full: 2']);
    expect([...asks(3, { fairnessKey: 'b' }), ...asks(4), ...asks(5), ...asks(6)]).toEqual([]);
  });

  it('may go again, and nobody minds one that does not wait', () => {
    const { asks, joins, cancels, waiting } = coordinator();
    asks(1);
    asks(2);
    expect(cancels(1)).toEqual([]);
    expect(cancels(7)).toEqual([]);
    expect(waiting()).toEqual([2]);
    expect(joins(0)).toEqual(['worker-0: lease 1, slot 0, for 2']);
  });

  it('waits at its old place again where its slot was of no use, and its key has not had its turn', () => {
    const { joins, asks, isBack, frees } = coordinator();
    joins(0);
    asks(1);
    for (const [ticket, fairnessKey] of [
      [2, 'a'],
      [3, 'a'],
      [4, 'b'],
    ] as const) {
      asks(ticket, { fairnessKey });
    }
    expect(frees(0)).toEqual(['worker-0: lease 2, slot 0, for 2']);
    // The slot is given back behind that.
    expect(isBack(2, { fairnessKey: 'a' })).toEqual([]);
    expect(frees(0)).toEqual(['worker-0: lease 3, slot 0, for 2']);
    expect(frees(0)).toEqual(['worker-0: lease 4, slot 0, for 4']);
    expect(frees(0)).toEqual(['worker-0: lease 5, slot 0, for 3']);
  });

  it('waits at its old place again where its worker has left without coming to it, and its key has its turn before others', () => {
    const { joins, asks, isBack, leaves, frees } = coordinator();
    joins(0, { ahead: 2 });
    asks(1, { isShort: true });
    asks(2, { isShort: true, fairnessKey: 'a' });
    expect(asks(3, { isShort: true, fairnessKey: 'b' })).toHaveLength(2);
    asks(4, { fairnessKey: 'c' });
    leaves(0, [1, 2, 3]);
    for (const [ticket, fairnessKey] of [
      [2, 'a'],
      [3, 'b'],
    ] as const) {
      expect(isBack(ticket, { isShort: true, fairnessKey })).toEqual([]);
    }
    asks(5, { fairnessKey: 'a' });
    expect(joins(0)).toEqual(['worker-0: lease 4, slot 0, for 2']);
    expect(frees(0)).toEqual(['worker-0: lease 5, slot 0, for 3']);
    expect(frees(0)).toEqual(['worker-0: lease 6, slot 0, for 4']);
    expect(frees(0)).toEqual(['worker-0: lease 7, slot 0, for 5']);
  });
});

describe('a worker that comes', () => {
  it('is given to those who wait, as far as its slots go, each in the order of the queue', () => {
    const { asks, joins, waiting } = coordinator();
    for (const ticket of [1, 2, 3]) asks(ticket);
    asks(4, { priority: 1 });
    expect(joins(0, { slots: 3 })).toEqual([
      'worker-0: lease 1, slot 0, for 4',
      'worker-0: lease 2, slot 1, for 1',
      'worker-0: lease 3, slot 2, for 2',
    ]);
    expect(waiting()).toEqual([3]);
  });

  it('keeps for others what nobody waits for', () => {
    const { asks, joins } = coordinator();
    asks(1);
    expect(joins(0, { slots: 2 })).toEqual(['worker-0: lease 1, slot 0, for 1']);
    expect(asks(2)).toEqual(['worker-0: lease 2, slot 1, for 2']);
    expect(asks(3)).toEqual([]);
  });
});

describe('a slot that is freed', () => {
  it('is of no account where its worker is another by now', () => {
    const { joins, asks, frees, live } = coordinator();
    joins(0);
    asks(1);
    expect(frees(0, 0, { worker: 999 })).toEqual([]);
    expect(live()).toBe(1);
    expect(asks(2)).toEqual([]);
    expect(frees(0, 0, { worker: 999 })).toEqual([]);
    expect(frees(3)).toEqual([]);
    expect(live()).toBe(1);
  });

  it('is given to nobody while its worker lets its last calls finish', () => {
    const { joins, asks, frees, is, live } = coordinator();
    joins(0, { slots: 2 });
    asks(1);
    asks(2);
    is('worker.leaving', 0);
    asks(3);
    expect(frees(0, 0)).toEqual([]);
    expect(live()).toBe(1);
    expect(is('worker.staying', 0)).toEqual(['worker-0: lease 3, slot 0, for 3']);
  });

  it('sheds who has waited too long, tells them, and serves the next', () => {
    const { joins, asks, frees, waiting } = coordinator({ shed: { targetMs: 50, intervalMs: 100 } });
    joins(0);
    for (const ticket of [1, 2, 3, 4]) asks(ticket);
    expect(frees(0, 0, { at: 1_000 })).toEqual(['worker-0: lease 2, slot 0, for 2']);
    expect(frees(0, 0, { at: 1_100 })).toEqual(['worker-0: lease 3, slot 0, for 4', 'refused overloaded: 3']);
    expect(waiting()).toEqual([]);
    expect(frees(0, 0, { at: 1_200 })).toEqual([]);
  });

  it('sheds nobody for a worker that is another by now, or is leaving', () => {
    const { joins, asks, frees, is, waiting } = coordinator({ shed: { targetMs: 50, intervalMs: 100 } });
    joins(0, { slots: 2 });
    for (const ticket of [1, 2, 3, 4, 5]) asks(ticket);
    frees(0, 0, { at: 1_000 });
    expect(frees(0, 0, { at: 1_100, worker: 999 })).toEqual([]);
    is('worker.leaving', 0);
    expect(frees(0, 0, { at: 1_100 })).toEqual([]);
    expect(waiting()).toEqual([4, 5]);
  });
});

describe('a worker on its way out', () => {
  it('is granted to nobody, and again once it stays', () => {
    const { joins, asks, is } = coordinator();
    joins(0);
    expect(is('worker.leaving', 0)).toEqual([]);
    expect(asks(1)).toEqual([]);
    expect(asks(2, { affinity: bound(0) })).toEqual([]);
    expect(is('worker.staying', 0)).toEqual(['worker-0: lease 1, slot 0, for 1']);
  });

  it('is not mistaken for the one that was there before', () => {
    const { joins, asks, is } = coordinator();
    joins(0);
    expect(is('worker.leaving', 0, 999)).toEqual([]);
    expect(is('worker.leaving', 5)).toEqual([]);
    expect(asks(1)).toEqual(['worker-0: lease 1, slot 0, for 1']);
    expect(is('worker.staying', 0, 999)).toEqual([]);
    expect(is('worker.staying', 5)).toEqual([]);
  });
});

describe('a worker that has left', () => {
  it('takes its leases with it, and those it had never taken go to other workers, at their old turn', () => {
    const { joins, asks, leaves, live } = coordinator();
    joins(0, { slots: 3 });
    asks(1);
    asks(2);
    asks(3);
    joins(1, { slots: 1 });
    asks(4, { affinity: likes(0) });
    expect(leaves(0, [1, null, null])).toEqual([]);
    expect(live()).toBe(2 - 1);
  });

  it('gives its unconfirmed leases to free slots elsewhere, the one who asked first first', () => {
    const { joins, asks, leaves, waiting } = coordinator();
    joins(0, { slots: 3 });
    for (const ticket of [1, 2, 3]) asks(ticket);
    joins(1, { slots: 1 });
    expect(leaves(0, [1, null, null])).toEqual(['worker-1: lease 4, slot 0, for 2']);
    expect(waiting()).toEqual([3]);
    asks(4);
    expect(joins(0)).toEqual(['worker-0: lease 5, slot 0, for 3']);
  });

  it('takes a lease for unconfirmed where it had taken another in that slot', () => {
    const { joins, asks, frees, leaves } = coordinator();
    joins(0);
    asks(1);
    asks(2);
    frees(0);
    joins(1);
    expect(leaves(0, [1])).toEqual(['worker-1: lease 3, slot 0, for 2']);
  });

  it('returns them in the order in which they had asked, whatever slots they had', () => {
    const { joins, asks, frees, leaves } = coordinator();
    joins(0, { slots: 2 });
    asks(1);
    asks(2);
    asks(3);
    // The third is in slot 0 now, before the second.
    frees(0, 0);
    joins(1, { slots: 2 });
    expect(leaves(0, [null, null])).toEqual(['worker-1: lease 4, slot 0, for 2', 'worker-1: lease 5, slot 1, for 3']);
  });

  it('leaves at their old place those who find no other slot, and refuses those who may not wait', () => {
    const { joins, asks, leaves, waiting } = coordinator();
    joins(0, { slots: 2 });
    asks(1);
    asks(2, { mayWait: false });
    asks(3);
    expect(leaves(0, [null, null])).toEqual(['refused worker-left: 2']);
    expect(waiting()).toEqual([1, 3]);
    expect(joins(0, { slots: 2 })).toEqual(['worker-0: lease 3, slot 0, for 1', 'worker-0: lease 4, slot 1, for 3']);
  });

  it('refuses whoever waits for it alone, returned or not', () => {
    const { joins, asks, leaves, waiting } = coordinator();
    joins(0);
    asks(1, { affinity: bound(0) });
    asks(2, { affinity: bound(0) });
    asks(3);
    expect(leaves(0, [null])).toEqual(['refused worker-left: 1, 2']);
    expect(waiting()).toEqual([3]);
  });

  it('changes nothing where it had never joined, or another is there by now', () => {
    const { joins, asks, leaves, live } = coordinator();
    joins(0);
    asks(1);
    expect(leaves(0, [null], 999)).toEqual([]);
    expect(leaves(4, [null])).toEqual([]);
    expect(live()).toBe(1);
  });

  it('has no slots any more', () => {
    const { joins, asks, leaves } = coordinator();
    joins(0, { slots: 2 });
    asks(1);
    leaves(0, [1, null]);
    expect(asks(2)).toEqual([]);
  });
});

describe('a pool whose workers do not start', () => {
  it('refuses all who wait and all who come, until a worker has', () => {
    const { asks, says, joins, state } = coordinator();
    asks(1);
    asks(2);
    expect(says('pool.degraded')).toEqual(['refused degraded: 1, 2']);
    expect(asks(3)).toEqual(['refused degraded: 3']);
    expect(joins(0)).toEqual([]);
    expect(state()).toBe('open');
    expect(asks(4)).toEqual(['worker-0: lease 1, slot 0, for 4']);
  });

  it('is not believed where one is in service: the news have crossed it', () => {
    const { joins, says, leaves, state } = coordinator();
    joins(1);
    expect(says('pool.degraded')).toEqual([]);
    expect(state()).toBe('open');
    leaves(1, [null]);
    says('pool.degraded');
    expect(state()).toBe('degraded');
  });

  it.each(['pool.drain', 'pool.destroy'] as const)('is closed at once by %s', (type) => {
    const { says, state } = coordinator();
    says('pool.degraded');
    expect(says(type)).toEqual(['supervisor: coordinator.closed']);
    expect(state()).toBe('closed');
  });
});

describe('a pool that drains', () => {
  it('is closed at once where nobody waits or runs', () => {
    const { joins, says, asks, frees, state } = coordinator();
    joins(0);
    asks(1);
    frees(0);
    expect(says('pool.drain')).toEqual(['supervisor: coordinator.closed']);
    expect(state()).toBe('closed');
  });

  it('serves who waits, refuses who comes, and is closed by the end of the last lease', () => {
    const { joins, asks, frees, says, state } = coordinator();
    joins(0);
    asks(1);
    asks(2);
    expect(says('pool.drain')).toEqual([]);
    expect(asks(3)).toEqual(['refused closed: 3']);
    expect(frees(0)).toEqual(['worker-0: lease 2, slot 0, for 2']);
    expect(frees(0)).toEqual(['supervisor: coordinator.closed']);
    expect(state()).toBe('closed');
  });

  it('lets whoever is back in again, to a free worker or to wait, and is closed once they are served', () => {
    const { joins, asks, isBack, frees, says, state, waiting } = coordinator();
    joins(0);
    joins(1);
    asks(2);
    says('pool.drain');
    expect(isBack(1)).toEqual(['worker-0: lease 2, slot 0, for 1']);
    expect(isBack(3)).toEqual([]);
    expect(asks(4)).toEqual(['refused closed: 4']);
    expect(waiting()).toEqual([3]);
    expect(frees(0)).toEqual(['worker-0: lease 3, slot 0, for 3']);
    expect(frees(0)).toEqual([]);
    expect(state()).toBe('draining');
    expect(frees(1)).toEqual(['supervisor: coordinator.closed']);
  });

  it('goes on while others run', () => {
    const { joins, asks, frees, says, state } = coordinator();
    joins(0, { slots: 2 });
    asks(1);
    asks(2);
    says('pool.drain');
    expect(frees(0, 0)).toEqual([]);
    expect(state()).toBe('draining');
    expect(frees(0, 1)).toEqual(['supervisor: coordinator.closed']);
  });

  it('goes on while somebody waits, though nothing runs', () => {
    const { joins, asks, frees, says, is, state } = coordinator();
    joins(0);
    asks(1);
    asks(2);
    says('pool.drain');
    is('worker.leaving', 0);
    expect(frees(0)).toEqual([]);
    expect(state()).toBe('draining');
    expect(is('worker.staying', 0)).toEqual(['worker-0: lease 2, slot 0, for 2']);
  });

  it('is closed when the last who waited has gone, and not by one that does not wait, nor while others do', () => {
    const { asks, cancels, says, state, waiting } = coordinator();
    asks(1);
    asks(2);
    says('pool.drain');
    expect(state()).toBe('draining');
    expect(cancels(1)).toEqual([]);
    expect(cancels(9)).toEqual([]);
    expect([state(), waiting()]).toEqual(['draining', [2]]);
    expect(cancels(2)).toEqual(['supervisor: coordinator.closed']);
    expect([state(), waiting()]).toEqual(['closed', []]);
  });

  it('is not closed by the last who waited while somebody runs', () => {
    const { joins, asks, cancels, says, state, waiting } = coordinator();
    joins(0);
    asks(1);
    asks(2);
    says('pool.drain');
    expect(cancels(2)).toEqual([]);
    expect([state(), waiting()]).toEqual(['draining', []]);
  });

  it('sheds as before', () => {
    const { joins, asks, frees, says } = coordinator({ shed: { targetMs: 50, intervalMs: 100 } });
    joins(0);
    for (const ticket of [1, 2, 3, 4]) asks(ticket);
    says('pool.drain');
    frees(0, 0, { at: 1_000 });
    expect(frees(0, 0, { at: 1_100 })).toEqual(['worker-0: lease 3, slot 0, for 4', 'refused overloaded: 3']);
  });

  it('gives a new worker to those who wait', () => {
    const { joins, asks, says } = coordinator();
    asks(1);
    says('pool.drain');
    expect(joins(0)).toEqual(['worker-0: lease 1, slot 0, for 1']);
  });

  it('is closed by the end of the worker with the last leases', () => {
    const { joins, asks, leaves, says, state } = coordinator();
    joins(0, { slots: 2 });
    asks(1);
    asks(2, { mayWait: false });
    says('pool.drain');
    expect(leaves(0, [1, null])).toEqual(['refused worker-left: 2', 'supervisor: coordinator.closed']);
    expect(state()).toBe('closed');
  });

  it('goes on where a worker leaves whose grants go elsewhere, and where others run', () => {
    const { joins, asks, leaves, says, state } = coordinator();
    joins(0);
    asks(1);
    joins(1);
    says('pool.drain');
    expect(leaves(0, [null])).toEqual(['worker-1: lease 2, slot 0, for 1']);
    expect(state()).toBe('draining');
    expect(leaves(1, [null])).toEqual([]);
    expect(state()).toBe('draining');
  });

  it('refuses those of a worker that leaves who may not wait, while others run', () => {
    const { joins, asks, leaves, says, state } = coordinator();
    joins(0);
    joins(1);
    asks(1);
    asks(2, { mayWait: false });
    says('pool.drain');
    expect(leaves(0, [null])).toEqual(['refused worker-left: 2']);
    expect(state()).toBe('draining');
  });

  it('is closed where no worker comes any more, and those who wait are refused', () => {
    const { joins, asks, leaves, says, state } = coordinator();
    joins(0);
    asks(1);
    asks(2);
    says('pool.drain');
    expect(says('pool.degraded')).toEqual([]);
    leaves(0, [1]);
    expect(says('pool.degraded')).toEqual(['refused degraded: 2', 'supervisor: coordinator.closed']);
    expect(state()).toBe('closed');
  });

  it('is closed at once by pool.destroy', () => {
    const { asks, says, state } = coordinator();
    asks(1);
    says('pool.drain');
    expect(says('pool.destroy')).toEqual(['refused closed: 1', 'supervisor: coordinator.closed']);
    expect(state()).toBe('closed');
  });
});

describe('a pool that is closed', () => {
  it('has refused all who waited, and refuses all who come', () => {
    const { asks, says, joins, waiting } = coordinator();
    asks(1);
    asks(2);
    expect(says('pool.destroy')).toEqual(['refused closed: 1, 2', 'supervisor: coordinator.closed']);
    expect(waiting()).toEqual([]);
    expect(asks(3)).toEqual(['refused closed: 3']);
    expect(joins(0)).toEqual([]);
    expect(asks(4)).toEqual(['refused closed: 4']);
  });

  it('lets leases end that were granted before, and refuses those that had never arrived', () => {
    const { joins, asks, frees, leaves, says, live } = coordinator();
    joins(0, { slots: 3 });
    for (const ticket of [1, 2, 3]) asks(ticket);
    says('pool.destroy');
    expect(frees(0, 0)).toEqual([]);
    expect(live()).toBe(2);
    expect(leaves(0, [null, 2, null])).toEqual(['refused closed: 3']);
    expect(leaves(0, [null, null, null])).toEqual([]);
  });

  it('refuses nobody where all had arrived', () => {
    const { joins, asks, leaves, says } = coordinator();
    joins(0);
    asks(1);
    says('pool.destroy');
    expect(leaves(0, [1])).toEqual([]);
  });
});

describe('a worker with slots ahead', () => {
  const short = { isShort: true };

  it('has short calls wait behind the next, as far as they go, once more wait than there are workers', () => {
    const { joins, asks, frees, waiting } = coordinator();
    joins(0, { ahead: 2 });
    asks(1);
    for (const ticket of [2, 3, 4, 5, 6]) asks(ticket, short);
    // The slot that was freed comes last, since its client begins last.
    expect(frees(0)).toEqual([
      'worker-0: lease 2, slot 1, for 2',
      'worker-0: lease 3, slot 2, for 3',
      'worker-0: lease 4, slot 0, for 4',
    ]);
    expect(waiting()).toEqual([5, 6]);
    expect(frees(0, 0)).toEqual(['worker-0: lease 5, slot 0, for 5']);
    expect(frees(0, 1)).toEqual(['worker-0: lease 6, slot 1, for 6']);
    expect([...frees(0, 2), ...frees(0, 0)]).toEqual([]);
  });

  it('has them from the moment that one more waits than there are workers, in the queue or in the pipe', () => {
    const { joins, asks, frees, waiting } = coordinator();
    joins(0, { ahead: 2 });
    asks(1, short);
    expect(asks(2, short)).toEqual([]);
    expect(asks(3, short)).toEqual(['worker-0: lease 2, slot 1, for 2', 'worker-0: lease 3, slot 2, for 3']);
    expect(asks(4, short)).toEqual([]);
    expect(frees(0, 0)).toEqual(['worker-0: lease 4, slot 0, for 4']);
    expect(frees(0, 1)).toEqual([]);
    // One runs and one waits for it.
    expect(asks(5, short)).toEqual(['worker-0: lease 5, slot 1, for 5']);
    expect([...frees(0, 2), ...frees(0, 0)]).toEqual([]);
    expect(asks(6, short)).toEqual([]);
    expect(waiting()).toEqual([6]);
    expect(frees(0, 1)).toEqual(['worker-0: lease 6, slot 1, for 6']);
  });

  it('has them as soon where others have left, whose places are empty', () => {
    const { joins, asks, leaves } = coordinator();
    for (const place of [0, 1, 2]) joins(place, { ahead: 2 });
    for (const place of [1, 2]) leaves(place, [null, null, null]);
    asks(1, short);
    expect(asks(2, short)).toEqual([]);
    expect(asks(3, short)).toEqual(['worker-0: lease 2, slot 1, for 2', 'worker-0: lease 3, slot 2, for 3']);
  });

  it('shares them out among the workers, the one with the fewest leases first', () => {
    const { joins, asks, is, frees } = coordinator();
    for (const place of [0, 1, 2]) joins(place, { ahead: 3 });
    is('worker.leaving', 2);
    for (const ticket of [1, 2, 3, 4, 5]) asks(ticket, short);
    expect(asks(6, short)).toEqual([
      'worker-0: lease 3, slot 1, for 3',
      'worker-1: lease 4, slot 1, for 4',
      'worker-0: lease 5, slot 2, for 5',
      'worker-1: lease 6, slot 2, for 6',
    ]);
    expect(frees(0, 0)).toEqual([]);
    expect(asks(7, short)).toEqual(['worker-0: lease 7, slot 0, for 7']);
  });

  it('gives them to nobody who comes while others are first, who are not short or have no worker for them', () => {
    const { joins, asks, waiting } = coordinator();
    joins(0, { ahead: 3 });
    asks(1, short);
    asks(2);
    for (const ticket of [3, 4, 5]) expect(asks(ticket, short)).toEqual([]);
    expect(asks(6, { ...short, priority: 1 })).toEqual(['worker-0: lease 2, slot 1, for 6']);
    expect(asks(7, { ...short, mayWait: false })).toEqual(['refused busy: 7']);
    expect(waiting()).toEqual([2, 3, 4, 5]);
  });

  it('keeps them for nobody else: whoever comes, and whoever is not short, waits until it has nothing left to do', () => {
    const { joins, asks, frees } = coordinator();
    joins(0, { ahead: 2 });
    expect(asks(1)).toEqual(['worker-0: lease 1, slot 0, for 1']);
    for (const ticket of [2, 3, 4]) expect(asks(ticket, short)).toEqual([]);
    asks(5);
    asks(6);
    asks(7);
    expect(frees(0)).toHaveLength(3);
    expect(frees(0, 1)).toEqual([]);
    expect(frees(0, 2)).toEqual([]);
    expect(frees(0, 0)).toEqual(['worker-0: lease 5, slot 0, for 5']);
    asks(8, short);
    expect(frees(0, 0)).toEqual(['worker-0: lease 6, slot 0, for 6']);
  });

  it('lets nobody wait behind a call that is not short', () => {
    const { joins, asks, frees } = coordinator();
    joins(0, { slots: 2, ahead: 2 });
    asks(1);
    asks(2, short);
    for (const ticket of [3, 4, 5, 6, 7]) asks(ticket, short);
    expect(frees(0, 1)).toEqual(['worker-0: lease 3, slot 1, for 3']);
    expect(frees(0, 0)).toEqual([
      'worker-0: lease 4, slot 2, for 4',
      'worker-0: lease 5, slot 3, for 5',
      'worker-0: lease 6, slot 0, for 6',
    ]);
  });

  it('has them from the moment it joins, or stays, if so many wait', () => {
    const { joins, asks, is, frees } = coordinator();
    for (const ticket of [1, 2, 3, 4, 5, 6]) asks(ticket, short);
    expect(joins(0, { ahead: 1 })).toHaveLength(2);
    is('worker.leaving', 0);
    expect(frees(0, 0)).toEqual([]);
    expect(frees(0, 1)).toEqual([]);
    expect(is('worker.staying', 0)).toHaveLength(2);
  });

  it('leaves with all of them, and those that it never got go to another, or wait again', () => {
    const { joins, asks, leaves, live, waiting } = coordinator();
    for (const ticket of [1, 2, 3, 4, 5, 6]) asks(ticket, short);
    joins(0, { ahead: 2 });
    expect(live()).toBe(3);
    joins(1, { ahead: 2 });
    expect(leaves(0, [1, null, 3])).toEqual([]);
    expect([live(), waiting()]).toEqual([3, [2]]);
  });

  it('has no more wait than may, those who are held elsewhere included, in all and of one key', () => {
    const { joins, asks, waiting } = coordinator({ queueMax: 3, queueMaxPerKey: 2 });
    asks(1, { fairnessKey: 'a' }, { all: 1, alike: 0 });
    expect(asks(2, { fairnessKey: 'a' }, { all: 1, alike: 1 })).toEqual(['refused key-full: 2']);
    expect(asks(3, { fairnessKey: 'b' }, { all: 2, alike: 2 })).toEqual(['refused queue-full: 3']);
    expect(asks(4, { fairnessKey: 'b' }, { all: 1, alike: 1 })).toEqual([]);
    expect(waiting()).toEqual([1, 4]);
    joins(0, { slots: 3 });
    expect(asks(5, {}, { all: 3, alike: 0 })).toEqual(['worker-0: lease 3, slot 2, for 5']);
  });

  it('lets whoever had a worker that never came to them in again, however many wait by now', () => {
    const { asks, isBack, waiting } = coordinator({ queueMax: 2, queueMaxPerKey: 1 });
    asks(3, { fairnessKey: 'a' });
    asks(4);
    expect(asks(5)).toEqual(['refused queue-full: 5']);
    expect([...isBack(1, { fairnessKey: 'a' }), ...isBack(2)]).toEqual([]);
    expect(waiting()).toHaveLength(4);
  });

  it('does not use them where waiters are shed, since who waits there has left the queue', () => {
    const { joins, asks, frees } = coordinator({ shed: { targetMs: 1_000, intervalMs: 0 } });
    joins(0, { ahead: 2 });
    for (const ticket of [1, 2, 3, 4, 5]) asks(ticket, short);
    expect(frees(0)).toEqual(['worker-0: lease 2, slot 0, for 2']);
  });
});

/** A coordinator, and what each event makes it say. A worker at place `n` is `worker-n`, of the id `10 + n`. */
function coordinator({
  queueMax = 100,
  queueMaxPerKey = 100,
  shed = null,
}: Partial<{ queueMax: number; queueMaxPerKey: number; shed: QueueRules['shed'] }> = {}) {
  const supervisor = inertRef<SupervisorRef>('supervisor');
  const rules = { ageAfterMs: 1_000, shed };
  let { snapshot } = begin(coordinatorMachine, { queueMax, queueMaxPerKey, rules, supervisor });
  const tell = (event: CoordinatorEvent): string[] => {
    // Whoever holds an old snapshot has it as it was.
    freeze(snapshot.context);
    const taken = take(coordinatorMachine, snapshot, event);
    snapshot = taken.snapshot;
    return taken.said.flatMap(shown);
  };
  const asked = (ticket: number, wish: Partial<Waiter> = {}): Waiter => {
    const nobody = {
      ticket,
      askedAt: 0,
      priority: 0,
      fairnessKey: null,
      affinity: null,
      mayWait: true,
      isShort: false,
    };
    const waiter = { ...nobody, ...wish };
    waiters.set(ticket, waiter);
    return waiter;
  };
  const waiters = new Map<number, Waiter>();
  return {
    asks: (ticket: number, wish?: Partial<Waiter>, held?: { all: number; alike: number }) =>
      tell({ type: 'lease.request', waiter: asked(ticket, wish), ...(held && { held }) }),
    isBack: (ticket: number, wish?: Partial<Waiter>) =>
      tell({ type: 'lease.request', waiter: asked(ticket, wish), isBack: true }),
    cancels: (ticket: number) => tell({ type: 'lease.cancel', waiter: waiters.get(ticket) ?? asked(ticket) }),
    joins: (place: number, { slots = 1, ahead = 0 } = {}) => {
      const ref = inertRef<WorkerRef>(`worker-${place}`);
      return tell({ type: 'worker.joined', worker: idAt(place), place, slots, ahead, ref });
    },
    frees: (place: number, slot = 0, { worker = idAt(place), at = 0 } = {}) =>
      tell({ type: 'slot.freed', worker, place, slot, at }),
    is: (type: 'worker.leaving' | 'worker.staying', place: number, worker = idAt(place)) =>
      tell({ type, worker, place }),
    leaves: (place: number, leases: readonly (LeaseId | null)[], worker = idAt(place)) =>
      tell({ type: 'worker.left', worker, place, leases }),
    says: (type: 'pool.degraded' | 'pool.drain' | 'pool.destroy') => tell({ type }),
    state: () => snapshot.value,
    live: () => snapshot.context.live,
    waiting: () => listWaiters(snapshot.context.queue).map(({ ticket }) => ticket),
  };
}

const idAt = (place: number) => 10 + place;
const likes = (place: number, worker = idAt(place)): Affinity => ({ worker, place, strict: false });
const bound = (place: number, worker = idAt(place)): Affinity => ({ worker, place, strict: true });

function shown(said: Said): string[] {
  if (said.how === 'emit') {
    const { reason, waiters } = said.event as AnyEventObject & { waiters: readonly Waiter[] };
    return waiters.length === 0 ? [] : [`refused ${reason}: ${waiters.map(({ ticket }) => ticket).join(', ')}`];
  }
  if (said.how !== 'send') return [];
  const { type, lease, slot, waiter } = said.event;
  return [
    type === 'lease.granted'
      ? `${said.to.id}: lease ${lease}, slot ${slot}, for ${waiter.ticket}`
      : `${said.to.id}: ${type}`,
  ];
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || '_send' in value) return;
  Object.freeze(value);
  for (const each of Object.values(value)) freeze(each);
}
