import { createPool } from 'pythonarium';
import { describe, expect, it } from 'vitest';

describe('sessions that begin one after the other', () => {
  it.each(['strict', 'hint'] as const)(
    'are spread over the workers (%s), so that they do not wait for each other',
    async (affinity) => {
      await using pool = createPool({ module: 'os', expose: 'all', size: 3, logs: 'events' });
      await allUp(pool);
      const workers = [];
      for (const id of ['a', 'b', 'c', 'd', 'e', 'f'])
        workers.push(await pool.session(id, { affinity }).call('getpid'));
      expect(new Set(workers.slice(0, 3)).size).toBe(3);
      expect(new Set(workers.slice(3)).size).toBe(3);
      expect(await pool.session('b', { affinity }).call('getpid')).toBe(workers[1]);
    },
  );

  it('go where there is room once others have ended', async () => {
    await using pool = createPool({ module: 'os', expose: 'all', size: 2, logs: 'events' });
    await allUp(pool);
    const first = await pool.session('a').call('getpid');
    expect(await pool.session('b').call('getpid')).not.toBe(first);
    await pool.session('a').end();
    expect(await pool.session('c').call('getpid')).toBe(first);
  });
});

/** Resolves when no worker is missing. */
function allUp(pool: ReturnType<typeof createPool>): Promise<void> {
  return new Promise((resolve) => {
    const look = () => pool.stats().missing === 0 && resolve();
    pool.on('worker.ready', () => setImmediate(look));
    look();
  });
}
