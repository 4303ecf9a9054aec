import { describe, expect, it } from 'vitest';
import { hasSpin, search } from '../spin/spin.js';
import { withFolder } from '../support/scratch.js';

const isMissing = !(await hasSpin()) && process.env.CI === undefined;

describe.skipIf(isMissing)('the lease protocol (Spin)', () => {
  it('2 workers x 2 callers x 2 deaths: every order of everything holds every promise', async () => {
    const verdict = await withFolder((folder) => search(folder, ['WORKERS=2', 'CALLERS=2', 'DEATHS=2']));
    console.log(`${verdict.states} states`);
    expect(verdict).toMatchObject({ errors: 0, violated: undefined, unreached: [] });
    expect(verdict.states).toBeGreaterThan(1_000_000);
  });
});
