import { fileURLToPath } from 'node:url';

export default {
  name: 'workerpool, processes',
  kind: 'Node to Node',
  pipelines: false,
  note: 'processes of Node; no Python',
  async start({ workers = 1 }) {
    const { default: workerpool } = await import('workerpool');
    const script = fileURLToPath(new URL('./tasks/workerpool.mjs', import.meta.url));
    const pool = workerpool.pool(script, {
      workerType: 'process',
      minWorkers: workers,
      maxWorkers: workers,
      forkOpts: { serialization: 'advanced' },
    });
    return { call: (name, args) => pool.exec(name, args), close: () => pool.terminate(true) };
  },
};
