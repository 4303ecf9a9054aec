import { describe, expect, it } from 'vitest';
import type { Call } from '../../../src/call/call.js';
import { Attempts, type Started } from '../../../src/call/retries.js';
import type { PoolError } from '../../../src/errors.js';
import type { Runtime } from '../../../src/runtime.js';

describe('the attempts of a call', () => {
  it.each<[Started, Started, Started]>([
    [false, false, false],
    [false, 'unknown', 'unknown'],
    ['unknown', false, 'unknown'],
    ['unknown', 'unknown', 'unknown'],
    [false, true, true],
    [true, false, true],
    ['unknown', true, true],
    [true, 'unknown', true],
    [true, true, true],
  ])('had been started as far as any of them had: %s, then %s', (first, second, both) => {
    const attempts = attemptsOf({ attempts: 5 });
    attempts.next(CALL, FAILURE, first);
    expect([attempts.started, attempts.failure]).toEqual([first, FAILURE]);
    attempts.next(CALL, FAILURE, second);
    expect(attempts.started).toBe(both);
  });

  it('have all ended their workers when as many have as there may be, of one that may be repeated', () => {
    const died = (attempts: number, idempotent: boolean) => {
      const made = attemptsOf({ attempts, idempotent });
      return Array.from({ length: attempts }, () => made.died());
    };
    expect(died(3, true)).toEqual([false, false, true]);
    expect(died(1, true)).toEqual([false]);
    expect(died(3, false)).toEqual([false, false, false]);
  });

  it('are counted, and go on at once where nothing had been started', () => {
    const attempts = attemptsOf({ attempts: 3 });
    expect([attempts.next(CALL, FAILURE, false), attempts.count]).toEqual([0, 2]);
    expect([attempts.next(CALL, FAILURE, true), attempts.count]).toEqual([20, 3]);
    expect([attempts.next(CALL, FAILURE, false), attempts.count]).toEqual([undefined, 3]);
  });
});

const CALL = {} as Call;
const FAILURE = new Error('lost') as PoolError;

function attemptsOf({ attempts, idempotent = true }: { attempts: number; idempotent?: boolean }): Attempts {
  const retries = { moved: 0, take: () => true, delayMs: (failures: number) => failures * 10 };
  const runtime = { retries, poison: { refuses: () => false } };
  return new Attempts({ attempts, idempotent, attemptTimeoutMs: undefined }, runtime as unknown as Runtime);
}
