import type { Standing } from '../call/asking.js';
import { type Child, childrenOf, type Parent } from '../call/children.js';
import type { Hold } from '../lease/hold.js';
import type { WorkerHand } from '../worker/worker-hand.js';

/**
 * The state of one session, as its `onLost` builds it anew. The calls that are held wait for this, and what `onLost`
 * asks for is known as its child: a child that waits for the session in turn, or for the worker of its lease, would do
 * so for ever.
 */
export class Rebuild implements Parent {
  readonly name = 'onLost';
  readonly isOnLost = true;
  // It outlives the call that it began with, and is no part of where that was made.
  readonly parent = undefined;
  /** Where whoever asks for its lease stands. */
  readonly standing: Standing;
  /** On which the state is built, and which the session will have met then; `undefined` before there is a lease. */
  worker: WorkerHand | undefined;
  /** The lease that goes back with what `onLost` has left there, once that is over. */
  hold: Hold | undefined;
  /** Resolves once the pool has ended: nothing can be built any more, and whoever is held is held in vain. */
  readonly poolClosed: Promise<false>;
  /** Tells that. */
  close!: () => void;
  isSettled = false;

  constructor(standing: Standing) {
    this.standing = standing;
    this.poolClosed = new Promise((resolve) => {
      this.close = () => resolve(false);
    });
  }

  waitsFor(): readonly (Child | undefined)[] {
    return this.isSettled ? [this.hold?.exchange.keeper] : childrenOf(this);
  }
}
