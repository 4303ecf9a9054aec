/** Files of the core that are tried together, against the tests that are about them. */
export interface Group {
  readonly name: string;
  readonly mutate: readonly string[];
  /** The sharpest first. None may take more than a moment: each is run once for every mutant that it reaches. */
  readonly tests: readonly string[];
}

/**
 * The core: who gets a worker and who does not, when somebody has waited long enough, what is tried again, and what
 * goes over the line.
 */
export const GROUPS: readonly Group[] = [
  {
    name: 'coordinator',
    mutate: ['machines/coordinator.ts', 'machines/client.ts'],
    tests: [
      'test/unit/machines/coordinator.test.ts',
      'test/unit/machines/client.test.ts',
      'test/system/regressions.test.ts',
      'test/system/scenarios.test.ts',
    ],
  },
  {
    name: 'queue',
    mutate: ['machines/wait-queue.ts', 'machines/sorted-tree.ts'],
    tests: ['test/unit/machines/sorted-tree.test.ts', 'test/unit/machines/wait-queue.test.ts'],
  },
  {
    name: 'lease',
    mutate: ['src/lease/lease.ts', 'src/call/exchange.ts'],
    tests: [
      'test/unit/call/exchange.test.ts',
      'test/unit/lease/lease.test.ts',
      'test/fake/held-leases.test.ts',
      'test/fake/given-up.test.ts',
      'test/fake/nested.test.ts',
      'test/fake/prefetch.test.ts',
    ],
  },
  {
    name: 'deadlines',
    mutate: [
      'src/call/budget.ts',
      'src/base/check-names.ts',
      'src/base/signal.ts',
      'src/time/limit.ts',
      'src/time/patience.ts',
    ],
    tests: [
      'test/unit/call/budget.test.ts',
      'test/unit/base/check-names.test.ts',
      'test/unit/base/signal.test.ts',
      'test/unit/time/limit.test.ts',
      'test/unit/time/patience.test.ts',
    ],
  },
  {
    name: 'back-off',
    mutate: ['machines/supervisor.ts', 'src/call/retries.ts'],
    tests: [
      'test/unit/machines/supervisor.test.ts',
      'test/unit/call/attempts.test.ts',
      'test/unit/call/retries.test.ts',
    ],
  },
  {
    name: 'frames',
    mutate: ['src/wire/frame.ts'],
    tests: ['test/unit/wire/frame.test.ts'],
  },
  {
    name: 'values',
    mutate: ['src/wire/value.ts', 'src/wire/rich.ts'],
    tests: ['test/unit/wire/rich.test.ts', 'test/unit/wire/value.test.ts'],
  },
  {
    name: 'messages',
    mutate: ['src/wire/message.ts', 'src/wire/request.ts', 'src/wire/fields.ts', 'src/wire/error.ts'],
    tests: ['test/unit/wire/message.test.ts'],
  },
];
