import { expect, it, onTestFinished, vi } from 'vitest';
import type { Call } from '../../src/call.js';
import { type Child, deadlockOf, lookAgainAt, outside, parentRun, Run } from '../../src/children.js';
import { checkOptions } from '../../src/options.js';
import { Runtime } from '../../src/runtime.js';
import { FakePython } from '../fake/fake-python.js';
import { heard } from '../fake/turned-clock.js';

it('what a function asks is asked by its run, until that has ended or nobody waits for it', async () => {
  const { run, ended } = running();
  expect(await run.of(parentRun)).toBe(run);
  expect(ended).toEqual([run]);
  let left: Promise<unknown> | undefined;
  await run.of(() => {
    left = heard().then(parentRun);
  });
  expect(await left).toBeUndefined();
  const slow = running();
  const seen = await slow.run.of(async () => {
    await heard();
    const before = parentRun();
    slow.giveUp();
    return [before, parentRun()];
  });
  expect(seen).toEqual([slow.run, undefined]);
});

it('a run that fails has ended as well', async () => {
  const { run, ended } = running();
  const fails = () => {
    throw new Error('broken');
  };
  await expect(run.of(fails)).rejects.toThrow('broken');
  expect([run.isOver, ended]).toEqual([true, [run]]);
});

it('what outlives the call in whose function it begins is no child of it', async () => {
  expect(await running().run.of(() => outside(parentRun))).toBeUndefined();
});

it('those who are left are looked at as no part of what has ended, though somebody else turns the timers', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const seen = new Promise((resolve) => {
    const left = { children: { refuse: () => resolve(parentRun()) } } as unknown as Call;
    void running().run.of(() => {
      lookAgainAt(left);
      return new Promise(() => {});
    });
  });
  expect(await seen).toBeUndefined();
});

it.each([true, false])('each of those who wait for each other is looked at once (the last goes on: %s)', (goesOn) => {
  const { run } = running();
  let looks = 0;
  const waiting = (waitsFor: () => readonly Child[], waitsForAll: boolean): Child => ({
    name: waitsForAll ? 'drain()' : 'call',
    parent: run,
    waitsForAll,
    waitsFor() {
      looks += 1;
      return waitsFor();
    },
    refuseIfDeadlocked: () => false,
  });
  const first = waiting(() => calls, true);
  let calls: readonly Child[] = goesOn ? [] : [first];
  for (let level = 0; level < 12; level += 1) {
    const below = calls;
    const drains = [1, 2].map(() => waiting(() => below, true));
    calls = [1, 2].map(() => waiting(() => drains, false));
  }
  expect(deadlockOf(first, false) === undefined).toBe(goesOn);
  // One for each way to the last would be thousands.
  expect(looks).toBeLessThan(12 * 4);
});

it('no worker belongs to the call in whose function it is started', async () => {
  const python = new FakePython();
  const parents: unknown[] = [];
  const settings = checkOptions({ module: 'played', size: 1, logs: 'events' });
  const runtime = await running().run.of(
    () =>
      new Runtime(settings, (launch, listeners) => {
        parents.push(parentRun());
        return python.start(launch, listeners);
      }),
  );
  expect(parents).toEqual([undefined]);
  const over = runtime.end('destroy');
  await heard();
  python.reap();
  await over;
});

/** One run of a function, for a call that hears of its end. */
function running() {
  const ended: Run[] = [];
  const call = { name: 'outer', children: { releaseAllOf: (run: Run) => void ended.push(run) } } as unknown as Call;
  let isGivenUp = false;
  const giveUp = () => {
    isGivenUp = true;
  };
  return { run: new Run(call, () => isGivenUp), ended, giveUp };
}
