import { describe, expect, it, vi } from 'vitest';
import type { ClientRef } from '../../../machines/index.js';
import type { Call } from '../../../src/call/call.js';
import { type Answer, Exchange, type LeaseHolder, type Loss } from '../../../src/call/exchange.js';
import type { Request } from '../../../src/call/pipe.js';
import type { EndedLease, PoolError } from '../../../src/errors.js';
import { Batch, type BatchItem } from '../../../src/map/batch.js';
import type { MessageDuringCall } from '../../../src/wire/message.js';
import type { MapFrame } from '../../../src/wire/request.js';
import type { WorkerHand } from '../../../src/worker/worker-hand.js';

const looks = vi.hoisted(() => ({ count: 0 }));
vi.mock('../../../src/call/children.js', async (original) => ({
  ...(await original<object>()),
  lookAgain: () => {
    looks.count += 1;
  },
}));

describe('the exchange of a single call', () => {
  it('sends it, hands it its answer, and gives the lease back by it, at the moment of the pool', () => {
    const { exchange, call, said, worker } = exchanging();
    expect([exchange.lease, exchange.slot, exchange.worker, worker.exchanges[1]]).toEqual([7, 1, worker, exchange]);
    expect([exchange.isBusy, exchange.requestId, exchange.call, exchange.hasStarted(call)]).toEqual([
      false,
      undefined,
      undefined,
      false,
    ]);
    exchange.send(call);
    expect([exchange.isBusy, exchange.requestId, exchange.call, exchange.hasStarted(call)]).toEqual([
      true,
      100,
      call,
      'unknown',
    ]);
    expect(said.splice(0)).toEqual(['call sent', 'request']);
    worker.answer({ value: 5 });
    expect(said).toEqual(['lease 7 ended', 'client: exchange.ended 7 at 42', 'call answered 5']);
    expect([exchange.isBusy, worker.exchanges[1]]).toEqual([false, undefined]);
  });

  it('knows whether it is in the pipe, and not begun', () => {
    const { exchange, call, said, worker } = exchanging();
    exchange.send(call);
    expect([exchange.isPiped(call), exchange.isPiped(callOf('another', said))]).toEqual([true, false]);
    worker.hasBegun = true;
    expect(exchange.isPiped(call)).toBe(false);
    Object.assign(worker, { hasBegun: false, isRunning: true });
    expect(exchange.isPiped(call)).toBe(false);
  });

  it('knows whether it is on the line', () => {
    const { exchange, call, said, worker } = exchanging();
    exchange.send(call);
    expect(exchange.hasSent(call)).toBe(false);
    worker.lastSent = 100;
    expect([exchange.hasSent(call), exchange.hasSent(callOf('another', said))]).toEqual([true, false]);
  });

  it('carries another after it that is as short, while the lease is not over', () => {
    for (const isShort of [true, false]) {
      const { exchange } = exchanging({ isShort });
      expect([exchange.mayCarry(true), exchange.mayCarry(false)]).toEqual([isShort, !isShort]);
      exchange.lost();
      expect([exchange.mayCarry(true), exchange.mayCarry(false)]).toEqual([false, false]);
    }
  });

  it('watches it from the moment when Python comes to it, to its answer', () => {
    const { exchange, call, said, worker } = exchanging();
    exchange.send(call);
    said.splice(0);
    worker.comes();
    expect(said.splice(0)).toEqual(['watch 100']);
    worker.comes();
    expect(said).toEqual([]);
    worker.answer({ value: 5 });
    expect(said[0]).toBe('watch over');
    const other = exchanging();
    other.worker.isRunning = true;
    other.exchange.send(other.call);
    expect(other.said).toEqual(['call sent', 'request', 'watch 100']);
  });

  it('hands on what is said of it, counts each word as a sign of life, and declines what is said of none', () => {
    const { exchange, call, said, worker } = exchanging();
    const heartbeat = { type: 'heartbeat', id: 100 } as const;
    worker.isRunning = true;
    exchange.send(call);
    said.splice(0);
    expect(worker.hears(heartbeat)).toBe(true);
    expect(said.splice(0)).toEqual(['beat', 'call heard heartbeat']);
    exchange.say(call, (id) => `line of ${id}`);
    expect(said.splice(0)).toEqual(['beat', 'said line of 100']);
    exchange.say(callOf('another', said), (id) => `line of ${id}`);
    expect(said).toEqual([]);
    worker.answer({ value: 1 });
    said.splice(0);
    exchange.say(call, (id) => `line of ${id}`);
    expect(said).toEqual([]);
  });

  it('is told no answers to the calls of a batch, of which it has none', () => {
    const { exchange, call, said, worker } = exchanging();
    exchange.send(call);
    said.splice(0);
    const mapped = { type: 'mapped', id: 100, values: [1], tookUs: 1, longestUs: 1 } as const;
    expect([exchange.answerMapped(worker.next(), mapped), said]).toEqual([false, []]);
  });

  it('says something of it before Python has come to it, too', () => {
    const { exchange, call, said, worker } = exchanging();
    exchange.send(call);
    said.splice(0);
    expect(worker.hears({ type: 'heartbeat', id: 100 })).toBe(true);
    exchange.say(call, (id) => `line of ${id}`);
    expect(said).toEqual(['call heard heartbeat', 'said line of 100']);
  });

  it('gives the lease back where its worker will not have it, and the call fails by that', () => {
    const { exchange, call, said } = exchanging();
    Object.assign(call, { refusalBy: () => new Error('not here') });
    exchange.send(call);
    expect(said).toEqual(['call refused: not here', 'lease 7 ended', 'client: exchange.ended 7 at 42']);
    expect(exchange.isBusy).toBe(false);
  });

  it('gives the lease back once, and never while an answer is owed', () => {
    const { exchange, call, said, worker } = exchanging();
    exchange.send(call);
    said.splice(0);
    exchange.end();
    expect(said).toEqual([]);
    worker.answer({ value: 5 });
    said.splice(0);
    exchange.end();
    exchange.lost();
    expect(said).toEqual([]);
  });
});

