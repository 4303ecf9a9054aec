import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { PyResult, pyProxy, referenceOf } from '../../../src/objects/py.js';

interface Api {
  mean(numbers: number[]): number;
  stats: { deep: { median(numbers: number[]): number } };
  rows(count: number): AsyncIterable<string>;
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

  it('tells of a function that is not called its name, and whose it is, and of nothing else', () => {
    const { py, calls } = proxy();
    expect(referenceOf(py.mean)).toEqual({ name: 'mean', owner: OWNER });
    expect(referenceOf(py.stats.deep.median)).toEqual({ name: 'stats.deep.median', owner: OWNER });
    expect(referenceOf(py.stats.deep)).toMatchObject({ name: 'stats.deep' });
    for (const other of [py, 'mean', () => 1, { name: 'mean' }, null]) expect(referenceOf(other)).toBeUndefined();
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

describe('what a function of py returns', () => {
  it('rejects by what is thrown as it is called, once, for whoever waits', async () => {
    let calls = 0;
    const call = () => {
      calls += 1;
      throw new Error('given up');
    };
    const result = new PyResult({ isStream: false, call, stream: () => ({}) as AsyncIterableIterator<unknown> });
    await expect(result).rejects.toThrow('given up');
    await new Promise(setImmediate);
    expect(calls).toBe(1);
  });

  it('is a stream for whoever iterates over it, and no call is made', async () => {
    const { py, calls, streams } = proxy();
    const items: unknown[] = [];
    for await (const item of py.rows(1)) items.push(item);
    expect(items).toEqual(['first', 'second']);
    expect([calls, streams]).toEqual([[], [['rows', [1]]]]);
  });

  it('is called once, whoever iterates over it later, and the items are those of the result', async () => {
    let calls = 0;
    const result = new PyResult({
      isStream: false,
      call: async () => {
        calls += 1;
        return ['of', 'the list'];
      },
      stream: () => expect.fail('it was called already'),
    });
    await null;
    const items: unknown[] = [];
    for await (const item of result) items.push(item);
    expect([items, await result, calls]).toEqual([['of', 'the list'], ['of', 'the list'], 1]);
    const refused = new PyResult({
      isStream: false,
      call: () => Promise.reject(new RangeError('a generator is no value')),
      stream: () => expect.fail('it was called already'),
    });
    await expect(refused).rejects.toThrow(RangeError);
    await expect(refused[Symbol.asyncIterator]().next()).rejects.toThrow(RangeError);
  });

  it('is not called again for whoever awaits it after it was iterated over, and nobody else hears of that', async () => {
    const { py, calls, streams } = proxy();
    const rows = py.rows(1);
    for await (const _ of rows) break;
    const unheard = vi.fn();
    process.on('unhandledRejection', unheard);
    onTestFinished(() => void process.off('unhandledRejection', unheard));
    expect('then' in rows && typeof rows.then).toBe('function');
    await new Promise(setImmediate);
    await expect(rows).rejects.toThrow('iterated over already');
    expect([calls, streams.length, unheard.mock.calls]).toEqual([[], 1, []]);
  });

  it('is called once, however often it is awaited, and if nobody does', async () => {
    const { py, calls } = proxy();
    const result = py.mean([1]);
    expect(await Promise.all([result, result, result.finally(() => {})])).toEqual(['answer', 'answer', 'answer']);
    void py.mean([2]);
    await null;
    expect(calls.map(([, args]) => args)).toEqual([[[1]], [[2]]]);
  });

  it('waits for its reader if it is known to be a generator', async () => {
    const { py, calls, streams } = proxy({ isStream: true });
    const rows = py.rows(2);
    await null;
    expect([calls, streams]).toEqual([[], []]);
    for await (const _ of rows) break;
    expect(streams).toHaveLength(1);
  });

  it('is a rejection where the arguments are refused', async () => {
    const py = pyProxy<Api>(() => {
      throw new RangeError('no such value');
    }, OWNER);
    await expect(py.mean([1])).rejects.toThrow(RangeError);
    await expect(py.rows(1)[Symbol.asyncIterator]().next()).rejects.toThrow(RangeError);
  });
});

function proxy({ isStream = false } = {}) {
  const calls: [string, readonly unknown[]][] = [];
  const streams: [string, readonly unknown[]][] = [];
  async function* items() {
    yield 'first';
    yield 'second';
  }
  const py = pyProxy<Api>((name, args) => {
    const call = async () => {
      calls.push([name, args]);
      return 'answer';
    };
    const stream = () => {
      streams.push([name, args]);
      return items();
    };
    return new PyResult({ isStream, call, stream });
  }, OWNER);
  return { py, calls, streams };
}

const OWNER = {};
