import { createPool } from '../../src/index.js';
import { heapInUse } from '../support/garbage.js';
import { fixtures, PYTHON } from '../support/python.js';
import { whenGranted } from './granted.js';
import { countsOf, deviations, Ledger } from './ledger.js';
import type { Scenario } from './scenario.js';

const here = fixtures(import.meta.url);

/** A hundred thousand wait for four workers. */
export const scenario: Scenario = {
  row: 10,
  title: '100,000 who wait for 4 workers: all are served, in their order, and none takes more than 1 KB',
  async round() {
    await startPool().close();
    // To ask so many in one turn of the loop takes it as long as it takes.
    const ledger = await Ledger.open({ lateMsMax: Number.POSITIVE_INFINITY });
    const granted: number[] = [];
    const pool = startPool((ticket) => granted.push(ticket));
    await pool.ready();
    const before = heapInUse();
    const answers = Array.from({ length: CALLERS }, (_, number) => pool.call<number>('echo', [number]));
    const bytesEachMax = Math.ceil((heapInUse() - before) / CALLERS);
    await Promise.all(answers.map((answer, number) => ledger.ask(answer, (given) => given === number)));
    await pool.close();
    const account = await ledger.close();
    const wrong = deviations(account);
    if (account.served !== CALLERS) wrong.push(`${account.served} were served of ${CALLERS}`);
    if (granted.length !== CALLERS) wrong.push(`${granted.length} leases were granted to ${CALLERS}`);
    const early = granted.filter((ticket, place) => ticket !== place + 1).length;
    if (early > 0) wrong.push(`${early} were granted a lease out of their order`);
    if (bytesEachMax > BYTES_MAX) wrong.push(`${bytesEachMax} bytes of the heap for each who waits`);
    if (wrong.length > 0) throw new Error(wrong.join('\n'));
    return { ...countsOf(account), bytesEachMax };
  },
};

/** @param onGranted Told of the ticket of each who is granted a lease, in that order. */
function startPool(onGranted: (ticket: number) => void = () => {}) {
  return createPool({
    module: here('slow.py'),
    python: PYTHON,
    size: 4,
    logs: 'events',
    queueMax: CALLERS,
    inspect: whenGranted(({ ticket }) => onGranted(ticket)),
  });
}

const CALLERS = 100_000;
const BYTES_MAX = 1024;
