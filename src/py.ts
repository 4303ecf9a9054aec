import type { Kwargs } from './kw.js';

/** A Python function as TypeScript sees it. */
// biome-ignore lint/suspicious/noExplicitAny: a constraint that every function meets
type AnyFunction = (...args: any[]) => unknown;

/** The pool's functions as methods that return promises. Nested records are modules: `pool.py.stats.mean(...)`. */
export type PyProxy<Api> = unknown extends Api
  ? { readonly [name: string]: UntypedFunction }
  : {
      readonly [Name in keyof Api]: Api[Name] extends AnyFunction
        ? <T = Awaited<ReturnType<Api[Name]>>>(...args: [...args: Parameters<Api[Name]>, kwargs?: Kwargs]) => Promise<T>
        : PyProxy<Api[Name]>;
    };

type UntypedFunction = (<T = unknown>(...args: unknown[]) => Promise<T>) & { readonly [name: string]: UntypedFunction };

/** @internal */
export function pyProxy<Api>(call: (name: string, args: readonly unknown[]) => Promise<unknown>): PyProxy<Api> {
  return proxyFor('', call) as PyProxy<Api>;
}

function proxyFor(prefix: string, call: (name: string, args: readonly unknown[]) => Promise<unknown>): unknown {
  const target = (...args: unknown[]) => call(prefix, args);
  const text = () => (prefix === '' ? 'pool.py' : `pool.py.${prefix}`);
  return new Proxy(target, {
    get(_, key) {
      // Awaiting it, printing it or putting it into a text must not become calls of Python.
      if (key === Symbol.toPrimitive || key === 'toString' || key === 'valueOf') return text;
      if (typeof key === 'symbol' || NOT_REMOTE.has(key)) return undefined;
      return proxyFor(prefix === '' ? key : `${prefix}.${key}`, call);
    },
    has: (_, key) => typeof key === 'string' && !NOT_REMOTE.has(key),
    apply(_, __, args: unknown[]) {
      if (prefix === '') throw new TypeError('pool.py is no function: call one of its methods, as in pool.py.mean()');
      return call(prefix, args);
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  });
}

const NOT_REMOTE: ReadonlySet<string> = new Set(['then', 'catch', 'finally', 'toJSON', 'constructor', 'prototype']);
