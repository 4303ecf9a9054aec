import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Turn } from '../../src/turn.js';
import { playTicks } from '../support/played-ticks.js';

it('a turn comes to its end while a test plays the ticks, and so do those after it', async () => {
  const restore = playTicks();
  let ended = 0;
  const turn = new Turn(() => {
    ended += 1;
  });
  for (const expected of [1, 2]) {
    turn.ends();
    turn.ends();
    await setImmediate();
    expect(ended).toBe(expected);
    restore();
  }
});
