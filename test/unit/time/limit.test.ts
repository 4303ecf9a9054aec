import { describe, expect, it } from 'vitest';
import { checkMs, LONGEST_MS } from '../../../src/time/limit.js';

describe('checkMs', () => {
  it('knows what a timer of Node can keep, which takes all else for one millisecond', () => {
    expect(LONGEST_MS).toBe(2_147_483_647);
  });

  it.each([0, 0.5, LONGEST_MS])('takes %s', (ms) => {
    expect(() => checkMs('timeoutMs', ms)).not.toThrow();
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, LONGEST_MS + 1, '100', null, 100n])(
    'refuses %s, naming the option, since no timer keeps it',
    (ms) => {
      expect(() => checkMs('queueTimeoutMs', ms)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION', option: 'queueTimeoutMs' }),
      );
    },
  );
});
