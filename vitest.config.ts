import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** These take minutes each. Whichever came last would keep one core busy and leave the other idle. */
const LONGEST = [
  'system/at-once-3x2',
  'system/at-once',
  'python/unittest',
  'system/delayed',
  'system/delayed-2x2',
  'system/delayed-slots',
].map((name) => `/test/${name}.test.ts`);

/** In a fresh clone vitest does not know yet how long a file takes. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification) => LONGEST.findIndex((path) => moduleId.endsWith(path));
    const long = files.filter((file) => rankOf(file) !== -1).sort((one, other) => rankOf(one) - rankOf(other));
    return [...long, ...(await super.sort(files)).filter((file) => rankOf(file) === -1)];
  }
}

export default defineConfig({
  resolve: {
    alias: [
      { find: /^pythonarium\/compile$/, replacement: here('./src/compile.ts') },
      { find: /^pythonarium\/machines$/, replacement: here('./machines/index.ts') },
      { find: /^pythonarium$/, replacement: here('./src/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // The figures, which take their time: `npm run test:faults`.
    exclude: [...configDefaults.exclude, 'test/faults/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
  },
});
