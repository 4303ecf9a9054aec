import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { pyProxy } from '../../src/py.js';

interface Api {
  mean(numbers: number[]): number;
  stats: { deep: { median(numbers: number[]): number } };
  name(): string;
  length(): number;
}

describe('py', () => {
  it('calls the function of that name, with the arguments as they are', async () => {
    const { py, calls } = proxy();
    expect(await py.mean([1, 2])).toBe('answer');
    expect(calls).toEqual([['mean', [[1, 2]]]]);
  });

  it('joins nested names with dots', async () => {
    const { py, calls } = proxy();
    await py.stats.deep.median([3]);
    expect(calls).toEqual([['stats.deep.median', [[3]]]]);
  });

  it('calls Python even for names that functions of JavaScript have', async () => {
    const { py, calls } = proxy();
    await py.name();
    await py.length();
    expect(calls.map(([name]) => name)).toEqual(['name', 'length']);
  });

  it('is no promise, is printed and is compared without a call of Python', async () => {
    const { py, calls } = proxy();
    expect(await py).toBe(py);
    expect(await py.stats).not.toBeUndefined();
    expect('then' in py).toBe(false);
    inspect(py);
    JSON.stringify({ py });
    expect(`${Object.prototype.toString.call(py)}`).toBe('[object Function]');
    expect(calls).toEqual([]);
  });

  it('is no function itself, and says what to write instead', () => {
    const { py } = proxy();
    expect(() => (py as unknown as () => void)()).toThrow(/pool\.py\.mean\(\)/);
  });

  it('cannot be written to, so that no function is shadowed by mistake', () => {
    const { py } = proxy();
    expect(() => Object.assign(py, { mean: () => 1 })).toThrow(TypeError);
    expect(() => Object.defineProperty(py, 'mean', { value: 1 })).toThrow(TypeError);
    expect(() => delete (py as { mean?: unknown }).mean).toThrow(TypeError);
  });
});

function proxy() {
  const calls: [string, readonly unknown[]][] = [];
  const py = pyProxy<Api>(async (name, args) => {
    calls.push([name, args]);
    return 'answer';
  });
  return { py, calls };
}
