import { describe, it } from 'vitest';
import { cases } from '../fake/cases.js';
import { fixtures, startPool } from '../support/pool.js';
import { freeze } from '../support/processes.js';

const fixture = fixtures(import.meta.url);

describe('a real process', () => {
  for (const { promise, run } of cases) {
    it(promise, () =>
      run({
        open: (options, module) => startPool(fixture(`${module ?? 'cases'}.py`), options),
        freeze,
        kill: (pid) => process.kill(pid, 'SIGKILL'),
      }),
    );
  }
});
