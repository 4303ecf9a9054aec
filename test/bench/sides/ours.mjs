import { fileURLToPath, pathToFileURL } from 'node:url';

/** The library as its users have it: built, by its public names, in plain Node. */
export default {
  name: 'pythonarium',
  async start({ python, workers = 1, library, options }) {
    const { createPool } = await import(library === undefined ? 'pythonarium' : pathToFileURL(library).href);
    const module = fileURLToPath(new URL('../tasks.py', import.meta.url));
    const size = workers;
    const pool = createPool({ module, expose: 'all', python, size, logs: 'events', queueMax: 1_000_000, ...options });
    await pool.ready();
    while (pool.stats().missing > 0) await new Promise((resolve) => pool.once('worker.ready', resolve));
    return {
      // How many calls one worker may have under way: what a floor is given too.
      introduction: { inFlight: 1 + (pool.runtime.settings.prefetchMax ?? 0) },
      call: (name, args) => pool.call(name, args),
      map: (name, items, concurrency) => pool.map(name, items, { concurrency }),
      lease: () => pool.checkout(),
      release: (lease) => lease.checkin(),
      waiting: () => pool.stats().waiting,
      close: () => pool.close(),
    };
  },
};
