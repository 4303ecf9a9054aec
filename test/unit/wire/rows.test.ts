import { isDeepStrictEqual } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { columnsOf, keyedOf, kindsOf, mergedOf, rowsOf, withColumns } from '../../../src/wire/rows.js';
import { encodeFields } from '../../../src/wire/value.js';

afterEach(() => {
  for (const key of ['a', 'b']) Reflect.deleteProperty(Object.prototype, key);
});

describe('a list of objects', () => {
  const found = (row: (n: number) => unknown, height = 256) =>
    columnsOf(Array.from({ length: height }, (_, n) => row(n)));

  it('has columns if all have the same keys in the same order', () => {
    const { keys, columns } = found((n) => ({ a: n, b: 'x' }))!;
    expect(keys).toEqual(['a', 'b']);
    expect(columns[0]).toEqual(Array.from({ length: 256 }, (_, n) => n));
    expect(columns[1]).toEqual(Array.from({ length: 256 }, () => 'x'));
    expect(found((n) => Object.assign(Object.create(null), { a: n, b: 'x' }))).toEqual({ keys, columns });
  });

  it.each([
    ['another order', { b: 1, a: 1 }],
    ['a key more', { a: 1, b: 1, c: 1 }],
    ['a key less', { a: 1 }],
    ['another key', { a: 1, c: 1 }],
    ['null', null],
    ['a list', [1, 2]],
    [
      'a class',
      new (class Row {
        a = 1;
        b = 1;
      })(),
    ],
    ['a symbol for a key', { a: 1, b: 1, [Symbol('s')]: 1 }],
    ['text', 'ab'],
  ])('has none where one of them, at the end, the beginning or between, is %s', (_, other) => {
    for (const at of [0, 100, 299]) expect(found((n) => (n === at ? other : { a: 1, b: 1 }), 300)).toBeUndefined();
  });

  it('has none with a hole, of another class, or with too few values to gain by it', () => {
    const rows = Array.from({ length: 300 }, () => ({ a: 1, b: 1 }));
    expect(columnsOf(rows)).toBeDefined();
    delete rows[7];
    expect(columnsOf(rows)).toBeUndefined();
    expect(columnsOf(class Rows extends Array {}.from({ length: 300 }, () => ({ a: 1, b: 1 })))).toBeUndefined();
    expect([found((n) => ({ a: n, b: n }), 255), found((n) => ({ a: n, b: n }), 256) === undefined]).toEqual([
      undefined,
      false,
    ]);
    expect(found(() => ({}), 10_000)).toBeUndefined();
  });

  it('has none where one row many times over would take more memory than there is', () => {
    const row = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`key ${n}`, n]));
    expect(columnsOf(new Array(40_000).fill(row))).toBeDefined();
    expect(columnsOf(new Array(20_000_000).fill(row))).toBeUndefined();
  });
});

