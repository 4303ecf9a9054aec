import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { BusyPoll, busyPoll, knownProcessors } from '../../src/busy-poll.js';

/** On a loop that is turned by hand, one look each time. */
function polling(processors = 2) {
  const looks: (() => void)[] = [];
  let now = 0;
  const poll = new BusyPoll(
    () => processors,
    () => now,
    (look) => looks.push(look),
  );
  return {
    poll,
    get looks() {
      return looks.length;
    },
    /** How often it looks until it sleeps, if so much time goes by from one look to the next. */
    run(us: number, looksMax = 1_000): number {
      let ran = 0;
      for (; looks.length > 0 && ran < looksMax; ran += 1) {
        looks.shift()?.();
        now += us / 1_000;
      }
      return ran;
    },
  };
}

describe('busy polling', () => {
  it('looks for 50 µs, and then sleeps', () => {
    const { poll, run } = polling();
    poll.atWork = 1;
    poll.soon();
    expect(run(11)).toBe(6);
    expect(run(11)).toBe(0);
  });

  it('looks on for as long again whenever something comes', () => {
    const { poll, run } = polling();
    poll.atWork = 1;
    poll.soon();
    for (let each = 0; each < 10; each += 1) {
      expect(run(11, 4)).toBe(4);
      poll.soon();
    }
    expect(run(11)).toBe(6);
  });

  it('looks for nothing once nothing is owed', () => {
    const { poll, run } = polling();
    poll.soon();
    expect(run(11)).toBe(0);
    poll.atWork = 1;
    poll.soon();
    poll.atWork = 0;
    expect(run(11)).toBe(1);
  });

  it('leaves the processors to the workers that are at work', () => {
    const { poll, run } = polling(4);
    poll.atWork = 4;
    poll.soon();
    expect(run(11)).toBe(0);
    poll.atWork = 3;
    poll.soon();
    expect(run(11, 2)).toBe(2);
    poll.atWork = 4;
    expect(run(11)).toBe(1);
  });

  it('never looks where there is one processor', () => {
    const { poll, run } = polling(1);
    poll.atWork = 1;
    poll.soon();
    expect(run(11)).toBe(0);
  });

  it('is left out the more often the more often nothing came of it, and again less often once something does', () => {
    const { poll, run } = polling();
    poll.atWork = 1;
    const leftOut = (): number => {
      for (let times = 0; ; times += 1) {
        poll.soon();
        if (run(11) > 0) return times;
      }
    };
    expect([0, 1, 2, 3, 4].map(leftOut)).toEqual([0, 1, 3, 7, 15]);
    for (let each = 0; each < 10; each += 1) leftOut();
    expect(leftOut()).toBe(1_023);
    for (let times = 0; times < 1_024; times += 1) poll.soon();
    for (const _ of Array.from({ length: 20 })) {
      run(11, 2);
      poll.soon();
    }
    expect(run(11)).toBe(6);
    expect(leftOut()).toBe(1);
  });

  it('takes nothing for worth it that had come before it could look', () => {
    const { poll, run } = polling();
    poll.atWork = 1;
    poll.soon();
    run(11);
    poll.soon();
    poll.soon();
    for (let each = 0; each < 5; each += 1) poll.soon();
    expect(run(11)).toBe(6);
    for (let each = 0; each < 3; each += 1) poll.soon();
    expect(run(11)).toBe(0);
  });

  it('of the real loop ends by itself, and belongs to nobody', async () => {
    if (knownProcessors() === 1) return expect(busyPoll.atWork).toBe(0);
    const store = new AsyncLocalStorage<string>();
    let seen: unknown;
    let turns = 0;
    const real = new BusyPoll(
      () => 2,
      () => {
        seen ??= store.getStore() ?? 'nobody';
        return performance.now();
      },
      (look) => {
        turns += 1;
        busyPoll.afterPoll(look);
      },
    );
    real.atWork = 1;
    store.run('whoever sent', () => real.soon());
    while (turns < 2 || seen === undefined) await new Promise<void>((resolve) => setImmediate(resolve));
    expect(seen).toBe('nobody');
  });
});
