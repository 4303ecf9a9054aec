import { fileURLToPath } from 'node:url';
import { LruMap } from '../base/lru-map.js';
import { type Failure, headOf } from '../base/stack.js';

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

/** The frames of a site, a line each: from whoever asked, without our own between there and where it was noted. */
export function framesOf(site: Site): string {
  const [, ...frames] = textOf(site)?.split(FRAME) ?? [];
  const first = frames.findIndex((frame) => !OURS.some((part) => frame.includes(part)));
  return frames
    .slice(Math.max(0, first))
    .map((frame) => `${FRAME}${frame}`)
    .join('');
}

/**
 * Gives an error that came from elsewhere the frames of the call it belongs
 * to, so that its stack says which call failed and not how its answer was read.
 */
export function showCaller(error: Failure, site: Site): void {
  try {
    error.stack = `${headOf(error)}${framesOf(site)}`;
  } catch {
    // Somebody has frozen it: it stays as it is.
  }
}

/** Whoever has put an `Error.prepareStackTrace` of their own in place may make of a stack what they like, or throw. */
function textOf(site: Site): string | undefined {
  try {
    return typeof site.stack === 'string' ? site.stack : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Where a pool's calls are made, for the stacks of their errors. Taking a stack costs as much as a call: of more than a
 * thousand calls a second only the first know their callers, and as long as that goes on, a hundred. And a stack takes more
 * room than all else that is kept of a call that waits. Where many wait, most were made in a few places, and each of those is
 * kept as text, once.
 */
export class Sites {
  readonly #shared = new LruMap<Site>(SHARED_MAX);
  #since = Number.NEGATIVE_INFINITY;
  #asked = 0;
  #takenMax = TAKEN_MAX;

  /**
   * @param waiting How many wait already.
   * @param now The moment it is, in ms.
   */
  above(above: (...args: never[]) => unknown, waiting: number, now: number): Site {
    const ago = now - this.#since;
    if (ago >= 1_000) {
      this.#takenMax = ago < 2_000 && this.#asked > TAKEN_MAX ? TAKEN_MAX_BUSY : TAKEN_MAX;
      this.#since = now;
      this.#asked = 0;
    }
    this.#asked += 1;
    if (this.#asked > this.#takenMax) return UNTOLD;
    const site = siteAbove(above);
    if (waiting < WAITING_MAX) return site;
    const stack = textOf(site);
    if (stack === undefined) return site;
    const shared = this.#shared.get(stack);
    if (shared !== undefined) return shared;
    const kept = { stack };
    this.#shared.set(stack, kept);
    return kept;
  }
}

/** Of each second. */
const TAKEN_MAX = 1_000;
/** Behind one with more calls than that. Else every fiftieth of 50,000 calls a second took twice as long as the others. */
const TAKEN_MAX_BUSY = 100;
const UNTOLD: Site = Object.freeze({
  stack: `Error\n    at <not known: more than 1,000 calls were made in a second>`,
});
/** Fewer take no room worth the time of making text of a stack, which is twice that of taking it. */
const WAITING_MAX = 1_000;
const SHARED_MAX = 1_000;

const FRAME = '\n    at ';
/**
 * How the frames of our own files begin, as V8 names them and as a source map does, and what of V8 calls back: in the
 * folder where it is developed, and in the files that the package is built into. None where somebody has bundled all
 * into one file: the callers are in that too.
 *
 * @param url Of the file that has this very function.
 */
export function oursIn(url: string): readonly string[] {
  const folder = /^(.*\/src\/)(?:call\/site|pythonarium-\w+)\.[jt]s$/.exec(url)?.[1];
  return folder === undefined ? [] : [folder, fileURLToPath(folder), '(<anonymous>)'];
}

const OURS = oursIn(import.meta.url);
