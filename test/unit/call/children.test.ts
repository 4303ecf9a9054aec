import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import {
  type Child,
  childrenOf,
  deadlockOf,
  lookAgain,
  outside,
  type Parent,
  parentRun,
  Run,
  unlessDeadlocked,
} from '../../../src/call/children.js';
import { checkOptions } from '../../../src/options.js';
import { Runtime } from '../../../src/runtime.js';
import { FakePython } from '../../fake/fake-python.js';
import { heard } from '../../fake/turned-clock.js';
import { collectGarbage } from '../../support/garbage.js';

it('what a function asks is asked by its run, until that has ended or nobody waits for it', async () => {
  const { run, call, ask } = running();
  const child = ask();
  expect(childrenOf(call)).toEqual([child]);
  expect(await run.of(parentRun)).toBe(run);
  expect(childrenOf(call)).toEqual([]);
  let left: Promise<unknown> | undefined;
  await run.of(() => {
    left = heard().then(parentRun);
  });
  expect(await left).toBeUndefined();
  const slow = running();
  slow.ask();
  const seen = await slow.run.of(async () => {
    await heard();
    const before = parentRun();
    slow.giveUp();
    return [before, parentRun(), childrenOf(slow.call)];
  });
  expect(seen).toEqual([slow.run, undefined, []]);
});

it('a run that fails has ended as well', async () => {
  const { run, call, ask } = running();
  ask();
  const fails = () => {
    throw new Error('broken');
  };
  await expect(run.of(fails)).rejects.toThrow('broken');
  expect([run.isOver, childrenOf(call)]).toEqual([true, []]);
});

it('a run that has ended lets go of what was asked for in it, and of nothing that another of its call waits for', async () => {
  const { run, call, ask } = running();
  const other = new Run(call, () => false);
  const child: Child = { name: 'inner', parent: other, waitsFor: () => undefined };
  other.adopt(child);
  ask();
  await run.of(() => {});
  expect(childrenOf(call)).toEqual([child]);
  await other.of(() => {});
  expect(childrenOf(call)).toEqual([]);
});

it('who was told that it would wait for ever keeps nobody waiting, though what it waited for goes on', async () => {
  const { run, call } = running();
  const goesOn = new Promise(() => {});
  const seen = run.of(async () => {
    const error = await unlessDeadlocked(goesOn, 'drain()', () => [call]).catch(({ code }) => code);
    return [error, childrenOf(call)];
  });
  expect(await seen).toEqual(['ERR_DEADLOCK', []]);
});

it('what has come is waited for no longer, though its function goes on', async () => {
  const { run, call } = running();
  const seen = run.of(async () => {
    const comes = unlessDeadlocked(heard(), 'drain()', () => [undefined]);
    const before = childrenOf(call).map(({ name }) => name);
    await comes;
    return [before, childrenOf(call)];
  });
  expect(await seen).toEqual([['drain()'], []]);
});

it('those who are left are looked at once one has ended with whom they would have gone on', async () => {
  const { run, call, ask } = running();
  const refused: string[] = [];
  const left = ask({
    waitsFor: () => [call],
    refuse() {
      refused.push('left');
      run.release(left);
      return true;
    },
  });
  const other = ask();
  lookAgain();
  await setImmediate();
  expect(refused).toEqual([]);
  run.release(other);
  await setImmediate();
  expect(refused).toEqual(['left']);
});

it('what outlives the call in whose function it begins is no child of it', async () => {
  expect(await running().run.of(() => outside(parentRun))).toBeUndefined();
});

it('nothing of a call is kept once nobody is left who was asked for in its functions', async () => {
  const call = (() => {
    const { run, call, ask } = running();
    run.release(ask());
    return new WeakRef(call);
  })();
  await setImmediate();
  collectGarbage();
  expect(call.deref()).toBeUndefined();
});

it('those who are left are looked at as no part of what has ended, though somebody else turns the timers', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const seen = new Promise((resolve) => {
    const { run, ask } = running();
    const waitsFor = () => {
      resolve(parentRun());
      return undefined;
    };
    const child = ask({ waitsFor });
    onTestFinished(() => run.release(child));
    void run.of(() => {
      lookAgain();
      return new Promise(() => {});
    });
  });
  expect(await seen).toBeUndefined();
});

it('of those who would wait for ever the newest is refused, and the call that waited for it goes on before the next is', async () => {
  const calls = [running(), running()];
  const refused: string[] = [];
  const ask = ({ ask, run }: ReturnType<typeof running>, name: string) => {
    const refuse = () => {
      refused.push(name);
      run.release(child);
      return true;
    };
    const child = ask({ name, refuse, waitsFor: () => calls.map(({ call }) => call) });
  };
  for (const [of, call] of calls.entries()) for (const each of ['first', 'last']) ask(call, `${each} of ${of}`);
  const turns: string[][] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    lookAgain();
    await setImmediate();
    turns.push(refused.splice(0));
  }
  expect(turns).toEqual([['last of 1'], ['first of 1'], []]);
  for (const { run } of calls) await run.of(() => {});
});

it('where one of those goes on that a call waits for, nobody looks at the others', async () => {
  const { run, ask } = running();
  let looks = 0;
  const waitsFor = () => {
    looks += 1;
    return undefined;
  };
  for (let child = 0; child < 1_000; child += 1) ask({ waitsFor });
  lookAgain();
  await setImmediate();
  expect(looks).toBe(1);
  await run.of(() => {});
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
  });
  const first = waiting(() => calls, true);
  let calls: readonly Child[] = goesOn ? [] : [first];
  for (let level = 0; level < 12; level += 1) {
    const below = calls;
    const drains = [1, 2].map(() => waiting(() => below, true));
    calls = [1, 2].map(() => waiting(() => drains, false));
  }
  expect(deadlockOf(first) === undefined).toBe(goesOn);
  // One for each way to the last would be thousands.
  expect(looks).toBeLessThan(12 * 4);
});

it('who waits for one that goes on does so as well, though it was met on the way before that was known', () => {
  const { run } = running();
  const waiting = (name: string, waitsFor: () => readonly Child[], waitsForAll = false): Child => ({
    name,
    parent: run,
    waitsForAll,
    waitsFor,
  });
  const other = waiting('other', () => []);
  const first = waiting('first', () => [second, other]);
  const second = waiting('second', () => [first]);
  expect(deadlockOf(waiting('drain()', () => [first, second], true))).toBeUndefined();
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

/** One run of a function of a call, in which others can be asked for. */
function running() {
  const call: Parent = { name: 'outer', parent: undefined, worker: undefined, waitsFor: () => childrenOf(call) };
  let isGivenUp = false;
  const giveUp = () => {
    isGivenUp = true;
  };
  const run = new Run(call, () => isGivenUp);
  const ask = (asked: Partial<Child> = {}): Child => {
    const child: Child = { name: 'inner', parent: run, waitsFor: () => undefined, ...asked };
    run.adopt(child);
    return child;
  };
  return { run, call, ask, giveUp };
}
