import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import ours from './ours.mjs';
import { descendants, pssOf } from './processes.mjs';

/** A worker next to a bare Python with the same imports, how often an idle pool wakes up, and what each further worker leaves on Node's heap. */
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
        bare.kill('SIGKILL');
        await once(bare, 'close');
        const [nodeMb, heapOfOne] = [pssOf([process.pid]) / 1024, heapKb()];
        // Whoever has served goes to sleep only now.
        await sleep(SETTLE_MS);
        // The worker, and whoever sees to it that nothing outlives Node.
        const others = descendants();
        const othersMb = pssOf(others) / 1024;
        const before = [wakeUps([process.pid]), wakeUps(others)];
        await sleep(IDLE_MS);
        // Looking is one wake-up of Node itself: of this very timer.
        const wakes = { nodeWakes: wakeUps([process.pid]) - before[0] - 1, othersWakes: wakeUps(others) - before[1] };
        const more = await started({ ...options, workers });
        const heapKbPerWorker = (heapKb() - heapOfOne) / workers;
        await Promise.all([one.close(), more.close()]);
        return { workerMb, bareMb, addsMb: workerMb - bareMb, nodeMb, othersMb, heapKbPerWorker, ...wakes };
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

/** How often threads of these processes have gone to sleep: each time, something had woken them. */
function wakeUps(ids) {
  const threads = ids.flatMap((id) => readdirSync(`/proc/${id}/task`).map((thread) => `/proc/${id}/task/${thread}`));
  return threads.reduce((sum, thread) => {
    const status = readFileSync(`${thread}/status`, 'utf8');
    return sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)[1]);
  }, 0);
}

const SETTLE_MS = 200;
const IDLE_MS = 2_000;
