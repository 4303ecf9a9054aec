import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../../vitest.config.js';

// What runs the core without a process: every mutant is tried against these, and real Python would take minutes each.
export default mergeConfig(
  { ...base, test: undefined },
  defineConfig({
    root: fileURLToPath(new URL('../../', import.meta.url)),
    test: {
      include: [
        'test/model/**/*.test.ts',
        'test/unit/**/*.test.ts',
        'test/property/*.test.ts',
        'test/property/wire/*.test.ts',
        'test/simulation/*.test.ts',
        'test/system/scenarios.test.ts',
        'test/system/regressions.test.ts',
        'test/wire/vectors.test.ts',
        'test/fake/*.test.ts',
      ],
      exclude: ['test/unit/cli/**', 'test/unit/process/**'],
      testTimeout: 60_000,
      pool: 'forks',
      maxWorkers: 2,
    },
  }),
);
