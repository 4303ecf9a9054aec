import type { Runtime } from '../runtime.js';
import { Trial } from './trial.js';
import type { WorkerHand } from './worker-hand.js';

/**
 * Workers with the modules as they are now: a trial shows whether such would come up, and those that were started before it
 * are to be replaced then. One trial after the other.
 */
export class Renewal {
  readonly #runtime: Runtime;
  #trial: Trial | undefined;
  /** Resolves when nothing is left of the trials that were asked for. */
  #over: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * Resolves with those that were started before a trial that has come up. Rejects with what it failed by, or as the pool ends.
   *
   * @param onTrial Given the trial as it begins.
   */
  async tried(onTrial?: (trial: Trial) => void): Promise<readonly WorkerHand[]> {
    const runtime = this.#runtime;
    const before = this.#over;
    let isOver!: () => void;
    this.#over = new Promise((resolve) => {
      isOver = resolve;
    });
    await before;
    if (this.#isClosed) {
      isOver();
      throw runtime.refusal('closed');
    }
    // Those that come later have read the files as they are now.
    const stale = [...runtime.hands.values()];
    runtime.templates?.renew();
    this.#trial = new Trial(runtime);
    void this.#trial.gone.then(isOver);
    onTrial?.(this.#trial);
    const failure = await this.#trial.outcome;
    runtime.templates?.renewed(failure === undefined);
    if (this.#isClosed) throw runtime.refusal('closed');
    if (failure !== undefined) throw failure;
    return stale;
  }

  /**
   * Replaces all workers, one after the other, each once another is up. Resolves when none of them takes a lease any more, and
   * another does. Rejects as {@link tried} does, and then all stay.
   */
  async inTurn(): Promise<void> {
    const runtime = this.#runtime;
    let stale: readonly WorkerHand[];
    try {
      stale = await this.tried();
    } catch (error) {
      if (!this.#isClosed) runtime.news.emit('reload.failed', { files: [], error: error as Error });
      throw error;
    }
    // It has all that a worker has, such as a model, and there is to be one more at a time.
    await this.#trial?.gone;
    if (this.#isClosed) throw runtime.refusal('closed');
    const replaced = stale.filter((hand) => hand.life.replace('in-turn'));
    runtime.startWaiting();
    const areGone = () => {
      if (this.#isClosed) return Promise.reject(runtime.refusal('closed'));
      // They may have died before their turn came, and then those that follow may not be up yet.
      const isSomebodyUp = [...runtime.hands.values()].some((hand) => hand.life.boot.isUp && isToStay(hand));
      return replaced.some(isToStay) || !isSomebodyUp ? undefined : Promise.resolve();
    };
    await runtime.changed(areGone).outcome;
    runtime.news.emit('pool.reloaded', { files: [], workers: replaced.map(({ name }) => name) });
  }

  /** Tries no more, and leaves nothing behind once this has resolved. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#trial?.end();
    await this.#trial?.gone;
  }
}

/** It has not been told that it is to go. */
function isToStay({ isRetired, state }: WorkerHand): boolean {
  return !isRetired && state !== 'ending' && state !== 'dead';
}
