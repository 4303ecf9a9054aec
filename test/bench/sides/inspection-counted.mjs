/** How often functions run that have to do with inspection, for each call, while nobody looks: V8 counts. */
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
        for (let n = 0; n < calls; n++) await callee.call('add', [n, 1]);
        await session.post('Profiler.takePreciseCoverage');
        for (let n = 0; n < calls; n++) await callee.call('add', [n, 1]);
        const { result } = await session.post('Profiler.takePreciseCoverage');
        const counts = {};
        for (const { url, functions } of result) {
          if (!/\/(xstate|dist)\//.test(url)) continue;
          const source = readFileSync(fileURLToPath(url), 'utf8');
          for (const { functionName, ranges } of functions) {
            const file = fileAt(source, ranges[0].startOffset) ?? url;
            if (!/\/inspect[^/]*(\/|\.[jt]s$)/.test(file) && !/inspect/i.test(functionName)) continue;
            const count = ranges[0].count / calls;
            if (count >= 0.5) counts[functionName] = (counts[functionName] ?? 0) + count;
          }
        }
        const perCall = Object.values(counts).reduce((sum, count) => sum + count, 0);
        return { perCall, ...counts };
      },
      close: callee.close,
    };
  },
};

/** The file that this part of a bundle was: the bundler has named it above. */
function fileAt(source, offset) {
  return [...source.slice(0, offset).matchAll(/^\/\/ ((?:src|machines)\/\S+)$/gm)].at(-1)?.[1];
}
