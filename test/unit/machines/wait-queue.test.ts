import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Affinity,
  addWaiter,
  countWaiters,
  emptyQueue,
  firstWaiterFor,
  hasWaiter,
  listWaiters,
  type QueueRules,
  removeWaiter,
  returnWaiter,
  takeBound,
  takeFirst,
  type Waiter,
  type WaitQueue,
  type WorkerId,
} from '../../../machines/index.js';
import { isAwaited } from '../../../machines/wait-queue.js';
import { chanceOf } from '../../support/chance.js';
import { isMutated } from '../../support/mutated.js';

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
    expect(serveAll(returnWaiter(queue, waiter(4), 1))).toEqual([2, 3, 4, 5]);
    expect(serveAll(returnWaiter(queue, waiter(1), 1))).toEqual([1, 2, 3, 5]);
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

  it('knows whether somebody waits whom a worker may serve', () => {
    const bound = waiter(1, 0, { worker: 7, place: 0, strict: true });
    const awaited = (queue: WaitQueue) => [7, 8].map((worker) => isAwaited(queue, worker));
    expect(awaited(emptyQueue(RULES))).toEqual([false, false]);
    expect(awaited(queueOf(bound))).toEqual([true, false]);
    expect(awaited(queueOf(waiter(2)))).toEqual([true, true]);
    const both = queueOf(bound, waiter(2));
    expect(awaited(both)).toEqual([true, true]);
    expect(awaited(removeWaiter(both, waiter(2)))).toEqual([true, false]);
    expect(awaited(removeWaiter(both, bound))).toEqual([true, true]);
    expect(awaited(addWaiter(removeWaiter(both, waiter(2)), waiter(3)))).toEqual([true, true]);
    expect(awaited(takeFirst(both, 8, null)!.queue)).toEqual([true, false]);
  });

  it('takes out those who wait for one worker alone when that worker leaves', () => {
    const bound = waiter(1, 0, { worker: 7, place: 0, strict: true });
    const [gone, rest] = takeBound(queueOf(bound, waiter(2)), 7);
    expect(gone).toEqual([bound]);
    expect(serveAll(rest)).toEqual([2]);
    expect(takeBound(rest, 7)).toEqual([[], rest]);
  });
});

describe('how priorities age', () => {
  it('lets a higher priority overtake those who have waited for as long as its steps are worth, and no longer', () => {
    const low = waiter(1, 0, null, { askedAt: 0 });
    const queue = queueOf(
      low,
      waiter(2, 3, null, { askedAt: 3 * AGE_MS - 1 }),
      waiter(3, 3, null, { askedAt: 3 * AGE_MS + 1 }),
    );
    expect(serveAll(queue)).toEqual([2, 1, 3]);
  });

  it('serves the earlier of two who are worth the same', () => {
    const queue = queueOf(waiter(1, 0, null, { askedAt: 0 }), waiter(2, 1, null, { askedAt: AGE_MS }));
    expect(serveAll(queue)).toEqual([1, 2]);
  });

  it('keeps nobody waiting for ever, though there is always somebody of the highest priority', () => {
    let queue = queueOf(waiter(0, -100, null, { askedAt: 0 }));
    let [ticket, now] = [0, 0];
    for (;;) {
      now += 1_000;
      ticket += 1;
      queue = addWaiter(queue, waiter(ticket, 100, null, { askedAt: now }));
      const taken = takeFirst(queue, 0, null)!;
      queue = taken.queue;
      if (taken.waiter.ticket === 0) break;
    }
    // To the millisecond the moment at which its waiting makes up for the priority.
    expect(now).toBe(200 * AGE_MS);
  });

  it('can be switched off, or made all that counts', () => {
    const asked = [waiter(1, 0, null, { askedAt: 0 }), waiter(2, 1, null, { askedAt: 1e9 })];
    expect(serveAll(queueWith({ ageAfterMs: 2 ** 31 - 1 }, ...asked))).toEqual([2, 1]);
    expect(serveAll(queueWith({ ageAfterMs: 0 }, ...asked))).toEqual([1, 2]);
  });
});

