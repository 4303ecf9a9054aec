import { printable } from '../base/printable.js';
import { PoolError } from './pool-error.js';
import { counted, didYouMean, hide, howItEnded, lastLines, quoted, sentence } from './words.js';

/**
 * Where a start failed: `start` before Python said hello, `limits`, `import`, `setup` and `expose` as Python reported it,
 * `load` when it died after hello without a report, `protocol` when the two sides do not speak the same version,
 * `timeout` when it was not ready in time.
 */
export type BootStage = 'start' | 'load' | 'limits' | 'import' | 'setup' | 'expose' | 'protocol' | 'timeout';

/** A worker did not become ready. */
export class BootError extends PoolError<'ERR_BOOT'> {
  /** The worker's name, such as `worker-0`. */
  readonly worker: string;
  /** Where it failed. */
  readonly stage: BootStage;
  /** The exit code of the process, or `null`. */
  readonly exitCode: number | null;
  /** The signal that ended the process, or `null`. */
  readonly signal: string | null;
  /** The last lines it wrote to standard error, oldest first. */
  readonly stderr: readonly string[];
  /** The program of the Python that it ran on; `undefined` before that had said hello. */
  readonly python: string | undefined;
  readonly #seen: FailedBoot;

  constructor(seen: FailedBoot) {
    super('BootError', 'ERR_BOOT', whyNotReady(seen, 'See `cause`'), seen.cause);
    this.#seen = seen;
    this.worker = seen.worker;
    this.stage = seen.stage;
    this.exitCode = seen.exitCode;
    this.signal = seen.signal;
    this.stderr = seen.stderr;
    this.python = seen.python?.executable;
  }

  /**
   * @internal The message for somebody who has no object to look into.
   *
   * @param see Where they see what `cause` says, such as `See below`.
   */
  messageTo(see: string): string {
    return whyNotReady(this.#seen, see);
  }
}

/** What is known of a worker that did not become ready. */
interface FailedBoot {
  readonly worker: string;
  readonly stage: BootStage;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderr: readonly string[];
  /** What it ran on, once that had said hello. */
  readonly python?: { readonly executable: string; readonly python: string } | undefined;
  /** The budget that ran out, for the stage `timeout`. */
  readonly bootTimeoutMs?: number | undefined;
  /** The exception Python reported, if it reported one. */
  readonly cause?: unknown;
}

function whyNotReady(seen: FailedBoot, see: string): string {
  const { what, remedy, isOfPython, isTold } = BOOT_STAGES[seen.stage];
  const { python, stderr, cause } = seen;
  const within = seen.bootTimeoutMs === undefined ? '' : ` within ${seen.bootTimeoutMs} ms`;
  const said = cause instanceof Error ? ` ${sentence(inLines(cause.message))}` : '';
  // What has said why it failed ends by itself.
  const isOrderly = said !== '' && seen.exitCode === 1;
  const ended = isOrderly || (seen.exitCode === null && seen.signal === null) ? '' : ` (it ended ${howItEnded(seen)})`;
  const advice = said !== '' && isTold ? '' : ` ${remedy(see)}`;
  const ranOn = isOfPython && python ? printable(` It ran on Python ${python.python}, ${python.executable}.`) : '';
  const lines = said !== '' && stderr.length === 0 ? '' : lastLines(stderr);
  return `${seen.worker} did not become ready${within}: ${what}${ended}.${said}${advice}${ranOn}${lines}`;
}

/** Python has no function of that name for Node to call. */
export class NotExposedError extends PoolError<'ERR_NOT_EXPOSED'> {
  /** The name that was called; `undefined` if a worker could not start for want of a function. */
  readonly call: string | undefined;
  /** The names that can be called. */
  declare readonly functions: readonly string[];

  constructor(seen: {
    call?: string | undefined;
    functions: readonly string[];
    /** What Python said and advised, in whole sentences, if no name was asked for. */
    detail?: string | undefined;
  }) {
    super(
      'NotExposedError',
      'ERR_NOT_EXPOSED',
      seen.call === undefined
        ? printable(seen.detail ?? 'A function is missing in the modules of this pool.')
        : `Python exposes no function ${quoted(seen.call)}.${didYouMean(seen.call, seen.functions)} ` +
            `It exposes ${listed(seen.functions)}. ` +
            "A function needs `@expose`, or a public name and `expose: 'all'` (`--expose all`).",
    );
    this.call = seen.call;
    hide(this, 'functions', seen.functions);
  }
}

/** One place where Python was looked for, in vain. */
export interface PythonSearch {
  /** Who said so: `option python`, `VIRTUAL_ENV`, `.venv`, `PATH`, … */
  readonly where: string;
  /** What was tried there: a path or a command. */
  readonly what: string;
  /** Why it would not do. */
  readonly why: string;
}

/** No Python that can be used was found anywhere. */
export class PythonNotFoundError extends PoolError<'ERR_PYTHON_NOT_FOUND'> {
  /** Every place that was tried, in order. */
  declare readonly tried: readonly PythonSearch[];

