import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { PoolOptions } from '../../src/index.js';
import { temporaryFolder } from '../support/folder.js';
import { fixtures, PYTHON, startPool } from '../support/pool.js';

const observes = fixtures(import.meta.url)('observes.py');
const version = execFileSync(PYTHON, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
  encoding: 'utf8',
}).trim();

/** What somebody puts beside a program, or into its environment, so that a Python which it starts runs code of theirs. */
const INJECTIONS: Record<string, (folder: string, evil: string) => Record<string, string>> = {
  'PYTHONPATH with a sitecustomize': (folder, evil) => file(folder, 'sitecustomize.py', evil, { PYTHONPATH: folder }),
  'PYTHONPATH with a usercustomize': (folder, evil) => file(folder, 'usercustomize.py', evil, { PYTHONPATH: folder }),
  'PYTHONPATH with a json.py': (folder, evil) => file(folder, 'json.py', evil, { PYTHONPATH: folder }),
  'PYTHONPATH with a pythonarium.py': (folder, evil) => file(folder, 'pythonarium.py', evil, { PYTHONPATH: folder }),
  PYTHONHOME: (folder, evil) =>
    file(folder, `lib/python${version}/encodings/__init__.py`, evil, { PYTHONHOME: folder }),
  PYTHONSTARTUP: (folder, evil) => file(folder, 'start.py', evil, { PYTHONSTARTUP: join(folder, 'start.py') }),
  'PYTHONWARNINGS that names a class': (folder, evil) =>
    file(folder, 'evil.py', `${evil}\nclass Evil(Warning): pass`, {
      PYTHONWARNINGS: 'ignore::evil.Evil',
      PYTHONPATH: folder,
    }),
  PYTHONBREAKPOINT: (folder, evil) =>
    file(folder, 'evil.py', evil, { PYTHONBREAKPOINT: 'evil.run', PYTHONPATH: folder }),
  PYTHONINSPECT: () => ({ PYTHONINSPECT: '1' }),
  'PYTHONUSERBASE with a .pth': (folder, evil) => {
    const site = `lib/python${version}/site-packages`;
    file(folder, `${site}/evil_module.py`, evil, {});
    return file(folder, `${site}/evil.pth`, 'import evil_module', { PYTHONUSERBASE: folder });
  },
  'HOME with a .pth': (folder, evil) => {
    const site = `.local/lib/python${version}/site-packages`;
    file(folder, `${site}/evil_module.py`, evil, {});
    return file(folder, `${site}/evil.pth`, 'import evil_module', { HOME: folder });
  },
  PYTHONPYCACHEPREFIX: (folder) => ({ PYTHONPYCACHEPREFIX: join(folder, 'cache') }),
  LD_PRELOAD: (folder) => ({ LD_PRELOAD: library(folder) }),
  LD_AUDIT: (folder) => ({ LD_AUDIT: library(folder) }),
  'a json.py in the current folder': (folder, evil) => file(folder, 'json.py', evil, {}),
  'a sitecustomize.py in the current folder': (folder, evil) => file(folder, 'sitecustomize.py', evil, {}),
  'a folder named pythonarium in the current folder': (folder, evil) =>
    file(folder, 'pythonarium/__init__.py', evil, {}),
};

/** What Python itself runs, as it is looked for and asked what it is, where its variables are heeded. Workers run none of it. */
const IN_THE_SEARCH = [
  'PYTHONPATH with a sitecustomize',
  'PYTHONPATH with a usercustomize',
  'PYTHONPATH with a json.py',
  'PYTHONWARNINGS that names a class',
  'PYTHONUSERBASE with a .pth',
  'HOME with a .pth',
];
/** The user's own site, which works in a worker as it does in a shell: `site.addsitedir` runs its `.pth` files. */
const IN_WORKERS = ['PYTHONUSERBASE with a .pth', 'HOME with a .pth'];

describe('code that is slipped to a Python in its environment or its folder', () => {
  const names = Object.keys(INJECTIONS);

  it('comes in at least 16 ways', () => {
    expect(names.length).toBeGreaterThanOrEqual(16);
  });

  it.each(names)('runs nowhere in an isolated pool, with this program’s environment: %s', async (name) => {
    expect(await ran(name, { isolated: true })).toEqual([]);
  });

  it.each(names)('runs nowhere with an environment by allow-list: %s', async (name) => {
    expect(await ran(name, { env: { only: ['PATH', 'LANG'] } })).toEqual([]);
  });

  it.each(names)(
    'runs in no worker unless it is the user’s own site, and in the search for Python where Python heeds it: %s',
    async (name) => {
      const where = await ran(name, {});
      expect(where.filter((each) => each === 'worker').length > 0).toBe(IN_WORKERS.includes(name));
      if (!IN_THE_SEARCH.includes(name)) expect(where).toEqual([]);
    },
  );
});

/** Where the code ran, once a pool has started under it and served a call that imports what may be shadowed. */
async function ran(name: string, options: Partial<PoolOptions>): Promise<string[]> {
  const folder = temporaryFolder();
  const mark = join(folder, 'mark');
  const evil = [
    'import sys',
    `with open(${JSON.stringify(mark)}, "a") as mark:`,
    '    mark.write("worker\\n" if sys.flags.isolated else "search\\n")',
    'def run(*args): pass',
  ].join('\n');
  const variables = INJECTIONS[name]?.(folder, evil) ?? {};
  const before = { ...process.env };
  Object.assign(process.env, variables);
  onTestFinished(() => {
    for (const key of Object.keys(variables)) {
      if (before[key] === undefined) delete process.env[key];
      else process.env[key] = before[key];
    }
  });
  const pool = startPool(observes, { cwd: folder, ...options });
  const seen = await pool.call<{ environ: Record<string, string>; path: string[] }>('surroundings');
  expect(seen.path).not.toContain('');
  expect(seen.environ.LD_PRELOAD).toBeUndefined();
  await pool.close();
  return existsSync(mark) ? readFileSync(mark, 'utf8').trim().split('\n') : [];
}

function file(folder: string, path: string, text: string, variables: Record<string, string>): Record<string, string> {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), `${text}\n`);
  return variables;
}

/** A library that leaves its mark in the folder that it is in, whoever loads it. */
function library(folder: string): string {
  const source = join(folder, 'evil.c');
  const text = `#include <stdio.h>
unsigned int la_version(unsigned int v) { return v; }
__attribute__((constructor)) void evil(void) { FILE *f = fopen("${join(folder, 'mark')}", "a"); if (f) { fputs("search\\n", f); fclose(f); } }`;
  writeFileSync(source, text);
  execFileSync('gcc', ['-shared', '-fPIC', '-o', join(folder, 'evil.so'), source]);
  return join(folder, 'evil.so');
}
