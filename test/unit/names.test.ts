import { describe, expect, it } from 'vitest';
import { Names } from '../../src/chart/table.js';

describe('what is looked up by name', () => {
  it('is found among few and among many, and is what was set last', () => {
    for (const count of [1, 12, 13, 100]) {
      const names = new Names<number>();
      for (let at = 0; at < count; at++) names.set(`name ${at}`, at);
      for (let at = 0; at < count; at++) expect(names.get(`name ${at}`)).toBe(at);
      names.set('name 0', -1);
      names.set(`name ${count - 1}`, -2);
      expect([names.get('name 0'), names.get(`name ${count - 1}`)]).toEqual(count === 1 ? [-2, -2] : [-1, -2]);
      expect([names.get(`name ${count}`), names.get(undefined), names.get({})]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    }
  });

  it('is no name of every object', () => {
    const names = new Names<number>();
    expect([names.get('constructor'), names.get('__proto__')]).toEqual([undefined, undefined]);
    names.set('__proto__', 1);
    expect(names.get('__proto__')).toBe(1);
  });
});
