import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OptionError } from '../errors.js';

/**
 * The folder that holds the Python package `pythonarium`, as an absolute path: the one next to this package, or
 * `option`, for programs whose bundler moved the JavaScript away from it; a relative one is taken from `cwd`.
 *
 * @throws OptionError (`ERR_OPTION`) naming `libraryPath` if there is no `pythonarium/__init__.py` in it.
 */
export function libraryPath(option?: string, cwd = '.'): string {
  if (option !== undefined && (typeof option !== 'string' || option === '')) {
    throw new OptionError({ option: 'libraryPath', expected: 'the path of a folder', got: option });
  }
  const folder = option === undefined ? inPackage('python') : resolve(cwd, option);
  if (folder !== undefined && holdsLibrary(folder)) return folder;
  throw new OptionError({
    option: 'libraryPath',
    expected: 'the folder that holds pythonarium/__init__.py (`node_modules/pythonarium/python`, or a copy of it)',
    got: folder,
  });
}

/** The version of this npm package, or `'unknown'` in a bundle that left its `package.json` behind. */
export function packageVersion(): string {
  version ??= readVersion();
  return version;
}

/** The version that the Python package in `folder` says it has, or `'unknown'`. */
export function libraryVersion(folder: string): string {
  const source = readFileSync(join(folder, 'pythonarium', '__init__.py'), 'utf8');
  return /^__version__(?:: \w+)? = (["'])(.+?)\1/m.exec(source)?.[2] ?? 'unknown';
}

/**
 * Where that is in the package, which is two folders up from `src/process`, where it is developed, and from `dist/src`,
 * into which it is built; `undefined` in a bundle of CommonJS, which has no URL.
 *
 * Not by `new URL`, at which webpack would look for a module of its own.
 */
function inPackage(name: string): string | undefined {
  const url: string | undefined = import.meta.url;
  return url?.startsWith('file:') ? join(fileURLToPath(url), '../../..', name) : undefined;
}

function holdsLibrary(folder: string): boolean {
  return existsSync(join(folder, 'pythonarium', '__init__.py'));
}

function readVersion(): string {
  try {
    const { name, version } = JSON.parse(readFileSync(inPackage('package.json') ?? '', 'utf8')) as {
      name?: unknown;
      version?: unknown;
    };
    // A bundle may lie where the `package.json` two folders up is that of the program around it.
    return name === 'pythonarium' && typeof version === 'string' ? version : 'unknown';
  } catch {
    return 'unknown';
  }
}

let version: string | undefined;
