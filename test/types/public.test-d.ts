// What the public types promise. Nothing of it is run: it is TypeScript that takes it, or does not.
import {
  type CalledFunction,
  type Caller,
  type CallOptions,
  type CallOutcome,
  createPool,
  type KeptFunction,
  type Kwargs,
  keep,
  kw,
  type Lane,
  type Lease,
  type MapOptions,
  type MapOutcome,
  type MappedItem,
  type MappedResult,
  type MicroDate,
  NdArray,
  ndarray,
  type PingStats,
  type Pool,
  PoolError,
  type PoolStats,
  type Progress,
  type PyFunction,
  PythonError,
  type SchemaResult,
  type Session,
  type SessionLoss,
  type StandardSchema,
  type StreamOptions,
  type UntypedFunction,
  type WithSchema,
  type WorkerStats,
} from 'pythonarium';
import {
  type ClientContext,
  type CoordinatorContext,
  clientMachine,
  coordinatorMachine,
  type Granted,
  type HeldLease,
  supervisorMachine,
  type workerMachine,
} from 'pythonarium/machines';
import { expectTypeOf } from 'vitest';
import type { Actor } from 'xstate';

interface Api {
  mean(values: number[], digits?: number): number;
  load(path: string, kwargs?: Kwargs<{ sep?: string; head?: number }>): Promise<{ rows: number }>;
  rows(count: number): AsyncIterable<string>;
  stats: { median(values: number[]): number };
  identity<T>(value: T): T;
}

/** `pool.py` has the functions of the `Api`, as methods that return promises. */
export function typedProxy(pool: Pool<Api>) {
  expectTypeOf(pool.py.mean([1, 2])).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.py.mean([1, 2], 3)).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.py.mean([1, 2], 3, kw({ exact: true }))).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.py.load('a.csv')).toEqualTypeOf<Promise<{ rows: number }>>();
  expectTypeOf(pool.py.stats.median([1])).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.py.load('a.csv', kw({ sep: ';' }))).toEqualTypeOf<Promise<{ rows: number }>>();
  expectTypeOf(pool.py.rows(3)).toEqualTypeOf<AsyncIterable<string>>();
  // The caller may know better.
  expectTypeOf(pool.py.identity<string>('a')).toEqualTypeOf<Promise<string>>();

  // @ts-expect-error: a string is no list of numbers.
  pool.py.mean('1, 2');
  // @ts-expect-error: there is no such function.
  pool.py.median([1]);
  // @ts-expect-error: keyword arguments are marked by kw().
  pool.py.load('a.csv', { sep: ';' });
  // @ts-expect-error: a separator is a text.
  pool.py.load('a.csv', kw({ sep: 1 }));
  // @ts-expect-error: there is no such keyword.
  pool.py.load('a.csv', kw({ sep: ';', tail: 1 }));
  // @ts-expect-error: nothing stands behind keyword arguments.
  pool.py.mean([1], 2, kw({ exact: true }), 4);
  // @ts-expect-error: the proxy is not to be written to.
  pool.py.mean = async () => 1;
}

