import { describe, expect, it, onTestFinished } from 'vitest';
import type { Lease, PoisonError, PoolOptions } from '../../../src/index.js';
import type { Script } from '../../fake/fake-python.js';
import { watchFaults } from '../../fake/faults.js';
import { PlayedPool } from '../../fake/played-pool.js';
import { heard } from '../../fake/turned-clock.js';

const faults = watchFaults();
const POISON = ['bad.bin'];

describe('a call that ends its worker', () => {
  it('three times in a row is refused, with these arguments, and told in numbers', async () => {
    const { pool, ends } = await poisoned();
    const told: unknown[] = [];
    pool.on('request.poisoned', (fact) => told.push(fact));
    for (let death = 1; death <= 3; death += 1) {
      expect(await ends(pool.call('parse', POISON))).toMatchObject({ code: 'ERR_WORKER_DIED' });
    }
    const error = (await ends(pool.call('parse', POISON))) as PoisonError;
    expect(error).toMatchObject({ code: 'ERR_POISON', call: 'parse', deaths: 3 });
    expect(error.refusedMs).toBeGreaterThan(0);
    expect(error.refusedMs).toBeLessThanOrEqual(60_000);
    expect(error.sinceMs).toBeGreaterThan(0);
    await heard();
    expect(told).toEqual([{ call: 'parse', deaths: 3, refusedMs: 60_000 }]);
    expect(pool.stats()).toMatchObject({ poison: { active: 1, refused: 1 }, calls: { failed: 3, refused: 1 } });
  });

  it('is the same whatever its context, its priority and its caller are', async () => {
    const { pool, ends } = await poisoned();
    for (const requestId of ['a', 'b', 'c']) {
      await ends(pool.call('parse', POISON, { context: { requestId }, priority: 1 }));
    }
    expect(await ends(pool.call('parse', POISON, { context: { requestId: 'd' } }))).toMatchObject({
      code: 'ERR_POISON',
    });
    const lease = (await ends(pool.checkout())) as Lease;
    expect(await ends(lease.call('parse', POISON))).toMatchObject({ code: 'ERR_POISON' });
    await lease.checkin();
    expect(await ends(pool.stream('parse', POISON).next())).toMatchObject({ code: 'ERR_POISON' });
  });

  it('takes nobody with it: other arguments and other functions go on', async () => {
    const { pool, ends } = await poisoned();
    for (let death = 0; death < 3; death += 1) await ends(pool.call('parse', POISON));
    expect(await ends(pool.call('parse', ['fine.bin']))).toBe('answered');
    expect(await ends(pool.call('parse', ['bad.bix']))).toBe('answered');
    expect(await ends(pool.call('other', POISON))).toBe('answered');
    expect(await ends(pool.call('parse', POISON))).toMatchObject({ code: 'ERR_POISON' });
  });

  it('is not refused if it was answered in between', async () => {
    let deaths = 0;
    const { pool, ends } = await poisoned({}, () => {
      deaths += 1;
      return deaths % 3 !== 0;
    });
    for (let round = 0; round < 9; round += 1) {
      const outcome = await ends(pool.call('parse', POISON));
      expect(round % 3 === 2 ? outcome : (outcome as PoisonError).code).toBe(
        round % 3 === 2 ? 'answered' : 'ERR_WORKER_DIED',
      );
    }
    expect(pool.stats().poison).toEqual({ active: 0, refused: 0 });
  });

  it('is not cleared by an answer that says that it never began', async () => {
    const { pool, world, ends } = await poisoned({ poisonDeaths: 2 }, null);
    const dies = async () => {
      const asked = pool.call('parse', POISON);
      world.process.die();
      return ends(asked);
    };
    await dies();
    const lease = (await ends(pool.checkout())) as Lease;
    const abort = new AbortController();
    const other = lease.call('other');
    const behind = ends(lease.call('parse', POISON, { signal: abort.signal }));
    abort.abort('enough');
    world.process.answer(null);
    await other;
    expect(await behind).toBe('enough');
    await heard();
    await lease.checkin();
    await dies();
    expect(await ends(pool.call('parse', POISON))).toMatchObject({ code: 'ERR_POISON', deaths: 2 });
  });

  it('lets one through when its time is over, and is refused again if that dies, and free if it does not', async () => {
    let dies = true;
    const { pool, ends, world } = await poisoned({ poisonMs: 1_000 }, () => dies);
    for (let death = 0; death < 3; death += 1) await ends(pool.call('parse', POISON));
    await world.clock.turn(1_001);
    const outcomes = await Promise.all([1, 2, 3].map(() => ends(pool.call('parse', POISON))));
    expect(outcomes.map((outcome) => (outcome as PoisonError).code).sort()).toEqual([
      'ERR_POISON',
      'ERR_POISON',
      'ERR_WORKER_DIED',
    ]);
    expect(await ends(pool.call('parse', POISON))).toMatchObject({ code: 'ERR_POISON', deaths: 4 });
    await world.clock.turn(1_001);
    dies = false;
    expect(await ends(pool.call('parse', POISON))).toBe('answered');
    dies = true;
    expect(await ends(pool.call('parse', POISON))).toMatchObject({ code: 'ERR_WORKER_DIED' });
  });

  it('in every attempt that an idempotent call has is refused from then on', async () => {
    const { pool, ends, world } = await poisoned();
    expect(await ends(pool.call('parse', POISON, { idempotent: true, attempts: 2 }))).toMatchObject({ attempts: 2 });
    expect(await ends(pool.call('parse', POISON))).toMatchObject({ code: 'ERR_POISON', deaths: 2 });
    expect(world.python.processes.filter(({ started }) => started.length > 0)).toHaveLength(2);
  });

  it('is not made again by an idempotent call once it is refused, whatever attempts that has left', async () => {
    const { pool, ends, world } = await poisoned();
    expect(await ends(pool.call('parse', POISON, { idempotent: true, attempts: 50 }))).toMatchObject({ attempts: 3 });
    expect(world.python.processes.filter(({ started }) => started.length > 0)).toHaveLength(3);
  });

  it('has ended one worker, however often it ran in that one', async () => {
    // Any of them may have been begun.
    const script = { hasStartMark: false };
    const { pool, world, ends } = await poisoned({ lane: 'threads', slots: 8, poisonDeaths: 2 }, null, script);
    for (const code of ['ERR_WORKER_DIED', 'ERR_WORKER_DIED', 'ERR_POISON']) {
      const asked = Array.from({ length: 5 }, () => ends(pool.call('parse', POISON)));
      await heard();
      if (code === 'ERR_WORKER_DIED') world.process.die();
      for (const error of await Promise.all(asked)) expect(error).toMatchObject({ code });
    }
    expect(pool.stats().poison).toEqual({ active: 1, refused: 5 });
  });

  it('is never refused with `poisonDeaths: 0`, and after as many deaths as that says', async () => {
    const { pool, ends } = await poisoned({ poisonDeaths: 0 });
    for (let death = 0; death < 4; death += 1) {
      expect(await ends(pool.call('parse', POISON))).toMatchObject({ code: 'ERR_WORKER_DIED' });
    }
    const once = await poisoned({ poisonDeaths: 1 });
    await once.ends(once.pool.call('parse', POISON));
    expect(await once.ends(once.pool.call('parse', POISON))).toMatchObject({ code: 'ERR_POISON', deaths: 1 });
  });

  it('keeps from nobody behind it that it did, though its bytes were transferred once it had been given up', async () => {
    const { pool, world, ends } = await poisoned({}, null);
    const lease = (await ends(pool.checkout())) as Lease;
    const bytes = Uint8Array.from([1, 2, 3]);
    const given = lease.call('parse', [bytes], { timeoutMs: 10 }).catch((error) => error);
    const behind = lease.call('other').catch((error) => error);
    await world.clock.turn(10);
    expect(await given).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    structuredClone(bytes, { transfer: [bytes.buffer] });
    world.process.die();
    expect(await ends(behind)).toMatchObject({ code: 'ERR_LEASE_ENDED', reason: 'worker-died' });
    expect(lease.ended).toBe('worker-died');
  });

  it('is not blamed for a worker that the pool itself ended, nor one that had not begun with it', async () => {
    const { pool, world } = await poisoned({ cancelGraceMs: 10 }, null);
    // A worker that has served starts again at once.
    const serve = async () => {
      const served = pool.call('other');
      world.process.answer(null);
      await served;
    };
    for (let round = 0; round < 4; round += 1) {
      await serve();
      const call = pool.call('parse', POISON, { timeoutMs: 1_000 }).catch((error) => error);
      await world.clock.turn(1_000);
      await world.settle();
      expect(await call).toMatchObject({ code: 'ERR_CALL_TIMEOUT' });
    }
    expect(pool.stats().cancelled.killed).toBe(4);
    for (let round = 0; round < 4; round += 1) {
      await serve();
      world.process.freeze();
      const call = pool.call('parse', POISON).catch((error) => error);
      world.process.die();
      await world.settle();
      expect(await call).toMatchObject({ code: 'ERR_WORKER_DIED', started: false });
    }
    expect(world.runtime.poison.isEmpty).toBe(true);
  });

  it('is forgotten ten minutes after its last worker, and nothing is kept for functions that are well', async () => {
    const { pool, world, ends } = await poisoned();
    for (let death = 0; death < 2; death += 1) await ends(pool.call('parse', POISON));
    expect(world.runtime.poison.isEmpty).toBe(false);
    await world.clock.turn(10 * 60_000 + 1);
    // Whoever asks for something else pays nothing for it any more.
    expect(world.runtime.poison.isEmpty).toBe(true);
    await ends(pool.call('parse', POISON));
    expect(await ends(pool.call('parse', POISON))).toMatchObject({ code: 'ERR_WORKER_DIED' });
  });
});

