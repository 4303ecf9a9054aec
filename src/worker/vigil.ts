import type { PoolClock } from '../time/clock.js';
import { isLimit } from '../time/limit.js';

/** How long a call may run; what is absent is no limit. */
export interface RunLimits {
  /** It is said that it runs longer. */
  readonly softLimitMs: number | undefined;
  /** It is ended. */
  readonly hardLimitMs: number | undefined;
  /** It is ended when it gives no sign of progress for so long. */
  readonly heartbeatTimeoutMs: number | undefined;
}

/** What a vigil tells, and asks. */
export interface Watched {
  readonly onSlow: (ranMs: number) => void;
  /** @param limitMs The limit that it ran over. */
  readonly onHung: (by: 'hard-limit' | 'heartbeat', ranMs: number, limitMs: number) => void;
  /** It is not its own doing that it says nothing: it waits for Node. */
  readonly isExcused: () => boolean;
}

/** Watches one call from the moment when Python has come to it. */
export class Vigil {
  readonly #clock: PoolClock;
  readonly #watched: Watched;
  readonly #since: number;
  #beatAt: number;
  readonly #soft: unknown;
  readonly #hard: unknown;
  #heart: unknown;

  constructor(clock: PoolClock, limits: RunLimits, watched: Watched) {
    this.#clock = clock;
    this.#watched = watched;
    this.#since = clock.now();
    this.#beatAt = this.#since;
    const { softLimitMs, hardLimitMs, heartbeatTimeoutMs } = limits;
    if (isLimit(softLimitMs)) {
      this.#soft = clock.setTimeout(() => watched.onSlow(this.#ranMs(softLimitMs)), softLimitMs);
    }
    if (isLimit(hardLimitMs)) this.#hard = clock.setTimeout(() => this.#hung('hard-limit', hardLimitMs), hardLimitMs);
    if (isLimit(heartbeatTimeoutMs)) this.#listen(heartbeatTimeoutMs, heartbeatTimeoutMs);
  }

  /** Something was said about the call, by either side: its silence begins anew. */
  beat(): void {
    if (this.#heart !== undefined) this.#beatAt = this.#clock.now();
  }

  end(): void {
    for (const timer of [this.#soft, this.#hard, this.#heart]) {
      if (timer !== undefined) this.#clock.clearTimeout(timer);
    }
  }

  /** A timer of Node may ring a part of a millisecond early, and nobody ran over a limit in less than that. */
  #ranMs(limitMs: number): number {
    return Math.max(limitMs, Math.round(this.#clock.now() - this.#since));
  }

  #listen(timeoutMs: number, leftMs: number): void {
    this.#heart = this.#clock.setTimeout(() => {
      if (this.#watched.isExcused()) this.beat();
      const silentMs = this.#clock.now() - this.#beatAt;
      if (silentMs >= timeoutMs) this.#hung('heartbeat', timeoutMs);
      else this.#listen(timeoutMs, timeoutMs - silentMs);
    }, leftMs);
  }

  #hung(by: 'hard-limit' | 'heartbeat', limitMs: number): void {
    this.end();
    this.#watched.onHung(by, this.#ranMs(limitMs), limitMs);
  }
}

/** True if there is anything to watch. */
export function hasLimit({ softLimitMs, hardLimitMs, heartbeatTimeoutMs }: RunLimits): boolean {
  return isLimit(softLimitMs) || isLimit(hardLimitMs) || isLimit(heartbeatTimeoutMs);
}
