import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { MessageTooLargeError, ProtocolError, ValueRefusedError } from '../../../src/errors.js';
import { MicroDate } from '../../../src/time/micro-date.js';
import { NdArray, ndarray } from '../../../src/values/ndarray.js';
import { isLost, RichWalk, restore, SHARED_BYTES_MIN, type ValueHandlers } from '../../../src/wire/rich.js';
import { encodeArguments, encodeFields } from '../../../src/wire/value.js';
import { thrown } from '../../support/outcome.js';

const LIMITS = { depthMax: 10, messageBytesMax: 100_000, attachmentBytesMax: 2 ** 30 };

describe('what JSON has no word for', () => {
  it.each<[string, unknown, unknown, unknown[]]>([
    ['NaN', Number.NaN, 'nan', ['float']],
    ['Infinity', Number.POSITIVE_INFINITY, 'inf', ['float']],
    ['-Infinity', Number.NEGATIVE_INFINITY, '-inf', ['float']],
    ['-0', -0, '-0.0', ['float']],
    ['0n', 0n, '0', ['int']],
    ['255n', 255n, 'ff', ['int']],
    ['-255n', -255n, '-ff', ['int']],
    ['a Date', new Date(1_500), 1_500, ['datetime']],
    ['the first Date', new Date('0001-01-01T00:00:00Z'), -62_135_596_800_000, ['datetime']],
    ['the last Date', new Date('9999-12-31T23:59:59.999Z'), 253_402_300_799_999, ['datetime']],
    ['a MicroDate', new MicroDate(1_500, 7), 1_500, ['datetime', 7]],
    ['a Map', new Map([['a', 1]]), [['a', 1]], ['map']],
    ['an empty Map', new Map(), [], ['map']],
    ['a Set', new Set([1, 'a']), [1, 'a'], ['set']],
    ['a Map of another realm', runInNewContext('new Map([[1, 2]])'), [[1, 2]], ['map']],
    ['a Set of another realm', runInNewContext('new Set([1])'), [1], ['set']],
  ])('is told beside what stands for it: %s', (_, value, stands, entry) => {
    const { fields, bin } = told(value);
    expect(bin).toEqual([]);
    expect(fields).toEqual({ value: stands, rich: [[['value'], ...entry]] });
  });

  const shared = new Uint8Array(new SharedArrayBuffer(2));
  shared.set([1, 2]);

  it.each<[string, ArrayBufferView | ArrayBuffer | SharedArrayBuffer, unknown[]]>([
    ['a Uint8Array', new Uint8Array([1, 2]), ['bytes', 0]],
    ['a Buffer', Buffer.from([1, 2]), ['bytes', 0]],
    ['a part of a buffer', new Uint8Array([9, 1, 2, 9]).subarray(1, 3), ['bytes', 0]],
    ['a DataView', new DataView(new Uint8Array([9, 1, 2]).buffer, 1), ['bytes', 0]],
    ['an ArrayBuffer', new Uint8Array([1, 2]).buffer, ['bytes', 0]],
    ['a SharedArrayBuffer', shared.buffer, ['bytes', 0]],
    ['a Uint8Array over one', shared, ['bytes', 0]],
    ['numbers of 16 bits', new Int16Array(new Uint8Array([1, 2]).buffer), ['array', 0, 'int16']],
    ['small numbers', new Int8Array([1, 2]), ['array', 0, 'int8']],
  ])('goes as raw bytes behind the line: %s', (_, value, entry) => {
    const { fields, bin } = told(value);
    expect(bin.map((each) => [...each])).toEqual([[1, 2]]);
    expect(fields).toEqual({ value: null, rich: [[['value'], ...entry]], bin: [2] });
  });

  it('goes with its shape where it is an array of numpy', () => {
    const array = ndarray(new Float64Array(6), { shape: [2, 3] });
    const { fields, bin } = told(array);
    expect(fields).toEqual({ value: null, rich: [[['value'], 'ndarray', 0, 'float64', [2, 3], 'C']], bin: [48] });
    expect(bin[0]!.buffer).toBe(array.data.buffer);
  });

  it('is lost once its buffer was transferred, and not where there never were any bytes', () => {
    const data = new Uint8Array(2);
    const { bin } = told([data, new Uint8Array(0)]);
    expect(bin.map(isLost)).toEqual([false, false]);
    transferred(data);
    expect(bin.map(isLost)).toEqual([true, false]);
  });

  it('takes no longer for a long bigint than to write its digits in hexadecimal', () => {
    const long = 1n << (1n << 24n);
    const limits = { ...LIMITS, messageBytesMax: 2 ** 24 };
    const before = performance.now();
    const { text } = encodeFields({ value: new Map([[long, -long]]) }, undefined, limits);
    // In decimal, each would take ten seconds.
    expect(performance.now() - before).toBeLessThan(3_000);
    expect(text.length).toBeGreaterThan(2 ** 23);
  });

  it('is told of children before parents, by paths from the root', () => {
    const { fields } = told({ a: [1, new Map([[2n, new Set([3n])]])], b: -0 });
    expect(fields).toEqual({
      value: { a: [1, [['2', ['3']]]], b: '-0.0' },
      rich: [
        [['value', 'a', 1, 0, 0], 'int'],
        [['value', 'a', 1, 0, 1, 0], 'int'],
        [['value', 'a', 1, 0, 1], 'set'],
        [['value', 'a', 1], 'map'],
        [['value', 'b'], 'float'],
      ],
    });
  });

  it('changes none of the objects that hold it', () => {
    const value = { list: [1n, 'a'], map: new Map([['k', [2n]]]) };
    told(value);
    expect(value).toEqual({ list: [1n, 'a'], map: new Map([['k', [2n]]]) });
  });

  it('is numbered in the order in which it is met, large arrays to be shared apart', () => {
    const large = new Float32Array(SHARED_BYTES_MIN / 4);
    const almost = new Float32Array(SHARED_BYTES_MIN / 4 - 1);
    const encoded = encodeArguments({ args: [new Uint8Array(1), almost, large, ndarray(large)] }, 'f', LIMITS);
    expect(encoded.bin.map(({ byteLength }) => byteLength)).toEqual([
      1,
      SHARED_BYTES_MIN - 4,
      SHARED_BYTES_MIN,
      SHARED_BYTES_MIN,
    ]);
    expect(encoded.large).toEqual([2, 3]);
    expect(SHARED_BYTES_MIN).toBe(33_554_432);
    expect(encodeArguments({ args: [almost] }, 'f', LIMITS).large).toBeUndefined();
  });

  it('is refused, all together, where it is more raw bytes than may follow a message', () => {
    const limits = { ...LIMITS, attachmentBytesMax: 5 };
    const args = [new Uint8Array(2), new Uint8Array(3)];
    expect(encodeArguments({ args }, 'f', limits).bin).toHaveLength(2);
    const error = thrown(
      () => encodeArguments({ args: [...args, new Uint8Array(1)] }, 'f', limits),
      MessageTooLargeError,
    );
    expect(error).toMatchObject({ bytes: 6, limit: 5, option: 'attachmentBytesMax', sender: 'node' });
    expect(error.message).toContain('"f"');
  });

  it('is refused as soon as it takes more than a message may have: two bytes a step, its kind, and two an item', () => {
    const limits = (messageBytesMax: number) => ({ ...LIMITS, messageBytesMax });
    const walk = (messageBytesMax: number) => new RichWalk(limits(messageBytesMax), {}).member('value', [1n, [2n]], 0);
    // `value`, 0: 4 and `int`, in a list of two. `value`, 1, 0: 6 and `int`, in a list of one.
    expect(() => walk(22)).not.toThrow();
    expect(thrown(() => walk(21), MessageTooLargeError)).toMatchObject({ bytes: 22, limit: 21, sender: 'node' });
    expect(thrown(() => walk(6), MessageTooLargeError)).toMatchObject({ bytes: 7 });
  });

  it.each<[string, unknown]>([
    ['a list', [...new Array(999).fill(1), () => 1]],
    ['a record', Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [n, n < 999 ? n : () => 1]))],
    ['a Map', new Map(Array.from({ length: 1_000 }, (_, n) => [n, n < 999 ? n : () => 1] as const))],
  ])('is copied no more often than a message may have of it, however often it is held: %s', (_, value) => {
    let asked = 0;
    const onFunction = () => ({ kind: 'function' as const, number: asked++ });
    const held = () => encodeFields({ value: new Array(1_000).fill(value) }, undefined, LIMITS, { onFunction });
    expect(thrown(held, MessageTooLargeError)).toMatchObject({ limit: LIMITS.messageBytesMax, sender: 'node' });
    expect(asked).toBeLessThan(60);
  });

  it('leaves what is beside it in an array there, whatever the iterator and the methods of that are', () => {
    const odd = { [Symbol.iterator]: () => [7][Symbol.iterator](), slice: () => [7] };
    expect(told(Object.assign([1n, 5, 6], odd)).fields.value).toEqual(['1', 5, 6]);
    expect(told(Object.assign([4, 5, 6], odd, { toJSON: () => 7 })).fields.value).toEqual([4, 5, 6]);
  });

  it('begins with nothing told', () => {
    expect(new RichWalk(LIMITS, {})).toMatchObject({ rich: [], bin: [], large: [] });
  });

  it('is refused where telling of it takes more than a message may have, though each part is small', () => {
    let value: unknown = 1n;
    for (let depth = 0; depth < 9; depth++) value = [value, value, value, value];
    const limits = { ...LIMITS, messageBytesMax: 1_000 };
    expect(thrown(() => encodeFields({ value }, undefined, limits), MessageTooLargeError)).toMatchObject({
      limit: 1_000,
      sender: 'node',
    });
    const error = thrown(() => encodeArguments({ args: [value] }, 'f', limits), MessageTooLargeError);
    expect(error.message).toContain('The call of "f" takes');
  });

  it.each<[string, (key: unknown) => unknown]>([
    ['a key of a Map', (key) => new Map([[key, 1]])],
    ['a member of a Set', (member) => new Set([member])],
  ])('is refused as soon as few arrays stand for more than a message may have of them: %s', (_, as) => {
    let array: unknown = [1];
    for (let depth = 0; depth < 60; depth++) array = [array, array];
    const limits = { ...LIMITS, depthMax: 100 };
    expect(thrown(() => encodeFields({ value: as(array) }, undefined, limits), MessageTooLargeError)).toMatchObject({
      limit: LIMITS.messageBytesMax,
      sender: 'node',
    });
  });
});

