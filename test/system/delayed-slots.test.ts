import { describe, expect, it } from 'vitest';
import { ANYONE, counted, SHORT, STRICT } from './bounds.js';
import { walk } from './report.js';
import type { Bounds, Fault } from './world.js';

/** As `delayed.test.ts`, with workers of two slots and two callers of one call each, or with one ahead and four. */
describe('with messages delayed between workers of two slots and two callers, the invariants hold and nothing is stuck', () => {
  it.each<[string, Bounds]>([
    ['one worker, one death and timeouts', two(1, ['death', 'timeout'], { timeoutsMax: 0 })],
    ['one worker, cancels and timeouts', two(1, ['cancel', 'timeout'], { timeoutsMax: 0 })],
    ['one worker, timeouts, one of them under a kept lease', two(1, ['timeout'], {})],
    ['one worker, one end of the pool', two(1, ['close'], {})],
    ['one worker, strict or not, one death', two(1, ['death'], { asks: [ANYONE, STRICT] })],
    ['two workers, one death', two(2, ['death'], {})],
    ['one worker with a slot ahead, four callers, one death', ahead(['death'], {})],
    ['one worker with a slot ahead, four callers, not all of them short', ahead([], { asks: [SHORT, ANYONE] })],
  ])(
    '%s',
    (_, bounds) => {
      expect(walk(bounds)).toBeNull();
    },
    TIME_LIMIT_MS,
  );
});

function two(size: number, faults: readonly Fault[], limits: Partial<Bounds>): Bounds {
  return counted(size, 2, { slots: 2, faults: new Set(faults), ...limits });
}

/** Two must wait before anybody may wait in the pipe. */
function ahead(faults: readonly Fault[], limits: Partial<Bounds>): Bounds {
  return counted(1, 4, { ahead: 1, asks: [SHORT], faults: new Set(faults), ...limits });
}

const TIME_LIMIT_MS = 1_800_000;
