import { createContext, runInContext } from 'node:vm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MessageTooLargeError, ValueRefusedError } from '../../../src/errors.js';
import { kw } from '../../../src/values/kw.js';
import { encodeHandlesDrop } from '../../../src/wire/message.js';
import { callLine } from '../../../src/wire/request.js';
import { ThrownErrors } from '../../../src/wire/thrown.js';
import {
  type Arguments,
  encodeArguments,
  encodeFields,
  encodeItem,
  encodeJson,
  encodePlain,
  type ValueFields,
} from '../../../src/wire/value.js';
import { encodeAsFields } from '../../support/node-line.js';

const LIMITS = { depthMax: 200, messageBytesMax: 64 * 1024 * 1024, attachmentBytesMax: 1024 ** 3 };

afterEach(() => {
  for (const prototype of [Object.prototype, Array.prototype]) {
    for (const key of ['toJSON', 'polluted', 'values']) Reflect.deleteProperty(prototype, key);
  }
});

describe('the fields of a message', () => {
  const encoded = (fields: ValueFields | Arguments, limits = LIMITS) =>
    'args' in fields ? encodeAsFields(fields, 'f', limits) : encodeFields(fields, 'f', limits);
  const text = (fields: ValueFields | Arguments, limits = LIMITS) => encoded(fields, limits).text;

  it.each([
    [{ args: [1] }, '"args":[1]'],
    [{ args: [1], kwargs: { a: 2 } }, '"args":[1],"kwargs":{"a":2}'],
    [{ args: [], kwargs: undefined }, '"args":[]'],
    [{ values: [1, 'a'] }, '"values":[1,"a"]'],
    [{ value: null }, '"value":null'],
  ])('are written one after the other, and nothing for those that are not there: %o', (fields, written) => {
    expect(encoded(fields)).toEqual({ text: written, bin: [] });
  });

  it.each([
    [{ args: [1n], kwargs: { a: 2 } }, '"args":["1"],"kwargs":{"a":2},"rich":[[["args",0],"int"]]'],
    [{ args: [1], kwargs: { a: 2n } }, '"args":[1],"kwargs":{"a":"2"},"rich":[[["kwargs","a"],"int"]]'],
    [{ args: [1n], kwargs: undefined }, '"args":["1"],"rich":[[["args",0],"int"]]'],
    [{ values: [1n] }, '"values":["1"],"rich":[[["values",0],"int"]]'],
    [{ value: 1n }, '"value":"1","rich":[[["value"],"int"]]'],
  ])('are told of behind them where JSON has no word: %o', (fields, written) => {
    expect(text(fields)).toBe(written);
  });

  it('are refused by the name of the function where one is no value', () => {
    for (const fields of [{ args: [undefined] }, { args: [], kwargs: { a: undefined } }, { values: [undefined] }]) {
      expect(refusal(() => text(fields)).message).toContain('"f"');
    }
    // A value that is undefined is one, and no value.
    expect(refusal(() => text({ value: undefined })).path).toBe('value');
    const seen = refusal(() => text({ args: [undefined] }));
    expect([seen.sender, seen.path]).toEqual(['node', 'args[0]']);
  });

  it('are its own: a value is sent whatever hangs on Object.prototype', () => {
    Object.assign(Object.prototype, { values: ['polluted'] });
    expect([text({ value: 1 }), text({ value: 1n })]).toEqual(['"value":1', '"value":"1","rich":[[["value"],"int"]]']);
  });

  it('may be as deep as each other, lists of them being no level', () => {
    const limits = { ...LIMITS, depthMax: 1 };
    expect(text({ args: [[1]], kwargs: { a: [1] } }, limits)).toBe('"args":[[1]],"kwargs":{"a":[1]}');
    expect(text({ values: [[1]] }, limits)).toBe('"values":[[1]]');
    expect(text({ value: [1] }, limits)).toBe('"value":[1]');
    expect(refusal(() => text({ args: [], kwargs: { a: [[]] } }, limits)).path).toBe('kwargs.a[0]');
    expect(refusal(() => text({ values: [[[]]] }, limits)).path).toBe('values[0][0]');
    expect(refusal(() => text({ value: [[]] }, limits)).path).toBe('value[0]');
    expect(text({ args: [[1n]], kwargs: { a: [1n] } }, limits)).toContain('"rich"');
    expect(refusal(() => text({ value: [[1n]] }, limits)).path).toBe('value[0]');
  });
});

