import { constants } from 'node:buffer';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { InspectionEvent, Observer } from 'xstate';
import { checkMs } from './budget.js';
import { type PoolClock, wallClock } from './clock.js';
import { ErrorTies, type TiedErrorClass } from './error-ties.js';
import { OptionError } from './errors.js';
import { childEnvironment, type EnvironmentOption } from './process/environment.js';
import { checkedPython } from './process/interpreter.js';
import { libraryPath } from './process/library.js';
import type { Lane, WireCall } from './wire/message.js';
import { encodeJson, type ValueLimits } from './wire/value.js';

/** A Python function to run once in each worker. */
export interface SetupCall {
  /** A function of the module, marked with `@expose` or not. */
  readonly name: string;
  readonly args?: readonly unknown[] | undefined;
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
}

export interface PoolOptions {
  /**
   * The Python to call: the path or URL of a `.py` file or package folder, or a dotted module name; or several, by the
   * key that goes before their functions' names: `{ stats: 'statistics' }` makes `stats.mean`.
   */
  readonly module: string | URL | Readonly<Record<string, string | URL>>;
  /** `'marked'` (the default): functions with `@expose`. `'all'`: every public function, for modules one does not own. */
  readonly expose?: 'marked' | 'all' | undefined;
  /** Check the arguments of calls against the hints of the functions, in Python before they start. Default: false. */
  readonly validate?: boolean | undefined;
  /** How many workers. Default: as many as this machine can run at once. */
  readonly size?: number | undefined;
  /** How many leases one worker holds at a time. Default: 1; 100 in the lane `'asyncio'`, 8 in the lane `'threads'`. */
  readonly slots?: number | undefined;
  /**
   * How a worker runs the calls in its slots. `'serial'` (the default): one after the other. `'asyncio'`: as tasks of one
   * event loop. `'threads'`: each in a thread of its own.
   */
  readonly lane?: Lane | undefined;
  /** The Python to use: a path, a program's name, or a command such as `['uv', 'run', 'python']`. Default: found. */
  readonly python?: string | readonly string[] | undefined;
  /** Folders for `sys.path`, after the modules' own. */
  readonly pythonPath?: readonly string[] | undefined;
  /** Ignore `PYTHONPATH`, the user site and all other `PYTHON…` variables. Default: false. */
  readonly isolated?: boolean | undefined;
  /** The folder that workers run in and that relative paths are taken from. Default: the current one. */
  readonly cwd?: string | undefined;
  /** Changes to the environment, or `{ only: [...names] }`. Default: this process's, less what would hijack Python. */
  readonly env?: EnvironmentOption | undefined;
  /** Run once in each worker before it is ready: load the model here. */
  readonly setup?: SetupCall | undefined;
  /** Run once in each worker before it ends, if it is asked to. */
  readonly teardown?: SetupCall | undefined;
  /**
   * Error classes that stand for Python's: `{ 'app.NotFound': NotFoundError }`. A call that fails by an exception of that
   * class, or of one derived from it, rejects with `new NotFoundError(message, { cause })`.
   */
  readonly errors?: Readonly<Record<string, TiedErrorClass>> | undefined;
  /** The budget of a call that names none, in ms. Default: none. */
  readonly timeoutMs?: number | undefined;
  /** How many may wait for a worker. Default: 10,000. */
  readonly queueMax?: number | undefined;
  /** How long anybody may wait for a worker, in ms. Default: as long as the call's budget. */
  readonly queueTimeoutMs?: number | undefined;
  /** How long a worker may take to become ready, in ms. Default: 30,000. */
  readonly bootTimeoutMs?: number | undefined;
  /** How many starts in a row may come to nothing before callers are refused while no worker is up. Default: 5. */
  readonly failuresMax?: number | undefined;
  /** How long a worker may still answer a call that was given up, in ms, before it is ended. Default: 1,000. */
  readonly cancelGraceMs?: number | undefined;
  /** It is said (`call.slow`) when a call runs longer, in ms. Default: never. */
  readonly softLimitMs?: number | undefined;
  /** No call may run longer, in ms, whatever its own budget; the time that it waits for a worker does not count. Default: none. */
  readonly hardLimitMs?: number | undefined;
  /** How long a call that names no other may give no sign of progress, in ms. Default: for ever. */
  readonly heartbeatTimeoutMs?: number | undefined;
  /** A worker that has said nothing for so long, in ms, is asked whether it still listens. Default: never. */
  readonly pingEveryMs?: number | undefined;
  /** How long it may take to answer that, in ms, before it is ended. Default: 5,000. */
  readonly pingTimeoutMs?: number | undefined;
  /** For development: workers are replaced when the files of their modules change. Default: false. */
  readonly watch?: boolean | undefined;
  /** Whether Python is interrupted when a caller gives up. `false`: it is only waited for, `cancelGraceMs`. Default: true. */
  readonly interrupt?: boolean | undefined;
  /** How long a worker that must end lets the calls in its other slots finish, in ms. Default: 5,000. */
  readonly evictGraceMs?: number | undefined;
  /** How long a worker may take to end when it was asked to, in ms, before it is killed. Default: 2,000. */
  readonly stopGraceMs?: number | undefined;
  /** How long `close` serves those who are there, in ms, before it destroys. Default: 10,000. */
  readonly closeTimeoutMs?: number | undefined;
  /** How many sessions may live. Default: 10,000. */
  readonly sessionsMax?: number | undefined;
  /** The largest message, in bytes. Default: 67,108,864 (64 MiB). */
  readonly messageBytesMax?: number | undefined;
  /** The raw bytes of one message, in bytes: all `Uint8Array`s, arrays and the like in it. Default: 1,073,741,824 (1 GiB). */
  readonly attachmentBytesMax?: number | undefined;
  /** How deep lists and dicts may stand inside each other. Default: 200. */
  readonly depthMax?: number | undefined;
  /** `'inherit'` (the default): what Python prints is printed, with the worker's name before each line. `'events'`: only `log` events. */
  readonly logs?: 'inherit' | 'events' | undefined;
  /** The folder that holds the Python package `pythonarium`, for bundlers. Default: this package's own. */
  readonly libraryPath?: string | undefined;
  /** Watches the charts: an XState inspection observer. */
  readonly inspect?: Observer<InspectionEvent> | ((event: InspectionEvent) => void) | undefined;
  /** Time, for tests. */
  readonly clock?: PoolClock | undefined;
  /** A number from 0 to 1, for the jitter of restarts. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** The options, checked and with their defaults. */
export interface PoolSettings {
  readonly modules: Readonly<Record<string, string>>;
  /** The folders of the modules that are files. */
  readonly moduleFolders: readonly string[];
  readonly expose: 'marked' | 'all';
  readonly validate: boolean;
  readonly size: number;
  readonly slots: number;
  readonly lane: Lane;
  readonly python: string | readonly string[] | undefined;
  readonly pythonPath: readonly string[];
  readonly isolated: boolean;
  readonly cwd: string;
  readonly env: EnvironmentOption | undefined;
  readonly setup: WireCall | null;
  readonly teardown: WireCall | null;
  readonly errors: ErrorTies | undefined;
  readonly timeoutMs: number | undefined;
  readonly queueMax: number;
  readonly queueTimeoutMs: number | undefined;
  readonly bootTimeoutMs: number;
  readonly failuresMax: number;
  readonly cancelGraceMs: number;
  readonly softLimitMs: number | undefined;
  readonly hardLimitMs: number | undefined;
  readonly heartbeatTimeoutMs: number | undefined;
  readonly pingEveryMs: number | undefined;
  readonly pingTimeoutMs: number;
  readonly watch: boolean;
  readonly interrupt: boolean;
  readonly evictGraceMs: number;
  readonly stopGraceMs: number;
  readonly closeTimeoutMs: number;
  readonly sessionsMax: number;
  readonly limits: ValueLimits;
  readonly logs: 'inherit' | 'events';
  readonly libraryPath: string;
  readonly inspect: PoolOptions['inspect'];
  readonly clock: PoolClock;
  readonly random: () => number;
}

/**
 * @throws OptionError (`ERR_OPTION`) naming the first option that has a value it cannot have, and ValueRefusedError
 * (`ERR_VALUE`) or MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`) for arguments of `setup` or `teardown` that cannot
 * cross.
 */
export function checkOptions(given: PoolOptions): PoolSettings {
  const options = ownOptions(given);
  const cwd = resolve(text(options, 'cwd') ?? '.');
  if (!existsSync(cwd)) throw new OptionError({ option: 'cwd', expected: 'a folder that exists', got: cwd });
  const { modules, moduleFolders } = findModules(options.module, cwd);
  const messageBytesMax = integer(options, 'messageBytesMax', 1024, 2 ** 29 - 1) ?? 64 * 1024 * 1024;
  const attachmentBytesMax = integer(options, 'attachmentBytesMax', 1024, constants.MAX_LENGTH) ?? 1024 ** 3;
  const limits = { messageBytesMax, attachmentBytesMax, depthMax: integer(options, 'depthMax', 1, 900) ?? 200 };
  childEnvironment(options.env);
  checkedPython(options.python);
  return {
    modules,
    moduleFolders,
    expose: oneOf(options, 'expose', ['marked', 'all']) ?? 'marked',
    validate: ofType(options, 'validate', 'boolean', 'true or false') ?? false,
    size: integer(options, 'size', 1, 1024) ?? availableParallelism(),
    ...slotsAndLane(options),
    python: options.python,
    pythonPath: texts(options, 'pythonPath') ?? [],
    isolated: ofType(options, 'isolated', 'boolean', 'true or false') ?? false,
    cwd,
    env: options.env,
    setup: setupCall(options, 'setup', limits),
    teardown: setupCall(options, 'teardown', limits),
    errors: options.errors === undefined ? undefined : new ErrorTies(options.errors),
    timeoutMs: ms(options, 'timeoutMs'),
    queueMax: integer(options, 'queueMax', 0, Number.MAX_SAFE_INTEGER) ?? 10_000,
    queueTimeoutMs: ms(options, 'queueTimeoutMs'),
    bootTimeoutMs: ms(options, 'bootTimeoutMs') ?? 30_000,
    failuresMax: integer(options, 'failuresMax', 1, 1_000) ?? 5,
    cancelGraceMs: ms(options, 'cancelGraceMs') ?? 1_000,
    softLimitMs: ms(options, 'softLimitMs'),
    hardLimitMs: ms(options, 'hardLimitMs'),
    heartbeatTimeoutMs: ms(options, 'heartbeatTimeoutMs'),
    pingEveryMs: ms(options, 'pingEveryMs'),
    pingTimeoutMs: ms(options, 'pingTimeoutMs') ?? 5_000,
    watch: ofType(options, 'watch', 'boolean', 'true or false') ?? false,
    interrupt: ofType(options, 'interrupt', 'boolean', 'true or false') ?? true,
    evictGraceMs: ms(options, 'evictGraceMs') ?? 5_000,
    stopGraceMs: ms(options, 'stopGraceMs') ?? 2_000,
    closeTimeoutMs: ms(options, 'closeTimeoutMs') ?? 10_000,
    sessionsMax: integer(options, 'sessionsMax', 1, 10_000_000) ?? 10_000,
    limits,
    logs: oneOf(options, 'logs', ['inherit', 'events']) ?? 'inherit',
    libraryPath: libraryPath(options.libraryPath),
    inspect: observer(options),
    clock: clock(options) ?? wallClock,
    random: ofType(options, 'random', 'function', 'a function') ?? Math.random,
  };
}

/** Only what the caller wrote counts, whatever hangs on `Object.prototype`. A name that is no option is a mistake. */
function ownOptions(given: PoolOptions): PoolOptions {
  if (typeof given !== 'object' || given === null) {
    throw new OptionError({ option: 'options', expected: 'an object with at least `module`', got: given });
  }
  const options: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(given)) {
    if (!OPTION_NAMES.has(name)) throw new OptionError({ option: name, known: [...OPTION_NAMES] });
    options[name] = value;
  }
  return options as unknown as PoolOptions;
}

