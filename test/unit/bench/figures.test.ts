import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ratios, summary } from '../../bench/figures.js';

describe('a summary', () => {
  it('has the middle figure, or the mean of the two in the middle', () => {
    expect(summary([3, 1, 2])).toMatchObject({ median: 2, min: 1, max: 3 });
    expect(summary([4, 1, 3, 2])).toMatchObject({ median: 2.5, min: 1, max: 4 });
  });

  it('leaves the figures in their order', () => {
    const figures = [3, 1, 2];
    summary(figures);
    expect(figures).toEqual([3, 1, 2]);
  });

  it('says nothing of where the true middle is with fewer than six', () => {
    expect(summary([1, 2, 3, 4, 5]).interval).toBeUndefined();
    expect(summary([1, 2, 3, 4, 5, 6]).interval).toEqual([1, 6]);
  });

  it('has the ranks of the tables of the sign test', () => {
    const ranks = [9, 12, 15, 20, 27, 31].map((count) => {
      const { interval } = summary(Array.from({ length: count }, (_, index) => index + 1));
      return [count, ...interval!];
    });
    expect(ranks).toEqual([
      [9, 2, 8],
      [12, 3, 10],
      [15, 4, 12],
      [20, 6, 15],
      [27, 8, 20],
      [31, 10, 22],
    ]);
  });

  it('has the true middle in its interval 95 times of 100 or more, whatever the figures look like', () => {
    // A generator of its own, so that the figures are the same each time: exponential ones, whose middle is ln 2.
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    let inside = 0;
    for (let time = 0; time < 4_000; time++) {
      const { interval } = summary(Array.from({ length: 9 }, () => -Math.log(random())));
      if (interval![0] <= Math.LN2 && Math.LN2 <= interval![1]) inside += 1;
    }
    expect(inside / 4_000).toBeGreaterThan(0.95);
    expect(inside / 4_000).toBeLessThan(0.975);
  });

  it('is in order, however the figures come', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: 0.001, max: 1e9 }), { minLength: 6 }), (figures) => {
        const { min, median, max, interval } = summary(figures);
        expect(
          [min, interval![0], median, interval![1], max].every((one, at, all) => at === 0 || all[at - 1]! <= one),
        ).toBe(true);
      }),
    );
  });
});

describe('ratios', () => {
  it('are those of the same round', () => {
    expect(ratios([2, 9, 4], [1, 3, 8])).toEqual([2, 3, 0.5]);
  });

  it('are refused where a side has missed a round', () => {
    expect(() => ratios([1, 2], [1])).toThrow('2 rounds cannot be compared with 1');
  });
});
