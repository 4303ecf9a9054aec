import { bare, NO_OPTIONS } from '../base/own.js';
import { eitherOf } from '../base/signal.js';
import { OptionError } from '../errors.js';
import { checkLimit, checkMs } from '../time/limit.js';
import { checkKwargs } from '../values/kw.js';
import { checkSchema, type StandardSchema } from '../values/standard-schema.js';
import type { Standing } from './asking.js';
import { checkWait, type WaitOptions } from './budget.js';
import type { Progress } from './call.js';
import type { AttemptTerms } from './retries.js';

/** How one call is made. */
export interface CallOptions extends WaitOptions {
  /**
   * An integer from -100 to 100; of those who wait, a higher one goes first, where each step is worth `ageAfterMs` of
   * waiting. Under a lease it changes nothing: its calls run in the order in which they were made. Default: 0.
   */
  readonly priority?: number | undefined;
  /** Whose call it is, such as a tenant's id: of those who wait, the keys are served in turn. Default: none, which is one more party. */
  readonly fairnessKey?: string | undefined;
  /** Keyword arguments; `kw({...})` as the last argument says the same. */
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
  /** Told how far the call has come, where Python tells it by `pythonarium.progress`. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /**
   * How long the call may give no sign of progress while Python runs it, in ms: `pythonarium.heartbeat()`, `progress()`,
   * an item of its stream. Then it rejects with `ERR_CALL_HUNG`. `Infinity`: for ever. Default: the pool's.
   */
  readonly heartbeatTimeoutMs?: number | undefined;
  /**
   * What is to be known of the call wherever it is spoken of, such as `{ requestId: '7f3a' }`: Python has it as
   * `pythonarium.context`, and what is logged during the call as `context`. Plain JSON; joined, key by key, with what is bound.
   */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Doing it twice does no harm: the call may be made again after its worker died, its line broke or an attempt took too
   * long. Never after an exception of Python's, or once its caller has given up. Default: false.
   */
  readonly idempotent?: boolean | undefined;
  /**
   * How often it may be tried, from 1 to 100. Default: 3 for an `idempotent` call, else 1. More for a call that is not
   * idempotent lets it be made again only if Python had certainly not begun with it.
   */
  readonly attempts?: number | undefined;
  /** How long one attempt of an `idempotent` call may run, in ms, before the next. Default: as long as the call's budget. */
  readonly attemptTimeoutMs?: number | undefined;
  /** Calls of one key are one call: it is started once, and all who make it get its outcome. For `pool.call` and `pool.py`. */
  readonly idempotencyKey?: string | undefined;
  /** What the result has to be: a schema of zod, valibot, arktype or any other that follows Standard Schema. */
  readonly schema?: StandardSchema | undefined;
}

/** Options with a schema, which says the type of the result. */
export type WithSchema<Options, T> = Options & { readonly schema: StandardSchema<T> };

/**
 * What is bound, and over that what is asked for. A signal here and one there both count, and a context is joined.
 *
 * @param options Nobody else's.
 * @throws OptionError (`ERR_OPTION`) for a value that an option cannot have.
 */
export function mergedOptions(bound: CallOptions, options: CallOptions): CallOptions {
  if (options === NO_OPTIONS) return bound;
  checkCall(options);
  const merged: { -readonly [Name in keyof CallOptions]: CallOptions[Name] } = Object.assign(bare(), bound);
  for (const name of Object.keys(options) as (keyof CallOptions)[]) {
    // What is there and undefined says nothing.
    if (options[name] !== undefined) (merged as Record<string, unknown>)[name] = options[name];
  }
  if (options.context !== undefined) merged.context = joined(bound.context, options.context);
  if (bound.signal === undefined || options.signal === undefined) return merged;
  merged.signal = eitherOf(bound.signal, options.signal);
  return merged;
}

/** @throws OptionError (`ERR_OPTION`) for a call that is to be made again where none can be. What is bound says nothing there. */
export function refuseRepeats({ idempotent, attempts = 1, attemptTimeoutMs: ms }: CallOptions, where: string): void {
  if (idempotent) throw new OptionError({ option: 'idempotent', expected: `false for ${where}`, got: idempotent });
  if (attempts > 1) throw new OptionError({ option: 'attempts', expected: `1 for ${where}`, got: attempts });
  if (ms !== undefined)
    throw new OptionError({ option: 'attemptTimeoutMs', expected: `left out for ${where}`, got: ms });
}

