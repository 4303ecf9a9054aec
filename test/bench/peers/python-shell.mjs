import { Transform } from 'node:stream';
import { fileURLToPath } from 'node:url';

export default {
  name: 'python-shell',
  kind: 'python over a process border',
  pipelines: true,
  note: 'mode json with a splitter of our own, and for bytes a second process in mode binary; ids, lengths and the loops in Python by hand',
  async start({ python }) {
    const { PythonShell } = await import('python-shell');
    const script = fileURLToPath(new URL('./python-shell.py', import.meta.url));
    const start = (mode) => new PythonShell(script, { mode, pythonPath: python, args: [mode] }, new Splitter());
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

/** Its own goes through all of a line again for each part of it that comes: 8 ms for a megabyte, and 2 so. */
class Splitter extends Transform {
  #parts = [];

  _transform(chunk, _encoding, done) {
    const lines = chunk.toString().split('\n');
    const rest = lines.pop();
    for (const line of lines) this.push(this.#parts.splice(0).join('') + line);
    this.#parts.push(rest);
    done();
  }
}
