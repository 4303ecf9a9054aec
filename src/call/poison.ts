import type { WorkerId } from '../../machines/index.js';
import { LruMap } from '../base/lru-map.js';
import { PoisonError } from '../errors.js';
import type { Runtime } from '../runtime.js';
import type { EncodedRequest } from '../wire/request.js';
import { isLost } from '../wire/rich.js';
import { fingerprint } from './fingerprint.js';

/** A request as it is known here: what is called, and with what. */
interface Suspicious extends EncodedRequest {
  readonly name: string;
}

/** One request that has ended a worker, and has not been answered since. */
interface Suspect {
  readonly chars: number;
  deaths: number;
  /** In which it ran as that ended, the last time. */
  worker?: WorkerId;
  readonly firstAt: number;
  lastAt: number;
  /** Until when it is refused. */
  refusedUntil: number;
}

/**
 * The requests that end their workers. One that has done so `poisonDeaths` times in a row, or in every attempt that its
 * caller allowed, is refused for `poisonMs`; then one is let through to show whether it still does.
 *
 * Nothing is computed for a request as long as none of its function is suspected.
 */
export class Poison {
  /** Requests refused so far. */
  refused = 0;
  readonly #runtime: Runtime;
  /** By the function's name, then by the request's fingerprint. */
  readonly #suspects = new LruMap<Map<string, Suspect>>(FUNCTIONS_MAX);
  /** Until when one of them counts. */
  #until = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** No request has ended its worker lately. */
  get isEmpty(): boolean {
    if (this.#suspects.size === 0) return true;
    if (this.#runtime.clock.now() <= this.#until) return false;
    // They may never be asked for again, by which each would be forgotten.
    this.#suspects.clear();
    return true;
  }

  /** How many requests are refused now. */
  get active(): number {
    if (this.isEmpty) return 0;
    const now = this.#runtime.clock.now();
    let active = 0;
    for (const suspects of this.#suspects.values()) {
      for (const { refusedUntil } of suspects.values()) if (refusedUntil > now) active += 1;
    }
    return active;
  }

  /** Why the request is not to be sent. After the time of its refusal one goes through, and the others wait for it. */
  refusalOf(asked: Suspicious): PoisonError | undefined {
    const suspect = this.#find(asked);
    if (suspect === undefined || suspect.refusedUntil === 0) return undefined;
    const { clock, settings } = this.#runtime;
    const now = clock.now();
    if (suspect.refusedUntil <= now) {
      this.#refuse(suspect, now + settings.poisonMs);
      return undefined;
    }
    this.refused += 1;
    const { deaths, firstAt, refusedUntil } = suspect;
    return new PoisonError({
      call: asked.name,
      deaths,
      sinceMs: Math.round(now - firstAt),
      refusedMs: Math.ceil(refusedUntil - now),
    });
  }

  /** Whether the request is refused by now, asked by one that is under way. */
  refuses(asked: Suspicious): boolean {
    const suspect = this.#find(asked);
    return suspect !== undefined && suspect.refusedUntil > this.#runtime.clock.now();
  }

  /**
   * The request was running when its worker ended. However often it ran there, that is one death.
   *
   * @param isSpent It has ended one in every attempt that its caller allows, and nothing else ran there.
   */
  died(asked: Suspicious, worker: WorkerId, isSpent: boolean): void {
    const { clock, settings } = this.#runtime;
    // What it was asked with nobody can tell any more, where bytes of that were transferred since.
    if (settings.poisonDeaths === 0 || asked.bin.some(isLost)) return;
    const now = clock.now();
    const suspect = this.#find(asked) ?? this.#add(asked, now);
    if (suspect.worker === worker) return;
    suspect.worker = worker;
    suspect.deaths += 1;
    suspect.lastAt = now;
    this.#until = Math.max(this.#until, now + FORGOTTEN_MS);
    if (suspect.deaths < settings.poisonDeaths && !isSpent) return;
    this.#refuse(suspect, now + settings.poisonMs);
    this.#runtime.news.emit('request.poisoned', {
      call: asked.name,
      deaths: suspect.deaths,
      refusedMs: settings.poisonMs,
    });
  }

  /** The request was answered, so that it does not end workers whenever it is started. */
  survived(asked: Suspicious): void {
    const print = this.#printOf(asked);
    if (print !== undefined) this.#remove(asked.name, print);
  }

  #refuse(suspect: Suspect, until: number): void {
    suspect.refusedUntil = until;
    this.#until = Math.max(this.#until, until);
  }

  #find(asked: Suspicious): Suspect | undefined {
    const print = this.#printOf(asked);
    const suspect = print === undefined ? undefined : this.#suspects.get(asked.name)?.get(print);
    if (suspect === undefined || !this.#isForgotten(suspect)) return suspect;
    this.#remove(asked.name, print as string);
    return undefined;
  }

  /** Its fingerprint, if something like it is suspected. */
  #printOf(asked: Suspicious): string | undefined {
    const suspects = this.#suspects.get(asked.name);
    if (suspects === undefined || asked.bin.some(isLost)) return undefined;
    for (const { chars } of suspects.values()) {
      if (chars === asked.keyChars) return fingerprint(asked, BYTES_MAX);
    }
    return undefined;
  }

  #add(asked: Suspicious, now: number): Suspect {
    const suspect: Suspect = { chars: asked.keyChars, deaths: 0, firstAt: now, lastAt: now, refusedUntil: 0 };
    const suspects = this.#suspects.get(asked.name) ?? new Map<string, Suspect>();
    for (const [print, each] of suspects) {
      if (this.#isForgotten(each) || suspects.size === REQUESTS_MAX) suspects.delete(print);
    }
    suspects.set(fingerprint(asked, BYTES_MAX), suspect);
    this.#suspects.set(asked.name, suspects);
    return suspect;
  }

  #isForgotten({ lastAt, refusedUntil }: Suspect): boolean {
    const now = this.#runtime.clock.now();
    return now - lastAt > FORGOTTEN_MS && refusedUntil <= now;
  }

  #remove(name: string, print: string): void {
    const suspects = this.#suspects.get(name);
    suspects?.delete(print);
    if (suspects?.size === 0) this.#suspects.delete(name);
  }
}

/** Of so many functions, so many requests each are remembered. */
const FUNCTIONS_MAX = 100;
const REQUESTS_MAX = 100;
/** A death that long ago counts no more. */
const FORGOTTEN_MS = 10 * 60_000;
/** Of each attachment so many bytes are looked at: a death must not block the loop. */
const BYTES_MAX = 1024 * 1024;