describe('the table of such calls', () => {
  it('is bounded, by functions and by requests of each', async () => {
    const { world } = await poisoned();
    const { poison } = world.runtime;
    const request = (text: string) => ({ text, bin: [], keyChars: text.length });
    for (let each = 0; each < 300; each += 1) {
      poison.died({ name: `f${each}`, ...request('a') }, each, true);
      poison.died({ name: 'g', ...request(`${each}`) }, each, true);
    }
    expect(poison.active).toBe(99 + 100);
  });

  it('tells raw bytes apart', async () => {
    const { world } = await poisoned({ poisonDeaths: 1 });
    const { poison } = world.runtime;
    const asked = (...bytes: number[]) => ({
      name: 'f',
      text: '"name":"f"}',
      bin: [Uint8Array.from(bytes)],
      keyChars: 10,
    });
    poison.died(asked(1, 2), 0, false);
    expect(poison.refuses(asked(1, 2))).toBe(true);
    expect(poison.refuses(asked(1, 3))).toBe(false);
    expect(poison.refuses(asked(1, 2, 3))).toBe(false);
  });

  it('has none whose bytes were transferred since it was asked, and keeps those that it was in already', async () => {
    const { world } = await poisoned({ poisonDeaths: 1 });
    const { poison } = world.runtime;
    const asked = () => ({ name: 'f', text: '"name":"f"}', bin: [Uint8Array.from([1, 2])], keyChars: 10 });
    const lost = asked();
    structuredClone(lost.bin, { transfer: [lost.bin[0]!.buffer] });
    poison.died(lost, 0, true);
    expect(poison.isEmpty).toBe(true);
    poison.died(asked(), 1, true);
    poison.died(lost, 2, true);
    poison.survived(lost);
    expect([poison.refuses(lost), poison.refuses(asked()), poison.active]).toEqual([false, true, 1]);
  });
});