describe('how keys take turns', () => {
  it('serves one of each, in the order in which they came, and those without as one more', () => {
    const queue = queueOf(
      ...[1, 2, 3].map((ticket) => of('a', ticket)),
      ...[4, 5].map((ticket) => of('b', ticket)),
      waiter(6),
      waiter(7),
      of('c', 8),
    );
    expect(serveAll(queue)).toEqual([1, 4, 6, 8, 2, 5, 7, 3]);
  });

  it.skipIf(isMutated)(
    'serves the first call of another after at most one for each key that waits, however many wait',
    () => {
      let queue = emptyQueue(RULES);
      for (let ticket = 1; ticket <= 10_000; ticket++) queue = addWaiter(queue, of('crowd', ticket));
      for (let turn = 0; turn < 50; turn++) queue = takeFirst(queue, 0, null)!.queue;
      queue = addWaiter(queue, of('other', 20_000));
      expect(serveAll(queue).indexOf(20_000)).toBe(1);
    },
  );

  it('is so for any number of keys, whatever had been served before', () => {
    const keys = fc.array(fc.constantFrom('a', 'b', 'c', 'd', null), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(keys, fc.nat({ max: 30 }), (asked, served) => {
        let queue = asked.reduce((now, key, ticket) => addWaiter(now, of(key, ticket)), emptyQueue(RULES));
        for (let each = 0; each < served && queue.size > 0; each++) queue = takeFirst(queue, 0, null)!.queue;
        const others = new Set(listWaiters(queue).map(({ fairnessKey }) => fairnessKey)).size;
        const order = serveAll(addWaiter(queue, of('new', 1_000)));
        expect(order.indexOf(1_000)).toBe(others);
      }),
    );
  });

  it('takes turns of its own in each priority', () => {
    const urgent = (key: string, ticket: number) => waiter(ticket, 1, null, { fairnessKey: key });
    const queue = queueOf(of('a', 1), of('b', 2), of('a', 3), urgent('b', 4), urgent('b', 5), urgent('a', 6));
    expect(serveAll(queue)).toEqual([4, 6, 5, 1, 2, 3]);
  });

  it('makes no difference whether they wait for one worker or for any', () => {
    const bound = (key: string, ticket: number) => waiter(ticket, 0, BOUND, { fairnessKey: key });
    const queue = queueOf(bound('a', 1), of('a', 2), bound('a', 3), of('b', 4), bound('b', 5));
    expect(serveAll(queue, 7)).toEqual([1, 4, 2, 5, 3]);
    expect(serveAll(queue, 8)).toEqual([2, 4]);
  });

  it('gives a key its turn back with one who returns', () => {
    const queue = queueOf(of('a', 1), of('a', 2), of('b', 3), of('c', 4));
    const { waiter: served, turn, queue: left } = takeFirst(queue, 0, null)!;
    expect(served.ticket).toBe(1);
    expect(serveAll(left)).toEqual([3, 4, 2]);
    expect(serveAll(returnWaiter(left, served, turn))).toEqual([1, 3, 4, 2]);
    const alone = queueOf(of('a', 1), of('b', 3));
    const taken = takeFirst(alone, 0, null)!;
    expect(serveAll(returnWaiter(taken.queue, taken.waiter, taken.turn))).toEqual([1, 3]);
  });

  it('goes by the earlier turn, of a key that still waits and of one of it who returns', () => {
    const first = queueOf(of('a', 2), of('a', 3));
    expect(serveAll(addWaiter(returnWaiter(first, of('a', 1), 5), of('b', 4)))).toEqual([1, 4, 2, 3]);
    const seventh = addWaiter({ ...emptyQueue(RULES), nextTurn: 7 }, of('a', 2));
    expect(serveAll(returnWaiter(returnWaiter(seventh, of('a', 1), 3), of('b', 4), 5))).toEqual([1, 4, 2]);
    expect(serveAll(returnWaiter(returnWaiter(seventh, of('a', 1), 6), of('b', 4), 5))).toEqual([4, 1, 2]);
  });

  it('finds a key among many, in whatever order they came', () => {
    const keys = Array.from({ length: 60 }, (_, index) => `key ${(index * 7) % 60}`);
    let queue = queueOf(
      ...keys.map((key, index) => of(key, index + 1)),
      ...keys.map((key, index) => of(key, index + 61)),
    );
    for (const key of keys) expect(countWaiters(queue, key)).toBe(2);
    for (const [index, key] of keys.entries()) queue = removeWaiter(queue, of(key, index + 1));
    expect(serveAll(queue)).toEqual(keys.map((_, index) => index + 61));
  });

  it('takes the turn from a key whose last waiter leaves: it comes back at the end', () => {
    const queue = removeWaiter(queueOf(of('a', 1), of('b', 2), of('b', 3)), of('a', 1));
    expect(serveAll(addWaiter(queue, of('a', 4)))).toEqual([2, 4, 3]);
  });

  it('counts who waits under a key, of whatever priority', () => {
    const queue = queueOf(of('a', 1), waiter(2, 5, BOUND, { fairnessKey: 'a' }), of('b', 3), waiter(4));
    expect([countWaiters(queue, 'a'), countWaiters(queue, 'b'), countWaiters(queue, 'c')]).toEqual([2, 1, 0]);
  });
});

