import { constants } from 'node:fs';
import { access, readlink, stat } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { OptionError, PythonNotFoundError, type PythonSearch, SpawnError } from '../errors.js';
import {
  allowedEnvironment,
  childEnvironment,
  type Environment,
  type EnvironmentOption,
  searchEnvironment,
} from './environment.js';
import { fileOf, ProbeError, type ProbeReport, probe } from './probe.js';

/** Who chose the interpreter, the strongest first. */
export type PythonSource = 'option python' | 'PYTHONARIUM_PYTHON' | 'VIRTUAL_ENV' | 'CONDA_PREFIX' | '.venv' | 'PATH';

/** A Python that was run once and can be used. */
export interface Interpreter extends ProbeReport {
  /** Who chose it. */
  readonly source: PythonSource;
  /** What was run to find it: a program and its arguments. Workers run `executable` instead. */
  readonly command: readonly string[];
  /** The file of that program as it was then. */
  readonly file: string | undefined;
  /** The workers' environment: `os.environ` as that Python had it, or the part of it that an allow-list lets pass. */
  readonly environment: Environment;
  /** The places that would have come first, and why none of them was taken. */
  readonly skipped: readonly PythonSearch[];
}

export interface FindInterpreterOptions {
  /** A path, the name of a program on the PATH, or a command with arguments that runs Python. */
  readonly python?: string | readonly string[] | undefined;
  /** The workers' environment, as `createPool` takes it. */
  readonly env?: EnvironmentOption | undefined;
  /** The folder in which workers run; relative paths and `.venv` are looked for from here. Default: the current one. */
  readonly cwd?: string | undefined;
  /** Whether Python ignores `PYTHONPATH`, the user site and every other `PYTHON…` variable. Default: false. */
  readonly isolated?: boolean | undefined;
  /** How long one Python may take to report. Default: 30,000. */
  readonly bootTimeoutMs?: number | undefined;
  /** Ends the search, which then rejects with `signal.reason`. A Python that nobody waits for any more is ended. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The Python that workers run on. The option `python` comes first, then `PYTHONARIUM_PYTHON`, `VIRTUAL_ENV`,
 * `CONDA_PREFIX`, a `.venv` in `cwd` or a folder above it, and last `python3` and `python` on the PATH. The first two
 * are somebody's explicit choice: when they do not work that is an error. Of the others, one that does not work is
 * skipped, and listed in `skipped`.
 *
 * Each candidate is run once for the same command, environment and folder; what worked is remembered.
 *
 * @throws PythonNotFoundError (`ERR_PYTHON_NOT_FOUND`) naming every place tried and why it would not do.
 * @throws OptionError (`ERR_OPTION`) for a malformed `python`, `env` or `cwd`.
 * @throws SpawnError (`ERR_SPAWN`) when the system is short of processes, descriptors or memory: to go on looking
 *   would end at another Python than on a quiet day.
 */
export async function findInterpreter(options: FindInterpreterOptions = {}): Promise<Interpreter> {
  const { isolated = false, bootTimeoutMs: timeoutMs = 30_000, signal } = options;
  const cwd = resolve(options.cwd ?? '.');
  const environment = childEnvironment(options.env);
  await requireFolder(cwd);

  const skipped: PythonSearch[] = [];
  for await (const place of places(checkedPython(options.python), searchEnvironment(options.env), cwd)) {
    signal?.throwIfAborted();
    if ('why' in place) {
      skipped.push(place);
    } else {
      const { where, command } = place;
      // Before it is run: one that takes its place meanwhile is another.
      const file = fileOf(command[0]!);
      try {
        const report = await probe({ command, environment, cwd, isolated, timeoutMs, signal });
        return Object.freeze({
          ...report,
          environment: allowedEnvironment(options.env, report.environment),
          source: where,
          command,
          file,
          skipped: Object.freeze(skipped),
        });
      } catch (error) {
        if (!(error instanceof ProbeError)) throw error;
        skipped.push({ where, what: command.join(' '), why: error.message });
      }
    }
  }
  throw new PythonNotFoundError({ tried: skipped });
}

/** Whether the program that was run to find it is another one by now. That it is gone is said where it is started. */
export function isReplaced({ command, file }: Pick<Interpreter, 'command' | 'file'>): boolean {
  const now = fileOf(command[0]!);
  return now !== undefined && now !== file;
}

/**
 * What `sys.path` becomes in a worker, without duplicates: the folders of its modules, then `pythonPath`, then what
 * the interpreter itself would have (`PYTHONPATH`, the standard library, the user site, site-packages, in Python's own
 * order; for one that was found with `isolated`, what `python -I` has).
 *
 * Relative folders are taken from `cwd`, by default the current folder.
 */
export function workerPath(
  interpreter: Pick<Interpreter, 'path'>,
  options: {
    readonly moduleFolders: readonly string[];
    readonly pythonPath?: readonly string[] | undefined;
    readonly cwd?: string | undefined;
  },
): string[] {
  const cwd = resolve(options.cwd ?? '.');
  const own = [...options.moduleFolders, ...(options.pythonPath ?? [])].map((folder) => resolve(cwd, folder));
  return [...new Set([...own, ...interpreter.path])];
}

type Place = { readonly where: PythonSource; readonly command: readonly string[] } | SkippedPlace;
type SkippedPlace = PythonSearch & { readonly where: PythonSource };

/** Every place where Python may be, looked at one by one; an explicit choice is the only place there is. */
async function* places(python: readonly string[] | undefined, env: Environment, cwd: string): AsyncGenerator<Place> {
  if (python !== undefined) return yield await named('option python', python, env, cwd);

  const variable = env.PYTHONARIUM_PYTHON;
  if (variable) return yield await named('PYTHONARIUM_PYTHON', [variable], env, cwd);
  yield notSet('PYTHONARIUM_PYTHON');

  for (const where of ['VIRTUAL_ENV', 'CONDA_PREFIX'] as const) {
    const folder = env[where];
    yield folder ? await inEnvironment(where, resolve(cwd, folder)) : notSet(where);
  }

  yield* inFoldersAbove(cwd);
  yield* onPath(env);
}

/** A program that somebody named, with its arguments. */
async function named(
  where: 'option python' | 'PYTHONARIUM_PYTHON',
  [program, ...rest]: readonly string[],
  env: Environment,
  cwd: string,
): Promise<Place> {
  const what = [program!, ...rest].join(' ');
  if (!program!.includes('/')) {
    for await (const found of programsOnPath(program!, env)) return { where, command: [found, ...rest] };
    const hint = program!.includes(' ') ? '; a command with arguments must be an array, in the option `python`' : '';
    return { where, what, why: `there is no such program on the PATH${hint}` };
  }
  const path = resolve(cwd, program!);
  const why = await whyNoProgram(path);
  return why === undefined ? { where, command: [path, ...rest] } : { where, what, why };
}

async function inEnvironment(where: PythonSource, folder: string): Promise<Place> {
  const program = join(folder, 'bin', 'python');
  const why = await whyNoProgram(program);
  return why === undefined ? { where, command: [program] } : { where, what: program, why };
}

async function* inFoldersAbove(cwd: string): AsyncGenerator<Place> {
  let seen = false;
  for (let folder = cwd; ; folder = dirname(folder)) {
    const environment = join(folder, '.venv');
    if (await isFolder(environment)) {
      seen = true;
      yield await inEnvironment('.venv', environment);
    }
    if (folder === dirname(folder)) break;
  }
  if (!seen) yield { where: '.venv', what: join(cwd, '.venv'), why: 'there is none, and none in the folders above' };
}

async function* onPath(env: Environment): AsyncGenerator<Place> {
  for (const name of ['python3', 'python']) {
    let seen = false;
    for await (const program of programsOnPath(name, env)) {
      seen = true;
      yield { where: 'PATH', command: [program] };
    }
    if (!seen) yield { where: 'PATH', what: name, why: env.PATH ? 'there is no such program' : 'PATH is empty' };
  }
}

/** Entries that are no absolute path mean the current folder to a shell; a stranger's file there is not to be run. */
async function* programsOnPath(name: string, env: Environment): AsyncGenerator<string> {
  const folders = (env.PATH ?? '').split(delimiter).filter(isAbsolute);
  for (const folder of new Set(folders)) {
    const program = join(folder, name);
    if ((await whyNoProgram(program)) === undefined) yield program;
  }
}

/** Why a path is no program that can be run, or `undefined` if it looks like one. */
async function whyNoProgram(path: string): Promise<string | undefined> {
  try {
    if ((await stat(path)).isDirectory()) return `this is a folder: name the program in it, as in ${path}/bin/python`;
    await access(path, constants.X_OK);
    return undefined;
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    if (SCARCE.has(code)) throw new SpawnError({ errno: code, command: path, cause: error });
    // An upgrade of Python leaves virtual environments behind whose link leads nowhere.
    const target = code === 'ENOENT' ? await readlink(path).catch(() => undefined) : undefined;
    if (target !== undefined) return `it links to ${target}, which is gone: make the environment anew`;
    return WHY_NO_PROGRAM[code] ?? `the file cannot be run: ${code}`;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** Starting a process in a folder that is missing fails with `ENOENT`, as if the program were missing. */
async function requireFolder(cwd: string): Promise<void> {
  if (!(await isFolder(cwd))) throw new OptionError({ option: 'cwd', expected: 'a folder that exists', got: cwd });
}

/** @throws OptionError (`ERR_OPTION`) for what is no command. */
export function checkedPython(python: FindInterpreterOptions['python']): readonly string[] | undefined {
  if (python === undefined) return undefined;
  const command = typeof python === 'string' ? [python] : python;
  const isCommand =
    Array.isArray(command) &&
    command.length > 0 &&
    command.every((word) => typeof word === 'string' && !word.includes('\0')) &&
    command[0] !== '';
  if (isCommand) return Object.freeze([...command]);
  throw new OptionError({
    option: 'python',
    expected: "the path or name of a program, or an array of it and its arguments (['uv', 'run', 'python'])",
    got: python,
  });
}

function notSet(where: PythonSource): SkippedPlace {
  return { where, what: `$${where}`, why: 'not set' };
}

const SCARCE: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

const WHY_NO_PROGRAM: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'this user may not execute it',
  ELOOP: 'its symbolic links go round in a circle',
};