/** `map` takes a function of `py` in the place of its name, and its items and results have the types of that. */
export async function typedMap(pool: Pool<Api>, lease: Lease<Api>, untyped: Pool, schema: StandardSchema<string>) {
  expectTypeOf(pool.map(pool.py.mean, [[1, 2]])).toEqualTypeOf<
    AsyncIterableIterator<number, undefined> & AsyncDisposable
  >();
  for await (const loaded of pool.map(pool.py.load, new Set(['a.csv']), { concurrency: 4, kwargs: { head: 1 } })) {
    expectTypeOf(loaded).toEqualTypeOf<{ rows: number }>();
  }
  for await (const median of lease.map(lease.py.stats.median, [[1], [2]], { keepGoing: true })) {
    expectTypeOf(median).toEqualTypeOf<MapOutcome<number>>();
  }
  // Whoever writes a function as Python has it says nothing of its keywords.
  pool.map(pool.py.mean, [[1]], { kwargs: { exact: true } });
  untyped.map(untyped.py.mean!, [1], { kwargs: { exact: true } });
  untyped.map('mean', [1], { kwargs: { exact: true } });
  const options: MapOptions = { ordered: false };
  expectTypeOf(pool.map(pool.py.mean, [[1]], options)).toExtend<AsyncIterable<number | MapOutcome<number>>>();
  expectTypeOf(pool.map(pool.py.mean, [[1]], { schema })).toExtend<AsyncIterable<string>>();
  expectTypeOf(pool.map(pool.py.identity, [1])).toExtend<AsyncIterable<unknown>>();
  expectTypeOf(untyped.map(untyped.py.mean!, [1])).toExtend<AsyncIterable<unknown>>();
  const sum = <Fn extends PyFunction>(fn: Fn, items: MappedItem<Fn>[]) => pool.map(fn, items);
  for await (const each of sum(pool.py.mean, [[1]])) expectTypeOf(each).toEqualTypeOf<number>();
  expectTypeOf<MappedResult<typeof pool.py.load>>().toEqualTypeOf<{ rows: number }>();

  // @ts-expect-error: a string is no list of numbers.
  pool.map(pool.py.mean, ['1, 2']);
  // @ts-expect-error: nor with a schema, which is for the results.
  pool.map(pool.py.mean, ['1, 2'], { schema });
  // @ts-expect-error: nor where the options do not tell whether it keeps going.
  pool.map(pool.py.mean, ['1, 2'], options);
  // @ts-expect-error: there is no such keyword.
  pool.map(pool.py.load, ['a.csv'], { kwargs: { tail: 1 } });
  // @ts-expect-error: a separator is a text.
  pool.map(pool.py.load, ['a.csv'], { kwargs: { sep: 1 } });
  // @ts-expect-error: there is no such option.
  pool.map(pool.py.mean, [[1]], { concurency: 2 });
  // @ts-expect-error: what is streamed has items, and no result.
  pool.map(pool.py.rows, [3]);
  // @ts-expect-error: modules are not called.
  pool.map(pool.py.stats, [[1]]);
  // @ts-expect-error: that is no function.
  pool.map(4, [1]);
}

/** A kept function is the function that it was, and can be released. */
export async function keptFunctions(pool: Pool<{ each(onRow: (row: number) => string): void }>) {
  const kept = keep((row: number) => `${row}`);
  expectTypeOf(kept).toEqualTypeOf<KeptFunction<(row: number) => string>>();
  expectTypeOf(kept(1)).toEqualTypeOf<string>();
  expectTypeOf(kept.release()).toEqualTypeOf<void>();
  using same: Disposable = kept;
  await pool.py.each(kept);
  // @ts-expect-error: it takes a text, and the function is called with numbers.
  await pool.py.each(keep((text: string) => text));
  // @ts-expect-error: that is no function.
  keep(1);
  return same;
}

/** An array of numpy has the typed array that it was made of. */
export function arrays(pool: Pool) {
  expectTypeOf(ndarray(new Float32Array(6), { shape: [2, 3], order: 'F' }).data).toEqualTypeOf<
    Float32Array<ArrayBuffer>
  >();
  expectTypeOf(pool.call<NdArray>('fit')).resolves.toHaveProperty('data').toEqualTypeOf<ArrayBufferView>();
  expectTypeOf<NdArray['order']>().toEqualTypeOf<'C' | 'F'>();
  expectTypeOf<MicroDate>().toExtend<Date>();

  // @ts-expect-error: a list of numbers is no typed array.
  ndarray([1, 2]);
  // @ts-expect-error: numpy knows other orders, which are no way to lie in memory.
  ndarray(new Float64Array(1), { order: 'K' });
  // @ts-expect-error: what its items are cannot be guessed.
  new NdArray({ shape: [1], data: new Uint8Array(8) });
}

/** The `Api` goes on to whatever is made of the pool. */
export async function bound(pool: Pool<Api>) {
  expectTypeOf(pool.with({ timeoutMs: 5 }).py.mean([1])).toEqualTypeOf<Promise<number>>();
  expectTypeOf(pool.session('ada')).toEqualTypeOf<Session<Api>>();
  expectTypeOf(pool.session('ada').py.mean([1])).toEqualTypeOf<Promise<number>>();
  expectTypeOf(await pool.checkout()).toEqualTypeOf<Lease<Api>>();
  expectTypeOf((await pool.session('ada').checkout()).py.mean([1])).toEqualTypeOf<Promise<number>>();
}

