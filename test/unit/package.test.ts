import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  dependencies: object;
  preferUnplugged?: boolean;
};

describe('the package', () => {
  it('brings along what its code imports, and nothing else', () => {
    const imported = ['src', 'machines'].flatMap((folder) => sources(join(root, folder)).flatMap(importedBy));
    expect(Object.keys(manifest.dependencies).sort()).toEqual([...new Set(imported)].sort());
  });

  it('is unpacked where packages are kept in archives, since Python runs no program inside of one', () => {
    expect(manifest.preferUnplugged).toBe(true);
  });

  it('has no error whose class is called otherwise when it is built, as one that names itself would be', async () => {
    const entryPoints = [join(root, 'src/errors.ts')];
    const { outputFiles } = await build({ entryPoints, bundle: true, format: 'esm', platform: 'node', write: false });
    expect([...(outputFiles[0]?.text ?? '').matchAll(/\bclass _\w+/g)].map(String)).toEqual([]);
  });

  it('names no place by a `new URL` beside `import.meta.url`, at which webpack looks for a module', () => {
    const all = ['src', 'machines'].flatMap((folder) => sources(join(root, folder)));
    expect(all.filter((source) => /new URL\([^)]*import\.meta/.test(source))).toEqual([]);
  });
});

function sources(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.ts')).map((file) => readFileSync(join(folder, file), 'utf8'));
}

/** The packages that are imported by their names. */
function importedBy(source: string): string[] {
  const names = [...source.matchAll(/\b(?:from |import\()'([^'.][^']*)'/g)].map(([, name = '']) => name);
  return names.filter((name) => !isBuiltin(name));
}