describe('a lease whose last answer has come', () => {
  interface Rest {
    readonly isShort?: boolean;
    readonly holds?: boolean;
    readonly isGivenUp?: boolean;
    readonly mayOffer?: boolean;
    readonly mayLinger?: boolean;
  }
  const everything: Rest = { isShort: true, mayOffer: true, mayLinger: true };

  it.each<[string, Rest, string]>([
    ['is offered to who waits where its call was short', everything, 'lease.offered 7 in slot 1 of place 3'],
    ['is not where its call was long', { ...everything, isShort: false }, 'kept for the turn'],
    ['is not where its worker has nobody to offer it to', { ...everything, mayOffer: false }, 'kept for the turn'],
    ['goes back where it may not stay either', { isShort: true }, 'lease 7 ended'],
    ['goes back where nobody waited for that answer', { ...everything, isGivenUp: true }, 'lease 7 ended'],
    ['goes back where it was held', { ...everything, holds: false }, 'lease 7 ended'],
  ])('%s', (_, { isShort, holds, isGivenUp, mayOffer = false, mayLinger = false }, becomes) => {
    const { exchange, call, said, worker } = exchanging({ isShort, holds });
    Object.assign(worker, { mayOffer, mayLinger });
    exchange.send(call);
    if (isGivenUp) exchange.abandon(call);
    said.splice(0);
    worker.answer({ value: 5 });
    expect(said[0]).toBe(becomes);
  });
});

describe('an exchange that is of no use', () => {
  it('is kept for the end of a call, and is given back as one that has served nobody', () => {
    const { exchange, call, said, worker } = exchanging();
    expect([exchange.isSpurned, exchange.keeper]).toEqual([false, undefined]);
    exchange.keepFor(call);
    expect([exchange.isSpurned, exchange.keeper, worker.hasSpurned]).toEqual([true, call, true]);
    exchange.end();
    expect(said).toEqual(['lease 7 ended, unused', 'client: exchange.ended 7 at 42']);
  });
});

