import { expect, it } from 'vitest';
import type { Call } from '../../src/call.js';
import { outside, parentCall, runFor } from '../../src/children.js';
import { checkOptions } from '../../src/options.js';
import { Runtime } from '../../src/runtime.js';
import { FakePython } from '../fake/fake-python.js';
import { heard } from '../fake/turned-clock.js';

const call = { name: 'outer' } as Call;

it('what outlives the call in whose function it begins is no child of it', () => {
  expect(runFor(call, parentCall)).toBe(call);
  expect(runFor(call, () => outside(parentCall))).toBeUndefined();
});

it('no worker belongs to the call in whose function it is started', async () => {
  const python = new FakePython();
  const parents: unknown[] = [];
  const settings = checkOptions({ module: 'played', size: 1, logs: 'events' });
  const runtime = runFor(
    call,
    () =>
      new Runtime(settings, (launch, listeners) => {
        parents.push(parentCall());
        return python.start(launch, listeners);
      }),
  );
  expect(parents).toEqual([undefined]);
  const over = runtime.end('destroy');
  await heard();
  python.reap();
  await over;
});
