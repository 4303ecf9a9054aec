/** Files of the core that are tried together, against the tests that are about them and take no time. */
export interface Group {
  readonly name: string;
  readonly mutate: readonly string[];
  readonly tests: readonly string[];
}

/**
 * The core: what decides who gets a worker and who does not, what goes over the line, and when somebody has waited
 * long enough. Real processes, sessions, streams and the command line are shown by live tests, which take too long to
 * be run once for each mutant.
 */
export const GROUPS: readonly Group[] = [
  {
    name: 'deadlines',
    mutate: ['src/budget.ts', 'src/patience.ts'],
    tests: ['test/unit/budget.test.ts', 'test/unit/patience.test.ts'],
  },
  {
    name: 'queue',
    mutate: ['machines/wait-queue.ts', 'machines/sorted-tree.ts'],
    tests: ['test/unit/machines/sorted-tree.test.ts', 'test/unit/machines/wait-queue.test.ts'],
  },
  {
    name: 'coordinator',
    mutate: ['machines/coordinator.ts', 'machines/client.ts'],
    tests: [
      'test/system/scenarios.test.ts',
      'test/system/regressions.test.ts',
      'test/unit/machines/coordinator.test.ts',
      'test/model/client.test.ts',
    ],
  },
  {
    name: 'back-off',
    mutate: ['machines/supervisor.ts', 'src/retries.ts'],
    tests: ['test/system/scenarios.test.ts', 'test/unit/machines/supervisor.test.ts', 'test/unit/retries.test.ts'],
  },
  {
    name: 'lease',
    mutate: ['src/lease.ts', 'src/exchange.ts'],
    tests: ['test/fake/held-leases.test.ts', 'test/fake/queueing.test.ts', 'test/unit/exchange.test.ts'],
  },
  {
    name: 'frames',
    mutate: ['src/wire/frame.ts'],
    tests: ['test/unit/wire/frame.test.ts'],
  },
  {
    name: 'values',
    mutate: ['src/wire/value.ts', 'src/wire/rich.ts'],
    tests: ['test/unit/wire/value.test.ts', 'test/wire/vectors.test.ts'],
  },
  {
    name: 'messages',
    mutate: ['src/wire/message.ts'],
    tests: ['test/unit/wire/message.test.ts', 'test/wire/vectors.test.ts', 'test/unit/wire/thrown.test.ts'],
  },
];
