import { describe, expect, it } from 'vitest';
import { findPeers } from '../../bench/peers.js';
import { SCENARIOS } from '../../bench/scenarios.js';

describe('the scenarios', () => {
  it('have one for each row of what is promised', () => {
    const rows = SCENARIOS.flatMap(({ row }) => (row === undefined ? [] : [row]));
    expect(rows.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 13 }, (_, index) => index + 1));
  });

  it('have names of their own, and each says what it does not say', () => {
    expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
    expect(SCENARIOS.filter(({ caveat }) => !caveat.endsWith('.'))).toEqual([]);
  });
});

describe('the peers', () => {
  it('say what they are before their packages are installed', async () => {
    const peers = await findPeers();
    expect(peers.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'python-shell',
        'pythonia',
        'python-bridge',
        'HTTP sidecar',
        'a process per call',
        'tarn',
      ]),
    );
    for (const { kind, pipelines, note } of peers) {
      expect([typeof kind, typeof pipelines, typeof note]).toEqual(['string', 'boolean', 'string']);
    }
  });
});
