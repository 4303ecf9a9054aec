import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { soon, TurnEnd } from '../../../src/time/turn.js';
import { playTicks } from '../../support/played-ticks.js';

it('a turn comes to its end while a test plays the ticks, and so do those after it', async () => {
  const restore = playTicks();
  let ended = 0;
  const end = new TurnEnd(() => {
    ended += 1;
  });
  for (const expected of [1, 2]) {
    end.want();
    end.want();
    await setImmediate();
    expect(ended).toBe(expected);
    restore();
  }
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
