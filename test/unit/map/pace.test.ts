import { describe, expect, it } from 'vitest';
import { Pace } from '../../../src/map/pace.js';

describe('the pace of a map', () => {
  it('is one at a time until sixteen calls have been short', () => {
    const pace = new Pace();
    for (let calls = 0; calls < 15; calls += 1) {
      expect([pace.limit, pace.isQuick]).toEqual([1, false]);
      pace.took(1, 5, 5);
    }
    pace.took(1, 5, 5);
    expect([pace.limit, pace.isQuick]).toEqual([2, true]);
  });

  it('doubles up to a millisecond of work, and up to 128', () => {
    const limits = (us: number) => {
      const pace = new Pace();
      return Array.from({ length: 24 }, () => {
        pace.took(1, us, us);
        return pace.limit;
      }).slice(15);
    };
    expect(limits(5)).toEqual([2, 4, 8, 16, 32, 64, 128, 128, 128]);
    expect(limits(90)).toEqual([2, 4, 8, 11, 11, 11, 11, 11, 11]);
    expect(limits(600)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect(limits(0)).toEqual([2, 4, 8, 16, 32, 64, 128, 128, 128]);
  });

  it('follows what the last calls took', () => {
    const pace = new Pace();
    for (let calls = 0; calls < 30; calls += 1) pace.took(1, 1, 1);
    expect(pace.limit).toBe(128);
    pace.took(16, 1_600, 100);
    expect(pace.limit).toBe(10);
  });

  it('forgives one long call among a hundred, and is one at a time after a second', () => {
    const pace = new Pace();
    pace.took(116, 116, 1);
    pace.took(1, 1_001, 1_001);
    expect(pace.isQuick).toBe(true);
    pace.took(1, 1_001, 1_001);
    expect([pace.limit, pace.isQuick]).toEqual([1, false]);
    pace.took(99, 99, 1);
    expect(pace.isQuick).toBe(false);
    pace.took(1, 1, 1);
    expect(pace.isQuick).toBe(true);
  });

  it('saves up for one long call and no more, however many were short', () => {
    const pace = new Pace();
    for (let calls = 0; calls < 1_000; calls += 1) pace.took(100, 100, 1);
    pace.took(2, 2_002, 1_001);
    expect(pace.isQuick).toBe(true);
    pace.took(1, 1_001, 1_001);
    expect(pace.isQuick).toBe(false);
  });

  it('has a hundred short calls make up for however many long ones', () => {
    const pace = new Pace();
    for (let calls = 0; calls < 1_000; calls += 1) pace.took(1, 1_001, 1_001);
    pace.took(99, 99, 1);
    expect(pace.isQuick).toBe(false);
    pace.took(1, 1, 1);
    expect(pace.isQuick).toBe(true);
  });

  it('takes a call of just a millisecond for a short one', () => {
    const pace = new Pace();
    for (let calls = 0; calls < 16; calls += 1) pace.took(1, 1_000, 1_000);
    expect([pace.limit, pace.isQuick]).toEqual([1, true]);
  });
});