describe('what cannot cross', () => {
  const holey: unknown[] = [1];
  holey[2] = 2;
  const problem = (value: unknown, handlers?: ValueHandlers) =>
    thrown(() => encodeFields({ value }, undefined, LIMITS, handlers), ValueRefusedError).message;

  it.each([
    [new Date(Number.NaN), '`value` is an invalid Date. Send `null`.'],
    [
      new Date(Date.parse('0001-01-01T00:00:00Z') - 1),
      '`value` is 0000-12-31T23:59:59.999Z, and Python knows the years 1 to 9999 only. Send a string.',
    ],
    [
      new Date(Date.UTC(10_000, 0)),
      '`value` is +010000-01-01T00:00:00.000Z, and Python knows the years 1 to 9999 only.',
    ],
    [holey, '`value[1]` is a hole in an array. Put `null` there.'],
    [{ [Symbol('s')]: 1, a: 1n }, '`value` has Symbol(s) for a key. Use a string.'],
    [
      new Map([[{}, 1]]),
      '`value` has keys that Python cannot look up: only text, numbers, dates, bytes and lists of them can be.',
    ],
    [new Set([new Set()]), '`value` has members that Python cannot look up: only'],
    [
      new Map([
        [1, 1],
        [true, 1],
      ] as never),
      '`value` has two keys that would be one in Python.',
    ],
    [new (class Sub extends Set {})(), '`value` is an instance of Sub.'],
    [{ a: transferred(new Float64Array(2)) }, '`value.a` has no bytes any more: its buffer was transferred.'],
    [transferred(new Uint8Array(2)).buffer, '`value` has no bytes any more'],
    [
      Object.assign(ndarray(new Uint8Array(2)), { shape: [3] }),
      '`value` is an NdArray whose data is no longer an array of 3 bytes for the shape [3].',
    ],
    [
      Object.assign(new MicroDate(5, 7), { microseconds: Number.NaN }),
      '`value` is a MicroDate whose microseconds are no longer an integer from 1 to 999.',
    ],
    [Object.assign(Object.create(null), { a: [new (class P {})()] }), '`value.a[0]` is an instance of P.'],
  ])('is refused in words: %o', (value, words) => {
    expect(problem(value)).toContain(words);
  });

  it.each<[string, unknown, unknown, boolean]>([
    ['text and a number', '1', 1, false],
    ['a number and a bigint', 1, 1n, true],
    ['a number and a boolean', 0, false, true],
    ['true and two', true, 2, false],
    ['a large number and its bigint', 2 ** 70, 2n ** 70n, true],
    ['fractions', 0.5, 1.5, false],
    ['a fraction and text', 0.5, '0.5', false],
    ['null and text', null, 'null', false],
    ['two dates of one moment', new Date(5), new Date(5), true],
    ['two moments', new Date(5), new Date(6), false],
    ['a moment and one of its microseconds', new Date(5), new MicroDate(5, 1), false],
    ['two of the same microsecond', new MicroDate(5, 1), new MicroDate(5, 1), true],
    ['a moment and its number', new Date(5), 5, false],
    ['bytes and bytes', new Uint8Array([1]), new DataView(new Uint8Array([1]).buffer), true],
    ['bytes and a buffer', new Uint8Array([1]), new Uint8Array([1]).buffer, true],
    ['a part of bytes', new Uint8Array([9, 1]).subarray(1), new Uint8Array([1]), true],
    ['other bytes', new Uint8Array([1]), new Uint8Array([2]), false],
    ['lists', [1, 'a'], [1n, 'a'], true],
    ['other lists', [1, 'a'], [1, 'b'], false],
    ['a list and its text', ['a'], '["a"]', false],
    ['lists in lists', [[1]], [[true]], true],
    ['a list and the text of its parts', ['a', 'b'], ['a","b'], false],
  ])('is two keys that Python takes for one: %s', (_, one, other, areOne) => {
    for (const value of [
      new Set([one, other]),
      new Map([
        [one, 0],
        [other, 0],
      ] as never),
    ]) {
      if (areOne) expect(problem(value)).toContain('that would be one in Python.');
      else expect(() => encodeFields({ value }, undefined, LIMITS)).not.toThrow();
    }
  });

  it('is a key of as many lists inside each other as may be, and takes no more for that', () => {
    let key: unknown = '"';
    for (let depth = 0; depth < 100; depth++) key = [key];
    expect(() => encodeFields({ value: new Set([key]) }, undefined, { ...LIMITS, depthMax: 200 })).not.toThrow();
  });

  it.each([[[{}]], [[undefined]], [new Map()], [new Float32Array(1)], [[[{}]]]])('is a key such as %o', (key) => {
    expect(() => encodeFields({ value: new Map([[key, 1]]) }, undefined, LIMITS)).toThrow(ValueRefusedError);
  });

  it('is deeper than it may be, where a map counts for two levels and a set for one', () => {
    const limits = { ...LIMITS, depthMax: 2 };
    const crosses = (value: unknown) => () => encodeFields({ value }, undefined, limits);
    for (const value of [new Map([['a', 1]]), new Set([1]), [new Set()], [[1n]], { a: { b: -0 } }]) {
      expect(crosses(value)).not.toThrow();
    }
    for (const [value, path] of [
      [[new Map()], 'value[0]'],
      [[[new Set()]], 'value[0][0]'],
      [new Map([['a', []]]), '[...value.values()][0]'],
      [[[[1n]]], 'value[0][0]'],
      [new Set([[[]]]), '[...value][0][0]'],
      [new Map([[[1], 1]]), '[...value.keys()][0]'],
    ] as const) {
      const error = thrown(crosses(value), ValueRefusedError);
      expect(error.path).toBe(path);
      expect(error.message).toContain('lies deeper than 2 levels. Flatten the value, or raise `depthMax`.');
    }
  });

  it('is what holds itself, through maps and sets too, but not what is held twice', () => {
    const map = new Map<unknown, unknown>();
    map.set('me', [map]);
    const set = new Set<unknown>();
    set.add([set]);
    const list: unknown[] = [1n];
    list.push({ list });
    for (const value of [map, set, list]) {
      expect(problem(value)).toContain('is an object that holds itself. Break the cycle.');
    }
    const shared = { big: 1n, set: new Set([1]), map: new Map([[1, 2]]) };
    const { fields } = told([shared, shared]);
    expect(fields.rich).toHaveLength(6);
  });
});

