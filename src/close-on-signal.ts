import { constants } from 'node:os';
import { checkNames } from './base/check-names.js';
import { textOf, warn } from './base/hooks.js';
import { own } from './base/own.js';
import { OptionError } from './errors.js';
import { Pool } from './pool.js';
import { checkMs } from './time/limit.js';

/** How a pool is closed at a signal. */
export interface CloseOnSignalOptions {
  /** The signals that are heeded. Default: `['SIGTERM', 'SIGINT']`. */
  readonly signals?: readonly NodeJS.Signals[] | undefined;
  /** The exit code of the program. Default: 128 and the number of the signal, as a shell would say it: 143, 130. */
  readonly exitCode?: number | undefined;
  /**
   * Run before the pool is closed, with the signal: let the server take no more requests here. It is waited for, for
   * `beforeTimeoutMs` at most; what it throws is warned of. Default: nothing.
   */
  readonly before?: ((signal: NodeJS.Signals) => unknown) | undefined;
  /** How long `before` is waited for, in ms. Default: 10,000. */
  readonly beforeTimeoutMs?: number | undefined;
}

/**
 * For servers: at SIGTERM or SIGINT the pool is closed, which refuses new callers (`ERR_POOL_CLOSED`), serves those who
 * are there, for `closeTimeoutMs`, and ends the workers. Then the program exits. A second signal ends it at once.
 *
 * Several pools are closed at the same time, and the program exits when the last of them is closed, with the code of
 * the first that has one. A pool that was closed otherwise needs no `undo`.
 *
 * @returns What undoes it. It changes nothing about a pool that is being closed, but that the program no longer exits
 *   when this one was the last.
 * @throws OptionError (`ERR_OPTION`) for what is no pool or an option that has a value it cannot have.
 */
export function closeOnSignal<Api>(pool: Pool<Api>, options: CloseOnSignalOptions = {}): () => void {
  const wish = checked(pool as Pool, options);
  if (pool.stats().state === 'closed') return () => {};
  wishes.add(wish);
  for (const signal of wish.signals) listen(signal);
  const undo = () => {
    pool.off('pool.closed', onClosed);
    if (!wishes.delete(wish)) return;
    for (const signal of wish.signals) if (![...wishes].some(({ signals }) => signals.has(signal))) unlisten(signal);
  };
  // A pool that its program closes itself leaves no listener behind.
  const onClosed = () => {
    if (ending === undefined) undo();
  };
  pool.on('pool.closed', onClosed);
  return undo;
}

interface Wish {
  readonly pool: Pool;
  readonly signals: ReadonlySet<NodeJS.Signals>;
  readonly exitCode: number | undefined;
  readonly before: ((signal: NodeJS.Signals) => unknown) | undefined;
  readonly beforeTimeoutMs: number;
}

function listen(signal: NodeJS.Signals): void {
  if (!process.listeners(signal).includes(onSignal)) process.on(signal, onSignal);
}

function unlisten(signal: NodeJS.Signals): void {
  process.off(signal, onSignal);
}

function onSignal(signal: NodeJS.Signals): void {
  if (ending !== undefined) {
    // Whoever asks twice does not want to wait. The workers are killed as the program exits.
    process.exit(ending.code);
  }
  const asked = [...wishes].filter(({ signals }) => signals.has(signal));
  const code = asked.find(({ exitCode }) => exitCode !== undefined)?.exitCode ?? 128 + constants.signals[signal];
  ending = { code };
  void Promise.all(asked.map((wish) => end(wish, signal))).then(() => {
    // Undone meanwhile: the program goes on.
    if (asked.some((wish) => wishes.has(wish))) process.exit(code);
    ending = undefined;
  });
}

async function end({ pool, before, beforeTimeoutMs }: Wish, signal: NodeJS.Signals): Promise<void> {
  if (before !== undefined) await within(beforeTimeoutMs, before, signal);
  await pool.close();
}

async function within(limitMs: number, before: (signal: NodeJS.Signals) => unknown, signal: NodeJS.Signals) {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  const done = (async () => before(signal))().catch((error) =>
    warn(`What was to run before a pool was closed at a signal threw: ${textOf(error)}`),
  );
  await Promise.race([done, late]);
  clearTimeout(timer);
}

function checked(pool: Pool, given: CloseOnSignalOptions): Wish {
  if (!(pool instanceof Pool)) throw new OptionError({ option: 'pool', expected: 'a pool', got: pool });
  checkNames(given, OPTIONS);
  const { signals = ['SIGTERM', 'SIGINT'], exitCode, before, beforeTimeoutMs = 10_000 } = own(given);
  const isSignals = Array.isArray(signals) && signals.length > 0 && signals.every((each) => HEEDED.has(each));
  if (!isSignals) {
    const expected = `an array of at least one of ${[...HEEDED].join(', ')}`;
    throw new OptionError({ option: 'signals', expected, got: signals });
  }
  if (exitCode !== undefined && !(Number.isInteger(exitCode) && exitCode >= 0 && exitCode <= 255)) {
    throw new OptionError({ option: 'exitCode', expected: 'an integer from 0 to 255', got: exitCode });
  }
  if (before !== undefined && typeof before !== 'function') {
    throw new OptionError({ option: 'before', expected: 'a function', got: before });
  }
  checkMs('beforeTimeoutMs', beforeTimeoutMs);
  return { pool, signals: new Set(signals), exitCode, before, beforeTimeoutMs };
}

/** Who is to be closed at a signal. One listener for each signal serves all. */
const wishes = new Set<Wish>();
/** Present once a signal came. */
let ending: { readonly code: number } | undefined;

const OPTIONS: ReadonlySet<string> = new Set([
  'signals',
  'exitCode',
  'before',
  'beforeTimeoutMs',
] satisfies (keyof CloseOnSignalOptions)[]);
/** Those by which a program is asked to end. */
const HEEDED: ReadonlySet<unknown> = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);
