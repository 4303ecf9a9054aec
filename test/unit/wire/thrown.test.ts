import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ThrownErrors } from '../../../src/wire/thrown.js';

describe('what JavaScript throws at Python', () => {
  it('crosses as text: name, message, stack, code and causes', () => {
    const error = Object.assign(new TypeError('no such file', { cause: new Error('disk') }), { code: 'ENOENT' });
    expect(new ThrownErrors().tell(error)).toEqual({
      name: 'TypeError',
      message: 'no such file',
      stack: error.stack,
      code: 'ENOENT',
      cause: { name: 'Error', message: 'disk', stack: (error.cause as Error).stack, code: null, cause: null },
      thrown: expect.any(Number),
    });
  });

  it('is the very object again for who has its number, in the same call only', () => {
    const [one, other] = [new ThrownErrors(), new ThrownErrors()];
    const error = runInNewContext('new RangeError("from another realm")') as Error;
    const number = one.tell(error).thrown as number;
    expect(one.get(number)).toBe(error);
    expect(other.get(number)).toBeUndefined();
    expect(other.tell(new Error('its own')).thrown).not.toBe(number);
  });

  it.each([
    ['a text', 'a text'],
    [undefined, 'undefined'],
    [null, 'null'],
    [{ reason: 1 }, '[object Object]'],
    [Symbol('s'), 'Symbol(s)'],
    [Object.create(null), '(no text can be had of it)'],
  ])('is told by its text where it is no error: %s', (thrown, message) => {
    expect(new ThrownErrors().tell(thrown)).toEqual({ name: 'Error', message, stack: '', code: null, cause: null });
  });

  it('crosses though its getters throw or have no text', () => {
    const error = new Error('sly');
    Object.defineProperty(error, 'stack', { value: undefined });
    Object.defineProperty(error, 'message', { get: () => expect.unreachable() });
    Object.defineProperty(error, 'name', { value: Object.create(null) });
    expect(new ThrownErrors().tell(error)).toMatchObject({
      name: '(no text can be had of it)',
      message: '',
      stack: '',
    });
  });

  it('is cut in its middle where it is long, and ends where it is its own cause', () => {
    const long = new ThrownErrors().tell(new Error('x'.repeat(1_000_000)));
    expect(long.message).toMatch(/^x+\n\.\.\. \d+ characters left out \.\.\.\nx+$/);
    expect(JSON.stringify(long).length).toBeLessThan(200_000);
    const ring = new Error('ring');
    ring.cause = ring;
    expect(JSON.stringify(new ThrownErrors().tell(ring)).match(/"ring"/g)).toHaveLength(17);
  });

  it('is cut to what a message may have, whatever its characters', () => {
    const error = Object.assign(new Error('\u0001'.repeat(5_000), { cause: new Error('disk') }), {
      name: '€'.repeat(500),
    });
    const thrown = new ThrownErrors();
    const told = JSON.parse(thrown.encode(error, 896));
    expect(Buffer.byteLength(JSON.stringify(told))).toBeLessThanOrEqual(896);
    expect(told).toMatchObject({ stack: '', cause: null, code: null });
    expect(thrown.get(told.thrown)).toBe(error);
    expect(JSON.parse(thrown.encode(new Error('short'), 100_000)).stack).toContain('at ');
  });

  it('is kept for the last few alone, however many a call throws', () => {
    const errors = new ThrownErrors();
    const numbers = Array.from({ length: 100 }, (_, index) => errors.tell(new Error(`${index}`)).thrown as number);
    expect(numbers.filter((number) => errors.get(number) !== undefined)).toEqual(numbers.slice(-64));
  });
});
