import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Call, type CallExtras, type CallOutcome, type Progress, type Question } from '../../../src/call/call.js';
import { callOf, lookAgain, type Parent, parentRun, type Run } from '../../../src/call/children.js';
import type { Exchange } from '../../../src/call/exchange.js';
import { LiveArguments } from '../../../src/call/live-arguments.js';
import { Attempts } from '../../../src/call/retries.js';
import { siteAbove } from '../../../src/call/site.js';
import { PoolClosedError, ProtocolError } from '../../../src/errors.js';
import { Kept } from '../../../src/objects/keep.js';
import type { Runtime } from '../../../src/runtime.js';
import type { CallbackMessage } from '../../../src/wire/message.js';
import { type EncodedRequest, encodeRequest } from '../../../src/wire/request.js';
import type { WorkerHand } from '../../../src/worker/worker-hand.js';
import { heard, TurnedClock } from '../../fake/turned-clock.js';

describe('a call', () => {
  it('resolves with its answer', async () => {
    const { call, outcomes, exchange } = made();
    call.onSent(exchange);
    call.onAnswered({ value: 7 }, exchange);
    expect(await call.promise).toBe(7);
    expect(outcomes).toEqual(['answered']);
  });

  it('rejects with the error that it was answered with', async () => {
    const { call, outcomes, exchange } = made();
    const error = new ProtocolError({ detail: 'played' });
    call.onSent(exchange);
    call.onAnswered({ error }, exchange);
    await expect(call.promise).rejects.toBe(error);
    expect(outcomes).toEqual(['failed']);
  });

  it('settles once: what comes later changes nothing and is not counted', async () => {
    const controller = new AbortController();
    const { call, outcomes, clock, exchange } = made({ timeoutMs: 10, signal: controller.signal });
    call.onSent(exchange);
    call.onAnswered({ value: 1 }, exchange);
    call.onAnswered({ value: 2 }, exchange);
    call.fail(new PoolClosedError({ by: 'close' }), 'refused');
    controller.abort();
    clock.jump(100);
    expect(await call.promise).toBe(1);
    expect(outcomes).toEqual(['answered']);
    expect(clock.timers).toBe(0);
  });

  it('leaves where it waits when its time is up, and rejects with what it is told there', async () => {
    const { call, outcomes, clock } = made({ timeoutMs: 50 });
    const told: unknown[] = [];
    const error = new Error('no worker came');
    call.waitAt({
      timeout(waitedMs) {
        told.push(waitedMs);
        return error;
      },
      withdraw: (which) => told.push(which),
      waitsFor: () => undefined,
    });
    clock.jump(50);
    await expect(call.promise).rejects.toBe(error);
    // What is said counts it among those who wait.
    expect(told).toEqual([50, call]);
    expect(outcomes).toEqual(['timedOut']);
  });

  it('tells how long it waited and ran when its time is up while Python runs it', async () => {
    const { call, outcomes, clock, exchange } = made({ timeoutMs: 50 });
    clock.jump(20);
    call.onSent(exchange);
    clock.jump(30);
    await expect(call.promise).rejects.toMatchObject({
      code: 'ERR_CALL_TIMEOUT',
      call: 'mean',
      timeoutMs: 50,
      waitedMs: 20,
      ranMs: 30,
    });
    expect(outcomes).toEqual(['timedOut']);
    expect(exchange.abandoned).toEqual([call]);
  });

  it('tells that it only waited when its time is up on its way, behind another', async () => {
    const { call, clock, exchange } = made({ timeoutMs: 50 });
    exchange.ahead = made().call;
    clock.jump(20);
    call.onSent(exchange);
    clock.jump(30);
    await expect(call.promise).rejects.toMatchObject({ code: 'ERR_CALL_TIMEOUT', waitedMs: 50, ranMs: 0 });
  });

  it('tells that it ran when its time is up behind another that Python has left by then', async () => {
    const { call, clock, exchange } = made({ timeoutMs: 50 });
    exchange.ahead = made().call;
    exchange.isStarted = true;
    clock.jump(20);
    call.onSent(exchange);
    clock.jump(30);
    await expect(call.promise).rejects.toMatchObject({ code: 'ERR_CALL_TIMEOUT', waitedMs: 20, ranMs: 30 });
  });

  it("rejects with the signal's own reason, wherever it is, and leaves that place", async () => {
    const reason = { why: 'enough' };
    for (const isSent of [false, true]) {
      const controller = new AbortController();
      const { call, outcomes, exchange } = made({ signal: controller.signal });
      let hasLeft = false;
      call.waitAt({
        withdraw() {
          hasLeft = true;
        },
        timeout: () => expect.fail('nobody is told of it'),
        waitsFor: () => undefined,
      });
      if (isSent) call.onSent(exchange);
      controller.abort(reason);
      await expect(call.promise).rejects.toBe(reason);
      expect(outcomes).toEqual(['aborted']);
      expect(hasLeft).toBe(!isSent);
      expect(exchange.abandoned).toEqual(isSent ? [call] : []);
    }
  });

  it('takes no answer of an exchange that it is not in', async () => {
    const { call, exchange } = made();
    call.onSent(exchange);
    call.onAnswered({ value: 1 }, made().exchange);
    call.onAnswered({ value: 2 }, exchange);
    expect(await call.promise).toBe(2);
  });

  it('is refused by a worker that stands still in a call which waits for it, and by none else', () => {
    const inner: Call[] = [];
    const blockedBy = standingIn(made().call, () => inner.push(made().call));
    const worker = { blockedBy } as WorkerHand;
    expect(made().call.refusalBy(worker)).toBeUndefined();
    expect(inner[0]!.refusalBy({ blockedBy: standingIn(made().call) } as WorkerHand)).toBeUndefined();
    expect(inner[0]!.refusalBy(worker)).toMatchObject({ code: 'ERR_DEADLOCK', chain: ['mean', 'mean'] });
  });

  it('fails where bytes of what was said of it were transferred before they could be sent, and Python hears that it is over', async () => {
    const { call, exchange, outcomes } = made();
    call.onSent(exchange);
    call.failForBytes(false);
    await expect(call.promise).rejects.toMatchObject({ code: 'ERR_VALUE', path: 'value', sender: 'node' });
    expect([outcomes, exchange.abandoned]).toEqual([['failed'], [call]]);
  });

  it('is refused once bytes of its were transferred as it waited, since its line tells of what would not follow', () => {
    const [buffer, kept] = [new ArrayBuffer(3), new Uint8Array(3)];
    const given = { args: [new Uint8Array(0), kept], kwargs: { one: { image: new Uint8Array(buffer) } } };
    const request = encodeRequest('mean', given, {}, LIMITS);
    const failure = new ProtocolError({ detail: 'played' });
    const { call } = made({}, undefined, undefined, request);
    const again = made({}, { attempts: { failure } as unknown as Attempts }, undefined, request).call;
    const worker = {} as WorkerHand;
    expect([call.refusalBy(worker), again.refusalBy(worker)]).toEqual([undefined, undefined]);
    structuredClone(buffer, { transfer: [buffer] });
    expect(call.refusalBy(worker)).toMatchObject({ code: 'ERR_VALUE', path: 'kwargs.one', sender: 'node' });
    expect(again.refusalBy(worker)).toBe(failure);
  });

  it('waits for one in which its worker stands still until that is given up, though its function runs on', async () => {
    const controller = new AbortController();
    const { call: blocker } = made({ signal: controller.signal });
    const { call, exchange } = made();
    exchange.worker.blockedBy = standingIn(blocker);
    call.onSent(exchange);
    const children: Call[] = [];
    standingIn(call, () => children.push(made().call));
    expect(call.waitsFor()).toEqual([blocker]);
    controller.abort('enough');
    expect(call.waitsFor()).toEqual(children);
    await expect(blocker.promise).rejects.toBe('enough');
  });

  it('is refused behind a call that has come to wait for it, unless Python has begun with it', async () => {
    for (const isStarted of [true, false]) {
      const outer = made().call;
      const inner: ReturnType<typeof made>[] = [];
      const blockedBy = standingIn(outer, () => inner.push(made()));
      const { call, exchange } = inner[0]!;
      call.onSent(exchange);
      exchange.worker.blockedBy = blockedBy;
      exchange.isStarted = isStarted;
      call.promise.catch(() => {});
      lookAgain();
      await setImmediate();
      expect(exchange.abandoned).toEqual(isStarted ? [] : [call]);
      if (!isStarted) await expect(call.promise).rejects.toMatchObject({ code: 'ERR_DEADLOCK' });
    }
  });

  it('holds up its worker while Python waits for an item where it stands, and not once one is on its way', async () => {
    const given = new LiveArguments(LIMITS);
    const yields: ((item: string) => void)[] = [];
    const next = () =>
      new Promise<IteratorResult<string>>((resolve) => yields.push((value) => resolve({ done: false, value })));
    const input = given.onIterable({ [Symbol.asyncIterator]: () => ({ next }) });
    const { call, exchange } = made({}, { given });
    const pull = (items: number) => call.hear({ type: 'pull', id: 1, input, items, blocks: true }, exchange);
    const said = async () => {
      // What comes late lets what is there go in the next turn.
      await setImmediate();
      await setImmediate();
    };
    call.onSent(exchange);
    pull(2);
    expect([callOf(exchange.worker.blockedBy), call.blocks]).toEqual([call, true]);
    yields[0]!('first');
    await said();
    // It may come back at any moment.
    expect([exchange.worker.blockedBy, call.blocks]).toEqual([undefined, true]);
    yields[1]!('second');
    await said();
    // It has read the first, and will find the second.
    pull(1);
    expect(exchange.worker.blockedBy).toBeUndefined();
    pull(1);
    expect(callOf(exchange.worker.blockedBy)).toBe(call);
    call.onAnswered({ value: null }, exchange);
    expect(exchange.worker.blockedBy).toBeUndefined();
    await call.promise;
  });

  it('holds up nobody while Python waits for an item and lets the others go on, until it waits for that where it stands, too', () => {
    const given = new LiveArguments(LIMITS);
    const input = given.onIterable({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) });
    const { call, exchange } = made({}, { given });
    call.onSent(exchange);
    call.hear({ type: 'pull', id: 1, input, items: 2 }, exchange);
    expect([exchange.worker.blockedBy, call.blocks]).toEqual([undefined, false]);
    call.hear({ type: 'pull', id: 1, input, items: 0, blocks: true }, exchange);
    expect([callOf(exchange.worker.blockedBy), call.blocks]).toEqual([call, true]);
  });

  it('has let go of all that it held before its caller goes on', async () => {
    const { call, exchange } = made();
    call.onSent(exchange);
    const order: string[] = [];
    call.onSettled(() => order.push('let go'));
    const goesOn = call.promise.then(() => order.push('caller'));
    call.onAnswered({ value: null }, exchange);
    await goesOn;
    expect(order).toEqual(['let go', 'caller']);
  });
});

