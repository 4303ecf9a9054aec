import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from 'xstate';
import type { BootError, PoolOptions } from '../../src/index.js';
import { temporaryFolder } from '../support/folder.js';
import { NodeScript } from '../support/node-script.js';
import { failure, fixtures, next, PYTHON, readyPool, startPool } from '../support/pool.js';
import { isAlive } from '../support/processes.js';

const here = fixtures(import.meta.url);
const app = new URL('../integration/fixtures/app.py', import.meta.url).pathname;

describe('a module that does not load', () => {
  it.each([
    ['does not parse', 'does-not-parse.py', 'import', { type: 'SyntaxError' }],
    ['imports what is not there', 'imports-what-is-not-there.py', 'import', { type: 'ModuleNotFoundError' }],
    ['calls sys.exit', 'calls-sys-exit-at-import.py', 'import', { type: 'SystemExit' }],
    ['recurses without end', 'recurses-at-import.py', 'import', { type: 'RecursionError' }],
    ['exposes nothing', 'exposes-nothing.py', 'expose', { code: 'ERR_NOT_EXPOSED' }],
    ['writes to the line', 'breaks-its-line-at-import.py', 'load', { code: 'ERR_PROTOCOL' }],
  ])('because it %s: ERR_BOOT, with the stage and the cause', async (_, file, stage, cause) => {
    const pool = startPool(here(file));
    const error = await failure<BootError>(pool.ready());
    expect(error).toMatchObject({ code: 'ERR_BOOT', worker: 'worker-0', stage, cause });
    expect(error.message).toContain((error.cause as Error).message.replace(/\.$/, ''));
    expect(await failure(pool.call('anything'))).toMatchObject({
      code: 'ERR_POOL_DEGRADED',
      cause: { code: 'ERR_BOOT' },
    });
  });

  it('because it exits: ERR_BOOT, with the exit code and the last words', async () => {
    const error = await failure<BootError>(startPool(here('exits-at-import.py')).ready());
    expect(error).toMatchObject({ code: 'ERR_BOOT', stage: 'load', exitCode: 9, signal: null });
    expect(error.stderr).toEqual(['no licence found']);
    expect(error.message).toContain('no licence found');
  });

  it('because it crashes: ERR_BOOT, with the signal and where it was', async () => {
    const error = await failure<BootError>(startPool(here('segfaults-at-import.py')).ready());
    expect(error).toMatchObject({ code: 'ERR_BOOT', stage: 'load', exitCode: null, signal: 'SIGSEGV' });
    expect(error.stderr.join('\n')).toContain('segfaults-at-import.py", line 3');
  });

  it('because it hangs: ERR_BOOT after bootTimeoutMs, and no process is left', async () => {
    const clock = new SimulatedClock();
    const pool = startPool(here('hangs-at-import.py'), { clock, bootTimeoutMs: 3_000 });
    const ready = failure<BootError>(pool.ready());
    await next(pool, 'log', ({ text }) => text === 'importing');
    const dead = next(pool, 'worker.dead');
    clock.increment(3_000);
    const error = await ready;
    expect(error).toMatchObject({ code: 'ERR_BOOT', stage: 'timeout', signal: 'SIGKILL' });
    expect(error.message).toContain('3000 ms');
    const { pid, reason } = await dead;
    expect(reason).toBe('boot-timeout');
    expect(isAlive(pid!)).toBe(false);
  });
});

describe('a module that loads in spite of', () => {
  it('20,000 lines on standard error: none is lost, and it serves', async () => {
    const pool = startPool(here('floods-stderr-at-import.py'));
    let lines = 0;
    pool.on('log', ({ stream, text }) => {
      if (stream === 'stderr' && text.startsWith(`warning ${String(lines).padStart(8, '0')}`)) lines += 1;
    });
    const last = next(pool, 'log', ({ text }) => text.startsWith('warning 00019999'));
    expect(await pool.call('echo', ['well'])).toBe('well');
    await last;
    expect(lines).toBe(20_000);
  });

  it('reading standard input, which is empty', async () => {
    expect(await startPool(here('reads-stdin-at-import.py')).call('told')).toBe('');
  });
});

