import { expect, it } from 'vitest';
import type { BatchItem } from '../../../src/map/batch.js';
import { TimeLimit } from '../../../src/map/time-limit.js';
import type { PoolClock } from '../../../src/time/clock.js';

it('never tells of a later item that it took too long, and not of the one before it, as the time passes between the two', () => {
  const { limit, late, moments, ring } = limited(100);
  moments.push(0);
  limit.watch(itemOf('first', 0), 8);
  limit.watch(itemOf('second', 0.01), 8);
  moments.push(99.995, 100.02);
  ring();
  expect(late).toEqual([]);
  moments.push(100.02);
  ring();
  expect(late).toEqual(['first', 'second']);
});

it('tells of none that is settled, and of the next in its time', () => {
  const { limit, late, moments, ring, waits } = limited(100);
  const [first, second] = [itemOf('first', 0), itemOf('second', 40)];
  moments.push(0);
  limit.watch(first, 8);
  limit.watch(second, 8);
  Object.assign(first, { isDone: true });
  moments.push(100, 100);
  ring();
  expect([late, waits]).toEqual([[], [100, 40]]);
  moments.push(140);
  ring();
  expect(late).toEqual(['second']);
});

it('begins anew once all are settled', () => {
  const { limit, late, moments, ring, waits } = limited(100);
  moments.push(0);
  limit.watch(itemOf('first', 0), 8);
  limit.rest();
  moments.push(50);
  limit.watch(itemOf('second', 50), 8);
  expect(waits).toEqual([100, 100]);
  moments.push(150);
  ring();
  expect(late).toEqual(['second']);
});

/** A limit by a clock that shows these moments, one each time that it is looked at; `ring` has its timer run out. */
function limited(ms: number) {
  const [moments, late, waits]: [number[], string[], number[]] = [[], [], []];
  let ring = () => {};
  const clock = {
    now: () => moments.shift() as number,
    setTimeout: (run: () => void, after: number) => {
      ring = run;
      return waits.push(after);
    },
    clearTimeout: () => {},
  };
  const limit = new TimeLimit(ms, clock as unknown as PoolClock, (items) =>
    late.push(...items.map(({ text }) => text)),
  );
  return { limit, late, moments, waits, ring: () => ring() };
}

function itemOf(text: string, askedAt: number): BatchItem {
  return { text, askedAt, isDone: false } as unknown as BatchItem;
}