  constructor(seen: { tried: readonly PythonSearch[] }) {
    const places = seen.tried.map(({ where, what, why }) => `\n  ${where}: ${printable(what)}: ${printable(why)}`);
    super(
      'PythonNotFoundError',
      'ERR_PYTHON_NOT_FOUND',
      `No Python 3.10 or newer was found in ${counted(seen.tried.length, 'place')}:${places.join('')}\n` +
        // One place means that somebody has chosen it, and that no other is looked at.
        (seen.tried.length === 1
          ? 'Correct it, or leave it out: then Python is looked for in the active environment, in `.venv` and on the PATH.'
          : 'Install one, set `PYTHONARIUM_PYTHON`, or pass the option `python`.'),
    );
    hide(this, 'tried', seen.tried);
  }
}

/** The operating system did not start the process. */
export class SpawnError extends PoolError<'ERR_SPAWN'> {
  /** The system's name for the failure, such as `ENOENT` or `EAGAIN`. */
  readonly errno: string;
  /** The program that was to be started. */
  readonly command: string;

  constructor(seen: { errno: string; command: string; cause?: unknown }) {
    super(
      'SpawnError',
      'ERR_SPAWN',
      `${quoted(seen.command)} could not be started: ${seen.errno}. ` +
        (SPAWN_REMEDIES[seen.errno] ?? 'See whether the same command starts in a shell, under the same user.'),
      seen.cause,
    );
    this.errno = seen.errno;
    this.command = seen.command;
  }
}

/** This operating system is not supported. */
export class PlatformError extends PoolError<'ERR_PLATFORM'> {
  /** `process.platform`. */
  readonly platform: string;

  constructor(seen: { platform: string }) {
    super(
      'PlatformError',
      'ERR_PLATFORM',
      `Pools do not run on ${quoted(seen.platform)}: they need descriptors and signals as Linux and macOS have them. ` +
        'On Windows, run the program inside WSL.',
    );
    this.platform = seen.platform;
  }
}

function listed(functions: readonly string[]): string {
  if (functions.length === 0) return 'nothing at all';
  const shown = functions.slice(0, LISTED_NAMES_MAX).map(printable).join(', ');
  const more = functions.length - LISTED_NAMES_MAX;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** What another error says. Its lines stay lines, and none of them can be taken for one of the log around it. */
function inLines(message: string): string {
  return message.split(/\r?\n/).map(printable).join('\n  ');
}

const LISTED_NAMES_MAX = 12;

interface FailedStage {
  readonly what: string;
  /** @param see Where one sees what `cause` says. */
  readonly remedy: (see: string) => string;
  /** Python says itself what to try, where it says anything. */
  readonly isTold?: true;
  /** It may be for want of something that another Python has. */
  readonly isOfPython?: true;
}

/** How a start can fail, by where it does. */
const BOOT_STAGES: Record<BootStage, FailedStage> = {
  start: {
    what: 'Python ended or failed before it said hello',
    remedy: () => 'See whether that interpreter starts in a shell, and whether `libraryPath` is right.',
  },
  load: {
    what: 'Python ended while it loaded the module, without a word',
    remedy: () => 'Look for `os._exit`, or for native code that crashes on import.',
  },
  limits: {
    what: 'the system did not take its `limits`',
    remedy: () => 'Raise the one that it names, or leave it out.',
  },
  import: {
    what: 'importing the module failed',
    remedy: (see) => `${see} for the traceback; check \`module\`, \`pythonPath\` and the interpreter.`,
    isOfPython: true,
  },
  setup: { what: '`setup` failed', remedy: (see) => `${see} for the traceback.`, isOfPython: true },
  expose: {
    what: 'its functions could not be exposed',
    remedy: () => 'See what has `@expose`, and under which names.',
    isTold: true,
  },
  protocol: {
    what: 'the two sides do not speak the same protocol',
    remedy: () => 'Install the Python package and the Node package in the same version.',
  },
  timeout: {
    what: 'time ran out',
    remedy: () => 'Raise `bootTimeoutMs`, or do less while importing and in `setup`.',
  },
};

const SPAWN_REMEDIES: Record<string, string | undefined> = Object.assign(Object.create(null), {
  ENOENT: 'There is no such program, or the folder in `cwd` is missing.',
  EACCES: 'The file may not be executed by this user, or `cwd` may not be entered.',
  ENOEXEC: 'The file is no program for this machine: see the option `python`.',
  EAGAIN:
    'The limit on processes is reached: lower `size`, or raise it (`ulimit -u`, the pids limit of the container).',
  EMFILE: 'This process has too many open files: raise `ulimit -n`, or lower `size`.',
  ENFILE: 'The system has too many open files: lower `size`, or raise `fs.file-max`.',
  ENOMEM: 'Memory ran out: lower `size`.',
  E2BIG: 'The environment is too large: pass less of it with `env: { only: [...] }`.',
});
