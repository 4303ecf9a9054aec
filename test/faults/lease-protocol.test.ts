import { describe, expect, it } from 'vitest';
import { hasSpin } from '../spin/spin.js';
import { scenario } from './lease-protocol.js';
import { effort } from './scenario.js';

const isMissing = !(await hasSpin()) && process.env.CI === undefined;

describe.skipIf(isMissing)('the lease protocol (Spin)', () => {
  it('2 workers x 2 callers x 2 deaths: every order of everything holds every promise', async () => {
    const { states } = await scenario.round(effort(1));
    console.log(`${states} states`);
    expect(states).toBeGreaterThan(1_000_000);
  });
});