describe('those who wait in functions', () => {
  const looksOf = (act: () => void) => {
    const before = looks.count;
    act();
    return looks.count - before;
  };

  it('are looked at again as a call is sent that waits there, and not where it runs or is sent ahead of its turn', () => {
    const [runs, ahead, held, blocked] = [exchanging(), exchanging(), exchanging({ holds: true }), exchanging()];
    runs.worker.isRunning = true;
    Object.assign(blocked.worker, { isRunning: true, blockedBy: {} });
    const sent = [runs, ahead, held, blocked].map(({ exchange, call }) => looksOf(() => exchange.send(call)));
    expect(sent).toEqual([0, 0, 1, 1]);
  });

  it('are as the call that Python runs is given up, and not where that waits in the pipe, or was not sent', () => {
    const [runs, piped, unsent] = [exchanging(), exchanging(), exchanging()];
    runs.worker.isRunning = true;
    unsent.worker.isUnsent = true;
    const given = [runs, piped, unsent].map(({ exchange, call }) => {
      exchange.send(call);
      return looksOf(() => exchange.abandon(call));
    });
    expect(given).toEqual([1, 0, 0]);
  });
});

describe('a call that is given up', () => {
  it('is withdrawn where nothing of it was sent: nothing is owed', () => {
    const { exchange, call, said, worker } = exchanging();
    worker.isUnsent = true;
    exchange.send(call);
    said.splice(0);
    exchange.abandon(call);
    expect(said).toEqual(['withdraw 100', 'lease 7 ended', 'client: exchange.ended 7 at 42']);
    expect([exchange.isBusy, exchange.isAbandoned]).toEqual([false, false]);
  });

  it('that runs is owed its answer, which the client knows at once, and gives the lease back then', () => {
    const { exchange, call, said, worker } = exchanging();
    worker.isRunning = true;
    exchange.send(call);
    said.splice(0);
    exchange.abandon(call);
    expect(said.splice(0)).toEqual(['watch over', 'withdraw 100', 'client: exchange.abandoned 7']);
    expect([exchange.isBusy, exchange.isAbandoned]).toEqual([true, true]);
    exchange.abandon(call);
    worker.comes();
    expect(said).toEqual([]);
    worker.answer({ value: 5 });
    expect(said).toEqual(['lease 7 ended', 'client: exchange.ended 7 at 42', 'call answered 5']);
    expect([exchange.isAbandoned, worker.runtime.counters.cancelled]).toEqual([false, { kept: 1, killed: 0 }]);
  });

  it('that waits in the pipe is forestalled, and the client knows when Python comes to it', () => {
    const { exchange, call, said, worker } = exchanging();
    exchange.send(call);
    said.splice(0);
    exchange.abandon(call);
    expect(said.splice(0)).toEqual(['withdraw 100', 'forestall 100']);
    worker.comes();
    expect(said).toEqual(['client: exchange.abandoned 7']);
  });

  it.each<[Answer, number]>([
    [{ value: 1 }, 1],
    [{ error: new Error('raised') as PoolError }, 1],
    [{ error: new Error('raised') as PoolError, started: true }, 1],
    [{ error: new Error('never begun') as PoolError, started: false }, 0],
  ])('is counted where Python had begun with it, since nothing was cancelled otherwise: %o', (answer, kept) => {
    const { exchange, call, worker } = exchanging();
    exchange.send(call);
    exchange.abandon(call);
    worker.answer(answer);
    expect(worker.runtime.counters.cancelled.kept).toBe(kept);
  });

  it('is the one that was sent, and no other', () => {
    const { exchange, call, said } = exchanging();
    exchange.send(call);
    said.splice(0);
    exchange.abandon(callOf('another', said));
    expect([said, exchange.isAbandoned]).toEqual([[], false]);
  });

  it('is not counted where nobody gave it up', () => {
    const { exchange, call, worker } = exchanging();
    exchange.send(call);
    worker.answer({ value: 1 });
    expect(worker.runtime.counters.cancelled).toEqual({ kept: 0, killed: 0 });
  });
});