describe('nothing but JSON', () => {
  it('is written as it is, from its root', () => {
    expect(encodeJson({ a: [1, null, true, 'x', 0.5] }, 'root', LIMITS)).toBe('{"a":[1,null,true,"x",0.5]}');
    const limits = { ...LIMITS, depthMax: 1 };
    expect(encodeJson([1], 'root', limits)).toBe('[1]');
    expect(refusal(() => encodeJson([[1]], 'root', limits))).toMatchObject({ path: 'root[0]', sender: 'node' });
    expect(encodeJson([[1]], 'root', limits, 1)).toBe('[[1]]');
    expect(refusal(() => encodeJson([[[1]]], 'root', limits, 1)).path).toBe('root[0][0]');
  });

  it('is refused where it is larger than a message, by both sizes', () => {
    const limits = { ...LIMITS, messageBytesMax: 10 };
    const error = caught(() => encodeJson('x'.repeat(9), 'root', limits, 0));
    expect(error).toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE', bytes: 11, limit: 10, sender: 'node' });
    expect(() => encodeJson('x'.repeat(8), 'root', limits, 0)).not.toThrow();
  });

  it('is refused where it is longer than any text that V8 makes, as too large', () => {
    vi.spyOn(JSON, 'stringify').mockImplementationOnce(() => {
      throw new RangeError('Invalid string length');
    });
    const error = caught(() => encodeFields({ value: 1 }, 'f', LIMITS));
    vi.restoreAllMocks();
    expect(error).toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE', bytes: 0x1fff_ffe8, sender: 'node' });
    expect(error).toMatchObject({ limit: LIMITS.messageBytesMax, message: expect.stringContaining('"f"') });
  });

  it('throws on what is thrown as it is written', () => {
    for (const thrown of [new RangeError('another'), new TypeError('Invalid string length')]) {
      vi.spyOn(JSON, 'stringify').mockImplementationOnce(() => {
        throw thrown;
      });
      const error = caught(() => encodeFields({ value: 1 }, 'f', LIMITS));
      vi.restoreAllMocks();
      expect(error).toBe(thrown);
    }
  });
});

describe('a value of a map', () => {
  it('is its JSON where it is nothing else, as deep and as large as a message may be', () => {
    const written = [7, 'a', [1, { b: null }]].map((value) => encodePlain(value, LIMITS));
    expect(written).toEqual(['7', '"a"', '[1,{"b":null}]']);
    for (const value of [-0, Number.NaN, 1n, undefined, new Date(5), [undefined]]) {
      expect(encodePlain(value, LIMITS)).toBeUndefined();
    }
    const limits = { ...LIMITS, depthMax: 1, messageBytesMax: 10 };
    expect([encodePlain('x'.repeat(8), limits), encodePlain('x'.repeat(9), limits)]).toEqual(['"xxxxxxxx"', undefined]);
    // A list of arguments, or an object of them, is no level.
    expect([encodePlain([[1]], limits), encodePlain([[1]], limits, 1)]).toEqual([undefined, '[[1]]']);
  });
});

describe('an item of those that share a message', () => {
  it.each([
    [5, '5', ''],
    [{ a: [1] }, '{"a":[1]}', ''],
    [1n, '"1"', '[["values",3],"int"]'],
    [
      { at: new Date(5), of: [2n] },
      '{"at":5,"of":["2"]}',
      '[["values",3,"at"],"datetime"],[["values",3,"of",0],"int"]',
    ],
  ])('is told of by its place among them where JSON has no word: %o', (item, json, rich) => {
    expect(encodeItem(item, 3, LIMITS)).toEqual({ json, rich });
  });

  it('is none where it needs a message of its own: for its bytes or its size, or since it is no value', () => {
    for (const item of [new Uint8Array(1), [1, new Uint8Array(1)], undefined, () => 1, [[undefined]]]) {
      expect(encodeItem(item, 0, LIMITS)).toBeUndefined();
    }
    const limits = { ...LIMITS, messageBytesMax: 18 };
    expect(encodeItem([1n, 'x'.repeat(8)], 0, limits)).toMatchObject({ json: '["1","xxxxxxxx"]' });
    expect(encodeItem([1n, 'x'.repeat(9)], 0, limits)).toBeUndefined();
  });

  it('throws on what a getter of it throws', () => {
    const item = {
      first: 1n,
      get second(): never {
        throw new RangeError('mine');
      },
    };
    expect(() => encodeItem(item, 0, LIMITS)).toThrow('mine');
  });
});

