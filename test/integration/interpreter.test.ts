import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { PythonNotFoundError } from '../../src/errors.js';
import { createPool } from '../../src/pool.js';
import {
  type FindInterpreterOptions,
  findInterpreter,
  type Interpreter,
  workerPath,
} from '../../src/process/interpreter.js';

/** The real program of the Python that this machine has, behind whatever shim. */
let system: string;
let shelf: string;
let venv: string;
beforeAll(async () => {
  system = (await findInterpreter({ env: { ...UNSET }, cwd: '/' })).executable;
  shelf = realpathSync(mkdtempSync(join(tmpdir(), 'pythonarium-venv-')));
  venv = makeVenv(join(shelf, 'env'));
});
afterAll(() => rmSync(shelf, { recursive: true, force: true }));

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pythonarium-python-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a virtual environment made of links', () => {
  it('is run by its own program, not by the one that its link leads to', async () => {
    const found = await find({ env: { VIRTUAL_ENV: venv } });
    expect(found).toMatchObject({ source: 'VIRTUAL_ENV', prefix: venv, executable: join(venv, 'bin', 'python') });
    expect(realpathSync(found.executable)).not.toBe(found.executable);
    expect(found.basePrefix).not.toBe(venv);
  });

  it('is still that environment when a worker is started from it with -I', async () => {
    const found = await find({ env: { VIRTUAL_ENV: venv } });
    expect(inWorker(found, 'print(sys.prefix)')).toBe(venv);
    expect(found.path.some((entry) => entry.startsWith(venv))).toBe(true);
  });

  it.each(['VIRTUAL_ENV', 'CONDA_PREFIX'] as const)('is found by a relative %s, from cwd', async (name) => {
    const found = await find({ env: { [name]: 'env' }, cwd: shelf });
    expect(found).toMatchObject({ source: name, prefix: venv });
  });
});

