import { own } from '../base/own.js';
import { reasonOf } from '../base/signal.js';
import type { WaitedFor } from '../errors.js';
import type { Runtime } from '../runtime.js';
import { Budget, checkWait, type WaitOptions } from './budget.js';

/** What somebody waits for. */
export interface Coming<T> {
  readonly outcome: Promise<T>;
  /** Nobody waits for it any more: it may never settle, and nothing is kept for it. */
  readonly leave?: () => void;
}

/**
 * What is to come, unless the budget is spent before: then it rejects, and that goes on unwatched.
 *
 * @param startedAt When the budget began to be spent.
 */
export async function within<T>(
  runtime: Runtime,
  { outcome, leave }: Coming<T>,
  given: WaitOptions,
  waitedFor: WaitedFor,
  startedAt = runtime.clock.now(),
): Promise<T> {
  outcome.catch(() => {});
  try {
    const wait = own(given);
    checkWait(wait);
    const { signal, timeoutMs } = wait;
    const leftMs = timeoutMs === undefined ? undefined : Math.max(0, startedAt + timeoutMs - runtime.clock.now());
    const late = () => runtime.queueTimeout(runtime.clock.now() - startedAt, waitedFor);
    return await inTime(runtime, outcome, { signal, timeoutMs: leftMs }, late);
  } finally {
    leave?.();
  }
}

/** `work`, unless the wait is over before: then it rejects with the signal's reason, or with what `late` makes. */
export async function inTime<T>(
  runtime: Runtime,
  work: PromiseLike<T>,
  wait: WaitOptions,
  late: () => Error,
): Promise<T> {
  const { signal } = wait;
  let budget: Budget | undefined;
  const spent = new Promise<never>((_, reject) => {
    if (signal?.aborted) return reject(reasonOf(signal));
    budget = new Budget(runtime.clock, wait, (by) => reject(by === 'signal' ? reasonOf(signal) : late()));
  });
  try {
    // In this order: who has given up already gets nothing, though it may be there.
    return await runtime.keepAlive.during(Promise.race([spent, work]));
  } finally {
    budget?.close();
  }
}