describe('a handle, a function, an iterable', () => {
  const handlers: ValueHandlers = {
    onFunction: (fn, path) => (fn.name === 'bad' ? `is bad at ${path()}.` : { kind: 'function', number: 4 }),
    onHandle: (value, path) =>
      value instanceof Held ? value.number : value instanceof URL ? `is lost at ${path()}.` : undefined,
    onIterable: () => 9,
  };

  it('is the number that whoever takes it says', () => {
    const { fields } = told([new Held(5), () => 1, [1].values(), (async function* () {})()], handlers);
    expect(fields).toEqual({
      value: [null, null, null, null],
      rich: [
        [['value', 0], 'handle', 5],
        [['value', 1], 'function', 4],
        [['value', 2], 'stream', 9],
        [['value', 3], 'stream', 9],
      ],
    });
  });

  it('is refused by whoever would take it, in its words', () => {
    const refused = (value: unknown) => () => encodeFields({ value }, undefined, LIMITS, handlers);
    expect(refused([new URL('http://a')])).toThrow('`value[0]` is lost at value[0].');
    expect(refused([function bad() {}])).toThrow('`value[0]` is bad at value[0].');
  });

  it('may be iterable by a method of its own, and need be of no class', () => {
    for (const one of [{ *[Symbol.iterator]() {} }, { a: 1, async *[Symbol.asyncIterator]() {} }]) {
      const found: unknown[] = [];
      expect(told([one], { onIterable: (iterable) => found.push(iterable) }).fields).toEqual({
        value: [null],
        rich: [[['value', 0], 'stream', 1]],
      });
      expect(found).toEqual([one]);
    }
  });

  it('may hold rows as well', () => {
    const rows = Array.from({ length: 600 }, (_, n) => ({ n }));
    const iterable = Object.defineProperty({ rows }, Symbol.iterator, { value: () => rows.values() });
    expect(told(iterable, { onIterable: () => 0 }).fields).toEqual({ value: null, rich: [[['value'], 'stream', 0]] });
    expect(() => told(iterable)).toThrow('has Symbol(Symbol.iterator) for a key');
  });

  it('is none where it is text in an object, or a collection', () => {
    const refused = (value: unknown) => () => encodeFields({ value }, undefined, LIMITS, handlers);
    expect(refused(new String('text'))).toThrow(ValueRefusedError);
    expect(refused(new (class Rows extends Array {})())).toThrow(ValueRefusedError);
    expect(refused(new (class Point {})())).toThrow(ValueRefusedError);
  });

  it('is refused where nobody takes any', () => {
    for (const value of [new Held(5), () => 1, [1].values()]) {
      expect(() => encodeFields({ value }, undefined, LIMITS)).toThrow(ValueRefusedError);
      expect(() => new RichWalk(LIMITS, undefined).member('value', value, 0)).toThrow();
    }
  });
});