describe('the least that a value takes', () => {
  it.each<[unknown, number]>([
    ['', 2],
    ['abc', 5],
    [1, 1],
    [1.5, 1],
    [true, 4],
    [null, 4],
    [[], 1],
    [[1], 3],
    [[1, [2]], 7],
    [{}, 1],
    [{ ab: 1 }, 8],
    [{ a: { b: null } }, 16],
  ])('is counted before it is written: %o', (value, bytes) => {
    const limits = (messageBytesMax: number) => ({ ...LIMITS, messageBytesMax });
    expect(() => json(value, limits(bytes))).not.toThrow();
    expect(caught(() => json(value, limits(bytes - 1)))).toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE', bytes });
  });

  it('is counted no further than it may be', () => {
    const read: number[] = [];
    const items = Array.from({ length: 10 }, (_, index) => index);
    const watched = Object.defineProperties(
      {},
      Object.fromEntries(items.map((index) => [`k${index}`, { enumerable: true, get: () => read.push(index) }])),
    );
    expect(() => encodeJson(watched, 'root', { ...LIMITS, messageBytesMax: 20 }, 0)).toThrow(MessageTooLargeError);
    expect(Math.max(...read.slice(0, 4))).toBe(2);
  });
});

describe('a value that is refused', () => {
  it.each([
    [undefined, 'is undefined'],
    [2 ** 53, 'is the integer 9007199254740992'],
    [Symbol('s'), 'is a symbol'],
    [() => 1, 'is a function, which can cross among the arguments of a call alone. Send data.'],
    [new Date(Number.NaN), 'is an invalid Date'],
    [new Date('+010000-01-01'), 'is +010000-01-01T00:00:00.000Z, and Python knows the years 1 to 9999 only'],
    [new Map([[{}, 1]]), 'has keys that Python cannot look up'],
    [new Map([[[1, {}], 1]]), 'has keys that Python cannot look up'],
    [new Set([new Map()]), 'has members that Python cannot look up'],
    [new Set([1, true]), 'has two members that would be one in Python. Send a list instead.'],
    [new Set([[1], [1n]]), 'has two members that would be one in Python'],
    [new (class Registry extends Map {})(), 'is an instance of Registry.'],
    [new (class Point {})(), 'is an instance of Point. Send a plain object or an array.'],
    [Promise.resolve(), 'is an instance of Promise. Await it first.'],
    [Object.create(Object.create(null)), 'is an object with a prototype of its own.'],
    [Object.create({ constructor: { name: 'constructor' } }), 'is an instance of constructor. Send a plain object'],
    [{ [Symbol('s')]: 1 }, 'has Symbol(s) for a key'],
    [kw({ a: 1 }), 'holds keyword arguments'],
  ])('is named by its path, with what to send instead: %o', (value, problem) => {
    const refused = refusal(() => json({ rows: [1, value] }));
    expect(refused.path).toBe('value.rows[1]');
    expect(refused.sender).toBe('node');
    expect(refused.message).toContain(`\`value.rows[1]\` ${problem}`);
  });

  it.each([
    [Number.NaN, 'is NaN'],
    [Number.NEGATIVE_INFINITY, 'is -Infinity'],
    [-0, 'is -0, which would arrive as 0'],
    [12n, 'is the bigint 12n'],
    [new Date(0), 'is an instance of Date. Send `date.toISOString()`'],
    [new Map(), 'is an instance of Map. Send `Object.fromEntries(map)`'],
    [new Set(), 'is an instance of Set. Send `[...set]`.'],
    [Buffer.from('x'), 'is an instance of Buffer. Send `Array.from(…)`'],
    [new Float64Array(1), 'is an instance of Float64Array. Send `Array.from(…)`'],
    [new ArrayBuffer(1), 'is an instance of ArrayBuffer.'],
  ])('is %o where there may be nothing but JSON', (value, problem) => {
    const refused = refusal(() => encodeJson({ rows: [1, value] }, 'setup.args', LIMITS));
    expect(refused.path).toBe('setup.args.rows[1]');
    expect(refused.message).toContain(`\`setup.args.rows[1]\` ${problem}`);
  });

  it('has a path that is an expression, through maps and sets too', () => {
    const path = (value: unknown) => refusal(() => json(value)).path;
    expect(path({ a: new Map([['k', [undefined]]]) })).toBe('[...value.a.values()][0][0]');
    expect(
      path(
        new Map([
          ['a', 1],
          [undefined, 2],
        ] as never),
      ),
    ).toBe('[...value.keys()][1]');
    expect(path([new Set([1, undefined])])).toBe('[...value[0]][1]');
    expect(
      path({
        a: new Map([
          ['k', 1],
          ['l', [1, 2, 3, undefined]],
        ] as never),
      }),
    ).toBe('[...value.a.values()][1][3]');
  });

  it('is told of with the function that was called', () => {
    const refused = refusal(() => encodeAsFields({ args: [undefined, 1] }, 'mean', LIMITS));
    expect(refused.message).toMatch(/^In the call of "mean", `args\[0\]` is undefined/);
  });

  it('is the first one, in the order in which it would be written', () => {
    const path = (value: unknown) => refusal(() => json(value)).path;
    expect(path({ a: [1, { b: undefined }], c: undefined })).toBe('value.a[1].b');
    const holey: unknown[] = [[[]]];
    holey[2] = undefined;
    expect(path(holey)).toBe('value[1]');
    expect(path({ 'a b': [undefined] })).toBe('value["a b"][0]');
  });
});

