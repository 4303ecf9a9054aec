import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createPool, PoolDegradedError } from '../../src/index.js';
import { fixtures, PYTHON } from '../support/python.js';

const here = fixtures(import.meta.url);

it.concurrent.each(['import', 'ready', 'reply'] as const)(
  'row 8: workers that crash at their %s are started 8 times in 60 s at most, callers hear so at once, and one back-off mends it',
  async (crashAt) => {
    const folder = mkdtempSync(join(tmpdir(), 'pythonarium-test-'));
    const broken = join(folder, 'broken');
    writeFileSync(broken, '');
    const pool = createPool({
      module: here('crash_loop.py'),
      python: PYTHON,
      pythonPath: [here('../../fault/fixtures')],
      size: 2,
      logs: 'events',
      env: { CRASH_AT: crashAt, BROKEN: broken },
    });
    try {
      const deaths: { worker: string; at: number }[] = [];
      pool.on('worker.dead', ({ worker }) => deaths.push({ worker, at: performance.now() }));
      let degradedAt = Number.NaN;
      pool.on('pool.degraded', () => {
        degradedAt = performance.now();
      });
      // No two alike, since a request that three workers die of is refused for what it is.
      let number = 0;
      const ask = () => {
        number += 1;
        return pool.call('serve', [number]);
      };
      // Whoever waits when the breaker opens, or comes while it is open, is told within a second.
      const lateMs: number[] = [];
      const until = performance.now() + WATCHED_MS;
      const client = async () => {
        while (performance.now() < until) {
          const askedAt = performance.now();
          const outcome: unknown = await ask().catch((error: unknown) => error);
          if (outcome instanceof PoolDegradedError) {
            lateMs.push(performance.now() - Math.max(askedAt, degradedAt));
            expect(outcome.stderr.join('\n')).toContain('no licence found');
            expect(outcome.message).toContain('no licence found');
          }
          await setTimeout(100);
        }
      };
      await Promise.all(Array.from({ length: 4 }, client));

      expect(lateMs.length).toBeGreaterThan(0);
      expect(Math.max(...lateMs)).toBeLessThan(1_000);
      for (const { worker, at } of deaths) {
        const within = deaths.filter((each) => each.worker === worker && each.at >= at && each.at < at + 60_000);
        expect(within.length).toBeLessThanOrEqual(8);
      }

      rmSync(broken);
      const mendedAt = performance.now();
      while ((await ask().catch(() => undefined)) !== 'served') await setTimeout(50);
      const tookMs = performance.now() - mendedAt;
      console.log(
        `${crashAt}: ${deaths.length} starts, refused ${lateMs.length}, at most ${Math.round(Math.max(...lateMs))} ms late; mended after ${Math.round(tookMs)} ms`,
      );
      expect(tookMs).toBeLessThan(BACKOFF_MS_MAX + BOOT_MS_MAX);
    } finally {
      await pool.destroy();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

const WATCHED_MS = 65_000;
const BACKOFF_MS_MAX = 30_000;
const BOOT_MS_MAX = 5_000;
