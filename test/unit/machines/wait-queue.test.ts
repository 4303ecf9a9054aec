import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Affinity,
  addWaiter,
  emptyQueue,
  firstWaiterFor,
  hasWaiter,
  listWaiters,
  removeWaiter,
  takeBound,
  type Waiter,
  type WaitQueue,
  type WorkerId,
} from '../../../machines/index.js';

describe('the order of the wait queue', () => {
  it('serves in the order of arrival', () => {
    const queue = queueOf(waiter(1), waiter(2), waiter(3));
    expect(serveAll(queue)).toEqual([1, 2, 3]);
  });

  it('serves a higher priority first, and the order of arrival within one', () => {
    const queue = queueOf(waiter(1), waiter(2, 5), waiter(3, -5), waiter(4, 5), waiter(5));
    expect(serveAll(queue)).toEqual([2, 4, 1, 5, 3]);
  });

  it('gives back an old place to one who returns', () => {
    const queue = queueOf(waiter(2), waiter(3), waiter(5));
    expect(serveAll(addWaiter(queue, waiter(4)))).toEqual([2, 3, 4, 5]);
    expect(serveAll(addWaiter(queue, waiter(1)))).toEqual([1, 2, 3, 5]);
  });

  it('hands a bound waiter to its own worker and to no other', () => {
    const bound = waiter(1, 0, { worker: 7, place: 0, strict: true });
    const queue = queueOf(bound, waiter(2));
    expect(firstWaiterFor(queue, 7)).toBe(bound);
    expect(firstWaiterFor(queue, 8)?.ticket).toBe(2);
  });

  it('lets a bound waiter overtake nobody who came before it, or stands above it', () => {
    const bound = waiter(2, 0, { worker: 7, place: 0, strict: true });
    expect(firstWaiterFor(queueOf(waiter(1), bound), 7)?.ticket).toBe(1);
    expect(firstWaiterFor(queueOf(bound, waiter(3, 1)), 7)?.ticket).toBe(3);
    expect(firstWaiterFor(queueOf(bound, waiter(1, -1)), 7)?.ticket).toBe(2);
  });

  it('lets any worker serve one that only prefers another', () => {
    const hopeful = waiter(1, 0, { worker: 7, place: 0, strict: false });
    expect(firstWaiterFor(queueOf(hopeful), 8)).toBe(hopeful);
  });

  it('takes out those who wait for one worker alone when that worker leaves', () => {
    const bound = waiter(1, 0, { worker: 7, place: 0, strict: true });
    const [gone, rest] = takeBound(queueOf(bound, waiter(2)), 7);
    expect(gone).toEqual([bound]);
    expect(serveAll(rest)).toEqual([2]);
    expect(takeBound(rest, 7)).toEqual([[], rest]);
  });
});

describe('cancelling in the wait queue', () => {
  it('leaves the others in their order', () => {
    expect(serveAll(removeWaiter(queueOf(waiter(1), waiter(2), waiter(3)), waiter(2)))).toEqual([1, 3]);
  });

  it('returns the very same queue when the waiter does not wait there', () => {
    const queue = queueOf(waiter(1));
    expect(removeWaiter(queue, waiter(2))).toBe(queue);
    expect(removeWaiter(queue, waiter(1, 3))).toBe(queue);
    expect(removeWaiter(queue, waiter(1, 0, { worker: 7, place: 0, strict: true }))).toBe(queue);
  });

  it('ends with the empty queue when all have gone, bound or not', () => {
    const bound = waiter(2, 0, { worker: 7, place: 0, strict: true });
    const queue = removeWaiter(removeWaiter(queueOf(waiter(1), bound), bound), waiter(1));
    expect(queue).toEqual(emptyQueue);
  });
});