describe('a function or an iterable among the arguments', () => {
  it('goes to whoever takes it, by a number, with its place', () => {
    const taken: unknown[] = [];
    const take = (one: unknown) => taken.push(one) - 1;
    const onFunction = (one: unknown, path: () => string) =>
      path().endsWith('onEnd')
        ? { kind: 'kept' as const, number: 7 }
        : { kind: 'function' as const, number: take(one) };
    const fn = () => 1;
    const rows = (function* () {})();
    const lines = (async function* () {})();
    const args = [{ onRow: fn, onEnd: fn }, rows, [lines, 1]];
    const { text, bin } = encodeAsFields({ args }, 'f', LIMITS, { onFunction, onIterable: take });
    expect(taken).toEqual([fn, rows, lines]);
    expect(bin).toEqual([]);
    expect(JSON.parse(`{${text}}`)).toEqual({
      args: [{ onRow: null, onEnd: null }, null, [null, 1]],
      rich: [
        [['args', 0, 'onRow'], 'function', 0],
        [['args', 0, 'onEnd'], 'kept', 7],
        [['args', 1], 'stream', 1],
        [['args', 2, 0], 'stream', 2],
      ],
    });
  });

  it('is refused where nobody takes it', () => {
    expect(refusal(() => argsJson([[() => 1]])).path).toBe('args[0][0]');
    expect(refusal(() => argsJson([new Set().values()])).path).toBe('args[0]');
  });

  it('is none where it is a value, or a collection of another class', () => {
    const onIterable = () => expect.fail();
    for (const value of ['text', [1], new Uint8Array(1), new Map(), new Set()]) {
      encodeFields({ values: [value] }, undefined, LIMITS, { onIterable });
    }
    const extended = new (class Registry extends Map {})();
    expect(() => encodeFields({ values: [extended] }, undefined, LIMITS, { onIterable })).toThrow(ValueRefusedError);
  });
});

