import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { soon, TurnEnd } from '../../../src/time/turn.js';
import { playTicks } from '../../support/played-ticks.js';

it('a turn comes to its end while a test plays the ticks, and so do those after it', async () => {
  const restore = playTicks();
  let ended = 0;
  const end = new TurnEnd(
    () => true,
    () => {
      ended += 1;
    },
  );
  for (const expected of [1, 2]) {
    end.want();
    end.want();
    await setImmediate();
    expect(ended).toBe(expected);
    restore();
  }
});

it('a turn in which nothing is left to do by the next microtasks has no end, and the next that wants one has', async () => {
  let [left, ended] = [1, 0];
  const end = new TurnEnd(
    () => left > 0,
    () => {
      ended += 1;
    },
  );
  end.want();
  await Promise.resolve();
  left = 0;
  await setImmediate();
  expect(ended).toBe(0);
  left = 1;
  end.want();
  await setImmediate();
  expect(ended).toBe(1);
});

it('a turn ends after all that follows from what came in it, however many promises there are around that', async () => {
  const order: string[] = [];
  const end = new TurnEnd(
    () => true,
    () => order.push('end'),
  );
  const around = async (promises: number): Promise<void> => {
    if (promises > 0) await around(promises - 1);
  };
  end.want();
  await around(50);
  order.push('follows');
  await setImmediate();
  expect(order).toEqual(['follows', 'end']);
});

it('what is to run soon does while a test plays the microtasks, and whoever has what it returns alone hears of that', async () => {
  const restore = playTicks();
  let runs = 0;
  const rejected = Promise.reject(new Error('heard of'));
  rejected.catch(() => {});
  soon(() => {
    runs += 1;
    return rejected;
  });
  await setImmediate();
  restore();
  expect(runs).toBe(1);
});
