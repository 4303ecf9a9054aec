import { inspect } from 'node:util';
import type { HandleEnd } from '../errors.js';
import { soon } from '../time/turn.js';
import { encodeHandlesDrop } from '../wire/message.js';
import { isPlainArray, isPlainObject } from '../wire/plain.js';
import type { WorkerHand } from '../worker/worker-hand.js';
import { type Handle, NOT_REMOTE, type PyResult } from './py.js';

/** What members of objects are called through: the lease or the session that an object came by. */
export interface HandleCaller {
  /** The lease's id, or the session's. `undefined`: no object can come by it. */
  readonly owner: HandleOwner | undefined;
  /** The session's id, of a lease that is one of a session's, too. */
  readonly sessionId: string | undefined;
  onObject(member: Member, args: readonly unknown[]): PyResult;
}

/** The lease (its id) or the session (its name) that a handle lives as long as. */
export type HandleOwner = number | string;

/** One member of an object in Python: read, or called. The empty name is the object itself. */
export interface Member {
  readonly remote: Remote;
  readonly name: string;
  readonly isRead: boolean;
}

/** A method of an object in Python that is not called. */
export interface Method {
  readonly member: Member;
  readonly caller: HandleCaller;
}

/** What is known of one object that stays in Python. */
export class Remote {
  readonly number: number;
  /** The name that its class is exposed by. */
  readonly className: string;
  readonly owner: HandleOwner;
  /** How often it has come. */
  times = 1;
  /** Why it can be used no longer. */
  ended: HandleEnd | undefined;

  readonly #handles: Handles;
  /** Whoever has the handle keeps it, and the lease that it is used by: one that all have lost is given back. */
  #handle: WeakRef<Handle> | undefined;

  constructor(number: number, className: string, handles: Handles, owner: HandleOwner) {
    this.number = number;
    this.className = className;
    this.#handles = handles;
    this.owner = owner;
  }

  /** The handle, the same one as long as anybody has it. */
  handleFor(caller: HandleCaller): Handle {
    const known = this.#handle?.deref();
    if (known !== undefined) return known;
    const handle = handleOf(this, caller);
    this.#handle = new WeakRef(handle);
    return handle;
  }

  /** Where the object is. */
  get worker(): WorkerHand {
    return this.#handles.worker;
  }

  close(): void {
    if (this.ended === undefined) this.#handles.close(this);
  }

  /** It has come once in vain. Whoever has it from elsewhere keeps it. */
  dropOnce(): void {
    if (this.ended === undefined) this.#handles.dropOnce(this);
  }
}

/** The objects of one worker that Node has handles of. */
export class Handles {
  readonly worker: WorkerHand;
  readonly #owned = new Map<HandleOwner, Map<number, Remote>>();
  /** Let go of in this turn: the numbers, and how often each had come. */
  #dropped: [number, number][] = [];

  constructor(worker: WorkerHand) {
    this.worker = worker;
  }

  /** The handle for a number that has come, the same one as long as it is not closed. */
  came(number: number, className: string, owner: HandleOwner, caller: HandleCaller): Handle {
    let owned = this.#owned.get(owner);
    if (owned === undefined) {
      owned = new Map();
      this.#owned.set(owner, owned);
    }
    let remote = owned.get(number);
    if (remote !== undefined) {
      remote.times += 1;
    } else {
      remote = new Remote(number, className, this, owner);
      owned.set(number, remote);
    }
    return remote.handleFor(caller);
  }

  /** The handle for a number that has come by what is over: it is of no use, and Python need not keep the object. */
  cameLate(number: number, className: string, owner: HandleOwner, caller: HandleCaller, because: HandleEnd): Handle {
    const remote = new Remote(number, className, this, owner);
    remote.ended = because;
    this.drop(number, 1);
    return remote.handleFor(caller);
  }

