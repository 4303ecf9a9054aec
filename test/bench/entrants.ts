import type { Entrant, Load } from './interleave.js';

/** The sides that most scenarios have. */
export function ours(loads: Entrant['loads'], more: Partial<Entrant> = {}): Entrant {
  return { name: 'pythonarium', file: 'sides/ours.mjs', loads, ...more };
}

/** @param which A file in `floors`. */
export function floor(which: string, loads: Entrant['loads'], more: Partial<Entrant> = {}): Entrant {
  return { name: 'floor', file: `floors/${which}.mjs`, loads, ...more };
}

export const sequential: Load = { load: 'sequential', params: { ms: 600 } };

export function callers(count: number, more: Readonly<Record<string, unknown>> = {}): Load {
  return { load: 'callers', params: { ms: 600, callers: count, ...more } };
}

/** Leases that are taken and given back. V8 has compiled all of one after some 60,000. */
export function leases(clients: number): Load {
  return { load: 'leases', params: { clients, leases: 50_000, warm: { leases: 40_000 } } };
}

/** Many calls that are known beforehand. */
export function mapped(concurrency: number): Load {
  return { load: 'map', params: { ms: 600, concurrency } };
}

/** Twelve thousand rows are a megabyte. Uneven ones have not all the same fields, keyed ones are in an object, and those of a tree in pairs. */
export function json(megabytes: number, shape: 'even' | 'uneven' | 'keyed' | 'tree' = 'even'): Load {
  return { load: 'json', params: { ms: 600, rows: 12_000 * megabytes, shape } };
}

export function bytes(megabytes: number): Load {
  return { load: 'bytes', params: { ms: 600, size: megabytes * 1_000_000 } };
}
