import type { Assigner, Assignment } from './table.js';

/** What an assignment makes of a context. */
export function changesOf(assignment: Assignment): Assigner<object> {
  return typeof assignment === 'function' ? changeAtOnce(assignment) : changeEach(assignment);
}

function changeAtOnce(assigner: Assigner<object>): Assigner<object> {
  return (args, params) => {
    const change = assigner(args, params);
    return { ...args.context, ...change };
  };
}

/** All see the context as it was before. */
function changeEach(assignment: Record<string, unknown>): Assigner<object> {
  const keys = Object.keys(assignment);
  const valueAt = (key: string, args: Parameters<Assigner<object>>[0], params: unknown) => {
    const value = assignment[key];
    return typeof value === 'function' ? value(args, params) : value;
  };
  const [only] = keys;
  if (keys.length === 1 && only !== undefined) {
    return (args, params) => {
      const value = valueAt(only, args, params);
      const next: Record<string, unknown> = { ...args.context };
      next[only] = value;
      return next;
    };
  }
  return (args, params) => {
    const values = keys.map((key) => valueAt(key, args, params));
    const next: Record<string, unknown> = { ...args.context };
    for (const [index, key] of keys.entries()) next[key] = values[index];
    return next;
  };
}