  /** Whether any is held that came by that lease or session. */
  has(owner: HandleOwner): boolean {
    return (this.#owned.get(owner)?.size ?? 0) > 0;
  }

  /** Lets go of one. */
  close(remote: Remote): void {
    remote.ended = 'closed';
    this.#owned.get(remote.owner)!.delete(remote.number);
    this.drop(remote.number, remote.times);
  }

  /** Lets go of one for one time that it came. */
  dropOnce(remote: Remote): void {
    if (remote.times === 1) return this.close(remote);
    remote.times -= 1;
    this.drop(remote.number, 1);
  }

  /** Lets go of a number that came so many times. Python is told at the end of the turn, of many at once. */
  drop(number: number, times: number): void {
    if (this.#dropped.push([number, times]) > 1) return;
    soon(() => {
      const pairs = this.#dropped;
      this.#dropped = [];
      for (let at = 0; at < pairs.length; at += DROPPED_MAX) {
        this.worker.pipe.say(encodeHandlesDrop(pairs.slice(at, at + DROPPED_MAX)));
      }
    });
  }

  /** The lease or session is over. False: nothing ever came by it. */
  end(owner: HandleOwner, because: HandleEnd): boolean {
    const owned = this.#owned.get(owner);
    for (const remote of owned?.values() ?? []) remote.ended = because;
    return this.#owned.delete(owner);
  }

  /** What the worker keeps for sessions is given up; leases that are held keep theirs. */
  endSessions(): void {
    for (const owner of [...this.#owned.keys()]) {
      if (typeof owner === 'string') this.end(owner, 'worker-died');
    }
  }

  /** The worker is out of service for good. */
  endAll(): void {
    this.endSessions();
    for (const owner of [...this.#owned.keys()]) this.end(owner, 'lease-ended');
  }
}

/** What is behind a handle; `undefined` for all else. */
export function remoteOf(value: object): Remote | undefined {
  return REMOTES.get(value);
}

/** What is behind the handles in a value that came, once for each place where one is: each is one time that it came. */
export function remotesIn(value: unknown): Remote[] {
  const remotes: Remote[] = [];
  for (const part of objectsIn(value)) {
    const remote = REMOTES.get(part);
    if (remote !== undefined) remotes.push(remote);
  }
  return remotes;
}

/** Lets go of the objects in a value that came for nobody. */
export function dropUnread(value: unknown): void {
  for (const remote of remotesIn(value)) remote.dropOnce();
}

/**
 * Lets go of those that came in a value and are not in what was made of it. Of none where that cannot be told: a
 * function, or an instance of a class, may have one where nobody sees it.
 */
export function dropLeftOut(came: readonly Remote[], made: unknown): void {
  const kept = came.length === 0 ? undefined : allRemotesIn(made);
  if (kept === undefined) return;
  for (const remote of came) if (!kept.has(remote)) remote.dropOnce();
}

/** `undefined`: there may be more than can be seen. */
function allRemotesIn(made: unknown): Set<Remote> | undefined {
  const remotes = new Set<Remote>();
  try {
    for (const part of objectsIn(made)) {
      const remote = REMOTES.get(part);
      if (remote !== undefined) remotes.add(remote);
      else if (!hidesNothing(part)) return undefined;
    }
  } catch {
    // What is read to see it may be a getter of somebody else's.
    return undefined;
  }
  return remotes;
}

/** The objects and the functions in a value, at each place where one is. */
function* objectsIn(value: unknown): Generator<object> {
  const holders = new Set<object>([[value]]);
  // It goes on with those that are added meanwhile.
  for (const holder of holders) {
    for (const part of partsOf(holder)) {
      if (!isObject(part)) continue;
      if (typeof part === 'object' && !REMOTES.has(part)) holders.add(part);
      yield part;
    }
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'function' || (typeof value === 'object' && value !== null);
}

/** It has all that is in it where it can be seen. */
function hidesNothing(part: object): boolean {
  if (Array.isArray(part)) return isPlainArray(part);
  return isPlainObject(part) || ArrayBuffer.isView(part) || OPEN.has(Object.getPrototypeOf(part));
}

function partsOf(holder: object): Iterable<unknown> {
  if (holder instanceof Map) return [...holder.keys(), ...holder.values()];
  if (holder instanceof Set) return holder;
  // The numbers of an array are no objects, and there may be many.
  return ArrayBuffer.isView(holder) ? [] : Object.values(holder);
}

/** Whether it is a member of a handle that was neither awaited nor called. */
export function isMember(value: object): boolean {
  return MEMBERS.has(value);
}

/** What a member of a handle is called as, and through what; `undefined` for whatever is none. */
export function methodOf(value: unknown): Method | undefined {
  return typeof value === 'function' ? MEMBERS.get(value) : undefined;
}

function handleOf(remote: Remote, caller: HandleCaller): Handle {
  const text = () => `handle of ${remote.className}`;
  const target = { [inspect.custom]: () => `[${text()}]` };
  Object.setPrototypeOf(target, HANDLE);
  const handle = new Proxy(target, {
    get(_, key) {
      if (key === Symbol.asyncDispose) return async () => remote.close();
      if (key === Symbol.asyncIterator) return () => itemsOf(remote, caller);
      // Printing it, or putting it into a text, must not become calls of Python.
      if (key === Symbol.toPrimitive || key === 'toString' || key === 'valueOf') return text;
      if (key === inspect.custom) return target[inspect.custom];
      if (typeof key === 'symbol' || NOT_REMOTE.has(key) || key.startsWith('_')) return undefined;
      return memberOf(remote, caller, key);
    },
    has: (_, key) => (typeof key === 'symbol' ? HANDLE_SYMBOLS.has(key) : !NOT_REMOTE.has(key) && !key.startsWith('_')),
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
    setPrototypeOf: () => false,
  }) as unknown as Handle;
  REMOTES.set(handle, remote);
  return handle;
}

/** What stands for a member until it is known whether it is called, as a method, or awaited, as an attribute. */
function memberOf(remote: Remote, caller: HandleCaller, name: string): unknown {
  let promise: Promise<unknown> | undefined;
  const read = () => {
    promise ??= caller.onObject({ remote, name, isRead: true }, []).then((value) => value);
    return promise;
  };
  const called = { remote, name, isRead: false };
  const member = (...args: unknown[]) => caller.onObject(called, args);
  const promised: Pick<Promise<unknown>, 'then' | 'catch' | 'finally'> = {
    // biome-ignore lint/suspicious/noThenProperty: an attribute is read by awaiting it
    then: (...how) => read().then(...how),
    catch: (...how) => read().catch(...how),
    finally: (...how) => read().finally(...how),
  };
  MEMBERS.set(member, { member: called, caller });
  return Object.assign(member, promised);
}

function itemsOf(remote: Remote, caller: HandleCaller): AsyncIterator<unknown> {
  return caller.onObject({ remote, name: '', isRead: true }, [])[Symbol.asyncIterator]();
}

const REMOTES = new WeakMap<object, Remote>();
const MEMBERS = new WeakMap<object, Method>();
/** Of instances that have no place where something could be hidden. */
const OPEN: ReadonlySet<unknown> = new Set([Map.prototype, Set.prototype, Date.prototype]);
/** What all handles have above them, so that none is taken for a plain object. */
const HANDLE = Object.freeze(Object.create(Object.prototype, { constructor: { value: function Handle() {} } }));
const HANDLE_SYMBOLS: ReadonlySet<symbol> = new Set([Symbol.asyncDispose, Symbol.asyncIterator]);
/** So many fit into the smallest message that a pool may be limited to. */
const DROPPED_MAX = 25;
