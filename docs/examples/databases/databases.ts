// An adapter: a typed module around state that lives in Python. The rest of the program sees databases with names, and
// nothing of pools, sessions and workers. A worker may die: what it kept is built anew on another one.
import {
  type CallOptions,
  createPool,
  type Lease,
  type Pool,
  type PoolOptions,
  PythonError,
  type Session,
} from 'pythonarium';

/** The functions of `databases.py`. */
interface DatabasesPy {
  create(name: string, script: string): null;
  call(name: string, statement: string, values: Values): Result;
  list(): string[];
  delete(name: string): boolean;
  dump(name: string): string | null;
}

/** The values for the `?` of a statement, or for its `:names`. */
export type Values = readonly unknown[] | Readonly<Record<string, unknown>>;

export interface Result<Row = Record<string, unknown>> {
  readonly rows: Row[];
  /** How many rows were inserted, updated or deleted. */
  readonly changed: number;
}

/** One pool serves the databases of all owners. */
export function createDatabasesPool(options: Omit<PoolOptions, 'module' | 'expose'> = {}): Pool<DatabasesPy> {
  return createPool<DatabasesPy>({ ...options, module: new URL('databases.py', import.meta.url) });
}

/** The databases of one owner. Make one object for an owner: it remembers what to build anew. */
export class Databases implements AsyncDisposable {
  readonly #session: Session<DatabasesPy>;
  /** For each database, what has been done to it. Python's state is a cache of this. */
  readonly #journal = new Map<string, Step[]>();
  /** Databases with a call that nobody has seen the end of: Python alone knows what they hold. */
  readonly #doubtful = new Set<string>();

  constructor(pool: Pool<DatabasesPy>, owner: string, { ttlMs }: { ttlMs?: number } = {}) {
    this.#session = pool.session(owner, { ttlMs, onLost: (lease) => this.#rebuild(lease) });
  }

  /** Makes a database and runs `script` in it. Rejects with `ERR_PYTHON` if there is one of that name. */
  async create(name: string, script = ''): Promise<void> {
    await this.#watched(name, this.#session.py.create(name, script));
    this.#journal.set(name, [{ script }]);
    this.#doubtful.delete(name);
  }

  /**
   * Runs one statement, as one transaction. A call that rejects with `ERR_WORKER_DIED` has left nothing behind, whether
   * it had started or not, and may be repeated: the database is built anew without it.
   */
  async call<Row = Record<string, unknown>>(
    name: string,
    statement: string,
    values: Values = [],
    options: CallOptions = {},
  ): Promise<Result<Row>> {
    if (this.#doubtful.has(name)) await this.checkpoint(name);
    const call = this.#session.call<Result<Row>>('call', [name, statement, values], options);
    const result = await this.#watched(name, call);
    if (!/^\s*select\b/i.test(statement)) this.#journal.get(name)?.push({ statement, values });
    return result;
  }

  list(): Promise<string[]> {
    return this.#session.py.list();
  }

  /** @returns Whether there was one. */
  async delete(name: string): Promise<boolean> {
    const wasThere = await this.#watched(name, this.#session.py.delete(name));
    this.#journal.delete(name);
    this.#doubtful.delete(name);
    return wasThere;
  }

  /** Remembers the database as it is in place of every statement that led to it. */
  async checkpoint(name: string): Promise<void> {
    const script = await this.#session.py.dump(name);
    if (script === null) this.#journal.delete(name);
    else this.#journal.set(name, [{ script }]);
    this.#doubtful.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.end();
    this.#journal.clear();
    this.#doubtful.clear();
  }

  /** What Python raised has left nothing behind. After any other failure, a timeout say, it may have done it all. */
  async #watched<T>(name: string, call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (!(error instanceof PythonError)) this.#doubtful.add(name);
      throw error;
    }
  }

  /** The worker that had the databases is gone, or has let them go. `lease` is on the one that gets them now. */
  async #rebuild(lease: Lease): Promise<void> {
    for (const [name, steps] of this.#journal) {
      for (const step of steps) {
        if ('script' in step) await lease.call('create', [name, step.script]);
        else await lease.call('call', [name, step.statement, step.values]);
      }
    }
  }
}

type Step = { readonly script: string } | { readonly statement: string; readonly values: Values };
