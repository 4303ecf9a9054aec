import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { eitherOf, throwIfAborted } from '../../../src/base/signal.js';
import { Budget, checkWait, isBounded } from '../../../src/call/budget.js';
import { heard, TurnedClock } from '../../fake/turned-clock.js';

describe('a budget', () => {
  it('is spent when its time is up, and not a moment before', () => {
    const { clock, spent } = budget({ timeoutMs: 100 });
    clock.jump(99);
    expect(spent).toEqual([]);
    clock.jump(1);
    expect(spent).toEqual(['timeout']);
  });

  it('is spent as soon as its signal aborts', () => {
    const controller = new AbortController();
    const { spent } = budget({ signal: controller.signal });
    controller.abort();
    expect(spent).toEqual(['signal']);
  });

  it('is never spent after it was closed, and leaves no timer and no listener', () => {
    const controller = new AbortController();
    const { clock, spent, it } = budget({ timeoutMs: 100, signal: controller.signal });
    it.close();
    expect(clock.timers).toBe(0);
    clock.jump(200);
    controller.abort();
    expect(spent).toEqual([]);
  });

  it('sets no timer when there is no limit', () => {
    const { clock, it } = budget({});
    expect(clock.timers).toBe(0);
    it.close();
  });

  it('of no time at all is spent in the same turn, but not while it is made', async () => {
    const { clock, spent } = budget({ timeoutMs: 0 });
    expect(spent).toEqual([]);
    expect(clock.timers).toBe(0);
    await heard();
    expect(spent).toEqual(['timeout']);
  });

  it('of no time at all is not spent where it was closed in the same turn', async () => {
    const { spent, it } = budget({ timeoutMs: 0 });
    it.close();
    await heard();
    expect(spent).toEqual([]);
  });

  it('without an end sets no timer, and knows how long it was to be', () => {
    const { clock, it } = budget({ timeoutMs: Number.POSITIVE_INFINITY });
    expect(clock.timers).toBe(0);
    expect(it.timeoutMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('clears no timer but its own', () => {
    const clock = new TurnedClock();
    const cleared = vi.spyOn(clock, 'clearTimeout');
    new Budget(clock, {}, () => {}).close();
    expect(cleared).not.toHaveBeenCalled();
    new Budget(clock, { timeoutMs: 5 }, () => {}).close();
    expect(cleared).toHaveBeenCalledExactlyOnceWith(1);
  });
});

describe('budgets of one signal', () => {
  it('have one listener between them, which goes with the last of them', () => {
    const { signal } = new AbortController();
    const [first, second] = [budget({ signal }), budget({ signal })];
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    first.it.close();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    second.it.close();
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('are all spent by it, the last first, since those before may be what it waits behind, but those that were closed', () => {
    const controller = new AbortController();
    const spent: number[] = [];
    const made = [1, 2, 3].map(
      (each) => new Budget(new TurnedClock(), { signal: controller.signal }, () => spent.push(each)),
    );
    made[1]!.close();
    controller.abort();
    expect(spent).toEqual([3, 1]);
  });

  it('are each told, though one closes another as it is told itself', () => {
    const controller = new AbortController();
    const spent: number[] = [];
    const made = [1, 2].map(
      (each) =>
        new Budget(new TurnedClock(), { signal: controller.signal }, () => {
          spent.push(each);
          for (const budget of made) budget.close();
        }),
    );
    controller.abort();
    expect(spent).toEqual([2, 1]);
  });

  it('are told by a listener of their own where those before have all been closed, even twice', () => {
    const controller = new AbortController();
    const first = budget({ signal: controller.signal });
    first.it.close();
    const second = budget({ signal: controller.signal });
    first.it.close();
    const third = budget({ signal: controller.signal });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    controller.abort();
    expect([first.spent, second.spent, third.spent]).toEqual([[], ['signal'], ['signal']]);
  });

  it('leave nothing at a signal that has aborted', () => {
    const controller = new AbortController();
    budget({ signal: controller.signal });
    controller.abort();
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });
});

describe('a budget of two signals', () => {
  it.each([0, 1])('is spent by whichever aborts first, whose reason is told: %i', (first) => {
    const both = [new AbortController(), new AbortController()];
    const signal = eitherOf(both[0]!.signal, both[1]!.signal);
    const { spent, it } = budget({ signal });
    expect([signal.aborted, signal.reason]).toEqual([false, undefined]);
    expect(() => throwIfAborted(signal)).not.toThrow();
    both[first]!.abort('the first');
    it.close();
    both[1 - first]!.abort('the second');
    expect(spent).toEqual(['signal']);
    expect([signal.aborted, signal.reason]).toEqual([true, 'the first']);
  });

  it('has a listener on each with all others, and takes it off', () => {
    const signals = [1, 2, 3].map(() => new AbortController().signal);
    const listeners = () => signals.map((each) => getEventListeners(each, 'abort').length);
    const signal = eitherOf(eitherOf(signals[0]!, signals[1]!), signals[2]!);
    const made = Array.from({ length: 20 }, () => budget({ signal, timeoutMs: 100 }).it);
    expect(listeners()).toEqual([1, 1, 1]);
    for (const each of made) each.close();
    expect(listeners()).toEqual([0, 0, 0]);
  });

  it('knows at once that one had aborted before', () => {
    const reason = new Error('before');
    for (const either of [
      eitherOf(AbortSignal.abort(reason), new AbortController().signal),
      eitherOf(new AbortController().signal, AbortSignal.abort(reason)),
    ]) {
      expect(() => throwIfAborted(either)).toThrow(reason);
      expect([either.aborted, either.reason]).toEqual([true, reason]);
    }
  });

  it('is one of one signal where both are the same', () => {
    const { signal } = new AbortController();
    expect(eitherOf(signal, signal)).toBe(signal);
  });
});

describe('a wait', () => {
  it.each([
    [{}, false],
    [{ timeoutMs: Number.POSITIVE_INFINITY }, false],
    [{ timeoutMs: 0 }, true],
    [{ timeoutMs: 5 }, true],
    [{ signal: new AbortController().signal }, true],
    [{ signal: new AbortController().signal, timeoutMs: Number.POSITIVE_INFINITY }, true],
  ])('can be ended from outside, or cannot: %o %s', (wait, expected) => {
    expect(isBounded(wait)).toBe(expected);
  });
});

describe('checkWait', () => {
  it.each([
    [null],
    [{}],
    ['signal'],
    [new AbortController()],
    [new EventTarget()],
    [{ aborted: false, addEventListener() {} }],
    [{ aborted: false, removeEventListener() {} }],
  ])('refuses %o for a signal, with ERR_OPTION', (signal) => {
    expect(() => checkWait({ signal: signal as never })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', option: 'signal' }),
    );
  });

  it('takes what is left out, and what is undefined', () => {
    expect(() => checkWait({})).not.toThrow();
    expect(() => checkWait({ signal: undefined, timeoutMs: undefined })).not.toThrow();
    expect(() => checkWait({ signal: new AbortController().signal })).not.toThrow();
    expect(() => checkWait({ timeoutMs: Number.POSITIVE_INFINITY })).not.toThrow();
  });

  it('says what a signal is, and how long a time may be', () => {
    expect(() => checkWait({ signal: {} as never })).toThrow(
      'Option `signal` must be an AbortSignal, but it is an object.',
    );
    expect(() => checkWait({ timeoutMs: -1 })).toThrow(
      'Option `timeoutMs` must be milliseconds, from 0 to 2147483647, but it is -1.',
    );
  });

  it('refuses a name that is no option: mistyped, it would be no limit at all', () => {
    expect(() => checkWait({ timeout: 5 } as never)).toThrow('There is no option `timeout`.');
    expect(() => checkWait({ timeout: 5 } as never)).toThrow('Did you mean "timeoutMs"?');
    expect(() => checkWait({ retries: 5 } as never)).toThrow('There are: signal, timeoutMs.');
    expect(() => checkWait({ retries: 5 } as never, new Set(['retries']))).not.toThrow();
  });
});

function budget(wait: ConstructorParameters<typeof Budget>[1]) {
  const clock = new TurnedClock();
  const spent: string[] = [];
  return { clock, spent, it: new Budget(clock, wait, (by) => spent.push(by)) };
}
