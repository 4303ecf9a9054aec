import { OptionError } from '../errors.js';
import { NO_OPTIONS } from './own.js';

/** @throws OptionError (`ERR_OPTION`) for a name that is no option: a mistyped `timeoutMs` would be no limit at all. */
export function checkNames(options: object, names: ReadonlySet<string>): void {
  if (typeof options !== 'object' || options === null) {
    throw new OptionError({ option: 'options', expected: `an object of ${[...names].join(', ')}`, got: options });
  }
  if (options === NO_OPTIONS) return;
  for (const name of Object.keys(options)) {
    if (!names.has(name)) throw new OptionError({ option: name, known: [...names] });
  }
}
