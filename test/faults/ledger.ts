import { readdirSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { childrenOf, until } from '../support/processes.js';
import { startsIn } from './starts.js';

/**
 * The account of one live test: what was asked and what came of it, and what this process held before and after. It
 * balances when every request was answered rightly, refused by a typed error, or shed, and nothing was left or late.
 *
 * Make the pool that the test is about after the ledger is opened, and close it before. What a first pool loads on
 * demand is no leak: open the ledger after one has come and gone.
 */
export class Ledger {
  readonly #lateMsMax: number;
  readonly #shedCodes: ReadonlySet<string>;
  readonly #account = new OpenAccount();
  readonly #before: Holdings;
  readonly #children = new Set(childrenOf(process.pid));
  readonly #mayRepeat = new Set<number>();
  /** The requests of which their errors said that Python had not begun with them. */
  readonly #notStarted: number[] = [];
  readonly #probe: NodeJS.Timeout;
  readonly #onUnhandled = (error: unknown) => this.#account.unhandled.push(error);

  /** Opens an account, once this process has closed what it was about to close. */
  static async open(options: LedgerOptions = {}): Promise<Ledger> {
    let before = holdings();
    for (let quietTurns = 0; quietTurns < QUIET_TURNS; quietTurns += 1) {
      await setTimeout(QUIET_TURN_MS);
      const now = holdings();
      if (!isDeepStrictEqual(now, before)) quietTurns = -1;
      before = now;
    }
    return new Ledger(options, before);
  }

  private constructor({ lateMsMax = 150, shedCodes = [] }: LedgerOptions, before: Holdings) {
    this.#before = before;
    this.#lateMsMax = lateMsMax;
    this.#shedCodes = new Set(shedCodes);
    process.on('uncaughtException', this.#onUnhandled);
    process.on('unhandledRejection', this.#onUnhandled);
    let dueAt = performance.now() + PROBE_MS;
    this.#probe = setInterval(() => {
      const now = performance.now();
      this.#account.latestTickMs = Math.max(this.#account.latestTickMs, now - dueAt);
      dueAt = now + PROBE_MS;
    }, PROBE_MS);
  }

  /**
   * Enters a request, and resolves once its outcome is entered too, with that: `served`, `wrong`, `untyped`, `given up`,
   * or the code of the error. `isRight` judges its answer.
   */
  async ask<T>(request: Promise<T>, isRight: (answer: T) => boolean, known: Known = {}): Promise<string> {
    const account = this.#account;
    account.asked += 1;
    try {
      const outcome = isRight(await request) ? 'served' : 'wrong';
      account[outcome] += 1;
      return outcome;
    } catch (error) {
      if (known.givenUpFor !== undefined && error === known.givenUpFor) {
        account.refuse('given up');
        return 'given up';
      }
      if (!isTyped(error)) {
        account.untyped.push(error);
        return 'untyped';
      }
      if (known.number !== undefined && error.started === false) this.#notStarted.push(known.number);
      if (this.#shedCodes.has(error.code)) account.shed += 1;
      else account.refuse(error.code);
      return error.code;
    }
  }

  /** That request may be started more than once: its caller has said so. */
  allowRepeats(number: number): void {
    this.#mayRepeat.add(number);
  }

  /**
   * Closes the account, once all that was asked has settled and the pool is closed.
   *
   * @param startsFolder Where the workers wrote down what they started, if they did (`starts.py`).
   */
  async close(startsFolder?: string): Promise<Account> {
    clearInterval(this.#probe);
    process.off('uncaughtException', this.#onUnhandled);
    process.off('unhandledRejection', this.#onUnhandled);
    const left = () => childrenOf(process.pid).filter((pid) => !this.#children.has(pid));
    // What was closed may take the loop a few turns. A leak is still there after two seconds.
    const isAsBefore = () => left().length === 0 && isDeepStrictEqual(holdings(), this.#before);
    await until(isAsBefore, 'nothing to be left', 2_000).catch(() => {});
    const starts = startsFolder === undefined ? new Map<number, number>() : startsIn(startsFolder);
    const doubled = [...starts].filter(([number, times]) => times > 1 && !this.#mayRepeat.has(number)).length;
    const mistold = this.#notStarted.filter((number) => starts.has(number)).length;
    const account = this.#account;
    return {
      asked: account.asked,
      served: account.served,
      refused: Object.fromEntries(account.refused),
      shed: account.shed,
      doubled,
      mistold,
      wrong: account.wrong,
      untyped: account.untyped,
      unhandled: account.unhandled,
      children: left(),
      before: this.#before,
      after: holdings(),
      latestTickMs: Math.round(account.latestTickMs),
      lateMsMax: this.#lateMsMax,
    };
  }
}

export interface LedgerOptions {
  /** How late a timer of 100 ms may be. Default: 150; 300 is for storms. */
  readonly lateMsMax?: number;
  /** The codes of errors by which a pool sheds load. */
  readonly shedCodes?: readonly string[];
}

/** What is known of a request besides. */
interface Known {
  /** Its number, which Python writes down as it starts it. */
  readonly number?: number;
  /** The reason of the signal by which its caller gives up, which counts as a refusal: `given up`. */
  readonly givenUpFor?: unknown;
}

/** What came of it all. */
export interface Account {
  readonly asked: number;
  readonly served: number;
  /** How many were refused, by the code of the error. */
  readonly refused: Readonly<Record<string, number>>;
  readonly shed: number;
  /** Requests that Python started more than once, and were not to be repeated. */
  readonly doubled: number;
  /** Requests that Python started, and of which their errors said `started: false`. */
  readonly mistold: number;
  /** Answers that were not right. */
  readonly wrong: number;
  /** Errors without a code of ours. */
  readonly untyped: readonly unknown[];
  /** Rejections and exceptions that nobody handled. */
  readonly unhandled: readonly unknown[];
  /** Pids of children that are left. */
  readonly children: readonly number[];
  readonly before: Holdings;
  readonly after: Holdings;
  /** How late the timer of 100 ms was when it was latest. */
  readonly latestTickMs: number;
  readonly lateMsMax: number;
}

/** What does not balance, in words; empty if all does. */
export function deviations(account: Account): string[] {
  const { asked, served, shed, doubled, mistold, wrong, untyped, unhandled, children, before, after } = account;
  const refused = refusals(account);
  const found: string[] = [];
  if (asked !== served + refused + shed) {
    found.push(`asked ${asked}, but served ${served} + refused ${refused} + shed ${shed} = ${served + refused + shed}`);
  }
  if (doubled > 0) found.push(`started twice: ${doubled}`);
  if (mistold > 0) found.push(`said not to be started, and started: ${mistold}`);
  if (wrong > 0) found.push(`wrong answers: ${wrong}`);
  if (untyped.length > 0) found.push(`errors without a code: ${untyped.length}, the first ${String(untyped[0])}`);
  if (unhandled.length > 0) found.push(`unhandled: ${unhandled.length}, the first ${stackOf(unhandled[0])}`);
  if (children.length > 0) found.push(`children left: ${children.join(', ')}`);
  if (before.descriptors !== after.descriptors) {
    found.push(`descriptors: ${before.descriptors} before, ${after.descriptors} after`);
  }
  if (!isDeepStrictEqual(before.listeners, after.listeners)) {
    found.push(`listeners: ${JSON.stringify(before.listeners)} before, ${JSON.stringify(after.listeners)} after`);
  }
  if (account.latestTickMs > account.lateMsMax) {
    found.push(`the timer of ${PROBE_MS} ms was ${account.latestTickMs} ms late, of ${account.lateMsMax} allowed`);
  }
  return found;
}

/** The account as counts, which add up over the rounds of a scenario. */
export function countsOf(account: Account): Record<string, number> {
  const { asked, served, shed, latestTickMs } = account;
  return { asked, served, refused: refusals(account), shed, latestTickMsMax: latestTickMs };
}

/** What a process holds that it may forget to let go. */
interface Holdings {
  readonly descriptors: number;
  /** How many listeners `process` has, by event. */
  readonly listeners: Readonly<Record<string, number>>;
}

class OpenAccount {
  asked = 0;
  served = 0;
  shed = 0;
  wrong = 0;
  latestTickMs = 0;
  readonly refused = new Map<string, number>();
  readonly untyped: unknown[] = [];
  readonly unhandled: unknown[] = [];

  refuse(code: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }
}

function refusals({ refused }: Account): number {
  return Object.values(refused).reduce((sum, count) => sum + count, 0);
}

function holdings(): Holdings {
  const listeners: Record<string, number> = {};
  for (const name of process.eventNames()) listeners[String(name)] = process.listenerCount(name);
  return { descriptors: readdirSync('/proc/self/fd').length, listeners };
}

function isTyped(error: unknown): error is Error & { code: string; started?: unknown } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_');
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const PROBE_MS = 100;
const QUIET_TURNS = 5;
const QUIET_TURN_MS = 20;
