import { OptionError } from '../errors.js';
import type { Arguments } from '../wire/value.js';

/**
 * Keyword arguments for Python: `pool.call('mean', [rows, kw({ digits: 2 })])` calls `mean(rows, digits=2)`. It stands
 * last among the arguments.
 *
 * @returns A copy of the object's own properties, marked as keyword arguments.
 * @throws OptionError (`ERR_OPTION`) for anything but an object of names and values.
 */
export function kw<T extends object>(values: T): Kwargs<T> {
  return new Kwargs(values);
}

/** Keyword arguments, as {@link kw} makes them. */
// biome-ignore lint/suspicious/noExplicitAny: whatever names and values there are
export class Kwargs<T extends object = any> {
  /** The names and values, in an object without a prototype. */
  readonly values: Readonly<T>;
  /** @internal Never there: by it TypeScript sees a name that the function does not have. */
  declare readonly name: keyof T;

  /** @internal Use {@link kw}. */
  constructor(values: T) {
    this.values = ownCopy(values, 'kw()') as T;
  }
}

/**
 * Tells positional from keyword arguments: a last element made by {@link kw} is taken off and joined with
 * `options.kwargs`, and `undefined` at the end is left out, as if it had not been written.
 *
 * @throws OptionError (`ERR_OPTION`) for a name that is given in both places, and for an `optionKwargs` that is no
 * object of names and values.
 */
export function splitArgs(args: readonly unknown[], optionKwargs?: object | undefined): Arguments {
  const positional = withoutTrailingUndefined(args);
  const last = positional.at(-1);
  const ours = optionKwargs === undefined ? undefined : ownCopy(optionKwargs, 'kwargs');
  if (!(last instanceof Kwargs)) return { args: positional, kwargs: ours && nonEmpty(ours) };
  const theirs: Record<string, unknown> = last.values;
  return {
    args: withoutTrailingUndefined(positional.slice(0, -1)),
    kwargs: nonEmpty(ours === undefined ? theirs : joined(theirs, ours)),
  };
}

function withoutTrailingUndefined(args: readonly unknown[]): readonly unknown[] {
  let length = args.length;
  // A hole is not an `undefined` that somebody gave: the line refuses it.
  while (length > 0 && args[length - 1] === undefined && length - 1 in args) length -= 1;
  return length === args.length ? args : args.slice(0, length);
}

/** @throws OptionError (`ERR_OPTION`) for what is no object of names and values. */
export function checkKwargs(values: object, option: string): void {
  // What can be iterated over, such as a `Map`, holds its values elsewhere than in properties: all would be lost.
  if (typeof values !== 'object' || values === null || Symbol.iterator in values || values instanceof Kwargs) {
    throw new OptionError({ option, expected: 'an object of keyword arguments, such as { digits: 2 }', got: values });
  }
}

/** Symbol keys are copied too, so that the line refuses them instead of losing them. */
function ownCopy(values: object, option: string): Record<string, unknown> {
  checkKwargs(values, option);
  const copy: Record<PropertyKey, unknown> = Object.create(null);
  for (const key of Reflect.ownKeys(values)) {
    if (Object.prototype.propertyIsEnumerable.call(values, key)) copy[key] = Reflect.get(values, key);
  }
  return copy;
}

function nonEmpty(kwargs: Record<string, unknown>): Record<string, unknown> | undefined {
  return Reflect.ownKeys(kwargs).length === 0 ? undefined : kwargs;
}

function joined(theirs: Record<string, unknown>, ours: Record<string, unknown>): Record<string, unknown> {
  const both: Record<PropertyKey, unknown> = Object.create(null);
  for (const from of [theirs, ours] as Record<PropertyKey, unknown>[]) {
    for (const key of Reflect.ownKeys(from)) {
      if (Object.hasOwn(both, key)) {
        throw new OptionError({
          option: `kwargs.${String(key)}`,
          expected: 'given once, by kw() or by the option',
          got: from[key],
        });
      }
      both[key] = from[key];
    }
  }
  return both;
}
