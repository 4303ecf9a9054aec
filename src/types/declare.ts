import { dirname, isAbsolute } from 'node:path';
import { findInterpreter, workerPath } from '../process/interpreter.js';
import { libraryPath } from '../process/library.js';

/** What to declare, and with which Python. */
export interface DeclareOptions {
  /** Absolute paths or dotted names, by the prefix of their functions; `''` for none. */
  readonly modules: Readonly<Record<string, string>>;
  readonly expose: 'marked' | 'all';
  /** The command that the file names as its origin. */
  readonly title: string;
  readonly python?: string | readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** TypeScript declarations of Python modules, or why there are none. */
export interface Declarations {
  /** The file; not there when there is a `problem`. */
  readonly text?: string;
  /** How many functions and classes can be called. */
  readonly functions?: number;
  /** What is `unknown` in it or left out of it, and where in Python. */
  readonly warnings?: readonly { readonly file: string; readonly line: number; readonly text: string }[];
  /** A syntax error with its place, a module without source, or one with nothing to call. */
  readonly problem?: string;
  /**
   * The sources that were read, and those that would be if they were there, each with the version that Python found;
   * `null` where it found none. A path stands here by its bytes, a character for each: it need not be UTF-8.
   */
  readonly files: Readonly<Record<string, string | null>>;
}

/**
 * Reads the hints and docstrings of Python modules. Their sources are parsed by the Python that a pool would use, and
 * nothing of them is run.
 *
 * @throws PoolError (`ERR_PYTHON_NOT_FOUND`, ...) when there is no Python.
 */
export async function declareTypes(options: DeclareOptions): Promise<Declarations> {
  const { modules, expose, title, python, signal } = options;
  const [{ execa }, interpreter] = await Promise.all([import('execa'), findInterpreter({ python, signal })]);
  const moduleFolders = Object.values(modules)
    .filter((module) => isAbsolute(module))
    .map((module) => dirname(module));
  const request = { path: workerPath(interpreter, { moduleFolders }), modules, expose, title };
  const { executable, flags, environment } = interpreter;
  const { stdout } = await execa(executable, ['-I', ...flags, '-c', BOOTSTRAP, libraryPath()], {
    input: JSON.stringify(request),
    env: environment,
    extendEnv: false,
    ...(signal !== undefined && { cancelSignal: signal }),
  });
  // What Python runs as it starts, a `sitecustomize` or a `.pth` file, may print before.
  return JSON.parse(stdout.slice(stdout.lastIndexOf('\n') + 1)) as Declarations;
}

const BOOTSTRAP = 'import sys; sys.path.append(sys.argv[1]); from pythonarium.typescript.main import main; main()';
