import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { styleText } from 'node:util';
import { printable } from '../base/printable.js';
import { PoolError, type PythonSearch } from '../errors.js';
import { createPool } from '../pool.js';
import type { EnvironmentOption } from '../process/environment.js';
import { findInterpreter, type Interpreter } from '../process/interpreter.js';
import { libraryPath, libraryVersion, packageVersion } from '../process/library.js';
import { StartMark } from '../process/start-mark.js';

/** One thing that was looked at. */
export interface DoctorCheck {
  /** What was looked at, such as `Python`. */
  readonly subject: string;
  /** A `problem` keeps a pool from starting; after a `warning` it starts, and may surprise. */
  readonly outcome: 'ok' | 'warning' | 'problem';
  /** What was found, the most important first. */
  readonly found: readonly string[];
  /** What to try; for `warning` and `problem` alone. */
  readonly remedy?: string | undefined;
}

/** What {@link runDoctor} found. */
export interface DoctorReport {
  readonly checks: readonly DoctorCheck[];
  /** What the command ends with: 1 if there is a problem. */
  readonly exitCode: 0 | 1;
}

export interface DoctorOptions {
  /** As for `createPool`. */
  readonly python?: string | readonly string[] | undefined;
  readonly env?: EnvironmentOption | undefined;
  readonly cwd?: string | undefined;
  readonly isolated?: boolean | undefined;
  readonly libraryPath?: string | undefined;
  /** How long Python may take to report, and a worker to become ready. Default: 30,000. */
  readonly bootTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks at everything that a pool needs, up to a real worker that answers a call, and says what is wrong and what to
 * try. What is wrong is part of the report and not thrown.
 *
 * @throws `signal.reason` when `signal` aborts.
 */
export async function runDoctor(options: DoctorOptions = {}): Promise<DoctorReport> {
  const checks = [checkNode(), checkLibrary(options), checkStartMark()];
  const { check, interpreter } = await checkPython(options);
  checks.push(check);
  if (interpreter !== undefined) {
    checks.push(checkImports(interpreter, resolve(options.cwd ?? '.')), checkInstalled(interpreter));
    checks.push(await checkWorker(options, interpreter));
  }
  return { checks, exitCode: checks.some(({ outcome }) => outcome === 'problem') ? 1 : 0 };
}

/** The report as text for a person, without a line break at the end. */
export function formatDoctor({ checks }: DoctorReport, { colour = false }: { colour?: boolean } = {}): string {
  const paint = (style: (typeof STYLES)[DoctorCheck['outcome']]['style'] | 'dim', text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const width = Math.max(...checks.map(({ subject }) => subject.length));
  const indent = ' '.repeat(width + 6);
  const lines = checks.flatMap(({ subject, outcome, found: [first = '', ...rest], remedy }) => {
    const { mark, style } = STYLES[outcome];
    return [
      `  ${paint(style, mark)} ${subject.padEnd(width)}  ${printable(first)}`,
      ...rest.map((line) => indent + paint('dim', printable(line))),
      ...(remedy === undefined ? [] : [indent + paint(style, `Try: ${printable(remedy)}`)]),
    ];
  });
  return ['pythonarium doctor', '', ...lines, '', summary(checks)].join('\n');
}

function checkNode(): DoctorCheck {
  const found = [`${process.version} on ${process.platform} ${process.arch}`];
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (process.platform === 'win32') {
    return {
      subject: 'Node',
      outcome: 'problem',
      found,
      remedy: 'run the program inside WSL: Windows is not supported.',
    };
  }
  if (major < 20 || (major === 20 && minor < 19)) {
    return { subject: 'Node', outcome: 'problem', found, remedy: 'install Node 20.19 or newer.' };
  }
  return { subject: 'Node', outcome: 'ok', found };
}

function checkLibrary(options: DoctorOptions): DoctorCheck {
  const subject = 'pythonarium';
  try {
    const folder = libraryPath(options.libraryPath, options.cwd);
    const [node, python] = [packageVersion(), libraryVersion(folder)];
    const found = [`${node} for Node, ${python} for Python`, `its Python side is in ${folder}`];
    const differ = node !== python && node !== 'unknown';
    const remedy = 'take the Python side from the same package: install it anew, or correct `libraryPath`.';
    return differ ? { subject, outcome: 'problem', found, remedy } : { subject, outcome: 'ok', found };
  } catch (error) {
    return failed(subject, error, 'install the package anew, or pass `libraryPath` where a bundler moved it.');
  }
}

/** Without the page that workers share with Node a pool runs, and knows less when a worker dies. */
function checkStartMark(): DoctorCheck {
  const subject = 'start mark';
  const mark = StartMark.create();
  mark?.close();
  if (mark !== undefined) return { subject, outcome: 'ok', found: ['a page can be shared with workers'] };
  return {
    subject,
    outcome: 'warning',
    found: ['no page can be shared with workers: when one dies, nobody knows whether its call had started'],
    remedy: 'make /dev/shm or the temporary folder (`TMPDIR`) writable.',
  };
}

async function checkPython(options: DoctorOptions): Promise<{ check: DoctorCheck; interpreter?: Interpreter }> {
  const subject = 'Python';
  let interpreter: Interpreter;
  try {
    interpreter = await findInterpreter(options);
  } catch (error) {
    options.signal?.throwIfAborted();
    const tried = (error as { tried?: readonly PythonSearch[] }).tried;
    if (tried === undefined) return { check: failed(subject, error, 'correct what the message names.') };
    const found = ['none that can be used was found', ...tried.map(described)];
    // One place means that somebody has chosen it.
    const remedy =
      tried.length === 1
        ? 'correct it, or leave it out: then Python is looked for in the active environment and on the PATH.'
        : 'install Python 3.10 or newer, activate its environment, or name it by PYTHONARIUM_PYTHON.';
    return { check: { subject, outcome: 'problem', found, remedy } };
  }

  const { version, implementation, source, executable, prefix, basePrefix, command, skipped, flags, userSite } =
    interpreter;
  const found = [
    `${version} (${implementation}), chosen by ${SOURCES[source]}`,
    `program      ${executable}`,
    `environment  ${prefix === basePrefix ? `${prefix}, no virtual environment` : `${prefix}, made from ${basePrefix}`}`,
    ...(command.join(' ') === executable ? [] : [`found by     ${command.join(' ')}`]),
    ...(flags.length === 0 ? [] : [`flags        ${flags.join(' ')}`]),
    `user site    ${userSite ?? 'not used'}`,
    ...skipped.map((place) => `not taken    ${described(place)}`),
  ];
  const broken = skipped.find(
    ({ where, why }) => why !== 'not set' && ENVIRONMENTS.has(where) && !why.startsWith('there is none'),
  );
  if (broken === undefined) return { check: { subject, outcome: 'ok', found }, interpreter };
  const remedy = `mend or deactivate ${broken.what}: you may have meant the packages in it.`;
  return { check: { subject, outcome: 'warning', found, remedy }, interpreter };
}

/** What Python would import in place of something else, or not at all. */
function checkImports({ path, pythonPath }: Interpreter, cwd: string): DoctorCheck {
  const subject = 'imports';
  const standard = path.find((folder) => existsSync(join(folder, 'os.py')));
  const found = [`${path.length} folders on sys.path`, ...path];
  if (standard === undefined) {
    return { subject, outcome: 'problem', found, remedy: 'mend this Python: its standard library is not on its path.' };
  }
  const missing = pythonPath.filter((folder) => !existsSync(folder));
  const names = modulesIn(standard);
  const before = [...new Set([cwd, ...path.slice(0, path.indexOf(standard))])];
  const hiding = before.flatMap((folder) =>
    [...modulesIn(folder)].filter((name) => names.has(name)).map((name) => join(folder, name)),
  );
  const remedies = [
    ...(hiding.length === 0
      ? []
      : [`rename ${listed(hiding)}: Python imports it in place of its own module of that name.`]),
    ...(missing.length === 0 ? [] : [`remove ${listed(missing)} from PYTHONPATH: it does not exist.`]),
  ];
  if (remedies.length === 0) return { subject, outcome: 'ok', found };
  return { subject, outcome: 'warning', found, remedy: remedies.join(' ') };
}

/** The names of the modules and packages in a folder, without `test`, which nobody imports by accident. */
function modulesIn(folder: string): Set<string> {
  try {
    const names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      if (entry.isFile() && entry.name.endsWith('.py')) return [entry.name.slice(0, -'.py'.length)];
      return entry.isDirectory() && existsSync(join(folder, entry.name, '__init__.py')) ? [entry.name] : [];
    });
    return new Set(names.filter((name) => name !== 'test' && name !== '__init__'));
  } catch {
    return new Set();
  }
}

