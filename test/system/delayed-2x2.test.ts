import { describe, expect, it } from 'vitest';
import { ANYONE, counted, STRICT } from './bounds.js';
import { walk } from './report.js';
import type { Fault } from './world.js';

/** As `delayed.test.ts`, with two workers and two callers of one call each. */
describe('with messages delayed between two workers and two callers, the invariants hold and nothing is stuck', () => {
  it.each<[string, Fault]>([
    ['one death', 'death'],
    ['cancels', 'cancel'],
    ['timeouts', 'timeout'],
    ['one end of the pool', 'close'],
  ])(
    '%s',
    (_, fault) => {
      // Starts that fail are deaths, and are tried with them.
      const bounds = counted(2, 2, { faults: new Set([fault]), deathsMax: fault === 'death' ? 1 : 0 });
      expect(walk(fault === 'cancel' ? { ...bounds, asks: [ANYONE, STRICT] } : bounds)).toBeNull();
    },
    TIME_LIMIT_MS,
  );
});

const TIME_LIMIT_MS = 1_800_000;
