// The same interface on pythonarium: the manager only says who gets which worker, and the caller does the rest.
import { fileURLToPath } from 'node:url';
import { createPool } from 'pythonarium';
import type { Backend, BackendOptions } from './backend.js';

export function startLeased({ module, size, timeoutMs }: BackendOptions): Backend {
  const pool = createPool({
    module: fileURLToPath(new URL('after_worker.py', import.meta.url)),
    setup: { name: 'load', args: [module] },
    size,
    timeoutMs,
    logs: 'events',
  });
  return {
    execute: (session, command, args = [], options = {}) =>
      session === null
        ? pool.call('execute_alone', [command, args], options)
        : pool.session(session).call('execute', [command, args], options),
    close: () => pool.close(),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}
