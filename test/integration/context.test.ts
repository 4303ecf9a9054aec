import { describe, expect, it } from 'vitest';
import type { LogEvent } from '../../src/index.js';
import { collect, failure, fixtures, startPool } from '../support/pool.js';

const contexts = fixtures(import.meta.url)('contexts.py');

describe('the context of a call', () => {
  it('reaches Python as a mapping, joined key by key with what is bound', async () => {
    const pool = startPool(contexts);
    const bound = pool.with({ context: { request: '7f3a', user: { id: 7 } } });
    expect(await bound.call('told')).toEqual({ request: '7f3a', user: { id: 7 } });
    const both = { context: { user: null, trace: '00-1' } };
    expect(await bound.call('told', [], both)).toEqual({ request: '7f3a', user: null, trace: '00-1' });
    expect(await bound.with(both).py.told!()).toEqual({ request: '7f3a', user: null, trace: '00-1' });
    expect(await bound.call('told', [], { context: { request: undefined } })).toMatchObject({ request: '7f3a' });
    expect(await bound.call('request')).toEqual([
      '7f3a',
      null,
      true,
      2,
      "<context {'request': '7f3a', 'user': {'id': 7}}>",
    ]);
    const error = await failure(bound.call('change'));
    expect(error).toMatchObject({ code: 'ERR_PYTHON', type: 'TypeError' });
  });

  it('is that of its own call alone, whatever became of the one before', async () => {
    const pool = startPool(contexts);
    await failure(pool.call('fail', [], { context: { request: 1 } }));
    expect(await pool.call('told')).toEqual({});
    const both = [pool.call('told', [], { context: { request: 2 } }), pool.call('told')];
    expect(await Promise.all(both)).toEqual([{ request: 2 }, {}]);
  });

  it('goes with the calls of a lease, a session and a map', async () => {
    const pool = startPool(contexts).with({ context: { request: 1 } });
    {
      await using lease = await pool.checkout();
      expect(await lease.call('told')).toEqual({ request: 1 });
      expect(await lease.with({ context: { step: 2 } }).call('told')).toEqual({ request: 1, step: 2 });
    }
    expect(await pool.session('s').call('told')).toEqual({ request: 1 });
    const mapped = await collect(pool.map('with_item', ['a', 'b'], { context: { step: 3 } }));
    expect(mapped).toEqual([
      ['a', { request: 1, step: 3 }],
      ['b', { request: 1, step: 3 }],
    ]);
  });

  it('is there in tasks and where a thread is given a copy of it, and in no other thread', async () => {
    const pool = startPool(contexts).with({ context: { request: 1 } });
    expect(await pool.call('in_tasks')).toEqual([{ request: 1 }, { request: 1 }, { request: 1 }]);
    expect(await pool.call('in_threads')).toEqual([{}, { request: 1 }]);
  });

  it('stands on everything that is logged during the call', async () => {
    const pool = startPool(contexts);
    const logs: LogEvent[] = [];
    pool.on('log', (event) => logs.push(event));
    const raw = new Promise<void>((resolve) => pool.on('log', ({ text }) => text === 'raw' && resolve()));
    await pool.call('log_in_every_way', [], { context: { request: '7f3a' } });
    await pool.call('records');
    await raw;
    const told = logs.filter(({ text }) => text !== 'raw').map(({ text, context }) => [text, context]);
    expect(told).toEqual([
      ['printed', { request: '7f3a' }],
      ['logged', { request: '7f3a' }],
    ]);
  });

  it('is an attribute of the records of logging, and gives way to an extra of that name', async () => {
    const pool = startPool(contexts);
    expect(await pool.call('records', [], { context: { request: 1 } })).toEqual([
      "plain {'request': 1}",
      'its own mine',
    ]);
    expect(await pool.call('records')).toEqual(['plain {}', 'its own mine']);
  });

  it.each([[1], ['7f3a'], [null], [['request']], [new Map([['request', 1]])], [new (class Request {})()]])(
    'is refused at once where it is no plain object: %s',
    async (context) => {
      const pool = startPool(contexts);
      expect(() => pool.with({ context: context as never })).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION', option: 'context' }),
      );
      expect(await failure(pool.call('told', [], { context: context as never }))).toMatchObject({ code: 'ERR_OPTION' });
    },
  );

  it.each([
    [{ at: new Date(0) }, 'context.at'],
    [{ spent: Number.NaN }, 'context.spent'],
    [{ user: { name: undefined } }, 'context.user.name'],
    [{ [Symbol('s')]: 1 }, 'context'],
  ])('is refused, naming the value, where it is no plain JSON: %o', async (context, path) => {
    const pool = startPool(contexts);
    const error = await failure(pool.call('told', [], { context }));
    expect(error).toMatchObject({ code: 'ERR_VALUE', sender: 'node', path });
  });
});
