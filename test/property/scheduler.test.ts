import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { watchFaults } from '../fake/faults.js';
import { PlayedPool } from '../fake/played-pool.js';
import { heard } from '../fake/turned-clock.js';
import { effort } from './effort.js';

const CALLS = [0, 1, 2] as const;
const TIMEOUT_MS = 60;

const faults = watchFaults();
afterEach(() => expect(faults).toEqual([]));

describe('three calls on one worker', () => {
  it('settle once each, with their own answer or why there is none, however replies, aborts, deadlines and a death are scheduled', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const world = new PlayedPool({ cancelGraceMs: 500 });
        await world.boot();
        const controllers = CALLS.map(() => new AbortController());
        const settled = CALLS.map((call) => {
          const { signal } = controllers[call] as AbortController;
          const outcomes: unknown[] = [];
          world.pool.call('played', [call], { signal, timeoutMs: TIMEOUT_MS }).then(
            (value) => outcomes.push(value),
            (error: { code?: string }) => outcomes.push(error.code ?? 'aborted'),
          );
          return outcomes;
        });

        const schedule = (happening: string, run: () => void) =>
          void scheduler.schedule(Promise.resolve(happening), happening).then(run);
        for (const call of CALLS) {
          schedule(`reply ${call}`, () => {
            const { process } = world;
            if (process.owesAnswer && process.canAct) process.answer(process.request?.args[0]);
          });
          schedule(`abort ${call}`, () => controllers[call]?.abort('given up'));
        }
        schedule('deadline', () => world.clock.jump(TIMEOUT_MS));
        schedule('death', () => {
          if (world.process.canAct) world.process.die();
        });
        schedule('news of the death', () => world.python.reap());
        await scheduler.waitAll();
        await heard();
        await world.settle();

        for (const call of CALLS) {
          const [outcome, ...more] = settled[call] as unknown[];
          expect(more).toEqual([]);
          expect([call, 'aborted', 'ERR_CALL_TIMEOUT', 'ERR_QUEUE_TIMEOUT', 'ERR_WORKER_DIED']).toContain(outcome);
        }
        expect(world.pool.stats()).toMatchObject({ waiting: 0, calls: { running: 0 } });
        expect(world.python.violations).toEqual([]);
        await world.destroy();
        expect(world.clock.timers).toBe(0);
      }),
      effort(300),
    );
  });
});