describe('the wait queue as a value', () => {
  it('does for any run of commands what a sorted list does, and never changes an old queue', () => {
    fc.assert(
      fc.property(fc.array(arbitraryCommand, { maxLength: 400, size: 'max' }), (commands) => {
        let queue = emptyQueue;
        let model: readonly Waiter[] = [];
        for (const command of commands) {
          const before = frozen(queue);
          const listed = listWaiters(before);
          [queue, model] = command(before, model);
          expect(listWaiters(before)).toEqual(listed);
          expect(queue.size).toBe(model.length);
          for (const worker of WORKERS) expect(firstWaiterFor(queue, worker)).toBe(naiveFirst(model, worker));
        }
        expect([...listWaiters(queue)].sort(byTicket)).toEqual([...model].sort(byTicket));
        for (const each of model) expect(hasWaiter(queue, each)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('does so with thousands who wait, come back and go', () => {
    const random = seeded(1);
    let queue = emptyQueue;
    let model: Waiter[] = [];
    for (let ticket = 1; ticket <= 6_000; ticket++) {
      const next = waiter(ticket, Math.floor(random() * 3));
      queue = addWaiter(queue, next);
      model.push(next);
      if (random() < 0.3) {
        const gone = model[Math.floor(random() * model.length)]!;
        queue = removeWaiter(queue, gone);
        model = model.filter((each) => each !== gone);
        // Some were only away: their grant never arrived.
        if (random() < 0.5) {
          queue = addWaiter(queue, gone);
          model.push(gone);
        }
      }
    }
    expect(serveAll(queue)).toEqual([...model].sort(byPrecedence).map((each) => each.ticket));
  });
});

// Counted and not timed: what a busy machine cannot disturb.
describe('the cost of the wait queue', () => {
  it('is four nodes deep with a hundred thousand waiters', () => {
    const queue = queueOfMany(100_000);
    expect(depthOf(queue)).toBeLessThanOrEqual(4);
  });

  it('copies a handful of nodes for each change, however many wait', () => {
    const queue = queueOfMany(100_000);
    for (const ticket of [1, 777, 50_000, 99_999]) {
      const without = removeWaiter(queue, waiter(ticket));
      expect(copiedNodes(queue, without)).toBeLessThanOrEqual(5);
      expect(copiedNodes(without, addWaiter(without, waiter(ticket)))).toBeLessThanOrEqual(5);
    }
    expect(copiedNodes(queue, addWaiter(queue, waiter(100_001)))).toBeLessThanOrEqual(5);
  });

  it('keeps nothing of those who have cancelled, even of all but one', () => {
    let queue = queueOfMany(20_000);
    for (let ticket = 1; ticket <= 20_000; ticket++) if (ticket !== 9_000) queue = removeWaiter(queue, waiter(ticket));
    expect(listWaiters(queue).map((each) => each.ticket)).toEqual([9_000]);
    expect(nodesOf(queue)).toHaveLength(1);
  });

  it('keeps few nodes for few waiters, wherever those who left had stood', () => {
    let queue = queueOfMany(20_000);
    for (let ticket = 1; ticket <= 20_000; ticket++) if (ticket % 40 !== 0) queue = removeWaiter(queue, waiter(ticket));
    expect(queue.size).toBe(500);
    expect(nodesOf(queue).length).toBeLessThanOrEqual(500 / 8 + 20);
    expect(depthOf(queue)).toBeLessThanOrEqual(4);
  });

  it('stays shallow when a few wait for ever and crowds come and go around them', () => {
    let queue = emptyQueue;
    let ticket = 0;
    for (let crowd = 0; crowd < 60; crowd++) {
      const from = ticket + 1;
      for (let each = 0; each < 1_500; each++) queue = addWaiter(queue, waiter(++ticket));
      for (let each = from; each <= ticket; each++) if (each % 500 !== 0) queue = removeWaiter(queue, waiter(each));
    }
    expect(queue.size).toBe(180);
    expect(depthOf(queue)).toBeLessThanOrEqual(3);
  });

  it('is no deeper for those who come back in the worst order', () => {
    let queue = queueOf(waiter(0));
    for (let ticket = 20_000; ticket > 0; ticket--) queue = addWaiter(queue, waiter(ticket));
    expect(depthOf(queue)).toBeLessThanOrEqual(4);
    expect(nodesOf(queue).length).toBeLessThanOrEqual(20_000 / 8);
    expect(serveAll(queue)[20_000]).toBe(20_000);
  });
});

type Command = (queue: WaitQueue, model: readonly Waiter[]) => [WaitQueue, readonly Waiter[]];

const WORKERS: readonly WorkerId[] = [1, 2, 3];

function waiter(ticket: number, priority = 0, affinity: Affinity | null = null): Waiter {
  return { ticket, priority, affinity, mayWait: true };
}

function queueOf(...waiters: Waiter[]): WaitQueue {
  return waiters.reduce(addWaiter, emptyQueue);
}

function queueOfMany(count: number): WaitQueue {
  let queue = emptyQueue;
  for (let ticket = 1; ticket <= count; ticket++) queue = addWaiter(queue, waiter(ticket));
  return queue;
}

/** The tickets in the order in which a worker nobody is bound to would serve them. */
function serveAll(queue: WaitQueue): number[] {
  const served: number[] = [];
  for (let rest = queue; ; ) {
    const next = firstWaiterFor(rest, 0);
    if (next === undefined) return served;
    served.push(next.ticket);
    rest = removeWaiter(rest, next);
  }
}

const byTicket = (one: Waiter, other: Waiter) => one.ticket - other.ticket;
const byPrecedence = (one: Waiter, other: Waiter) => other.priority - one.priority || byTicket(one, other);

function naiveFirst(model: readonly Waiter[], worker: WorkerId): Waiter | undefined {
  const mine = model.filter(({ affinity }) => !affinity?.strict || affinity.worker === worker);
  return mine.sort(byPrecedence)[0];
}

const arbitraryAffinity = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  fc.record({ worker: fc.constantFrom(...WORKERS), place: fc.constant(0), strict: fc.boolean() }),
);

/** Add, cancel, serve or put back, chosen by numbers that are meaningful in whatever queue there is. */
const arbitraryCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ priority: fc.integer({ min: -2, max: 2 }), affinity: arbitraryAffinity }).map(
      ({ priority, affinity }): Command =>
        (queue, model) => {
          const ticket = Math.max(0, ...model.map((each) => each.ticket)) + 2;
          const next = waiter(ticket, priority, affinity);
          return [addWaiter(queue, next), [...model, next]];
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat().map(
      (choice): Command =>
        (queue, model) => {
          const gone = model[choice % Math.max(1, model.length)];
          if (gone === undefined) return [queue, model];
          return [removeWaiter(queue, gone), model.filter((each) => each !== gone)];
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat().map(
      (choice): Command =>
        (queue, model) => {
          const after = model[choice % Math.max(1, model.length)];
          if (after === undefined || model.some((each) => each.ticket === after.ticket - 1)) return [queue, model];
          const back = { ...after, ticket: after.ticket - 1 };
          return [addWaiter(queue, back), [...model, back]];
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...WORKERS).map(
      (worker): Command =>
        (queue, model) => {
          const next = firstWaiterFor(queue, worker);
          return next === undefined
            ? [queue, model]
            : [removeWaiter(queue, next), model.filter((each) => each !== next)];
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...WORKERS).map(
      (worker): Command =>
        (queue, model) => {
          const [gone, rest] = takeBound(queue, worker);
          return [rest, model.filter((each) => !gone.includes(each))];
        },
    ),
  },
);

/** Every object and array in which the queue keeps its waiters. */
function nodesOf(value: unknown): object[] {
  if (typeof value !== 'object' || value === null || 'ticket' in value) return [];
  const below = Object.values(value).flatMap(nodesOf);
  return 'first' in value ? [value, ...below] : below;
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null || 'ticket' in value) return 0;
  const below = Math.max(0, ...Object.values(value).map(depthOf));
  return 'first' in value ? below + 1 : below;
}

function copiedNodes(before: WaitQueue, after: WaitQueue): number {
  const old = new Set(nodesOf(before));
  return nodesOf(after).filter((node) => !old.has(node)).length;
}

/** Deeply frozen, so that a change of the old value throws. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) frozen(each);
  }
  return value;
}

/** A small generator of our own (mulberry32), so that a failure can be run again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
