import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type DoctorCheck,
  type DoctorOptions,
  type DoctorReport,
  formatDoctor,
  runDoctor,
} from '../../src/cli/doctor.js';
import { findInterpreter } from '../../src/process/interpreter.js';
import { packageVersion } from '../../src/process/library.js';
import { copyLibrary } from '../support/library.js';

let system: string;
beforeAll(async () => {
  system = (await findInterpreter({ env: UNSET, cwd: '/' })).executable;
});

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pythonarium-doctor-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the doctor', () => {
  it('says which Python, who chose it and what its worker answered, where all is well', async () => {
    const report = await examine({ env: { PYTHONARIUM_PYTHON: system } });
    expect(report.exitCode).toBe(0);
    expect(report.checks.map(({ outcome }) => outcome)).toEqual(report.checks.map(() => 'ok'));
    expect(found(report, 'Python')).toContain('chosen by the variable PYTHONARIUM_PYTHON');
    expect(found(report, 'Python')).toContain(system);
    expect(found(report, 'pythonarium')).toContain(`${packageVersion()} for Node, ${packageVersion()} for Python`);
    expect(found(report, 'worker')).toMatch(/answered math\.sqrt\(16\) = 4, after \d+ ms/);
    expect(formatDoctor(report)).toContain('All is well');
  });

  it('lists every place where there was no Python, and looks at nothing that needs one', async () => {
    const report = await examine({ env: { PATH: '' } });
    expect(report.exitCode).toBe(1);
    expect(check(report, 'Python')).toMatchObject({
      outcome: 'problem',
      remedy: expect.stringContaining('install Python'),
    });
    for (const place of ['PYTHONARIUM_PYTHON: not set', 'VIRTUAL_ENV: not set', '.venv: ', 'PATH: python3: ']) {
      expect(found(report, 'Python')).toContain(place);
    }
    expect(report.checks.map(({ subject }) => subject)).not.toContain('worker');
  });

  it('asks to correct a choice that does not work', async () => {
    const report = await examine({ python: './missing' });
    expect(report.exitCode).toBe(1);
    expect(found(report, 'Python')).toContain('option python: ./missing: there is no such file');
    expect(check(report, 'Python').remedy).toContain('correct it, or leave it out');
  });

  it('warns of an environment that was skipped, since another one is used in its place', async () => {
    const report = await examine({ env: { VIRTUAL_ENV: join(folder, 'gone'), PATH: dirname(system) } });
    expect(report.exitCode).toBe(0);
    expect(check(report, 'Python')).toMatchObject({
      outcome: 'warning',
      remedy: `mend or deactivate ${folder}/gone/bin/python: you may have meant the packages in it.`,
    });
    expect(formatDoctor(report)).toContain('1 warning. A pool starts here all the same.');
  });

  it('warns of files that hide modules of Python, and of folders in PYTHONPATH that do not exist', async () => {
    writeFileSync(join(folder, 'random.py'), '');
    mkdirSync(join(folder, 'given', 'email'), { recursive: true });
    writeFileSync(join(folder, 'given', 'email', '__init__.py'), '');
    writeFileSync(join(folder, 'given', 'mine.py'), '');
    const report = await examine({ python: system, env: { PYTHONPATH: `${folder}/given:/nowhere` } });
    const { outcome, remedy } = check(report, 'imports');
    expect(outcome).toBe('warning');
    expect(remedy).toContain(`rename ${folder}/random, ${folder}/given/email:`);
    expect(remedy).toContain('remove /nowhere from PYTHONPATH');
    expect(report.exitCode).toBe(0);
  });

  it('warns when editors see another version than workers', async () => {
    mkdirSync(join(folder, 'pythonarium-0.0.1.dist-info'));
    const report = await examine({ python: system, env: { PYTHONPATH: folder } });
    expect(check(report, 'for editors')).toMatchObject({ outcome: 'warning' });
    expect(found(report, 'for editors')).toContain('version 0.0.1');
  });

  it.each([
    ['is missing', (_: string) => {}, 'ERR_OPTION'],
    [
      'is of another version',
      (library: string) => writeLibrary(library, '__version__ = "0.0.1"\n'),
      '0.0.1 for Python',
    ],
  ])('says so when the Python side %s', async (_, make, words) => {
    make(join(folder, 'python'));
    const report = await examine({ python: system, libraryPath: join(folder, 'python') });
    expect(report.exitCode).toBe(1);
    expect(check(report, 'pythonarium').outcome).toBe('problem');
    expect(found(report, 'pythonarium')).toContain(words);
  });

  it('says why a worker does not start', async () => {
    const library = join(folder, 'python');
    copyLibrary(library);
    writeFileSync(join(library, 'pythonarium', 'worker.py'), 'raise SystemExit("the disk is on fire")');
    const report = await examine({ python: system, libraryPath: library });
    expect(report.exitCode).toBe(1);
    expect(check(report, 'worker').outcome).toBe('problem');
    expect(found(report, 'worker')).toContain('the disk is on fire');
  });

  it('ends with the reason of its signal', async () => {
    const reason = new Error('enough');
    await expect(examine({ python: system, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('its report as text', () => {
  const REPORT: DoctorReport = {
    exitCode: 1,
    checks: [
      { subject: 'Node', outcome: 'ok', found: ['v20'] },
      { subject: 'Python', outcome: 'problem', found: ['none', 'PATH: \u001b[2J\rpython3'], remedy: 'install it.' },
      { subject: 'imports', outcome: 'warning', found: ['4 folders'], remedy: 'rename it.' },
    ],
  };

  it('has one column of subjects, what was found under it, and what to try', () => {
    expect(formatDoctor(REPORT).split('\n')).toEqual([
      'pythonarium doctor',
      '',
      '  ✓ Node     v20',
      '  ✗ Python   none',
      '             PATH: \\u001b[2J\\u000dpython3',
      '             Try: install it.',
      '  ! imports  4 folders',
      '             Try: rename it.',
      '',
      '1 problem and 1 warning. A pool does not start here.',
    ]);
  });

  it('is the same text in colour', () => {
    const coloured = formatDoctor(REPORT, { colour: true });
    expect(coloured).not.toBe(formatDoctor(REPORT));
    expect(stripVTControlCharacters(coloured)).toBe(formatDoctor(REPORT));
  });
});

const UNSET = {
  PYTHONARIUM_PYTHON: undefined,
  VIRTUAL_ENV: undefined,
  CONDA_PREFIX: undefined,
  PYTHONPATH: undefined,
  PYTHONNOUSERSITE: '1',
};

function examine(options: DoctorOptions): Promise<DoctorReport> {
  return runDoctor({ cwd: folder, ...options, env: { ...UNSET, ...options.env } as DoctorOptions['env'] });
}

function check({ checks }: DoctorReport, subject: string): DoctorCheck {
  const check = checks.find((check) => check.subject === subject);
  expect(check, `no check of ${subject}`).toBeDefined();
  return check!;
}

function found(report: DoctorReport, subject: string): string {
  return check(report, subject).found.join('\n');
}

function writeLibrary(library: string, source: string): void {
  mkdirSync(join(library, 'pythonarium'), { recursive: true });
  writeFileSync(join(library, 'pythonarium', '__init__.py'), source);
}
