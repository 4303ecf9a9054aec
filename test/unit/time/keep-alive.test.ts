import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { KeepAlive } from '../../../src/time/keep-alive.js';

describe('keep-alive', () => {
  it('keeps the program running while somebody waits, and no longer', () => {
    const { keepAlive, endTurn } = made();
    const before = timers();
    keepAlive.hold();
    keepAlive.hold();
    expect(timers()).toBe(before + 1);
    keepAlive.release();
    endTurn();
    expect(timers()).toBe(before + 1);
    keepAlive.release();
    endTurn();
    expect(timers()).toBe(before);
    keepAlive.hold();
    expect(timers()).toBe(before + 1);
    keepAlive.release();
    keepAlive.dispose();
  });

  it('keeps it running while a test plays the timers, of which none does', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { keepAlive, endTurn } = made();
    const before = timers();
    keepAlive.hold();
    expect(timers()).toBe(before + 1);
    keepAlive.release();
    endTurn();
    expect(timers()).toBe(before);
    keepAlive.dispose();
  });

  it('lets go at the end of a turn, and not where somebody waits again by then', () => {
    const { keepAlive, endTurn } = made();
    const before = timers();
    keepAlive.hold();
    keepAlive.release();
    expect(timers()).toBe(before + 1);
    keepAlive.hold();
    endTurn();
    expect(timers()).toBe(before + 1);
    keepAlive.release();
    endTurn();
    expect(timers()).toBe(before);
    keepAlive.dispose();
  });

  it('lets go when the work has come to its end, however that was', async () => {
    const { keepAlive, endTurn } = made();
    const before = timers();
    await keepAlive.during(Promise.resolve());
    await expect(keepAlive.during(Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    endTurn();
    expect(timers()).toBe(before);
    keepAlive.dispose();
  });

  it('holds nothing once it is disposed of', () => {
    const { keepAlive } = made();
    const before = timers();
    keepAlive.hold();
    keepAlive.release();
    keepAlive.dispose();
    expect(timers()).toBe(before);
  });

  it('still serves one who waits after it was disposed of, and leaves nothing then either', () => {
    const { keepAlive } = made();
    const before = timers();
    keepAlive.dispose();
    keepAlive.hold();
    keepAlive.release();
    expect(timers()).toBe(before);
  });

  it('lets go of the timers that it has, and has those of its own, though a test has come to play them', () => {
    const { keepAlive } = made();
    const before = timers();
    keepAlive.hold();
    onTestFinished(() => void vi.useRealTimers());
    vi.useFakeTimers();
    keepAlive.release();
    keepAlive.dispose();
    expect(timers()).toBe(before);
    const other = made();
    other.keepAlive.hold();
    expect(timers()).toBe(before + 1);
    other.keepAlive.release();
    other.keepAlive.dispose();
    expect(timers()).toBe(before);
  });
});

/** One, and what ends a turn in which something was put off. */
function made() {
  let isEndAhead = false;
  const keepAlive = new KeepAlive(() => {
    isEndAhead = true;
  });
  const endTurn = () => {
    if (isEndAhead) keepAlive.rest();
    isEndAhead = false;
  };
  return { keepAlive, endTurn };
}

/** The timers that keep this program running. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
}
