import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { playTicks } from '../support/played-ticks.js';
import { failure } from '../support/pool.js';
import { watchFaults } from './faults.js';
import { PlayedPool } from './played-pool.js';

const faults = watchFaults();

describe('while a test plays the ticks and the microtasks', () => {
  it('a call by `py` is made, though nobody awaits it', async () => {
    const { pool, played, served } = await booted();
    const restore = playTicks();
    void pool.py.asked!();
    await setImmediate();
    expect(served).toEqual(['asked']);
    played.process.answer(null);
    restore();
  });

  it('a call that has no time at all is over at once', async () => {
    const { pool } = await booted();
    const restore = playTicks();
    expect(await failure(pool.call('asked', [], { timeoutMs: 0 }))).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    restore();
  });

  it('whoever listens is told', async () => {
    const { pool, played } = await booted();
    const told: string[] = [];
    pool.on('worker.dead', ({ worker }) => told.push(worker));
    const restore = playTicks();
    played.process.die();
    played.python.reap();
    await setImmediate();
    expect(told).toEqual(['worker-0']);
    restore();
  });
});

async function booted() {
  const served: string[] = [];
  const played = new PlayedPool({}, { serve: ({ name }) => served.push(name) });
  onTestFinished(async () => {
    await played.destroy();
    expect(faults).toEqual([]);
  });
  await played.boot();
  return { played, pool: played.pool, served };
}
