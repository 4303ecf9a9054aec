import { expect, it } from 'vitest';
import type { Runtime } from '../../src/runtime.js';
import { type MapTerms, type TurnItem, Turns } from '../../src/turns.js';

it('settles what comes back unbegun once the map is given up, since nobody else has it in hand', () => {
  const turns = new Turns(
    { settings: { sizeMax: 1, slots: 1, limits: { messageBytesMax: 1_000 } } } as unknown as Runtime,
    { name: 'f', frame: { name: '"f"', kwargs: '', context: '' } } as unknown as MapTerms,
  );
  const told: unknown[] = [];
  const item = { fail: (...how: unknown[]) => told.push(how) } as unknown as TurnItem;
  turns.giveUp('enough', 'aborted');
  turns.onUnbegun([item]);
  expect(told).toEqual([['enough', 'aborted']]);
});
