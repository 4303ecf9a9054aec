import { describe, expect, it, onTestFinished } from 'vitest';
import type { CallOptions } from '../../src/index.js';
import { failure } from '../support/pool.js';
import type { FakeProcess } from './fake-python.js';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

describe('short calls that wait in the pipe of a worker that ends', () => {
  it('go elsewhere in the order in which they were made, whatever the slots that they had', async () => {
    const { played, pool, call, begun, answer } = await knownToBeShort(2);
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

  it('have their turns before those that would have come after them, whatever their keys', async () => {
    const { played, pool, call, begun, answer } = await knownToBeShort(1);
    const lost = failure(call('first'));
    const [a, b, other] = ['a', 'b', 'b'].map((fairnessKey, at) => call(`${fairnessKey}${at}`, { fairnessKey }));
    const c = call('c', { fairnessKey: 'c' });
    begun[0]!.process.die();
    await played.settle();
    expect(await lost).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
    for (const at of [1, 2, 3, 4]) await answer(at);
    expect(await Promise.all([a, b, c, other])).toEqual(['a0', 'b1', 'c', 'b2']);
    expect(begun.map(({ value }) => value)).toEqual(['first', 'a0', 'b1', 'c', 'b2']);
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, prefetch: { moved: 3 } });
  });
});

describe('calls that were short when they asked', () => {
  it('wait in no pipe once their function is not short any more, so that who is urgent waits for one of them alone', async () => {
    const { played, pool, call, begun, answer } = await knownToBeShort(1);
    const calls = Array.from({ length: 12 }, (_, value) => call(value));
    for (let time = 0; time < 6; time += 1) {
      await played.clock.turn(1_000);
      await answer();
    }
    const urgent = pool.checkout({ priority: 1 });
    await answer();
    await (await urgent).checkin();
    while (begun.length < calls.length) await answer();
    await answer();
    const values = calls.map((_, value) => value);
    expect(await Promise.all(calls)).toEqual(values);
    expect(begun.map(({ value }) => value)).toEqual(values);
    expect(pool.stats()).toMatchObject({ leases: 0, waiting: 0, prefetch: { ahead: 3 } });
  });

  it('wait behind no call that was given up, whose worker may take its time to end it, and have another worker', async () => {
    const { pool, call, begun, answer } = await knownToBeShort(2);
    const abort = new AbortController();
    const hung = failure(call('hung', { signal: abort.signal }));
    abort.abort('enough');
    expect(await hung).toBe('enough');
    const calls = [0, 1, 2, 3, 4, 5].map((value) => call(value));
    for (let time = 1; time <= calls.length; time += 1) await answer(time);
    expect(await Promise.all(calls)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(begun).toHaveLength(7);
    expect(pool.stats()).toMatchObject({ leases: 1, waiting: 0, workers: { cancelling: 1 } });
  });
});

/** A pool of so many workers that have served, and that knows `short` to be that; and what Python has begun since. */
async function knownToBeShort(size: number) {
  const begun: { value: unknown; process: FakeProcess }[] = [];
  const played = new PlayedPool(
    { size },
    { serve: ({ args: [value] }, process) => void begun.push({ value, process }) },
  );
  onTestFinished(() => played.destroy());
  await played.boot();
  const { pool } = played;
  const call = (value: unknown, options?: CallOptions) => pool.call('short', [value], options);
  let answered = 0;
  /** Answers one that was begun, the next unless told otherwise. */
  const answer = async (which = answered) => {
    answered = which + 1;
    const { value, process } = begun[which]!;
    process.answer(value);
    await heard();
  };
  for (let time = 0; time < 2; time += 1) {
    const leases = await Promise.all(Array.from({ length: size }, () => pool.checkout()));
    for (const lease of leases) await lease.checkin();
  }
  for (let time = 0; time < 20; time += 1) {
    const called = call(time);
    await answer();
    await called;
  }
  begun.length = 0;
  answered = 0;
  return { played, pool, call, begun, answer };
}
