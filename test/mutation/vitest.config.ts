import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import base from '../../vitest.config.js';
import { GROUPS } from './groups.js';

const tests = GROUPS.find(({ name }) => name === process.env.MUTATION_GROUP)?.tests ?? [];

/** The first failure ends a run, so the fastest come first. */
class AsListed extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification) => tests.findIndex((path) => moduleId.endsWith(path));
    return files.sort((one, other) => rankOf(one) - rankOf(other));
  }
}

export default mergeConfig(
  { ...base, test: undefined },
  defineConfig({
    root: fileURLToPath(new URL('../../', import.meta.url)),
    test: { include: [...tests], testTimeout: 10_000, sequence: { sequencer: AsListed } },
  }),
);
