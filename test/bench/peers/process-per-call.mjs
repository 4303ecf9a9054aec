import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export default {
  name: 'a process per call',
  kind: 'python over a process border',
  pipelines: false,
  note: 'python3 -I started for each call; bytes as base64',
  async start({ python }) {
    const script = fileURLToPath(new URL('./process-per-call.py', import.meta.url));
    const call = (name, args) =>
      new Promise((resolve, reject) => {
        const child = execFile(python, ['-I', script], { maxBuffer: 2 ** 28 }, (error, stdout) => {
          if (error) reject(error);
          else resolve(JSON.parse(stdout));
        });
        child.stdin.end(JSON.stringify([name, args]));
      });
    return {
      call,
      bytes: async (data) => Buffer.from(await call('give_back_base64', [data.toString('base64')]), 'base64'),
      close: async () => {},
    };
  },
};
