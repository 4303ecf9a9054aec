import type { WorkerHand } from './actors/worker.js';
import { type Child, lookAgainAt, type Parent, type Run } from './children.js';
import type { HandleCaller } from './handle.js';

/**
 * The state of one session, as its `onLost` builds it anew. The calls that are held wait for this, and what `onLost`
 * asks for is known as its child: a child that waits for the session in turn would do so for ever.
 */
export class Rebuild implements Parent {
  readonly name = 'onLost';
  readonly isOnLost = true;
  // It outlives the call that it began with, and is no part of where that was made.
  readonly parent = undefined;
  /** The session. */
  readonly caller: HandleCaller;
  /** On which the state is built, and which the session will have met then; `undefined` before there is a lease. */
  worker: WorkerHand | undefined;
  /** Resolves once the pool has ended. */
  readonly poolClosed: Promise<false>;
  isPoolClosed = false;
  #close!: () => void;
  readonly #children = new Set<Child>();
  #isOver = false;

  constructor(caller: HandleCaller) {
    this.caller = caller;
    this.poolClosed = new Promise((resolve) => {
      this.#close = () => resolve(false);
    });
  }

  /** The pool has ended: nothing can be built any more, and whoever is held is held in vain. */
  close(): void {
    this.isPoolClosed = true;
    this.#close();
  }

  /** Nobody waits for `onLost` any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  end(): void {
    this.#isOver = true;
  }

  waitsFor(): readonly Child[] | undefined {
    return this.#isOver ? undefined : [...this.#children];
  }

  refuseIfDeadlocked(): boolean {
    return this.refuseChildren();
  }

  refuseChildren(): boolean {
    if (this.#isOver) return false;
    return [...this.#children].reverse().some((child) => child.refuseIfDeadlocked());
  }

  adopt(child: Child): void {
    this.#children.add(child);
  }

  release(child: Child): void {
    if (this.#children.delete(child) && this.#children.size > 0 && !this.#isOver) lookAgainAt(this);
  }

  onRunEnded(run: Run): void {
    for (const child of this.#children) if (child.parent === run) this.release(child);
  }
}
