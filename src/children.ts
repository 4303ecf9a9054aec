import { AsyncLocalStorage } from 'node:async_hooks';
import type { Call } from './call.js';
import { DeadlockError } from './errors.js';

/** Somebody who waits for a worker on behalf of a call that Python runs: a call made in a function that Python called. */
export interface Child {
  /** As the error names it. */
  readonly name: string;
  readonly parent: Call | undefined;
  /** Whose end, of any of them, lets it go on; empty or undefined if it goes on by itself. */
  waitsFor(): readonly (Child | undefined)[] | undefined;
}

/** The call whose function, or iterable, runs here because Python has asked for it. */
export function parentCall(): Call | undefined {
  return running.getStore();
}

/** Runs something that lives longer than the call in whose function it happens to begin, and is no child of it. */
export function outside<T>(run: () => T): T {
  return running.exit(run);
}

/** Runs something that Python has asked for in the name of `call`: what it asks of a pool is known as the call's child. */
export function runFor<T>(call: Call, run: () => T): T {
  return running.run(call, run);
}

/**
 * The error for a child that would wait for ever: whoever holds a slot that could serve it waits, in a function that
 * Python called, for such a child in turn. Undefined if one of them may go on.
 */
export function deadlockOf(child: Child): DeadlockError | undefined {
  if (child.parent === undefined || !isStuck(child, new Set())) return undefined;
  const chain: string[] = [];
  for (let each: Child | undefined = child; each !== undefined; each = each.parent) chain.unshift(each.name);
  return new DeadlockError({ chain, slots: child.waitsFor()?.length ?? 0 });
}

/** @param seen Those that wait for it: one that waits for one of them waits for itself. */
function isStuck(child: Child | undefined, seen: Set<Child>): boolean {
  if (child === undefined) return false;
  if (seen.has(child)) return true;
  seen.add(child);
  const others = child.waitsFor() ?? [];
  return others.length > 0 && others.every((other) => isStuck(other, seen));
}

const running = new AsyncLocalStorage<Call>();