describe('a cycle', () => {
  it('is called one, however long, if it closes within the depth', () => {
    const ring: unknown[] = [];
    let inner = ring;
    for (let depth = 1; depth < 150; depth++) {
      const next: unknown[] = [];
      inner.push(next);
      inner = next;
    }
    inner.push(ring);
    expect(refusal(() => json(ring)).message).toContain('holds itself');
  });

  it('is called one even where there is more text than a message may have on the way round', () => {
    const parent: { text: string; children: unknown[] } = { text: 'x'.repeat(1000), children: [] };
    parent.children.push({ parent }, { parent });
    const limits = { ...LIMITS, messageBytesMax: 10_000 };
    expect(refusal(() => json(parent, limits)).path).toBe('value.children[0].parent');
  });

  it('is not what one object in two places is', () => {
    const shared = { a: [1] };
    expect(json([shared, shared, { shared }])).toBe('[{"a":[1]},{"a":[1]},{"shared":{"a":[1]}}]');
  });
});

describe('the size', () => {
  it('is refused at once where few objects stand for more text than there is memory', () => {
    let value: unknown = 1;
    for (let depth = 0; depth < 100; depth++) value = [value, value];
    const limits = { ...LIMITS, messageBytesMax: 100_000 };
    expect(() => json(value, limits)).toThrow(MessageTooLargeError);
  });

  it('finds a refused value among objects that are held many times over', () => {
    let value: unknown = [undefined];
    for (let depth = 0; depth < 100; depth++) value = [[], value];
    let doubled: unknown = [];
    for (let depth = 0; depth < 60; depth++) doubled = [doubled, doubled];
    const limits = { ...LIMITS, messageBytesMax: 100_000 };
    const { path } = refusal(() => json([doubled, value], limits));
    expect(path).toBe(`value[1]${'[1]'.repeat(100)}[0]`);
  });

  it('refuses a text that is longer than a message before it is written', () => {
    const limits = { ...LIMITS, messageBytesMax: 10 };
    expect(() => json('x'.repeat(9), limits)).toThrow(/takes 11 bytes.*may have 10/);
    expect(json('x'.repeat(8), limits)).toBe('"xxxxxxxx"');
    expect(() => json([1, 2, 3, 4, 5], limits)).toThrow(MessageTooLargeError);
  });
});

describe('the depth', () => {
  it('counts containers, and the list of arguments is none', () => {
    const limits = { ...LIMITS, depthMax: 2, messageBytesMax: 100 };
    expect(json([[1]], limits)).toBe('[[1]]');
    expect(argsJson([[[1]], 2], limits)).toBe('[[[1]],2]');
    expect(refusal(() => json([[[]]], limits)).message).toContain('deeper than 2 levels');
    expect(refusal(() => argsJson([[[[]]]], limits)).path).toBe('args[0][0][0]');
  });

  it('may be 0, for values that hold nothing', () => {
    const limits = { ...LIMITS, depthMax: 0, messageBytesMax: 100 };
    expect(argsJson([1, 'a'], limits)).toBe('[1,"a"]');
    expect(refusal(() => argsJson([[]], limits)).path).toBe('args[0]');
  });
});

describe('a polluted prototype', () => {
  const value = { a: [1, { b: 'two' }], toJSON: 'data', constructor: { prototype: 1 } };
  const written = '{"a":[1,{"b":"two"}],"toJSON":"data","constructor":{"prototype":1}}';

  it('changes nothing by a toJSON', () => {
    for (const prototype of [Object.prototype, Array.prototype]) {
      define(prototype, 'toJSON', () => 'stolen');
      expect(json(value)).toBe(written);
      expect(argsJson([value])).toBe(`[${written}]`);
      Reflect.deleteProperty(prototype, 'toJSON');
    }
  });

  it('changes nothing by a toJSON of what is told beside the value', () => {
    const { more } = encodeArguments({ args: [new Uint8Array(3)] }, undefined, LIMITS);
    for (const prototype of [Object.prototype, Array.prototype]) {
      define(prototype, 'toJSON', () => 'stolen');
      expect(encodeArguments({ args: [new Uint8Array(3)] }, undefined, LIMITS).more).toBe(more);
      expect(encodeHandlesDrop([[1, 2]])).toBe('{"type":"handles.drop","handles":[[1,2]]}');
      expect(callLine(1, '"f",[]]', [[0, 5, 6]])).toContain('"share":[[0,5,6]]');
      expect(new ThrownErrors().encode(new Error('told'), 1000)).toContain('"message":"told"');
      Reflect.deleteProperty(prototype, 'toJSON');
    }
  });

  it('changes nothing by a property, and adds none', () => {
    define(Object.prototype, 'polluted', () => 1);
    expect(json(value)).toBe(written);
  });

  it('is not what __proto__ as a key is: it crosses', () => {
    const text = '{"__proto__":{"polluted":[{"__proto__":1}]}}';
    expect(json(JSON.parse(text))).toBe(text);
    define(Object.prototype, 'toJSON', () => 'stolen');
    expect(json(JSON.parse(text))).toBe(text);
  });
});

