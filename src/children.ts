import { AsyncLocalStorage } from 'node:async_hooks';
import type { Call } from './call.js';
import { DeadlockError } from './errors.js';
import type { Exchange } from './exchange.js';

/** Somebody who waits for a worker on behalf of a call that Python runs: a call made in a function that Python called. */
export interface Child {
  /** As the error names it. */
  readonly name: string;
  readonly parent: Call | undefined;
  /** It waits for a worker, or for nothing but children that do. */
  readonly isStuck: boolean;
}

/** The call whose function, or iterable, runs here because Python has asked for it. */
export function parentCall(): Call | undefined {
  return running.getStore();
}

/** Runs something that Python has asked for in the name of `call`: what it asks of a pool is known as the call's child. */
export function runFor<T>(call: Call, run: () => T): T {
  return running.run(call, run);
}

/**
 * The error for a child that would wait for ever: every slot that could serve it is held by a call that itself waits,
 * in a function that Python called, for such a child. Undefined if one of them may come free.
 */
export function deadlockOf(child: Child, holders: readonly Exchange[] | undefined): DeadlockError | undefined {
  if (child.parent === undefined || holders === undefined) return undefined;
  if (!holders.every(({ call }) => call?.isStuck)) return undefined;
  const chain: string[] = [];
  for (let each: Child | undefined = child; each !== undefined; each = each.parent) chain.unshift(each.name);
  return new DeadlockError({ chain, slots: holders.length });
}

const running = new AsyncLocalStorage<Call>();
