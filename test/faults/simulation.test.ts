import { expect, it } from 'vitest';
import { effort } from './scenario.js';
import { scenario } from './simulation.js';

it('1,000 seeds x 2,000 steps of the pool on a virtual clock: every promise is kept, and nothing is left', async () => {
  const startedAt = performance.now();
  const counts = await scenario.round(effort(1));
  console.log(`${Math.round(performance.now() - startedAt)} ms: ${JSON.stringify(counts)}`);
  expect(counts).toMatchObject({ seeds: 1_000, steps: 2_000_000 });
  // Every fault was made and everything that can come of a call came about, or the promises were not put to the test.
  for (const what of EXPECTED) expect(counts[what] ?? 0, what).toBeGreaterThan(0);
});

const EXPECTED = [
  ...['answered', 'aborted', 'SIGKILL', 'SIGTERM', 'pool degraded', 'sent ahead', 'lease passed on', 'sent to another'],
  ...['ERR_CALL_TIMEOUT', 'ERR_LEASE_ENDED', 'ERR_POOL_CLOSED', 'ERR_POOL_DEGRADED', 'ERR_PROTOCOL', 'ERR_PYTHON'],
  ...['ERR_QUEUE_FULL', 'ERR_QUEUE_TIMEOUT', 'ERR_SESSION_LIMIT', 'ERR_SESSION_LOST', 'ERR_WORKER_DIED'],
];