describe('a toJSON of a value itself', () => {
  const list = Object.assign([1, [2n]], { toJSON: () => 'stolen' });
  const plain = Object.assign([1, 2], { toJSON: () => 'stolen' });
  const record = Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'stolen' });

  it('changes nothing where it is no part of the value, as other such properties', () => {
    expect(json(plain)).toBe('[1,2]');
    expect(json(record)).toBe('{"a":1}');
    expect(json({ deep: [plain, record] })).toBe('{"deep":[[1,2],{"a":1}]}');
    expect(json(list)).toContain('[1,["2"]],"rich":[[["value",1,0],"int"]]');
    expect(argsJson(plain)).toBe('[1,2]');
    expect(encodeAsFields({ args: [], kwargs: record }, undefined, LIMITS).text).toBe('"args":[],"kwargs":{"a":1}');
  });

  it('changes nothing where a proxy answers with one that it does not have', () => {
    const get = (holder: object, key: string | symbol) =>
      key === 'toJSON' ? () => undefined : Reflect.get(holder, key);
    expect(json(new Proxy({ a: 1 }, { get }))).toBe('{"a":1}');
    expect(json([new Proxy([1, 2], { get })])).toBe('[[1,2]]');
    expect(argsJson(new Proxy<unknown[]>([1], { get }))).toBe('[1]');
  });

  it('is refused where nothing but JSON may be, and where it is listed', () => {
    expect(refusal(() => encodeJson([plain], 'context', LIMITS))).toMatchObject({
      path: 'context[0]',
      message: expect.stringContaining('has a method `toJSON`'),
    });
    expect(refusal(() => json({ toJSON: () => 1 })).path).toBe('value.toJSON');
  });
});

describe('what is hidden under a symbol', () => {
  const record = Object.defineProperty({ a: [1] }, Symbol('s'), { value: 2 });

  it('is no part of the value, as other properties that are not enumerable', () => {
    expect(json(record)).toBe('{"a":[1]}');
    expect(json({ deep: [record, record] })).toBe('{"deep":[{"a":[1]},{"a":[1]}]}');
    expect(argsJson([record])).toBe('[{"a":[1]}]');
  });

  it('is refused where nothing but JSON may be, and where it makes the object iterable', () => {
    expect(refusal(() => encodeJson([record], 'context', LIMITS)).path).toBe('context[0]');
    const iterable = Object.defineProperty({ a: 1 }, Symbol.iterator, { value: () => [1].values() });
    expect(refusal(() => json([iterable])).message).toContain('`value[0]` has Symbol(Symbol.iterator) for a key');
  });
});

describe('an object of another realm', () => {
  const context = createContext({});
  const foreign = (source: string) => runInContext(`(${source})`, context) as unknown;

  it('is plain if it is plain there', () => {
    expect(json(foreign('{ a: [1, {}, []] }'))).toBe('{"a":[1,{},[]]}');
  });

  it.each([
    'new (class Registry extends Map {})()',
    'new (class Point {})()',
    'new (class Rows extends Array {})()',
    '() => 1',
  ])('is refused as it would be here: %s', (source) => {
    expect(() => json(foreign(source))).toThrow(ValueRefusedError);
  });

  it('is refused where a toJSON there would change it', () => {
    const polluted = createContext({});
    runInContext('Object.prototype.toJSON = () => "stolen"', polluted);
    expect(() => json(runInContext('({})', polluted))).toThrow(ValueRefusedError);
    expect(() => json(runInContext('[]', polluted))).toThrow(ValueRefusedError);
  });
});

