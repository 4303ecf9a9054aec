import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { libraryPath, libraryVersion, packageVersion } from '../../../src/process/library.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pythonarium-library-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('libraryPath', () => {
  it('is the folder next to the sources while they are developed', () => {
    expect(libraryPath()).toBe(join(root, 'python'));
  });

  it.each(['src/process', 'dist/src'])('is the folder of the package when it runs from %s', async (place) => {
    const { libraryPath, packageVersion } = await packed(place);
    expect(libraryPath()).toBe(join(folder, 'python'));
    expect(packageVersion()).toBe('9.8.7');
  });

  it('is the folder that the option names, for bundles', () => {
    writeLibrary('__version__ = "9.8.7"\n');
    expect(libraryPath(join(folder, 'python'))).toBe(join(folder, 'python'));
    expect(libraryPath(relative(process.cwd(), join(folder, 'python')))).toBe(join(folder, 'python'));
  });

  it.each([
    ['holds nothing', ''],
    ['is the package itself, not the folder that holds it', 'python/pythonarium'],
    ['is missing', 'nowhere'],
  ])('refuses a folder that %s', (_, name) => {
    writeLibrary('');
    const refused = expect.objectContaining({ code: 'ERR_OPTION', option: 'libraryPath' });
    expect(() => libraryPath(join(folder, name))).toThrow(refused);
  });

  it('is to be named in a bundle of CommonJS, which cannot know where it lies', async () => {
    const outfile = join(folder, 'bundle.cjs');
    const source = join(root, 'src', 'process', 'library.ts');
    await build({ entryPoints: [source], outfile, bundle: true, platform: 'node', format: 'cjs', logLevel: 'silent' });
    const bundled: typeof import('../../../src/process/library.js') = createRequire(import.meta.url)(outfile);
    const refused = expect.objectContaining({ code: 'ERR_OPTION', option: 'libraryPath' });
    expect(() => bundled.libraryPath()).toThrow(refused);
    writeLibrary('');
    expect(bundled.libraryPath(join(folder, 'python'))).toBe(join(folder, 'python'));
    expect(bundled.packageVersion()).toBe('unknown');
  });

  it.each(['', 3])('refuses %j as an option', (option) => {
    const refused = expect.objectContaining({ code: 'ERR_OPTION', option: 'libraryPath' });
    expect(() => libraryPath(option as string)).toThrow(refused);
  });
});

describe('the versions', () => {
  it('of the two sides are the same in this package', () => {
    expect(packageVersion()).toBe(manifest.version);
    expect(libraryVersion(libraryPath())).toBe(manifest.version);
  });

  it.each([
    ['__version__ = "1.2.3"\n', '1.2.3'],
    ["import os\n__version__: str = '1.2.3'\n", '1.2.3'],
    ['version = "1.2.3"\n', 'unknown'],
  ])('of the Python side is read from %j', (source, version) => {
    writeLibrary(source);
    expect(libraryVersion(join(folder, 'python'))).toBe(version);
  });

  it('is unknown in a bundle, whose package.json is that of another program', async () => {
    const { packageVersion } = await packed('dist/src', '{ "name": "shop", "version": "3.0.0" }');
    expect(packageVersion()).toBe('unknown');
  });
});

function writeLibrary(source: string): void {
  mkdirSync(join(folder, 'python', 'pythonarium'), { recursive: true });
  writeFileSync(join(folder, 'python', 'pythonarium', '__init__.py'), source);
}

/** The module as it is found in a package that is installed elsewhere. */
async function packed(
  place: string,
  manifest = '{ "name": "pythonarium", "version": "9.8.7" }',
): Promise<typeof import('../../../src/process/library.js')> {
  const path = join(folder, place, 'library.ts');
  mkdirSync(dirname(path), { recursive: true });
  cpSync(join(root, 'src', 'process', 'library.ts'), path);
  for (const name of ['errors.ts', 'errors', 'base/printable.ts', 'base/stack.ts'])
    cpSync(join(root, 'src', name), join(folder, place, '..', name), { recursive: true });
  writeLibrary('');
  writeFileSync(join(folder, 'package.json'), manifest);
  return import(path);
}
