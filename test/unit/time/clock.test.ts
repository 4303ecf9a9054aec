import { setTimeout } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';

it('a clock on the wall goes on, though it was first imported by a test that plays the timers', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  vi.resetModules();
  const { wallClock } = await import('../../../src/time/clock.js');
  const before = wallClock.now();
  await setTimeout(5);
  expect(wallClock.now()).toBeGreaterThan(before);
});
