import { startLine } from './line.mjs';

/** One call at a time, with the checks of keys and numbers that our codec makes, on both sides. */
export default {
  name: 'floor: with our checks',
  async start({ python, name }) {
    const line = startLine({ python, script: './checked.py', name, coalesces: false, check });
    return { call: (_name, args) => line.call(args), close: line.close };
  },
};

function check(value) {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (!isFaithful(value)) throw new Error('this number would arrive as another');
      return;
    case 'object':
      if (value === null) return;
      if (Array.isArray(value)) {
        if (Object.getPrototypeOf(value) !== Array.prototype) throw new Error('this is no plain array');
        for (let index = 0; index < value.length; index++) check(value[index]);
        return;
      }
      if (Object.getPrototypeOf(value) !== Object.prototype || Object.getOwnPropertySymbols(value).length > 0) {
        throw new Error('this is no plain object');
      }
      for (const key of Object.keys(value)) check(value[key]);
      return;
    default:
      throw new Error(`a ${typeof value} cannot cross`);
  }
}

function isFaithful(value) {
  if (Number.isSafeInteger(value)) return !Object.is(value, -0);
  return Number.isFinite(value) && (!Number.isInteger(value) || Math.abs(value) >= 1e21);
}
