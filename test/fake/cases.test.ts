import { describe, expect, it, onTestFinished } from 'vitest';
import type { PoolOptions } from '../../src/index.js';
import { checkOptions } from '../../src/options.js';
import { Pool } from '../../src/pool.js';
import { Runtime } from '../../src/runtime.js';
import { cases, type Given } from './cases.js';
import { FakePython } from './fake-python.js';
import { playedCases } from './played-cases.js';

describe('a played process', () => {
  for (const { promise, run } of cases) it(promise, () => run(played()));
});

describe('a played process in a pool whose charts are interpreted', () => {
  for (const { promise, run } of cases) it(promise, () => run(played({ compile: false })));
});

function played(more: Partial<PoolOptions> = {}): Given {
  const pythons: FakePython[] = [];
  const withPid = (pid: number) => pythons.flatMap(({ processes }) => processes).find((each) => each.pid === pid);
  return {
    open(options, module) {
      const python = new FakePython(playedCases(module));
      pythons.push(python);
      const settings = checkOptions({
        module: 'cases',
        size: 1,
        logs: 'events',
        cancelGraceMs: 10_000,
        ...more,
        ...options,
      });
      const pool = new Pool(new Runtime(settings, python.start));
      onTestFinished(async () => {
        await pool.destroy();
        expect(python.living).toEqual([]);
        expect(python.violations).toEqual([]);
      });
      return pool;
    },
    async freeze(pid) {
      withPid(pid)?.freeze();
    },
    kill(pid) {
      withPid(pid)?.die();
    },
  };
}
