import { isA } from './base/instance.js';
import { OptionError, PoolError, PythonError, type PythonRaised } from './errors.js';

/** A JavaScript error class that stands for a Python one. */
export type TiedErrorClass =
  | (new (
      message: string,
      options: { cause: PythonError },
    ) => Error)
  | (new (
      raised: PythonRaised,
    ) => PythonError);

/** Which JavaScript error class stands for which Python one. */
export class ErrorTies {
  readonly #classes: ReadonlyMap<string, TiedErrorClass>;

  /**
   * @param given By a Python class's name, alone or behind its module.
   * @throws OptionError (`ERR_OPTION`) for what is no class of errors.
   */
  constructor(given: Readonly<Record<string, TiedErrorClass>>) {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      const expected = "an object such as { 'app.NotFound': NotFoundError }";
      throw new OptionError({ option: 'errors', expected, got: given });
    }
    for (const [name, tied] of Object.entries(given)) {
      if (typeof tied === 'function' && (tied === Error || tied.prototype instanceof Error)) continue;
      throw new OptionError({ option: `errors.${name}`, expected: 'a class derived from Error', got: tied });
    }
    this.#classes = new Map(Object.entries(given));
  }

  /**
   * What a caller gets in place of `error`: one of the class tied to the nearest of its Python classes, with the same
   * stack. Anything else comes back as it is.
   *
   * @param fault Told what a constructor threw; the caller then gets the PythonError.
   */
  errorFor(error: unknown, fault: (tied: object, thrown: unknown) => void): unknown {
    const Tied = isA(error, PythonError) ? this.#nearest(error.mro) : undefined;
    if (Tied === undefined) return error;
    try {
      return made(Tied, error as PythonError);
    } catch (thrown) {
      fault(Tied, thrown);
      return error;
    }
  }

  #nearest(mro: readonly string[]): TiedErrorClass | undefined {
    for (const one of mro) {
      const tied = this.#classes.get(one.replace(':', '.')) ?? this.#classes.get(one.slice(one.indexOf(':') + 1));
      if (tied !== undefined) return tied;
    }
    return undefined;
  }
}

/** True for an error of the pool's making: one of its own classes, or of one that is tied. */
export function isMadeHere(error: unknown): error is Error {
  return isA(error, PoolError) || TIED.has(error as Error);
}

function made(Tied: TiedErrorClass, raised: PythonError): Error {
  const isPython = Tied === PythonError || Tied.prototype instanceof PythonError;
  const error = isPython
    ? new (Tied as new (raised: PythonRaised) => PythonError)(raised)
    : new (Tied as new (message: string, options: { cause: PythonError }) => Error)(raised.pythonMessage, {
        cause: raised,
      });
  // One that takes no options is still to be traced back, and every error of a call has a code.
  if (!isPython && error.cause === undefined) define(error, 'cause', raised);
  if (!('code' in error)) define(error, 'code', raised.code);
  const trace = raised.stack?.slice(`${raised.name}: ${raised.message}`.length) ?? '';
  define(error, 'stack', `${error.name}: ${error.message}${trace}`);
  TIED.add(error);
  return error;
}

function define(error: Error, name: 'cause' | 'code' | 'stack', value: unknown): void {
  Object.defineProperty(error, name, { value, configurable: true, writable: true, enumerable: name === 'code' });
}

const TIED = new WeakSet<Error>();
