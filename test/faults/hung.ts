import { createPool, type PoolEvents } from '../../src/index.js';
import { fixtures, PYTHON } from '../support/python.js';
import type { Scenario } from './scenario.js';

const here = fixtures(import.meta.url);

/** Workers that hang in each of four ways: how long until it is known, until they are gone, until another is there. */
export const scenario: Scenario = {
  row: 7,
  title: 'hung worker, 4 kinds: found, gone and replaced in time',
  async round({ signal }) {
    const pool = createPool({
      module: here('hangs.py'),
      python: PYTHON,
      size: 1,
      logs: 'events',
      hardLimitMs: LIMIT_MS,
      cancelGraceMs: GRACE_MS,
    });
    await pool.ready();
    const counts = { hung: 0, foundMsMax: 0, goneMsMax: 0, replacedMsMax: 0 };
    try {
      for (const kind of KINDS) {
        if (signal.aborted) break;
        await pool.call('pid');
        const dead = next('worker.dead');
        const ready = next('worker.ready');
        const askedAt = performance.now();
        const code = await pool.call(kind).then(
          () => 'an answer',
          (error) => error.code as string,
        );
        const foundAt = performance.now();
        if (code !== 'ERR_CALL_HUNG') throw new Error(`${kind}: ${code}`);
        const { at: goneAt, fact } = await dead;
        if (fact.reason !== 'cancel-grace') throw new Error(`${kind}: ended for ${fact.reason}`);
        const { at: readyAt } = await ready;
        const foundMs = foundAt - askedAt - LIMIT_MS;
        const goneMs = goneAt - foundAt - GRACE_MS;
        const replacedMs = readyAt - goneAt;
        const figures = `${kind}: found ${foundMs} ms late, gone ${goneMs} ms late, replaced after ${replacedMs} ms`;
        if (foundMs > 100 || goneMs > 100 || replacedMs > 250) throw new Error(figures);
        counts.hung += 1;
        counts.foundMsMax = Math.max(counts.foundMsMax, Math.round(foundMs));
        counts.goneMsMax = Math.max(counts.goneMsMax, Math.round(goneMs));
        counts.replacedMsMax = Math.max(counts.replacedMsMax, Math.round(replacedMs));
      }
      return counts;
    } finally {
      await pool.destroy();
    }

    function next<Name extends 'worker.dead' | 'worker.ready'>(name: Name) {
      return new Promise<{ at: number; fact: PoolEvents[Name][0] }>((resolve) => {
        pool.once(name, (fact) => resolve({ at: performance.now(), fact }));
      });
    }
  },
};

const KINDS = ['stopped', 'holding_the_interpreter', 'swallowing', 'reading_on'];
const LIMIT_MS = 300;
const GRACE_MS = 300;
