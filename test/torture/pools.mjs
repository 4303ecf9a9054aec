/**
 * The pools that are compared, each behind the same few words, with one slot. A pool of resources has `acquire`,
 * `release` of what was acquired and `close`; a pool of workers has `run` of a task by name and `close`.
 */
import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

export const RESOURCES = {
  tarn: async ({ create, isAlive, timeoutMs }) => {
    const { Pool } = await import('tarn');
    const options = { create, validate: isAlive, destroy: () => {}, min: 0, max: 1, acquireTimeoutMillis: timeoutMs };
    const pool = new Pool(options);
    return {
      acquire: async () => {
        const resource = await pool.acquire().promise;
        return { resource, release: () => pool.release(resource) };
      },
      close: () => pool.destroy(),
    };
  },

  'generic-pool': async ({ create, isAlive, timeoutMs }) => {
    const { createPool } = (await import('generic-pool')).default;
    const factory = { create, destroy: async () => {}, validate: async (resource) => isAlive(resource) };
    const pool = createPool(factory, { min: 0, max: 1, testOnBorrow: true, acquireTimeoutMillis: timeoutMs });
    return {
      acquire: async () => {
        const resource = await pool.acquire();
        return { resource, release: () => pool.release(resource) };
      },
      close: async () => {
        await pool.drain();
        await pool.clear();
      },
    };
  },

  'lightning-pool': async ({ create, isAlive, timeoutMs }) => {
    const { createPool } = await import('lightning-pool');
    const validate = async (resource) => {
      if (!isAlive(resource)) throw new Error('dead');
    };
    const options = { min: 0, max: 1, acquireTimeoutMillis: timeoutMs, validation: true, acquireMaxRetries: 0 };
    const pool = createPool({ create, destroy: async () => {}, validate }, options);
    pool.on('error', () => {});
    return {
      acquire: async () => {
        const resource = await pool.acquire();
        return { resource, release: () => pool.release(resource) };
      },
      close: () => pool.close(),
    };
  },

  effect: async ({ create, timeoutMs }) => {
    const { Effect, Exit, Pool, Scope } = await import('effect');
    const outer = await Effect.runPromise(Scope.make());
    const acquire = Effect.tryPromise({ try: create, catch: (error) => error });
    const inScope = (effect, scope) => Effect.runPromise(Effect.provideService(effect, Scope.Scope, scope));
    const pool = await inScope(Pool.make({ acquire, size: 1 }), outer);
    return {
      acquire: async () => {
        const scope = await Effect.runPromise(Scope.make());
        const resource = await inScope(Pool.get(pool).pipe(Effect.timeout(timeoutMs)), scope);
        return { resource, release: () => Effect.runPromise(Scope.close(scope, Exit.void)) };
      },
      close: () => Effect.runPromise(Scope.close(outer, Exit.void)),
    };
  },

  /** Its resources are Python workers: `create` decides what module they load, and a dead one has been killed. */
  pythonarium: async ({ module, timeoutMs }) => {
    const { createPool } = await import('../../dist/src/index.js');
    const pool = createPool({ module, size: 1, logs: 'events' });
    // A Python takes longer to start than what the others pool.
    await pool.ready().catch(() => {});
    return {
      acquire: async () => {
        const lease = await pool.checkout({ timeoutMs });
        return { resource: await lease.call('identity'), release: () => lease.checkin() };
      },
      close: () => pool.close(),
    };
  },
};

export const WORKERS = {
  piscina: async (file) => {
    const { Piscina } = await import('piscina');
    const pool = new Piscina({ filename: here(`${file}.mjs`), minThreads: 1, maxThreads: 1 });
    pool.on('error', () => {});
    return {
      run: (name, ms) => pool.run(null, { name, signal: ms && AbortSignal.timeout(ms) }),
      close: () => pool.destroy(),
    };
  },
  'tinypool, threads': (file) => tinypool(file, 'worker_threads'),
  'tinypool, processes': (file) => tinypool(file, 'child_process'),
  'workerpool, threads': (file) => workerpool(file, 'thread'),
  'workerpool, processes': (file) => workerpool(file, 'process'),
  pythonarium: async (file) => {
    const { createPool } = await import('../../dist/src/index.js');
    const pool = createPool({ module: here(`${file}.py`), size: 1, logs: 'events' });
    return { run: (name, timeoutMs) => pool.call(name, [], { timeoutMs }), close: () => pool.destroy() };
  },
};

async function tinypool(file, runtime) {
  const { default: Tinypool } = await import('tinypool');
  const pool = new Tinypool({ filename: here(`${file}.mjs`), runtime, minThreads: 1, maxThreads: 1 });
  return {
    run: (name, ms) => pool.run(null, { name, signal: ms && AbortSignal.timeout(ms) }),
    close: () => pool.destroy(),
  };
}

async function workerpool(file, workerType) {
  const { default: module } = await import('workerpool');
  const pool = module.pool(here(`${file}-workerpool.mjs`), { workerType, minWorkers: 1, maxWorkers: 1 });
  const run = (name, ms) => (ms ? pool.exec(name, []).timeout(ms) : pool.exec(name, []));
  return { run, close: () => pool.terminate(true) };
}