/**
 * A pool in which `parse('bad.bin')` ends its worker as long as `ends` says so, and all else is answered. Without
 * `fate` Python does nothing by itself.
 */
async function poisoned(
  options: Partial<PoolOptions> = {},
  fate: (() => boolean) | null = () => true,
  more: Script = {},
) {
  const script: Script = {
    ...more,
    serve: ({ name, args }, process) => {
      const isPoison = name === 'parse' && args[0] === POISON[0];
      if (fate === null) return;
      const does = fate();
      queueMicrotask(() => (isPoison && does ? process.die() : process.answer('answered')));
    },
  };
  const world = new PlayedPool({ retryDelayMs: 0, failuresMax: 1_000, ...options }, script);
  onTestFinished(async () => {
    await world.destroy();
    expect(world.python.violations).toEqual([]);
    expect(faults).toEqual([]);
  });
  await world.boot();
  const ends = async (promise: Promise<unknown>) => {
    let outcome: { readonly is: unknown } | undefined;
    promise.then(
      (is) => {
        outcome = { is };
      },
      (is) => {
        outcome = { is };
      },
    );
    for (let round = 0; round < 200; round += 1) {
      await heard();
      if (outcome !== undefined) return outcome.is;
      world.python.reap();
      await world.clock.turn(20);
      await world.boot();
    }
    return promise.catch((error: unknown) => error);
  };
  return { world, pool: world.pool, ends };
}
