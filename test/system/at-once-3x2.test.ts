import { expect, it } from 'vitest';
import { ANYONE, STRICT, unlimited } from './bounds.js';
import { walk } from './report.js';

// In a file of its own, so that the other core need not wait for it.
it('three workers, two callers, with messages delivered at once: the invariants hold and nothing is stuck', () => {
  expect(walk(unlimited(3, 2, [ANYONE, STRICT]))).toBeNull();
}, 1_800_000);
