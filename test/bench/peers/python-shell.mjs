import { fileURLToPath } from 'node:url';

export default {
  name: 'python-shell',
  kind: 'python over a process border',
  pipelines: true,
  note: 'mode json, and for bytes a second process in mode binary; ids, lengths and the loops in Python by hand',
  async start({ python }) {
    const { PythonShell } = await import('python-shell');
    const script = fileURLToPath(new URL('./python-shell.py', import.meta.url));
    const start = (mode) => new PythonShell(script, { mode, pythonPath: python, args: [mode] });
    const end = (shell) => new Promise((resolve) => shell.end(resolve));
    const shell = start('json');
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
    let raw;
    return {
      call,
      bytes: (data) => {
        raw ??= start('binary');
        const head = Buffer.alloc(8);
        head.writeBigUInt64LE(BigInt(data.length));
        raw.send(head).send(data);
        const back = Buffer.allocUnsafeSlow(data.length);
        let filled = 0;
        return new Promise((resolve) => {
          const take = (chunk) => {
            filled += chunk.copy(back, filled);
            if (filled < back.length) return;
            raw.stdout.off('data', take);
            resolve(back);
          };
          raw.stdout.on('data', take);
        });
      },
      close: () => Promise.all([shell, raw].filter(Boolean).map(end)),
    };
  },
};
