import { fileURLToPath } from 'node:url';

export default {
  name: 'node-calls-python',
  kind: 'python inside of Node',
  pipelines: false,
  note: 'Python in the process of Node: a crash ends both, and there is one lock for all',
  async start() {
    const { interpreter } = await import('node-calls-python');
    const tasks = interpreter.importSync(fileURLToPath(new URL('../tasks.py', import.meta.url)));
    const call = (name, args) => interpreter.call(tasks, name, ...args);
    return {
      call,
      bytes: async (data) => Buffer.from(await call('give_back', [data])),
      close: async () => {},
    };
  },
};
