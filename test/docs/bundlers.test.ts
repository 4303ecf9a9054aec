import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/folder.js';
import { ROOT, readPage } from './pages.js';

const commands = [...readPage('docs/guides/bundlers.md').text.matchAll(/^ {4}npx (esbuild (?:.*\\\n)?.*)$/gm)];

describe('a program that is bundled as the guide says', () => {
  it.each(commands.map(([, command = '']) => command))('runs on this Node, with `await using` in it: %s', (command) => {
    const folder = temporaryFolder();
    const file = (name: string, text: string) => writeFileSync(join(folder, name), text);
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    file('package.json', '{ "type": "module" }');
    file('main.ts', PROGRAM);
    const env = { ...process.env, PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}` };
    const source = `--alias:pythonarium=${join(ROOT, 'src/index.ts')} --log-level=warning`;
    execFileSync('sh', ['-c', `${command} ${source}`], { cwd: folder, env });
    expect(execFileSync(process.execPath, ['out/main.mjs'], { cwd: folder, encoding: 'utf8' })).toBe('4\n');
  });
});

const PROGRAM = `
import { createPool } from 'pythonarium';

await using pool = createPool({ module: 'math', expose: 'all', size: 1, libraryPath: ${JSON.stringify(join(ROOT, 'python'))} });
console.log(await pool.call('sqrt', [16]));
`;
