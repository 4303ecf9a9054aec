import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { jsonValue } from '../sides/loads.mjs';
import { cpuOf, descendants, pssOf } from '../sides/processes.mjs';

export default {
  name: "Python's ProcessPoolExecutor",
  kind: 'Python to Python',
  pipelines: true,
  note: 'no Node: Python asks another Python, and stands for Node in what both sides take',
  async start({ python }) {
    const script = fileURLToPath(new URL('./process-pool-executor.py', import.meta.url));
    const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const answer = async () => {
      const { done, value } = await answers.next();
      if (done) throw new Error('it has ended');
      return JSON.parse(value);
    };
    const sides = () => [[child.pid], descendants(child.pid)];
    return {
      async run({ load, params, warmMs }) {
        const given = load === 'json' ? { ms: params.ms, value: jsonValue(params) } : params;
        child.stdin.write(`${JSON.stringify({ load, params: given, warmMs })}\n`);
        // It is warm.
        await answer();
        const before = sides().map(cpuOf);
        child.stdin.write('\n');
        const figures = await answer();
        const [asker, others] = sides().map((ids, side) => ({ cpuUs: cpuOf(ids) - before[side], pssKb: pssOf(ids) }));
        return {
          ...figures,
          nodeCpuUs: asker.cpuUs / figures.calls,
          othersCpuUs: others.cpuUs / figures.calls,
          nodePssMb: asker.pssKb / 1024,
          othersPssMb: others.pssKb / 1024,
        };
      },
      close: async () => {
        const exit = once(child, 'exit');
        child.stdin.end();
        await exit;
      },
    };
  },
};
