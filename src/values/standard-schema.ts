import { isThenable } from '../base/hooks.js';
import { eitherOf } from '../base/signal.js';
import type { WaitOptions } from '../call/budget.js';
import { inTime } from '../call/coming.js';
import { type Site, showCaller, siteAbove } from '../call/site.js';
import type { Stream } from '../call/stream.js';
import { OptionError, type ResultIssue, ResultRefusedError, SchemaTimeoutError } from '../errors.js';
import { dropLeftOut, type HandleOwner, remotesIn } from '../objects/handle.js';
import type { Runtime } from '../runtime.js';

/**
 * A schema of any library that follows Standard Schema (https://standardschema.dev): zod, valibot, arktype and others.
 * The interface is all that is known of it.
 */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** What a schema makes of a value: the value as it is from now on, or what is wrong. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly ResultIssue[] };

/** What is checked: the results of one call, by its schema, within its budget. */
export interface Checked {
  readonly schema: StandardSchema;
  /** The function that is called. */
  readonly call: string;
  readonly wait: WaitOptions;
  readonly runtime: Runtime;
  /** What objects came by; `undefined`: none can have. */
  readonly owner: HandleOwner | undefined;
}

/** The answer, once the schema has made of it what it makes of it. @throws As `checkerOf` says. */
export function checkAnswer<T>(answer: Promise<unknown>, checked: Checked): Promise<T> {
  return answer.then(checkerOf<T>(checked, siteAbove(checkAnswer)));
}

/** The items of a stream, each of them checked. The first that is refused closes the stream, and so does leaving it. */
export function checkItems<T>(
  stream: Stream<T>,
  checked: Checked,
): AsyncIterableIterator<T, undefined> & AsyncDisposable {
  const site = siteAbove(checkItems);
  const leaving = new AbortController();
  const signal = eitherOf(checked.wait.signal ?? leaving.signal, leaving.signal);
  const items = (async function* (): AsyncGenerator<T, undefined> {
    // Here and not before: the budget begins with the first item that is asked for.
    const check = checkerOf<T>({ ...checked, wait: { ...checked.wait, signal } }, site);
    for await (const item of stream) {
      let made: T;
      try {
        made = await check(item);
      } catch (error) {
        if (leaving.signal.aborted) return;
        throw error;
      }
      yield made;
    }
  })();
  // A generator that waits for an item, or for a schema, would not hear of it before it has that.
  const left = <R>(result: Promise<R>): Promise<R> => {
    leaving.abort();
    void items.return(undefined);
    return result;
  };
  return {
    next: () => items.next(),
    return: () => left(stream.return()),
    throw: (error: unknown) => left(stream.throw(error)),
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: () => left(stream[Symbol.asyncDispose]()),
  };
}

/**
 * Returns what makes of a value what the schema makes of it. It throws a ResultRefusedError (`ERR_RESULT`) with the
 * frames of the caller, or, when the budget that begins now is spent first, a SchemaTimeoutError (`ERR_SCHEMA_TIMEOUT`)
 * or the signal's reason.
 */
function checkerOf<T>({ schema, call, wait, runtime, owner }: Checked, site: Site): (value: unknown) => Promise<T> {
  const { signal, timeoutMs = Number.POSITIVE_INFINITY } = wait;
  const until = runtime.clock.now() + timeoutMs;
  const late = () => new SchemaTimeoutError({ call, timeoutMs });
  return async (value) => {
    // Looked for before the schema has it, which may take some out.
    const came = owner !== undefined && runtime.hasObjectsOf(owner) ? remotesIn(value) : [];
    try {
      const given = schema['~standard'].validate(value);
      const result = isThenable(given)
        ? await inTime(runtime, given, { signal, timeoutMs: Math.max(1, until - runtime.clock.now()) }, late)
        : given;
      if (typeof result !== 'object' || result === null || result.issues) throw refusalOf(call, result?.issues, site);
      dropLeftOut(came, result.value);
      return result.value as T;
    } catch (error) {
      for (const remote of came) remote.dropOnce();
      throw error;
    }
  };
}

/** With what it finds wrong, as the caller gets it; or that this is no answer of a schema. */
function refusalOf(call: string, issues: unknown, site: Site): ResultRefusedError {
  let error: ResultRefusedError | undefined;
  try {
    if (Array.isArray(issues) && issues.length > 0) error = new ResultRefusedError({ call, issues });
  } catch {
    // One of them has no message, or its path is no list of keys.
  }
  error ??= new ResultRefusedError({ call, issues: [{ message: NO_ANSWER }] });
  showCaller(error, site);
  return error;
}

/** @throws OptionError (`ERR_OPTION`) for what is no schema. */
export function checkSchema(schema: unknown): void {
  if (schema === undefined) return;
  const standard = (schema as Partial<StandardSchema> | null)?.['~standard'];
  if (standard?.version === 1 && typeof standard.validate === 'function') return;
  throw new OptionError({
    option: 'schema',
    expected: 'a Standard Schema, such as one of zod, valibot or arktype',
    got: schema,
  });
}

const NO_ANSWER = 'the schema answered with neither a `value` nor `issues` that have messages';