describe('who is passed over for having waited too long', () => {
  const shed = { targetMs: 50, intervalMs: 100 };
  const asked = (ticket: number, askedAt: number) => waiter(ticket, 0, null, { askedAt });
  const at = (queue: WaitQueue, now: number) => {
    const { waiter: served, shed: gone, queue: left } = takeFirst(queue, 0, now)!;
    return { served: served.ticket, shed: gone.map(({ ticket }) => ticket), left };
  };

  it('is nobody before all who came up had waited too long for a whole interval', () => {
    const queue = queueWith({ shed }, ...[1, 2, 3, 4, 5, 6].map((ticket) => asked(ticket, 0)));
    const first = at(queue, 1_000);
    expect(first).toMatchObject({ served: 1, shed: [] });
    const second = at(first.left, 1_099);
    expect(second).toMatchObject({ served: 2, shed: [] });
    expect(at(second.left, 1_100)).toMatchObject({ served: 6, shed: [3, 4, 5] });
  });

  it('is nobody as soon as somebody has been served in time', () => {
    const queue = queueWith({ shed }, asked(1, 0), asked(2, 1_010), asked(3, 1_020), asked(4, 1_030), asked(5, 1_040));
    const first = at(queue, 1_000);
    const second = at(first.left, 1_050);
    expect(second).toMatchObject({ served: 2, shed: [] });
    const third = at(second.left, 1_200);
    expect(third).toMatchObject({ served: 3, shed: [] });
    expect(at(third.left, 1_300)).toMatchObject({ served: 5, shed: [4] });
  });

  it('is nobody who has waited twice the target or less, and never the last', () => {
    const queue = queueWith({ shed }, asked(1, 0), asked(2, 0), asked(3, 900), asked(4, 901));
    const first = at(queue, 800);
    const second = at(first.left, 1_000);
    expect(second).toMatchObject({ served: 3, shed: [2] });
    expect(at(second.left, 5_000)).toMatchObject({ served: 4, shed: [] });
  });

  it('is judged for each key and priority by itself: one that asks little loses nobody to another that asks much', () => {
    const crowd = (ticket: number) => waiter(ticket, 0, null, { askedAt: 0, fairnessKey: 'crowd' });
    let queue = queueWith({ shed }, crowd(1), crowd(2), crowd(3), crowd(4), crowd(5));
    queue = at(queue, 1_000).left;
    queue = addWaiter(queue, waiter(6, 0, null, { askedAt: 1_100, fairnessKey: 'other' }));
    const second = at(queue, 1_110);
    expect(second).toMatchObject({ served: 5, shed: [2, 3, 4] });
    expect(at(second.left, 1_400)).toMatchObject({ served: 6, shed: [] });
  });

  it('is told of also where those of the key have another turn', () => {
    const crowd = (ticket: number) => waiter(ticket, 0, null, { askedAt: 0, fairnessKey: 'crowd' });
    const others = { ...waiter(9), askedAt: 990, fairnessKey: 'other' };
    const queue = queueWith({ shed }, crowd(1), others, crowd(2), crowd(3), { ...crowd(4), askedAt: 1_050 });
    const other = at(at(queue, 1_000).left, 1_010);
    expect(other).toMatchObject({ served: 9, shed: [] });
    const late = addWaiter(other.left, { ...others, ticket: 10, askedAt: 1_090 });
    expect(at(late, 1_100)).toMatchObject({ served: 4, shed: [2, 3] });
  });

  it('is nobody where it is not asked for, or the moment is not known', () => {
    const all = [1, 2, 3].map((ticket) => asked(ticket, 0));
    expect(at(at(queueOf(...all), 1_000).left, 9_000)).toMatchObject({ served: 2, shed: [] });
    const known = at(queueWith({ shed }, ...all), 1_000).left;
    expect(takeFirst(known, 0, null)).toMatchObject({ waiter: { ticket: 2 }, shed: [] });
  });

  it('is judged as before once a moment is known again', () => {
    const queue = queueWith({ shed }, ...[1, 2, 3, 4, 5].map((ticket) => asked(ticket, 0)));
    const unknown = takeFirst(at(queue, 1_000).left, 0, null)!;
    expect(at(unknown.queue, 1_100)).toMatchObject({ served: 5, shed: [3, 4] });
  });

  it('is late who has waited for just as long as the target', () => {
    const first = at(queueWith({ shed }, asked(1, 950), asked(2, 0), asked(3, 0)), 1_000);
    expect(first).toMatchObject({ served: 1, shed: [] });
    expect(at(first.left, 1_100)).toMatchObject({ served: 3, shed: [2] });
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

  it('leaves nothing of one who waited for one worker alone', () => {
    const bound = waiter(2, 0, { worker: 7, place: 0, strict: true });
    expect(removeWaiter(queueOf(waiter(1), bound), bound)).toEqual(queueOf(waiter(1)));
    expect(takeBound(queueOf(waiter(1), bound), 7)[1]).toEqual(queueOf(waiter(1)));
    expect(hasWaiter(emptyQueue(RULES), bound)).toBe(false);
  });

  it('ends with the empty queue when all have gone, bound or not', () => {
    const bound = waiter(2, 0, { worker: 7, place: 0, strict: true });
    const queue = removeWaiter(removeWaiter(queueOf(waiter(1), bound), bound), waiter(1));
    expect(queue).toEqual({ ...emptyQueue(RULES), nextTurn: queue.nextTurn });
  });
});

describe('the wait queue as a value', () => {
  it('does for any run of commands what a sorted list does, and never changes an old queue', () => {
    fc.assert(
      fc.property(fc.array(arbitraryCommand, { maxLength: isMutated ? 100 : 400, size: 'max' }), (commands) => {
        let queue = emptyQueue(RULES);
        const model = new Model();
        for (const command of commands) {
          const before = frozen(queue);
          const listed = listWaiters(before);
          queue = command(before, model);
          expect(listWaiters(before)).toEqual(listed);
          expect(queue.size).toBe(model.waiters.length);
          for (const worker of WORKERS) expect(firstWaiterFor(queue, worker)).toBe(model.firstFor(worker));
        }
        expect([...listWaiters(queue)].sort(byTicket)).toEqual([...model.waiters].sort(byTicket));
        for (const each of model.waiters) expect(hasWaiter(queue, each)).toBe(true);
        for (const key of ['a', 'b']) {
          expect(countWaiters(queue, key)).toBe(model.waiters.filter((each) => each.fairnessKey === key).length);
        }
      }),
      { numRuns: isMutated ? 40 : 80, endOnFailure: isMutated },
    );
  });

  it('is the same value for the same waiters, whoever else has been there', () => {
    const alone = queueOf(waiter(1), waiter(2));
    expect(removeWaiter(queueOf(waiter(1), waiter(2), waiter(3, 5)), waiter(3, 5))).toEqual({ ...alone, nextTurn: 3 });
    const keyed = { ...waiter(3), fairnessKey: 'a' };
    const left = removeWaiter(queueOf(waiter(1), waiter(2), keyed), keyed);
    expect(left).toEqual({ ...alone, nextTurn: 3 });
    expect(removeWaiter(removeWaiter(left, waiter(1)), waiter(2))).toEqual({ ...emptyQueue(RULES), nextTurn: 3 });
  });

  it.skipIf(isMutated)('does so with thousands who wait, come back and go', () => {
    const random = chanceOf(1);
    let queue = emptyQueue(RULES);
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
          queue = returnWaiter(queue, gone, 1);
          model.push(gone);
        }
      }
    }
    expect(serveAll(queue)).toEqual([...model].sort(byPrecedence).map((each) => each.ticket));
  });
});

