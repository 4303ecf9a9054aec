import { describe, it } from 'vitest';
import { cases } from '../fake/cases.js';
import { fixtures, startPool } from '../support/pool.js';
import { freeze } from '../support/processes.js';

const fixture = fixtures(import.meta.url);

describe.each([
  ['a real process', true],
  ['a real process in a pool whose charts are interpreted', false],
])('%s', (_, compile) => {
  for (const { promise, run } of cases) {
    it(promise, () =>
      run({
        open: (options, module) => startPool(fixture(`${module ?? 'cases'}.py`), { compile, ...options }),
        freeze,
        kill: (pid) => process.kill(pid, 'SIGKILL'),
      }),
    );
  }
});