describe('an attempt that was given up', () => {
  const asks: CallbackMessage = { type: 'callback', id: 1, kept: 3, number: 1, args: [], kwargs: {} };

  it('asks in vain, before the next one and during it, and its worker is not blamed for that', () => {
    const { call, first, second, answers, giveUp } = attempting();
    giveUp();
    expect(call.hear(asks, first)).toBe(true);
    expect(call.hear({ type: 'pull', id: 1, input: 0, items: 1 }, first)).toBe(true);
    call.onSent(second);
    expect(call.hear(asks, first)).toBe(true);
    expect(answers).toEqual([]);
  });

  it('tells nobody any more how far it has come', () => {
    const { call, first, second, progressed, giveUp } = attempting();
    const tell = (done: number, from: Exchange) =>
      call.hear({ type: 'progress', id: 1, done, total: null, note: null }, from);
    expect(tell(1, first)).toBe(true);
    giveUp();
    expect(tell(2, first)).toBe(true);
    call.onSent(second);
    expect([tell(3, first), tell(4, second)]).toEqual([true, true]);
    expect(progressed).toEqual([1, 4]);
  });

  it('takes what it had asked with it: the next has the answer to its own question, and waits for no other', async () => {
    const { call, first, second, answers, said, giveUp } = attempting();
    expect(call.hear(asks, first)).toBe(true);
    standingIn(call, made);
    expect(call.waitsFor()).toHaveLength(1);
    giveUp();
    call.onSent(second);
    expect(call.waitsFor()).toEqual([]);
    expect(call.isOwed).toBe(false);
    expect(call.hear(asks, second)).toBe(true);
    for (const [index, answer] of answers.entries()) answer(`answer ${index}`);
    await heard();
    expect(said).toEqual(['{"type":"answer","id":2,"number":1,"value":"answer 1"}']);
  });

  it('keeps nobody waiting whose worker stood still in it, and its end lets nobody go on who waits for the next', async () => {
    const { call, first, second, answers, giveUp } = attempting();
    const { call: other, exchange } = made();
    other.onSent(Object.assign(exchange, { worker: first.worker }));
    expect(call.hear({ ...asks, blocks: true }, first)).toBe(true);
    expect(other.waitsFor()).toEqual([call]);
    giveUp();
    expect(other.waitsFor()).toEqual([]);
    call.onSent(second);
    expect(call.hear({ ...asks, blocks: true }, second)).toBe(true);
    answers[0]?.('answer 0');
    await heard();
    expect(other.waitsFor()).toEqual([call]);
    answers[1]?.('answer 1');
    await heard();
    expect(other.waitsFor()).toEqual([]);
  });
});

