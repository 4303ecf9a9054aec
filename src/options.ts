import { constants } from 'node:buffer';
import { existsSync, statSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { InspectionEvent, Observer } from 'xstate';
import type { ShedRule } from '../machines/index.js';
import { checkNames } from './base/check-names.js';
import { own } from './base/own.js';
import { ErrorTies, type TiedErrorClass } from './error-ties.js';
import { OptionError } from './errors.js';
import { childEnvironment, type EnvironmentOption } from './process/environment.js';
import { checkedPython } from './process/interpreter.js';
import { libraryPath } from './process/library.js';
import { type PoolClock, wallClock } from './time/clock.js';
import { checkMs, LONGEST_MS } from './time/limit.js';
import { processors } from './time/processors.js';
import type { Lane, WireCall, WorkerLimits } from './wire/message.js';
import { encodeJson, type ValueLimits } from './wire/value.js';

/** A Python function to run once in each worker. */
export interface SetupCall {
  /** A function of the module, marked with `@expose` or not. */
  readonly name: string;
  /** Its positional arguments, JSON alone. Default: none. */
  readonly args?: readonly unknown[] | undefined;
  /** Its keyword arguments, JSON alone. Default: none. */
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
}

/** A pool that grows when somebody waits, and shrinks when nobody has needed a worker for long. */
export interface SizeRange {
  /** How many workers there are at least, and to begin with. */
  readonly min: number;
  /** How many there are at most. */
  readonly max: number;
  /** How long somebody must have waited before there is one worker more, in ms. Default: 100. */
  readonly growAfterMs?: number | undefined;
  /** How long a worker must have been of no use before there is one less, in ms. Default: 60,000. */
  readonly shrinkAfterMs?: number | undefined;
}

/**
 * When a worker is replaced. Each worker has a limit of its own, up to a quarter below the one that is set, so that
 * they do not all go at once; memory has no such share.
 */
export interface RecycleLimits {
  /** After so many leases. */
  readonly leases?: number | undefined;
  /** After so long a life, in ms. */
  readonly ageMs?: number | undefined;
  /** When it has served and then idled for so long, in ms. */
  readonly idleMs?: number | undefined;
  /** When Python has more memory resident, in bytes; looked at when a lease ends, at most once a second. Linux. */
  readonly rssBytes?: number | undefined;
}

/** What a pool is made with. */
export interface PoolOptions {
  /**
   * The Python to call: the path or file: URL of a `.py` file or package folder, or a dotted module name; or several, by the
   * key that goes before their functions' names: `{ stats: 'statistics' }` makes `stats.mean`.
   */
  readonly module: string | URL | Readonly<Record<string, string | URL>>;
  /** `'marked'` (the default): functions with `@expose`. `'all'`: every public function, for modules one does not own. */
  readonly expose?: 'marked' | 'all' | undefined;
  /** Check the arguments of calls against the hints of the functions, in Python before they start. Default: false. */
  readonly validate?: boolean | undefined;
  /** How many workers; or between how many, as they are needed. Default: as many as this program may use processors, 1,024 at the most. */
  readonly size?: number | SizeRange | undefined;
  /** When a worker that is well is replaced all the same. Default: never. */
  readonly recycle?: RecycleLimits | undefined;
  /** How many workers may be out for replacement at once: so many more may boot than `size` says. Default: 1. */
  readonly recycleConcurrencyMax?: number | undefined;
  /** How long a worker that `recycle` is to replace is kept for strict sessions, in ms. They are lost then. Default: 30,000. */
  readonly sessionDrainMs?: number | undefined;
  /** How many leases one worker holds at a time. Default: 1; 100 in the lane `'asyncio'`, 8 in the lane `'threads'`. */
  readonly slots?: number | undefined;
  /**
   * How a worker runs the calls in its slots. `'serial'` (the default): one after the other. `'asyncio'`: as tasks of one
   * event loop. `'threads'`: each in a thread of its own.
   */
  readonly lane?: Lane | undefined;
  /** The Python to use: a path, a program's name, or a command such as `['uv', 'run', 'python']`. Default: found. */
  readonly python?: string | readonly string[] | undefined;
  /**
   * How processes are started. `'spawn'` (the default): each by itself. `'fork'`: of a template that has imported the
   * modules; by themselves where that cannot be, and `fork.refused` tells why.
   */
  readonly start?: 'spawn' | 'fork' | undefined;
  /** Folders for `sys.path`, after the modules' own; relative ones are taken from `cwd`. */
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
  /** How many of those who wait may bear the same `fairnessKey`. Default: as many as `queueMax` says. */
  readonly queueMaxPerKey?: number | undefined;
  /**
   * How long one has to wait to count as one priority higher, in ms: so no stream of higher ones keeps a lower one waiting
   * for ever. `Infinity`: never. Default: 10,000.
   */
  readonly ageAfterMs?: number | undefined;
  /**
   * Refuse some of those who wait (`ERR_OVERLOADED`) so that the others are served in time: once everybody who came up for
   * a worker had waited `targetMs` or longer for `intervalMs`, nobody who has waited more than twice `targetMs` is served.
   * `intervalMs` is 100 unless it is given. Default: nobody is refused for that.
   */
  readonly shed?: { readonly targetMs: number; readonly intervalMs?: number | undefined } | undefined;
  /** Tell of a lease (`lease.leaked`) that is held for longer, in ms. Default: never. */
  readonly leakAfterMs?: number | undefined;
  /** How long a lease may be held, in ms, before it is taken back. Default: as long as one likes. */
  readonly leaseTimeoutMs?: number | undefined;
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
  /**
   * How many short calls may wait in a worker's pipe behind the one that it runs, once more wait than there are workers,
   * so that none of them costs a transit. Only in the lane `'serial'`, and not with `shed`. 0: none. Default: 3.
   */
  readonly prefetchMax?: number | undefined;
  /** Calls are short whose function ran for less than that in 99 of its last 100 runs, in ms. Default: 1. */
  readonly prefetchBelowMs?: number | undefined;
  /**
   * Whether a worker that waits for a request, and Node while it waits for an answer, look for it for up to 50 µs before
   * they sleep, where there are processors for both. A short call takes a fraction of the time by it, and more of the
   * processors' time. Default: true.
   */
  readonly busyPoll?: boolean | undefined;
  /**
   * Whether workers are scheduled as batch work (`SCHED_BATCH`), if there may be several and more than one processor: one
   * that is woken waits for a free processor, or for its share, and takes it from nobody in the middle of something. Many
   * short calls take three quarters of the time by it, and the slowest of them longer. Only in the lane `'serial'`, on
   * Linux. Default: true.
   */
  readonly batchScheduling?: boolean | undefined;
  /** How long a worker that must end lets the calls in its other slots finish, in ms. Default: 5,000. */
  readonly evictGraceMs?: number | undefined;
  /** How long a worker may take to end when it was asked to, in ms, before it gets SIGTERM. 0: it is not asked. Default: 2,000. */
  readonly stopGraceMs?: number | undefined;
  /** How long it may then still take, in ms, before it gets SIGKILL. 0: it gets no SIGTERM. Default: 1,000. */
  readonly termGraceMs?: number | undefined;
  /** What each worker may use of its system. Default: no more than this process may, and no core dumps. */
  readonly limits?: WorkerLimits | undefined;
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
  /** How many calls more than were made may be tried again, as a part of them. Default: 0.2. */
  readonly retryRatio?: number | undefined;
  /**
   * How long the second attempt of a call waits at most, in ms; each later one twice as long, and none longer than
   * 10,000. Default: 100.
   */
  readonly retryDelayMs?: number | undefined;
  /** After how many workers that it ended in a row a call, with its arguments, is refused. 0: never. Default: 3. */
  readonly poisonDeaths?: number | undefined;
  /** How long it is refused then, in ms. Default: 60,000. */
  readonly poisonMs?: number | undefined;
  /** How long the outcome of a call with an `idempotencyKey` is kept after it, in ms. Default: 60,000. */
  readonly idempotencyTtlMs?: number | undefined;
  /** How many outcomes are kept. Default: 10,000. */
  readonly idempotencyKeysMax?: number | undefined;
  /**
   * Whether the charts of coordinator, workers and clients run from tables derived from them. `false`: XState interprets
   * them, which does the same and costs more. Default: true.
   */
  readonly compile?: boolean | undefined;
  /** Watches the charts: an XState inspection observer. */
  readonly inspect?: Observer<InspectionEvent> | ((event: InspectionEvent) => void) | undefined;
  /** Time, for tests. */
  readonly clock?: PoolClock | undefined;
  /** Returns a number from 0 to 1, for the jitter of restarts and of the waits before further attempts. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** When a pool of no fixed size grows and shrinks. */
export type ElasticSize = Readonly<Record<'growAfterMs' | 'shrinkAfterMs', number>>;

/** The options, checked and with their defaults. */
export interface PoolSettings
  extends Required<Pick<PoolOptions, WithoutDefault>>,
    Readonly<{ [Name in WithDefault]: NonNullable<PoolOptions[Name]> }> {
  readonly modules: Readonly<Record<string, string>>;
  /** The folders of the modules that are files. */
  readonly moduleFolders: readonly string[];
  readonly sizeMin: number;
  readonly sizeMax: number;
  /** Present if `sizeMin` and `sizeMax` differ. */
  readonly elastic: ElasticSize | undefined;
  readonly setup: WireCall | null;
  readonly teardown: WireCall | null;
  readonly errors: ErrorTies | undefined;
  readonly shed: ShedRule | null;
  readonly limits: ValueLimits;
  readonly resources: WorkerLimits;
}

type WithDefault = Exclude<keyof PoolOptions, WithoutDefault | MadeAnew>;
type WithoutDefault =
  | 'recycle'
  | 'python'
  | 'env'
  | 'timeoutMs'
  | 'leakAfterMs'
  | 'leaseTimeoutMs'
  | 'queueTimeoutMs'
  | 'softLimitMs'
  | 'hardLimitMs'
  | 'heartbeatTimeoutMs'
  | 'pingEveryMs'
  | 'inspect';
/** The settings have something else for these. */
type MadeAnew =
  | 'module'
  | 'size'
  | 'setup'
  | 'teardown'
  | 'errors'
  | 'shed'
  | 'limits'
  | 'messageBytesMax'
  | 'attachmentBytesMax'
  | 'depthMax';

/**
 * @throws OptionError (`ERR_OPTION`) naming the first option that has a value it cannot have, and ValueRefusedError
 * (`ERR_VALUE`) or MessageTooLargeError (`ERR_MESSAGE_TOO_LARGE`) for arguments of `setup` or `teardown` that cannot
 * cross.
 */
export function checkOptions(given: PoolOptions): PoolSettings {
  const options = ownOptions(given);
  const cwd = resolve(ofType(options, 'cwd', 'string', 'a string') ?? '.');
  if (!existsSync(cwd) || !statSync(cwd).isDirectory()) {
    throw new OptionError({ option: 'cwd', expected: 'a folder that exists', got: cwd });
  }
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
    validate: flag(options, 'validate') ?? false,
    ...sizes(options.size),
    recycle: recycleLimits(options.recycle),
    recycleConcurrencyMax: integer(options, 'recycleConcurrencyMax', 1, 1_024) ?? 1,
    sessionDrainMs: ms(options, 'sessionDrainMs') ?? 30_000,
    ...slotsAndLane(options),
    python: options.python,
    start: oneOf(options, 'start', ['spawn', 'fork']) ?? 'spawn',
    pythonPath: (texts(options, 'pythonPath') ?? []).map((folder) => resolve(cwd, folder)),
    isolated: flag(options, 'isolated') ?? false,
    cwd,
    env: options.env,
    setup: setupCall(options, 'setup', limits),
    teardown: setupCall(options, 'teardown', limits),
    errors: options.errors === undefined ? undefined : new ErrorTies(options.errors),
    timeoutMs: ms(options, 'timeoutMs'),
    queueMax: integer(options, 'queueMax', 0, Number.MAX_SAFE_INTEGER) ?? 10_000,
    queueMaxPerKey: integer(options, 'queueMaxPerKey', 1, Number.MAX_SAFE_INTEGER) ?? Number.MAX_SAFE_INTEGER,
    ageAfterMs: ageAfterMs(options),
    shed: shedRule(options.shed),
    leakAfterMs: ms(options, 'leakAfterMs'),
    leaseTimeoutMs: ms(options, 'leaseTimeoutMs'),
    queueTimeoutMs: ms(options, 'queueTimeoutMs'),
    bootTimeoutMs: ms(options, 'bootTimeoutMs') ?? 30_000,
    failuresMax: integer(options, 'failuresMax', 1, 1_000) ?? 5,
    cancelGraceMs: ms(options, 'cancelGraceMs') ?? 1_000,
    softLimitMs: ms(options, 'softLimitMs'),
    hardLimitMs: ms(options, 'hardLimitMs'),
    heartbeatTimeoutMs: ms(options, 'heartbeatTimeoutMs'),
    pingEveryMs: ms(options, 'pingEveryMs'),
    pingTimeoutMs: ms(options, 'pingTimeoutMs') ?? 5_000,
    watch: flag(options, 'watch') ?? false,
    interrupt: flag(options, 'interrupt') ?? true,
    evictGraceMs: ms(options, 'evictGraceMs') ?? 5_000,
    prefetchMax: prefetchMax(options),
    prefetchBelowMs: ms(options, 'prefetchBelowMs') ?? 1,
    busyPoll: flag(options, 'busyPoll') ?? true,
    batchScheduling: flag(options, 'batchScheduling') ?? true,
    stopGraceMs: ms(options, 'stopGraceMs') ?? 2_000,
    termGraceMs: ms(options, 'termGraceMs') ?? 1_000,
    resources: workerLimits(options),
    closeTimeoutMs: ms(options, 'closeTimeoutMs') ?? 10_000,
    sessionsMax: integer(options, 'sessionsMax', 1, 10_000_000) ?? 10_000,
    limits,
    logs: oneOf(options, 'logs', ['inherit', 'events']) ?? 'inherit',
    retryRatio: ratio(options, 'retryRatio') ?? 0.2,
    retryDelayMs: ms(options, 'retryDelayMs') ?? 100,
    poisonDeaths: integer(options, 'poisonDeaths', 0, 1_000) ?? 3,
    poisonMs: ms(options, 'poisonMs') ?? 60_000,
    idempotencyTtlMs: ms(options, 'idempotencyTtlMs') ?? 60_000,
    idempotencyKeysMax: integer(options, 'idempotencyKeysMax', 1, 10_000_000) ?? 10_000,
    libraryPath: libraryPath(options.libraryPath, cwd),
    compile: flag(options, 'compile') ?? true,
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
  checkNames(given, OPTION_NAMES);
  return own(given);
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
  const isUrl = value instanceof URL || (typeof value === 'string' && value.startsWith('file:'));
  const path = isUrl ? pathOf(value) : undefined;
  if (path !== undefined) return existing(option, path);
  if (isUrl || typeof value !== 'string' || value === '') {
    throw new OptionError({
      option,
      expected: 'the path or file: URL of a .py file or a package folder, or a module name',
      got: value instanceof URL ? value.href : value,
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

/** @returns The path that a file: URL is of; `undefined` for one of anything else, or of another machine. */
function pathOf(url: URL | string): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}

function existing(option: string, path: string): string {
  if (existsSync(path)) return path;
  throw new OptionError({ option, expected: 'a file or folder that exists', got: path });
}

function sizes(size: PoolOptions['size']): Pick<PoolSettings, 'sizeMin' | 'sizeMax' | 'elastic'> {
  if (size === undefined || typeof size === 'number') {
    const fixed = size ?? Math.min(processors().count, SIZE_MAX);
    if (isInteger(fixed, 1, SIZE_MAX)) return { sizeMin: fixed, sizeMax: fixed, elastic: undefined };
  }
  const expected = `an integer from 1 to ${SIZE_MAX}, or { min, max }`;
  if (typeof size !== 'object' || size === null) throw new OptionError({ option: 'size', expected, got: size });
  checkNames(size, SIZE_NAMES);
  const { min, max, growAfterMs = 100, shrinkAfterMs = 60_000 } = own(size);
  if (!isInteger(min, 1, SIZE_MAX)) {
    throw new OptionError({ option: 'size.min', expected: `an integer from 1 to ${SIZE_MAX}`, got: min });
  }
  if (!isInteger(max, min, SIZE_MAX)) {
    throw new OptionError({
      option: 'size.max',
      expected: `an integer from ${min} (\`min\`) to ${SIZE_MAX}`,
      got: max,
    });
  }
  checkAtLeastOneMs('size.growAfterMs', growAfterMs);
  checkAtLeastOneMs('size.shrinkAfterMs', shrinkAfterMs);
  return { sizeMin: min, sizeMax: max, elastic: min === max ? undefined : { growAfterMs, shrinkAfterMs } };
}

function recycleLimits(recycle: PoolOptions['recycle']): RecycleLimits | undefined {
  if (recycle === undefined) return undefined;
  if (typeof recycle !== 'object' || recycle === null) {
    throw new OptionError({
      option: 'recycle',
      expected: `an object of ${[...RECYCLE_NAMES].join(', ')}`,
      got: recycle,
    });
  }
  checkNames(recycle, RECYCLE_NAMES);
  const { leases, ageMs, idleMs, rssBytes } = own(recycle);
  if ([leases, ageMs, idleMs, rssBytes].every((limit) => limit === undefined)) {
    throw new OptionError({
      option: 'recycle',
      expected: `at least one of ${[...RECYCLE_NAMES].join(', ')}`,
      got: recycle,
    });
  }
  for (const [name, limit] of Object.entries({ leases, rssBytes })) {
    if (limit === undefined || isInteger(limit, 1, Number.MAX_SAFE_INTEGER)) continue;
    throw new OptionError({ option: `recycle.${name}`, expected: 'an integer of at least 1', got: limit });
  }
  if (rssBytes !== undefined && process.platform !== 'linux') {
    throw new OptionError({
      option: 'recycle.rssBytes',
      expected: 'absent, since memory is measured on Linux only',
      got: rssBytes,
    });
  }
  if (ageMs !== undefined) checkAtLeastOneMs('recycle.ageMs', ageMs);
  if (idleMs !== undefined) checkAtLeastOneMs('recycle.idleMs', idleMs);
  return { leases, ageMs, idleMs, rssBytes };
}

function checkAtLeastOneMs(option: string, ms: unknown): void {
  checkMs(option, ms);
  if ((ms as number) < 1) throw new OptionError({ option, expected: 'at least 1 ms', got: ms });
}

function slotsAndLane(options: PoolOptions): Pick<PoolSettings, 'slots' | 'lane'> {
  const lane = oneOf(options, 'lane', LANES) ?? 'serial';
  const slots = integer(options, 'slots', 1, 1_000) ?? SLOTS[lane];
  if (lane === 'serial' || slots > 1) return { slots, lane };
  const expected = `an integer from 2 to 1000 with the lane '${lane}', which is for several calls at a time`;
  throw new OptionError({ option: 'slots', expected, got: slots });
}

/**
 * 0 where none may wait, whatever was asked for: what waits in a pipe has left the queue, where it would be shed, and no
 * other lane runs one call after the other.
 */
function prefetchMax(options: PoolOptions): number {
  const max = integer(options, 'prefetchMax', 0, 63) ?? 3;
  return (options.lane ?? 'serial') === 'serial' && options.shed === undefined ? max : 0;
}

function workerLimits(options: PoolOptions): WorkerLimits {
  const { limits: given = {} } = options;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new OptionError({ option: 'limits', expected: 'an object such as { memoryBytes, cpuSeconds }', got: given });
  }
  const limits: Record<string, number> = Object.assign(Object.create(null), { coreBytes: 0 });
  for (const [name, value] of Object.entries(given)) {
    const min = LEAST[name];
    if (min === undefined) throw new OptionError({ option: `limits.${name}`, known: Object.keys(LEAST) });
    if (value === undefined) continue;
    if (!isInteger(value, min, Number.MAX_SAFE_INTEGER)) {
      throw new OptionError({ option: `limits.${name}`, expected: `an integer of at least ${min}`, got: value });
    }
    limits[name] = value;
  }
  return limits;
}

function ageAfterMs({ ageAfterMs = 10_000 }: PoolOptions): number {
  // So that a step of priority stays a number that can be reckoned with, and is longer than anybody waits.
  if (ageAfterMs === Number.POSITIVE_INFINITY) return LONGEST_MS;
  checkMs('ageAfterMs', ageAfterMs);
  return ageAfterMs;
}

function shedRule(shed: PoolOptions['shed']): ShedRule | null {
  if (shed === undefined) return null;
  if (typeof shed !== 'object' || shed === null) {
    throw new OptionError({ option: 'shed', expected: '{ targetMs, intervalMs? }', got: shed });
  }
  checkNames(shed, SHED_NAMES);
  // Only what the caller wrote counts.
  const { targetMs, intervalMs = 100 } = own(shed);
  checkMs('shed.targetMs', targetMs);
  checkMs('shed.intervalMs', intervalMs);
  return { targetMs, intervalMs };
}

function setupCall(options: PoolOptions, option: 'setup' | 'teardown', limits: ValueLimits): WireCall | null {
  const call = own(options[option]);
  if (call === undefined) return null;
  if (typeof call !== 'object' || call === null || typeof call.name !== 'string') {
    throw new OptionError({ option, expected: "{ name: 'function', args?, kwargs? }", got: call });
  }
  checkNames(call, SETUP_NAMES);
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

function ratio(options: PoolOptions, option: keyof PoolOptions): number | undefined {
  const value = options[option];
  if (value === undefined || (typeof value === 'number' && value >= 0 && value <= 1)) return value;
  throw new OptionError({ option, expected: 'a number from 0 to 1', got: value });
}

function integer(options: PoolOptions, option: keyof PoolOptions, min: number, max: number): number | undefined {
  const value = options[option];
  if (value === undefined || isInteger(value, min, max)) return value;
  throw new OptionError({ option, expected: `an integer from ${min} to ${max}`, got: value });
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

function flag(options: PoolOptions, option: keyof PoolOptions): boolean | undefined {
  return ofType(options, option, 'boolean', 'true or false') as boolean | undefined;
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

function texts(options: PoolOptions, option: keyof PoolOptions): readonly string[] | undefined {
  const value = options[option];
  if (value === undefined || (Array.isArray(value) && value.every((each) => typeof each === 'string'))) {
    return value as readonly string[] | undefined;
  }
  throw new OptionError({ option, expected: 'an array of folders', got: value });
}

const SIZE_MAX = 1_024;
const SETUP_NAMES: ReadonlySet<string> = new Set<keyof SetupCall>(['name', 'args', 'kwargs']);
const SIZE_NAMES: ReadonlySet<string> = new Set<keyof SizeRange>(['min', 'max', 'growAfterMs', 'shrinkAfterMs']);
const RECYCLE_NAMES: ReadonlySet<string> = new Set<keyof RecycleLimits>(['leases', 'ageMs', 'idleMs', 'rssBytes']);
const SHED_NAMES: ReadonlySet<string> = new Set<keyof ShedRule>(['targetMs', 'intervalMs']);
const LANES: readonly Lane[] = ['serial', 'asyncio', 'threads'];
const SLOTS: Readonly<Record<Lane, number>> = { serial: 1, asyncio: 100, threads: 8 };
/** By limit: less than that, and no worker would come up. */
const LEAST: Readonly<Record<string, number | undefined>> = Object.assign(Object.create(null), {
  memoryBytes: 16 * 1024 * 1024,
  cpuSeconds: 1,
  files: 16,
  fileBytes: 0,
  coreBytes: 0,
});
const IDENTIFIER = /^[A-Za-z_]\w*$/;
const DOTTED_NAME = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/;

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof PoolOptions>([
  'module',
  'expose',
  'validate',
  'size',
  'recycle',
  'recycleConcurrencyMax',
  'sessionDrainMs',
  'slots',
  'lane',
  'python',
  'start',
  'pythonPath',
  'isolated',
  'cwd',
  'env',
  'setup',
  'teardown',
  'errors',
  'timeoutMs',
  'queueMax',
  'queueMaxPerKey',
  'ageAfterMs',
  'shed',
  'leakAfterMs',
  'leaseTimeoutMs',
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
  'prefetchMax',
  'prefetchBelowMs',
  'busyPoll',
  'batchScheduling',
  'stopGraceMs',
  'termGraceMs',
  'limits',
  'closeTimeoutMs',
  'sessionsMax',
  'messageBytesMax',
  'attachmentBytesMax',
  'depthMax',
  'logs',
  'retryRatio',
  'retryDelayMs',
  'poisonDeaths',
  'poisonMs',
  'idempotencyTtlMs',
  'idempotencyKeysMax',
  'libraryPath',
  'compile',
  'inspect',
  'clock',
  'random',
]);