/** Editors and tests use the package that pip installed, workers the one that came with npm. */
function checkInstalled({ path }: Interpreter): DoctorCheck {
  const subject = 'for editors';
  const installed = path.flatMap((folder) => installedIn(folder))[0];
  if (installed === undefined) {
    const found = ['the Python package is not installed there, which workers do not need'];
    return { subject, outcome: 'ok', found };
  }
  const found = [`the Python package is installed there in version ${installed}`];
  const version = packageVersion();
  if (version === 'unknown' || installed === version) return { subject, outcome: 'ok', found };
  const remedy = `pip install the folder of this package, so that both are ${version}.`;
  return { subject, outcome: 'warning', found, remedy };
}

function installedIn(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => /^pythonarium-(.+)\.dist-info$/.exec(name)?.[1] ?? []);
  } catch {
    return [];
  }
}

/** The whole way once: start, handshake, a call and its answer, end. */
async function checkWorker(options: DoctorOptions, { executable }: Interpreter): Promise<DoctorCheck> {
  const subject = 'worker';
  const { signal, ...rest } = options;
  const bootTimeoutMs = options.bootTimeoutMs ?? 30_000;
  const started = performance.now();
  try {
    const pool = createPool({
      ...rest,
      module: { math: 'math' },
      expose: 'all',
      size: 1,
      bootTimeoutMs,
      logs: 'events',
    });
    try {
      const root = await pool.call<number>('math.sqrt', [16], { signal, timeoutMs: bootTimeoutMs + ANSWER_MS });
      const tookMs = Math.round(performance.now() - started);
      if (root !== 4) throw new Error(`math.sqrt(16) answered ${JSON.stringify(root)}`);
      return { subject, outcome: 'ok', found: [`started, and answered math.sqrt(16) = 4, after ${tookMs} ms`] };
    } finally {
      await pool.destroy();
    }
  } catch (error) {
    signal?.throwIfAborted();
    return failed(subject, error, `run ${executable} -I -c "import pythonarium" by hand, and see what it says.`);
  }
}

