import { afterEach, describe, expect, it, vi } from 'vitest';
import { Call } from '../../src/call/call.js';
import { simulate } from './simulation.js';
import { simulateAll } from './simulations.js';

describe('a simulated pool', () => {
  afterEach(() => vi.restoreAllMocks());

  it('keeps every promise through 20 seeds of 500 steps', async () => {
    for (let seed = 1; seed <= 20; seed += 1) await simulate(seed, 500);
  });

  it('has the same history whenever its seed is the same, in whatever program, and another one otherwise', async () => {
    const here = [await simulate(3, 300), await simulate(4, 300)];
    expect(await simulateAll(3, 4, 300)).toEqual(here);
    expect([await simulate(3, 300), await simulate(4, 300)]).toEqual(here);
    expect(here[0]?.hash).not.toBe(here[1]?.hash);
    expect((await simulate(3, 301)).hash).not.toBe(here[0]?.hash);
  });

  it('says which seed is wrong, in which step, what had been done, and how to see it again', async () => {
    // A bug: once in a while nobody is told of an error.
    vi.spyOn(Call.prototype, 'fail').mockImplementation(() => {});
    const error = await simulate(1, 500).catch((error: unknown) => error as Error);
    const { message } = error as Error;
    expect(message).toMatch(/^Seed 1, step \d+: .*(is pending|waits|add up|Never settled)/);
    const [, step] = /npm run simulate -- --seeds 1 --steps (\d+)$/.exec(message) ?? [];
    const again = await simulate(1, Number(step)).catch((error: unknown) => error as Error);
    expect((again as Error).message).toBe(message);
  });
});
