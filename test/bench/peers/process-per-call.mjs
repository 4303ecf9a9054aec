import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export default {
  name: 'a process per call',
  kind: 'python over a process border',
  pipelines: false,
  note: 'python3 -I started for each call',
  async start({ python }) {
    const script = fileURLToPath(new URL('./process-per-call.py', import.meta.url));
    const ask = (input, encoding, ...args) =>
      new Promise((resolve, reject) => {
        const child = execFile(python, ['-I', script, ...args], { maxBuffer: 2 ** 28, encoding }, (error, stdout) => {
          if (error) reject(error);
          else resolve(stdout);
        });
        child.stdin.end(input);
      });
    return {
      call: async (name, args) => JSON.parse(await ask(JSON.stringify([name, args]), 'utf8')),
      bytes: (data) => ask(data, 'buffer', 'give_back'),
      close: async () => {},
    };
  },
};