describe('a list of objects that have not all the same keys', () => {
  const mixed = (height = 900) =>
    Array.from({ length: height }, (_, n) => (n % 3 === 0 ? { a: n, b: 'x', c: null } : { a: n, b: 'x' }));

  it('is several lists, one for each kind, and for each object the number of its list', () => {
    const rows = mixed();
    expect(kindsOf(rows)).toEqual({
      which: rows.map((_, n) => (n % 3 === 0 ? 0 : 1)),
      kinds: [
        { keys: ['a', 'b', 'c'], rows: rows.filter((_, n) => n % 3 === 0) },
        { keys: ['a', 'b'], rows: rows.filter((_, n) => n % 3 !== 0) },
      ],
      others: [],
    });
  });

  it('is of sixteen kinds at the most, and the others are like none of these', () => {
    const frequent = Array.from({ length: 4_000 }, (_, n) =>
      n % 3 === 0 ? { a: n, [`key ${n % 20}`]: 1 } : { a: n, b: 2 },
    );
    const { which, kinds, others } = kindsOf(frequent)!;
    expect([kinds.length, Math.max(...which)]).toEqual([16, 16]);
    expect(new Set(others.map((row) => Object.keys(row)[1])).size).toBe(5);
    expect(mergedOf([which, ...kinds.map(({ rows }) => rows), others])).toEqual(frequent);
  });

  it('stays one where all are different, one is no plain object, or there are too few', () => {
    expect(kindsOf(Array.from({ length: 6_000 }, (_, n) => ({ a: n, [`key ${n}`]: 1 })))).toBeUndefined();
    expect(kindsOf([...mixed(), null])).toBeUndefined();
    expect(kindsOf([...mixed(), { [Symbol('s')]: 1 }])).toBeUndefined();
    expect(kindsOf(mixed(680))).toBeUndefined();
    const wide = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`key ${n}`, n]));
    expect(kindsOf([...mixed(), ...new Array(4_000).fill(wide)])).toBeUndefined();
  });

  it('is read by index, as all that is sent, whatever its iterator says', () => {
    const rows = Object.assign(mixed(), { [Symbol.iterator]: () => [{}][Symbol.iterator]() });
    expect(kindsOf(rows)?.which).toHaveLength(900);
  });

  it('is sent as such if most of it has columns', () => {
    const rich: unknown[][] = [];
    const rows = [...mixed(), { other: 1 }];
    const [stands] = withColumns([rows], ['args'], rich) as [unknown[]];
    expect(stands.slice(1)).toEqual([
      ['a', 'b', 'c'].map((key) => rows.filter((_, n) => n % 3 === 0 && n < 900).map((row) => (row as never)[key])),
      ['a', 'b'].map((key) => rows.filter((_, n) => n % 3 !== 0).map((row) => (row as never)[key])),
      [{ other: 1 }],
    ]);
    expect(rich).toEqual([
      [['args', 0, 1], 'rows', ['a', 'b', 'c']],
      [['args', 0, 2], 'rows', ['a', 'b']],
      [['args', 0], 'merged'],
    ]);
    const none: unknown[][] = [];
    const few = Array.from({ length: 2_000 }, (_, n) => ({ a: n, [`key ${n % 10}`]: 1 }));
    expect(withColumns([few], ['args'], none)).toEqual([few]);
    expect(none).toEqual([]);
  });
});

