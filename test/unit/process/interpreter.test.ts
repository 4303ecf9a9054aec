import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PythonNotFoundError } from '../../../src/errors.js';
import { type FindInterpreterOptions, findInterpreter, workerPath } from '../../../src/process/interpreter.js';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pythonarium-unit-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('findInterpreter, before it runs anything', () => {
  const MALFORMED: [title: string, options: object, option: string][] = [
    ['an empty name', { python: '' }, 'python'],
    ['an empty command', { python: [] }, 'python'],
    ['a command whose program is empty', { python: ['', '-c'] }, 'python'],
    ['a word that is no string', { python: ['python3', 3] }, 'python'],
    ['NUL in a word', { python: ['python3', 'a\0b'] }, 'python'],
    ['a number', { python: 3 }, 'python'],
    ['a folder that does not exist', { cwd: '/nowhere/at/all' }, 'cwd'],
    ['an environment with a number in it', { env: { PORT: 80 } }, 'env.PORT'],
  ];
  it.each(MALFORMED)('refuses %s', async (_, options, option) => {
    await expect(findInterpreter(options as FindInterpreterOptions)).rejects.toMatchObject({
      code: 'ERR_OPTION',
      option,
    });
  });

  it('names every place, in order, when there is no Python anywhere', async () => {
    const { tried, message } = await refusal({ cwd: folder, env: BARE });
    expect(tried.map(({ where, what }) => `${where} ${what}`)).toEqual([
      'PYTHONARIUM_PYTHON $PYTHONARIUM_PYTHON',
      'VIRTUAL_ENV $VIRTUAL_ENV',
      'CONDA_PREFIX $CONDA_PREFIX',
      `.venv ${join(folder, '.venv')}`,
      'PATH python3',
      'PATH python',
    ]);
    for (const { where, what, why } of tried) expect(message).toContain(`${where}: ${what}: ${why}`);
  });

  it('looks nowhere else once somebody has chosen, since another Python is not what they meant', async () => {
    mkdirSync(join(folder, '.venv'));
    const option = await refusal({ python: 'no-such-python', cwd: folder, env: { ...BARE, VIRTUAL_ENV: folder } });
    expect(option.tried).toEqual([
      { where: 'option python', what: 'no-such-python', why: 'there is no such program on the PATH' },
    ]);
    const variable = await refusal({ cwd: folder, env: { ...BARE, PYTHONARIUM_PYTHON: './missing/python' } });
    expect(variable.tried).toEqual([
      { where: 'PYTHONARIUM_PYTHON', what: './missing/python', why: 'there is no such file' },
    ]);
  });

  it('takes an empty variable for one that is not set', async () => {
    const { tried } = await refusal({ cwd: folder, env: { ...BARE, PYTHONARIUM_PYTHON: '', VIRTUAL_ENV: '' } });
    expect(tried.filter(({ why }) => why === 'not set')).toHaveLength(3);
  });

  it('says that an environment lost the Python it was made from', async () => {
    const program = join(folder, '.venv', 'bin', 'python');
    mkdirSync(join(folder, '.venv', 'bin'), { recursive: true });
    symlinkSync('/usr/lib/gone/python3.9', program);
    const { tried } = await refusal({ cwd: folder, env: BARE });
    expect(tried.find(({ where }) => where === '.venv')).toEqual({
      where: '.venv',
      what: program,
      why: 'it links to /usr/lib/gone/python3.9, which is gone: make the environment anew',
    });
  });

  it('tells a folder from the program in it, a file from a program, and a command from a name', async () => {
    writeFileSync(join(folder, 'plain'), '', { mode: 0o644 });
    const why = async (python: string) => (await refusal({ python, cwd: folder, env: BARE })).tried[0]?.why;
    expect(await why(folder)).toBe(`this is a folder: name the program in it, as in ${folder}/bin/python`);
    expect(await why('./plain')).toBe('this user may not execute it');
    expect(await why('python3 -O')).toContain('a command with arguments must be an array');
  });

  it('runs no file of the current folder for an empty or relative entry of the PATH', async () => {
    writeFileSync(join(folder, 'python3'), '#!/bin/sh\ntouch ran\n', { mode: 0o755 });
    const { tried } = await refusal({ cwd: folder, env: { ...BARE, PATH: ':.:bin' } });
    expect(tried.filter(({ where }) => where === 'PATH').map(({ why }) => why)).toEqual([
      'there is no such program',
      'there is no such program',
    ]);
  });

  it('does not start when its signal has aborted', async () => {
    const reason = new Error('never mind');
    const search = findInterpreter({ python: '/bin/sh', signal: AbortSignal.abort(reason) });
    await expect(search).rejects.toBe(reason);
  });
});

describe('workerPath', () => {
  const interpreter = { path: ['/given', '/usr/lib/python3.11', '/home/ada/site', '/usr/lib/site-packages'] };

  it("is the modules' folders, then pythonPath, then what Python itself has, in its own order", () => {
    const path = workerPath(interpreter, { moduleFolders: ['/app', '/stats'], pythonPath: ['/extra'] });
    expect(path).toEqual(['/app', '/stats', '/extra', ...interpreter.path]);
  });

  it('has each folder once, at its first place', () => {
    const path = workerPath(interpreter, { moduleFolders: ['/app', '/app/'], pythonPath: ['/home/ada/site', '/app'] });
    expect(path).toEqual(['/app', '/home/ada/site', '/given', '/usr/lib/python3.11', '/usr/lib/site-packages']);
  });

  it('takes relative folders from cwd', () => {
    const path = workerPath({ path: [] }, { moduleFolders: ['.'], pythonPath: ['lib', '../shared'], cwd: '/srv/app' });
    expect(path).toEqual(['/srv/app', '/srv/app/lib', '/srv/shared']);
    expect(workerPath({ path: [] }, { moduleFolders: ['lib'] })).toEqual([join(process.cwd(), 'lib')]);
  });

  it('leaves the interpreter as it is', () => {
    workerPath(Object.freeze({ path: Object.freeze(['/a']) }), { moduleFolders: ['/app'] });
    expect(workerPath({ path: ['/a'] }, { moduleFolders: [] })).toEqual(['/a']);
  });
});

/** Nothing that could lead to a Python. */
const BARE = { PATH: '', PYTHONARIUM_PYTHON: undefined, VIRTUAL_ENV: undefined, CONDA_PREFIX: undefined };

async function refusal(options: FindInterpreterOptions): Promise<PythonNotFoundError> {
  const error = await findInterpreter(options).then(
    (found) => new Error(`found ${found.executable}`),
    (refused: unknown) => refused,
  );
  if (error instanceof PythonNotFoundError) return error;
  throw error;
}
