import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { InspectionEvent } from 'xstate';
import { temporaryFolder } from '../support/folder.js';
import { fixtures, readyPool } from '../support/pool.js';

const late = fixtures(import.meta.url)('late.py');

describe('1,000 rounds of "A times out, B asks" on the same worker', () => {
  it('cross no answer and hand no worker on before it has answered; those that answer in time are kept', async () => {
    const pools = 5;
    const results = await Promise.all(
      Array.from({ length: pools }, (_, index) => rounds(1_000 / pools, `pool ${index}`)),
    );
    const sum = (of: (result: (typeof results)[0]) => number) => results.reduce((total, each) => total + of(each), 0);
    const kept = sum((each) => each.kept);
    const replaced = sum((each) => each.replaced);
    console.log(`${kept} workers answered within the grace time and were kept, ${replaced} were ended and replaced`);
    expect([kept, replaced]).toEqual([500, 500]);
    expect(sum((each) => each.handedOnTooEarly)).toBe(0);
  }, 180_000);
});

/** Rounds on a pool of one worker, so that B always wants the very worker that owes A an answer. */
async function rounds(count: number, name: string) {
  const record = join(temporaryFolder(), 'record');
  /** What A has asked of the worker that lives now. */
  let owed = '';
  let grants = 0;
  let handedOnTooEarly = 0;
  const inspect = (event: InspectionEvent) => {
    if (event.type !== '@xstate.event') return;
    const { logic } = event.actorRef as unknown as { logic: { id: string } };
    if (logic.id !== 'worker') return;
    // Who asked a worker that is gone is owed nothing.
    if (event.event.type === 'process.exited') owed = '';
    if (event.event.type !== 'lease.granted') return;
    grants += 1;
    // What Python itself has put on record by this very moment, when nothing has been sent to it under the new lease.
    if (owed !== '' && readFileSync(record, 'utf8') === `begun: ${owed}`) handedOnTooEarly += 1;
  };
  const pool = await readyPool(late, { inspect, cancelGraceMs: 60 });
  let [before] = await pool.call<[number, string]>('echo', ['']);
  writeFileSync(record, '');
  let kept = 0;
  let replaced = 0;
  for (let round = 0; round < count; ) {
    const token = `${name} round ${round}`;
    const answersInTime = round % 2 === 0;
    const a = pool.call('answer_late', [answersInTime ? 20 : 60_000, token, record], { timeoutMs: 5 });
    owed = token;
    const outcome = await a.catch((error: { code: string }) => error.code);
    // On a machine so busy that even the answer came first, nothing has been tried.
    if (outcome === token) continue;
    expect(outcome).toBe('ERR_CALL_TIMEOUT');
    const [pid, answer] = await pool.call<[number, string]>('echo', [`B of ${token}`]);
    expect(answer).toBe(`B of ${token}`);
    // Nor where it was given up before Python came to it, which never runs it then.
    if (!readFileSync(record, 'utf8').endsWith(token)) continue;
    const wasKept = pid === before;
    before = pid;
    // Nor where it would have answered in time, and was kept from that.
    if (answersInTime && !wasKept) continue;
    round += 1;
    if (wasKept) kept += 1;
    else replaced += 1;
  }
  // A may have the lease of the B before.
  expect(grants).toBeGreaterThanOrEqual(count);
  return { kept, replaced, handedOnTooEarly };
}
