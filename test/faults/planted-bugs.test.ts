import { spawn } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { withFolder } from '../support/scratch.js';
import { PLANTED, type PlantedBug } from './planted-bugs.js';

/** A copy of this project is made, the bug put into it, and whoever is to catch it run there. */
describe('a bug that another pool has had', () => {
  it('is planted 25 times', () => {
    expect(PLANTED).toHaveLength(25);
  });

  it('is caught by nobody where none is planted', async () => {
    const files = new Set(PLANTED.map(({ caughtBy }) => caughtBy).filter((name) => name !== 'simulation'));
    await withFolder(async (folder) => {
      copyProject(folder);
      for (const command of [simulation('1-5'), tests(...files)]) {
        const { code, output } = await run(folder, command);
        expect(code, output).toBe(0);
      }
    });
  });

  it.each(PLANTED.map((bug) => [bug.what, bug.caughtBy, bug] as const))(
    '%s: is caught by %s',
    async (_what, _by, bug) => {
      await withFolder(async (folder) => {
        copyProject(folder);
        plant(folder, bug);
        const { code, output } = await run(folder, commandFor(bug));
        console.log(output.split('\n').slice(0, 2).join('\n').slice(0, 300));
        expect(code, output).toBe(1);
        expect(output).toMatch(bug.says);
      });
    },
  );
});

function copyProject(folder: string): void {
  for (const name of COPIED) {
    cpSync(join(PROJECT, name), join(folder, name), {
      recursive: true,
      filter: (path) => !/node_modules|__pycache__/.test(path.slice(PROJECT.length)),
    });
  }
  symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
}

function plant(folder: string, { file, find, put }: PlantedBug): void {
  const path = join(folder, file);
  const source = readFileSync(path, 'utf8');
  if (!source.includes(find)) throw new Error(`In ${file} there is no longer: ${find}`);
  writeFileSync(path, source.replaceAll(find, put));
}

function commandFor({ caughtBy }: PlantedBug): string[] {
  // A bug may make a test wait for ever.
  return caughtBy === 'simulation' ? simulation('1-50') : tests('--bail', '1', '--testTimeout', '20000', caughtBy);
}

function simulation(seeds: string): string[] {
  return ['--import', 'tsx', 'test/simulation/main.ts', '--seeds', seeds, '--steps', '2000'];
}

function tests(...args: string[]): string[] {
  return ['node_modules/vitest/vitest.mjs', 'run', ...args];
}

function run(cwd: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: 540_000 });
    let output = '';
    const hear = (text: string) => {
      // Of what went well nobody wants to read.
      if (!text.startsWith('{"seed"')) output += text;
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const COPIED = ['src', 'machines', 'python', 'test', 'docs', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