function findModules(module: PoolOptions['module'], cwd: string) {
  const isOne = typeof module === 'string' || module instanceof URL;
  if (!isOne && (typeof module !== 'object' || module === null || Object.keys(module).length === 0)) {
    throw new OptionError({ option: 'module', expected: 'a path, a module name, or a record of them', got: module });
  }
  const modules: Record<string, string> = Object.create(null);
  const folders: string[] = [];
  for (const [key, value] of isOne ? [['', module] as const] : Object.entries(module)) {
    const option = isOne ? 'module' : `module.${key}`;
    if (!isOne && !IDENTIFIER.test(key)) {
      throw new OptionError({ option, expected: 'under a key that is an identifier, such as `stats`', got: key });
    }
    const found = findModule(option, value, cwd);
    modules[key] = found;
    if (isAbsolute(found)) folders.push(dirname(found));
  }
  return { modules, moduleFolders: folders };
}

/** @returns The absolute path of a file or folder, or the dotted name. @throws OptionError (`ERR_OPTION`). */
export function findModule(option: string, value: unknown, cwd: string): string {
  if (value instanceof URL && value.protocol === 'file:') return existing(option, fileURLToPath(value));
  if (typeof value !== 'string' || value === '') {
    throw new OptionError({
      option,
      expected: 'the path of a .py file or a package folder, or a module name',
      got: value,
    });
  }
  if (value.endsWith('.py') || value.includes('/')) return existing(option, resolve(cwd, value));
  if (DOTTED_NAME.test(value)) return value;
  throw new OptionError({
    option,
    expected: 'a module name such as `package.module`, or a path with a slash',
    got: value,
  });
}