describe('restore', () => {
  const restored = (value: unknown, rich: unknown, bin: readonly Uint8Array[] = []) => {
    const message = { id: 3, value };
    restore(message, rich, bin);
    return message.value;
  };
  const bytes = new Uint8Array([1, 0, 2, 0]);

  it.each<[unknown, unknown[], unknown]>([
    ['ff', ['int'], 255n],
    ['-ff', ['int'], -255n],
    ['0', ['int'], 0n],
    ['nan', ['float'], Number.NaN],
    ['inf', ['float'], Number.POSITIVE_INFINITY],
    ['-inf', ['float'], Number.NEGATIVE_INFINITY],
    ['-0.0', ['float'], -0],
    [1_500, ['datetime'], new Date(1_500)],
    [1_500, ['datetime', 7], new MicroDate(1_500, 7)],
    [[['a', 1]], ['map'], new Map([['a', 1]])],
    [[1, 'a'], ['set'], new Set([1, 'a'])],
    [
      [
        [1, 2],
        ['x', 'y'],
      ],
      ['rows', ['a', 'b']],
      [
        { a: 1, b: 'x' },
        { a: 2, b: 'y' },
      ],
    ],
    [[[0, 1, 0], ['a', 'c'], ['b']], ['merged'], ['a', 'b', 'c']],
    [
      [
        ['a', 'b'],
        [1, 2],
      ],
      ['keyed'],
      { a: 1, b: 2 },
    ],
    [null, ['bytes', 0], new Uint8Array([1, 0, 2, 0])],
    [null, ['array', 0, 'uint16'], new Uint16Array([1, 2])],
    [null, ['ndarray', 0, 'uint16', [2, 1], 'F'], ndarray(new Uint16Array([1, 2]), { shape: [2, 1], order: 'F' })],
  ])('makes of %o and %o what it stands for', (stands, entry, value) => {
    const made = restored(stands, [[['value'], ...entry]], [bytes]);
    if (made instanceof NdArray)
      expect([made.dtype, made.shape, made.order, [...new Uint8Array(made.data.buffer)]]).toEqual([
        'uint16',
        [2, 1],
        'F',
        [...bytes],
      ]);
    else expect(made).toEqual(value);
    expect(Object.is(made, value) || typeof value !== 'number').toBe(true);
  });

  it('puts each in its place, children before parents', () => {
    const made = restored(
      [['1', ['2']]],
      [
        [['value', 0, 0], 'int'],
        [['value', 0, 1, 0], 'int'],
        [['value', 0, 1], 'set'],
        [['value'], 'map'],
      ],
    );
    expect(made).toEqual(new Map([[1n, new Set([2n])]]));
  });

  it('puts it there as a property like any other, whatever its name', () => {
    const value = JSON.parse('{"__proto__":"1","a":"2"}') as Record<string, unknown>;
    restored(value, [
      [['value', '__proto__'], 'int'],
      [['value', 'a'], 'int'],
    ]);
    expect(Object.getOwnPropertyDescriptor(value, '__proto__')).toEqual({
      value: 1n,
      writable: true,
      enumerable: true,
      configurable: true,
    });
    expect(Object.keys(value)).toEqual(['__proto__', 'a']);
  });

  it('asks for what is no value, by its kind, its data and its message', () => {
    const asked: unknown[] = [];
    const message = { id: 3, value: [null] };
    restore(message, [[['value', 0], 'handle', 7, 'name']], [], (...all) => {
      asked.push(all);
      return 'made';
    });
    expect([asked, message.value]).toEqual([[['handle', [7, 'name'], 3]], ['made']]);
  });

  it.each<[unknown, string?]>([
    [null],
    [{}],
    ['int'],
    [[null]],
    [[{}]],
    [[[]]],
    [[[[], 'int']]],
    [[['value', 'int']]],
    [[[['value']]]],
    [[[['value'], 7]]],
    [[[['value'], 'later']]],
    [[[['other'], 'int']]],
    [[[['value', 'a'], 'int']]],
    [[[['value', 'a', 'b'], 'int']]],
    [[[['value', 0, 'b'], 'int']]],
    [[[[['value']], 'int']]],
    [[[[null], 'int']]],
    [[[['toString'], 'int']]],
    [[[['value'], 'bytes', 1]]],
    [[[['value'], 'bytes']]],
    [[[['value'], 'array', 0, 'complex']]],
    [[[['value'], 'array', 0]]],
    [[[['value'], 'float']]],
    [[[['value'], 'datetime']]],
    [[[['value'], 'map']]],
    [[[['value'], 'ndarray', 0, 'float64', [9], 'C']]],
  ])('refuses what means nothing: %o', (rich) => {
    const error = thrown(() => restored('ff', rich, [bytes]), ProtocolError);
    expect(error.message).toContain('an entry of `rich` means nothing here: ');
    const [entry] = Array.isArray(rich) ? rich : [rich];
    if (rich !== null && Array.isArray(rich)) expect(error.message).toContain(JSON.stringify(entry));
  });

  it('refuses a way through what holds nothing', () => {
    for (const value of [null, 'ff', 5, true, { b: null }, { b: 'ff' }]) {
      for (const path of [
        ['value', 'a', 0],
        ['value', 'a', 'b', 0],
        ['value', 'a', 'length'],
      ]) {
        expect(() => restored({ a: value }, [[path, 'int']])).toThrow(ProtocolError);
      }
    }
  });

  it('refuses a moment that is none', () => {
    for (const entry of [['datetime'], ['datetime', 0]]) {
      for (const stands of [1.5, '1', null])
        expect(() => restored(stands, [[['value'], ...entry]])).toThrow(ProtocolError);
    }
    expect(() => restored(1_500, [[['value'], 'datetime', 1_000]])).toThrow(ProtocolError);
  });

  it.each<[string, unknown, unknown[]]>([
    ['a number for the digits of an integer', 10, ['int']],
    ['a list for the digits of an integer', ['10'], ['int']],
    ['nothing for a map', null, ['map']],
    ['three for a pair', [[1, 2, 3]], ['map']],
    ['an object for a pair', [{ 0: 1, 1: 2 }], ['map']],
    [
      'two keys that are one',
      [
        ['a', 1],
        ['a', 2],
      ],
      ['map'],
    ],
    ['text for a set', 'abc', ['set']],
    ['two members that are one', ['a', 'a'], ['set']],
    ['a moment that no Date can be', 8.64e15 + 1, ['datetime']],
    ['the name of a property for an attachment', null, ['bytes', 'length']],
    ['the name of a method for an attachment', null, ['bytes', 'map']],
    ['the name of a property for the attachment of an array', null, ['array', 'length', 'uint16']],
  ])('refuses %s', (_, stands, entry) => {
    expect(() => restored(stands, [[['value'], ...entry]], [bytes])).toThrow(ProtocolError);
  });

  it.each(['map', 'set', 'int'])(
    'makes nothing once more of what is a %s already, which would take as long each time',
    (kind) => {
      const entry = [['value'], kind];
      const stands = kind === 'int' ? 'ff' : [];
      expect(() => restored(stands, [entry])).not.toThrow();
      expect(() => restored(stands, [entry, entry])).toThrow(ProtocolError);
    },
  );

  it('names no more than eighty characters of what it refuses', () => {
    const entry = [['value'], 'x'.repeat(500)];
    const error = thrown(() => restored(5, [entry]), ProtocolError);
    expect(error.message).toContain(`here: ${JSON.stringify(entry).slice(0, 80)}`);
    expect(error.message).not.toContain('x'.repeat(81));
  });

  it('breaks the protocol, and nothing else, by what has no place there and what can be shown no more', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as unknown;
    expect(() => restored(['ff'], [[['value', 'length'], 'bytes', 0]], [bytes])).toThrow(ProtocolError);
    expect(() => restored('ff', [[deep]])).toThrow(ProtocolError);
    const rich = [
      [['rich', 1, 2], 'int'],
      [['value'], 'bytes', 'ff'],
    ];
    expect(() => restore({ value: 'ff', rich }, rich, [bytes])).toThrow(ProtocolError);
  });
});

class Held {
  constructor(readonly number: number) {}
}

function transferred<Data extends ArrayBufferView>(data: Data): Data {
  structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] });
  return data;
}

/** What a value is on the line: its fields, and the raw bytes behind. */
function told(value: unknown, handlers?: ValueHandlers) {
  const { text, bin } = encodeFields({ value }, undefined, LIMITS, handlers);
  return { fields: JSON.parse(`{${text}}`) as { value: unknown; rich?: unknown[] }, bin };
}
