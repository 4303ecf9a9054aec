import { setImmediate } from 'node:timers/promises';
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
  await setImmediate();
  settle({ is: 'loaded' });
  process.signal('SIGKILL');
  await setImmediate();
  expect(freeSeat).not.toHaveBeenCalled();
  expect(onExited).toHaveBeenCalledOnce();
});

it('is forked of the next template where its own was retired before it could fork', async () => {
  const loading = { outcome: new Promise<TemplateOutcome>(() => {}), wait: vi.fn() };
  const retired = { outcome: Promise.resolve<TemplateOutcome>({ is: 'retired' }), wait: vi.fn() };
  const current = vi.fn().mockReturnValueOnce(retired).mockReturnValueOnce(loading);
  const onExited = vi.fn();
  const listeners = { onExited } as unknown as ProcessListeners;
  new ForkedProcess({ current } as unknown as Templates, async () => ({}) as Launch, listeners);
  await setImmediate();
  expect([retired.wait, loading.wait].map(({ mock }) => mock.calls)).toEqual([[[listeners]], [[listeners]]]);
  expect(onExited).not.toHaveBeenCalled();
});

it('is up to date until it begins, and then as long as the template that it began with is not retired', async () => {
  const outcomes: TemplateOutcome[] = [{ is: 'loaded' }, { is: 'refused', reason: 'it has a thread' }];
  for (const each of outcomes) {
    let settle!: (outcome: TemplateOutcome) => void;
    const outcome = new Promise<TemplateOutcome>((resolve) => {
      settle = resolve;
    });
    const seat = { begin: () => {} };
    const template = { outcome, wait: () => {}, freeSeat: () => seat, fork: () => 'epoch', isRetired: true };
    const templates = { current: () => template, refused: () => {}, spawn: () => ({}) } as unknown as Templates;
    const worker = new ForkedProcess(templates, async () => ({}) as Launch, {} as ProcessListeners);
    await setImmediate();
    expect(worker.isUpToDate).toBe(true);
    settle(each);
    await setImmediate();
    expect(worker.isUpToDate).toBe(false);
    template.isRetired = false;
    expect(worker.isUpToDate).toBe(true);
  }
});

describe('a worker that was killed and is not gone', () => {
  it('is waited for as long as the kernel keeps it, and its template lives', async () => {
    const { worker, kill } = await forked();
    isDying.mockReturnValue(true);
    worker.signal('SIGKILL');
    for (let time = 0; time < 60_000; time += 5_000) await goOn(5_000);
    expect(kill).not.toHaveBeenCalled();
    isDying.mockReturnValue(false);
    await goOn(5_100);
    expect(kill).toHaveBeenCalledOnce();
  });

  it('and not even dying has a template that hangs, which is killed', async () => {
    const { worker, kill } = await forked();
    isDying.mockReturnValue(false);
    worker.signal('SIGKILL');
    await goOn(5_100);
    expect(kill).toHaveBeenCalledOnce();
  });
});

/** So much later, what had been said by then has been told. */
async function goOn(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  for (let turns = 0; turns < 4; turns++) await setImmediate();
}

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