describe('an exchange whose lease is held', () => {
  it('keeps the lease after an answer, and tells the holder that the next may be sent', () => {
    const { exchange, call, said, worker } = exchanging({ holds: true });
    exchange.send(call);
    said.splice(0);
    worker.answer({ value: 5 });
    expect(said.splice(0)).toEqual(['call answered 5', 'holder: answered']);
    expect(worker.exchanges[1]).toBe(exchange);
    exchange.send(call);
    expect(exchange.requestId).toBe(101);
  });

  it('tells the client that the answer has come which nobody waited for, if it knew that one was owed', () => {
    const { exchange, call, said, worker } = exchanging({ holds: true });
    worker.isRunning = true;
    exchange.send(call);
    exchange.abandon(call);
    said.splice(0);
    worker.answer({ value: 5 });
    expect(said.splice(0)).toEqual(['client: exchange.resumed 7', 'call answered 5', 'holder: answered']);
    // It is as new: another is given up for itself.
    exchange.send(call);
    exchange.abandon(call);
    expect(said.at(-1)).toBe('client: exchange.abandoned 7');
  });

  it('tells the client nothing where it did not know', () => {
    const { exchange, call, said, worker } = exchanging({ holds: true });
    exchange.send(call);
    exchange.abandon(call);
    said.splice(0);
    worker.answer({ value: 5 });
    expect(said).toEqual(['call answered 5', 'holder: answered']);
  });

  it('keeps the lease after a call that was refused or withdrawn', () => {
    for (const how of ['refused', 'withdrawn']) {
      const { exchange, call, said, worker } = exchanging({ holds: true });
      worker.isUnsent = true;
      if (how === 'refused') Object.assign(call, { refusalBy: () => new Error('not here') });
      exchange.send(call);
      exchange.abandon(call);
      expect(said.at(-1)).toBe('holder: answered');
      expect(said.some((each) => each.startsWith('client'))).toBe(false);
    }
  });

  it('gives the lease back when the holder wants it no further', () => {
    const { exchange, call, said, holder, worker } = exchanging({ holds: true });
    exchange.send(call);
    holder!.holds = false;
    said.splice(0);
    worker.answer({ value: 5 });
    expect(said).toEqual(['lease 7 ended', 'client: exchange.ended 7 at 42', 'call answered 5', 'holder: answered']);
  });
});

describe('an exchange whose worker is lost', () => {
  it('tells its call by what, and its holder, once', () => {
    const { exchange, call, said, worker } = exchanging({ holds: true });
    worker.isRunning = true;
    exchange.send(call);
    said.splice(0);
    exchange.lost();
    expect(said.splice(0)).toEqual(['watch over', 'call lost: loss of 100', 'holder: lost, worker-died']);
    expect([exchange.isBusy, worker.exchanges[1]]).toEqual([false, undefined]);
    exchange.lost();
    exchange.end();
    expect(worker.hears({ type: 'heartbeat', id: 100 })).toBe(true);
    worker.comes();
    worker.answer({ value: 5 });
    expect(said).toEqual([]);
    expect(worker.runtime.counters.cancelled.killed).toBe(0);
  });

  it('takes nothing that is asked for as its loss is told', () => {
    const { exchange, call, said } = exchanging({ holds: true });
    const taken: boolean[] = [];
    Object.assign(call, { onLost: () => taken.push(exchange.takes(callOf('another', said))) });
    exchange.send(call);
    exchange.lost();
    expect(taken).toEqual([false]);
  });

  it('tells its call the answer that Python has given and not sent, and its holder of the loss', () => {
    const { exchange, call, said, worker } = exchanging({ holds: true });
    worker.isRunning = true;
    exchange.send(call);
    worker.held.set(100, { value: 5 });
    said.splice(0);
    exchange.lost();
    expect(said).toEqual(['watch over', 'call answered 5', 'holder: lost, worker-died']);
  });

  it('is counted where that was because of an answer that nobody waited for', () => {
    const { exchange, call, worker } = exchanging();
    worker.isRunning = true;
    exchange.send(call);
    exchange.abandon(call);
    exchange.lost();
    expect(worker.runtime.counters.cancelled).toEqual({ kept: 0, killed: 1 });
  });

  it('has nobody to tell where nothing was sent', () => {
    const { exchange, said, worker } = exchanging();
    exchange.lost();
    expect([said, worker.exchanges[1]]).toEqual([[], undefined]);
  });
});

