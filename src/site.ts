import { LruMap } from './lru-map.js';

/** Where something was asked for. V8 makes text of it only if somebody looks. */
export interface Site {
  readonly stack?: string | undefined;
}

/** @param above The function above which the stack begins. A stack keeps its functions, and all that those know of. */
export function siteAbove(above: (...args: never[]) => unknown): Site {
  const site: Site = {};
  Error.captureStackTrace(site, above);
  return site;
}

/**
 * Where a pool's calls are made, for the stacks of their errors. A stack takes more room than all else that is kept of
 * a call that waits. Where many wait, most were made in a few places, and each of those is kept as text, once.
 */
export class Sites {
  readonly #shared = new LruMap<Site>(SHARED_MAX);

  /** @param waiting How many wait already. */
  above(above: (...args: never[]) => unknown, waiting: number): Site {
    const site = siteAbove(above);
    if (waiting < WAITING_MAX) return site;
    let stack: unknown;
    try {
      stack = site.stack;
    } catch {
      // Whoever has put an `Error.prepareStackTrace` of their own in place has to do with what it throws.
    }
    if (typeof stack !== 'string') return site;
    const shared = this.#shared.get(stack);
    if (shared !== undefined) return shared;
    const kept = { stack };
    this.#shared.set(stack, kept);
    return kept;
  }
}

/** Fewer take no room worth the time of making text of a stack, which is twice that of taking it. */
const WAITING_MAX = 1_000;
const SHARED_MAX = 1_000;
