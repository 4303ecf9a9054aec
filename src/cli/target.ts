import { existsSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { BootError, PythonError } from '../errors.js';

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

/**
 * What to write in place of `app:double` where that is not found, and there is an `app.py` here: a name without a path is
 * looked for where Python has its modules. `undefined` where nothing else is known to write.
 */
export function targetHere({ module, name }: Target, failure: unknown): string | undefined {
  if (!DOTTED.test(module) || !isMissing(module, failure)) return undefined;
  const path = module.replaceAll('.', '/');
  if (existsSync(`${path}.py`)) return `${path}.py:${name}`;
  return existsSync(`${path}/__init__.py`) ? `./${path}:${name}` : undefined;
}

/** Python has no module of that name, or none that it would be in. */
function isMissing(module: string, failure: unknown): boolean {
  const cause = failure instanceof BootError ? failure.cause : undefined;
  if (!(cause instanceof PythonError) || cause.type !== 'ModuleNotFoundError') return false;
  const missing = MISSING.exec(cause.pythonMessage)?.[1];
  return missing !== undefined && `${module}.`.startsWith(`${missing}.`);
}

const DOTTED = /^[\p{ID_Start}_][\p{ID_Continue}]*(\.[\p{ID_Start}_][\p{ID_Continue}]*)*$/u;
const MISSING = /^No module named '([^']+)'/;
/** A name that `@expose(name=...)` gives need be no identifier. */
const NAME = /^[\p{ID_Start}_][\p{ID_Continue}-]*(\.[\p{ID_Start}_][\p{ID_Continue}-]*)*$/u;
