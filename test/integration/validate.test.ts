import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import { z } from 'zod';
import {
  type ArgumentRefusedError,
  type CallOptions,
  kw,
  type OptionError,
  type Pool,
  type ResultRefusedError,
  type SchemaResult,
  type StandardSchema,
} from '../../src/index.js';
import { failure, fixtures, readyPool, startPool } from '../support/pool.js';

const hints = fixtures(import.meta.url)('hints.py');

describe('a pool with validate', () => {
  const pool = () => startPool(hints, { validate: true });

  it('leaves it to Python to refuse an argument that is missing, or that the function does not have', async () => {
    const checked = pool();
    for (const args of [[], [[], kw({ nosuch: 1 })]]) {
      expect(await failure(checked.call('total', args))).toMatchObject({ code: 'ERR_PYTHON', type: 'TypeError' });
    }
  });

  it('refuses an argument that is not what its hint says, and does not start the function', async () => {
    const checked = pool();
    const items = [
      { name: 'tea', price: 4.5 },
      { name: 'cup', price: 'a lot' },
    ];
    const error = await failure<ArgumentRefusedError>(checked.call('total', [items]));
    expect(error).toMatchObject({
      name: 'ArgumentRefusedError',
      code: 'ERR_ARGUMENT',
      call: 'total',
      path: 'items[1].price',
      expected: 'a float',
      got: 'a str',
    });
    expect(error.message).not.toContain('a lot');
    expect(await checked.call('started')).toBe(0);
  });

  it('checks what is given by keyword too, and passes what is right', async () => {
    const checked = pool();
    const items = [{ name: 'tea', price: 4.5 }];
    const error = await failure<ArgumentRefusedError>(checked.call('total', [items, kw({ currency: 'GBP' })]));
    expect(error).toMatchObject({ path: 'currency', expected: "'EUR' or 'USD'", got: 'another str' });
    expect(await checked.call('total', [items, kw({ currency: 'USD' })])).toBe('4.5 USD');
  });

  it('checks the arguments of async functions', async () => {
    const error = await failure<ArgumentRefusedError>(pool().call('later', ['soon']));
    expect(error).toMatchObject({ code: 'ERR_ARGUMENT', path: 'seconds' });
  });

  it('takes functions and iterables for what they are in Python', async () => {
    const checked = pool();
    const lines = new Set(['tea', 'coffee']).values();
    expect(await checked.call('ask', [lines, (line: string) => line.length])).toEqual([3, 6]);
    const error = await failure<ArgumentRefusedError>(checked.call('ask', [() => 1, () => 1]));
    expect(error).toMatchObject({ path: 'lines', expected: 'an iterable' });
  });

  it('checks the arguments of streams', async () => {
    const error = await failure<ArgumentRefusedError>(pool().stream('amounts', ['three']).next());
    expect(error).toMatchObject({ code: 'ERR_ARGUMENT', path: 'count' });
  });

  it('checks nothing without it', async () => {
    expect(await startPool(hints).call('later', ['soon'])).toBe('soon');
  });
});

