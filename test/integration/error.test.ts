import { execFileSync } from 'node:child_process';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { Pool } from '../../src/index.js';
import {
  type CallTimeoutError,
  createPool,
  type MessageTooLargeError,
  type NotExposedError,
  PoolError,
  PythonError,
  type QueueTimeoutError,
  type WorkerDiedError,
} from '../../src/index.js';
import { Gate } from '../support/gate.js';
import { failure, fixtures, next, PYTHON, readyPool, startPool } from '../support/pool.js';

const here = fixtures(import.meta.url);
const raises = here('raises.py');
const app = here('app.py');

describe('ERR_PYTHON', () => {
  it('has the type, the module, the message and the traceback of what Python raised', async () => {
    const pool = startPool(raises);
    const error = await failure<PythonError>(pool.call('raise_value_error', ['five is right out']));
    expect(error).toBeInstanceOf(PythonError);
    expect(error).toBeInstanceOf(PoolError);
    expect(error).toMatchObject({
      name: 'PythonError',
      code: 'ERR_PYTHON',
      type: 'ValueError',
      module: 'builtins',
      pythonMessage: 'five is right out',
      message: 'ValueError: five is right out',
      notes: [],
    });
    expect(error.cause).toBeUndefined();
    expect(error.traceback).toMatch(
      /^Traceback \(most recent call last\):\n {2}File ".*raises\.py", line \d+, in raise_v/,
    );
    expect(error.traceback).not.toContain('worker.py');
  });

  it('has a stack that is one trace: Python from where it was raised, then Node to where it was called', async () => {
    const pool = startPool(raises);
    const error = await failure<PythonError>(pool.call('raise_value_error', ['five is right out']));
    const [header, python, source, ...node] = error.stack?.split('\n') ?? [];
    expect(header).toBe('PythonError: ValueError: five is right out');
    expect(python).toMatch(/^ {4}at raise_value_error \(.*raises\.py:\d+\)$/);
    expect(source).toBe('        raise ValueError(text)');
    expect(node.every((line) => line.startsWith('    at '))).toBe(true);
    expect(node[0]).toMatch(/error\.test\.ts:\d+:\d+/);
    expect(error.frames).toMatchObject([{ function: 'raise_value_error', source: 'raise ValueError(text)' }]);
  });

  it.each([
    ['a call by its name', (pool: Pool) => pool.call('raise_value_error', ['no'])],
    ['a call as if it were local', async (pool: Pool) => await pool.py.raise_value_error?.('no')],
    ['a stream', async (pool: Pool) => await pool.stream('raise_value_error', ['no']).next()],
    ['a map', async (pool: Pool) => await pool.map('raise_value_error', ['no']).next()],
  ])('has the frames of its caller right below those of Python: %s', async (_, ask) => {
    const error = await failure<PythonError>(ask(startPool(raises)));
    const [, , , first] = error.stack?.split('\n') ?? [];
    expect(first).toMatch(/error\.test\.ts:\d+:\d+/);
  });

  it('is of the classes that the exception is of in Python', async () => {
    const pool = startPool(raises);
    const error = await failure<PythonError>(pool.call('raise_stock_error'));
    for (const name of ['StockError', 'raises.StockError', 'raises.OrderError', 'Exception']) {
      expect(error.is(name), name).toBe(true);
    }
    expect(error.is('ValueError')).toBe(false);
  });

  it('tells what it was raised from and what was being handled apart', async () => {
    const pool = startPool(raises);
    const handling = await failure<PythonError>(pool.call('raise_while_handling'));
    expect([handling.whileHandling, (handling.cause as PythonError).type]).toEqual([true, 'KeyError']);
    const from = await failure<PythonError>(pool.call('raise_chained'));
    expect([from.whileHandling, (from.cause as PythonError).type]).toEqual([false, 'KeyError']);
  });

  it('has the members of an exception group', async ({ skip }) => {
    const hasGroups = execFileSync(PYTHON, ['-c', 'import sys; print(sys.version_info >= (3, 11))']).toString().trim();
    if (hasGroups !== 'True') skip();
    const pool = startPool(raises);
    const error = await failure<PythonError>(pool.call('raise_group'));
    expect(error).toMatchObject({ type: 'ExceptionGroup' });
    expect(error.is('BaseExceptionGroup')).toBe(true);
    expect(error.errors).toMatchObject([{ type: 'StockError' }, { type: 'OSError' }]);
    expect(error.errors?.[0]?.stack).toMatch(/^PythonError: StockError: sold out\n {4}at fail \(.*raises\.py:\d+\)\n/);
  });

  it('has the chained cause, and the notes where Python has them', async () => {
    const pool = startPool(raises);
    const error = await failure<PythonError>(pool.call('raise_chained'));
    expect(error).toMatchObject({ type: 'OrderError', module: 'raises', pythonMessage: 'no such order' });
    expect(error.cause).toMatchObject({ code: 'ERR_PYTHON', type: 'KeyError', pythonMessage: "'colour'" });
    const hasNotes = execFileSync(PYTHON, ['-c', 'print(hasattr(Exception, "add_note"))']).toString().trim() === 'True';
    expect(error.notes).toEqual(hasNotes ? ['seen at the till'] : []);
  });

  it.each([
    ['sys.exit', 'raise_exit', [3], 'SystemExit', '3'],
    ['KeyboardInterrupt', 'raise_interrupt', [], 'KeyboardInterrupt', ''],
    ['a RecursionError', 'recurse', [], 'RecursionError', 'maximum recursion depth exceeded'],
    ['wrong arguments', 'echo', [], 'TypeError', "echo() missing 1 required positional argument: 'value'"],
  ])('comes of %s, and the worker goes on', async (_, name, args, type, message) => {
    const pool = await readyPool(raises);
    const error = await failure<PythonError>(pool.call(name, args));
    expect(error).toMatchObject({ code: 'ERR_PYTHON', type, module: 'builtins' });
    expect(error.pythonMessage).toContain(message);
    expect(await pool.call('echo', ['well'])).toBe('well');
    expect(pool.stats()).toMatchObject({ missing: 0, failures: 0 });
  });

  it('comes of an exception that cannot even be printed', async () => {
    const pool = startPool(raises);
    expect(await failure(pool.call('raise_unprintable'))).toMatchObject({ code: 'ERR_PYTHON', type: 'Odd' });
    expect(await pool.call('echo', ['well'])).toBe('well');
  });
});

