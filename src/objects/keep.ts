import { AsyncResource } from 'node:async_hooks';
import type { Pipe } from '../call/pipe.js';
import { FunctionReleasedError, OptionError } from '../errors.js';
import { encodeKeptDrop } from '../wire/message.js';
import { type HandleOwner, isMember } from './handle.js';

/** A function that Python may call after the call that it was given to, as {@link keep} makes it. */
export type KeptFunction<F extends AnyFunction = AnyFunction> = F &
  Disposable & {
    /** Lets Python call it no more, wherever it was sent. Safe to repeat. */
    release(): void;
  };

/**
 * A function that stays valid in Python when the call that it was given to is over: until `release()` (or `using`), or
 * until the lease or the session ends by which it was sent. Python may keep it, and call it in any later call of the
 * same lease or session. By a plain `pool.call` it is a function for that call alone.
 *
 * @returns A function that does what `fn` does. The same one is the same object in Python each time that it is sent by
 * one lease or session.
 * @throws OptionError (`ERR_OPTION`) for what is no function.
 */
export function keep<F extends AnyFunction>(fn: F): KeptFunction<F> {
  if (typeof fn !== 'function' || isMember(fn)) {
    throw new OptionError({ option: 'keep()', expected: 'a function', got: fn });
  }
  const kept = new Kept(fn as unknown as (...args: unknown[]) => unknown);
  const release = () => kept.release();
  const face = (...args: unknown[]) => kept.call(args);
  KEPT.set(face, kept);
  return Object.assign(face, { release, [Symbol.dispose]: release }) as unknown as KeptFunction<F>;
}

// biome-ignore lint/suspicious/noExplicitAny: a constraint that every function meets
type AnyFunction = (...args: any[]) => unknown;

/** What is known of one kept function. */
export class Kept {
  /** By which Python knows it, in whatever worker. */
  readonly number: number;
  /** In which Python's calls of it run: that in which it was kept. */
  readonly scope = new AsyncResource('pythonarium');
  readonly #fn: (...args: unknown[]) => unknown;
  readonly #places = new Map<KeptFunctions, Set<HandleOwner>>();
  #isReleased = false;

  constructor(fn: (...args: unknown[]) => unknown) {
    lastNumber += 1;
    this.number = lastNumber;
    this.#fn = fn;
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  /** @throws FunctionReleasedError (`ERR_FUNCTION_RELEASED`). */
  call(args: readonly unknown[]): unknown {
    if (this.#isReleased) throw new FunctionReleasedError();
    return this.#fn(...args);
  }

  release(): void {
    this.#isReleased = true;
    for (const [place, owners] of this.#places) place.release(this, owners);
    this.#places.clear();
  }

  cameTo(place: KeptFunctions, owner: HandleOwner): void {
    const owners = this.#places.get(place) ?? new Set();
    this.#places.set(place, owners.add(owner));
  }

  left(place: KeptFunctions, owner: HandleOwner): void {
    const owners = this.#places.get(place);
    owners?.delete(owner);
    if (owners?.size === 0) this.#places.delete(place);
  }
}

/** The kept functions that one worker has, by the leases and sessions that they came by. */
export class KeptFunctions {
  readonly #pipe: Pipe;
  readonly #owned = new Map<HandleOwner, Map<number, Kept>>();

  constructor(pipe: Pipe) {
    this.#pipe = pipe;
  }

  /** Python has it from now on. */
  add(kept: Kept, owner: HandleOwner): void {
    const owned = this.#owned.get(owner) ?? new Map<number, Kept>();
    this.#owned.set(owner, owned.set(kept.number, kept));
    kept.cameTo(this, owner);
  }

  get(owner: HandleOwner, number: number): Kept | undefined {
    return this.#owned.get(owner)?.get(number);
  }

  release(kept: Kept, owners: Iterable<HandleOwner>): void {
    for (const owner of owners) {
      const owned = this.#owned.get(owner);
      owned?.delete(kept.number);
      if (owned?.size === 0) this.#owned.delete(owner);
    }
    this.#pipe.say(encodeKeptDrop(kept.number));
  }

  /** The lease or session is over. False: nothing is left that came by it. */
  end(owner: HandleOwner): boolean {
    for (const kept of this.#owned.get(owner)?.values() ?? []) kept.left(this, owner);
    return this.#owned.delete(owner);
  }

  /** The worker is gone. */
  endAll(): void {
    for (const owner of [...this.#owned.keys()]) this.end(owner);
  }
}

/** What is behind a function that {@link keep} has made; `undefined` for any other. */
export function keptOf(fn: (...args: never[]) => unknown): Kept | undefined {
  return KEPT.get(fn);
}

const KEPT = new WeakMap<object, Kept>();
let lastNumber = 0;
