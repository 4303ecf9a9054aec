import { OptionError, type ResultIssue, ResultRefusedError } from './errors.js';
import { showCaller, siteAbove } from './site.js';

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
type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly ResultIssue[] };

/**
 * Returns what checks the results of one call: it makes of each what the schema makes of it, or throws a
 * ResultRefusedError (`ERR_RESULT`) with the frames of the caller.
 */
export function checkerOf<T>(schema: StandardSchema, call: string): (value: unknown) => Promise<T> {
  const site = siteAbove(checkerOf);
  return async (value) => {
    const result = await schema['~standard'].validate(value);
    if (result.issues === undefined) return result.value as T;
    const error = new ResultRefusedError({ call, issues: result.issues });
    showCaller(error, site);
    throw error;
  };
}

/** The items of a stream, each of them checked. The first that is refused closes the stream. */
export function checkItems<T>(
  stream: AsyncIterable<unknown>,
  check: (item: unknown) => Promise<T>,
): AsyncIterableIterator<T, undefined> & AsyncDisposable {
  const items = (async function* () {
    for await (const item of stream) yield await check(item);
  })() as AsyncGenerator<T, undefined>;
  return Object.assign(items, {
    [Symbol.asyncDispose]: async () => {
      await items.return(undefined);
    },
  });
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
