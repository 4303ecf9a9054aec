import { describe, expect, it } from 'vitest';
import { longLine, scenario } from './bytes.js';
import { effort } from './scenario.js';

describe('bytes that nobody should have sent', () => {
  it('1,000,000 mutated frames and 100,000 random splits: a message or ERR_PROTOCOL, and nothing else', async () => {
    const counts = await scenario.round(effort(1));
    console.log(JSON.stringify(counts));
    for (const side of ['at Node', 'at Python']) {
      expect(counts[`frames ${side}`]).toBeGreaterThanOrEqual(500_000);
      expect(counts[`messages ${side}`]).toBeGreaterThan(50_000);
      expect(counts[`refused ${side}`]).toBeGreaterThan(50_000);
    }
    expect(counts.splits).toBe(100_000);
    expect(counts['values read alike']).toBeGreaterThan(1_000);
  });

  it('a line of 64 MiB takes at most half a second of the processor, and one without an end is held up to its limit', async () => {
    const { node, python } = await longLine(64 * 1024 * 1024);
    console.log(JSON.stringify({ node, python }));
    const limit = 16 * 1024 * 1024;
    const chunk = 65_536;
    expect(node.held).toBeLessThanOrEqual(limit);
    expect(node.ms).toBeLessThan(500);
    expect(python.ms).toBeLessThan(500);
    // With what Python's lists and the chunk that is being read take.
    expect(python.held).toBeLessThanOrEqual(limit + 2 * chunk + 64 * 1024);
  });
});
