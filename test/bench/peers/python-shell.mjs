import { fileURLToPath } from 'node:url';

export default {
  name: 'python-shell',
  kind: 'python over a process border',
  pipelines: true,
  note: 'mode json; ids and the loop in Python by hand; bytes as base64',
  async start({ python }) {
    const { PythonShell } = await import('python-shell');
    const shell = new PythonShell(fileURLToPath(new URL('./python-shell.py', import.meta.url)), {
      mode: 'json',
      pythonPath: python,
    });
    const pending = new Map();
    let ids = 0;
    shell.on('message', ({ id, value }) => {
      pending.get(id)(value);
      pending.delete(id);
    });
    const call = (name, args) =>
      new Promise((resolve) => {
        ids += 1;
        pending.set(ids, resolve);
        shell.send({ id: ids, name, args });
      });
    return {
      call,
      bytes: async (data) => Buffer.from(await call('give_back_base64', [data.toString('base64')]), 'base64'),
      close: () => new Promise((resolve) => shell.end(resolve)),
    };
  },
};
