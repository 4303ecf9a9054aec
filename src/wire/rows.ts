import { isPlainArray, isPlainObject } from './plain.js';

/** Rows of the same keys, as what stands for them in JSON. */
export interface Columns {
  readonly keys: readonly string[];
  /** One for each key, each as long as there are rows. */
  readonly columns: readonly (readonly unknown[])[];
}

/**
 * A list or an object of values, with columns in the place of the long lists of rows among them, and of those that the
 * plain objects among them hold or are: less text, made and read in less time, as `docs/decisions/rows.md` has it. Nothing is
 * changed: what has rows in it is copied.
 *
 * @param rich Gets what the columns stand for, as entries with paths that begin with `path`.
 */
export function withColumns<T extends Values>(values: T, path: Path, rich: unknown[][]): T {
  // Most arguments hold nothing.
  if (Array.isArray(values) && !values.some(isObject)) return values;
  return new ColumnWalk(rich).inside(values, path, 1);
}

/** One look for rows, whose columns together may have no more values than one list of them. */
class ColumnWalk {
  readonly #rich: unknown[][];
  #cellsLeft = CELLS_MAX;

  constructor(rich: unknown[][]) {
    this.#rich = rich;
  }

  /** @param levels How much further into objects it is looked: below 0, into none. */
  inside<T extends Values>(values: T, path: Path, levels: number): T {
    let stands: Record<string | number, unknown> | undefined;
    const look = (step: string | number, value: unknown): void => {
      const stand = this.#standIn(value, path, step, levels);
      if (stand === value) return;
      stands ??= copyOf(values);
      stands[step] = stand;
    };
    if (Array.isArray(values)) for (let index = 0; index < values.length; index++) look(index, values[index]);
    else for (const key of Object.keys(values)) look(key, (values as Readonly<Record<string, unknown>>)[key]);
    return (stands ?? values) as T;
  }

  #standIn(value: unknown, path: Path, step: string | number, levels: number): unknown {
    if (!isObject(value)) return value;
    if (!Array.isArray(value)) return levels < 0 ? value : this.#recordIn(value as Row, path, step, levels);
    if (value.length < ROWS_MIN) return value;
    const at = [...path, step];
    const found = columnsOf(value, this.#cellsLeft);
    if (found === undefined) return this.#mergedIn(value, at) ?? value;
    this.#stands(at, found.keys, value.length);
    return found.columns;
  }

  /** What stands for an object whose members are rows, or for those of its members that are. */
  #recordIn(record: Row, path: Path, step: string | number, levels: number): unknown {
    if (!isPlainObject(record)) return record;
    const keys = Object.keys(record);
    const isKeyed =
      keys.length >= ROWS_MIN && isRow(record[keys[0] as string]) && Object.getOwnPropertySymbols(record).length === 0;
    if (isKeyed) {
      const at = [...path, step];
      const rows = keys.map((key) => record[key]);
      const stands = this.#standIn(rows, at, 1, 0);
      if (stands !== rows) {
        this.#rich.push([at, KEYED]);
        return [keys, stands];
      }
    }
    // Not into each of so many objects.
    return levels > 0 ? this.inside(record, [...path, step], isKeyed ? -1 : levels - 1) : record;
  }

  /** What stands for rows of several kinds, if most of them have columns. */
  #mergedIn(rows: readonly unknown[], at: Path): unknown[] | undefined {
    const found = kindsOf(rows, this.#cellsLeft);
    if (found === undefined) return undefined;
    const { which, kinds, others } = found;
    const gains = ({ keys, rows }: Kind) => keys.length * rows.length >= CELLS_MIN;
    const gaining = kinds.filter(gains).reduce((sum, kind) => sum + kind.rows.length, 0);
    if (gaining < which.length / 2) return undefined;
    const lists = kinds.map((kind, number) => {
      if (!gains(kind)) return kind.rows;
      this.#stands([...at, number + 1], kind.keys, kind.rows.length);
      return kind.keys.map((key) => kind.rows.map((row) => row[key]));
    });
    this.#rich.push([at, MERGED]);
    return others.length === 0 ? [which, ...lists] : [which, ...lists, others];
  }

  /** Columns stand there for so many rows of these keys. */
  #stands(at: Path, keys: readonly string[], height: number): void {
    this.#rich.push([at, ROWS, keys]);
    this.#cellsLeft -= keys.length * height;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Without a prototype, so that `__proto__` is a key like any other. */
function copyOf(values: Values): Record<string | number | symbol, unknown> {
  if (Array.isArray(values)) return values.slice() as unknown as Record<number, unknown>;
  const copy: Record<string | symbol, unknown> = Object.assign(Object.create(null), values);
  // Hidden ones as well: what is iterable by one is no record, and whoever looks at the copy is to find that.
  for (const symbol of Object.getOwnPropertySymbols(values)) copy[symbol] = null;
  return copy;
}

/** What stands for such objects; `undefined` unless all are plain, with the same keys in the same order. */
export function columnsOf(rows: readonly unknown[], cellsMax = CELLS_MAX): Columns | undefined {
  const first = rows[0];
  if (!isPlainArray(rows) || !isRow(first)) return undefined;
  const keys = Object.keys(first);
  const cells = keys.length * rows.length;
  if (cells < CELLS_MIN || cells > cellsMax) return undefined;
  const columns = keys.map(() => new Array<unknown>(rows.length));
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index];
    if (!isRow(row)) return undefined;
    const its = Object.keys(row);
    if (its.length !== keys.length) return undefined;
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at] as string;
      if (its[at] !== key) return undefined;
      (columns[at] as unknown[])[index] = row[key];
    }
  }
  return { keys, columns };
}

