import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differences, type PlainTotals, Totals } from '../../docs/examples/census/totals.js';
import { findInterpreter } from '../../src/process/interpreter.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const census = join(root, 'docs/examples/census');
const folder = mkdtempSync(join(tmpdir(), 'pythonarium-census-'));

const SOURCES: Record<string, string | Buffer> = {
  'shelf.py':
    'import os, sys\nclass Shelf:\n    def __init__(self):\n        self.books = []\n        def inner():\n            pass\n',
  'deep/er/nest.py':
    'from os import path\nfrom . import sibling\nasync def wait():\n    async def more():\n        import os\n',
  'deep/empty.py': '',
  'no_newline.py': 'import os.path as path',
  'latin.py': Buffer.from('# coding: latin-1\nname = "\xe9"\n', 'latin1'),
  'broken.py': 'print "this was Python once"\n',
  'null.py': 'x = 1\0\n',
  'notes.txt': 'def no(): pass\n',
  'site-packages/other.py': 'def others(): pass\n',
};

beforeAll(() => {
  for (const [name, source] of Object.entries(SOURCES)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), source);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the census', () => {
  it('counts what is in the files of a folder, and agrees with plain Python', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', join(census, 'main.ts'), '--dir', folder, '--size', '2'],
      { cwd: root },
    );
    expect(stdout).toContain('The totals agree with plain python3.');
    expect(numbersIn(stdout)).toMatchObject({
      files: 7,
      'that do not parse': 2,
      lines: 14,
      functions: 4,
      'of them async': 2,
      classes: 1,
      os: 2,
      'os.path': 1,
    });
    expect(stdout).toMatch(/Shelf\.__init__ +4 +shelf\.py:3/);
    expect(stdout).toMatch(/broken\.py +line 1: /);
    expect(stdout).toMatch(/2 workers.*\n1 worker .*1\.00\nplain python3/);
  });

  it('says which totals do not agree', async () => {
    const { executable } = await findInterpreter();
    const { stdout } = await promisify(execFile)(executable, [join(census, 'plain.py'), folder]);
    const plain = JSON.parse(stdout) as PlainTotals;
    const ours = new Totals();
    expect(differences(ours, plain)).toContain('files: 0 with the pool, 7 without');
    expect(plain).toMatchObject({ files: 7, unparsed: 2, lines: 14, functions: 4, asynchronous: 2, classes: 1 });
  });
});

/** The rows of the tables that are a name and one number. */
function numbersIn(report: string): Record<string, number> {
  const rows = report.matchAll(/^ *([a-z. ]+?) {2,}(\d+)$/gm);
  return Object.fromEntries(Array.from(rows, ([, name, number]) => [name, Number(number)]));
}
