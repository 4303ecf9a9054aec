import { describe, expect, it } from 'vitest';
import { OptionError } from '../../../src/errors.js';
import { MicroDate } from '../../../src/time/micro-date.js';

describe('a MicroDate', () => {
  it('is a Date, with what a Date has no room for', () => {
    const date = new MicroDate(5, 7);
    expect(date).toBeInstanceOf(Date);
    expect([date.getTime(), date.microseconds]).toEqual([5, 7]);
  });

  it.each([0, 1000, 0.5, Number.NaN, '7'])('has no %o microseconds', (microseconds) => {
    expect(() => new MicroDate(0, microseconds as number)).toThrow(OptionError);
  });
});