describe('a list of which most could have columns', () => {
  const mixed = (odd: unknown) => Array.from({ length: 1_200 }, (_, n) => (n === 7 ? odd : { a: n, b: [n] }));
  const limits = { depthMax: 3, messageBytesMax: 1_000_000, attachmentBytesMax: 1_000 };
  const written = (value: unknown, depthMax = 9) => encodeFields({ value }, 'f', { ...limits, depthMax }).text;

  it('goes as it is where it is as deep as it may be', () => {
    const plain = mixed({ a: 1 });
    expect(written(plain)).toContain('[["value"],"merged"]');
    expect(written(plain, 3)).toBe(`"value":${JSON.stringify(plain)}`);
    for (const odd of [{ a: Number.NaN }, { a: new Date(0) }]) {
      const text = written(mixed(odd), 3);
      expect(text).toMatch(/^"value":\[\{"a":0,"b":\[0\]\},/);
      expect(text).toContain('"rich":[[["value",7,"a"],');
      expect(text).not.toContain('merged');
    }
  });

  it('tells of what JSON has no word for by its place in the lists', () => {
    const text = written(mixed({ a: new Date(5) }));
    expect(text).toContain(
      ',[{"a":5}]],"rich":[[["value",2,0,"a"],"datetime"],[["value",1],"rows",["a","b"]],[["value"],"merged"]]',
    );
  });

  it('is refused with the path to what cannot cross', () => {
    expect(() => written(mixed({ a: undefined }))).toThrow('value[7].a');
  });
});

describe('several lists', () => {
  it('become one', () => {
    expect(mergedOf([[1, 0, 1], ['a'], ['b', 'c']])).toEqual(['b', 'a', 'c']);
    expect(mergedOf([[]])).toEqual([]);
    expect(mergedOf([[0], [null], []])).toEqual([null]);
  });

  it.each([
    ['nothing', []],
    ['no list', { length: 1 }],
    ['a list of no lists', [[0], 'a']],
    ['a list that is not there', [[2], ['a'], []]],
    ['a list before the first', [[-1], ['a']]],
    ['half a list', [[0.5], ['a']]],
    ['the number of a list as text', [['0'], ['a']]],
    ['a property of lists', [['length'], ['a']]],
    ['more items than there are', [[0, 0], ['a'], ['b']]],
    ['fewer items than there are', [[0], ['a'], ['b']]],
  ])('do not with %s', (_, stands) => {
    expect(() => mergedOf(stands)).toThrow(RangeError);
  });
});

describe('the values of a message', () => {
  const rows = Array.from({ length: 300 }, (_, n) => ({ a: n, b: -n }));
  const columns = [rows.map(({ a }) => a), rows.map(({ b }) => b)];

  it('are themselves where there are no rows among them', () => {
    for (const values of [[], [1, null, 'x', rows.slice(0, 9)], { a: { b: [] } }, [{ deep: { rows } }]]) {
      const rich: unknown[][] = [];
      expect(withColumns(values as unknown[], [], rich)).toBe(values);
      expect(rich).toEqual([]);
    }
  });

  it('have columns in the place of rows, and of those that an object among them holds', () => {
    const rich: unknown[][] = [];
    const values = [0, rows, { total: 300, rows, ['__proto__' as string]: rows }];
    expect(
      isDeepStrictEqual(
        withColumns(values, ['args'], rich)[2],
        Object.assign(Object.create(null), { total: 300, rows: columns, ['__proto__']: columns }),
      ),
    ).toBe(true);
    expect(withColumns(values, ['args'], [])[1]).toEqual(columns);
    expect(rich).toEqual([
      [['args', 1], 'rows', ['a', 'b']],
      [['args', 2, 'rows'], 'rows', ['a', 'b']],
      [['args', 2, '__proto__'], 'rows', ['a', 'b']],
    ]);
    // Nothing of the caller's is changed.
    expect([values[1], (values[2] as { rows: unknown }).rows]).toEqual([rows, rows]);
  });

  it('have no more values in columns, all together, than one list may have: it might be there many times over', () => {
    const row = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`key ${n}`, n]));
    const alike = new Array(1_000).fill(row);
    const mixed = alike.map((each, n) => (n === 7 ? {} : each));
    const keyed = Object.fromEntries(alike.map((each, n) => [n, each]));
    for (const held of [alike, mixed, keyed]) {
      const values = new Array(6).fill(held);
      for (const given of [values, [{ ...values }]]) {
        const rich: unknown[][] = [];
        withColumns(given, ['args'], rich);
        expect(rich.filter(([, kind]) => kind === 'rows')).toHaveLength(4);
      }
    }
  });
});