describe('calls that follow each other in the pipe', () => {
  const twoSent = (of: { holds?: boolean } = { holds: true }) => {
    const all = exchanging(of);
    all.worker.takesSeveral = true;
    all.worker.isRunning = true;
    const second = callOf('second', all.said);
    all.exchange.send(all.call);
    all.exchange.send(second);
    return { ...all, second };
  };

  it('are sent if Python tells which it has begun, and if each is nothing but a question and an answer', () => {
    const { exchange, call, said, worker } = exchanging({ holds: true });
    const [plain, other] = [callOf('plain', said), Object.assign(callOf('other', said), { isPlain: false })];
    expect([exchange.takes(plain), exchange.takes(other)]).toEqual([true, true]);
    exchange.send(call);
    expect(exchange.takes(plain)).toBe(false);
    worker.takesSeveral = true;
    expect([exchange.takes(plain), exchange.takes(other)]).toEqual([true, false]);
    const large = Object.assign(callOf('large', said), { bin: [new Uint8Array(1)] });
    expect(exchange.takes(large)).toBe(true);
    worker.hasRoom = false;
    expect([exchange.takes(plain), exchange.takes(large)]).toEqual([true, false]);
    worker.answer({ value: 1 });
    expect(exchange.takes(large)).toBe(true);
    exchange.send(other);
    expect(exchange.takes(plain)).toBe(false);
  });

  it('are 64 at the most', () => {
    const { exchange, call, said, worker } = exchanging({ holds: true });
    worker.takesSeveral = true;
    for (let sent = 0; sent < 63; sent += 1) exchange.send(callOf(`call ${sent}`, said));
    expect(exchange.takes(call)).toBe(true);
    exchange.send(call);
    expect([exchange.takes(call), exchange.calls.length]).toEqual([false, 64]);
  });

  it('are watched one after the other, as Python comes to them', () => {
    const { exchange, call, second, said, worker } = twoSent();
    expect(said.splice(0)).toEqual(['call sent', 'request', 'watch 100', 'second sent', 'request']);
    expect([exchange.call, exchange.requestId, exchange.isPiped(second)]).toEqual([call, 100, true]);
    worker.answer({ value: 1 });
    expect(said.splice(0)).toEqual(['watch over', 'call answered 1', 'holder: answered']);
    worker.comes();
    expect([said, exchange.call]).toEqual([['watch 101'], second]);
  });

  it('keep the lease until the last is answered, although it is wanted no further', () => {
    const { said, worker, holder } = twoSent();
    holder!.holds = false;
    worker.answer({ value: 1 });
    said.splice(0);
    worker.answer({ value: 2 });
    expect(said).toEqual(['lease 7 ended', 'client: exchange.ended 7 at 42', 'second answered 2', 'holder: answered']);
  });

  it('are given up each for itself: the one that runs, which the client knows until it is answered', () => {
    const { exchange, call, second, said, worker } = twoSent();
    said.splice(0);
    exchange.abandon(call);
    expect(exchange.call).toBeUndefined();
    expect(said.splice(0)).toEqual(['watch over', 'withdraw 100', 'client: exchange.abandoned 7']);
    worker.answer({ value: 1 });
    worker.comes();
    expect(said.splice(0)).toEqual(['client: exchange.resumed 7', 'call answered 1', 'holder: answered', 'watch 101']);
    worker.answer({ value: 2 });
    expect([said[1], exchange.isBusy, second]).toEqual(['second answered 2', false, second]);
  });

  it('and the one behind it, while the first is watched on', () => {
    const { exchange, second, said, worker } = twoSent();
    said.splice(0);
    exchange.abandon(second);
    expect(said.splice(0)).toEqual(['withdraw 101', 'forestall 101']);
    worker.answer({ value: 1 });
    worker.comes();
    expect(said).toEqual(['watch over', 'call answered 1', 'holder: answered', 'client: exchange.abandoned 7']);
  });

  it('are lost together: what Python never came to is told of the end of its lease, as what was never sent', () => {
    const { exchange, call, said, worker } = twoSent();
    exchange.abandon(call);
    said.splice(0);
    exchange.lost();
    const over = expect.stringMatching(
      /^second failed: Lease 7 is over: a call under it was given up, .*`cancelGraceMs`/,
    );
    expect(said).toEqual(['call lost: loss of 100', over, 'holder: lost, revoked']);
    expect(worker.runtime.counters.cancelled.killed).toBe(1);
  });
});