describe('starts that fail', () => {
  it('wait longer from one to the next, 100 ms and then three times as long each time, and never spin', async () => {
    const clock = new SimulatedClock();
    const pool = startPool(here('exits-at-import.py'), { clock, random: () => 0 });
    let failures = 0;
    pool.on('boot.failed', () => {
      failures += 1;
    });
    await next(pool, 'worker.dead');
    for (const wait of [100, 300, 900, 2_700]) {
      const before = failures;
      clock.increment(wait - 1);
      expect(pool.stats().workers.spawning).toBe(0);
      const dead = next(pool, 'worker.dead');
      clock.increment(1);
      expect(pool.stats().workers.spawning).toBe(1);
      await dead;
      expect(failures).toBe(before + 1);
    }
    expect(pool.stats()).toMatchObject({ state: 'degraded', failures: 5 });
  });

  it('wait apart, by jitter of up to a quarter of the time', async () => {
    const clock = new SimulatedClock();
    const pool = startPool(here('exits-at-import.py'), { clock, random: () => 1 });
    await next(pool, 'worker.dead');
    clock.increment(75);
    expect(pool.stats().workers.spawning).toBe(1);
    await next(pool, 'worker.dead');
  });
});

describe('a Python that cannot be started', () => {
  it('because there is none: ERR_PYTHON_NOT_FOUND, with the places', async () => {
    const pool = startPool(app, { python: '/nowhere/python3' });
    const error = await failure(pool.ready());
    expect(error).toMatchObject({ code: 'ERR_PYTHON_NOT_FOUND', tried: [{ what: '/nowhere/python3' }] });
    expect(error.message).toContain('/nowhere/python3');
    expect(await failure(pool.call('echo', [1]))).toMatchObject({
      code: 'ERR_POOL_DEGRADED',
      cause: { code: 'ERR_PYTHON_NOT_FOUND' },
    });
  });

  it('because it has gone since: ERR_SPAWN with ENOENT, until it is back', async () => {
    const { pool, python } = await poolOnPythonOfItsOwn();
    rmSync(python);
    const failed = next(pool, 'boot.failed');
    process.kill(await pool.call<number>('pid'), 'SIGKILL');
    expect(await failed).toMatchObject({ error: { code: 'ERR_SPAWN', errno: 'ENOENT', command: python } });
    const recovered = next(pool, 'worker.ready');
    symlinkSync(PYTHON, python);
    await recovered;
    expect(await pool.call('echo', ['well'])).toBe('well');
  });

  it('because it may not be run: ERR_SPAWN with EACCES', async () => {
    const { pool, python } = await poolOnPythonOfItsOwn();
    rmSync(python);
    writeFileSync(python, 'not for you');
    chmodSync(python, 0o600);
    const failed = next(pool, 'boot.failed');
    process.kill(await pool.call<number>('pid'), 'SIGKILL');
    expect(await failed).toMatchObject({ error: { code: 'ERR_SPAWN', errno: 'EACCES', command: python } });
  });

  it('because it is no program: ERR_SPAWN or ERR_BOOT, and the pool goes on trying', async () => {
    const { pool, python } = await poolOnPythonOfItsOwn();
    rmSync(python);
    writeFileSync(python, '\x7fELF, or is it?');
    chmodSync(python, 0o700);
    const failed = next(pool, 'boot.failed');
    process.kill(await pool.call<number>('pid'), 'SIGKILL');
    expect(await failed).toMatchObject({ error: { code: expect.stringMatching(/^ERR_(SPAWN|BOOT)$/) } });
    rmSync(python);
    symlinkSync(PYTHON, python);
    await next(pool, 'worker.ready');
  });

  it('because its folder has gone: ERR_SPAWN with ENOENT, until it is back', async () => {
    const cwd = join(temporaryFolder(), 'work');
    mkdirSync(cwd);
    const pool = await readyPool(app, { cwd });
    rmSync(cwd, { recursive: true });
    const failed = next(pool, 'boot.failed');
    process.kill(await pool.call<number>('pid'), 'SIGKILL');
    expect(await failed).toMatchObject({ error: { code: 'ERR_SPAWN', errno: 'ENOENT' } });
    const recovered = next(pool, 'worker.ready');
    mkdirSync(cwd);
    await recovered;
  });

  it('because its folder was never there: an error that names it', async () => {
    const start = async (options: Partial<PoolOptions>) => startPool(app, options).ready();
    const error = await failure(start({ cwd: '/nowhere/at/all' }));
    expect(['ERR_OPTION', 'ERR_SPAWN', 'ERR_PYTHON_NOT_FOUND']).toContain(error.code);
    expect(error.message).toMatch(/cwd|\/nowhere\/at\/all/);
  });

  it('because the environment is too large: ERR_SPAWN with E2BIG, and nothing is thrown at the program', async () => {
    const pool = startPool(app, { env: { LARGE: 'x'.repeat(200_000) } });
    const error = await failure(pool.ready());
    expect(error.message).toContain('E2BIG');
    expect(await failure(pool.call('echo', [1]))).toMatchObject({ code: 'ERR_POOL_DEGRADED' });
  });

  it('because descriptors have run out: ERR_SPAWN with EMFILE, until there are some again', async () => {
    const args = [here('dies.py'), PYTHON];
    const script = new NodeScript(here('starts-without-descriptors.ts'), args, 'ulimit -n 256');
    expect(await script.told()).toEqual(['ERR_WORKER_DIED', 'ERR_SPAWN', 'EMFILE']);
    expect(await script.told()).toBe('well');
    expect(await script.ended).toBe(0);
    expect(await script.stderr).toBe('');
  });

  it('because of a NUL in a name, a value, a path: refused before anything starts', async () => {
    expect(() => startPool(app, { env: { NAME: 'a\0b' } })).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
    expect(() => startPool(app, { env: { 'a\0b': '1' } })).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
    const start = async (options: Partial<PoolOptions>) => startPool(app, options).ready();
    for (const options of [{ python: '/usr/bin/py\0thon' }, { cwd: '/tmp/\0' }, { python: ['env', 'py\0thon'] }]) {
      const error = await failure(start(options));
      expect(['ERR_OPTION', 'ERR_SPAWN', 'ERR_PYTHON_NOT_FOUND']).toContain(error.code);
    }
  });

  it('because it is not of our library: ERR_BOOT, whether it is older or something else altogether', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'pythonarium'));
    const init = readFileSync(new URL('../../python/pythonarium/__init__.py', import.meta.url), 'utf8');
    writeFileSync(join(folder, 'pythonarium', '__init__.py'), init.match(/^__version__.*$/m)![0]);
    const main = (body: string) =>
      writeFileSync(join(folder, 'pythonarium', 'worker.py'), `import os\ndef main():\n    ${body}\n`);
    const hello =
      '{"type":"hello","protocol":99,"library":"9.9.9","python":"3.11.2","executable":"/usr/bin/python3","pid":1}';
    main(`os.write(3, b'${hello}\\n'); os.read(3, 1)`);
    const older = await failure<BootError>(startPool(app, { libraryPath: folder }).ready());
    expect(older).toMatchObject({ code: 'ERR_BOOT', stage: 'protocol', cause: { code: 'ERR_PROTOCOL' } });
    expect(older.message).toContain('9.9.9');

    main(`os.write(3, b'SSH-2.0-OpenSSH\\n'); os.read(3, 1)`);
    const other = await failure<BootError>(startPool(app, { libraryPath: folder }).ready());
    expect(other).toMatchObject({ code: 'ERR_BOOT', stage: 'start', cause: { code: 'ERR_PROTOCOL' } });

    main('pass');
    const silent = await failure<BootError>(startPool(app, { libraryPath: folder }).ready());
    expect(silent).toMatchObject({ code: 'ERR_BOOT', stage: 'start', exitCode: 0 });
  });
});

