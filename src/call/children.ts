import { AsyncLocalStorage } from 'node:async_hooks';
import { DeadlockError } from '../errors.js';
import { nextTurn } from '../time/turn.js';
import type { WorkerHand } from '../worker/worker-hand.js';

/** Somebody who waits on behalf of a call that Python runs, such as a call made in a function that Python called. */
export interface Child {
  /** As the error names it. */
  readonly name: string;
  /** In which it was made. */
  readonly parent: Run | undefined;
  /** True of what `onLost` does: there is more to say of whoever waits for that than which slots are held. */
  readonly isOnLost?: boolean;
  /** True: it goes on once all of those have ended that it waits for. */
  readonly waitsForAll?: boolean;
  /** The queue that it waits in: all who wait in one wait for the same. Absent for what waits for something of its own. */
  readonly queue?: object | undefined;
  /** Whose end, of any of them, lets it go on; empty or undefined if it goes on by itself. */
  waitsFor(): readonly (Child | undefined)[] | undefined;
  /** Tells it that it would wait for ever; absent for what is made in no function. False: it is not to be told. */
  refuse?(error: DeadlockError): boolean;
}

/** Somebody in whose functions others are asked for, and who waits for these: a call, or a session's `onLost`. */
export interface Parent extends Child {
  /** The worker of which it has a slot. */
  readonly worker: WorkerHand | undefined;
  /** No other call of that worker goes on, or will where it next waits. */
  readonly blocks?: boolean;
}

/** One run of a function, or of an iterable, that Python has asked for in the name of a call; or of an `onLost`. */
export class Run {
  readonly call: Parent;
  readonly #isGivenUp: () => boolean;
  #hasEnded = false;

  /** @param isGivenUp Whether nobody waits any more for what it comes to. */
  constructor(call: Parent, isGivenUp: () => boolean) {
    this.call = call;
    this.#isGivenUp = isGivenUp;
  }

  /** It keeps nobody waiting: whatever it has left behind may take its time. */
  get isOver(): boolean {
    return this.#hasEnded || this.#isGivenUp();
  }

  /** That one was asked for in it, and the call waits for it. */
  adopt(child: Child): void {
    const children = asked.get(this.call);
    if (children === undefined) asked.set(this.call, new Set([child]));
    else children.add(child);
  }

  /** That one is not waited for any more: those who are left may wait for ever from now on. */
  release(child: Child): void {
    const children = asked.get(this.call);
    if (!children?.delete(child)) return;
    if (children.size === 0) asked.delete(this.call);
    else lookAgain();
  }

  /** What `run` comes to. What it asks of a pool before it has ended is known as the call's child. */
  of<T>(run: () => T): Promise<Awaited<T>> {
    return running.run(this, async (): Promise<Awaited<T>> => {
      try {
        // In here: a call by `py` is made as it is awaited.
        return await run();
      } finally {
        this.#hasEnded = true;
        for (const child of asked.get(this.call) ?? []) if (child.parent === this) this.release(child);
      }
    });
  }
}

/** What runs here because Python has asked for it, and waits for it; or since a session waits for it. */
export function parentRun(): Run | undefined {
  const run = running.getStore();
  return run === undefined || run.isOver ? undefined : run;
}

/** The one that waits for what runs there; undefined once that is over. */
export function callOf(run: Run | undefined): Parent | undefined {
  return run === undefined || run.isOver ? undefined : run.call;
}

/** The nearest of those in whose functions something was made, in that run, for which `isIt` is true. */
export function callAbove(parent: Run | undefined, isIt: (call: Parent) => boolean | undefined): Parent | undefined {
  for (let run = parent; run !== undefined; run = run.call.parent) if (isIt(run.call)) return run.call;
  return undefined;
}

/** That call goes on only once the child has ended, which was made in a function of it, or further below. */
export function isBelow(child: Pick<Child, 'parent'>, call: Parent): boolean {
  for (let above = parentOf(child); above !== undefined; above = parentOf(above)) if (above === call) return true;
  return false;
}

/** Those asked for in the functions of a call that it waits for, and not settled, the newest last. */
export function childrenOf(call: Parent): Child[] {
  return [...(asked.get(call) ?? [])].filter((child) => parentOf(child) === call);
}

/** Runs something that lives longer than the call in whose function it happens to begin, and is no child of it. */
export function outside<T>(run: () => T): T {
  return running.run(undefined, run);
}

/** To be called as somebody begins to wait: refuses it if that would be for ever. False: it was not refused. */
export function refuseIfDeadlocked(child: Child | undefined): boolean {
  const error = child && deadlockOf(child);
  return (error && child?.refuse?.(error)) ?? false;
}

