import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig } from 'vitest/config';
import base from '../../vitest.config.js';
import { GROUPS } from './groups.js';

const group = GROUPS.find(({ name }) => name === process.env.MUTATION_GROUP);

export default mergeConfig(
  { ...base, test: undefined },
  defineConfig({
    root: fileURLToPath(new URL('../../', import.meta.url)),
    test: { include: [...(group?.tests ?? [])], testTimeout: 20_000 },
  }),
);