function existing(option: string, path: string): string {
  if (existsSync(path)) return path;
  throw new OptionError({ option, expected: 'a file or folder that exists', got: path });
}

function slotsAndLane(options: PoolOptions): Pick<PoolSettings, 'slots' | 'lane'> {
  const lane = oneOf(options, 'lane', LANES) ?? 'serial';
  const slots = integer(options, 'slots', 1, 1_000) ?? SLOTS[lane];
  if (lane === 'serial' || slots > 1) return { slots, lane };
  const expected = `an integer from 2 to 1000 with the lane '${lane}', which is for several calls at a time`;
  throw new OptionError({ option: 'slots', expected, got: slots });
}

function setupCall(options: PoolOptions, option: 'setup' | 'teardown', limits: ValueLimits): WireCall | null {
  const call = options[option];
  if (call === undefined) return null;
  if (typeof call !== 'object' || call === null || typeof call.name !== 'string') {
    throw new OptionError({ option, expected: "{ name: 'function', args?, kwargs? }", got: call });
  }
  if (call.args !== undefined && !Array.isArray(call.args)) {
    throw new OptionError({ option: `${option}.args`, expected: 'an array', got: call.args });
  }
  const { name, args = [], kwargs = {} } = call;
  if (typeof kwargs !== 'object' || kwargs === null || Array.isArray(kwargs)) {
    throw new OptionError({ option: `${option}.kwargs`, expected: 'an object', got: kwargs });
  }
  // A copy that nobody changes between one worker's start and the next.
  const copy = (value: object, root: string) => JSON.parse(encodeJson(value, root, limits, 1));
  return { name, args: copy(args, `${option}.args`), kwargs: copy(kwargs, `${option}.kwargs`) };
}

