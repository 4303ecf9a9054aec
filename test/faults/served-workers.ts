import type { Pool } from '../../src/index.js';

/** The workers of a pool that live and have answered a call, by pid. */
export class ServedWorkers {
  readonly #alive = new Set<number>();
  readonly #served: number[] = [];
  readonly #chance: () => number;
  #deaths = 0;

  constructor(pool: Pool<unknown>, chance: () => number) {
    this.#chance = chance;
    pool.on('worker.ready', ({ pid }) => this.#alive.add(pid as number));
    pool.on('worker.dead', ({ pid, reason }) => {
      if (reason !== 'stopped') this.#deaths += 1;
      this.#alive.delete(pid as number);
      this.#forget(pid as number);
    });
  }

  /** How many have died before the pool has ended them. */
  get deaths(): number {
    return this.#deaths;
  }

  note(pid: number): void {
    if (this.#alive.has(pid) && !this.#served.includes(pid)) this.#served.push(pid);
  }

  has(pid: number): boolean {
    return this.#alive.has(pid);
  }

  /** Any of them, which then is none of them before it has answered again. */
  take(): number | undefined {
    const pid = this.#served[Math.floor(this.#chance() * this.#served.length)];
    if (pid !== undefined) this.#forget(pid);
    return pid;
  }

  /** It is about to die: nobody is to meet it again. */
  giveUp(pid: number): void {
    this.#alive.delete(pid);
  }

  #forget(pid: number): void {
    const at = this.#served.indexOf(pid);
    if (at !== -1) this.#served.splice(at, 1);
  }
}

/**
 * Strikes every so many ms at a worker that has served, for as long as the signal does not abort. What comes late is
 * caught up with, as long as it is no more than a few.
 */
export function strikeEvery(
  ms: number,
  workers: ServedWorkers,
  strike: (pid: number) => void,
  signal: AbortSignal,
): void {
  let due = performance.now() + ms;
  const timer = setInterval(
    () => {
      const now = performance.now();
      due = Math.max(due, now - BEHIND_MAX * ms);
      while (due <= now) {
        const pid = workers.take();
        if (pid === undefined) return;
        due += ms;
        strike(pid);
      }
    },
    Math.ceil(ms / 3),
  );
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

const BEHIND_MAX = 4;
