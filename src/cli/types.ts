import { setMaxListeners } from 'node:events';
import { readFile } from 'node:fs/promises';
import { basename, isAbsolute, relative, resolve } from 'node:path';
import { findModule } from '../options.js';
import { type Declarations, declareTypes } from '../types/declare.js';
import { change } from './change.js';
import { commandOf } from './pool.js';
import { replaceFile } from './replace-file.js';

/** How `types` is to write. */
export interface TypesFlags {
  readonly expose: 'all' | 'marked';
  readonly python?: string | undefined;
  /** The file to write; `-` is standard output. */
  readonly out?: string | undefined;
  /** Only whether the file is as it would be written. */
  readonly check?: true | undefined;
  /** Go on, and write again whenever a source changes. */
  readonly watch?: true | undefined;
}

/** A command line that cannot be meant. */
export class UsageError extends Error {}

/**
 * Writes the declarations of Python modules, each into a file of its own, or all with a key into one.
 *
 * @returns The exit code: 0, or 1 if something could not be declared or is stale.
 * @throws UsageError for modules that do not go together or would be written over, and PoolError when there is no Python
 * or no such module.
 */
export async function runTypes(given: readonly string[], flags: TypesFlags, signal: AbortSignal): Promise<number> {
  const jobs = jobsOf(given, flags);
  if (flags.watch) {
    const stop = new AbortController();
    const ends = AbortSignal.any([signal, stop.signal]);
    // Each of them listens, and so does its Python.
    setMaxListeners(0, ends);
    const kept = Promise.all(jobs.map((job) => keepFresh(job, flags, ends)));
    // Whoever watched on would keep the program running.
    await kept.finally(() => stop.abort());
    return 0;
  }
  let exitCode = 0;
  for (const job of jobs) {
    const declared = await declareTypes({ ...job, ...pythonOf(flags), expose: flags.expose, signal });
    const went = flags.check ? await checkFile(job, declared) : await writeOut(job, declared);
    if (!went) exitCode = 1;
  }
  return exitCode;
}

/** One file to write. */
interface Job {
  readonly modules: Readonly<Record<string, string>>;
  readonly out: string;
  readonly title: string;
  /** What to type to write it. */
  readonly command: string;
}

function jobsOf(given: readonly string[], { out, expose, python, check: isCheck, watch: isWatch }: TypesFlags): Job[] {
  if (out === '-' && isWatch) throw new UsageError('Standard output cannot be kept fresh: give --watch a file.');
  if (out === '-' && isCheck) throw new UsageError('Standard output has nothing to compare: give --check a file.');
  const all = expose === 'all' ? ' --expose all' : '';
  const keyed = given.map((text) => /^(?:([A-Za-z_]\w*)=)?(.+)$/s.exec(text) ?? [text, undefined, text]);
  const modules = keyed.map(([, key, module = '']) => ({
    key,
    module,
    found: findModule('module', module, process.cwd()),
  }));
  const titleOf = (part: typeof modules) => {
    const names = part.map(({ key, found }) => `${key === undefined ? '' : `${key}=`}${basename(found)}`);
    return `pythonarium types ${names.join(' ')}${all}`;
  };
  const flag = (name: string, value: string | undefined) => (value === undefined ? '' : ` ${name} ${shellWord(value)}`);
  const commandFor = (texts: readonly string[]) =>
    `pythonarium types ${texts.map(shellWord).join(' ')}${all}${flag('--out', out)}${flag('--python', python)}`;

  if (modules.some(({ key }) => key !== undefined)) {
    if (modules.some(({ key }) => key === undefined)) {
      throw new UsageError(
        'Give every module a key, or none: pythonarium types app=app.py stats=statistics --out api.d.ts',
      );
    }
    const keys = modules.map(({ key }) => key);
    const twice = keys.find((key, index) => keys.indexOf(key) < index);
    if (twice !== undefined) throw new UsageError(`Two modules have the key ${twice}: give one of them another.`);
    if (out === undefined) throw new UsageError('Modules with keys go into one file: say which with --out.');
    const record = Object.fromEntries(modules.map(({ key, found }) => [key, found]));
    return [{ modules: record, out, title: titleOf(modules), command: commandFor(given) }];
  }
  if (out !== undefined && modules.length > 1) {
    throw new UsageError(
      'Several modules for one --out need keys: pythonarium types app=app.py stats=statistics --out api.d.ts',
    );
  }
  return modules.map((module) => ({
    modules: { '': module.found },
    out: out ?? besides(module.found),
    title: titleOf([module]),
    command: commandFor([module.module]),
  }));
}

/** What a shell takes for that one word. */
function shellWord(text: string): string {
  return /^[\w%+,./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `app.py` has `app.py.d.ts` beside it, which TypeScript finds as `./app.py.js`. */
function besides(module: string): string {
  if (!isAbsolute(module)) {
    throw new UsageError(
      `A module that is named has no place of its own: say where to write with --out, as in --out ${module}.py.d.ts`,
    );
  }
  return shown(`${module}${module.endsWith('.py') ? '' : '.py'}.d.ts`);
}

async function writeOut({ out }: Job, declared: Declarations): Promise<boolean> {
  const { text, functions = 0, files } = declared;
  tell(declared);
  if (text === undefined) return false;
  if (out === '-') {
    process.stdout.write(text);
    return true;
  }
  if (files[Buffer.from(resolve(out)).toString('latin1')]) {
    throw new UsageError(`${out} is Python that was read, and would be lost: write elsewhere, as in --out ${out}.d.ts`);
  }
  const isSame = (await readFile(out, 'utf8').catch(() => undefined)) === text;
  if (!isSame) await replaceFile(out, text);
  process.stdout.write(`${out}: ${functions} to call${isSame ? ', as it was' : ''}\n`);
  return true;
}

async function checkFile({ out, command }: Job, declared: Declarations): Promise<boolean> {
  tell(declared);
  if (declared.text === undefined) return false;
  let what = 'is stale: the Python says something else by now';
  try {
    if ((await readFile(out, 'utf8')) === declared.text) return true;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') {
      process.stderr.write(`pythonarium: ${out} cannot be read: ${message}\n`);
      return false;
    }
    what = 'is not there';
  }
  process.stderr.write(`pythonarium: ${out} ${what}. Write it: ${command}\n`);
  return false;
}

/** Goes on until `signal` aborts; what is wrong meanwhile is told, and the file stays as it is. */
async function keepFresh(job: Job, flags: TypesFlags, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const declared = await declareTypes({ ...job, ...pythonOf(flags), expose: flags.expose, signal });
    const changed = change(declared.files, signal);
    // Nobody hears of it any more where the file could not be written.
    changed.catch(() => {});
    await writeOut(job, declared);
    await changed;
  }
}

function tell({ warnings = [], problem }: Declarations): void {
  for (const { file, line, text } of warnings) process.stderr.write(`${shown(file)}:${line}: ${text}\n`);
  if (problem !== undefined) process.stderr.write(`pythonarium: ${problem}\n`);
}

function shown(file: string): string {
  const path = relative('', file);
  return path.startsWith('..') ? file : path;
}

function pythonOf({ python }: TypesFlags): { python?: string | readonly string[] } {
  return python === undefined ? {} : { python: commandOf(python) };
}