function observer(options: PoolOptions): PoolOptions['inspect'] {
  const { inspect } = options;
  if (inspect === undefined || typeof inspect === 'function') return inspect;
  if (typeof inspect === 'object' && inspect !== null && typeof inspect.next === 'function') return inspect;
  throw new OptionError({ option: 'inspect', expected: 'an XState inspection observer', got: inspect });
}

function clock(options: PoolOptions): PoolClock | undefined {
  const given = options.clock;
  if (given === undefined) return undefined;
  const parts = ['now', 'setTimeout', 'clearTimeout'] as const;
  if (typeof given === 'object' && given !== null && parts.every((part) => typeof given[part] === 'function')) {
    return given;
  }
  throw new OptionError({ option: 'clock', expected: `an object with ${parts.join(', ')}`, got: given });
}

function ms(options: PoolOptions, option: keyof PoolOptions): number | undefined {
  const value = options[option];
  if (value !== undefined) checkMs(option, value);
  return value as number | undefined;
}

function integer(options: PoolOptions, option: keyof PoolOptions, min: number, max: number): number | undefined {
  const value = options[option];
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max)) {
    return value as number | undefined;
  }
  throw new OptionError({ option, expected: `an integer from ${min} to ${max}`, got: value });
}

function ofType<Option extends keyof PoolOptions>(
  options: PoolOptions,
  option: Option,
  type: string,
  expected: string,
): PoolOptions[Option] {
  const value = options[option];
  if (value === undefined || typeof value === type) return value;
  throw new OptionError({ option, expected, got: value });
}

function oneOf<T extends string>(options: PoolOptions, option: keyof PoolOptions, words: readonly T[]): T | undefined {
  const value = options[option];
  if (value === undefined || words.includes(value as T)) return value as T | undefined;
  throw new OptionError({ option, expected: words.map((word) => `'${word}'`).join(' or '), got: value });
}

function text(options: PoolOptions, option: keyof PoolOptions): string | undefined {
  const value = options[option];
  if (value === undefined || typeof value === 'string') return value;
  throw new OptionError({ option, expected: 'a string', got: value });
}

function texts(options: PoolOptions, option: keyof PoolOptions): readonly string[] | undefined {
  const value = options[option];
  if (value === undefined || (Array.isArray(value) && value.every((each) => typeof each === 'string'))) {
    return value as readonly string[] | undefined;
  }
  throw new OptionError({ option, expected: 'an array of folders', got: value });
}

const LANES: readonly Lane[] = ['serial', 'asyncio', 'threads'];
const SLOTS: Readonly<Record<Lane, number>> = { serial: 1, asyncio: 100, threads: 8 };
const IDENTIFIER = /^[A-Za-z_]\w*$/;
const DOTTED_NAME = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/;

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof PoolOptions>([
  'module',
  'expose',
  'validate',
  'size',
  'slots',
  'lane',
  'python',
  'pythonPath',
  'isolated',
  'cwd',
  'env',
  'setup',
  'teardown',
  'errors',
  'timeoutMs',
  'queueMax',
  'queueTimeoutMs',
  'bootTimeoutMs',
  'failuresMax',
  'cancelGraceMs',
  'softLimitMs',
  'hardLimitMs',
  'heartbeatTimeoutMs',
  'pingEveryMs',
  'pingTimeoutMs',
  'watch',
  'interrupt',
  'evictGraceMs',
  'stopGraceMs',
  'closeTimeoutMs',
  'sessionsMax',
  'messageBytesMax',
  'attachmentBytesMax',
  'depthMax',
  'logs',
  'libraryPath',
  'inspect',
  'clock',
  'random',
]);
