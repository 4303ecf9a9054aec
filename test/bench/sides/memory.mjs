import { spawn } from 'node:child_process';
import { once } from 'node:events';
import ours from './ours.mjs';
import { pssOf } from './processes.mjs';

/** A worker next to a bare Python with the same imports, and what each further worker leaves on Node's heap. */
export default {
  async start(options) {
    return {
      run: async ({ params: { imports, workers } }) => {
        const one = await started({ ...options, workers: 1 });
        // Both live at once, so that both share as much of Python with the other.
        const bare = spawn(options.python, ['-I', '-c', `import ${imports}\nprint('.', flush=True)\ninput()`], {
          stdio: ['pipe', 'pipe', 'inherit'],
          detached: true,
        });
        await once(bare.stdout, 'data');
        const workerMb = pssOf([await one.call('pid', [])]) / 1024;
        const bareMb = pssOf([bare.pid]) / 1024;
        const [nodeMb, heapOfOne] = [pssOf([process.pid]) / 1024, heapKb()];
        bare.kill('SIGKILL');
        const more = await started({ ...options, workers });
        const heapKbPerWorker = (heapKb() - heapOfOne) / workers;
        await Promise.all([one.close(), more.close()]);
        return { workerMb, bareMb, addsMb: workerMb - bareMb, nodeMb, heapKbPerWorker };
      },
      close: async () => {},
    };
  },
};

async function started(options) {
  const callee = await ours.start(options);
  // Every worker has served, so that what is made at the first call is there.
  await Promise.all(Array.from({ length: 20 * options.workers }, () => callee.call('add', [1, 2])));
  return callee;
}

function heapKb() {
  for (let time = 0; time < 3; time++) globalThis.gc();
  return process.memoryUsage().heapUsed / 1024;
}
