import { onTestFinished, vi } from 'vitest';

/**
 * Has none come that is asked for by the global functions, until what it returns is called: then all do, since those of
 * others are among them, such as of the line by which a test tells how it ended.
 */
export function playTicks(): () => void {
  const held: (() => void)[] = [];
  const hold = <Args extends unknown[]>(run: (...args: Args) => void, ...args: Args) => {
    held.push(() => run(...args));
  };
  const ticks = vi.spyOn(process, 'nextTick').mockImplementation(hold as typeof process.nextTick);
  const microtasks = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation(hold);
  const restore = () => {
    ticks.mockRestore();
    microtasks.mockRestore();
    for (const run of held.splice(0)) run();
  };
  onTestFinished(restore);
  return restore;
}