/** A call in its first attempt, in which Python may call a kept function; `giveUp` ends that, and `second` is for the next. */
function attempting() {
  const answers: ((value: unknown) => void)[] = [];
  const kept = new Kept(() => new Promise((resolve) => answers.push(resolve)));
  const worker = { runtime: { settings: { limits: LIMITS } }, kept: () => kept } as unknown as Partial<WorkerHand>;
  const said: string[] = [];
  const exchangeOf = (id: number) => {
    const exchange = {
      worker,
      isPiped: () => false,
      before: () => callOf(worker.blockedBy),
      hasStarted: () => true,
      abandon: () => {},
      say: (_: Call, encode: (id: number) => string) => said.push(encode(id)),
    };
    return exchange as unknown as Exchange;
  };
  const retries = { take: () => true, delayMs: () => 0, wait: () => () => {} };
  const runtime = { retries, poison: { refuses: () => false } };
  const terms = { attempts: 2, idempotent: true, attemptTimeoutMs: 50 };
  const caller = { owner: 'ann' } as Question['caller'];
  const progressed: unknown[] = [];
  const attempts = new Attempts(terms, runtime as unknown as Runtime);
  const onProgress = ({ done }: Progress) => progressed.push(done);
  const { call, clock } = made({}, { attempts, onProgress }, caller);
  call.waitAt({ withdraw() {}, timeout: () => new Error('late'), waitsFor: () => undefined, askAgain: () => {} });
  const [first, second] = [exchangeOf(1), exchangeOf(2)];
  call.onSent(first);
  return { call, first, second, answers, said, progressed, giveUp: () => clock.jump(50) };
}

