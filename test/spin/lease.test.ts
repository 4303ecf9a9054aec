import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.js';
import { hasSpin, search } from './spin.js';

/** On a machine without Spin these are skipped, by name; where everything must be there, they fail. */
const isMissing = !(await hasSpin()) && process.env.CI === undefined;

describe.skipIf(isMissing)(
  'the lease protocol, in every order of messages, deaths and callers who give up (Spin)',
  () => {
    it('2 workers x 2 callers x 1 death: holds every promise, and comes to every statement of the model', async () => {
      const verdict = await search(temporaryFolder(), ['DEATHS=1']);
      expect(verdict).toMatchObject({ errors: 0, violated: undefined, unreached: [] });
      expect(verdict.states).toBeGreaterThan(100_000);
    });

    it.each([
      ['UNFENCED', 'clients and workers that take any lease for the one they hold', '(lease==held)'],
      ['ANY_LIFE', 'workers that take what was granted to their predecessors', '(held==0)'],
      ['NO_LAST_WORD', 'workers that leave without saying which lease they had taken', '(is[t]=='],
      ['FORGETFUL', 'callers who are not put back when their grant never arrived', '(is[at]=='],
      ['HASTY', 'slots that are given back before Python has answered', '(owes[w]==0)'],
      ['CARELESS', 'grants that are kept although their callers have left', 'grantOf[at]==0'],
      ['HEARTLESS', 'callers who are not put back when the lease they were to have was lost', '(is[at]=='],
    ])('fails with %s: %s', async (variant, _, violated) => {
      const verdict = await search(temporaryFolder(), ['DEATHS=1', variant]);
      expect(verdict.errors).toBe(1);
      expect(verdict.violated).toContain(violated);
    });
  },
);
