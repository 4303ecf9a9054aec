import { createContext, runInContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { MessageTooLargeError, ValueRefusedError } from '../../../src/errors.js';
import { kw } from '../../../src/kw.js';
import { encodeArguments, encodeValue } from '../../../src/wire/value.js';

const LIMITS = { depthMax: 200, messageBytesMax: 64 * 1024 * 1024 };

afterEach(() => {
  for (const prototype of [Object.prototype, Array.prototype]) {
    for (const key of ['toJSON', 'polluted']) Reflect.deleteProperty(prototype, key);
  }
});

describe('a value that is refused', () => {
  it.each([
    [undefined, 'is undefined'],
    [Number.NaN, 'is NaN'],
    [Number.NEGATIVE_INFINITY, 'is -Infinity'],
    [-0, 'is -0, which would arrive as 0'],
    [2 ** 53, 'is the integer 9007199254740992'],
    [12n, 'is the bigint 12n'],
    [Symbol('s'), 'is a symbol'],
    [() => 1, 'is a function'],
    [new Date(0), 'is an instance of Date. Send `date.toISOString()`'],
    [new Map(), 'is an instance of Map. Send `Object.fromEntries(map)`'],
    [new Set(), 'is an instance of Set. Send `[...set]`.'],
    [Buffer.from('x'), 'is an instance of Buffer. Send `Array.from(…)`'],
    [new Float64Array(1), 'is an instance of Float64Array. Send `Array.from(…)`'],
    [new ArrayBuffer(1), 'is an instance of ArrayBuffer.'],
    [new (class Point {})(), 'is an instance of Point. Send a plain object or an array.'],
    [Promise.resolve(), 'is an instance of Promise. Await it first.'],
    [Object.create(Object.create(null)), 'is an object with a prototype of its own.'],
    [Object.create({ constructor: { name: 'constructor' } }), 'is an instance of constructor. Send a plain object'],
    [{ [Symbol('s')]: 1 }, 'has Symbol(s) for a key'],
    [kw({ a: 1 }), 'holds keyword arguments'],
  ])('is named by its path, with what to send instead: %o', (value, problem) => {
    const refused = refusal(() => encodeValue({ rows: [1, value] }, { root: 'value' }, LIMITS));
    expect(refused.path).toBe('value.rows[1]');
    expect(refused.sender).toBe('node');
    expect(refused.message).toContain(`\`value.rows[1]\` ${problem}`);
  });

  it('is told of with the function that was called', () => {
    const refused = refusal(() => encodeArguments([Number.NaN], { root: 'args', call: 'mean' }, LIMITS));
    expect(refused.message).toMatch(/^In the call of "mean", `args\[0\]` is NaN/);
  });

  it('is the first one, in the order in which it would be written', () => {
    const path = (value: unknown) => refusal(() => encodeValue(value, { root: 'value' }, LIMITS)).path;
    expect(path({ a: [1, { b: -0 }], c: Number.NaN })).toBe('value.a[1].b');
    const holey: unknown[] = [[[]]];
    holey[2] = undefined;
    expect(path(holey)).toBe('value[1]');
    expect(path({ 'a b': [Number.NaN] })).toBe('value["a b"][0]');
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
    expect(refusal(() => encodeValue(ring, { root: 'value' }, LIMITS)).message).toContain('holds itself');
  });

  it('is called one even where there is more text than a message may have on the way round', () => {
    const parent: { text: string; children: unknown[] } = { text: 'x'.repeat(1000), children: [] };
    parent.children.push({ parent }, { parent });
    const limits = { depthMax: 200, messageBytesMax: 10_000 };
    expect(refusal(() => encodeValue(parent, { root: 'value' }, limits)).path).toBe('value.children[0].parent');
  });

  it('is not what one object in two places is', () => {
    const shared = { a: [1] };
    expect(encodeValue([shared, shared, { shared }], { root: 'value' }, LIMITS)).toBe(
      '[{"a":[1]},{"a":[1]},{"shared":{"a":[1]}}]',
    );
  });
});

describe('the size', () => {
  it('is refused at once where few objects stand for more text than there is memory', () => {
    let value: unknown = 1;
    for (let depth = 0; depth < 100; depth++) value = [value, value];
    const limits = { depthMax: 200, messageBytesMax: 100_000 };
    expect(() => encodeValue(value, { root: 'value' }, limits)).toThrow(MessageTooLargeError);
  });

  it('finds a refused value among objects that are held many times over', () => {
    let value: unknown = [Number.NaN];
    for (let depth = 0; depth < 100; depth++) value = [[], value];
    let doubled: unknown = [];
    for (let depth = 0; depth < 60; depth++) doubled = [doubled, doubled];
    const limits = { depthMax: 200, messageBytesMax: 100_000 };
    const { path } = refusal(() => encodeValue([doubled, value], { root: 'value' }, limits));
    expect(path).toBe(`value[1]${'[1]'.repeat(100)}[0]`);
  });

  it('refuses a text that is longer than a message before it is written', () => {
    const limits = { depthMax: 200, messageBytesMax: 10 };
    expect(() => encodeValue('x'.repeat(9), { root: 'value' }, limits)).toThrow(/takes 11 bytes.*may have 10/);
    expect(encodeValue('x'.repeat(8), { root: 'value' }, limits)).toBe('"xxxxxxxx"');
    expect(() => encodeValue([1, 2, 3, 4, 5], { root: 'value' }, limits)).toThrow(MessageTooLargeError);
  });
});

describe('the depth', () => {
  it('counts containers, and the list of arguments is none', () => {
    const limits = { depthMax: 2, messageBytesMax: 100 };
    expect(encodeValue([[1]], { root: 'value' }, limits)).toBe('[[1]]');
    expect(encodeArguments([[[1]], 2], { root: 'args' }, limits)).toBe('[[[1]],2]');
    expect(refusal(() => encodeValue([[[]]], { root: 'value' }, limits)).message).toContain('deeper than 2 levels');
    expect(refusal(() => encodeArguments([[[[]]]], { root: 'args' }, limits)).path).toBe('args[0][0][0]');
  });

  it('may be 0, for values that hold nothing', () => {
    const limits = { depthMax: 0, messageBytesMax: 100 };
    expect(encodeArguments([1, 'a'], { root: 'args' }, limits)).toBe('[1,"a"]');
    expect(refusal(() => encodeArguments([[]], { root: 'args' }, limits)).path).toBe('args[0]');
  });
});

describe('a polluted prototype', () => {
  const value = { a: [1, { b: 'two' }], toJSON: 'data', constructor: { prototype: 1 } };
  const json = '{"a":[1,{"b":"two"}],"toJSON":"data","constructor":{"prototype":1}}';

  it('changes nothing by a toJSON', () => {
    for (const prototype of [Object.prototype, Array.prototype]) {
      define(prototype, 'toJSON', () => 'stolen');
      expect(encodeValue(value, { root: 'value' }, LIMITS)).toBe(json);
      expect(encodeArguments([value], { root: 'args' }, LIMITS)).toBe(`[${json}]`);
      Reflect.deleteProperty(prototype, 'toJSON');
    }
  });

  it('changes nothing by a property, and adds none', () => {
    define(Object.prototype, 'polluted', () => 1);
    expect(encodeValue(value, { root: 'value' }, LIMITS)).toBe(json);
  });

  it('is not what __proto__ as a key is: it crosses', () => {
    const text = '{"__proto__":{"polluted":[{"__proto__":1}]}}';
    expect(encodeValue(JSON.parse(text), { root: 'value' }, LIMITS)).toBe(text);
    define(Object.prototype, 'toJSON', () => 'stolen');
    expect(encodeValue(JSON.parse(text), { root: 'value' }, LIMITS)).toBe(text);
  });
});

describe('an object of another realm', () => {
  const context = createContext({});
  const foreign = (source: string) => runInContext(`(${source})`, context) as unknown;

  it('is plain if it is plain there', () => {
    expect(encodeValue(foreign('{ a: [1, {}, []] }'), { root: 'value' }, LIMITS)).toBe('{"a":[1,{},[]]}');
  });

  it.each(['new Date(0)', 'new Map()', 'new (class Point {})()', 'new (class Rows extends Array {})()', '() => 1'])(
    'is refused as it would be here: %s',
    (source) => {
      expect(() => encodeValue(foreign(source), { root: 'value' }, LIMITS)).toThrow(ValueRefusedError);
    },
  );

  it('is refused where a toJSON there would change it', () => {
    const polluted = createContext({});
    runInContext('Object.prototype.toJSON = () => "stolen"', polluted);
    expect(() => encodeValue(runInContext('({})', polluted), { root: 'value' }, LIMITS)).toThrow(ValueRefusedError);
    expect(() => encodeValue(runInContext('[]', polluted), { root: 'value' }, LIMITS)).toThrow(ValueRefusedError);
  });
});

describe('a getter', () => {
  it('that throws is heard', () => {
    const value = {
      get broken(): never {
        throw new RangeError('mine');
      },
    };
    expect(() => encodeValue(value, { root: 'value' }, LIMITS)).toThrow('mine');
  });

  it('that was bad and is good again is refused all the same', () => {
    let reads = 0;
    const value = {
      get fickle() {
        reads += 1;
        return reads === 1 ? Number.NaN : 1;
      },
    };
    expect(() => encodeValue(value, { root: 'value' }, LIMITS)).toThrow(/`value` changed while it was read/);
  });
});

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
