import { headOf } from '../base/stack.js';
import { PoolError } from './pool-error.js';
import { hide } from './words.js';

/** One line of Python that an exception came through. */
export interface PythonFrame {
  readonly file: string;
  readonly line: number | undefined;
  /** The function, or `<module>`. */
  readonly function: string;
  /** The line itself, without what it is indented by, where Python could read it. */
  readonly source: string | undefined;
}

/** What an exception was, as {@link PythonError} is made of it. */
export interface PythonRaised {
  readonly type: string;
  readonly module: string;
  readonly pythonMessage: string;
  readonly traceback: string;
  readonly notes: readonly string[];
  readonly mro?: readonly string[] | undefined;
  readonly frames?: readonly PythonFrame[] | undefined;
  readonly framesLeftOut?: number | undefined;
  readonly cause?: Error | undefined;
  readonly whileHandling?: boolean | undefined;
  readonly errors?: readonly PythonError[] | undefined;
}

/** Python raised an exception. The worker is well and goes on. */
export class PythonError extends PoolError<'ERR_PYTHON'> implements PythonRaised {
  /** The class of the exception, such as `ValueError`. */
  readonly type: string;
  /** The module of that class, such as `builtins`. */
  readonly module: string;
  /** `str(exception)`, without the type. */
  readonly pythonMessage: string;
  /** What `exception.add_note()` added (Python 3.11 and newer). */
  readonly notes: readonly string[];
  /** What Python would have printed, chained exceptions included. */
  declare readonly traceback: string;
  /** The class and its bases in the order in which Python looks them up: `builtins:ValueError`. */
  declare readonly mro: readonly string[];
  /** Where it came through in Python, the innermost first; of more than 64, the first and the last 32. */
  declare readonly frames: readonly PythonFrame[];
  /** How many of the `frames` are left out in the middle. */
  declare readonly framesLeftOut: number;
  /**
   * The exception that this one was raised from, or while handling: a `PythonError`. For an error that a JavaScript
   * function threw at Python in this call, that very error.
   */
  declare readonly cause: Error | undefined;
  /** The `cause` was being handled when this was raised; false where Python says `raise … from …`. */
  declare readonly whileHandling: boolean;
  /** The exceptions of an exception group; `undefined` for any other. */
  declare readonly errors: readonly PythonError[] | undefined;

  constructor(seen: PythonRaised) {
    super(
      nameOf(new.target),
      'ERR_PYTHON',
      seen.pythonMessage === '' ? seen.type : `${seen.type}: ${seen.pythonMessage}`,
      seen.cause,
    );
    this.type = seen.type;
    this.module = seen.module;
    this.pythonMessage = seen.pythonMessage;
    this.notes = seen.notes;
    hide(this, 'traceback', seen.traceback);
    hide(this, 'mro', seen.mro ?? [`${seen.module}:${seen.type}`]);
    hide(this, 'frames', seen.frames ?? []);
    hide(this, 'framesLeftOut', seen.framesLeftOut ?? 0);
    hide(this, 'whileHandling', seen.whileHandling ?? false);
    hide(this, 'errors', seen.errors);
    const frames = this.stack?.slice(`${this.name}: ${this.message}`.length) ?? '';
    this.stack = `${headOf(this)}${frames}`;
  }

  /**
   * True if the exception is of that Python class or of one derived from it, as `isinstance` would say.
   *
   * @param name The class's name, `NotFound`, or with its module, `app.NotFound`, which tells classes of one name apart.
   */
  is(name: string): boolean {
    return this.mro.some((one) => one.endsWith(`:${name}`) || one.replace(':', '.') === name);
  }
}

/** Of a class that may be one of the user's. Asked outside of the class: esbuild would rename one that names itself. */
function nameOf(made: typeof PythonError): string {
  return made === PythonError ? 'PythonError' : made.name;
}