describe('an object of many objects', () => {
  const keyed = (row: (n: number) => unknown, height = 300) =>
    Object.fromEntries(Array.from({ length: height }, (_, n) => [`key ${n}`, row(n)]));
  const told = (value: object) => {
    const rich: unknown[][] = [];
    const [stands] = withColumns([value], ['args'], rich);
    return { stands, rich };
  };

  it('is its keys and the columns of its rows', () => {
    const value = keyed((n) => ({ a: n, b: -n }));
    const { stands, rich } = told(value);
    const numbers = Array.from({ length: 300 }, (_, n) => n);
    expect(stands).toEqual([Object.keys(value), [numbers, numbers.map((n) => -n)]]);
    expect(rich).toEqual([
      [['args', 0, 1], 'rows', ['a', 'b']],
      [['args', 0], 'keyed'],
    ]);
    expect(told({ rows: value, total: 300 }).rich.at(-1)).toEqual([['args', 0, 'rows'], 'keyed']);
  });

  it('may have rows of several kinds', () => {
    const { stands, rich } = told(keyed((n) => (n % 3 === 0 ? { a: n, b: 'x', c: null } : { a: n, b: 'x' }), 900));
    expect((stands as unknown as unknown[][])[1]).toHaveLength(3);
    expect(rich.map(([path, kind]) => [path, kind])).toEqual([
      [['args', 0, 1, 1], 'rows'],
      [['args', 0, 1, 2], 'rows'],
      [['args', 0, 1], 'merged'],
      [['args', 0], 'keyed'],
    ]);
  });

  it.each<[string, object]>([
    ['too few', keyed((n) => ({ a: n, b: n }), 200)],
    ['no rows', keyed((n) => (n === 7 ? null : { a: n, b: n }))],
    ['of all kinds', keyed((n) => ({ a: n, [`b ${n}`]: n }))],
    [
      'with a symbol for a key',
      Object.assign(
        keyed((n) => ({ a: n, b: n })),
        { [Symbol('s')]: 1 },
      ),
    ],
    [
      'of a class',
      Object.assign(
        new (class Table {})(),
        keyed((n) => ({ a: n, b: n })),
      ),
    ],
    ['an object deeper', { a: { b: keyed((n) => ({ a: n, b: n })) } }],
    ['objects of such ones', keyed((n) => ({ [`b ${n}`]: 1, ...keyed((m) => ({ a: m, b: m })) }), 20)],
  ])('is itself where they are %s', (_, value) => {
    const { stands, rich } = told(value);
    expect(stands).toBe(value);
    expect(rich).toEqual([]);
  });

  it('comes from its keys and items, and from nothing else', () => {
    const text = '{"b":1,"__proto__":{"polluted":true}}';
    expect(
      JSON.stringify(
        keyedOf([
          ['b', '__proto__'],
          [1, { polluted: true }],
        ]),
      ),
    ).toBe(text);
    for (const stands of [
      null,
      [['a']],
      [[], []],
      [
        ['a', 'a'],
        [1, 2],
      ],
      [['a'], [1, 2]],
      [['a'], 'b'],
      [[1], [1]],
      [['a'], [1], []],
    ]) {
      expect(() => keyedOf(stands)).toThrow(RangeError);
    }
  });
});

describe('columns', () => {
  it('become rows', () => {
    expect(
      rowsOf(
        ['a', 'b'],
        [
          [1, 2, 3],
          ['x', null, []],
        ],
      ),
    ).toEqual([
      { a: 1, b: 'x' },
      { a: 2, b: null },
      { a: 3, b: [] },
    ]);
    expect(rowsOf(['a'], [[]])).toEqual([]);
    expect(
      Object.keys(
        rowsOf(
          ['b', '7', 'a'],
          [
            [1, 1],
            [2, 2],
            [3, 3],
          ],
        )[1]!,
      ),
    ).toEqual(['7', 'b', 'a']);
  });

  it('become rows whose keys are their own, whatever hangs on Object.prototype', () => {
    Object.defineProperty(Object.prototype, 'a', {
      set: () => {
        throw new Error('asked');
      },
      configurable: true,
    });
    Object.defineProperty(Object.prototype, 'b', { value: 'fixed', writable: false, configurable: true });
    const rows = rowsOf(
      ['a', 'b', '__proto__'],
      [
        [1, 2],
        [3, 4],
        [{ polluted: true }, null],
      ],
    );
    expect(rows.map((row) => JSON.stringify(row))).toEqual([
      '{"a":1,"b":3,"__proto__":{"polluted":true}}',
      '{"a":2,"b":4,"__proto__":null}',
    ]);
    expect(rows.map((row) => Object.getPrototypeOf(row) === Object.prototype)).toEqual([true, true]);
  });

  it.each([
    ['no keys', [], []],
    ['keys that are no list', 'ab', [[1], [2]]],
    ['a key that is no text', ['a', 1], [[1], [2]]],
    ['a key twice', ['a', 'a'], [[1], [2]]],
    ['a column too few', ['a', 'b'], [[1]]],
    ['a column too many', ['a'], [[1], [2]]],
    ['a column that is shorter', ['a', 'b'], [[1, 2], [1]]],
    ['a column that is no list', ['a', 'b'], [[1], 'x']],
    ['columns that are no list', ['length'], 'x'],
    ['columns that are null', ['a'], null],
  ])('are none with %s', (_, keys, columns) => {
    expect(() => rowsOf(keys, columns)).toThrow(RangeError);
  });
});
