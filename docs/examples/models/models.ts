// An adapter around models that live in Python. The rest of the program sees models with names, and arrays; nothing of
// sessions and workers. What a model was made of and fit to is kept here, so that a worker may die.
import {
  type CallOptions,
  createPool,
  type Lease,
  type NdArray,
  type Pool,
  type PoolOptions,
  PythonError,
  type Session,
  type SessionOptions,
} from 'pythonarium';
import type { Recipe } from './models.py.js';

export type { Dataset, Recipe } from './models.py.js';

/** The functions of `models.py`, as `pythonarium types models.py` declares them. */
type ModelsPy = typeof import('./models.py.js');

/** The model was not fit yet, or its fit was lost with a worker. */
export class NotFittedError extends PythonError {}

export class NoSuchModelError extends PythonError {}

/** One pool serves the models of all owners. */
export function createModelsPool(options: Omit<PoolOptions, 'module' | 'expose' | 'errors'> = {}): Pool<ModelsPy> {
  return createPool<ModelsPy>({
    // The pool has a worker for each core; numpy's own threads would only be in each other's way.
    env: { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
    ...options,
    module: new URL('models.py', import.meta.url),
    errors: { 'sklearn.exceptions.NotFittedError': NotFittedError, NoSuchModel: NoSuchModelError },
  });
}

export interface ModelsOptions {
  /** Whether what a model was fit to is kept, to fit it anew when its worker dies. Default: true. */
  readonly keepData?: boolean;
  readonly ttlMs?: number;
  /** Told what was lost and is made anew by the next call. */
  readonly onLost?: (lost: Lost) => void;
}

export interface Lost {
  readonly reason: Parameters<NonNullable<SessionOptions['onLost']>>[1]['reason'];
  /** Models that are fit anew, to what they were fit to before. */
  readonly fitAnew: readonly string[];
  /** Models that are there, and have to be fit by whoever has their data. */
  readonly unfitted: readonly string[];
}

/** How a model is judged. */
export interface CrossValidateOptions extends CallOptions {
  /** Default: 5. */
  readonly folds?: number;
}

/** The models of one owner. Make one object for an owner: it remembers what to make anew. */
export class Models implements AsyncDisposable {
  readonly #pool: Pool<ModelsPy>;
  readonly #session: Session<ModelsPy>;
  readonly #keepData: boolean;
  readonly #onLost: ((lost: Lost) => void) | undefined;
  /** What has been acknowledged. Python's state is a cache of this. */
  readonly #models = new Map<string, Model>();
  /** Models with a change that nobody has seen the end of. */
  readonly #doubtful = new Set<string>();

  constructor(pool: Pool<ModelsPy>, owner: string, { keepData = true, ttlMs, onLost }: ModelsOptions = {}) {
    this.#pool = pool;
    this.#keepData = keepData;
    this.#onLost = onLost;
    this.#session = pool.session(owner, { ttlMs, onLost: (lease, { reason }) => this.#makeAnew(lease, reason) });
  }

  /** Makes a model that is yet to be fit, in place of any other of that name. */
  async create(name: string, recipe: Recipe, options: CallOptions = {}): Promise<void> {
    await this.#change(name, this.#session.with(options).py.put(name, recipe), { recipe });
  }

  /**
   * Fits a model to `features`, a row for each sample, and `target`. The arrays are kept to fit it anew, and must not
   * change. A fit that fails leaves the model as it was, and so does one that is given up (unfitted without `keepData`).
   *
   * Rejects with NoSuchModelError.
   */
  async fit(name: string, features: NdArray, target: NdArray, options: CallOptions = {}): Promise<void> {
    const py = await this.#settled(name, options);
    const recipe = this.#models.get(name)?.recipe;
    const data = this.#keepData ? { features, target } : undefined;
    await this.#change(name, py.fit(name, features, target), recipe && { recipe, data });
  }

  /**
   * The prediction for each row of `features`: the labels that the target had, or quantities.
   *
   * Rejects with NotFittedError or NoSuchModelError, as `probabilities` and `score` do.
   */
  async predict(name: string, features: NdArray, options: CallOptions = {}): Promise<NdArray> {
    return (await this.#settled(name, options)).predict(name, features);
  }

  /** How probable each class is, a row for each row of `features`. */
  async probabilities(name: string, features: NdArray, options: CallOptions = {}): Promise<NdArray<Float64Array>> {
    const py = await this.#settled(name, options);
    return py.probabilities(name, features) as Promise<NdArray<Float64Array>>;
  }

  /** The accuracy of a classifier, R² of a regressor. */
  async score(name: string, features: NdArray, target: NdArray, options: CallOptions = {}): Promise<number> {
    return (await this.#settled(name, options)).score(name, features, target);
  }

  /**
   * The score on each fold of a model that was fit to the others, none of which is kept. `onProgress` is told of each
   * fold. It runs on any worker, so that the owner's other calls go on meanwhile.
   */
  async crossValidate(
    recipe: Recipe,
    features: NdArray,
    target: NdArray,
    { folds = 5, ...options }: CrossValidateOptions = {},
  ): Promise<Float64Array> {
    const scores = await this.#pool.with(options).py.cross_validate(recipe, features, target, folds);
    return (scores as NdArray<Float64Array>).data;
  }

  async list(options: CallOptions = {}): Promise<string[]> {
    for (const name of this.#doubtful) await this.#settled(name, options);
    return this.#session.with(options).py.list();
  }

  /** @returns Whether there was one. */
  async delete(name: string, options: CallOptions = {}): Promise<boolean> {
    const py = await this.#settled(name, options);
    return this.#change(name, py.delete(name), undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.end();
    this.#models.clear();
    this.#doubtful.clear();
  }

  /** What Python raised has changed nothing. After any other failure, a timeout say, all may have been done. */
  async #change<T>(name: string, call: Promise<T>, model: Model | undefined): Promise<T> {
    try {
      const result = await call;
      if (model === undefined) this.#models.delete(name);
      else this.#models.set(name, model);
      this.#doubtful.delete(name);
      return result;
    } catch (error) {
      if (!(error instanceof PythonError)) this.#doubtful.add(name);
      throw error;
    }
  }

  /** Python, with the model as it was before a change that was given up: that one counts as not done. */
  async #settled(name: string, options: CallOptions): Promise<Session<ModelsPy>['py']> {
    const session = this.#session.with(options);
    if (this.#doubtful.has(name)) {
      const model = this.#models.get(name);
      await (model === undefined ? session.py.delete(name) : session.call('put', putting(name, model)));
      this.#doubtful.delete(name);
    }
    return session.py;
  }

  /** The worker that had the models is gone, or has let them go. `lease` is on the one that gets them now. */
  async #makeAnew(lease: Lease, reason: Lost['reason']): Promise<void> {
    this.#doubtful.clear();
    const models = [...this.#models];
    const names = (isFit: boolean) =>
      models.filter(([, { data }]) => (data !== undefined) === isFit).map(([name]) => name);
    this.#onLost?.({ reason, fitAnew: names(true), unfitted: names(false) });
    for (const [name, model] of models) await lease.call('put', putting(name, model));
  }
}

interface Model {
  readonly recipe: Recipe;
  readonly data?: { readonly features: NdArray; readonly target: NdArray } | undefined;
}

function putting(name: string, { recipe, data }: Model): unknown[] {
  return data === undefined ? [name, recipe] : [name, recipe, data.features, data.target];
}