describe('the order of places', () => {
  let other: string;
  beforeAll(() => {
    other = makeVenv(join(shelf, 'other'));
  });

  it('puts the option first, then PYTHONARIUM_PYTHON, VIRTUAL_ENV, CONDA_PREFIX, .venv and the PATH', async () => {
    makeVenv(join(folder, '.venv'));
    const env: Record<string, string | undefined> = {
      PYTHONARIUM_PYTHON: system,
      VIRTUAL_ENV: venv,
      CONDA_PREFIX: other,
      PATH: dirname(system),
    };
    const seen = [await find({ python: join(other, 'bin', 'python'), env })];
    for (const next of ['PYTHONARIUM_PYTHON', 'VIRTUAL_ENV', 'CONDA_PREFIX']) {
      seen.push(await find({ env }));
      env[next] = undefined;
    }
    seen.push(await find({ env }));
    rmSync(join(folder, '.venv'), { recursive: true });
    seen.push(await find({ env }));

    const systemPrefix = seen[1]!.prefix;
    expect(seen.map(({ source, prefix }) => [source, prefix])).toEqual([
      ['option python', other],
      ['PYTHONARIUM_PYTHON', systemPrefix],
      ['VIRTUAL_ENV', venv],
      ['CONDA_PREFIX', other],
      ['.venv', join(folder, '.venv')],
      ['PATH', systemPrefix],
    ]);
    expect(seen.at(-1)!.skipped.map(({ where }) => where)).toEqual([
      'PYTHONARIUM_PYTHON',
      'VIRTUAL_ENV',
      'CONDA_PREFIX',
      '.venv',
    ]);
  });

  it('takes the nearest .venv of the folders above', async () => {
    const cwd = join(folder, 'app', 'src', 'deep');
    mkdirSync(cwd, { recursive: true });
    makeVenv(join(folder, '.venv'));
    expect(await find({ cwd })).toMatchObject({ source: '.venv', prefix: join(folder, '.venv') });
    makeVenv(join(folder, 'app', '.venv'));
    expect(await find({ cwd })).toMatchObject({ source: '.venv', prefix: join(folder, 'app', '.venv') });
  });

  it('skips an environment that does not run, and says so', async () => {
    const broken = script('.venv/bin/python', 'echo "ld.so: libpython3.9 is missing" >&2; exit 127');
    const found = await find({ env: { PATH: dirname(system) } });
    expect(found.source).toBe('PATH');
    expect(found.skipped.at(-1)).toEqual({
      where: '.venv',
      what: broken,
      why: 'it ended with exit code 127 and reported nothing; it said: ld.so: libpython3.9 is missing',
    });
  });

  it('goes on to the next python3 of the PATH when the first is a shim without a version', async () => {
    script('bin/python3', 'echo "pyenv: python3: command not found" >&2; exit 127');
    const found = await find({ env: { PATH: `${join(folder, 'bin')}:${dirname(system)}:/usr/bin:/bin` } });
    expect(found.source).toBe('PATH');
    expect(found.skipped.at(-1)?.why).toContain('pyenv: python3: command not found');
  });

  it('finds the activated environment though an allow-list hides it from workers', async () => {
    vi.stubEnv('VIRTUAL_ENV', venv);
    vi.stubEnv('PYTHONARIUM_PYTHON', undefined);
    try {
      const found = await findInterpreter({ env: { only: ['LANG'], set: { MODE: 'fast' } }, cwd: folder });
      expect(found.prefix).toBe(venv);
      expect(Object.keys(found.environment).filter((name) => name !== 'LANG')).toEqual(['MODE']);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('an explicit choice that does not work', () => {
  it.each(['option python', 'PYTHONARIUM_PYTHON'])(
    'is an error when it is the %s, with what it said',
    async (where) => {
      const python = script('python', 'echo "cannot open libpython" >&2; exit 3');
      const options = where === 'option python' ? { python } : { env: { PYTHONARIUM_PYTHON: python } };
      const { tried } = await refusal({ ...options });
      expect(tried).toEqual([
        { where, what: python, why: 'it ended with exit code 3 and reported nothing; it said: cannot open libpython' },
      ]);
    },
  );

  it('says how old a Python is that is too old', async () => {
    const python = wrapper(
      `exec "${system}" -c 'import sys; sys.version = "3.8.10 (default)"; sys.version_info = (3, 8, 10); exec(sys.argv[1])' "$2"`,
    );
    const { message } = await refusal({ python });
    expect(message).toContain('it is Python 3.8.10, and 3.10 is the oldest that will do');
  });

  it('says that a program reported by a wrapper is not on this machine', async () => {
    const python = wrapper(
      `exec "${system}" -c 'import sys; sys.executable = "/in/the/container/python3"; exec(sys.argv[1])' "$2"`,
    );
    expect((await refusal({ python })).tried[0]?.why).toBe(
      'its program is /in/the/container/python3, which cannot be run from here',
    );
  });

  it.each([
    ['prints something else', 'echo hello', 'it ended with exit code 0 and reported nothing'],
    ['is killed', 'kill -9 $$', 'it ended of signal SIGKILL and reported nothing'],
    ['never stops printing', 'exec yes', 'it printed more than 16777216 bytes'],
    ['is no program', null, 'it could not be started: '],
  ])('says so when it %s', async (_, body, why) => {
    const python = body === null ? script('python', '', '#!/no/such/interpreter') : wrapper(body);
    expect((await refusal({ python })).tried[0]?.why).toContain(why);
  });
});

describe('a wrapper', () => {
  it.each([
    ['closes every descriptor above 2', 'for fd in 3 4 5 6 7 8 9; do eval "exec $fd>&-"; done'],
    ['has no standard input', 'exec 0<&-'],
    ['prints noise before, without ending its line', 'printf "activating…"; printf "warning" >&2'],
    ['prints something that looks like a report', `printf '\\npythonarium-probe:{"version":"3.9"}\\n'`],
    ['refuses arguments of several lines, as `conda run` does', `case "$*" in *"\n"*) exit 9;; esac`],
  ])('may be one that %s', async (_, body) => {
    const python = wrapper(`${body}\nexec "${system}" "$@"`);
    expect(await find({ python })).toMatchObject({ executable: system, command: [python] });
  });

  it('may print noise after, and end with a code of its own', async () => {
    const found = await find({ python: wrapper(`"${system}" "$@"; echo deactivated; exit 4`) });
    expect(found.executable).toBe(system);
  });

  it('may be a command with arguments, whose program is looked for on the PATH', async () => {
    script('bin/launch', 'shift; exec "$@"');
    const python = ['launch', 'run', system, '-X', 'dev', '-O'];
    const found = await find({ python, env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin` } });
    expect(found.command).toEqual([join(folder, 'bin', 'launch'), ...python.slice(1)]);
    expect(found.flags).toEqual(expect.arrayContaining(['-O', '-X', 'dev']));
  });

  it('hands on to workers which warnings its command asks for, and not what a variable does', async () => {
    const env = { PYTHONWARNINGS: 'ignore::FutureWarning,ignore::ImportWarning' };
    const found = await find({ python: [system, '-W', 'error::UserWarning', '-bb'], env });
    expect(found.flags).not.toContain('ignore::FutureWarning');
    const code = 'import sys; print(sys.flags.bytes_warning, "error::UserWarning" in sys.warnoptions)';
    const options = { env: found.environment, encoding: 'utf8' } as const;
    expect(execFileSync(found.executable, ['-I', ...found.flags, '-c', code], options).trim()).toBe('2 True');
  });

  it('hands on to workers that a variable asks for no UTF-8, which Python would take in the locale C otherwise', async () => {
    const found = await find({ python: system, env: { LC_ALL: 'C', PYTHONUTF8: '0' } });
    const code = 'import sys; print(sys.flags.utf8_mode)';
    const options = { env: found.environment, encoding: 'utf8' } as const;
    expect(execFileSync(found.executable, ['-I', ...found.flags, '-c', code], options).trim()).toBe('0');
  });

  it('hands its activation on to workers, but not what its shell keeps for itself', async () => {
    const python = wrapper(`export ACTIVATED=yes MODE=wrapped; cd /; exec "${system}" "$@"`);
    const found = await find({ python, env: { MODE: 'given', PWD: '/given', SHLVL: undefined } });
    expect(found.environment).toMatchObject({ ACTIVATED: 'yes', MODE: 'wrapped', PWD: '/given' });
    expect(Object.keys(found.environment)).not.toContain('SHLVL');
    expect(inWorker(found, 'import os; print(os.environ["ACTIVATED"])')).toBe('yes');
  });

  it('hands nothing past an allow-list', async () => {
    const python = wrapper(`export ACTIVATED=yes MODE=wrapped; exec "${system}" "$@"`);
    const found = await find({ python, env: { only: ['LANG'], set: { MODE: 'given' } } });
    expect(found.environment.MODE).toBe('wrapped');
    expect(Object.keys(found.environment).filter((name) => name !== 'LANG')).toEqual(['MODE']);
  });

  it('may leave a daemon behind that holds its standard output, and is not waited for', async () => {
    const python = wrapper(`sleep 1000 & echo $! > daemon; exec "${system}" "$@"`);
    try {
      expect((await find({ python, bootTimeoutMs: 20_000 })).executable).toBe(system);
    } finally {
      process.kill(Number(readFileSync(join(folder, 'daemon'), 'utf8')), 'SIGKILL');
    }
  });

  it('is ended with all that it started when it does not report in time', async () => {
    const python = wrapper('sleep 1000 & echo $! > grandchild; wait');
    const { tried } = await refusal({ python, bootTimeoutMs: 2_000 });
    expect(tried[0]?.why).toBe('it did not report within 2000 ms');
    const grandchild = Number(readFileSync(join(folder, 'grandchild'), 'utf8'));
    await vi.waitFor(() => expect(lives(grandchild)).toBe(false), 10_000);
  });
});

describe('what workers can import', () => {
  it("the module's siblings before anything of the same name elsewhere", async () => {
    mkdirSync(join(folder, 'app'));
    mkdirSync(join(folder, 'elsewhere'));
    writeFileSync(join(folder, 'app', 'sibling.py'), 'where = "app"');
    writeFileSync(join(folder, 'elsewhere', 'sibling.py'), 'where = "elsewhere"');
    const found = await find({ env: { PYTHONPATH: join(folder, 'elsewhere') } });
    const path = workerPath(found, { moduleFolders: [join(folder, 'app')] });
    expect(inWorker(found, 'import sibling; print(sibling.where)', path)).toBe('app');
  });

  it("PYTHONPATH's entries, relative ones from cwd, before the standard library; none when isolated", async () => {
    mkdirSync(join(folder, 'given'));
    writeFileSync(join(folder, 'given', 'given.py'), '');
    const options = { env: { PYTHONPATH: `given:${join(folder, 'absent')}` } };

    const found = await find(options);
    expect(found.pythonPath).toEqual([join(folder, 'given'), join(folder, 'absent')]);
    expect(found.path.slice(0, 2)).toEqual(found.pythonPath);
    expect(inWorker(found, 'import given; print(given.__file__)', workerPath(found, { moduleFolders: [] }))).toBe(
      join(folder, 'given', 'given.py'),
    );

    const isolated = await find({ ...options, isolated: true });
    expect(isolated.pythonPath).toEqual([]);
    expect(isolated.path).toEqual(JSON.parse(inWorker(isolated, 'import json; print(json.dumps(sys.path))')));
  });

  it('the user site, at the place Python gives it; not when isolated', async () => {
    const base = join(folder, 'user');
    const site = execFileSync(system, ['-c', 'import site; print(site.getusersitepackages())'], {
      env: { PYTHONUSERBASE: base },
      encoding: 'utf8',
    }).trim();
    const options = { python: system, env: { PYTHONUSERBASE: base, PYTHONNOUSERSITE: undefined } };
    expect((await find(options)).userSite).toBe(null);

    mkdirSync(join(site, 'linked'), { recursive: true });
    writeFileSync(join(site, 'mine.py'), '');
    writeFileSync(join(site, 'links.pth'), join(site, 'linked'));
    // The report of a moment ago is remembered; another variable asks for a new one.
    const env = { ...options.env, ASKED: 'again' };
    const found = await find({ ...options, env });
    expect(found.userSite).toBe(site);
    expect(found.path.filter((entry) => entry.startsWith(base))).toEqual([site, join(site, 'linked')]);
    expect(found.path).toEqual(pathOf(found, env));

    const isolated = await find({ ...options, env, isolated: true });
    expect(isolated.userSite).toBe(null);
    expect(isolated.path.filter((entry) => entry.startsWith(base))).toEqual([]);
  });

  it('what they can without us, but for the current folder', async () => {
    const found = await find({ python: system });
    expect(found.path).toEqual(pathOf(found, {}));
    expect(found.path).not.toContain('');
    expect(found.path).not.toContain(folder);
  });
});

describe('a worker', () => {
  it.each([
    [false, { sibling: 'app', given: true, user: true, linked: true, hooked: true }],
    [true, { sibling: 'app', given: false, user: false, linked: false, hooked: false }],
  ])(
    'imports siblings, from PYTHONPATH and from the user site as Python does, when isolated is %s',
    async (isolated, all) => {
      const base = join(folder, 'user');
      const code = 'import site; print(site.getusersitepackages())';
      const site = execFileSync(system, ['-c', code], { env: { PYTHONUSERBASE: base }, encoding: 'utf8' }).trim();
      const files = {
        'app/main.py': `
import importlib.util, sibling, sys
from pythonarium import expose

@expose
def look():
    names = ('given', 'user', 'linked')
    found = {name: importlib.util.find_spec(name) is not None for name in names}
    return {'sibling': sibling.where, 'hooked': hasattr(sys, 'hooked'), **found}
`,
        'app/sibling.py': 'where = "app"',
        'given/sibling.py': 'where = "given"',
        'given/given.py': '',
        'linked/linked.py': '',
        [join(relative(folder, site), 'user.py')]: '',
        [join(relative(folder, site), 'hook.pth')]: `${folder}/linked\nimport sys; sys.hooked = True\n`,
      };
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        writeFileSync(join(folder, name), text);
      }
      await using pool = createPool({
        module: join(folder, 'app', 'main.py'),
        python: system,
        size: 1,
        isolated,
        env: { ...UNSET, PYTHONPATH: join(folder, 'given'), PYTHONUSERBASE: base, PYTHONNOUSERSITE: undefined },
      });
      expect(await pool.call('look')).toEqual(all);
    },
  );

  it('finds files and variables by their bytes where its locale has another encoding than UTF-8', async () => {
    const files = {
      'für/main.py': 'import beside, os\ndef look(): return [beside.where, os.environb[b"NAME"].decode()]\n',
      'größer/beside.py': 'where = "beside"\n',
    };
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)));
      writeFileSync(join(folder, name), text);
    }
    await using pool = createPool({
      module: join(folder, 'für', 'main.py'),
      expose: 'all',
      python: [system, '-X', 'utf8=0'],
      size: 1,
      env: { ...UNSET, LC_ALL: 'C', NAME: 'Jürgen', PYTHONPATH: join(folder, 'größer') },
    });
    expect(await pool.call('look')).toEqual(['beside', 'Jürgen']);
  });

  it('runs in the virtual environment that is active', async () => {
    writeFileSync(join(folder, 'where.py'), 'import sys\ndef prefix(): return sys.prefix\n');
    const env = { ...UNSET, VIRTUAL_ENV: venv };
    await using pool = createPool({ module: join(folder, 'where.py'), expose: 'all', size: 1, env });
    expect(await pool.call('prefix')).toBe(venv);
  });
});

describe('a hostile folder', () => {
  it.each([
    ['current folder', {}],
    ['PYTHONPATH', { PYTHONPATH: '.' }],
    ['empty entry of a PYTHONPATH', { PYTHONPATH: '/usr/share:' }],
  ])('as the %s does not get its json.py run by the search', async (_, env) => {
    for (const name of ['json', 'site', 'os', 're']) {
      writeFileSync(join(folder, `${name}.py`), `open(${JSON.stringify(join(folder, 'ran'))}, 'a').write('${name} ')`);
    }
    // `os` and `site` are loaded by Python itself while it starts, before a word of ours is read.
    if ('PYTHONPATH' in env) for (const name of ['site', 'os', 're']) rmSync(join(folder, `${name}.py`));
    expect((await find({ env })).executable).toBe(system);
    expect(existsSync(join(folder, 'ran'))).toBe(false);
  });

  it('cannot speak through PYTHONSTARTUP, PYTHONHOME, PYTHONINSPECT or LD_PRELOAD of this process', async () => {
    vi.stubEnv('PYTHONHOME', folder);
    vi.stubEnv('PYTHONSTARTUP', join(folder, 'startup.py'));
    vi.stubEnv('PYTHONINSPECT', '1');
    vi.stubEnv('LD_PRELOAD', join(folder, 'hook.so'));
    try {
      const found = await find({});
      expect(found.executable).toBe(system);
      expect(Object.keys(found.environment)).not.toContain('LD_PRELOAD');
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('one search', () => {
  it('runs a Python once, however many ask at once or later', async () => {
    const python = wrapper(`echo run >> runs; exec "${system}" "$@"`);
    const found = await Promise.all(Array.from({ length: 8 }, () => find({ python })));
    found.push(await find({ python }));
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('run\n');
    expect(new Set(found.map(({ executable }) => executable))).toEqual(new Set([system]));
  });

  it('runs it again for another environment, and for isolated', async () => {
    const python = wrapper(`echo run >> runs; exec "${system}" "$@"`);
    await find({ python });
    await find({ python, env: { MODE: 'other' } });
    await find({ python, isolated: true });
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('run\nrun\nrun\n');
  });

  it('runs it again once its program is another file', async () => {
    expect((await find({ python: wrapper(`exec "${system}" -O "$@"`) })).flags).toContain('-O');
    rmSync(join(folder, 'wrapper'));
    expect((await find({ python: wrapper(`exec "${system}" "$@"`) })).flags).not.toContain('-O');
  });

  it('tries again what failed, since it may have been mended', async () => {
    const python = wrapper(`[ -e mended ] || exit 1; exec "${system}" "$@"`);
    await refusal({ python });
    writeFileSync(join(folder, 'mended'), '');
    expect((await find({ python })).executable).toBe(system);
  });

  it('goes on for the others when one of its callers gives up', async () => {
    const python = wrapper(`echo here > started; while [ ! -e go ]; do sleep 0.01; done; exec "${system}" "$@"`);
    const controller = new AbortController();
    const leaves = find({ python, signal: controller.signal });
    const stays = find({ python });
    leaves.catch(() => {});
    await fileOf('started');
    controller.abort(new Error('I leave'));
    await expect(leaves).rejects.toThrow('I leave');
    writeFileSync(join(folder, 'go'), '');
    expect((await stays).executable).toBe(system);
  });

  it('ends its process when the last of them gives up, before it rejects', async () => {
    const python = wrapper('echo $$ > started; exec sleep 1000');
    const controller = new AbortController();
    const search = find({ python, signal: controller.signal });
    search.catch(() => {});
    const pid = Number(await fileOf('started'));
    const reason = new Error('never mind');
    controller.abort(reason);
    await expect(search).rejects.toBe(reason);
    expect(lives(pid)).toBe(false);
  });

  it('leaves no process, descriptor, timer or signal handler behind, so that a program ends by itself', () => {
    const pythons = [`exec "${system}" "$@"`, 'exit 1', 'exec sleep 1000'].map((body, i) => script(`python${i}`, body));
    const { status, stdout } = run(fixture('search-and-end.ts'), [system, ...pythons]);
    const [first, second, third, left] = stdout.trim().split('\n');
    expect([first, second, third]).toEqual(['found', 'ERR_PYTHON_NOT_FOUND', 'ERR_PYTHON_NOT_FOUND']);
    const { before, after } = JSON.parse(left!);
    expect(after).toEqual(before);
    expect(status).toBe(0);
  });

  it('says ERR_SPAWN when descriptors run out, instead of ending the program or choosing another Python', () => {
    const { stdout, stderr } = run(fixture('search-without-descriptors.ts'), [system], 'ulimit -n 256;');
    expect(stderr).toBe('');
    expect(stdout).toBe('ERR_SPAWN EMFILE, then found\n');
  });
});

/** Nothing of this machine's own settings. */
const UNSET = {
  PYTHONARIUM_PYTHON: undefined,
  VIRTUAL_ENV: undefined,
  CONDA_PREFIX: undefined,
  PYTHONPATH: undefined,
  PYTHONNOUSERSITE: '1',
};

function find(options: FindInterpreterOptions): Promise<Interpreter> {
  const env = options.env !== undefined && 'only' in options.env ? options.env : { ...UNSET, ...options.env };
  const python = 'python' in options || searches(options) ? options.python : system;
  return findInterpreter({ cwd: folder, ...options, env, python });
}

/** Whether a test is about where Python is looked for. The others want the real program, and no shim in between. */
function searches({ env = {}, cwd }: FindInterpreterOptions): boolean {
  const names = ['PYTHONARIUM_PYTHON', 'VIRTUAL_ENV', 'CONDA_PREFIX', 'PATH'];
  return cwd !== undefined || names.some((name) => name in env);
}

async function refusal(options: FindInterpreterOptions): Promise<PythonNotFoundError> {
  const error = await find(options).then(
    (found) => new Error(`found ${found.executable}`),
    (refused: unknown) => refused,
  );
  if (error instanceof PythonNotFoundError) return error;
  throw error;
}

/** Runs code as a worker is started: directly, with -I, and with `sys.path` set to `path`. */
function inWorker(found: Interpreter, code: string, path?: string[]): string {
  const start = path === undefined ? 'import sys' : `import sys; sys.path[:] = ${JSON.stringify(path)}`;
  const options = { env: found.environment, cwd: '/', encoding: 'utf8' } as const;
  return execFileSync(found.executable, ['-I', '-c', `${start}\n${code}`], options).trim();
}

/** What Python itself makes of `sys.path` in the current folder. */
function pathOf(found: Interpreter, env: Record<string, string | undefined>): string[] {
  const code = 'import sys, json; print(json.dumps([entry for entry in sys.path if entry]))';
  const options = { env: { ...process.env, ...UNSET, ...env }, cwd: folder, encoding: 'utf8' } as const;
  return JSON.parse(execFileSync(found.executable, ['-c', code], options));
}

function makeVenv(path: string): string {
  execFileSync(system, ['-m', 'venv', '--symlinks', '--without-pip', path]);
  return path;
}

function wrapper(body: string): string {
  return script('wrapper', body);
}

function script(name: string, body: string, start = '#!/bin/sh'): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${start}\n${body}\n`, { mode: 0o755 });
  return path;
}

function fixture(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
}

/** Runs a program of ours in a process of its own, under limits of its own. */
function run(program: string, args: readonly string[], limits = ''): SpawnSyncReturns<string> {
  const command = [process.execPath, '--import', 'tsx', program, ...args];
  return spawnSync('/bin/sh', ['-c', `${limits} exec "$@"`, 'sh', ...command], { encoding: 'utf8', timeout: 30_000 });
}

/** What is in a file, once somebody has written it. */
async function fileOf(name: string): Promise<string> {
  const path = join(folder, name);
  return vi.waitFor(() => {
    const text = readFileSync(path, 'utf8');
    expect(text).not.toBe('');
    return text;
  }, 10_000);
}

/** Whether a process runs; one that ended and was not yet collected by its parent does not. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