/** What runs here for that call, which stands still until it has ended. */
function standingIn(call: Call, run: () => void = () => {}): Run | undefined {
  let blockedBy: Run | undefined;
  void call.run(() => {
    blockedBy = parentRun();
    run();
    return new Promise(() => {});
  });
  return blockedBy;
}

function made(
  wait: ConstructorParameters<typeof Call>[4] = {},
  extras?: CallExtras,
  caller?: Question['caller'],
  request: EncodedRequest = { text: '"name":"mean","args":[]}', bin: [], keyChars: 23 },
) {
  const clock = new TurnedClock();
  const call = new Call({ name: 'mean', request, caller }, siteAbove(made), clock, clock.now(), wait, extras);
  const outcomes: CallOutcome[] = [];
  call.onSettled((how) => outcomes.push(how));
  const abandoned: Call[] = [];
  const exchange = {
    abandoned,
    abandon: (given: Call) => abandoned.push(given),
    ahead: undefined as Call | undefined,
    isPiped: () => exchange.ahead !== undefined && !exchange.isStarted,
    before: (): Parent | undefined => exchange.ahead ?? callOf(exchange.worker.blockedBy),
    hasStarted: () => exchange.isStarted,
    isStarted: false,
    say: () => {},
    worker: { pipe: { behind: [] as readonly Call[] } } as Partial<WorkerHand>,
  };
  return { clock, call, outcomes, exchange: exchange as unknown as Exchange & typeof exchange };
}

const LIMITS = { depthMax: 10, messageBytesMax: 1_000, attachmentBytesMax: 1_000 };
