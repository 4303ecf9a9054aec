import { fileURLToPath } from 'node:url';

export default {
  name: 'piscina',
  kind: 'Node to Node',
  pipelines: false,
  note: 'threads of Node; no Python',
  async start({ workers = 1 }) {
    const { Piscina } = await import('piscina');
    const filename = fileURLToPath(new URL('./tasks/node.mjs', import.meta.url));
    const pool = new Piscina({ filename, minThreads: workers, maxThreads: workers });
    return { call: (name, args) => pool.run({ name, args }), close: () => pool.destroy() };
  },
};
