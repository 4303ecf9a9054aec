import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export default {
  name: "Python's ProcessPoolExecutor",
  kind: 'Python to Python',
  pipelines: true,
  note: 'no Node: Python asks another Python',
  async start({ python }) {
    const script = fileURLToPath(new URL('./process-pool-executor.py', import.meta.url));
    const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
      async run(request) {
        child.stdin.write(`${JSON.stringify(request)}\n`);
        const { done, value } = await answers.next();
        if (done) throw new Error('it has ended');
        return JSON.parse(value);
      },
      close: async () => {
        const exit = once(child, 'exit');
        child.stdin.end();
        await exit;
      },
    };
  },
};