function failed(subject: string, error: unknown, remedy: string): DoctorCheck {
  const { message } = error instanceof Error ? error : new Error(String(error));
  const [first = '', ...rest] = message.split('\n').map((line) => line.trimEnd());
  const code = error instanceof PoolError ? `${error.code}: ` : '';
  return { subject, outcome: 'problem', found: [code + first, ...rest], remedy };
}

function described({ where, what, why }: PythonSearch): string {
  return why === 'not set' ? `${where}: not set` : `${where}: ${what}: ${why}`;
}

function listed(paths: readonly string[]): string {
  const shown = paths.slice(0, LISTED_MAX).join(', ');
  return paths.length > LISTED_MAX ? `${shown} and ${paths.length - LISTED_MAX} more` : shown;
}

function summary(checks: readonly DoctorCheck[]): string {
  const count = (outcome: DoctorCheck['outcome']) => checks.filter((check) => check.outcome === outcome).length;
  const [problems, warnings] = [count('problem'), count('warning')];
  const words = [
    ...(problems === 0 ? [] : [`${problems} ${problems === 1 ? 'problem' : 'problems'}`]),
    ...(warnings === 0 ? [] : [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`]),
  ];
  if (words.length === 0) return 'All is well: a pool starts here.';
  return `${words.join(' and ')}. ${problems === 0 ? 'A pool starts here all the same.' : 'A pool does not start here.'}`;
}

const LISTED_MAX = 5;
/** On top of the time to start, so that a slow start is told as what it is. */
const ANSWER_MS = 5_000;

const STYLES = {
  ok: { mark: '✓', style: 'green' },
  warning: { mark: '!', style: 'yellow' },
  problem: { mark: '✗', style: 'red' },
} as const;

const SOURCES: Record<Interpreter['source'], string> = {
  'option python': 'the option `python`',
  PYTHONARIUM_PYTHON: 'the variable PYTHONARIUM_PYTHON',
  VIRTUAL_ENV: 'the active virtual environment (VIRTUAL_ENV)',
  CONDA_PREFIX: 'the active conda environment (CONDA_PREFIX)',
  '.venv': 'the folder .venv, here or above',
  PATH: 'the PATH',
};

const ENVIRONMENTS: ReadonlySet<string> = new Set(['VIRTUAL_ENV', 'CONDA_PREFIX', '.venv']);
