import { createContext, runInContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { MessageTooLargeError, ValueRefusedError } from '../../../src/errors.js';
import { kw } from '../../../src/kw.js';
import { encodeFields, encodeJson } from '../../../src/wire/value.js';

const LIMITS = { depthMax: 200, messageBytesMax: 64 * 1024 * 1024, attachmentBytesMax: 1024 ** 3 };

afterEach(() => {
  for (const prototype of [Object.prototype, Array.prototype]) {
    for (const key of ['toJSON', 'polluted']) Reflect.deleteProperty(prototype, key);
  }
});

describe('a value that is refused', () => {
  it.each([
    [undefined, 'is undefined'],
    [2 ** 53, 'is the integer 9007199254740992'],
    [Symbol('s'), 'is a symbol'],
    [() => 1, 'is a function'],
    [new Date(Number.NaN), 'is an invalid Date'],
    [new Date('+010000-01-01'), 'is +010000-01-01T00:00:00.000Z, and Python knows the years 1 to 9999 only'],
    [new Map([[{}, 1]]), 'has keys that Python cannot look up'],
    [new Map([[[1, {}], 1]]), 'has keys that Python cannot look up'],
    [new Set([new Map()]), 'has members that Python cannot look up'],
    [new Set([1, true]), 'has two members that would be one in Python'],
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
  });

  it('is told of with the function that was called', () => {
    const refused = refusal(() => encodeFields({ args: [undefined, 1] }, 'mean', LIMITS));
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
    const { text, bin } = encodeFields({ args }, 'f', LIMITS, { onFunction, onIterable: take });
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
        return reads % 2 === 1 ? undefined : 1;
      },
    };
    expect(() => json(value)).toThrow(/`value` changed while it was read/);
    reads = 0;
    expect(() => encodeJson(value, 'init', LIMITS)).toThrow(/`init` changed while it was read/);
  });
});

function json(value: unknown, limits = LIMITS): string {
  return encodeFields({ value }, undefined, limits).text.slice('"value":'.length);
}

function argsJson(args: unknown[], limits = LIMITS): string {
  return encodeFields({ args }, undefined, limits).text.slice('"args":'.length);
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

function define(prototype: object, key: string, value: unknown): void {
  Object.defineProperty(prototype, key, { value, configurable: true, enumerable: true, writable: true });
}
