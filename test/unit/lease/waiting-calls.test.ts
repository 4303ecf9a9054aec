import { describe, expect, it } from 'vitest';
import type { Call } from '../../../src/call/call.js';
import { WaitingCalls } from '../../../src/lease/waiting-calls.js';

describe('the calls that wait under a lease', () => {
  it('are sent in the order in which they were made, those left out that have given up', () => {
    const waiting = new WaitingCalls();
    const calls = callsIn(waiting, 5);
    expect([waiting.isEmpty, waiting.first]).toEqual([false, calls[0]]);
    giveUp(waiting, calls[0], calls[3]);
    expect(waiting.first).toBe(calls[1]);
    waiting.takeFirst();
    giveUp(waiting, calls[2]);
    expect(waiting.first).toBe(calls[4]);
    waiting.takeFirst();
    expect([waiting.isEmpty, waiting.first]).toEqual([true, undefined]);
    waiting.add(calls[1] as Call);
    expect(waiting.first).toBe(calls[1]);
  });

  it('are none once the last of them has given up, which it does once', () => {
    const waiting = new WaitingCalls();
    const [first, second] = callsIn(waiting, 2);
    giveUp(waiting, second, second);
    expect([waiting.isEmpty, waiting.first]).toEqual([false, first]);
    giveUp(waiting, first);
    expect([waiting.isEmpty, waiting.first, waiting.takeAll()]).toEqual([true, undefined, []]);
  });

  it('are all told when the lease ends, but for those that were sent or have given up', () => {
    const waiting = new WaitingCalls();
    const calls = callsIn(waiting, 4);
    waiting.takeFirst();
    giveUp(waiting, calls[2]);
    expect(waiting.takeAll()).toEqual([calls[1], calls[3]]);
    expect(waiting.isEmpty).toBe(true);
  });

  it.each([
    ['give up, the last first', (waiting: WaitingCalls, calls: Stub[]) => giveUp(waiting, ...calls.toReversed())],
    ['give up, the first first', (waiting: WaitingCalls, calls: Stub[]) => giveUp(waiting, ...calls)],
    [
      'are sent, as many give up from behind',
      (waiting: WaitingCalls, calls: Stub[]) => {
        for (let at = 1; at <= calls.length / 2; at += 1) {
          giveUp(waiting, calls.at(-at));
          expect(waiting.first).toBe(calls[at - 1]);
          waiting.takeFirst();
        }
      },
    ],
  ])('cost no more each where they are many and %s', (_, end) => {
    const waiting = new WaitingCalls();
    const calls = callsIn(waiting, 20_000);
    end(waiting, calls);
    expect(waiting.isEmpty).toBe(true);
    expect(calls.reduce((looks, call) => looks + call.looks, 0)).toBeLessThan(10 * calls.length);
  });
});

/** Counts how often it is looked at. */
class Stub {
  looks = 0;
  hasGivenUp = false;

  get isSettled(): boolean {
    this.looks += 1;
    return this.hasGivenUp;
  }
}

function callsIn(waiting: WaitingCalls, count: number): (Stub & Call)[] {
  const calls = Array.from({ length: count }, () => new Stub() as Stub & Call);
  for (const call of calls) waiting.add(call);
  return calls;
}

function giveUp(waiting: WaitingCalls, ...calls: (Stub | undefined)[]): void {
  for (const call of calls) {
    waiting.remove(call as Stub & Call);
    (call as Stub).hasGivenUp = true;
  }
}
