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

  it('calls no class otherwise when it is built, as one that names itself would be: who prints a pool would see that', async () => {
    const renamed = (await built()).flatMap((text) => [...text.matchAll(/\bclass (_\w+)/g)].map(([, name]) => name));
    // Nobody outside gets hold of these.
    expect([...new Set(renamed)].sort()).toEqual(['_Fields', '_SharedFile', '_StartMark']);
  });

  it('has no character beyond Latin-1 when it is built, for one of which V8 would keep all of its text in twice the memory', async () => {
    // As is they stand in comments alone, some of which are kept: in text esbuild escapes them.
    expect((await built()).flatMap((text) => text.match(/.*[^\0-\xff].*/g) ?? [])).toEqual([]);
  });

  it('has a library import no package but that of its charts and that of its sessions, since the first call waits for each', async () => {
    expect((await importedAtOnce()).filter((name) => !isBuiltin(name))).toEqual(['lru-cache', 'xstate']);
  });

  it('has it import nothing of Node that takes long and much memory of a program which has no other use for it', async () => {
    const names = await importedAtOnce();
    expect(names).toContain('node:net');
    // 4 ms and 270 KB; and 2.6 ms and 250 KB, to look at all that `process` has.
    expect(names).not.toContain('node:crypto');
    expect(names).not.toContain('node:process');
  });

  it('names no place by a `new URL` beside `import.meta.url`, at which webpack looks for a module', () => {
    const all = ['src', 'machines'].flatMap((folder) => sources(join(root, folder)));
    expect(all.filter((source) => /new URL\([^)]*import\.meta/.test(source))).toEqual([]);
  });
});

/** What a program that imports the library imports with it. */
async function importedAtOnce(): Promise<string[]> {
  const { metafile } = await build({ ...BUILT, entryPoints: [join(root, 'src/index.ts')], metafile: true });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  return [...new Set(imports.filter(({ kind }) => kind === 'import-statement').map(({ path }) => path))].sort();
}

/** The texts of what is published as JavaScript. */
async function built(): Promise<string[]> {
  const entryPoints = ['src/index.ts', 'src/compile.ts'].map((file) => join(root, file));
  const { outputFiles } = await build({ ...BUILT, entryPoints });
  return outputFiles.map(({ text }) => text);
}

function sources(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.ts')).map((file) => readFileSync(join(folder, file), 'utf8'));
}

/** The packages that are imported by their names. */
function importedBy(source: string): string[] {
  const names = [...source.matchAll(/\b(?:from |import\()'([^'.][^']*)'/g)].map(([, name = '']) => name);
  return names.filter((name) => !isBuiltin(name));
}

/** How `npm run build` builds. */
const BUILT = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  outdir: 'dist',
  write: false,
} as const;
