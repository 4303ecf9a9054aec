import { expect, it, vi } from 'vitest';
import type { BatchItem } from '../../../src/map/batch.js';
import { batchesMax, Carrier, type MapTerms } from '../../../src/map/carrier.js';
import type { Runtime } from '../../../src/runtime.js';

/** How many processors there is time for. */
const count = vi.hoisted(() => vi.fn(() => 8));
vi.mock('../../../src/time/processors.js', () => ({ processors: () => ({ count: count(), isQuota: true }) }));

it('settles what comes back unbegun once the map is given up, since nobody else has it in hand', () => {
  const carrier = new Carrier(
    { settings: { sizeMax: 1, slots: 1, limits: { messageBytesMax: 1_000 } } } as unknown as Runtime,
    { name: 'f', frame: { name: '"f"', kwargs: '', context: '' } } as unknown as MapTerms,
  );
  const told: unknown[] = [];
  const item = { fail: (...how: unknown[]) => told.push(how) } as unknown as BatchItem;
  carrier.giveUp('enough', 'aborted');
  carrier.onUnbegun([item]);
  expect(told).toEqual([['enough', 'aborted']]);
});

it('keeps no batch with Node where a quota has no time for it and its worker at once', () => {
  expect(batchesMax()).toBe(3);
  count.mockReturnValue(1);
  expect(batchesMax()).toBe(2);
});
