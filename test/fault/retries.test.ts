import { describe, expect, it } from 'vitest';
import type { CallOptions } from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { failure, fixtures, next, readyPool } from '../support/pool.js';
import { until } from '../support/processes.js';

const module = fixtures(import.meta.url)('kills-itself.py');

describe('a request that kills its worker', () => {
  it('costs as many workers as its caller allows attempts, is refused then, and harms nobody else', async () => {
    const pool = await readyPool(module, { size: 4, retryDelayMs: 1 });
    let deaths = 0;
    pool.on('worker.dead', () => {
      deaths += 1;
    });
    const poisoned = next(pool, 'request.poisoned');
    let isOver = false;
    let served = 0;
    // Those who may be tried again are served whatever happens to their workers.
    const client = async (which: number) => {
      for (let turn = 0; !isOver || turn < 20; turn += 1) {
        const document = `${which}:${turn}`;
        expect(await pool.call('parse', [document], { idempotent: true })).toBe(document);
        served += 1;
      }
    };
    const clients = Promise.all(Array.from({ length: 8 }, (_, which) => client(which)));
    const error = await failure(pool.call('parse', ['poison'], { idempotent: true, attempts: 3 }));
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', signal: 'SIGKILL', started: true, attempts: 3 });
    expect(await poisoned).toMatchObject({ call: 'parse', deaths: 3 });
    for (let round = 0; round < 50; round += 1) {
      expect(await failure(pool.call('parse', ['poison']))).toMatchObject({ code: 'ERR_POISON', deaths: 3 });
    }
    isOver = true;
    await clients;
    expect(served).toBeGreaterThanOrEqual(160);
    expect(deaths).toBe(3);
    await until(() => pool.stats().missing === 0, 'full strength');
    expect(pool.stats()).toMatchObject({
      poison: { active: 1, refused: 50 },
      calls: { failed: 1, refused: 50, running: 0, timedOut: 0 },
    });
  });

  it('is found where others always run beside it, and whoever was answered in between is cleared', async () => {
    const { poison, other, end } = await besideEachOther();
    for (let death = 0; death < 3; death += 1) {
      const lost = [poison, other].map((each) => failure(each.asked()));
      await end(await Promise.all([poison.reached(), other.reached()]));
      for (const error of await Promise.all(lost)) {
        expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', started: true });
      }
      const answered = other.asked();
      await (await other.reached())('well');
      expect(await answered).toBe('well');
    }
    expect(await failure(poison.asked())).toMatchObject({ code: 'ERR_POISON', deaths: 3 });
    const answered = other.asked();
    await (await other.reached())('well');
    expect(await answered).toBe('well');
  });

  it('is not known there by its spent attempts, since those of its neighbours are spent with it', async () => {
    const { pool, poison, other, end } = await besideEachOther();
    const lost = [poison, other].map((each) => failure(each.asked({ idempotent: true, attempts: 2 })));
    for (let death = 0; death < 2; death += 1) {
      await end(await Promise.all([poison.reached(), other.reached()]));
    }
    for (const error of await Promise.all(lost)) expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', attempts: 2 });
    expect(pool.stats().poison).toMatchObject({ active: 0 });
  });
});

/** Two calls that wait at their gates, in two threads of one worker; `end` ends it under both. */
async function besideEachOther() {
  const app = fixtures(new URL('../integration/', import.meta.url).href)('app.py');
  const pool = await readyPool(app, { lane: 'threads', slots: 2, retryDelayMs: 1 });
  const caller = () => {
    const gate = new Gate();
    const asked = (options: CallOptions = {}) => pool.call('wait_at', [gate.path], options);
    return { asked, reached: () => gate.reached() };
  };
  let pid = await pool.call<number>('pid');
  const end = async (gates: readonly (() => Promise<void>)[]) => {
    const ready = next(pool, 'worker.ready');
    process.kill(pid, 'SIGKILL');
    for (const close of gates) await close();
    pid = (await ready).pid as number;
  };
  return { pool, poison: caller(), other: caller(), end };
}

describe('idempotent calls while workers are killed all the time', () => {
  it('are all answered, each as often as it was asked', async () => {
    const pool = await readyPool(module, { size: 4, retryDelayMs: 1, poisonDeaths: 0, retryRatio: 1 });
    const safe = pool.with({ idempotent: true, attempts: 20 });
    const alive = new Set<number>();
    const gone = new Set<number>();
    let kills = 0;
    const killing = setInterval(() => {
      // Only those who have served: a pool whose workers never get to serve is right to call itself degraded.
      const [pid] = alive;
      if (pid === undefined) return;
      alive.delete(pid);
      gone.add(pid);
      process.kill(pid, 'SIGKILL');
      kills += 1;
    }, 25);
    try {
      let asked = 0;
      const client = async () => {
        while (asked < 500 || kills < 6) {
          asked += 1;
          const pid = await safe.call<number>('pid');
          if (!gone.has(pid)) alive.add(pid);
        }
      };
      await Promise.all(Array.from({ length: 32 }, client));
      const { calls, attempts } = pool.stats();
      expect(calls).toMatchObject({ asked, answered: asked, failed: 0, refused: 0 });
      expect(attempts.overBudget).toBe(0);
    } finally {
      clearInterval(killing);
    }
    expect(kills).toBeGreaterThanOrEqual(6);
  });
});