/** Without an `Api` everything may be called, and nothing is known of what comes back. */
export async function untyped(pool: Pool) {
  expectTypeOf(pool.call('mean', [[1, 2]])).toEqualTypeOf<Promise<unknown>>();
  expectTypeOf(pool.call<number>('mean', [[1, 2]])).toEqualTypeOf<Promise<number>>();
  expectTypeOf(await pool.py.mean!<number>([1, 2])).toEqualTypeOf<number>();
  for await (const row of pool.py.rows!<string>(3)) expectTypeOf(row).toEqualTypeOf<string>();
  for await (const row of pool.py.app!.rows!(3)) expectTypeOf(row).toEqualTypeOf<unknown>();
  expectTypeOf(pool.map<number>('sqrt', [1])).toExtend<AsyncIterable<number>>();
  expectTypeOf(pool.map<number>('sqrt', new Set([1]))).toExtend<AsyncIterable<number>>();
  expectTypeOf(pool.map<number>('sqrt', [1], { keepGoing: true })).toExtend<AsyncIterable<MapOutcome<number>>>();
  expectTypeOf<MapOutcome<number>>().toExtend<PromiseSettledResult<number>>();
  for await (const outcome of pool.map<number>('sqrt', [1], { ordered: false, keepGoing: true })) {
    if (outcome.status === 'fulfilled') expectTypeOf(outcome.value).toEqualTypeOf<number>();
    else expectTypeOf(outcome).not.toHaveProperty('value');
  }
  for await (const root of pool.map<number>('sqrt', [1], { keepGoing: false })) {
    expectTypeOf(root).toEqualTypeOf<number>();
  }
  await using mapped = pool.map<number>('sqrt', [1]);
  expectTypeOf((await mapped.next()).value).toEqualTypeOf<number | undefined>();

  // @ts-expect-error: arguments are an array.
  pool.call('mean', 1);
  // @ts-expect-error: a number cannot be gone over.
  pool.map('sqrt', 4);
}

/** A schema says what comes back. */
export function schemas(pool: Pool, schema: StandardSchema<{ rows: number }>) {
  expectTypeOf(pool.call('load', [], { schema })).toEqualTypeOf<Promise<{ rows: number }>>();
  expectTypeOf(pool.call('load', [], { schema, timeoutMs: 5 })).toEqualTypeOf<Promise<{ rows: number }>>();
  expectTypeOf(pool.map('load', ['a'], { schema })).toEqualTypeOf<
    AsyncIterableIterator<{ rows: number }, undefined> & AsyncDisposable
  >();
  expectTypeOf(pool.map('load', ['a'], { schema, keepGoing: true })).toEqualTypeOf<
    AsyncIterableIterator<MapOutcome<{ rows: number }>, undefined> & AsyncDisposable
  >();
  // @ts-expect-error: that is no schema.
  pool.call('load', [], { schema: { parse: () => 1 } });
}

export async function options(signal: AbortSignal) {
  createPool({ module: 'math' });
  createPool({ module: { stats: 'statistics', app: new URL('file:///app.py') }, expose: 'all' });
  createPool({ module: 'm', python: ['uv', 'run', 'python'], env: { only: ['PATH'], set: { MODE: 'fast' } } });
  createPool({ module: 'm', lane: 'asyncio', slots: 200 });
  createPool({ module: 'm', env: { MODE: 'fast', PROXY: undefined }, inspect: (event) => void event.type });

  // @ts-expect-error: there is nothing to call.
  createPool({});
  // @ts-expect-error: no such option.
  createPool({ module: 'm', workers: 4 });
  // @ts-expect-error: no such way to expose.
  createPool({ module: 'm', expose: 'some' });
  // @ts-expect-error: no such lane.
  createPool({ module: 'm', lane: 'process' });

  const pool = createPool({ module: 'm' });
  pool.call('f', [], { signal, timeoutMs: 1, priority: 3, kwargs: { digits: 2 } });
  pool.call('f', [], { signal: undefined });
  // @ts-expect-error: it is called timeoutMs.
  pool.call('f', [], { timeout: 1 });
  // @ts-expect-error: kwargs belong to one call, and concurrency to map.
  pool.call('f', [], { concurrency: 2 });
  // @ts-expect-error: no such affinity.
  pool.session('ada', { affinity: 'sticky' });
  pool.session('ada', {
    onLost: async (lease, lost) => {
      expectTypeOf(lost.reason).toExtend<string>();
      await lease.call('load');
    },
  });
}

/** The options of a `map` and of a stream, and what a hook is told, have names to be written down by. */
export function named(pool: Pool) {
  const mapped: MapOptions = { concurrency: 2, ordered: false };
  // Whether it keeps going is not said by its type.
  expectTypeOf(pool.map<number>('f', [1], mapped)).toExtend<AsyncIterable<number | MapOutcome<number>>>();
  const streamed: StreamOptions = { highWaterMark: 16, timeoutMs: 1 };
  pool.stream('f', [], streamed);
  const onProgress = ({ done, total, note }: Progress) => void [done, total, note];
  pool.call('f', [], { onProgress });
  expectTypeOf(pool.stats()).toEqualTypeOf<PoolStats>();
  expectTypeOf(pool.workers()).toEqualTypeOf<readonly WorkerStats[]>();
  expectTypeOf<WorkerStats['ping']>().toEqualTypeOf<PingStats | null>();
}

