import { startLine } from './line.mjs';

/** One call at a time: nothing waits to be sent with another. */
export default {
  name: 'floor: one call at a time',
  async start({ python }) {
    const lines = new Map();
    const lineOf = (name) => {
      if (!lines.has(name)) lines.set(name, startLine({ python, script: './plain.py', name, coalesces: false }));
      return lines.get(name);
    };
    return {
      call: (name, args) => lineOf(name).call(args),
      close: () => Promise.all([...lines.values()].map((line) => line.close())),
    };
  },
};