/**
 * Such objects as several lists, one for those that have the same keys in the same order. `undefined` if they are not all
 * plain, are too few or too many, or hardly any two are alike.
 */
export function kindsOf(rows: readonly unknown[], cellsMax = CELLS_MAX): Kinds | undefined {
  const first = rows[0];
  if (!isPlainArray(rows) || !isRow(first) || Object.keys(first).length * rows.length < KINDS_CELLS_MIN)
    return undefined;
  const which: number[] = [];
  const kinds: Kind[] = [];
  const others: Row[] = [];
  let cells = 0;
  let number = 0;
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index];
    if (!isRow(row)) return undefined;
    const keys = Object.keys(row);
    cells += keys.length;
    if (cells > cellsMax) return undefined;
    // Many are like the one before.
    let kind = kinds[number];
    if (kind === undefined || !areSame(kind.keys, keys)) {
      number = kinds.findIndex((each) => areSame(each.keys, keys));
      if (number === -1) number = kinds.length < KINDS_MAX ? kinds.push({ keys, rows: [] }) - 1 : KINDS_MAX;
      if (number === KINDS_MAX && index < SAMPLE) return undefined;
      kind = kinds[number];
    }
    (kind?.rows ?? others).push(row);
    which.push(number);
  }
  return { which, kinds, others };
}

function areSame(keys: readonly string[], others: readonly string[]): boolean {
  return keys.length === others.length && keys.every((key, at) => key === others[at]);
}

/**
 * The rows that such columns stand for.
 *
 * @throws RangeError where they stand for none.
 */
export function rowsOf(keys: unknown, columns: unknown): Record<string, unknown>[] {
  if (!areKeys(keys) || !areColumns(columns, keys.length)) {
    throw new RangeError('no columns of one length, one for each of several keys');
  }
  const height = (columns[0] as unknown[]).length;
  if (height === 0) return [];
  // The others are copies of the first, so that nothing of a prototype is asked when a key is set, `__proto__` included.
  const first = Object.fromEntries(keys.map((key, at) => [key, columns[at]?.[0]]));
  const rows = [first];
  for (let index = 1; index < height; index++) {
    const row = { ...first };
    for (let at = 0; at < keys.length; at++) row[keys[at] as string] = (columns[at] as unknown[])[index];
    rows.push(row);
  }
  return rows;
}

/**
 * The items of several lists as one: the first, `which`, says of each item from which of the others it is, where it is the next.
 *
 * @throws RangeError where that cannot be.
 */
export function mergedOf(stands: unknown): unknown[] {
  if (!Array.isArray(stands) || stands.length === 0 || !stands.every(Array.isArray)) {
    throw new RangeError('no list of numbers, and the lists that they choose from');
  }
  const [which, ...lists] = stands as [unknown[], ...unknown[][]];
  const taken = lists.map(() => 0);
  const merged = which.map((number) => {
    const list = typeof number === 'number' ? lists[number] : undefined;
    const at = taken[number as number];
    if (list === undefined || at === undefined || at === list.length) throw new RangeError('an item is not there');
    taken[number as number] = at + 1;
    return list[at];
  });
  if (lists.some((list, number) => list.length !== taken[number])) throw new RangeError('not all items are chosen');
  return merged;
}

/**
 * The object of such keys and items.
 *
 * @throws RangeError where there is none.
 */
export function keyedOf(stands: unknown): Record<string, unknown> {
  const [keys, items] = Array.isArray(stands) && stands.length === 2 ? stands : [];
  if (!areKeys(keys) || !Array.isArray(items) || items.length !== keys.length) {
    throw new RangeError('no list of different keys, and one of as many items');
  }
  return Object.fromEntries(keys.map((key, at) => [key, items[at]]));
}

function areKeys(keys: unknown): keys is string[] {
  if (!Array.isArray(keys) || keys.length === 0) return false;
  return keys.every((key) => typeof key === 'string') && new Set(keys).size === keys.length;
}

function areColumns(columns: unknown, width: number): columns is unknown[][] {
  if (!Array.isArray(columns) || columns.length !== width) return false;
  return columns.every((column) => Array.isArray(column) && column.length === columns[0].length);
}

function isRow(value: unknown): value is Row {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    isPlainObject(value) &&
    Object.getOwnPropertySymbols(value).length === 0
  );
}

type Values = readonly unknown[] | Readonly<Record<string, unknown>>;
type Path = readonly (string | number)[];

/** Rows by the keys that they have. */
interface Kinds {
  /** For each row the number of its kind, in the order of the rows; for the others as many as there are kinds. */
  readonly which: readonly number[];
  readonly kinds: readonly Kind[];
  /** Those of further kinds. */
  readonly others: readonly Row[];
}

interface Kind {
  readonly keys: readonly string[];
  readonly rows: Row[];
}

type Row = Readonly<Record<string, unknown>>;

/** The kinds of `rich` for them. */
const ROWS = 'rows';
const MERGED = 'merged';
const KEYED = 'keyed';
/** Shorter lists gain nothing by it. */
const ROWS_MIN = 16;
/** What stands for fewer values costs as much as it saves. */
const CELLS_MIN = 512;
/** One row or list might be there many times over, and columns would take memory where the rows themselves take none. */
const CELLS_MAX = 4_000_000;
/** What has four members that may be there or not is of sixteen kinds. */
const KINDS_MAX = 16;
/** Fewer values gain nothing by being put into several lists. */
const KINDS_CELLS_MIN = 2_048;
/** Where so many of the first rows are of more kinds than these, hardly any two are to be alike. */
const SAMPLE = 32;
