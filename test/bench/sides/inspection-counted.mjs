/** How often functions run that have to do with inspection, for a call and a lease, while nobody looks: V8 counts. */
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { fileURLToPath } from 'node:url';
import ours from './ours.mjs';

export default {
  async start(options) {
    const session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    const callee = await ours.start(options);
    return {
      run: async ({ params: { calls } }) => {
        const load = async () => {
          for (let n = 0; n < calls; n++) {
            await callee.call('add', [n, 1]);
            // One call after the other has one lease, and no chart has an event of it.
            await callee.release(await callee.lease());
          }
        };
        await load();
        await session.post('Profiler.takePreciseCoverage');
        await load();
        const { result } = await session.post('Profiler.takePreciseCoverage');
        const counts = {};
        let untold = 0;
        for (const { url, functions } of result) {
          if (!/\/(xstate|dist)\//.test(url)) continue;
          const source = readFileSync(fileURLToPath(url), 'utf8');
          for (const { functionName, ranges } of functions) {
            const [{ startOffset, count }] = ranges;
            if (functionName === 'untold') untold += count / calls;
            const file = fileAt(source, startOffset) ?? url;
            if (!/\/inspect[^/]*(\/|\.[jt]s$)/.test(file) && !/inspect/i.test(functionName)) continue;
            if (count > 0) counts[functionName] = (counts[functionName] ?? 0) + count / calls;
          }
        }
        const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
        return { all, untold, ...counts };
      },
      close: callee.close,
    };
  },
};

/** The file that this part of a bundle was: the bundler has named it above. */
function fileAt(source, offset) {
  return [...source.slice(0, offset).matchAll(/^\/\/ ((?:src|machines)\/\S+)$/gm)].at(-1)?.[1];
}
