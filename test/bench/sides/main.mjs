/**
 * One side of a bench, in a process of its own: starts what the file in its arguments offers, runs the loads that its
 * parent sends, and answers each with its figures and with what it cost both sides.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { LOADS } from './loads.mjs';
import { cpuOf, cpuOfEnded, descendants, pssOf } from './processes.mjs';

const WARM_CALLS = 20_000;
const WARM_RUNS = 5;
const WARM_MS_MAX = 10_000;

const [, , file, options] = process.argv;
process.on('disconnect', () => process.exit(1));
const tell = (message) => new Promise((resolve) => process.send(message, resolve));

try {
  const side = (await import(pathToFileURL(file).href)).default;
  const callee = await side.start(JSON.parse(options));
  await tell({ started: callee.introduction ?? {} });
  process.on('message', async (message) => {
    try {
      if (message.close) {
        await callee.close();
        await tell({ closed: true });
        process.exit(0);
      }
      await tell({ figures: await measured(callee, message) });
    } catch (error) {
      await tell({ error: error.stack });
      process.exit(1);
    }
  });
} catch (error) {
  await tell({ error: error.stack });
  process.exit(1);
}

async function measured(callee, { load, params, warmMs }) {
  // A reference that is no program of Node runs the load itself.
  if (callee.run !== undefined) return callee.run({ load, params, warmMs });
  const run = (more) => LOADS[load](callee, { ...params, ...more });
  // Before the warm-up: V8 forgets some of what it has optimised with each full collection.
  globalThis.gc?.();
  // So many calls, since figures of a program that has just started are those of a compiler at work.
  // In several runs: where a load begins and ends V8 meets what it has not seen, and takes back what it had optimised.
  let seenKb = 0;
  for (let time = 0; warmMs > 0 && time < WARM_RUNS; time++) {
    // What is started for a call has ended when the load has. To look takes a while, which does not count here.
    const looking = sleep(warmMs / WARM_RUNS / 2).then(() => {
      seenKb = Math.max(seenKb, pssOf(descendants()));
    });
    const warming = run({
      ms: warmMs / WARM_RUNS,
      callsMin: WARM_CALLS / WARM_RUNS,
      msMax: WARM_MS_MAX / WARM_RUNS,
      ...params.warm,
    });
    await Promise.all([warming, looking]);
  }
  const [before, ended, own] = [cpuOf(descendants()), cpuOfEnded(), process.cpuUsage()];
  const figures = await run({});
  const { user, system } = process.cpuUsage(own);
  // Those that live now: one that was started meanwhile counts with all of its time.
  const children = descendants();
  const othersUs = cpuOf(children) - before + cpuOfEnded() - ended;
  return {
    ...figures,
    nodeCpuUs: (user + system) / figures.calls,
    othersCpuUs: othersUs / figures.calls,
    nodePssMb: pssOf([process.pid]) / 1024,
    othersPssMb: Math.max(seenKb, pssOf(children)) / 1024,
  };
}
