import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../../vitest.config.js';

// One file at a time: a storm would make another test's clock wrong. The files time what they do, so nothing is retried.
export default mergeConfig(
  { ...base, test: undefined },
  defineConfig({
    root: fileURLToPath(new URL('../../', import.meta.url)),
    test: {
      include: ['test/faults/*.test.ts'],
      testTimeout: 20 * 60_000,
      hookTimeout: 60_000,
      pool: 'forks',
      maxWorkers: 1,
      fileParallelism: false,
    },
  }),
);
