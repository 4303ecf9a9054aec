import { afterEach, beforeEach } from 'vitest';
import { SeenFaults } from './seen-faults.js';

/** What nobody may see, collected while each test of this file runs. */
export function watchFaults(): string[] {
  const seen = new SeenFaults();
  beforeEach(() => seen.start());
  afterEach(() => seen.stop());
  return seen.faults;
}
