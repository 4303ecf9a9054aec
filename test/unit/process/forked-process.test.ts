import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ForkedProcess, type Templates } from '../../../src/process/forked-process.js';
import type { Launch, ProcessListeners } from '../../../src/process/python-process.js';
import type { ForkListeners, TemplateOutcome } from '../../../src/process/template.js';

/** Whether the kernel has not let go yet of what was killed. */
const isDying = vi.hoisted(() => vi.fn<() => boolean>());
vi.mock('../../../src/process/group.js', async (original) => ({
  ...(await original<typeof import('../../../src/process/group.js')>()),
  isDying,
}));

it('forks nobody for whom there is no more use in the very turn in which the template comes up', async () => {
  let settle!: (outcome: TemplateOutcome) => void;
  const outcome = new Promise<TemplateOutcome>((resolve) => {
    settle = resolve;
  });
  const [freeSeat, onExited] = [vi.fn(), vi.fn()];
  const template = { outcome, wait: () => {}, waitNoLonger: () => {}, freeSeat };
  const templates = { current: () => template } as unknown as Templates;
  const process = new ForkedProcess(templates, async () => ({}) as Launch, { onExited } as unknown as ProcessListeners);
  await new Promise(setImmediate);
  settle({ is: 'loaded' });
  process.signal('SIGKILL');
  await new Promise(setImmediate);
  expect(freeSeat).not.toHaveBeenCalled();
  expect(onExited).toHaveBeenCalledOnce();
});

describe('a worker that was killed and is not gone', () => {
  it('is waited for as long as the kernel keeps it, and its template lives', async () => {
    const { worker, kill } = await forked();
    isDying.mockReturnValue(true);
    worker.signal('SIGKILL');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(kill).not.toHaveBeenCalled();
    isDying.mockReturnValue(false);
    await vi.advanceTimersByTimeAsync(5_100);
    expect(kill).toHaveBeenCalledOnce();
  });

  it('and not even dying has a template that hangs, which is killed', async () => {
    const { worker, kill } = await forked();
    isDying.mockReturnValue(false);
    worker.signal('SIGKILL');
    await vi.advanceTimersByTimeAsync(5_100);
    expect(kill).toHaveBeenCalledOnce();
  });
});

/** A worker of a template that never tells of an end, by a clock that the test turns. */
async function forked() {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const kill = vi.fn();
  const template = {
    outcome: Promise.resolve<TemplateOutcome>({ is: 'loaded' }),
    wait: () => {},
    freeSeat: () => ({ begin: () => {} }),
    fork: (_: unknown, { onForked }: ForkListeners) => onForked(1),
    signal: () => {},
    kill,
  };
  const templates = { current: () => template } as unknown as Templates;
  const listeners = { onSpawned: () => {} } as unknown as ProcessListeners;
  const worker = new ForkedProcess(templates, async () => ({}) as Launch, listeners);
  await vi.advanceTimersByTimeAsync(0);
  return { worker, kill };
}
