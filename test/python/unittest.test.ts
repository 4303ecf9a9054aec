import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const here = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(here).filter((file) => /^test_.*\.py$/.test(file));

/** The Python on the PATH, and the system's own where that is of another version: a second one of the same shows little more. */
const pythons = new Map<string, string>();
for (const python of ['python3', '/usr/bin/python3']) {
  if (python.startsWith('/') && !existsSync(python)) continue;
  const told = execFileSync(python, ['-I', '-c', 'import sys; print(*sys.version_info[:2], sys.executable)']);
  const [, version, path] = /^(\d+ \d+) (.+)$/m.exec(String(told)) as unknown as [string, string, string];
  if (!pythons.has(version)) pythons.set(version, path);
}

describe.each([...pythons.values()])('under %s', (python) => {
  it.each(files)('the Python side keeps what %s promises', { timeout: 300_000 }, async (file) => {
    const { code, said } = await run(python, ['-m', 'unittest', file.replace(/\.py$/, '')]);
    expect(code, said).toBe(0);
    // unittest ends well when it finds no test.
    expect(said).toMatch(/Ran [1-9]\d* tests?/);
  });
});

function run(python: string, args: readonly string[]): Promise<{ code: number | null; said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, args, { cwd: here, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
    child.on('error', reject).on('close', (code) => resolve({ code, said }));
  });
}