describe('rows in which there is more than JSON', () => {
  const rows = (cell: unknown) => Array.from({ length: 300 }, (_, n) => ({ a: n, b: n === 200 ? cell : 'x' }));
  const bytes = new Uint8Array(3);

  it.each([
    [new Date(5), 5, ['datetime']],
    [Number.NaN, 'nan', ['float']],
    [2n ** 60n, '1000000000000000', ['int']],
    [new Set([1]), [1], ['set']],
    [bytes, null, ['bytes', 0]],
  ])('have columns, where what stands for it is told of by its place: %o', (cell, stands, told) => {
    const columns = [rows(null).map(({ a }) => a), rows(stands).map(({ b }) => b)];
    for (const [fields, ...path] of [
      [{ args: [rows(cell)] }, 'args', 0],
      [{ args: [], kwargs: { of: rows(cell) } }, 'kwargs', 'of'],
      [{ value: rows(cell) }, 'value'],
    ] as const) {
      const { text, bin } = 'args' in fields ? encodeAsFields(fields, 'f', LIMITS) : encodeFields(fields, 'f', LIMITS);
      const written = JSON.parse(`{${text}}`);
      expect(path.reduce((holder, step) => holder[step], written)).toEqual(columns);
      expect(written.rich).toEqual([
        [[...path, 1, 200], ...told],
        [path, 'rows', ['a', 'b']],
      ]);
      expect(bin).toEqual(cell === bytes ? [bytes] : []);
    }
  });

  it('have none where that is refused, or no value: it is told of by its place among them', () => {
    expect(refusal(() => argsJson([rows(undefined)])).path).toBe('args[0][200].b');
    expect(refusal(() => json(rows(() => 1))).path).toBe('value[200].b');
    const onFunction = (_: unknown, path: () => string) => {
      expect(path()).toBe('args[0][200].b');
      return { kind: 'function' as const, number: 4 };
    };
    const { text } = encodeAsFields({ args: [rows(() => 1)] }, 'f', LIMITS, { onFunction });
    expect(JSON.parse(`{${text}}`)).toEqual({
      args: [rows(null)],
      rich: [[['args', 0, 200, 'b'], 'function', 4]],
    });
  });

  it('are as deep as they may be, too', () => {
    const keyed = Object.fromEntries(rows(new Date(5)).map((row, n) => [`key ${n}`, row]));
    const limits = { ...LIMITS, depthMax: 2 };
    expect(encodeFields({ value: rows(new Date(5)) }, 'f', limits).text).toContain('"rows"');
    // As columns they would be a level deeper.
    const { value, rich } = JSON.parse(`{${encodeFields({ value: keyed }, 'f', limits).text}}`);
    expect([value['key 200'], rich]).toEqual([{ a: 200, b: 5 }, [[['value', 'key 200', 'b'], 'datetime']]]);
  });
});

describe('a getter', () => {
  it('that throws is heard', () => {
    const value = {
      get broken(): never {
        throw new RangeError('mine');
      },
    };
    expect(() => json(value)).toThrow('mine');
  });

  it('that is another at every look is refused all the same', () => {
    let reads = 0;
    const value = {
      get fickle() {
        reads += 1;
        return reads % 2 === 0 ? undefined : 1;
      },
    };
    // It is looked at for rows, weighed, and walked.
    const refused = refusal(() => json(value));
    expect([refused.sender, refused.message]).toEqual([
      'node',
      expect.stringMatching(/`value` changed while it was read/),
    ]);
    reads = 1;
    const init = refusal(() => encodeJson(value, 'init', LIMITS));
    expect([init.sender, init.message]).toEqual(['node', expect.stringMatching(/`init` changed while it was read/)]);
  });
});

function json(value: unknown, limits = LIMITS): string {
  return encodeFields({ value }, undefined, limits).text.slice('"value":'.length);
}

function argsJson(args: unknown[], limits = LIMITS): string {
  return encodeAsFields({ args }, undefined, limits).text.slice('"args":'.length);
}

function refusal(act: () => unknown): ValueRefusedError {
  try {
    act();
  } catch (error) {
    if (error instanceof ValueRefusedError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

function caught(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

function define(prototype: object, key: string, value: unknown): void {
  Object.defineProperty(prototype, key, { value, configurable: true, enumerable: true, writable: true });
}
