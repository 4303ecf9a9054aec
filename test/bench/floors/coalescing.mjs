import { startLine } from './line.mjs';

/** Many calls at a time, joined into few writes on both sides, on as many Pythons as there are to be. */
export default manyAtATime('answers joined', './coalescing.py');

/** Many calls at a time, whose requests are joined and answered by that script. */
export function manyAtATime(what, script, looks = false) {
  return {
    name: `floor: many calls at a time, ${what}`,
    async start({ python, workers = 1, name }) {
      const start = () => startLine({ python, script, name, coalesces: true, looks });
      const lines = Array.from({ length: workers }, start);
      let turn = 0;
      return {
        call: (_name, args) => {
          turn = turn + 1 === workers ? 0 : turn + 1;
          return lines[turn].call(args);
        },
        /** For callers that always ask the same Python, so that each has as many calls under way as it should. */
        at: (place) => ({ call: (_name, args) => lines[place % workers].call(args) }),
        close: () => Promise.all(lines.map((line) => line.close())),
      };
    },
  };
}
