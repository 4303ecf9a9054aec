import { describe, expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { Pool } from '../../src/index.js';
import { failure, fixtures, next, readyPool } from '../support/pool.js';

const here = fixtures(import.meta.url);

describe('a worker that breaks the line', () => {
  it.each([
    ['half a line before its reply', 'writes-half-a-line.py'],
    ['garbage', 'writes-garbage.py'],
    ['bytes that are no text', 'writes-what-is-no-text.py'],
    ['a message of a type that nobody knows', 'sends-an-unknown-message.py'],
    ['a reply to a request that nobody sent', 'replies-to-nobody.py'],
    ['an object in Python, for a call that can hold none', 'replies-with-a-handle.py'],
    ['a second hello', 'says-hello-again.py'],
    ['a second word that it is up', 'says-ready-again.py'],
    ['the word that it did not come up, once it has', 'fails-once-it-is-up.py'],
  ])('by %s is ended and replaced, and its call is told ERR_PROTOCOL', async (_, file) => {
    const pool = await readyPool(here(file));
    const { error, dead } = await misbehave(pool);
    expect(error).toMatchObject({ code: 'ERR_PROTOCOL', detail: expect.any(String) });
    expect(dead).toMatchObject({ reason: 'protocol' });
    // The next one is as bad, and is told so by itself.
    expect((await misbehave(pool)).error).toMatchObject({ code: 'ERR_PROTOCOL' });
  });

  it('by shutting it down, and lives on, is ended and replaced', async () => {
    const pool = await readyPool(here('shuts-its-line-down.py'));
    const { error } = await misbehave(pool);
    // Python may see it first and leave, or Node does and ends it.
    expect(['ERR_PROTOCOL', 'ERR_WORKER_DIED']).toContain(error.code);
    await next(pool, 'worker.ready');
  });

  it('by closing its descriptor says so as it dies', async () => {
    const pool = await readyPool(here('closes-its-line.py'));
    let told = await misbehave(pool);
    // Where Python is held up meanwhile, Node finds first that the line was closed, and ends it.
    while (told.error.code === 'ERR_PROTOCOL') told = await misbehave(pool);
    const { error, dead } = told;
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', exitCode: 3, started: true });
    expect(error.message).toContain('code in this worker has closed the descriptor of its line to Node');
    expect(dead).toMatchObject({ exitCode: 3, reason: 'exited' });
  });

  it('by a line without end is ended when the line is longer than a message may be', async () => {
    const pool = await readyPool(here('writes-an-endless-line.py'), { messageBytesMax: 1_000_000 });
    const before = process.memoryUsage().arrayBuffers;
    const { error, dead } = await misbehave(pool);
    expect(error).toMatchObject({ code: 'ERR_PROTOCOL' });
    expect(error.message).toContain('1000000');
    expect(dead.reason).toBe('protocol');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
  });

  it('by dying in the middle of its reply is told as dead, and the half reply as nothing', async () => {
    const pool = await readyPool(here('exits-mid-reply.py'));
    const { error, dead } = await misbehave(pool);
    expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', exitCode: 0, started: true, call: 'misbehave' });
    expect(dead).toMatchObject({ exitCode: 0, reason: 'exited' });
  });

  it('by replying twice has its call answered by the first, and nobody gets the second', async () => {
    const pool = await readyPool(here('replies-twice.py'));
    const dead = next(pool, 'worker.dead');
    expect(await pool.call('misbehave')).toBe('first');
    const after = await pool.call('echo', ['mine']).catch((error: { code: string }) => error.code);
    expect(['mine', 'ERR_PROTOCOL']).toContain(after);
    expect(await dead).toMatchObject({ reason: 'protocol' });
    expect(await pool.call('echo', ['mine'])).toBe('mine');
  });

  it('by answering an earlier call once more never answers the one that runs', async () => {
    const pool = await readyPool(here('replies-again-later.py'));
    expect(await pool.call('answer', ['mine'])).toBe('mine');
    const { error, dead } = await misbehave(pool);
    expect(error).toMatchObject({ code: 'ERR_PROTOCOL', detail: expect.stringContaining('nobody asked') });
    expect(dead.reason).toBe('protocol');
    expect(await pool.call('answer', ['well'])).toBe('well');
  });
});

describe('a worker that exits right after its reply', () => {
  it('has always delivered it', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(here('exits-after-its-reply.py'), { clock });
    for (let round = 0; round < 15; round += 1) {
      const dead = next(pool, 'worker.dead');
      expect(await pool.call('misbehave', [round])).toBe(round);
      expect(await dead).toMatchObject({ exitCode: 0, reason: 'exited' });
      const ready = next(pool, 'worker.ready');
      // A worker that goes after its first reply, time and again, is replaced ever more slowly.
      clock.increment(30_000);
      await ready;
    }
  });

  it('never has a call that came too late told that it may have started', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(here('exits-after-its-reply.py'), {
      size: 2,
      clock,
      failuresMax: 1_000,
      bootTimeoutMs: 2 ** 31 - 1,
    });
    pool.on('worker.dead', () => setImmediate(() => clock.increment(30_000)));
    const numbers = Array.from({ length: 40 }, (_, index) => index);
    const settled = await Promise.allSettled(numbers.map((number) => pool.call('misbehave', [number])));
    for (const [number, outcome] of settled.entries()) {
      if (outcome.status === 'fulfilled') expect(outcome.value).toBe(number);
      else expect(outcome.reason).toMatchObject({ code: 'ERR_WORKER_DIED', started: false });
    }
  });
});

/** What its caller is told, and how its worker ended. */
async function misbehave(pool: Pool) {
  const dead = next(pool, 'worker.dead');
  const error = await failure(pool.call('misbehave'));
  return { error, dead: await dead };
}