describe('an exception that is tied to an error class', () => {
  class OrderError extends Error {}
  class StockError extends PythonError {}

  it('rejects with that class, wherever it is called from', async () => {
    const pool = startPool(raises, { errors: { 'raises.OrderError': OrderError, 'raises.StockError': StockError } });
    const error = await failure(pool.call('raise_chained'));
    expect(error).toBeInstanceOf(OrderError);
    expect(error).toMatchObject({ message: 'no such order', code: 'ERR_PYTHON', cause: { type: 'OrderError' } });
    expect(error.stack).toMatch(
      /^Error: no such order\n[\s\S]* {4}at raise_chained \(.*\n[\s\S]* {4}at .*error\.test\.ts/,
    );
    expect(await failure(pool.py.raise_stock_error!())).toBeInstanceOf(StockError);
    await using lease = await pool.checkout();
    expect(await failure(lease.call('raise_stock_error'))).toBeInstanceOf(StockError);
    expect(await failure(lease.map('raise_value_error', [1]).next())).toMatchObject({ name: 'PythonError' });
  });

  it('leaves everything else as it is: results, aborts, and the errors of the pool', async () => {
    const pool = startPool(raises, { errors: { BaseException: OrderError } });
    expect(await pool.call('echo', [1])).toBe(1);
    expect(await failure(pool.call('nosuch'))).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    const reason = new Error('never mind');
    expect(await failure(pool.call('echo', [1], { signal: AbortSignal.abort(reason) }))).toBe(reason);
  });
});

describe('ERR_NOT_EXPOSED', () => {
  it('names what was asked for, what there is, and what was probably meant', async () => {
    const pool = startPool(raises);
    const error = await failure<NotExposedError>(pool.call('recurze'));
    expect(error).toMatchObject({ code: 'ERR_NOT_EXPOSED', call: 'recurze' });
    expect(error.functions).toContain('recurse');
    expect(error.message).toContain('Did you mean "recurse"?');
    expect(await pool.call('echo', ['well'])).toBe('well');
  });

  it('does not reach through a name to what Python objects have', async () => {
    const pool = startPool(raises);
    for (const name of ['__class__', 'echo.__globals__', 'sys.exit', '', 'echo.__call__']) {
      expect(await failure(pool.call(name))).toMatchObject({ code: 'ERR_NOT_EXPOSED', call: name });
    }
  });
});

describe('ERR_VALUE', () => {
  it('names the argument that Node refused, before anything is sent', async () => {
    const pool = await readyPool(raises);
    const error = await failure(pool.call('echo', [{ rows: [1, new URL('a:b')] }]));
    expect(error).toMatchObject({ code: 'ERR_VALUE', sender: 'node', path: 'args[0].rows[1]' });
    const kwargs = await failure(pool.call('echo', [], { kwargs: { value: { x: Symbol.iterator } } }));
    expect(kwargs).toMatchObject({ code: 'ERR_VALUE', sender: 'node', path: 'kwargs.value.x' });
    expect(pool.stats().calls.asked).toBe(0);
  });

  it('names the part of the result that Python refused, and the worker goes on', async () => {
    const pool = startPool(raises);
    const error = await failure(pool.call('return_object'));
    expect(error).toMatchObject({ code: 'ERR_VALUE', sender: 'python', path: "value['rows'][1]" });
    expect(error.message).toContain('object');
    expect(await pool.call('echo', ['well'])).toBe('well');
  });
});

describe('ERR_MESSAGE_TOO_LARGE', () => {
  it('comes from the sender, either way, with the numbers; the worker goes on', async () => {
    const pool = startPool(raises, { messageBytesMax: 10_000 });
    const args = await failure<MessageTooLargeError>(pool.call('echo', ['x'.repeat(10_000)]));
    expect(args).toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE', limit: 10_000, sender: 'node' });
    expect(args.bytes).toBeGreaterThan(10_000);
    const result = await failure<MessageTooLargeError>(pool.call('return_much', [10_000]));
    expect(result).toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE', limit: 10_000, sender: 'python' });
    expect(result.bytes).toBeGreaterThan(10_000);
    expect(await pool.call('echo', ['x'.repeat(9_000)])).toHaveLength(9_000);
  });

  it('leaves the traceback of a Python error no longer than a message may be', async () => {
    const pool = startPool(raises, { messageBytesMax: 4_096 });
    const error = await failure<PythonError>(pool.call('raise_chained'));
    expect(error).toMatchObject({ code: 'ERR_PYTHON', type: 'OrderError' });
    const long = await failure<PythonError>(pool.call('recurse'));
    expect(long).toMatchObject({ code: 'ERR_PYTHON', type: 'RecursionError' });
  });
});

describe('ERR_CALL_TIMEOUT and ERR_QUEUE_TIMEOUT', () => {
  it('tell a call that ran too long from one that waited too long, with the numbers', async () => {
    const clock = new SimulatedClock();
    const pool = await readyPool(app, { clock });
    const gate = new Gate();
    const ran = failure<CallTimeoutError>(pool.call('wait_at', [gate.path], { timeoutMs: 300 }));
    const waited = failure<QueueTimeoutError>(pool.call('echo', [1], { timeoutMs: 300 }));
    const go = await gate.reached();
    clock.increment(300);
    expect(await waited).toMatchObject({ code: 'ERR_QUEUE_TIMEOUT', waitedMs: 300, leased: 1, waiting: 1 });
    const call = await ran;
    expect(call).toMatchObject({ code: 'ERR_CALL_TIMEOUT', call: 'wait_at', timeoutMs: 300, waitedMs: 0, ranMs: 300 });
    expect(call.message).toContain('300 ms');
    await go();
  });
});

describe('ERR_WORKER_DIED', () => {
  it('has the signal, the call, whether it had started, and the last words on standard error', async () => {
    const pool = await readyPool(here('deaths.py'));
    const dead = next(pool, 'worker.dead');
    const error = await failure<WorkerDiedError>(pool.call('say_and_be_killed', ['goodbye']));
    expect(error).toMatchObject({
      code: 'ERR_WORKER_DIED',
      worker: 'worker-0',
      call: 'say_and_be_killed',
      exitCode: null,
      signal: 'SIGKILL',
      started: true,
      stderr: ['goodbye'],
    });
    expect(error.message).toContain('goodbye');
    expect(await dead).toMatchObject({ worker: 'worker-0', signal: 'SIGKILL', exitCode: null, reason: 'exited' });
  });
});

describe('ERR_PLATFORM', () => {
  it('is thrown on Windows, before anything is started or even looked at', () => {
    const platform = vi.spyOn(process, 'platform', 'get').mockReturnValue('win32');
    onTestFinished(() => platform.mockRestore());
    const refused = expect.objectContaining({ code: 'ERR_PLATFORM', platform: 'win32' });
    expect(() => createPool({ module: './nowhere.py' })).toThrow(refused);
  });
});
