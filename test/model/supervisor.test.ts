import { describe, expect, it } from 'vitest';
import { restartDelayMs } from '../../machines/index.js';
import { describeTable } from './describe-table.js';
import { SUPERVISOR_TABLE } from './supervisor-table.js';

describeTable(SUPERVISOR_TABLE);

describe('the back-off', () => {
  it('starts at once after a worker that had served', () => {
    expect(restartDelayMs(0, 0.5)).toBe(0);
  });

  it('is three times as long with each failure, from 100 ms to 30 s and no further', () => {
    expect([1, 2, 3, 6, 7, 1_000].map((failures) => restartDelayMs(failures, 0))).toEqual([
      100, 300, 900, 24_300, 30_000, 30_000,
    ]);
  });

  it('is spread over its last quarter, so that many places do not start together', () => {
    expect(restartDelayMs(4, 1)).toBe(2_025);
    expect(restartDelayMs(4, 0.5)).toBe(2_362.5);
  });

  it('leaves room for eight starts in a minute, and no more, whatever the jitter', () => {
    for (const jitter of [0, 0.5, 1]) {
      const delays = [1, 2, 3, 4, 5, 6, 7, 8].map((failures) => restartDelayMs(failures, jitter));
      expect(delays.reduce((sum, delay) => sum + delay, 0)).toBeGreaterThan(60_000);
    }
  });
});
