import { describe, expect, it } from 'vitest';
import { Budget, checkMs, checkWait, LONGEST_MS } from '../../src/budget.js';
import { heard, TurnedClock } from '../fake/turned-clock.js';

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
    clock.jump(0);
    await heard();
    expect(spent).toEqual(['timeout']);
  });
});

describe('checkWait', () => {
  it.each([[null], [{}], ['signal'], [new AbortController()]])('refuses %o for a signal, with ERR_OPTION', (signal) => {
    expect(() => checkWait({ signal: signal as never })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', option: 'signal' }),
    );
  });

  it('takes what is left out, and what is undefined', () => {
    expect(() => checkWait({})).not.toThrow();
    expect(() => checkWait({ signal: undefined, timeoutMs: undefined })).not.toThrow();
  });
});

describe('checkMs', () => {
  it.each([0, 0.5, LONGEST_MS])('takes %s', (ms) => {
    expect(() => checkMs('timeoutMs', ms)).not.toThrow();
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, LONGEST_MS + 1, '100', null, 100n])(
    'refuses %s, naming the option, since no timer keeps it',
    (ms) => {
      expect(() => checkMs('queueTimeoutMs', ms)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION', option: 'queueTimeoutMs' }),
      );
    },
  );
});

function budget(wait: ConstructorParameters<typeof Budget>[1]) {
  const clock = new TurnedClock();
  const spent: string[] = [];
  return { clock, spent, it: new Budget(clock, wait, (by) => spent.push(by)) };
}