describe('a Python that is another one than when the pool began', () => {
  it('is asked anew before the next worker starts, since its library and what it sets may be others', async () => {
    const [folder, code] = [temporaryFolder(), 'return os.environ["RELEASE"]'];
    const [module, python] = [join(folder, 'app.py'), join(folder, 'python3')];
    writeFileSync(module, `import os\nfrom pythonarium import expose\n\n@expose\ndef release(): ${code}\n`);
    const install = (release: string) => {
      const script = `#!/bin/sh\nexport RELEASE=${release}\nexec ${PYTHON} "$@"\n`;
      writeFileSync(`${python}.new`, script, { mode: 0o755 });
      renameSync(`${python}.new`, python);
    };
    install('first');
    const pool = await readyPool(module, { python });
    expect(await pool.call('release')).toBe('first');
    install('second');
    const ready = next(pool, 'worker.ready');
    process.kill(pool.workers()[0]!.pid as number, 'SIGKILL');
    await ready;
    expect(await pool.call('release')).toBe('second');
  });
});

/** A pool on a Python that the test can take away. */
async function poolOnPythonOfItsOwn() {
  const python = join(temporaryFolder(), 'python3');
  symlinkSync(PYTHON, python);
  const pool = await readyPool(app, { python });
  expect(existsSync(python)).toBe(true);
  return { pool, python };
}
