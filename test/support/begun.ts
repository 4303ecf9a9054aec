import type { Runtime } from '../../src/runtime.js';
import { until } from './processes.js';

/** What is to be asked before a call of a pool of one worker, and resolves once Python has begun it, as its mark says. */
export function nextBegun(pool: object): () => Promise<void> {
  const mark = () => {
    const [hand] = (pool as { runtime: Runtime }).runtime.hands.values();
    return hand?.life.process.mark?.read();
  };
  const before = mark();
  return () => until(() => mark() !== before, 'the call to be begun');
}
