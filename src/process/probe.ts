import { once } from 'node:events';
import { constants, statSync } from 'node:fs';
import { access } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { LruMap } from '../base/lru-map.js';
import type { Environment } from './environment.js';
import { type Spawned, spawnGroup } from './spawn.js';

/** What a Python said about itself. */
export interface ProbeReport {
  /** `sys.executable` as Python has it. Its links are not resolved: a virtual environment is known by them alone. */
  readonly executable: string;
  /** Its version, such as `3.11.2`. */
  readonly version: string;
  /** Its kind, such as `cpython`. */
  readonly implementation: string;
  /** `sys.prefix`: the environment it belongs to. */
  readonly prefix: string;
  /** `sys.base_prefix`: the installation that environment was made from; the same as `prefix` outside of one. */
  readonly basePrefix: string;
  /** `sys.path` without the entry for the current folder. */
  readonly path: readonly string[];
  /** The entries of `path` that come from `PYTHONPATH`. */
  readonly pythonPath: readonly string[];
  /** The user's site-packages, if Python uses it and it exists. */
  readonly userSite: string | null;
  /** Flags that give a Python started with `-I` what this one had from its command or from variables. */
  readonly flags: readonly string[];
  /** `os.environ`: what a wrapper or shim added on the way is in it. */
  readonly environment: Environment;
}

/** Where and how a Python is run. */
export interface ProbeTarget {
  readonly command: readonly string[];
  readonly environment: Environment;
  readonly cwd: string;
  readonly isolated: boolean;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A command that is no Python that can be used. The message says why, and goes on after "python3: ". */
export class ProbeError extends Error {}

/**
 * Runs a Python once and returns what it says about itself. Callers that ask the same share one process, which is
 * ended when the last of them gives up; what worked is remembered for as long as the program stays the same file.
 *
 * @throws ProbeError when the command does not run, reports nothing, or is older than Python 3.10.
 * @throws SpawnError (`ERR_SPAWN`) when the system is short of processes, descriptors or memory.
 * @throws `signal.reason` when `signal` aborts.
 */
export async function probe({ signal, ...target }: ProbeTarget): Promise<ProbeReport> {
  signal?.throwIfAborted();
  const key = keyOf(target);
  const shared = probes.get(key) ?? startProbe(key, target);
  shared.waiting += 1;
  try {
    return await unlessAborted(shared.report, signal);
  } finally {
    shared.waiting -= 1;
    if (shared.waiting === 0 && !shared.settled) {
      probes.delete(key);
      shared.controller.abort();
      await shared.report.catch(() => {});
    }
  }
}

/** The same for what must give the same report. A program that was written anew is another one. */
function keyOf({ command, environment, cwd, isolated }: ProbeTarget): string {
  const variables = Object.entries(environment).sort();
  return JSON.stringify([command, fileOf(command[0]!), variables, cwd, isolated]);
}

/** What tells the file of a program from another that has taken its place; `undefined` where there is none. */
export function fileOf(program: string): string | undefined {
  try {
    const { ino, mtimeMs } = statSync(program);
    return `${ino} ${mtimeMs}`;
  } catch {
    return undefined;
  }
}

/** What Node returns, with what our `stdio` makes of it. */
type Child = Spawned & { readonly stdout: Readable; readonly stderr: Readable };

interface SharedProbe {
  readonly report: Promise<ProbeReport>;
  readonly controller: AbortController;
  waiting: number;
  settled: boolean;
}

function startProbe(key: string, target: Omit<ProbeTarget, 'signal'>): SharedProbe {
  const controller = new AbortController();
  const shared: SharedProbe = { report: run(target, controller.signal), controller, waiting: 0, settled: false };
  probes.set(key, shared);
  shared.report.then(
    () => {
      shared.settled = true;
    },
    () => {
      shared.settled = true;
      if (probes.get(key) === shared) probes.delete(key);
    },
  );
  return shared;
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort!);
  }
}