describe('a schema', () => {
  it('gives the result its type, and may change it', async () => {
    const pool = startPool(hints);
    const total = await pool.call('total', [[{ name: 'tea', price: 4 }]], { schema: amount });
    expectTypeOf(total).toEqualTypeOf<number>();
    expect(total).toBe(4);
  });

  it('refuses a result with its issues, and the stack of who called', async () => {
    const error = await failure<ResultRefusedError>(startPool(hints).call('later', [1], { schema: amount }));
    expect(error).toMatchObject({
      name: 'ResultRefusedError',
      code: 'ERR_RESULT',
      call: 'later',
      issues: [{ message: 'is no amount', path: ['amount'] }],
    });
    expect(error.message).toContain('amount: is no amount');
    expect(error.stack).toContain('validate.test.ts');
  });

  it('may take its time, and is asked of each result of map', async () => {
    const slow: StandardSchema<string> = {
      '~standard': { version: 1, vendor: 'test', validate: async (value) => ({ value: `got ${value}` }) },
    };
    const results: string[] = [];
    for await (const each of startPool(hints).map('later', [1, 2], { schema: slow })) results.push(each);
    expect(results).toEqual(['got 1', 'got 2']);
  });

  it.each([
    ['call', (pool: Pool, options: CallOptions) => pool.call('later', [1], options)],
    ['map', (pool: Pool, options: CallOptions) => pool.map('later', [1], options).next()],
    ['stream', (pool: Pool, options: CallOptions) => pool.stream('amounts', [3], options).next()],
  ])('that never settles ends %s by its budget or its signal, and says what it was', async (_, ask) => {
    const clock = new SimulatedClock();
    const pool = await readyPool(hints, { clock });
    const stopped = new AbortController();
    let times = 0;
    const validate = () => {
      times += 1;
      if (times === 1) setImmediate(() => clock.increment(500));
      else stopped.abort('enough');
      return new Promise<never>(() => {});
    };
    const schema: StandardSchema<string> = { '~standard': { version: 1, vendor: 'test', validate } };
    expect(await failure(ask(pool, { schema, timeoutMs: 500 }))).toMatchObject({
      code: 'ERR_SCHEMA_TIMEOUT',
      timeoutMs: 500,
    });
    expect(await failure(ask(pool, { schema, signal: stopped.signal }))).toBe('enough');
    expect(await pool.call('later', [2])).toBe(2);
  });

  it('is asked of each item of a stream, and closes it with the first that is refused', async () => {
    const pool = startPool(hints);
    const seen: number[] = [];
    const error = await failure<ResultRefusedError>(
      (async () => {
        for await (const each of pool.stream('amounts', [3], { schema: amount })) seen.push(each);
      })(),
    );
    expect(seen).toEqual([1, 2]);
    expect(error).toMatchObject({ code: 'ERR_RESULT', call: 'amounts' });
    expect(await pool.call('closed')).toBe(true);
  });

  it.each([
    ['return', (items: Items) => items.return?.()],
    ['throw', (items: Items) => failure(Promise.resolve(items.throw?.(new Error('enough'))))],
    ['await using', (items: Items) => items[Symbol.asyncDispose]()],
  ])('does not keep whoever leaves a stream by %s waiting for an item that was asked for', async (_, leave) => {
    const pool = await readyPool(hints);
    const lease = await pool.checkout();
    const items = pool.stream('amounts', [3], { schema: amount });
    const pending = items.next();
    expect(pool.stats().waiting).toBe(1);
    await leave(items);
    expect(await pending).toEqual({ value: undefined, done: true });
    expect(await items.next()).toEqual({ value: undefined, done: true });
    expect(pool.stats().waiting).toBe(0);
    await lease.checkin();
  });

  it('that never settles keeps nobody in a stream either, nor is Python kept in it', async () => {
    const pool = await readyPool(hints);
    let items: Items | undefined;
    let pending: Promise<unknown> | undefined;
    await new Promise<void>((resolve) => {
      const validate = () => {
        resolve();
        return new Promise<never>(() => {});
      };
      items = pool.stream('amounts', [3], { schema: { '~standard': { version: 1, vendor: 'test', validate } } });
      pending = items.next();
    });
    const next = items?.next();
    const done = { value: undefined, done: true };
    expect(await items?.return?.()).toEqual(done);
    expect(await Promise.all([pending, next, items?.next()])).toEqual([done, done, done]);
    expect(await pool.call('closed')).toBe(true);
  });

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a text', 'fine'],
    ['issues that are no list', { issues: 'amount' }],
    ['no issue', { issues: [] }],
    ['an issue without a message', { issues: [{ path: ['amount'] }] }],
    ['a path that is none', { issues: [{ message: 'is no amount', path: null }] }],
  ])('that answers with %s refuses the result, and is said to answer so', async (_, answer) => {
    const pool = await readyPool(hints);
    for (const given of [answer, Promise.resolve(answer)]) {
      const validate = () => given as unknown as SchemaResult<never>;
      const schema: StandardSchema = { '~standard': { version: 1, vendor: 'test', validate } };
      const error = await failure<ResultRefusedError>(pool.call('later', [1], { schema }));
      expect(error).toMatchObject({ code: 'ERR_RESULT', call: 'later' });
      expect(error.issues).toEqual([{ message: expect.stringContaining('neither a `value` nor `issues`') }]);
      expect(error.stack).toContain('validate.test.ts');
    }
  });

  it('that throws or rejects ends the call by that itself', async () => {
    const pool = await readyPool(hints);
    const thrown = new Error('the schema broke');
    const throws = () => {
      throw thrown;
    };
    for (const validate of [throws, async () => throws()]) {
      const schema: StandardSchema = { '~standard': { version: 1, vendor: 'test', validate } };
      expect(await failure(pool.call('later', [1], { schema }))).toBe(thrown);
    }
  });

  it('is not asked when the call fails', async () => {
    const never: StandardSchema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => {
          throw new Error('asked');
        },
      },
    };
    const error = await failure(startPool(hints).call('nowhere', [], { schema: never }));
    expect(error).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
  });

  it.each([
    ['zod', z.object({ name: z.string(), price: z.number().transform((price) => price * 100) })],
    [
      'valibot',
      v.object({
        name: v.string(),
        price: v.pipe(
          v.number(),
          v.transform((price) => price * 100),
        ),
      }),
    ],
    ['arktype', type({ name: 'string', price: type('number').pipe((price) => price * 100) })],
  ] as const)('of %s changes a result, refuses another, and gives the type', async (vendor, schema) => {
    const pool = startPool(hints);
    expect(schema['~standard'].vendor).toBe(vendor);
    const tea = await pool.call('same', [{ name: 'tea', price: 4 }], { schema });
    expectTypeOf(tea).toEqualTypeOf<{ name: string; price: number }>();
    expect(tea).toEqual({ name: 'tea', price: 400 });
    const refused = pool.call('same', [{ name: 'tea', price: 'a lot' }], { schema });
    const error = await failure<ResultRefusedError>(refused);
    expect(error).toMatchObject({ code: 'ERR_RESULT', call: 'same' });
    expect(error.issues).toHaveLength(1);
    expect(error.message).toContain('price: ');
  });

  it('that is none is refused at once', async () => {
    const schema = { parse: () => 1 } as unknown as StandardSchema;
    const error = await failure<OptionError>(startPool(hints).call('later', [1], { schema }));
    expect(error).toMatchObject({ code: 'ERR_OPTION', option: 'schema' });
  });
});

type Items = AsyncIterableIterator<unknown> & AsyncDisposable;

/** A schema as a library would make it: of '4 EUR' the number. */
const amount: StandardSchema<number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const [, number] = /^([\d.]+) \w+$/.exec(String(value)) ?? [];
      return number === undefined
        ? { issues: [{ message: 'is no amount', path: ['amount'] }] }
        : { value: Number(number) };
    },
  },
};
