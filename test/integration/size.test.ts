import { describe, expect, it } from 'vitest';
import type { MessageTooLargeError } from '../../src/index.js';
import { failure, fixtures, readyPool } from '../support/pool.js';

const sizes = fixtures(import.meta.url)('sizes.py');
const LIMITS = { messageBytesMax: 4_000, attachmentBytesMax: 10_000 };
const tooLarge = { code: 'ERR_MESSAGE_TOO_LARGE', option: 'messageBytesMax', limit: 4_000 };

describe.each(['serial', 'asyncio', 'threads'] as const)('in the lane %s', (lane) => {
  const small = () => readyPool(sizes, { lane, slots: lane === 'serial' ? 1 : 2, ...LIMITS });

  it.each(['fields', 'fields_later'])('items that are too large together go one by one: %s', async (name) => {
    const pool = await small();
    const lengths = [];
    for await (const item of pool.stream<unknown>(name, [300, 900, 5])) lengths.push(JSON.stringify(item).length);
    expect(lengths).toHaveLength(301);
    expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThan(900);
  });

  it.each(['fields', 'fields_later'])(
    'an item that is too large is refused, after those before it: %s',
    async (name) => {
      const pool = await small();
      const items: unknown[] = [];
      const read = async () => {
        for await (const item of pool.stream(name, [300, 10, 5_000])) items.push(item);
      };
      const error = await failure<MessageTooLargeError>(read());
      expect(error).toMatchObject({ ...tooLarge, sender: 'python' });
      expect(error.bytes).toBeGreaterThan(5_000);
      expect(error.message).toContain(`item 300 of the stream takes ${error.bytes} bytes`);
      expect(items).toHaveLength(300);
      expect(await pool.call('tells', [1])).toBe(null);
    },
  );

  it('an item of too many raw bytes is refused, after those before it', async () => {
    const pool = await small();
    const items: Uint8Array[] = [];
    const read = async () => {
      for await (const item of pool.stream<Uint8Array>('blobs', [10_000, 10_000, 10_001])) items.push(item);
    };
    const error = await failure<MessageTooLargeError>(read());
    expect(error).toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE', option: 'attachmentBytesMax', bytes: 10_001 });
    expect(error.message).toContain('item 2 of the stream takes 10001 raw bytes');
    expect(items.map((item) => item.byteLength)).toEqual([10_000, 10_000]);
  });

  it('what a function is called with is refused where Python calls it, which goes on', async () => {
    const pool = await small();
    const double = (n: number) => 2 * n;
    const [text, answer] = await pool.call<[string, number]>('calls', [double, 5_000]);
    expect(text).toMatch(/called with would take \d+ bytes, and the limit `messageBytesMax` is 4000/);
    expect(answer).toBe(2);
    const [bytes] = await pool.call<[string, number]>('calls', [double, 10_001, 'bytes']);
    expect(bytes).toContain('10001 raw bytes, and the limit `attachmentBytesMax` is 10000');
    expect((await pool.call<unknown[]>('calls_later', [double, 5_000])).slice(1)).toEqual([2, 4]);
    const error = await failure<MessageTooLargeError>(pool.call('lets_through', [double, 5_000]));
    expect(error).toMatchObject({ ...tooLarge, sender: 'python' });
    expect(error.message).toContain('In the call of "lets_through", what a function of Node\'s is called with');
  });

  it('what stands for more text than there is memory is refused before it is written, whatever it is', async () => {
    // Else it would come to a MemoryError.
    const limits = { memoryBytes: 2 ** 30 };
    const pool = await readyPool(sizes, { lane, slots: lane === 'serial' ? 1 : 2, ...LIMITS, limits });
    const refused = { ...tooLarge, sender: 'python' };
    expect(await failure(pool.call('held', [40]))).toMatchObject(refused);
    for (const name of ['helds', 'helds_later']) {
      const items: unknown[] = [];
      const read = async () => {
        for await (const item of pool.stream(name, [0, 1, 40])) items.push(item);
      };
      const error = await failure<MessageTooLargeError>(read());
      expect(error).toMatchObject(refused);
      expect(error.message).toContain('item 2 of the stream takes');
      expect(items).toEqual([
        [1, 2],
        [
          [1, 2],
          [1, 2],
        ],
      ]);
    }
    expect(await pool.call('calls_with_held', [() => 1, 40])).toMatch(/called with would take \d+ bytes/);
    expect(await pool.call('held', [0])).toEqual([1, 2]);
  });

  it('rows whose last turns out to be no JSON are answered, though half of them was said before that showed', async () => {
    const pool = await readyPool(sizes, { lane, slots: lane === 'serial' ? 1 : 2, messageBytesMax: 2_000_000 });
    const rows = await pool.call<{ at: number; value: number }[]>('rows', [40_000]);
    expect(rows).toHaveLength(40_000);
    expect(rows.slice(-2)).toEqual([
      { at: 39_998, value: 39_998 / 7 },
      { at: 39_999, value: Number.NaN },
    ]);
    expect(pool.stats()).toMatchObject({ failures: 0, workers: { idle: 1 } });
  });

  it('what progress() tells is refused there', async () => {
    const pool = await small();
    const told: unknown[] = [];
    const onProgress = (progress: unknown) => told.push(progress);
    expect(await pool.call('tells', [5_000], { onProgress })).toContain('The progress would take');
    expect(await pool.call('tells', [10], { onProgress })).toBe(null);
    expect(told).toHaveLength(1);
  });

  it('items of an iterable that are too large together go one by one, one that is too large is thrown in Python', async () => {
    const pool = await small();
    const rows = (n: number, size: number) => Array.from({ length: n }, () => ({ text: 'x'.repeat(size) }));
    // The first are small, so that many are expected to fit.
    const mixed = [...rows(50, 1), ...rows(100, 900)];
    expect(await pool.call('total', [mixed.values()])).toBe(50 + 100 * 900);
    // Short for JavaScript, and three bytes each on the line.
    const euros = [...rows(50, 1), { text: '€'.repeat(1_500) }];
    const [seen, message, code] = await pool.call<[number, string, string]>('caught_in', [euros.values()]);
    expect([seen, code]).toEqual([50, 'ERR_MESSAGE_TOO_LARGE']);
    expect(message).toContain('item 50 of an iterable among the arguments takes 4');
  });

  it('items before one that cannot cross arrive, each once', async () => {
    const pool = await small();
    const items = [1, 2, 3, Symbol('no value'), 4];
    const [seen, , code] = await pool.call<[number, string, string]>('caught_in', [[...items].values()]);
    expect([seen, code]).toEqual([3, 'ERR_VALUE']);
    const out: unknown[] = [];
    const read = async () => {
      for await (const item of pool.stream('twice', [5])) out.push(item);
    };
    expect(await failure(read())).toMatchObject({ code: 'ERR_VALUE' });
    expect(out.slice(100)).toEqual([[[0]], [[1]], [[2]], [[3]], [[4]]]);
  });

  it('what a function answers, or throws, is thrown in Python as far as it can be said', async () => {
    const pool = await small();
    for (const answer of ['x'.repeat(5_000), '€'.repeat(1_500), '\n'.repeat(2_500)]) {
      const [name, message, code] = await pool.call<string[]>('caught', [() => answer]);
      expect([name, code]).toEqual(['MessageTooLargeError', 'ERR_MESSAGE_TOO_LARGE']);
      expect(message).toContain('In the call of "caught", what a function answers Python takes');
    }
    const raw = await pool.call<string[]>('caught', [() => new Uint8Array(10_001)]);
    expect(raw[1]).toContain('10001 raw bytes');
    const deep = () => {
      throw new RangeError('far '.repeat(2_000), { cause: new Error('\u0000'.repeat(3_000)) });
    };
    const [name, message] = await pool.call<string[]>('caught', [deep]);
    expect(name).toBe('RangeError');
    expect(message).toMatch(/^far far .*characters left out/s);
    const error = await failure(pool.call('lets_through', [deep, 1]));
    expect(error.cause).toBeInstanceOf(RangeError);
  });
});
