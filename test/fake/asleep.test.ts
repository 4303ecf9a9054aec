import { describe, expect, it } from 'vitest';
import { PatientClock } from '../../src/time/patience.js';
import type { FakeProcess } from './fake-python.js';
import { watchFaults } from './faults.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

/**
 * Whatever waits for a worker, slept through: what the worker has to say comes after the watcher is awake again, and a
 * worker that says nothing is ended all the same.
 */
const WAITS: readonly [string, number, Wait][] = [
  [
    'to boot',
    2_000,
    {
      begin: async ({ process }) => {
        process.spawn();
        process.hello();
      },
      end: (process) => process.ready(),
    },
  ],
  [
    'to answer a call that was given up',
    1_000,
    {
      begin: async (played) => {
        await played.boot();
        await giveUp(played, 'first');
      },
      end: (process) => process.answer(null),
    },
  ],
];

interface Wait {
  readonly begin: (played: PlayedPool) => Promise<void>;
  readonly end: (process: FakeProcess) => void;
}

describe.each(WAITS)('a worker that has %s', (_, ms, { begin, end }) => {
  const faults = watchFaults();

  it.each([0, 0.3, 0.6, 0.9])('is not ended because its watcher slept from %d of its time on', async (part) => {
    const played = sleepingPool();
    await begin(played);
    await played.clock.turn(part * ms);
    played.clock.sleep(30_000);
    await played.clock.turn(ms / 20);
    expect(played.process.signals).toEqual([]);
    end(played.process);
    await played.clock.turn(10 * ms);
    expect(played.process.signals).toEqual([]);
    expect(played.pool.stats().workers.idle).toBe(1);
    await played.destroy();
    expect([...faults, ...played.python.violations]).toEqual([]);
  });

  it('is ended when it says nothing, awake or not', async () => {
    const played = sleepingPool();
    await begin(played);
    const { process } = played;
    for (let part = 0; part < 9; part += 1) {
      played.clock.sleep(30_000);
      await played.clock.turn(0);
    }
    expect(process.signals).toEqual(['SIGKILL']);
    await played.destroy();
    expect([...faults, ...played.python.violations]).toEqual([]);
  });
});

describe('a pool that closes', () => {
  it('gives those who run their time though its watcher slept', async () => {
    const played = sleepingPool();
    await played.boot();
    const call = played.pool.call('first');
    const closed = played.pool.close();
    played.clock.sleep(60_000);
    await played.clock.turn(0);
    played.process.answer('well');
    expect(await call).toBe('well');
    // Asked to end, it is given its time as well.
    played.clock.sleep(60_000);
    await played.clock.turn(0);
    expect(played.process.signals).toEqual([]);
    played.python.reap();
    await closed;
  });
});

/** A pool of one worker whose clock can sleep. */
function sleepingPool(): PlayedPool {
  return new PlayedPool({ bootTimeoutMs: 2_000 }, {}, (clock) => new PatientClock(clock, (run) => run()));
}

async function giveUp(played: PlayedPool, name: string): Promise<void> {
  const abort = new AbortController();
  played.pool.call(name, [], { signal: abort.signal }).catch(() => {});
  await heard();
  abort.abort('enough');
  await heard();
}
