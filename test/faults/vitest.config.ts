import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../../vitest.config.js';

/**
 * Not yet seen to hold on a quiet machine. CI leaves them out until they have been; `npm run test:faults` elsewhere does
 * not. The table in docs/proof.md says which they are.
 */
const UNPROVEN = ['bytes', 'simulation', 'storms'];

// One file at a time: a storm would make another test's clock wrong. The files time what they do, so nothing is retried.
export default mergeConfig(
  { ...base, test: undefined },
  defineConfig({
    root: fileURLToPath(new URL('../../', import.meta.url)),
    test: {
      include: ['test/faults/*.test.ts'],
      exclude: process.env.CI ? UNPROVEN.map((name) => `test/faults/${name}.test.ts`) : [],
      testTimeout: 20 * 60_000,
      hookTimeout: 60_000,
      pool: 'forks',
      maxWorkers: 1,
      fileParallelism: false,
    },
  }),
);
