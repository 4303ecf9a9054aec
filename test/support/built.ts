import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** @returns A folder with the package as it is published, which goes with the tests of the file that asks for it. */
export function builtPackage(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pythonarium-built-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  for (const name of ['package.json', 'python', 'node_modules']) symlinkSync(join(root, name), join(folder, name));
  execFileSync('npm', ['run', '-s', 'build:code', '--', `--outdir=${join(folder, 'dist')}`], { cwd: root });
  return folder;
}
