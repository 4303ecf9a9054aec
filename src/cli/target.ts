import { InvalidArgumentError } from 'commander';

/** What to call: a function, and the module it is in. */
export interface Target {
  /** The path of a `.py` file or a package folder, or a dotted name, as `createPool` takes it. */
  readonly module: string;
  /** The name of the function. */
  readonly name: string;
}

/**
 * Reads `app.py:double` or `statistics:mean`. The last colon counts, so that a path may hold others.
 *
 * @throws InvalidArgumentError, which the parser shows as an error of usage.
 */
export function parseTarget(text: string): Target {
  const colon = text.lastIndexOf(':');
  const [module, name] = [text.slice(0, colon), text.slice(colon + 1)];
  if (colon > 0 && NAME.test(name)) return { module, name };
  throw new InvalidArgumentError('Write a module, a colon and a function: app.py:double or statistics:mean.');
}

/** A name that `@expose(name=...)` gives need be no identifier. */
const NAME = /^[\p{ID_Start}_][\p{ID_Continue}-]*(\.[\p{ID_Start}_][\p{ID_Continue}-]*)*$/u;
