import { describe, expect, it } from 'vitest';
import { ANYONE, EVERY_WISH, HASTY, HINT, KEYED, SHORT, STRICT, unlimited, withSlots } from './bounds.js';
import { walk } from './report.js';

/**
 * As XState delivers: each outside event is followed until nobody has more to
 * say (`faithful.test.ts` holds that against XState itself). Death, cancel,
 * timeout, close and the number of calls are unlimited.
 */
describe('with messages delivered at once, the invariants hold and nothing is stuck', () => {
  it.each([
    ['one worker, one caller', unlimited(1, 1, EVERY_WISH)],
    [
      'one worker, three callers and room for two to wait',
      { ...unlimited(1, 3, [ANYONE, STRICT, HASTY]), queueMax: 2 },
    ],
    ['two workers, two callers', unlimited(2, 2, EVERY_WISH)],
    ['one worker, three callers with and without a key', unlimited(1, 3, [ANYONE, KEYED])],
    ['one worker of two slots, two callers', withSlots(2, unlimited(1, 2, EVERY_WISH))],
    ['one worker of two slots, three callers', withSlots(2, unlimited(1, 3, [ANYONE, STRICT, HINT]))],
    ['one worker of three slots, three callers', withSlots(3, unlimited(1, 3, [ANYONE]))],
    ['two workers of two slots, two callers', withSlots(2, unlimited(2, 2, [ANYONE, STRICT]))],
    ['one worker that is recycled, one caller', { ...unlimited(1, 1, [ANYONE, STRICT]), recycleMax: 1 }],
    ['one worker or two, two callers', { ...unlimited(1, 2, [ANYONE]), sizeMax: 2 }],
    [
      'one worker or two, recycled, one caller, where nobody dies',
      { ...unlimited(1, 1, [ANYONE]), sizeMax: 2, recycleMax: 1, faults: new Set<never>() },
    ],
    ['two workers of two slots, three callers', withSlots(2, unlimited(2, 3, [ANYONE]))],
    ['one worker with a slot ahead, four callers', { ...unlimited(1, 4, [SHORT]), ahead: 1 }],
    [
      'one worker with two slots ahead, four callers, where nobody dies and not all are short',
      { ...unlimited(1, 4, [SHORT, ANYONE]), ahead: 2, faults: new Set(['cancel', 'timeout'] as const) },
    ],
  ])(
    '%s',
    (_, bounds) => {
      expect(walk(bounds)).toBeNull();
    },
    TIME_LIMIT_MS,
  );
});

const TIME_LIMIT_MS = 1_800_000;