async function run(
  { command, environment, cwd, isolated, timeoutMs }: Omit<ProbeTarget, 'signal'>,
  signal: AbortSignal,
): Promise<ProbeReport> {
  signal.throwIfAborted();
  const [program, ...rest] = command as [string, ...string[]];
  // A group of its own, so that what a wrapper started can be ended with it.
  const spawned = spawnGroup(program, [...rest, ...(isolated ? ['-I'] : []), '-c', PROBE], {
    cwd,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (spawned instanceof Promise) {
    const error = await spawned;
    throw SCARCE.has(error.errno) ? error : new ProbeError(`it could not be started: ${error.errno}`);
  }
  const child = spawned as Child;
  // Somebody waits for it.
  child.ref();
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;

  const output = new Output();
  let why: string | undefined;
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const end = (because: string) => {
    why ??= because;
    // Once the child was reaped its number may be somebody else's.
    if (!hasEnded()) killGroup(child.pid);
    hangUp();
  };
  // Whoever holds the other end of these now, a daemon of the wrapper maybe, is not waited for.
  const hangUp = () => {
    child.stdout.destroy();
    child.stderr.destroy();
  };
  const onAbort = () => end('nobody waits for it any more');
  const timer = setTimeout(end, timeoutMs, `it did not report within ${timeoutMs} ms`);
  signal.addEventListener('abort', onAbort, { once: true });
  child.stdout.on('data', (chunk: Buffer) => {
    output.addStdout(chunk);
    if (output.bytes > STDOUT_BYTES_MAX) end(`it printed more than ${STDOUT_BYTES_MAX} bytes`);
    else if (hasEnded() && output.report() !== undefined) hangUp();
  });
  child.stderr.on('data', (chunk: Buffer) => output.addStderr(chunk));
  child.once('exit', () => {
    if (output.report() !== undefined) hangUp();
  });

  try {
    const [exitCode, endedBy] = await closed;
    if (why !== undefined) throw new ProbeError(why + output.lastLines());
    const report = output.report();
    if (report === undefined) {
      const how = endedBy === null ? `with exit code ${exitCode}` : `of signal ${endedBy}`;
      throw new ProbeError(`it ended ${how} and reported nothing${output.lastLines()}`);
    }
    return await checked(report, environment);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** What a probe printed: a report on standard output, noise around it, and complaints on standard error. */
class Output {
  bytes = 0;
  #stdout: Buffer[] = [];
  #stderr = '';

  addStdout(chunk: Buffer): void {
    this.bytes += chunk.length;
    this.#stdout.push(chunk);
  }

  addStderr(chunk: Buffer): void {
    this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-STDERR_CHARS_MAX);
  }

  /** The report, once its line is complete. */
  report(): string | undefined {
    const text = Buffer.concat(this.#stdout).toString('latin1');
    this.#stdout = [Buffer.from(text, 'latin1')];
    const start = text.lastIndexOf(`\n${MARKER}`) + 1;
    const end = start === 0 ? -1 : text.indexOf('\n', start);
    return end === -1 ? undefined : text.slice(start + MARKER.length, end);
  }

  lastLines(): string {
    const lines = this.#stderr.trim().split('\n').slice(-STDERR_LINES_MAX);
    return lines[0] === '' ? '' : `; it said: ${lines.map((line) => line.trim()).join(' / ')}`;
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}

async function checked(line: string, given: Environment): Promise<ProbeReport> {
  let report: Partial<ProbeReport>;
  try {
    report = JSON.parse(line) as Partial<ProbeReport>;
  } catch (cause) {
    throw new ProbeError('its report was cut or changed on the way', { cause });
  }
  const { version = 'unknown', executable, path } = report;
  if (path === undefined) throw new ProbeError(`it is Python ${version}, and 3.10 is the oldest that will do`);
  if (!executable) throw new ProbeError('it does not know its own program: sys.executable is empty');
  try {
    await access(executable, constants.X_OK);
  } catch (cause) {
    // A wrapper around a container or another machine reports a program that is there, not here.
    throw new ProbeError(`its program is ${executable}, which cannot be run from here`, { cause });
  }
  for (const list of [report.path, report.pythonPath, report.flags]) Object.freeze(list);
  return { ...(report as ProbeReport), environment: activated(report.environment!, given) };
}

/** The environment as Python had it, but for what a shell on the way wrote down about itself. */
function activated(reported: Environment, given: Environment): Environment {
  const environment: Record<string, string> = Object.assign(Object.create(null), reported);
  for (const name of SHELL_NAMES) {
    if (given[name] === undefined) delete environment[name];
    else environment[name] = given[name];
  }
  return Object.freeze(environment);
}

const probes = new LruMap<SharedProbe>(64);

const SHELL_NAMES = ['_', 'SHLVL', 'PWD', 'OLDPWD'] as const;

const SCARCE: ReadonlySet<string> = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

const STDOUT_BYTES_MAX = 16 * 1024 * 1024;
const STDERR_CHARS_MAX = 4096;
const STDERR_LINES_MAX = 3;

const MARKER = 'pythonarium-probe:';

/**
 * Any Python from 2.6 on can run it, so that an old one can say how old it is. It is one line, since `conda run` passes no
 * line breaks on. Modules are imported without the current folder and `PYTHONPATH`, where a stranger's `json.py` may be.
 */
const PROBE = `exec(${JSON.stringify(`
import sys
path = [entry for entry in sys.path if entry and isinstance(entry, str)]
sys.path[:] = path
import os
given = '' if sys.flags.ignore_environment else os.environ.get('PYTHONPATH', '')
python_path = [os.path.abspath(entry) for entry in given.split(os.pathsep)] if given else []
sys.path[:] = [entry for entry in path if entry not in python_path]
try:
    import json, site
except ImportError:
    sys.path[:] = path
    import json, site
report = {'version': sys.version.split()[0]}
if sys.version_info >= (3, 10):
    user_site = site.getusersitepackages() if site.ENABLE_USER_SITE else None
    options = dict(getattr(sys, '_xoptions', {}))
    if sys.flags.utf8_mode:
        options.setdefault('utf8', True)
    elif not sys.flags.ignore_environment and os.environ.get('PYTHONUTF8') == '0':
        options.setdefault('utf8', '0')
    if sys.flags.dev_mode:
        options.setdefault('dev', True)
    flags = ['-B'] * bool(sys.flags.dont_write_bytecode) + ['-O'] * sys.flags.optimize + ['-b'] * sys.flags.bytes_warning
    for name, value in options.items():
        flags += ['-X', name if value is True else name + '=' + value]
    # A variable may name a class there, whose module would be imported as a worker starts.
    variable = '' if sys.flags.ignore_environment else os.environ.get('PYTHONWARNINGS', '')
    for option in sys.warnoptions:
        if option not in variable.split(','):
            flags += ['-W', option]
    def text(value):
        # To Node all bytes are UTF-8, whatever they are in the locale of this Python.
        try:
            return os.fsencode(value).decode('utf-8', 'surrogateescape')
        except UnicodeError:
            return value
    report.update(
        executable=text(sys.executable or ''),
        implementation=sys.implementation.name,
        prefix=text(sys.prefix),
        basePrefix=text(sys.base_prefix),
        path=[text(entry) for entry in path],
        pythonPath=[text(entry) for entry in path if entry in python_path],
        userSite=text(user_site) if user_site and os.path.isdir(user_site) else None,
        flags=[text(flag) for flag in flags],
        environment=dict((text(name), text(value)) for name, value in os.environ.items()),
    )
data = ('\\n${MARKER}' + json.dumps(report) + '\\n').encode('ascii')
sys.stdout.flush()
while data:
    data = data[os.write(1, data):]
# All has been said, and to end in order takes several milliseconds.
os._exit(0)
`)})`;
