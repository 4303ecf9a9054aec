import { describe, expect, it, vi } from 'vitest';
import { ErrorTies, type TiedErrorClass } from '../../src/error-ties.js';
import { PoolClosedError, PoolError, PythonError, type PythonRaised } from '../../src/errors.js';

class NotFoundError extends Error {
  override readonly name = 'NotFoundError';
}

class OrderError extends PythonError {}

describe('a tied error', () => {
  it('is of the JavaScript class, made of the message, with the PythonError as its cause', () => {
    const python = raised('app:NotFound', 'no order 7');
    const error = tied({ 'app.NotFound': NotFoundError }, python);
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).not.toBeInstanceOf(PoolError);
    expect(error).toMatchObject({ message: 'no order 7', cause: python, code: 'ERR_PYTHON' });
  });

  it('has the trace of what Python raised, under its own name', () => {
    const error = tied({ NotFound: NotFoundError }, raised('app:NotFound', 'no order 7'));
    expect(error.stack).toMatch(/^NotFoundError: no order 7\n {4}at find \(\/app\.py:3\)\n {4}at .*error-ties\.test/);
  });

  it('is a PythonError with all its fields where the class extends PythonError', () => {
    const python = raised('app:OrderError', 'no stock', { notes: ['at the till'] });
    const error = tied({ 'app.OrderError': OrderError }, python);
    expect(error).toBeInstanceOf(OrderError);
    expect(error).toMatchObject({
      name: 'OrderError',
      code: 'ERR_PYTHON',
      type: 'OrderError',
      notes: ['at the till'],
      frames: python.frames,
      message: 'OrderError: no stock',
    });
    expect(error.cause).toBeUndefined();
    expect(error.stack).toMatch(/^OrderError: OrderError: no stock\n {4}at the till\n {4}at find/);
  });

  it('is of the class tied to the nearest base, by full name before plain', () => {
    const mro = ['app:Missing', 'app:NotFound', 'builtins:LookupError', 'builtins:Exception'];
    const python = raised('app:Missing', '', { mro });
    class Wide extends Error {}
    expect(tied({ LookupError: Wide, 'app.NotFound': NotFoundError }, python)).toBeInstanceOf(NotFoundError);
    expect(tied({ NotFound: Wide, 'app.NotFound': NotFoundError }, python)).toBeInstanceOf(NotFoundError);
    expect(tied({ 'builtins.LookupError': Wide }, python)).toBeInstanceOf(Wide);
    expect(tied({ 'other.NotFound': Wide }, python)).toBe(python);
  });

  it('keeps a code of its own', () => {
    class Coded extends Error {
      readonly code = 'E_NO_ORDER';
    }
    expect(tied({ NotFound: Coded }, raised('app:NotFound', ''))).toMatchObject({ code: 'E_NO_ORDER' });
  });

  it('has its cause though the class takes a message alone', () => {
    class Terse extends Error {
      constructor(message: string) {
        super(message);
      }
    }
    const python = raised('app:NotFound', '');
    expect(tied({ NotFound: Terse }, python).cause).toBe(python);
  });

  it('is the PythonError where the constructor throws, which is told', () => {
    class Broken extends Error {
      constructor(message: string) {
        super(message);
        throw new TypeError('not today');
      }
    }
    const python = raised('app:NotFound', '');
    const fault = vi.fn();
    expect(new ErrorTies({ NotFound: Broken }).errorFor(python, fault)).toBe(python);
    expect(fault).toHaveBeenCalledWith(Broken, expect.objectContaining({ message: 'not today' }));
  });

  it('is made of nothing but what Python raised', () => {
    for (const other of [new PoolClosedError({ by: 'close' }), new Error('mine'), 'aborted', undefined]) {
      expect(new ErrorTies({ Exception: NotFoundError }).errorFor(other, vi.fn())).toBe(other);
    }
  });
});

describe('the option errors', () => {
  it.each([
    [[NotFoundError], 'errors', 'an array of 1'],
    ['NotFound', 'errors', '"NotFound"'],
    [{ NotFound: class {} }, 'errors.NotFound', 'a function'],
    [{ NotFound: new Error('one') }, 'errors.NotFound', 'an instance of Error'],
    [{ NotFound: () => new Error('one') }, 'errors.NotFound', 'a function'],
  ])('refuses %s', (given, option, got) => {
    expect(() => new ErrorTies(given as never)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', option, message: expect.stringContaining(got) }),
    );
  });
});

function tied(ties: Record<string, TiedErrorClass>, python: PythonError): Error {
  return new ErrorTies(ties).errorFor(python, (_, thrown) => {
    throw thrown;
  }) as Error;
}

function raised(fullName: string, pythonMessage: string, more: Partial<PythonRaised> = {}): PythonError {
  const [module, type] = fullName.split(':') as [string, string];
  const frames = [{ file: '/app.py', line: 3, function: 'find', source: undefined }];
  return new PythonError({ type, module, pythonMessage, traceback: '', notes: [], frames, ...more });
}