describe('calls that Python may have begun with, all of them,', () => {
  it('are lost as what ran: nobody is told that they were not started', () => {
    const { exchange, call, said, worker } = exchanging({ holds: true });
    exchange.send(call);
    exchange.send(callOf('second', said));
    worker.comesTo = 101;
    said.splice(0);
    exchange.lost();
    expect(said).toEqual(['call lost: loss of 100', 'second lost: loss of 101', 'holder: lost, worker-died']);
  });
});

describe('a call that was sent behind another', () => {
  it('is counted, and goes elsewhere if its worker is lost before it came to it', () => {
    const { exchange, call, said, worker } = exchanging();
    worker.comesTo = undefined;
    exchange.send(call);
    expect(worker.runtime.prefetch.counts).toEqual({ ahead: 1, overruns: 0, moved: 0 });
    said.splice(0);
    exchange.lost();
    expect(said).toEqual(['call goes elsewhere']);
    expect(worker.runtime.prefetch.counts).toEqual({ ahead: 1, overruns: 0, moved: 1 });
  });

  it('is lost as any other if there is nowhere else to go, or it had begun', () => {
    for (const [isElsewhere, comesTo] of [
      [false, undefined],
      [true, 100],
    ] as const) {
      const { exchange, call, said, worker } = exchanging();
      worker.comesTo = comesTo;
      if (!isElsewhere) worker.runtime.endedBy = 'destroy';
      exchange.send(call);
      said.splice(0);
      exchange.lost();
      expect(said).toEqual(['call lost: loss of 100']);
      expect(worker.runtime.prefetch.counts.moved).toBe(0);
    }
  });

  it('is no choice of the pool under a lease that is held, nor in a slot that anybody may have', () => {
    const held = exchanging({ holds: true });
    held.exchange.send(held.call);
    expect(held.worker.runtime.prefetch.counts.ahead).toBe(0);
    const { exchange, call, said, worker } = exchanging();
    worker.comesTo = undefined;
    worker.isBeyondItsSlots = false;
    exchange.send(call);
    said.splice(0);
    exchange.lost();
    expect(said).toEqual(['call lost: loss of 100']);
    expect(worker.runtime.prefetch.counts).toEqual({ ahead: 0, overruns: 0, moved: 0 });
  });
});