// Counted and not timed: what a busy machine cannot disturb.
describe('the cost of the wait queue', () => {
  it.skipIf(isMutated)('is six nodes deep with a hundred thousand waiters', () => {
    const queue = queueOfMany(100_000);
    expect(depthOf(queue)).toBe(6);
  });

  it.skipIf(isMutated)('copies a handful of nodes for each change, however many wait', () => {
    const queue = queueOfMany(100_000);
    for (const ticket of [1, 777, 50_000, 99_999]) {
      const without = removeWaiter(queue, waiter(ticket));
      expect(copiedNodes(queue, without)).toBeLessThanOrEqual(7);
      expect(copiedNodes(without, returnWaiter(without, waiter(ticket), 1))).toBeLessThanOrEqual(7);
    }
  });

  it.skipIf(isMutated)(
    'copies no more than two for most who come or are served, and a handful for one of sixteen',
    () => {
      let queue = queueOfMany(100_000);
      const copied = { two: 0, more: 0 };
      const change = (after: WaitQueue) => {
        const copies = copiedNodes(queue, after);
        copied[copies > 2 ? 'more' : 'two'] += 1;
        expect(copies).toBeLessThanOrEqual(8);
        queue = after;
      };
      for (let each = 1; each <= 32; each++) {
        change(takeFirst(queue, 0, null)!.queue);
        change(addWaiter(queue, waiter(100_000 + each)));
      }
      expect(copied).toEqual({ two: 60, more: 4 });
    },
  );

  it.skipIf(isMutated)(
    'copies few more for a hundred thousand who all bear keys of their own, or ten who bear ten thousand each',
    () => {
      for (const keys of [100_000, 10]) {
        let queue = emptyQueue(RULES);
        for (let ticket = 1; ticket <= 100_000; ticket++) queue = addWaiter(queue, of(`key ${ticket % keys}`, ticket));
        const taken = takeFirst(queue, 0, null)!;
        expect(copiedNodes(queue, taken.queue)).toBeLessThanOrEqual(20);
        expect(copiedNodes(queue, addWaiter(queue, of('another', 200_000)))).toBeLessThanOrEqual(20);
        expect(copiedNodes(taken.queue, returnWaiter(taken.queue, taken.waiter, taken.turn))).toBeLessThanOrEqual(20);
      }
    },
  );

  it.skipIf(isMutated)(
    'tells of all who wait, and lets go of all who wait for one worker, however many they are',
    () => {
      const many = 300_000;
      let [anyone, bound] = [emptyQueue(RULES), emptyQueue(RULES)];
      for (let ticket = 1; ticket <= many; ticket++) {
        anyone = addWaiter(anyone, waiter(ticket));
        bound = addWaiter(bound, waiter(ticket, 0, { worker: 7, place: 0, strict: true }));
      }
      expect([listWaiters(anyone).length, listWaiters(bound).length]).toEqual([many, many]);
      const [gone, left] = takeBound(bound, 7);
      expect([gone.length, left.size]).toEqual([many, 0]);
    },
  );

  it.skipIf(isMutated)('keeps nothing of those who have cancelled, even of all but one', () => {
    let queue = queueOfMany(20_000);
    for (let ticket = 1; ticket <= 20_000; ticket++) if (ticket !== 9_000) queue = removeWaiter(queue, waiter(ticket));
    expect(listWaiters(queue).map((each) => each.ticket)).toEqual([9_000]);
    expect(nodesOf(queue)).toHaveLength(1);
  });

  it.skipIf(isMutated)('keeps few nodes for few waiters, wherever those who left had stood', () => {
    let queue = queueOfMany(20_000);
    for (let ticket = 1; ticket <= 20_000; ticket++) if (ticket % 40 !== 0) queue = removeWaiter(queue, waiter(ticket));
    expect(queue.size).toBe(500);
    expect(nodesOf(queue).length).toBeLessThanOrEqual(500 / 4 + 20);
    expect(depthOf(queue)).toBeLessThanOrEqual(6);
  });

  it.skipIf(isMutated)('stays shallow when a few wait for ever and crowds come and go around them', () => {
    let queue = emptyQueue(RULES);
    let ticket = 0;
    for (let crowd = 0; crowd < 60; crowd++) {
      const from = ticket + 1;
      for (let each = 0; each < 1_500; each++) queue = addWaiter(queue, waiter(++ticket));
      for (let each = from; each <= ticket; each++) if (each % 500 !== 0) queue = removeWaiter(queue, waiter(each));
    }
    expect(queue.size).toBe(180);
    expect(depthOf(queue)).toBeLessThanOrEqual(5);
  });

  it.skipIf(isMutated)('is no deeper for those who come back in the worst order', () => {
    let queue = queueOf(waiter(0));
    for (let ticket = 20_000; ticket > 0; ticket--) queue = addWaiter(queue, waiter(ticket));
    expect(depthOf(queue)).toBeLessThanOrEqual(7);
    expect(nodesOf(queue).length).toBeLessThanOrEqual(20_000 / 7);
    expect(serveAll(queue)[20_000]).toBe(20_000);
  });
});

