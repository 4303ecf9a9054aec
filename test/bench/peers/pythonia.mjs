import { fileURLToPath } from 'node:url';

export default {
  name: 'pythonia',
  kind: 'python over a process border',
  pipelines: true,
  note: 'a list comes as a reference, and takes a second trip; bytes as base64',
  async start({ python: executable }) {
    process.env.PYTHON_BIN = executable;
    const { python } = await import('pythonia');
    const tasks = await python(fileURLToPath(new URL('../tasks.py', import.meta.url)));
    const call = async (name, args) => {
      const value = await tasks[name](...args);
      return value?.ffid === undefined ? value : value.valueOf();
    };
    return {
      call,
      bytes: async (data) => Buffer.from(await call('give_back_base64', [data.toString('base64')]), 'base64'),
      close: async () => python.exit(),
    };
  },
};
