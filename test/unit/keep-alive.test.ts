import { describe, expect, it } from 'vitest';
import { KeepAlive } from '../../src/keep-alive.js';

describe('keep-alive', () => {
  it('keeps the program running while somebody waits, and no longer', () => {
    const keepAlive = new KeepAlive();
    const before = timers();
    keepAlive.hold();
    keepAlive.hold();
    expect(timers()).toBe(before + 1);
    keepAlive.release();
    expect(timers()).toBe(before + 1);
    keepAlive.release();
    expect(timers()).toBe(before);
    keepAlive.hold();
    expect(timers()).toBe(before + 1);
    keepAlive.release();
    keepAlive.dispose();
  });

  it('lets go when the work has come to its end, however that was', async () => {
    const keepAlive = new KeepAlive();
    const before = timers();
    await keepAlive.during(Promise.resolve());
    await expect(keepAlive.during(Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(timers()).toBe(before);
    keepAlive.dispose();
  });

  it('holds nothing once it is disposed of', () => {
    const keepAlive = new KeepAlive();
    const before = timers();
    keepAlive.hold();
    keepAlive.release();
    keepAlive.dispose();
    expect(timers()).toBe(before);
  });

  it('still serves one who waits after it was disposed of, and leaves nothing then either', () => {
    const keepAlive = new KeepAlive();
    const before = timers();
    keepAlive.dispose();
    keepAlive.hold();
    keepAlive.release();
    expect(timers()).toBe(before);
  });
});

/** The timers that keep this program running. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
}
