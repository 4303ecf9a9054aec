import { describe, expect, it } from 'vitest';
import { LruMap } from '../../../src/base/lru-map.js';

describe('a map that forgets what was used longest ago', () => {
  it.each([1, 3, 64, 100, 1_000])('holds %d and no more, and forgets in the order of use', (max) => {
    const map = new LruMap<string>(max);
    for (let key = 0; key < max; key += 1) map.set(String(key), `value ${key}`);
    expect(map.size).toBe(max);
    expect([...map.values()].at(-1)).toBe('value 0');
    // Whoever is used, or set again, is the last to go; whoever is looked at is not.
    expect(map.get('0')).toBe('value 0');
    expect(map.peek('1')).toBe(max > 1 ? 'value 1' : undefined);
    map.set('new', 'new');
    expect(map.size).toBe(max);
    expect(map.peek('0')).toBe(max > 1 ? 'value 0' : undefined);
    expect(map.peek('1')).toBeUndefined();
    expect(map.peek('new')).toBe('new');
  });

  it('keeps the order of use while it grows', () => {
    const map = new LruMap<string>(200);
    for (let key = 0; key < 64; key += 1) map.set(String(key), String(key));
    map.get('0');
    map.set('64', '64');
    expect(map.pop()).toBe('1');
    expect([...map.values()].slice(0, 2)).toEqual(['64', '0']);
  });

  it('is empty at first, and again', () => {
    const map = new LruMap<string>(10);
    expect([map.size, map.get('a'), map.pop(), [...map.values()]]).toEqual([0, undefined, undefined, []]);
    map.set('a', 'b');
    map.delete('a');
    expect([map.size, map.peek('a')]).toEqual([0, undefined]);
    map.set('a', 'b');
    map.clear();
    expect(map.size).toBe(0);
  });
});
