import { describe, expect, it } from 'vitest';
import { ANYONE, counted, STRICT } from './bounds.js';
import { walk } from './report.js';
import type { Bounds, Fault } from './world.js';

/**
 * Messages are delayed as long as they like, first in first out for each
 * receiver: what no release of XState does today, and what may come between
 * two machines. The dead read nothing; all others read to the end.
 */
describe('with messages delayed, the invariants hold and nothing is stuck', () => {
  it.each([
    ['one worker, one caller with two calls, one death', counted(1, 1, { callsMax: 2, faults: only('death') })],
    [
      'one worker, one caller with two calls, one death, cancels and timeouts',
      counted(1, 1, { callsMax: 2, faults: only('death', 'cancel', 'timeout') }),
    ],
    ['one worker, one caller with one call, one of everything', counted(1, 1, {})],
    ['one worker, two callers with two calls, one death', counted(1, 2, { callsMax: 2, faults: only('death') })],
    [
      'one worker, two callers with two calls, one death and timeouts',
      counted(1, 2, { callsMax: 2, faults: only('death', 'timeout') }),
    ],
    ['one worker, two callers with two calls, cancels', counted(1, 2, { callsMax: 2, faults: only('cancel') })],
    [
      'one worker, two callers with one call, strict or not, one death, cancels and timeouts',
      counted(1, 2, { asks: [ANYONE, STRICT], faults: only('death', 'cancel', 'timeout') }),
    ],
    [
      'one worker, two callers with one call, one death and one end of the pool',
      counted(1, 2, { faults: only('death', 'close') }),
    ],
  ])('%s', walks, TIME_LIMIT_MS);
});

function only(...faults: Fault[]): ReadonlySet<Fault> {
  return new Set(faults);
}

function walks(_: string, bounds: Bounds): void {
  expect(walk(bounds)).toBeNull();
}

const TIME_LIMIT_MS = 1_800_000;
