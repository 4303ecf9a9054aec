import { ValueRefusedError } from '../errors.js';
import { MicroDate } from '../time/micro-date.js';
import { isPlainObject, memberOf } from '../wire/plain.js';

/**
 * The value that a JSON text stands for, with every integer as it was written.
 *
 * @param where What the text is, for the error: `line 3`.
 * @throws SyntaxError for a text that is no JSON.
 * @throws ValueRefusedError (`ERR_VALUE`) for an integer that JavaScript would round, naming its column.
 */
export function readJson(text: string, where: string): unknown {
  const value: unknown = JSON.parse(text);
  // Most texts hold no number of that many digits, and need no second look.
  if (MANY_DIGITS.test(text)) refuseRoundedIntegers(text, where);
  return value;
}

/**
 * The JSON of a value that came from Python, on one line. Unlike `JSON.stringify` it keeps the sign of `-0` and every
 * digit of a large integer. A moment is written as ISO text, with its microseconds.
 *
 * @throws ValueRefusedError (`ERR_VALUE`) naming the path to what JSON has no word for: bytes, arrays, maps, sets, NaN.
 */
export function writeJson(value: unknown): string {
  return isPlainJson(value) ? JSON.stringify(value) : writeAll(value, 'value');
}

/** JSON.parse gives no sight of the digits, so they are looked up in the text, which it has found well-formed. */
function refuseRoundedIntegers(text: string, where: string): void {
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '"') {
      index = endOfString(text, index);
      continue;
    }
    NUMBER.lastIndex = index;
    const [number, fraction] = NUMBER.exec(text) ?? [];
    if (number === undefined) continue;
    if (fraction === '' && !Number.isSafeInteger(Number(number))) {
      throw new ValueRefusedError({
        path: `${where}, column ${index + 1}`,
        sender: 'node',
        problem: `is the integer ${number}, which is outside ±(2^53-1) and would be rounded. Write it as a string.`,
      });
    }
    index += number.length - 1;
  }
}

/** Where the quote is that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}

function isPlainJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== 'object' || value === null) return typeof value !== 'bigint';
  return (Array.isArray(value) || isPlainObject(value)) && Object.values(value).every(isPlainJson);
}

function writeAll(value: unknown, path: string): string {
  // Python reads `-0` as the integer 0; only with its fraction it stays what it was.
  if (Object.is(value, -0)) return '-0.0';
  if (typeof value === 'bigint') return String(value);
  if (value instanceof MicroDate) {
    return JSON.stringify(value).replace('Z', `${String(value.microseconds).padStart(3, '0')}Z`);
  }
  if (isPlainJson(value) || value instanceof Date) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item, index) => writeAll(item, `${path}[${index}]`)).join(',')}]`;
  if (typeof value !== 'object' || value === null || !isPlainObject(value)) {
    const what =
      typeof value === 'number' ? String(value) : `of the kind ${Object.getPrototypeOf(value).constructor.name}`;
    const problem = `is ${what}, and the command writes JSON. Return text, numbers, lists and dicts.`;
    throw new ValueRefusedError({ path, problem, sender: 'node' });
  }
  const members = Object.entries(value).map(
    ([key, item]) => `${JSON.stringify(key)}:${writeAll(item, path + memberOf(key))}`,
  );
  return `{${members.join(',')}}`;
}

/** The greatest safe integer has sixteen digits. */
const MANY_DIGITS = /\d{16}/;
const NUMBER = /-?\d+((?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