describe('a batch', () => {
  const batchSent = () => {
    const { exchange, said, worker } = exchanging({ holds: true });
    const items = ['one', 'two', 'three'].map((name) => ({
      succeed: (value: unknown) => said.push(`${name} is ${value}`),
      fail: (error: Error) => said.push(`${name} failed: ${error.message}`),
    }));
    const frame = { name: 'f', frame: {} as MapFrame, context: undefined };
    const listener = { now: () => 0, onTook() {}, onUnbegun() {} };
    const batch = new Batch(frame, items as unknown as BatchItem[], listener);
    worker.isRunning = true;
    exchange.sendBatch(batch);
    const request = worker.next();
    const mapped = (id: number, values: unknown[]) =>
      exchange.answerMapped(request, { type: 'mapped', id, values, tookUs: 1, longestUs: 1 });
    const one = (id: number, answer: Answer) => exchange.answerOne(request, batch, id, answer);
    said.splice(0);
    return { exchange, batch, items, request, mapped, one, said, worker };
  };
  const never: Answer = { error: new Error('never begun') as PoolError, started: false };

  it('is answered in the order of its calls, several together or one by itself, and then Python comes to the next', () => {
    const { exchange, mapped, one, said } = batchSent();
    expect([mapped(101, [2]), one(101, { value: 2 }), mapped(100, [1, 2, 3, 4]), mapped(100, [])]).toEqual(
      Array(4).fill(false),
    );
    expect(said).toEqual([]);
    expect(mapped(100, [1, 2])).toBe(true);
    expect([said.splice(0), exchange.isBusy]).toEqual([['one is 1', 'two is 2'], true]);
    expect(one(102, { error: new Error('raised') as PoolError })).toBe(true);
    expect(said).toEqual(['three failed: raised', 'answered 100', 'holder: answered', 'goes on']);
    expect(exchange.isBusy).toBe(false);
  });

  it('tells how long a call took that was answered by itself, where Python says so', () => {
    const took: number[][] = [];
    const items = [1, 2, 3].map(() => ({ succeed() {}, fail() {} })) as unknown as BatchItem[];
    const listener = { now: () => 0, onTook: (...each: number[]) => void took.push(each), onUnbegun() {} };
    const batch = new Batch({ name: 'f', frame: {} as MapFrame, context: undefined }, items, listener);
    batch.onAnswer({ error: new Error('raised') as PoolError }, 70);
    batch.onAnswer(never);
    batch.onAnswer({ value: 1 });
    expect([took, batch.isAnswered]).toEqual([[[1, 70, 70]], true]);
  });

  it('has no use for what is said during a call, and for no answer once all is lost', () => {
    const { exchange, mapped, one, said, worker } = batchSent();
    expect(worker.hears({ type: 'heartbeat', id: 100 })).toBe(false);
    exchange.lost();
    expect(said.splice(0)).toEqual([
      'one failed: lost 100',
      'two failed: lost 101',
      'three failed: lost 102',
      'holder: lost, worker-died',
    ]);
    expect([mapped(100, [1]), one(100, { value: 1 }), said]).toEqual([true, true, []]);
  });

  it.each<[string, Answer, number]>([
    ['none was begun since', never, 0],
    ['one was begun since', { value: 1 }, 1],
  ])('that is given up counts as cancelled by what was begun after that: %s', (_, answer, kept) => {
    const { exchange, batch, mapped, one, worker } = batchSent();
    mapped(100, [1]);
    exchange.abandon(batch);
    one(101, answer);
    one(102, never);
    expect(worker.runtime.counters.cancelled.kept).toBe(kept);
  });

  it('that is given up counts as cancelled where several were answered together after that, too', () => {
    const { exchange, batch, mapped, one, worker } = batchSent();
    exchange.abandon(batch);
    mapped(100, [1, 2]);
    one(102, never);
    expect(worker.runtime.counters.cancelled.kept).toBe(1);
  });

  it('has no call sent behind it', () => {
    const { exchange, said, worker } = batchSent();
    worker.takesSeveral = true;
    expect(exchange.takes(callOf('call', said))).toBe(false);
  });

  it('has nothing left to be given up as the last of its answers is told', () => {
    const { exchange, batch, items, mapped, one, said, worker } = batchSent();
    mapped(100, [1, 2]);
    items[2]!.fail = () => {
      exchange.abandon(batch);
      return said.push('given up');
    };
    said.splice(0);
    one(102, { error: new Error('raised') as PoolError });
    expect(said).toEqual(['given up', 'answered 100', 'holder: answered', 'goes on']);
    expect(worker.runtime.counters.cancelled.kept).toBe(0);
  });
});

