import { describe, expect, it, onTestFinished } from 'vitest';
import type { CallOptions } from '../../src/index.js';
import { failure } from '../support/pool.js';
import type { FakeProcess } from './fake-python.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

describe('short calls that wait in the pipe of a worker that ends', () => {
  it('go elsewhere in the order in which they were made, whatever the slots that they had', async () => {
    const { played, pool, call, begun, answer } = await knownToBeShort();
    const held = await pool.checkout();
    const [first, second, ...behind] = [0, 1, 2, 3, 4].map((value) => call(value));
    // Its lease goes on to the last, which thus has the first of the slots.
    await answer();
    expect(await first).toBe(0);
    const lost = failure(second!);
    await held.checkin();
    begun[1]!.process.die();
    played.python.reap();
    expect(await lost).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    for (const _ of behind) await answer(begun.length - 1);
    expect(await Promise.all(behind)).toEqual([2, 3, 4]);
    expect(begun.map(({ value }) => value)).toEqual([0, 1, 2, 3, 4]);
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, prefetch: { moved: 3 } });
  });
});

/** A pool of two workers that have served, and that knows `short` to be that; and what Python has begun since. */
async function knownToBeShort() {
  const begun: { value: unknown; process: FakeProcess }[] = [];
  const played = new PlayedPool(
    { size: 2 },
    { serve: ({ args: [value] }, process) => void begun.push({ value, process }) },
  );
  onTestFinished(() => played.destroy());
  await played.boot();
  const { pool } = played;
  const call = (value: unknown, options?: CallOptions) => pool.call('short', [value], options);
  /** Answers one that was begun, the oldest unless told otherwise. */
  let answered = 0;
  const answer = async (which = answered) => {
    answered = which + 1;
    const { value, process } = begun[which]!;
    process.answer(value);
    await heard();
  };
  for (let time = 0; time < 2; time += 1) {
    const leases = await Promise.all([pool.checkout(), pool.checkout()]);
    for (const lease of leases) await lease.checkin();
  }
  for (let time = 0; time < 20; time += 1) {
    const called = call(time);
    await answer(time);
    await called;
  }
  begun.length = 0;
  answered = 0;
  return { played, pool, call, begun, answer };
}