/**
 * To be called as those who wait in functions already may wait for ever from now on: a lease has ended whose slot nobody
 * gets, a worker is gone, no more are to come, or somebody on whom they counted has ended, or waits as well. They are looked
 * at once the turn is over, when the functions have gone on. Of those of one call the newest is refused, and it goes on then.
 */
export function lookAgain(): void {
  // Most of the time nobody waits in a function.
  if (isLookAhead || asked.size === 0) return;
  isLookAhead = true;
  nextTurn(() => {
    isLookAhead = false;
    const free = new Set<object>();
    for (const call of [...asked.keys()].toReversed()) {
      if (isStuck(call, new Set(), free) && childrenOf(call).toReversed().some(refuseIfDeadlocked)) free.add(call);
    }
  });
}

/**
 * The error for a child that would wait for ever: whoever holds a slot that could serve it waits, in a function that
 * Python called, for such a child in turn. Undefined if one of them may go on.
 *
 * @param behind What it would wait for, where it does not wait yet.
 */
export function deadlockOf(child: Child, behind?: readonly (Child | undefined)[]): DeadlockError | undefined {
  // Most have none, and nobody has to look at what they wait for.
  if (parentOf(child) === undefined) return undefined;
  const waited = behind ?? child.waitsFor() ?? [];
  if (!areStuck(waited, new Set([child]), new Set(), child.waitsForAll)) return undefined;
  const chain: Child[] = [];
  for (let each: Child | undefined = child; each !== undefined; each = parentOf(each)) chain.unshift(each);
  return new DeadlockError({
    chain: chain.map(({ name }) => name),
    // One that waits for all of them waits for the end of calls, and for no slot.
    slots: child.waitsForAll ? undefined : waited.length,
    isOnLost: waited.some((each) => each?.isOnLost && chain.includes(each)),
  });
}

/**
 * `work`, which comes to its end only after some calls have; unless it is waited for in a function that one of them waits for.
 * Then it rejects with a DeadlockError, and the work goes on unwatched.
 *
 * @param waitsFor Those calls, at this moment.
 */
export function unlessDeadlocked<T>(
  work: Promise<T>,
  name: string,
  waitsFor: () => readonly (Child | undefined)[],
): Promise<T> {
  const parent = parentRun();
  if (parent === undefined) return work;
  const waited = new Promise<T>((resolve, reject) => {
    const wait: Child = {
      name,
      parent,
      waitsForAll: true,
      waitsFor,
      refuse(error) {
        parent.release(wait);
        reject(error);
        return true;
      },
    };
    parent.adopt(wait);
    work.finally(() => parent.release(wait)).then(resolve, reject);
  });
  // A function that has returned once the turn is over did not wait for it; one that has more to do may not, either.
  lookAgain();
  waited.catch(() => {});
  return waited;
}

/** Who waits for it. */
function parentOf({ parent }: Pick<Child, 'parent'>): Parent | undefined {
  return callOf(parent);
}

/**
 * @param seen Those that wait for it: one that waits for one of them waits for itself. And the queues that they wait in.
 * @param free Those that go on, whoever waits for them, and such queues: nobody is looked at again and again.
 */
function isStuck(child: Child | undefined, seen: Set<object>, free: Set<object>): boolean {
  if (child === undefined || free.has(child)) return false;
  if (seen.has(child)) return true;
  seen.add(child);
  const { queue = child } = child;
  if (queue !== child) {
    // A thousand may wait there, each for the calls of the others: one by one would take long, and be too deep for the stack.
    if (free.has(queue)) return false;
    if (seen.has(queue)) return true;
    seen.add(queue);
  }
  const isIt = areStuck(child.waitsFor() ?? [], seen, free, child.waitsForAll);
  if (!isIt) free.add(child).add(queue);
  return isIt;
}

/** @param isForAll One of them keeps waiting who waits for them, and not only all. */
function areStuck(
  waited: readonly (Child | undefined)[],
  seen: Set<object>,
  free: Set<object>,
  isForAll = false,
): boolean {
  // The last first, of whom it is most likely that they go on, which is all there is to know then.
  if (!isForAll) return waited.length > 0 && waited.findLastIndex((each) => !isStuck(each, seen, free)) === -1;
  return waited.some((each) => {
    // What was seen below one that goes on need not be stuck.
    const below = new Set(seen);
    if (!isStuck(each, below, free)) return false;
    for (const one of below) seen.add(one);
    return true;
  });
}

const running = new AsyncLocalStorage<Run | undefined>();
/** Who is asked for in functions, by the call that waits for them. */
const asked = new Map<Parent, Set<Child>>();
let isLookAhead = false;
