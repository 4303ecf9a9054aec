import { createPool } from '../../src/index.js';
import { fixtures, PYTHON } from '../support/python.js';
import { withFolder } from '../support/scratch.js';
import { isAnswer } from './calm.js';
import { countsOf, deviations, Ledger } from './ledger.js';
import type { Scenario } from './scenario.js';

const here = fixtures(import.meta.url);

/** Sixteen workers are replaced under load, again and again, and nobody notices. */
export const scenario: Scenario = {
  row: 9,
  title: 'recycling under load: never one worker less, and no call lost',
  async round({ signal }) {
    await withFolder((folder) => startPool(folder).close());
    return await withFolder(async (folder) => {
      // Hundreds of Pythons start while it is looked at.
      const ledger = await Ledger.open({ lateMsMax: 300 });
      const pool = startPool(folder);
      await new Promise<void>((resolve) => {
        let up = 0;
        pool.on('worker.ready', () => {
          up += 1;
          if (up === SIZE) resolve();
        });
      });
      let upMin = SIZE;
      let recycled = 0;
      let isOver = false;
      const look = () => {
        if (isOver) return;
        const { idle, leased, cancelling } = pool.stats().workers;
        upMin = Math.min(upMin, idle + leased + cancelling);
      };
      pool.on('worker.retired', () => {
        recycled += 1;
        look();
      });
      pool.on('worker.dead', look);
      pool.on('worker.ready', look);
      let number = 0;
      const client = async () => {
        while (recycled < RECYCLES && !signal.aborted) {
          number += 1;
          const mine = number;
          await ledger.ask(pool.call('serve', [mine]), (answer) => isAnswer(answer, mine));
          look();
        }
      };
      await Promise.all(Array.from({ length: 2 * SIZE }, client));
      isOver = true;
      await pool.close();
      const account = await ledger.close(folder);
      const wrong = deviations(account);
      if (upMin < SIZE) wrong.push(`only ${upMin} workers of ${SIZE} were up`);
      if (wrong.length > 0) throw new Error(wrong.join('\n'));
      return { ...countsOf(account), recycled };
    });
  },
};

function startPool(folder: string) {
  return createPool({
    module: here('starts.py'),
    python: PYTHON,
    size: SIZE,
    logs: 'events',
    setup: { name: 'open_file', args: [folder] },
    recycle: { leases: 20 },
    recycleConcurrencyMax: 2,
  });
}

const SIZE = 16;
/** In one round. */
const RECYCLES = 100;
