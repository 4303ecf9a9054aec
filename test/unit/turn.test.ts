import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { Turn } from '../../src/turn.js';

it('a turn comes to its end while a test plays the ticks, and so do those after it', async () => {
  const played = vi.spyOn(process, 'nextTick').mockImplementation(() => {});
  onTestFinished(() => played.mockRestore());
  let ended = 0;
  const turn = new Turn(() => {
    ended += 1;
  });
  for (const expected of [1, 2]) {
    turn.ends();
    turn.ends();
    await setImmediate();
    expect(ended).toBe(expected);
    played.mockRestore();
  }
});