/** An exchange under lease 7 in slot 1, with a worker that only notes what it is told. */
function exchanging({ holds, isShort }: { holds?: boolean | undefined; isShort?: boolean | undefined } = {}) {
  const said: string[] = [];
  let requests = 99;
  const asked: Request[] = [];
  const worker = {
    /** What is done with the request whose answer comes next. */
    answer: (answer: Answer) => exchange.answer(asked.shift() as Request, answer),
    comes: () => exchange.onRunning(asked[0] as Request),
    hears: (message: MessageDuringCall) => exchange.hear(asked[0] as Request, message),
    next: () => asked[0] as Request,
    takesSeveral: false,
    hasRoom: true,
    hasRoomFor: () => worker.hasRoom,
    exchanges: [] as (Exchange | undefined)[],
    runtime: {
      counters: { cancelled: { kept: 0, killed: 0 } },
      prefetch: { counts: { ahead: 0, overruns: 0, moved: 0 } },
      tellClient: ({ send }: { send: (event: never) => void }, event: object) => send(event as never),
      nowToShed: 42,
      linger: { end: () => {}, keep: () => void said.push('kept for the turn') },
      offer: ({ type, lease, place, slot }: { type: string; lease: number; place: number; slot: number }) =>
        void said.push(`${type} ${lease} in slot ${slot} of place ${place}`),
      endedBy: undefined as string | undefined,
    },
    place: 3,
    mayOffer: false,
    mayLinger: false,
    hasSpurned: false,
    isBeyondItsSlots: true,
    isRunning: false,
    isUnsent: false,
    hasBegun: false,
    /** The request that Python has begun with. */
    comesTo: 100 as number | undefined,
    first: { call: {} },
    ahead: (request: Request) => (worker.runs(request) ? undefined : worker.first),
    runs: (request: Request) => worker.isRunning && asked[0] === request,
    /** The last request that is on the line. */
    lastSent: 99,
    hasSent: (id: number) => id <= worker.lastSent,
    hasStarted: (id: number) => worker.hasBegun || (id === requests ? 'unknown' : false),
    request: (call: Call | undefined, batch: Batch | undefined, exchange: Exchange) => {
      const id = requests + 1;
      requests += batch?.count ?? 1;
      const request = {
        id,
        lastId: requests,
        call,
        batch,
        exchange,
        isAbandoned: false,
        isRevoked: false,
        wasBegun: false,
        isAhead: false,
      };
      asked.push(request);
      return request;
    },
    withdraw: (request: Request) => {
      said.push(`withdraw ${request.id}`);
      if (worker.isUnsent) asked.splice(asked.indexOf(request), 1);
      return worker.isUnsent;
    },
    forestall: ({ id }: Request) => said.push(`forestall ${id}`),
    watch: (_call: Call, id: number) => {
      said.push(`watch ${id}`);
      return { beat: () => said.push('beat'), end: () => said.push('watch over') };
    },
    say: (line: string) => said.push(`said ${line}`),
    endLease: (lease: number, isUnused: boolean) => said.push(`lease ${lease} ended${isUnused ? ', unused' : ''}`),
    send: () => void said.push('request'),
    answered: ({ id }: Request) => void said.push(`answered ${id}`),
    goOn: () => void said.push('goes on'),
    lossOfItem: (_: Batch, id: number) => ({ error: new Error(`lost ${id}`), started: true, isFinal: false }),
    /** What Python has answered and not sent. */
    held: new Map<number, Answer>(),
    heldAnswer: ({ id }: Request) => worker.held.get(id),
    loss: ({ id }: Request) => ({ error: new Error(`loss of ${id}`), started: id === worker.comesTo }),
    lossOfLease: ({ lease, isAbandoned }: Exchange) =>
      ({ lease, reason: isAbandoned ? 'revoked' : 'worker-died' }) as const,
  };
  const client = {
    send: ({ type, lease, at }: { type: string; lease: number; at?: number }) =>
      said.push(`client: ${type} ${lease}${at === undefined ? '' : ` at ${at}`}`),
  };
  const holder =
    holds === undefined
      ? undefined
      : {
          holds,
          onAnswered: () => void said.push('holder: answered'),
          onLost: ({ reason }: EndedLease) => void said.push(`holder: lost, ${reason}`),
        };
  const exchange = new Exchange(
    7,
    1,
    // It is its own pipe.
    Object.assign(worker, { pipe: worker }) as unknown as WorkerHand,
    client as unknown as ClientRef,
    holder satisfies LeaseHolder | undefined,
    isShort,
  );
  return { exchange, call: callOf('call', said), said, worker, holder };
}

function callOf(name: string, said: string[]): Call {
  const call = {
    isPlain: true,
    bin: [] as Uint8Array[],
    refusalBy: () => undefined,
    failToBeSent: (error: Error, how: string) => said.push(`${name} ${how}: ${error.message}`),
    fail: (error: Error) => said.push(`${name} failed: ${error.message}`),
    onSent: () => said.push(`${name} sent`),
    onAnswered: (answer: { value?: unknown }) => said.push(`${name} answered ${answer.value}`),
    onLost: ({ error }: Loss) => said.push(`${name} lost: ${error.message}`),
    goElsewhere: () => {
      said.push(`${name} goes elsewhere`);
      return true;
    },
    hear: ({ type }: { type: string }) => {
      said.push(`${name} heard ${type}`);
      return true;
    },
  };
  return call as unknown as Call;
}
