import { describe, expect, it } from 'vitest';
import type { Call } from '../../../src/call/call.js';
import type { Exchange } from '../../../src/call/exchange.js';
import { Linger } from '../../../src/lease/linger.js';

describe('leases that are kept for the rest of a turn', () => {
  it('go to the calls that follow in the order of their answers', () => {
    const { linger, kept, ended } = keeping(['a', 0], ['b', 0], ['c', 0]);
    expect([linger.take(PLAIN, true), linger.take(PLAIN, true)]).toEqual(kept.slice(0, 2));
    expect(ended).toEqual([]);
    linger.end();
    expect(ended).toEqual(['c']);
    expect(linger.take(PLAIN, true)).toBeUndefined();
  });

  it('go first where the worker owes the fewest answers', () => {
    const { linger, kept } = keeping(['a', 3], ['b', 1], ['c', 0], ['d', 0]);
    const taken = [1, 2, 3, 4].map(() => linger.take(PLAIN, true));
    expect(taken).toEqual([kept[2], kept[3], kept[1], kept[0]]);
  });

  it('go to no call that they cannot carry', () => {
    const { linger, kept, ended } = keeping(['a', 0], ['b', 0]);
    expect(linger.take(PLAIN, false)).toBeUndefined();
    expect(linger.take({ isPlain: false } as Call, true)).toBeUndefined();
    expect(linger.take(PLAIN, true)).toBe(kept[0]);
    linger.end();
    expect(ended).toEqual(['b']);
  });

  it('go to no call made in a function that would wait there, perhaps behind the one that waits for it', () => {
    const { linger, kept } = keeping(['a', 1]);
    const inner = { isPlain: true, parent: {} } as unknown as Call;
    expect(linger.take(inner, true)).toBeUndefined();
    expect(linger.take(PLAIN, true)).toBe(kept[0]);
    expect(keeping(['b', 0]).linger.take(inner, true)).toBeDefined();
  });

  it('are each given back once, though somebody looks meanwhile', () => {
    const { linger, ended, hears } = keeping(['a', 0], ['b', 0]);
    // Whoever hears of it looks.
    hears.push(() => linger.end());
    linger.end();
    expect(ended).toEqual(['a', 'b']);
  });
});

/** Leases of short calls that are kept, each of a worker that owes so many answers. */
function keeping(...workers: [name: string, owes: number][]) {
  const [ended, hears]: [string[], (() => void)[]] = [[], []];
  const linger = new Linger(() => {});
  const kept = workers.map(([name, owes]) => {
    const end = () => {
      ended.push(name);
      for (const hear of hears) hear();
    };
    return { worker: { pipe: { owes } }, mayCarry: (isShort: boolean) => isShort, end } as unknown as Exchange;
  });
  for (const each of kept) linger.keep(each);
  return { linger, kept, ended, hears };
}

const PLAIN = { isPlain: true } as Call;