/** What the types of others mention has a name as well. */
export function mentioned(pool: Pool<Api>, lease: Lease<Api>, session: Session<Api>, schema: StandardSchema<number>) {
  const mean = (by: Caller<Api>, options: WithSchema<CallOptions, number>) => by.call('mean', [[1, 2]], options);
  for (const by of [pool, lease, session]) expectTypeOf(mean(by, { schema })).toEqualTypeOf<Promise<number>>();
  const lane: Lane = 'asyncio';
  createPool({ module: 'm', lane });
  const onLost = (_: Lease, lost: { readonly reason: SessionLoss }) => lost.reason;
  pool.session('ada', { onLost });
  expectTypeOf(pool.stats().calls.answered).toEqualTypeOf<PoolStats['calls'][CallOutcome]>();
  const called: CalledFunction<Api['mean']> = pool.py.mean;
  const untyped = (py: Pool['py']): UntypedFunction | undefined => py.mean;
  void [called, untyped];
  expectTypeOf(schema['~standard'].validate(1)).toExtend<SchemaResult<number> | Promise<SchemaResult<number>>>();
  expectTypeOf<ClientContext['held']>().toEqualTypeOf<HeldLease | null>();
  expectTypeOf<CoordinatorContext['granted']>().toEqualTypeOf<readonly Granted[]>();
}

export async function events(pool: Pool) {
  pool.on('worker.dead', ({ worker, exitCode, signal, reason }) => {
    expectTypeOf(worker).toEqualTypeOf<string>();
    expectTypeOf(exitCode).toEqualTypeOf<number | null>();
    expectTypeOf(signal).toEqualTypeOf<string | null>();
    expectTypeOf(reason).toExtend<string>();
  });
  pool.on('boot.failed', ({ error }) => expectTypeOf(error).toEqualTypeOf<Error>());
  pool.on('reload.failed', ({ error }) => expectTypeOf(error).toEqualTypeOf<Error>());
  // @ts-expect-error: no such event.
  pool.on('worker.died', () => {});
  expectTypeOf(pool.stats().workers.idle).toEqualTypeOf<number>();

  await using disposed = pool;
  void disposed;
}

export function errors(error: unknown) {
  if (error instanceof PythonError) {
    expectTypeOf(error.code).toEqualTypeOf<'ERR_PYTHON'>();
    expectTypeOf(error.traceback).toEqualTypeOf<string>();
  } else if (error instanceof PoolError) {
    expectTypeOf(error.code).toExtend<string>();
    // Of what `map` throws.
    expectTypeOf(error.index).toEqualTypeOf<number | undefined>();
  }
}

export function keywords() {
  expectTypeOf(kw({ digits: 2 })).toExtend<Kwargs>();
  expectTypeOf(kw({ digits: 2 }).values.digits).toEqualTypeOf<number>();
  // @ts-expect-error: keyword arguments have names.
  kw(2);
}

/** The charts are typed: an actor of one takes its own events and no others. */
export function charts(worker: Actor<typeof workerMachine>) {
  worker.send({ type: 'lease.released', lease: 1, slot: 0, at: 0 });
  // @ts-expect-error: a lease has an id.
  worker.send({ type: 'lease.released' });
  // @ts-expect-error: no such event.
  worker.send({ type: 'lease.forgotten' });
  expectTypeOf(worker.getSnapshot().context.leases[0]?.lease).toEqualTypeOf<number | undefined>();
  void [clientMachine, coordinatorMachine, supervisorMachine];
}

class NotFoundError extends Error {}
class StockError extends PythonError {}
class NeedsMore extends Error {
  constructor(
    message: string,
    options: object,
    readonly more: number,
  ) {
    super(message, options);
  }
}
export function tiedErrors() {
  createPool({ module: 'math', errors: { NotFound: NotFoundError, 'app.StockError': StockError, Exception: Error } });
  // @ts-expect-error It would be made without its third argument.
  createPool({ module: 'math', errors: { NotFound: NeedsMore } });
  // @ts-expect-error It is no class of errors.
  createPool({ module: 'math', errors: { NotFound: Map } });
}
