import { openSync } from 'node:fs';
import { expect, it } from 'vitest';
import { withFolder } from '../support/scratch.js';
import { isAnswer, scenario, startPool } from './calm.js';
import { type Account, deviations, Ledger } from './ledger.js';
import { effort } from './scenario.js';

it('the account balances where nothing goes wrong', async () => {
  const counts = await scenario.round(effort(1, 2));
  expect(counts.asked).toBeGreaterThan(100);
  expect(counts).toMatchObject({ served: counts.asked, refused: 0, shed: 0 });
});

it('the account balances where some are refused', async () => {
  await withFolder(async (folder) => {
    const ledger = await Ledger.open();
    const pool = startPool(folder);
    await ledger.ask(pool.call('serve', [1]), (answer) => isAnswer(answer, 1));
    const reason = new Error('changed my mind');
    await ledger.ask(pool.call('serve', [2], { signal: AbortSignal.abort(reason) }), () => true, {
      givenUpFor: reason,
    });
    await pool.close();
    await ledger.ask(pool.call('serve', [3]), () => true);
    const account = await ledger.close(folder);
    expect(deviations(account)).toEqual([]);
    expect(account).toMatchObject({ asked: 3, served: 1, refused: { 'given up': 1, ERR_POOL_CLOSED: 1 } });
  });
});

it('the account names what is wrong: answers, double starts, untyped errors, leaks, a loop that stood still', async () => {
  await withFolder(async (folder) => {
    const ledger = await Ledger.open();
    const pool = startPool(folder);
    await ledger.ask(pool.call('serve', [1]), () => false);
    await ledger.ask(pool.call('serve', [1]), () => true);
    const lie = Object.assign(new Error('not begun'), { code: 'ERR_WORKER_DIED', started: false });
    await ledger.ask(Promise.reject(lie), () => true, { number: 1 });
    await ledger.ask(Promise.reject(new Error('untyped')), () => true);
    await pool.close();
    openSync('/dev/null', 'r');
    process.on('SIGWINCH', () => {});
    const until = performance.now() + 400;
    while (performance.now() < until);
    await new Promise((resolve) => setTimeout(resolve, 150));
    const account = await ledger.close(folder);
    process.removeAllListeners('SIGWINCH');
    const firstWords = deviations(account).map((each) => each.split(/[ :]/)[0]);
    expect(firstWords).toEqual(['asked', 'started', 'said', 'wrong', 'errors', 'descriptors', 'listeners', 'the']);
  });
});

it('the account names what nobody handled, and children that are left', () => {
  expect(deviations(BALANCED)).toEqual([]);
  expect(deviations({ ...BALANCED, unhandled: [new Error('nobody cared')], children: [7] })).toEqual([
    expect.stringMatching(/^unhandled: 1, the first Error: nobody cared/),
    'children left: 7',
  ]);
});

const HELD = { descriptors: 20, listeners: {} };
const BALANCED: Account = {
  asked: 3,
  served: 1,
  refused: { ERR_QUEUE_TIMEOUT: 1 },
  shed: 1,
  doubled: 0,
  mistold: 0,
  wrong: 0,
  untyped: [],
  unhandled: [],
  children: [],
  before: HELD,
  after: HELD,
  latestTickMs: 0,
  lateMsMax: 150,
};
