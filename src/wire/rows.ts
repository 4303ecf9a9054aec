import { isPlainArray, isPlainObject } from './plain.js';

/** Rows of the same keys, as what stands for them in JSON. */
export interface Columns {
  readonly keys: readonly string[];
  /** One for each key, each as long as there are rows. */
  readonly columns: readonly (readonly unknown[])[];
}

/**
 * A list or an object of values, with columns in the place of the long lists of rows among them, and of those that the
 * plain objects among them hold: less text, made and read in less time, as `docs/decisions/rows.md` has it. Nothing is
 * changed: what has rows in it is copied.
 *
 * @param rich Gets what the columns stand for, as entries with paths that begin with `path`.
 */
export function withColumns<T extends Values>(values: T, path: Path, rich: unknown[][], levels = 1): T {
  // Most arguments hold nothing.
  if (Array.isArray(values) && !values.some(isObject)) return values;
  let stands: Record<string | number, unknown> | undefined;
  const look = (step: string | number, value: unknown): void => {
    const stand = standIn(value, path, step, rich, levels);
    if (stand === value) return;
    stands ??= copyOf(values);
    stands[step] = stand;
  };
  if (Array.isArray(values)) for (let index = 0; index < values.length; index++) look(index, values[index]);
  else for (const key of Object.keys(values)) look(key, (values as Readonly<Record<string, unknown>>)[key]);
  return (stands ?? values) as T;
}

function standIn(value: unknown, path: Path, step: string | number, rich: unknown[][], levels: number): unknown {
  if (!isObject(value)) return value;
  if (!Array.isArray(value)) {
    return levels > 0 && isPlainObject(value) ? withColumns(value as Values, [...path, step], rich, levels - 1) : value;
  }
  const found = value.length < ROWS_MIN ? undefined : columnsOf(value);
  if (found === undefined) return value;
  rich.push([[...path, step], ROWS, found.keys]);
  return found.columns;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Without a prototype, so that `__proto__` is a key like any other. */
function copyOf(values: Values): Record<string | number, unknown> {
  return (Array.isArray(values) ? values.slice() : Object.assign(Object.create(null), values)) as Record<
    string,
    unknown
  >;
}

/** What stands for such objects; `undefined` unless all are plain, with the same keys in the same order. */
export function columnsOf(rows: readonly unknown[]): Columns | undefined {
  const [first] = rows;
  if (!isPlainArray(rows) || !isRow(first)) return undefined;
  const keys = Object.keys(first);
  const cells = keys.length * rows.length;
  if (cells < CELLS_MIN || cells > CELLS_MAX) return undefined;
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

function areKeys(keys: unknown): keys is string[] {
  if (!Array.isArray(keys) || keys.length === 0) return false;
  return keys.every((key) => typeof key === 'string') && new Set(keys).size === keys.length;
}

function areColumns(columns: unknown, width: number): columns is unknown[][] {
  if (!Array.isArray(columns) || columns.length !== width) return false;
  return columns.every((column) => Array.isArray(column) && column.length === columns[0].length);
}

function isRow(value: unknown): value is Readonly<Record<string, unknown>> {
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

/** The kind of `rich` for them. */
const ROWS = 'rows';
/** Shorter lists gain nothing by it. */
const ROWS_MIN = 16;
/** What stands for fewer values costs as much as it saves. */
const CELLS_MIN = 512;
/** One row might be there many times over, and columns would take memory where the rows themselves take none. */
const CELLS_MAX = 4_000_000;
