import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { PYTHON } from '../support/python.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  files: string[];
  bin: Record<string, string>;
  dependencies: object;
};

describe('what npm packs, in an empty folder', () => {
  const { folder, files } = installed();
  const run = (file: string, ...args: string[]) =>
    execFileSync(process.execPath, [file, ...args], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });

  it.each([
    [
      'an ES module',
      'main.mjs',
      `import { createPool } from 'pythonarium'; import { compile } from 'pythonarium/compile';
      import { workerMachine } from 'pythonarium/machines';`,
    ],
    [
      'CommonJS',
      'main.cjs',
      `const { createPool } = require('pythonarium'); const { compile } = require('pythonarium/compile');
      const { workerMachine } = require('pythonarium/machines');`,
    ],
  ])('answers to %s', (_, file, imports) => {
    writeFileSync(join(folder, file), `${imports}\n${PROGRAM}`);
    expect(run(file)).toBe('4 worker function\n');
  });

  it('has the command', () => {
    const command = join('node_modules/pythonarium', manifest.bin.pythonarium as string);
    expect(run(command, 'call', 'statistics:mean', '[[1, 2, 6]]', '--python', PYTHON)).toBe('3\n');
  });

  it('has what it is to have, and nothing that a run of Python has left there', () => {
    for (const file of ['LICENSE', 'README.md', 'docs/start.md', 'machines/worker.ts', 'python/pythonarium/py.typed']) {
      expect(files).toContain(file);
    }
    expect(files.filter((file) => /__pycache__|\.pyc$|node_modules|\.test\.ts$/.test(file))).toEqual([]);
  });
});

/** The package as it is published, of this very code, with the dependencies of this repository beside it. */
function installed(): { folder: string; files: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'pythonarium-packed-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const source = join(folder, 'source');
  for (const name of ['package.json', ...manifest.files.filter((each) => !each.startsWith('!') && each !== 'dist')]) {
    // What Python leaves there is written and renamed while others run it.
    cpSync(join(root, name), join(source, name), { recursive: true, filter: (path) => !path.endsWith('__pycache__') });
  }
  mkdirSync(join(source, 'python/pythonarium/__pycache__'), { recursive: true });
  writeFileSync(join(source, 'python/pythonarium/__pycache__/worker.cpython-311.pyc'), '');
  const npm = (cwd: string, ...args: string[]) => execFileSync('npm', args, { cwd, encoding: 'utf8' });
  npm(root, 'run', '-s', 'build:code', '--', `--outdir=${join(source, 'dist')}`);
  // What it would run is the build of this repository, in which others work.
  const [packed] = JSON.parse(npm(source, 'pack', '--json', '--ignore-scripts')) as [
    { filename: string; files: { path: string }[] },
  ];
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'pythonarium'), { recursive: true });
  execFileSync('tar', [
    '-xzf',
    join(source, packed.filename),
    '-C',
    join(modules, 'pythonarium'),
    '--strip-components=1',
  ]);
  for (const name of Object.keys(manifest.dependencies))
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  return { folder, files: packed.files.map(({ path }) => path) };
}

const PROGRAM = `
const pool = createPool({ module: 'math', expose: 'all', size: 1, python: ${JSON.stringify(PYTHON)} });
pool.call('sqrt', [16]).then((root) => {
  console.log(root, workerMachine.id, typeof compile);
  return pool.close();
});
`;