/** Of a key where no two calls are one. */
export function keyless(where: string, key: string): OptionError {
  return new OptionError({ option: 'idempotencyKey', expected: `left out for ${where}`, got: key });
}

/** How often a call may be made; `undefined`: once. */
export function termsOf({ idempotent = false, attempts = idempotent ? ATTEMPTS : 1, attemptTimeoutMs }: CallOptions) {
  if (attemptTimeoutMs !== undefined && !idempotent) {
    const expected = 'left out for a call that is not `idempotent`, since it makes it again';
    throw new OptionError({ option: 'attemptTimeoutMs', expected, got: attemptTimeoutMs });
  }
  if (attempts === 1 && attemptTimeoutMs === undefined) return undefined;
  return { idempotent, attempts, attemptTimeoutMs } satisfies AttemptTerms;
}

function checkCall(options: CallOptions): void {
  checkWait(options, CALL_OPTIONS);
  checkStanding(options);
  if (options.kwargs !== undefined) checkKwargs(options.kwargs, 'kwargs');
  checkContext(options.context);
  checkAttempts(options);
  checkLimit('heartbeatTimeoutMs', options.heartbeatTimeoutMs);
  checkSchema(options.schema);
  const { onProgress } = options;
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new OptionError({ option: 'onProgress', expected: 'a function', got: onProgress });
  }
}

function checkAttempts({ idempotent, attempts, attemptTimeoutMs, idempotencyKey: key }: CallOptions): void {
  if (idempotent !== undefined && typeof idempotent !== 'boolean') {
    throw new OptionError({ option: 'idempotent', expected: 'true or false', got: idempotent });
  }
  if (attempts !== undefined && !(Number.isInteger(attempts) && attempts >= 1 && attempts <= ATTEMPTS_MAX)) {
    throw new OptionError({ option: 'attempts', expected: `an integer from 1 to ${ATTEMPTS_MAX}`, got: attempts });
  }
  if (attemptTimeoutMs !== undefined) checkMs('attemptTimeoutMs', attemptTimeoutMs);
  if (key !== undefined && (typeof key !== 'string' || key === '' || key.length > KEY_CHARS_MAX)) {
    const expected = `a string of 1 to ${KEY_CHARS_MAX} characters`;
    throw new OptionError({ option: 'idempotencyKey', expected, got: key });
  }
}

function checkContext(context: unknown): void {
  if (context === undefined || isRecord(context)) return;
  const expected = "a plain object of names and values, such as { requestId: '7f3a' }";
  throw new OptionError({ option: 'context', expected, got: context });
}

/** True for what `{…}` makes, in any realm: what else has names of its own may keep its values elsewhere, as a Map does. */
function isRecord(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: object | null = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function checkStanding({ priority = 0, fairnessKey = 'none' }: Standing): void {
  if (!Number.isInteger(priority) || Math.abs(priority) > PRIORITY_MAX) {
    const expected = `an integer from -${PRIORITY_MAX} to ${PRIORITY_MAX}`;
    throw new OptionError({ option: 'priority', expected, got: priority });
  }
  if (typeof fairnessKey !== 'string' || fairnessKey === '') {
    throw new OptionError({ option: 'fairnessKey', expected: 'a string of one character or more', got: fairnessKey });
  }
}

/** A copy that nobody changes. A value that is undefined says nothing. */
function joined(bound: CallOptions['context'], given: Readonly<Record<PropertyKey, unknown>>): CallOptions['context'] {
  const context: Record<PropertyKey, unknown> = Object.assign(Object.create(null), bound);
  // Symbols too, so that the line refuses them instead of losing them.
  for (const key of Reflect.ownKeys(given)) {
    if (given[key] !== undefined && Object.prototype.propertyIsEnumerable.call(given, key)) context[key] = given[key];
  }
  return Object.freeze(context);
}

export const CALL_OPTIONS: ReadonlySet<string> = new Set([
  'signal',
  'timeoutMs',
  'priority',
  'fairnessKey',
  'kwargs',
  'onProgress',
  'heartbeatTimeoutMs',
  'context',
  'idempotent',
  'attempts',
  'attemptTimeoutMs',
  'idempotencyKey',
  'schema',
] satisfies (keyof CallOptions)[]);
const PRIORITY_MAX = 100;
const ATTEMPTS = 3;
const ATTEMPTS_MAX = 100;
const KEY_CHARS_MAX = 1_000;