type Command = (queue: WaitQueue, model: Model) => WaitQueue;

/** The order of the queue in the plainest words, over one list. */
class Model {
  waiters: Waiter[] = [];
  /** Those who were served, with the turn that they took, and may return. */
  readonly served: { waiter: Waiter; turn: number }[] = [];
  /** The numbers of the turns of those keys that have waiters, by priority and key. */
  readonly #turns = new Map<string, number>();
  #nextTurn = 1;
  ticket = 0;
  now = 0;

  add(next: Waiter): void {
    if (!this.#turns.has(partyOf(next))) this.#turns.set(partyOf(next), this.#nextTurn++);
    this.waiters.push(next);
  }

  comeBack({ waiter: back, turn }: { waiter: Waiter; turn: number }): void {
    this.waiters.push(back);
    this.#turns.set(partyOf(back), Math.min(turn, this.#turns.get(partyOf(back)) ?? turn));
  }

  remove(gone: Waiter): void {
    this.waiters = this.waiters.filter((each) => each !== gone);
    if (!this.waiters.some((each) => partyOf(each) === partyOf(gone))) this.#turns.delete(partyOf(gone));
  }

  take(worker: WorkerId): Waiter | undefined {
    const first = this.firstFor(worker);
    if (first === undefined) return undefined;
    const party = partyOf(first);
    this.served.push({ waiter: first, turn: this.#turns.get(party)! });
    const parties = new Set(this.waiters.filter(({ priority }) => priority === first.priority).map(partyOf)).size;
    this.remove(first);
    if (parties > 1 && this.#turns.has(party)) this.#turns.set(party, this.#nextTurn++);
    return first;
  }

  firstFor(worker: WorkerId): Waiter | undefined {
    const mine = this.waiters.filter(({ affinity }) => !affinity?.strict || affinity.worker === worker);
    const turn = (each: Waiter) => this.#turns.get(partyOf(each))!;
    const firsts = [...new Set(mine.map(({ priority }) => priority))].map(
      (priority) =>
        mine
          .filter((each) => each.priority === priority)
          .sort((one, other) => turn(one) - turn(other) || byTicket(one, other))[0]!,
    );
    return firsts.sort(byAge)[0];
  }
}

const partyOf = ({ priority, fairnessKey }: Waiter) => `${priority} ${fairnessKey}`;

const WORKERS: readonly WorkerId[] = [1, 2, 3];
const BOUND: Affinity = { worker: 7, place: 0, strict: true };
const AGE_MS = 10_000;
const RULES: QueueRules = { ageAfterMs: AGE_MS, shed: null };

function waiter(
  ticket: number,
  priority = 0,
  affinity: Affinity | null = null,
  { askedAt = 0, fairnessKey = null }: Partial<Pick<Waiter, 'askedAt' | 'fairnessKey'>> = {},
): Waiter {
  return { ticket, askedAt, priority, fairnessKey, affinity, mayWait: true, isShort: false };
}

function of(fairnessKey: string | null, ticket: number): Waiter {
  return waiter(ticket, 0, null, { fairnessKey });
}

function queueOf(...waiters: Waiter[]): WaitQueue {
  return queueWith({}, ...waiters);
}

function queueWith(rules: Partial<QueueRules>, ...waiters: Waiter[]): WaitQueue {
  return waiters.reduce((queue, each) => addWaiter(queue, each), emptyQueue({ ...RULES, ...rules }));
}

function queueOfMany(count: number): WaitQueue {
  let queue = emptyQueue(RULES);
  for (let ticket = 1; ticket <= count; ticket++) queue = addWaiter(queue, waiter(ticket));
  return queue;
}

/** The tickets in the order in which a worker nobody is bound to would serve them. */
function serveAll(queue: WaitQueue, worker: WorkerId = 0): number[] {
  const served: number[] = [];
  for (let rest = queue; ; ) {
    const taken = takeFirst(rest, worker, null);
    if (taken === undefined) return served;
    served.push(taken.waiter.ticket);
    rest = taken.queue;
  }
}

const byTicket = (one: Waiter, other: Waiter) => one.ticket - other.ticket;
const byPrecedence = (one: Waiter, other: Waiter) => other.priority - one.priority || byTicket(one, other);
const worth = ({ askedAt, priority }: Waiter) => askedAt - priority * AGE_MS;
const byAge = (one: Waiter, other: Waiter) => worth(one) - worth(other) || byTicket(one, other);

const arbitraryAffinity = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  fc.record({ worker: fc.constantFrom(...WORKERS), place: fc.constant(0), strict: fc.boolean() }),
);

/** Add, cancel, serve or put back, chosen by numbers that are meaningful in whatever queue there is. */
const arbitraryCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .record({
        priority: fc.integer({ min: -2, max: 2 }),
        affinity: arbitraryAffinity,
        fairnessKey: fc.constantFrom(null, null, 'a', 'b', 'c'),
        laterMs: fc.constantFrom(0, 0, 1, AGE_MS / 2, AGE_MS),
      })
      .map(
        ({ priority, affinity, fairnessKey, laterMs }): Command =>
          (queue, model) => {
            model.ticket += 1;
            model.now += laterMs;
            const next = waiter(model.ticket, priority, affinity, { askedAt: model.now, fairnessKey });
            model.add(next);
            return addWaiter(queue, next);
          },
      ),
  },
  {
    weight: 2,
    arbitrary: fc.nat().map(
      (choice): Command =>
        (queue, model) => {
          const gone = model.waiters[choice % Math.max(1, model.waiters.length)];
          if (gone === undefined) return queue;
          model.remove(gone);
          return removeWaiter(queue, gone);
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat().map(
      (choice): Command =>
        (queue, model) => {
          const [back] = model.served.splice(choice % Math.max(1, model.served.length), 1);
          if (back === undefined) return queue;
          model.comeBack(back);
          return returnWaiter(queue, back.waiter, back.turn);
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...WORKERS).map(
      (worker): Command =>
        (queue, model) => {
          const taken = takeFirst(queue, worker, null);
          expect(taken?.waiter).toBe(model.take(worker));
          if (taken === undefined) return queue;
          expect(taken.turn).toBe(model.served.at(-1)!.turn);
          return taken.queue;
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...WORKERS).map(
      (worker): Command =>
        (queue, model) => {
          const [gone, rest] = takeBound(queue, worker);
          for (const each of gone) model.remove(each);
          return rest;
        },
    ),
  },
);

/** Every object and array in which the queue keeps its waiters. */
function nodesOf(value: unknown): object[] {
  const below = partsOf(value).flatMap(nodesOf);
  return isNode(value) ? [value, ...below] : below;
}

function depthOf(value: unknown): number {
  const below = partsOf(value).reduce((deepest: number, part) => Math.max(deepest, depthOf(part)), 0);
  return isNode(value) ? below + 1 : below;
}

/** What an object holds. Who is first below a node is found there. */
function partsOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null || 'ticket' in value) return [];
  return Object.entries(value).flatMap(([name, part]) => (name === 'first' ? [] : [part]));
}

function isNode(value: unknown): value is object {
  return typeof value === 'object' && value !== null && ('first' in value || 'front' in value);
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
