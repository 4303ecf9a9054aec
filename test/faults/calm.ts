import { createPool } from '../../src/index.js';
import { fixtures, PYTHON } from '../support/python.js';
import { withFolder } from '../support/scratch.js';
import { countsOf, deviations, Ledger } from './ledger.js';
import type { Scenario } from './scenario.js';

const here = fixtures(import.meta.url);

/** Nothing goes wrong: what the account of every other row is to look like. */
export const scenario: Scenario = {
  row: 0,
  title: 'no fault at all: the account balances',
  async round({ seconds, signal }) {
    // What is loaded on demand is loaded before the account is opened.
    await withFolder((folder) => startPool(folder).close());
    return await withFolder(async (folder) => {
      const ledger = await Ledger.open();
      const pool = startPool(folder);
      await pool.ready();
      const until = performance.now() + seconds * 1000;
      let number = 0;
      const client = async () => {
        while (performance.now() < until && !signal.aborted) {
          number += 1;
          const mine = number;
          await ledger.ask(pool.call('serve', [mine]), (answer) => isAnswer(answer, mine));
        }
      };
      await Promise.all(Array.from({ length: 8 }, client));
      await pool.close();
      const account = await ledger.close(folder);
      const wrong = deviations(account);
      if (wrong.length > 0) throw new Error(wrong.join('\n'));
      return countsOf(account);
    });
  },
};

/** Two workers that write down in `folder` which requests they start. */
export function startPool(folder: string) {
  const setup = { name: 'open_file', args: [folder] };
  return createPool({ module: here('starts.py'), python: PYTHON, size: 2, logs: 'events', setup });
}

/** Whether that is what `serve` answers to the request `number`. */
export function isAnswer(answer: unknown, number: number): boolean {
  return Array.isArray(answer) && answer[0] === number && answer[1] === (number * 7) % 1000;
}
