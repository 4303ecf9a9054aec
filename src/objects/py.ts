import { soon } from '../time/turn.js';
import type { Kwargs } from '../values/kw.js';
import type { MADE_OF } from './py-function.js';

/** A Python function as TypeScript sees it. */
// biome-ignore lint/suspicious/noExplicitAny: a constraint that every function meets
type AnyFunction = (...args: any[]) => unknown;

/**
 * The pool's functions as methods that return promises. Nested records are modules: `pool.py.stats.mean(...)`. A function
 * of the `Api` that returns a promise or an `AsyncIterable` (a stream) is taken as it is written, overloads and all.
 */
export type PyProxy<Api> = unknown extends Api
  ? { readonly [name: string]: UntypedFunction }
  : {
      readonly [Name in keyof Api]: Api[Name] extends AnyFunction
        ? ReturnType<Api[Name]> extends Promise<unknown> | AsyncIterable<unknown>
          ? Api[Name]
          : CalledFunction<Api[Name]>
        : PyProxy<Api[Name]>;
    };

/** A function that is written as Python has it, and not as it is called. */
export type CalledFunction<Function extends AnyFunction> = (<T = Awaited<ReturnType<Function>>>(
  ...args: [...args: Parameters<Function>, kwargs?: Kwargs]
) => Promise<T>) & { readonly [MADE_OF]?: Awaited<ReturnType<Function>> };

/**
 * An object that stays in Python, as a class with `@expose` makes it. Its methods are called and its attributes read from
 * here; it lives as long as its lease or session, or until it is disposed of.
 */
export interface Handle extends AsyncDisposable {}

/**
 * A function of which nothing is known: its result is awaited, or its items are iterated over. Behind it with a dot stands
 * what it has if it is the key of a module.
 */
export type UntypedFunction = (<T = unknown>(...args: unknown[]) => Promise<T> & AsyncIterable<T>) & {
  readonly [name: string]: UntypedFunction;
};

/**
 * @internal
 *
 * @param owner Whose `py` it is: see {@link referenceOf}.
 */
export function pyProxy<Api>(call: (name: string, args: readonly unknown[]) => PyResult, owner: object): PyProxy<Api> {
  const fenced = (name: string, args: readonly unknown[]) => {
    try {
      return call(name, args);
    } catch (error) {
      return failedResult(error);
    }
  };
  return proxyFor('', fenced, owner) as PyProxy<Api>;
}

/** @internal A function of a `py`, as one that is not called: its name, and whose `py` that is. */
export interface Reference {
  readonly name: string;
  readonly owner: object;
}

/** @internal What a function of a `py` stands for; `undefined` for whatever is none. */
export function referenceOf(value: unknown): Reference | undefined {
  return typeof value === 'function' ? (value as { readonly [REFERENCE]?: Reference })[REFERENCE] : undefined;
}

/**
 * What a call of `pool.py` comes to: a promise of the result, or, for whoever iterates over it, the items of a stream.
 * Which of the two is settled when it is awaited or iterated over, at the latest when this turn ends; a function that is
 * known to be a generator waits for its reader.
 *
 * @internal
 */
export class PyResult implements Promise<unknown>, AsyncIterable<unknown> {
  readonly [Symbol.toStringTag] = 'Promise';
  readonly #ways: PyWays;
  #promise: Promise<unknown> | undefined;
  #items: AsyncIterableIterator<unknown> | undefined;

  constructor(ways: PyWays) {
    this.#ways = ways;
    if (!ways.isStream) soon(() => this.#items ?? this.#call());
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise
  get then(): Promise<unknown>['then'] {
    const promise = this.#call();
    return promise.then.bind(promise);
  }

  get catch(): Promise<unknown>['catch'] {
    const promise = this.#call();
    return promise.catch.bind(promise);
  }

  get finally(): Promise<unknown>['finally'] {
    const promise = this.#call();
    return promise.finally.bind(promise);
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    // Once it was called, it is not called again for whoever comes late.
    this.#items ??= this.#promise === undefined ? this.#ways.stream() : itemsOf(this.#promise);
    return this.#items;
  }

  #call(): Promise<unknown> {
    this.#promise ??= this.#made();
    return this.#promise;
  }

  /** What is thrown at once is told to whoever waits, and not to the microtask. */
  #made(): Promise<unknown> {
    if (this.#items !== undefined) return alreadyRead();
    try {
      return this.#ways.call();
    } catch (error) {
      return Promise.reject(error);
    }
  }
}

/** It was called for its items, and is not called a second time for whoever awaits it then. */
function alreadyRead(): Promise<never> {
  const refused = Promise.reject(
    new TypeError('It was iterated over already, and is not called again: await the result of another call.'),
  );
  // To look whether there is a `then` is not to await it.
  refused.catch(() => {});
  return refused;
}

async function* itemsOf(result: Promise<unknown>): AsyncGenerator<unknown> {
  yield* (await result) as Iterable<unknown>;
}

/**
 * What fails, whichever way it is taken. Made outside of the class: esbuild would rename one that names itself.
 *
 * @internal
 */
export function failedResult(error: unknown): PyResult {
  const fail = () => Promise.reject(error);
  const stream = { next: fail, [Symbol.asyncIterator]: () => stream };
  return new PyResult({ isStream: false, call: fail, stream: () => stream });
}

interface PyWays {
  /** It is a generator, so there is no sense in calling it before it is known who reads. */
  readonly isStream: boolean;
  call(): Promise<unknown>;
  stream(): AsyncIterableIterator<unknown>;
}

function proxyFor(prefix: string, call: (name: string, args: readonly unknown[]) => PyResult, owner: object): unknown {
  const target = (...args: unknown[]) => call(prefix, args);
  const text = () => (prefix === '' ? 'pool.py' : `pool.py.${prefix}`);
  return new Proxy(target, {
    get(_, key) {
      // Awaiting it, printing it or putting it into a text must not become calls of Python.
      if (key === Symbol.toPrimitive || key === 'toString' || key === 'valueOf') return text;
      if (key === REFERENCE && prefix !== '') return { name: prefix, owner } satisfies Reference;
      if (typeof key === 'symbol' || NOT_REMOTE.has(key)) return undefined;
      return proxyFor(prefix === '' ? key : `${prefix}.${key}`, call, owner);
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

/** Asks a function of a `py` what it stands for. No name of Python's, so that it hides none. */
const REFERENCE = Symbol('reference');

/** Names that JavaScript itself asks everything for. */
export const NOT_REMOTE: ReadonlySet<string> = new Set([
  'then',
  'catch',
  'finally',
  'toJSON',
  'constructor',
  'prototype',
]);
