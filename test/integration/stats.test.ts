import { describe, expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import { Gate } from '../support/gate.js';
import { failure, fixtures, readyPool, startPool } from '../support/pool.js';

const here = fixtures(import.meta.url);

describe('stats()', () => {
  it('says where every worker and every caller is, from the first start to the end', async () => {
    const pool = startPool(here('app.py'), { size: 2, cancelGraceMs: 10_000 });
    expect(pool.stats()).toEqual({
      state: 'starting',
      size: 2,
      missing: 2,
      workers: { spawning: 2, idle: 0, leased: 0, cancelling: 0, evicting: 0, retiring: 0, ending: 0 },
      slots: 2,
      leases: 0,
      waiting: 0,
      sessions: 0,
      failures: 0,
      retired: { leases: 0, age: 0, idle: 0, rss: 0, unused: 0, reload: 0 },
      cancelled: { kept: 0, killed: 0 },
      attempts: { retried: 0, moved: 0, overBudget: 0 },
      poison: { active: 0, refused: 0 },
      prefetch: { ahead: 0, overruns: 0, moved: 0 },
      duplicates: 0,
      calls: { asked: 0, running: 0, answered: 0, failed: 0, timedOut: 0, aborted: 0, refused: 0, shed: 0 },
    });
    await pool.ready();
    expect(pool.stats()).toMatchObject({ state: 'ready', missing: 0, workers: { spawning: 0, idle: 2 } });

    const [gate, second] = [new Gate(), new Gate()];
    const abort = new AbortController();
    const running = pool.call('wait_at', [gate.path, 'done']);
    const given = failure(pool.call('wait_at', [second.path], { signal: abort.signal }));
    const waiting = pool.call('echo', [1]);
    const [go, goSecond] = await Promise.all([gate.reached(), second.reached()]);
    expect(pool.stats()).toMatchObject({
      missing: 0,
      workers: { idle: 0, leased: 2, cancelling: 0 },
      leases: 2,
      waiting: 1,
      calls: { asked: 3, running: 3 },
    });
    abort.abort();
    await given;
    expect(pool.stats()).toMatchObject({
      workers: { leased: 1, cancelling: 1 },
      waiting: 1,
      calls: { running: 2, aborted: 1 },
    });
    await Promise.all([go(), goSecond()]);
    await Promise.all([running, waiting]);
    await failure(pool.call('nowhere'));
    await pool.close();
    expect(pool.stats().cancelled).toEqual({ kept: 1, killed: 0 });
    expect(pool.stats()).toMatchObject({
      state: 'closed',
      missing: 2,
      workers: { spawning: 0, idle: 0, leased: 0, cancelling: 0, evicting: 0, retiring: 0, ending: 0 },
      waiting: 0,
      calls: { asked: 4, running: 0, answered: 2, failed: 1, timedOut: 0, aborted: 1, refused: 0, shed: 0 },
    });
  });

  it('counts every call once, by how it ended, and the sum is what was asked', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(here('app.py'), { queueMax: 1, clock });
    await pool.call('echo', [1]);
    await failure(pool.call('add', [1, 'two']));
    const gate = new Gate();
    const abort = new AbortController();
    const running = failure(pool.call('wait_at', [gate.path], { timeoutMs: 100 }));
    const waiting = failure(pool.call('echo', [1], { signal: abort.signal }));
    const refused = failure(pool.call('echo', [1]));
    const go = await gate.reached();
    abort.abort();
    clock.increment(100);
    await Promise.all([running, waiting, refused]);
    // What never reaches the pool is not counted.
    await failure(pool.call('echo', [Symbol('no value')]));
    await go();
    const { asked, running: underWay, ...ended } = pool.stats().calls;
    expect(ended).toEqual({ answered: 1, failed: 1, timedOut: 1, aborted: 1, refused: 1, shed: 0 });
    expect([asked, underWay]).toEqual([5, 0]);
  });

  it('counts sessions that live and starts that failed, and forgets both when they are over', async () => {
    const pool = await readyPool(here('app.py'));
    await pool.session('ann').call('recall');
    await pool.session('bob').call('recall');
    expect(pool.stats().sessions).toBe(2);
    await pool.session('ann').end();
    expect(pool.stats().sessions).toBe(1);

    const broken = startPool('no_module_of_this_name');
    await failure(broken.ready());
    expect(broken.stats()).toMatchObject({ state: 'degraded', failures: 1, missing: 1 });
  });
});
