import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PatientClock } from '../../src/time/patience.js';
import { TurnedClock } from '../fake/turned-clock.js';
import { effort } from './effort.js';

/** So long the watcher is awake, and then asleep. */
const spells = fc.array(
  fc.record({ awakeMs: fc.integer({ min: 0, max: 3_000 }), asleepMs: fc.integer({ min: 0, max: 30_000 }) }),
  { maxLength: 12 },
);

it('a wait loses no more than a quarter to each sleep of its watcher', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 40, max: 10_000 }), spells, async (ms, told) => {
      const { seenMs, sleeps } = await waited(ms, told);
      expect(seenMs).toBeGreaterThanOrEqual(ms - sleeps * (ms / 4) - EPSILON);
    }),
    effort(500),
  );
});

it('a wait is over once twice its length was seen, whatever the watcher slept', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 10_000 }), spells, async (ms, told) => {
      const { seenMs } = await waited(ms, told);
      expect(seenMs).toBeLessThanOrEqual(2 * ms + EPSILON);
    }),
    effort(500),
  );
});

it('a wait whose watcher slept once, and longer than a part, is over when all of it was seen', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 40, max: 10_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      async (ms, at) => {
        const { seenMs } = await waited(ms, [{ awakeMs: Math.floor(at * ms), asleepMs: ms / 4 + 101 }]);
        expect(seenMs).toBeGreaterThanOrEqual(ms - EPSILON);
      },
    ),
    effort(300),
  );
});

/** How much of a wait was seen by its end, and how often the watcher slept until then. */
async function waited(ms: number, told: readonly { awakeMs: number; asleepMs: number }[]) {
  const clock = new TurnedClock();
  let isOver = false;
  let seenMs = 0;
  let sleeps = 0;
  let seenAtEndMs = 0;
  let awakeSince = 0;
  const patience = new PatientClock(clock, (run) => run());
  patience.setTimeout(() => {
    isOver = true;
    seenAtEndMs = seenMs + clock.now() - awakeSince;
  }, ms);
  for (const { awakeMs, asleepMs } of [...told, { awakeMs: 2 * ms + 1, asleepMs: 0 }]) {
    awakeSince = clock.now();
    await clock.turn(awakeMs);
    if (isOver) break;
    seenMs += awakeMs;
    if (asleepMs > 0) sleeps += 1;
    clock.sleep(asleepMs);
  }
  expect(isOver).toBe(true);
  return { seenMs: seenAtEndMs, sleeps };
}

/** Of parts that are no whole milliseconds. */
const EPSILON = 0.001;
