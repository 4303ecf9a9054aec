import { printable } from '../base/printable.js';
import { PoolError } from './pool-error.js';
import { didYouMean, quoted } from './words.js';

/** An option has a value that it cannot have. */
export class OptionError extends PoolError<'ERR_OPTION'> {
  /** The option's name, such as `size` or `setup.args`. */
  readonly option: string;

  constructor(
    seen:
      | {
          option: string;
          /** What it may be, after the words "must be": `an integer from 1 to 1024`. */
          expected: string;
          /** What it is; objects are named by their kind alone, since options can hold secrets. */
          got: unknown;
        }
      | {
          option: string;
          /** The options that there are; this is none of them. */
          known: readonly string[];
        },
  ) {
    const option = printable(seen.option);
    super(
      'OptionError',
      'ERR_OPTION',
      'known' in seen
        ? `There is no option \`${option}\`.${didYouMean(seen.option, seen.known) || ` There are: ${seen.known.join(', ')}.`}`
        : `Option \`${option}\` must be ${seen.expected}, but it is ${described(seen.got)}.`,
    );
    this.option = seen.option;
  }
}

function described(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return describedObject(value);
  return Object.is(value, -0) ? '-0' : String(value);
}

function describedObject(value: object): string {
  try {
    const { name } = value.constructor;
    if (typeof name === 'string' && name !== '' && name !== 'Object') return `an instance of ${printable(name)}`;
  } catch {
    // It has no class, or one that lets nobody look at it.
  }
  return 'an object';
}
