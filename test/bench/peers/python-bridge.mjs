import { fileURLToPath } from 'node:url';

export default {
  name: 'python-bridge',
  kind: 'python over a process border',
  pipelines: false,
  note: 'one call at a time, whoever else waits; arguments and results as source text; bytes as base64',
  async start({ python: executable }) {
    const { default: pythonBridge } = await import('python-bridge');
    const python = pythonBridge({ python: executable });
    const folder = fileURLToPath(new URL('..', import.meta.url));
    await python.ex`import sys`;
    await python.ex`sys.path.insert(0, ${folder})`;
    await python.ex`import tasks`;
    const call = (name, args) => {
      switch (name) {
        case 'add':
          return python`tasks.add(${args[0]}, ${args[1]})`;
        case 'give_back':
          return python`tasks.give_back(${args[0]})`;
        case 'give_back_base64':
          return python`tasks.give_back_base64(${args[0]})`;
      }
    };
    return {
      call,
      bytes: async (data) => Buffer.from(await call('give_back_base64', [data.toString('base64')]), 'base64'),
      close: () => python.end(),
    };
  },
};
