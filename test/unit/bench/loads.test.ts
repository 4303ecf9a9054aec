import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';

// What a side runs is plain JavaScript, of which there are no types.
const { LOADS, latencies } = await import(new URL('../../bench/sides/loads.mjs', import.meta.url).href);

describe('latencies', () => {
  it('have the call in the middle, or the mean of the two, and not the slower of them', () => {
    expect(latencies([3, 1, 2]).p50Us).toBe(2_000);
    expect(latencies([500, 300]).p50Us).toBe(400_000);
  });

  it('have the first of the slowest hundredth', () => {
    const times = Array.from({ length: 1_000 }, (_, index) => index);
    expect(latencies(times).p99Us).toBe(990_000);
    expect(latencies([7]).p99Us).toBe(7_000);
  });
});

describe('a load', () => {
  it('of a map is the same calls for a side that has no map', async () => {
    const call = vi.fn((_name: string, [n]: [number]) => setImmediate(n + 1));
    await LOADS.map({ call }, { ms: 1, concurrency: 2 });
    expect(call.mock.calls.slice(0, 2)).toEqual([
      ['increment', [0]],
      ['increment', [1]],
    ]);
  });

  it('refuses a wrong answer of whatever it calls', async () => {
    const wrong = { call: async () => 41, bytes: async () => Buffer.alloc(3) };
    const loads: Record<string, object> = {
      sequential: { ms: 10 },
      callers: { ms: 10, callers: 2, name: 'work', args: [50] },
      json: { ms: 10, rows: 4, shape: 'even' },
      bytes: { ms: 10, size: 8 },
      atOnce: { calls: 2, workers: 1, name: 'nap', callMs: 1 },
    };
    for (const [name, params] of Object.entries(loads)) {
      await expect(LOADS[name](wrong, params), name).rejects.toThrow('should have been');
    }
  });
});
