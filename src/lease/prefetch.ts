import type { Call } from '../call/call.js';
import type { PoolSettings } from '../options.js';
import { lengthOf } from '../wire/value.js';

/**
 * Which calls may stand in a worker's pipe behind others: those of functions that were short lately, and that say
 * nothing but their answer. Python says how long those ran that were not. Where it cannot, or where reading takes a
 * while too, it is also measured from one answer to the next, in which what holds up Node is as well.
 */
export class Prefetch {
  /** As `PoolStats` has them. */
  readonly counts = { ahead: 0, overruns: 0, moved: 0 };
  /** False where a worker cannot be told, before it comes to a call, that nobody waits for it. */
  isPossible: boolean;
  readonly #belowMs: number;
  readonly #lastTicket: () => number;
  /** The last ticket that had been given away when a call of a function that was short was too long: who asked later knew of that. */
  #newsAt = 0;
  /** By function. */
  readonly #recent = new Map<string, Recent>();

  /** @param lastTicket The last that was given away. */
  constructor({ prefetchMax, prefetchBelowMs }: PoolSettings, lastTicket: () => number) {
    this.isPossible = prefetchMax > 0 && prefetchBelowMs > 0;
    this.#belowMs = prefetchBelowMs;
    this.#lastTicket = lastTicket;
  }

  /** Whether that call may wait behind others, and others behind it. */
  isShort(call: Call): boolean {
    // One that was made in a function of another waits for a worker that runs on, and not behind that very call.
    if (!this.isPossible || !call.isPlain || call.parent !== undefined) return false;
    // What the kernel does not take at once is read from where it is, when Python comes to it: it may be transferred by then.
    if (call.bin.length > 0 && !isSmall(call)) return false;
    return this.#recent.get(call.name)?.isShort ?? false;
  }

  /** A call that was short when it asked, by that ticket, is not any more. */
  isLongSince(call: Call, ticket: number): boolean {
    return ticket <= this.#newsAt && !this.isShort(call);
  }

  /** From when on Python says how long a call took, in microseconds; `undefined` where nobody wants to know. */
  get shortUs(): number | undefined {
    return this.isPossible ? Math.max(1, Math.round(1_000 * this.#belowMs)) : undefined;
  }

  /**
   * A call was answered after `ms`.
   *
   * @param tookMs By Python's clock: 0 for a short one, `undefined` where it does not say.
   * @param isFollowed Another waited behind it.
   */
  ran(call: Call, ms: number, tookMs: number | undefined, isFollowed: boolean): void {
    if (!this.isPossible) return;
    const isOver = this.#isOver(call, ms, tookMs);
    if (isOver && isFollowed) this.counts.overruns += 1;
    const recent = this.#recentOf(call);
    if (isOver && recent.isShort) this.#newsAt = this.#lastTicket();
    recent.add(isOver);
  }

  #isOver(call: Call, ms: number, tookMs: number | undefined): boolean {
    if (tookMs !== undefined && tookMs >= this.#belowMs) return true;
    // Of a short one Python tells the time if its answer is large.
    const isAllThereIs = tookMs === 0 && isSmall(call);
    return ms >= this.#belowMs && !isAllThereIs;
  }

  /** A call was killed since it did not end. */
  hung(call: Call, isFollowed: boolean): void {
    if (call.isPlain) this.ran(call, Number.POSITIVE_INFINITY, undefined, isFollowed);
  }

  /** A call ended its worker, or broke the line, and what Python began behind it is lost too. */
  broke(call: Call): void {
    if (!this.isPossible || !call.isPlain) return;
    this.#newsAt = this.#lastTicket();
    this.#recentOf(call).broke();
  }

  #recentOf(call: Call): Recent {
    let recent = this.#recent.get(call.name);
    if (recent === undefined) {
      if (this.#recent.size === FUNCTIONS_MAX) this.#recent.delete(this.#recent.keys().next().value as string);
      recent = new Recent();
      this.#recent.set(call.name, recent);
    }
    return recent;
  }
}

/** To read a large request takes a while too, of which Python says nothing. */
function isSmall(call: Call): boolean {
  return lengthOf(call) <= SMALL_BYTES;
}

/** Which of the last runs of one function were too long. */
class Recent {
  readonly #over = new Uint8Array(RUNS);
  #runs = 0;
  #overs = 0;
  /** So many runs more, and what broke is forgotten. */
  #wary = 0;

  /** Of a hundred runs one at the most was too long, of fewer none. */
  get isShort(): boolean {
    return this.#wary === 0 && this.#runs >= RUNS_MIN && this.#overs <= (this.#runs < RUNS ? 0 : RUNS / 100);
  }

  add(isOver: boolean): void {
    const at = this.#runs % RUNS;
    this.#overs += Number(isOver) - (this.#over[at] as number);
    this.#over[at] = Number(isOver);
    this.#runs += 1;
    if (this.#wary > 0) this.#wary -= 1;
  }

  broke(): void {
    this.#wary = WARY_RUNS;
  }
}

/** About one read. Of larger answers Python says how long they took. */
const SMALL_BYTES = 65_536;
/** A percentile of so many is known. */
const RUNS = 100;
/** And so many say something of it. */
const RUNS_MIN = 20;
/** One that ended its worker takes others with it, which is worse than to hold them up. */
const WARY_RUNS = 1_000;
/** Of so many functions it is remembered. */
const FUNCTIONS_MAX = 1_000;
