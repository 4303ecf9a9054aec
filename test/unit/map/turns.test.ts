import { expect, it, vi } from 'vitest';
import type { BatchItem } from '../../../src/map/batch.js';
import { batchesMax, type MapTerms, Turns } from '../../../src/map/turns.js';
import type { Runtime } from '../../../src/runtime.js';

/** How many processors there is time for. */
const count = vi.hoisted(() => vi.fn(() => 8));
vi.mock('../../../src/time/processors.js', () => ({ processors: () => ({ count: count(), isQuota: true }) }));

it('settles what comes back unbegun once the map is given up, since nobody else has it in hand', () => {
  const turns = new Turns(
    { settings: { sizeMax: 1, slots: 1, limits: { messageBytesMax: 1_000 } } } as unknown as Runtime,
    { name: 'f', frame: { name: '"f"', kwargs: '', context: '' } } as unknown as MapTerms,
  );
  const told: unknown[] = [];
  const item = { fail: (...how: unknown[]) => told.push(how) } as unknown as BatchItem;
  turns.giveUp('enough', 'aborted');
  turns.onUnbegun([item]);
  expect(told).toEqual([['enough', 'aborted']]);
});

it('keeps no batch with Node where a quota has no time for it and its worker at once', () => {
  expect(batchesMax()).toBe(3);
  count.mockReturnValue(1);
  expect(batchesMax()).toBe(2);
});

it('never tells of a later item that it took too long, and not of the one before it, as the time passes between the two', () => {
  const moments: number[] = [];
  let look = () => {};
  const clock = {
    now: () => moments.shift() as number,
    setTimeout: (run: () => void) => {
      look = run;
    },
  };
  const runtime = {
    settings: { sizeMax: 1, slots: 1, limits: { messageBytesMax: 1_000 } },
    counters: { asked: 0 },
    keepAlive: { hold: () => {} },
    clock,
  };
  const terms = { name: 'f', frame: { name: '"f"', kwargs: '', context: '' }, timeoutMs: 100 };
  const turns = new Turns(runtime as unknown as Runtime, terms as unknown as MapTerms);
  const failed: string[] = [];
  const itemOf = (name: string) => ({ fail: () => failed.push(name) }) as unknown as BatchItem;
  moments.push(0, 0);
  turns.add(itemOf('first'));
  moments.push(0.01);
  turns.add(itemOf('second'));
  moments.push(99.995, 100.02);
  look();
  expect(failed).toEqual([]);
});
