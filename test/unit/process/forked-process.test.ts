import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ForkedProcess, type Templates } from '../../../src/process/forked-process.js';
import type { Launch, ProcessListeners } from '../../../src/process/python-process.js';
import type { ForkListeners, TemplateOutcome } from '../../../src/process/template.js';

/** Whether the kernel has not let go yet of what was killed, and whether it says that somebody has ended. */
const [isDying, isEnding] = vi.hoisted(() => [vi.fn<() => boolean>(), vi.fn<() => boolean>()] as const);
vi.mock('../../../src/process/group.js', async (original) => ({
  ...(await original<typeof import('../../../src/process/group.js')>()),
  isDying,
  isEnding,
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

it('is forked of the next template where its own is retired in the very turn in which it comes up', async () => {
  const [retired, next, onExited] = [{ ...loaded(), isRetired: true }, loaded(), vi.fn()];
  await startOf([retired, next], { onExited });
  expect(retired.fork).not.toHaveBeenCalled();
  expect(next.fork).toHaveBeenCalledOnce();
  expect(onExited).not.toHaveBeenCalled();
});

it('is kept no longer by a template that has refused to fork it, though that is asked again at each start', async () => {
  const [wait, waitNoLonger] = [vi.fn(), vi.fn()];
  const outcome = Promise.resolve<TemplateOutcome>({ is: 'refused', reason: 'it has a thread' });
  const template = { outcome, wait, waitNoLonger };
  const templates = { current: () => template, refused: () => {}, spawn: () => ({}) } as unknown as Templates;
  const listeners = {} as ProcessListeners;
  new ForkedProcess(templates, async () => ({}) as Launch, listeners);
  await setImmediate();
  expect([wait, waitNoLonger].map(({ mock }) => mock.calls)).toEqual([[[listeners]], [[listeners]]]);
});

it('is up to date until it begins, and then as long as the template that it began with is not retired', async () => {
  const outcomes: TemplateOutcome[] = [{ is: 'loaded' }, { is: 'refused', reason: 'it has a thread' }];
  for (const each of outcomes) {
    let settle!: (outcome: TemplateOutcome) => void;
    const outcome = new Promise<TemplateOutcome>((resolve) => {
      settle = resolve;
    });
    const seat = { begin: () => {} };
    const forks = { freeSeat: () => seat, fork: () => 'epoch' };
    const template = { outcome, wait: () => {}, waitNoLonger: () => {}, ...forks, isRetired: false };
    const templates = { current: () => template, refused: () => {}, spawn: () => ({}) } as unknown as Templates;
    const worker = new ForkedProcess(templates, async () => ({}) as Launch, {} as ProcessListeners);
    await setImmediate();
    expect(worker.isUpToDate).toBe(true);
    settle(each);
    await setImmediate();
    expect(worker.isUpToDate).toBe(true);
    template.isRetired = true;
    expect(worker.isUpToDate).toBe(false);
  }
});

describe('a worker that its template has not forked yet', () => {
  it('is forked of the next one if that is killed, since it hangs, and has not failed to start', async () => {
    const [first, second, onExited] = [loaded(), loaded(), vi.fn<ProcessListeners['onExited']>()];
    await startOf([first, second], { onExited });
    first.isHung = true;
    await first.ended();
    expect(second.fork).toHaveBeenCalledOnce();
    expect(onExited).not.toHaveBeenCalled();
    // That one forks it, and its end is the worker's, of whose start it says nothing either.
    second.forked();
    second.isHung = true;
    await second.ended();
    expect(onExited.mock.calls).toEqual([[KILLED, true]]);
  });

  it('waits until one that was killed is gone, and is forked of the next one then', async () => {
    let vanish!: () => void;
    const gone = new Promise<void>((resolve) => {
      vanish = resolve;
    });
    const [first, second] = [{ ...loaded(), gone, isHung: true }, loaded()];
    await startOf([first, second], {});
    expect(second.fork).not.toHaveBeenCalled();
    vanish();
    await setImmediate();
    expect(second.fork).toHaveBeenCalledOnce();
    expect(first.fork).not.toHaveBeenCalled();
  });

  it('has failed to start if that ends by itself, of which its fork may be the reason', async () => {
    const [first, second, onExited] = [loaded(), loaded(), vi.fn<ProcessListeners['onExited']>()];
    await startOf([first, second], { onExited });
    await first.ended();
    expect(onExited.mock.calls).toEqual([[KILLED, false]]);
    expect(second.fork).not.toHaveBeenCalled();
  });

  it('has failed to start once its own time is up, so that templates that hang at each fork come to an end', async () => {
    const [first, second, onExited] = [loaded(), loaded(), vi.fn<ProcessListeners['onExited']>()];
    const worker = await startOf([first, second], { onExited });
    worker.signal('SIGKILL');
    first.isHung = true;
    await first.ended();
    expect(onExited.mock.calls).toEqual([[KILLED, false]]);
    expect(second.fork).not.toHaveBeenCalled();
  });
});

describe('a template that ends', () => {
  it('by itself is a bad start of one of the workers that go with it, and not of each', async () => {
    const [template, first, second] = [loaded(), vi.fn(), vi.fn()];
    await startOf([template], { onExited: first });
    await startOf([template], { onExited: second });
    template.forked();
    await template.ended();
    expect([first, second].map(({ mock }) => mock.calls)).toEqual([[[KILLED, false]], [[KILLED, true]]]);
  });

  it('by itself is a bad start of the one of whom it tells first, though all that this one has written comes last', async () => {
    const [template, first, second] = [loaded(), vi.fn(), vi.fn()];
    let endOutputs!: () => void;
    const end = () =>
      new Promise<void>((resolve) => {
        endOutputs = resolve;
      });
    template.freeSeat = vi.fn(template.freeSeat).mockReturnValueOnce({ begin: () => {}, end });
    await startOf([template], { onExited: first });
    await startOf([template], { onExited: second });
    const told = template.fork.mock.calls.map(([, { onExited }]) => onExited(KILLED, true));
    await told[1];
    endOutputs();
    await told[0];
    expect([first, second].map(({ mock }) => mock.calls)).toEqual([[[KILLED, false]], [[KILLED, true]]]);
  });

  it('before it has imported the modules is a bad start of one of those who wait for it', async () => {
    const [template, first, second] = [loaded(), vi.fn(), vi.fn()];
    template.outcome = Promise.resolve({ is: 'ended', end: KILLED });
    await startOf([template], { onExited: first });
    await startOf([template], { onExited: second });
    expect([first, second].map(({ mock }) => mock.calls)).toEqual([[[KILLED, false]], [[KILLED, true]]]);
  });

  it('since it hung is a bad start of nobody who was not to end anyhow', async () => {
    const [template, first, second] = [loaded(), vi.fn(), vi.fn()];
    await startOf([template], { onExited: first });
    const killed = await startOf([template], { onExited: second });
    template.forked();
    killed.signal('SIGKILL');
    template.isHung = true;
    await template.ended();
    expect([first, second].map(({ mock }) => mock.calls)).toEqual([[[KILLED, true]], [[KILLED, false]]]);
  });
});

describe('a worker that was killed and is not gone', () => {
  it('is waited for as long as the kernel keeps it, and its template lives', async () => {
    const { worker, killHung } = await forked();
    isDying.mockReturnValue(true);
    worker.signal('SIGKILL');
    for (let time = 0; time < 60_000; time += 5_000) await goOn(5_000);
    expect(killHung).not.toHaveBeenCalled();
    isDying.mockReturnValue(false);
    await goOn(5_100);
    expect(killHung).toHaveBeenCalledOnce();
  });

  it('and not even dying has a template that hangs, which is killed', async () => {
    const { worker, killHung } = await forked();
    isDying.mockReturnValue(false);
    worker.signal('SIGKILL');
    await goOn(5_100);
    expect(killHung).toHaveBeenCalledOnce();
  });
});

describe('a worker that has ended, of which its template has not told', () => {
  it('has one that hangs, which is killed', async () => {
    const { told, killHung } = await forked();
    isEnding.mockReturnValue(true);
    isDying.mockReturnValue(false);
    told.onUnreaped();
    await goOn(4_900);
    expect(killHung).not.toHaveBeenCalled();
    await goOn(200);
    expect(killHung).toHaveBeenCalledOnce();
  });

  it('has one that does not, if that tells a moment later', async () => {
    const { told, killHung } = await forked();
    isEnding.mockReturnValue(true);
    told.onUnreaped();
    void told.onExited(KILLED, false);
    await goOn(60_000);
    expect(killHung).not.toHaveBeenCalled();
  });

  it.each([false, true])('has one that does not, if that has told before: has been reaped %j', async (isReaped) => {
    const { told, killHung } = await forked();
    isEnding.mockReturnValue(!isReaped);
    if (!isReaped) void told.onExited(KILLED, false);
    told.onUnreaped();
    await goOn(60_000);
    expect(killHung).not.toHaveBeenCalled();
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
  const killHung = vi.fn();
  let told!: ForkListeners;
  const template = {
    outcome: Promise.resolve<TemplateOutcome>({ is: 'loaded' }),
    wait: () => {},
    waitNoLonger: () => {},
    freeSeat: () => ({ begin: () => {}, end: async () => {} }),
    fork: (_: unknown, listeners: ForkListeners) => {
      told = listeners;
      listeners.onForked(1);
    },
    signal: () => {},
    killHung,
  };
  const templates = { current: () => template } as unknown as Templates;
  const listeners = { onSpawned: () => {}, onExited: () => {} } as unknown as ProcessListeners;
  const worker = new ForkedProcess(templates, async () => ({}) as Launch, listeners);
  await vi.advanceTimersByTimeAsync(0);
  return { worker, killHung, told };
}

/** A worker that the first of these templates has been told to fork; if it begins anew, it comes to the next. */
async function startOf(templates: readonly unknown[], told: Partial<ProcessListeners>): Promise<ForkedProcess> {
  const current = vi.fn();
  for (const template of templates) current.mockReturnValueOnce(template);
  const listeners = { onSpawned: () => {}, ...told } as ProcessListeners;
  const worker = new ForkedProcess({ current } as unknown as Templates, async () => ({}) as Launch, listeners);
  await setImmediate();
  return worker;
}

/** A template that has imported the modules. */
function loaded() {
  const fork = vi.fn<(seat: unknown, listeners: ForkListeners) => string>(() => 'epoch');
  return {
    outcome: Promise.resolve<TemplateOutcome>({ is: 'loaded' }),
    gone: Promise.resolve(),
    isHung: false,
    takeBlame: vi.fn(() => false).mockReturnValueOnce(true),
    wait: () => {},
    waitNoLonger: () => {},
    freeSeat: () => ({ begin: () => {}, end: async () => {} }),
    signal: () => {},
    fork,
    /** It has forked the workers. */
    forked: () => {
      for (const [, { onForked }] of fork.mock.calls) onForked(1);
    },
    /** It has come to its end, and so have the workers; what comes of that has come of it. */
    ended: async () => {
      for (const [, { onExited }] of fork.mock.calls) await onExited(KILLED, true);
      await setImmediate();
    },
  };
}

const KILLED = { exitCode: null, signal: 'SIGKILL' };
