import { describe, expect, it } from 'vitest';
import { OptionError, ValueRefusedError } from '../../../src/errors.js';
import { Kwargs, kw, splitArgs } from '../../../src/values/kw.js';
import { encodeArguments } from '../../../src/wire/value.js';

describe('kw', () => {
  it('keeps the names and values it was given, whatever becomes of the object', () => {
    const given = { digits: 2 };
    const kwargs = kw(given);
    given.digits = 3;
    expect(kwargs).toBeInstanceOf(Kwargs);
    expect({ ...kwargs.values }).toEqual({ digits: 2 });
  });

  it('takes own and enumerable properties only, so that nothing slips in by a prototype', () => {
    const own = { own: { value: 2, enumerable: true }, hidden: { value: 3 } };
    const { values } = kw(Object.create({ inherited: 1 }, own));
    expect(Object.getPrototypeOf(values)).toBeNull();
    expect(Object.keys(values)).toEqual(['own']);
  });

  it('takes the name __proto__ for a name', () => {
    const { values } = kw(JSON.parse('{"__proto__":{"polluted":true}}'));
    expect(Object.keys(values)).toEqual(['__proto__']);
    expect({}).not.toHaveProperty('polluted');
  });

  const map = new Map([['digits', 2]]);

  it.each([[null], [[1]], ['digits'], [map], [new Set(['digits'])], [kw({ a: 1 })]])('refuses %o', (values) => {
    expect(() => kw(values as object)).toThrow(OptionError);
  });

  it('does not lose a symbol: the line refuses it', () => {
    const { kwargs } = splitArgs([kw({ [Symbol('digits')]: 2 })]);
    expect(() => encodeArguments({ args: [], kwargs }, undefined, LIMITS)).toThrow(ValueRefusedError);
  });
});

describe('splitArgs', () => {
  it('takes kw() off the end', () => {
    expect(plain(splitArgs([1, [2], kw({ digits: 2 })]))).toEqual({ args: [1, [2]], kwargs: { digits: 2 } });
  });

  it('has no keyword arguments where none are given', () => {
    expect(splitArgs([1])).toEqual({ args: [1], kwargs: undefined });
    expect(splitArgs([1, kw({})])).toEqual({ args: [1], kwargs: undefined });
    expect(splitArgs([1], {})).toEqual({ args: [1], kwargs: undefined });
  });

  it('leaves out undefined at the end, before and behind kw()', () => {
    expect(splitArgs([1, undefined, undefined])).toEqual({ args: [1], kwargs: undefined });
    expect(splitArgs([undefined])).toEqual({ args: [], kwargs: undefined });
    expect(plain(splitArgs([1, undefined, kw({ a: 1 }), undefined]))).toEqual({ args: [1], kwargs: { a: 1 } });
  });

  it('leaves kw() where it stands before other arguments, and the line refuses it by its path', () => {
    const { args } = splitArgs([kw({ a: 1 }), 2]);
    expect(() => encodeArguments({ args }, undefined, LIMITS)).toThrow(/`args\[0\]` holds keyword arguments/);
  });

  it('joins kw() with the option', () => {
    expect(plain(splitArgs([kw({ a: 1 })], { b: 2 }))).toEqual({ args: [], kwargs: { a: 1, b: 2 } });
    expect(plain(splitArgs([], { b: 2 }))).toEqual({ args: [], kwargs: { b: 2 } });
  });

  it('refuses a name that kw() and the option both have, rather than choose', () => {
    expect(() => splitArgs([kw({ a: 1 })], { a: 1 })).toThrow(/`kwargs\.a` must be given once/);
    expect(() => splitArgs([kw({ toString: 1 })], { valueOf: 1 })).not.toThrow();
  });

  it('refuses an option that is no object of names and values', () => {
    expect(() => splitArgs([], [] as never)).toThrow(OptionError);
    expect(() => splitArgs([], null as never)).toThrow(OptionError);
    expect(() => splitArgs([], kw({ a: 1 }))).toThrow(OptionError);
  });

  it('does not change the list it was given', () => {
    const args = [1, kw({ a: 1 }), undefined];
    splitArgs(args);
    expect(args).toHaveLength(3);
  });
});

const LIMITS = { depthMax: 200, messageBytesMax: 1024, attachmentBytesMax: 1024 };

/** With ordinary objects, which `toEqual` tells from those without a prototype. */
function plain({ args, kwargs }: ReturnType<typeof splitArgs>) {
  return { args, kwargs: kwargs && { ...kwargs } };
}
