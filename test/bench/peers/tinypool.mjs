import { fileURLToPath } from 'node:url';

export default {
  name: 'tinypool, processes',
  kind: 'Node to Node',
  pipelines: false,
  note: 'processes of Node; no Python',
  async start({ workers = 1 }) {
    const { default: Tinypool } = await import('tinypool');
    const filename = fileURLToPath(new URL('./tasks/node.mjs', import.meta.url));
    const pool = new Tinypool({
      filename,
      runtime: 'child_process',
      minThreads: workers,
      maxThreads: workers,
      serialization: 'advanced',
    });
    return { call: (name, args) => pool.run({ name, args }), close: () => pool.destroy() };
  },
};
