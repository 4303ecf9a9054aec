import { isA } from '../base/instance.js';
import { LruMap } from '../base/lru-map.js';
import { reasonOf } from '../base/signal.js';
import { type DeadlockError, IdempotencyKeyError, PoolError } from '../errors.js';
import type { Runtime } from '../runtime.js';
import { copyOf } from '../wire/copy.js';
import type { EncodedRequest } from '../wire/request.js';
import { Budget, type WaitOptions } from './budget.js';
import type { Call, CallOutcome } from './call.js';
import { type Child, parentRun, refuseIfDeadlocked } from './children.js';
import { fingerprint } from './fingerprint.js';
import { type Site, showCaller } from './site.js';

/** A call with a key, as one of its callers asks for it. */
export interface SharedRequest {
  readonly key: string;
  readonly name: string;
  readonly request: EncodedRequest;
  /** It may be started more often than once. */
  readonly isIdempotent: boolean;
  /** How long this caller waits. */
  readonly wait: WaitOptions;
  /** Where this caller asks. */
  readonly site: Site;
  /** Makes the call, for the first of them, and brings it on its way once `onMade` has it. */
  readonly start: (onMade: (call: Call) => void) => void;
}

/**
 * The calls that have an `idempotencyKey`. Those who ask with the same key while the first runs get its outcome, and so
 * do those who come within `idempotencyTtlMs` after. Each has a budget of its own; the call itself is given up when
 * nobody waits for it any more.
 */
export class SharedCalls {
  /** How often a caller had the outcome of another's call. */
  duplicates = 0;
  readonly #runtime: Runtime;
  readonly #running = new Map<string, Shared>();
  readonly #sharers = new WeakMap<Call, ReadonlySet<Child>>();
  readonly #settled: LruMap<Settled>;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    // No `ttl` of the cache's own: time is the pool's clock.
    this.#settled = new LruMap(runtime.settings.idempotencyKeysMax);
  }

  /**
   * What this caller gets of the call with that key. Rejects with what the call rejects with, `signal.reason`,
   * CallTimeoutError, QueueTimeoutError, DeadlockError, or IdempotencyKeyError (`ERR_IDEMPOTENCY_KEY`).
   */
  async join(asked: SharedRequest): Promise<unknown> {
    const { key, name, request } = asked;
    const print = fingerprint(request);
    const running = this.#running.get(key);
    const known = running ?? this.#outcome(key);
    if (known !== undefined && known.print !== print) {
      throw new IdempotencyKeyError({ key, call: name, reason: 'other-request' });
    }
    if (running !== undefined) {
      this.duplicates += 1;
      return new Sharer(this.#runtime, running, asked).promise;
    }
    if (known !== undefined) return this.#repeated(known as Settled, key, name);
    return new Promise((resolve) => {
      asked.start((call) => {
        call.share();
        const shared: Shared = { print, call, sharers: new Set() };
        this.#running.set(key, shared);
        this.#sharers.set(call, shared.sharers);
        call.onSettled((how) => this.#ended(asked, shared, how));
        resolve(new Sharer(this.#runtime, shared, asked).promise);
      });
    });
  }

  /** Those who wait for that call, if it is one that is shared. */
  sharersOf(call: Call): Iterable<Child> {
    return this.#sharers.get(call) ?? [];
  }

  #outcome(key: string): Settled | undefined {
    const settled = this.#settled.get(key);
    if (settled === undefined) return undefined;
    if (this.#runtime.clock.now() - settled.at < this.#runtime.settings.idempotencyTtlMs) return settled;
    this.#settled.delete(key);
    return undefined;
  }

  #repeated({ outcome }: Settled, key: string, call: string): Promise<unknown> {
    if (outcome === 'given-up') throw new IdempotencyKeyError({ key, call, reason: 'given-up' });
    this.duplicates += 1;
    return outcome.then(copyOf);
  }

  /** What has not been started leaves its key free, and so does what may be started twice and was not answered. */
  #ended({ key, isIdempotent }: SharedRequest, { print, call }: Shared, how: CallOutcome): void {
    this.#running.delete(key);
    const { idempotencyTtlMs } = this.#runtime.settings;
    if (idempotencyTtlMs === 0) return;
    const isGivenUp = how === 'timedOut' || how === 'aborted';
    if (how !== 'answered' && (isIdempotent || !call.mayHaveStarted)) return;
    const outcome = isGivenUp ? 'given-up' : call.promise.then(copyOf);
    if (outcome !== 'given-up') outcome.catch(() => {});
    this.#settled.set(key, { print, at: this.#runtime.clock.now(), outcome });
  }
}

/** A call with a key that is under way. */
interface Shared {
  readonly print: string;
  readonly call: Call;
  readonly sharers: Set<Sharer>;
}

/** A call with a key that has ended. */
interface Settled {
  readonly print: string;
  readonly at: number;
  /** A copy that nobody has, or `given-up` if its callers did not wait for it. */
  readonly outcome: Promise<unknown> | 'given-up';
}

/** One of those who wait for a shared call. */
class Sharer implements Child {
  readonly name: string;
  readonly parent = parentRun();
  readonly promise: Promise<unknown>;
  readonly #shared: Shared;
  #leave: ((error: unknown, how: CallOutcome) => void) | undefined;

  constructor(runtime: Runtime, shared: Shared, { wait, site }: Pick<SharedRequest, 'wait' | 'site'>) {
    const { call, sharers } = shared;
    this.#shared = shared;
    this.name = call.name;
    const askedAt = runtime.clock.now();
    const isFirst = sharers.size === 0;
    sharers.add(this);
    let budget: Budget | undefined;
    this.promise = new Promise((resolve, reject) => {
      const settle = (tell: () => void) => {
        budget?.close();
        this.#leave = undefined;
        this.parent?.release(this);
        tell();
      };
      const leave = (error: unknown, how: CallOutcome) => {
        settle(() => reject(error));
        sharers.delete(this);
        if (sharers.size === 0) call.abandon(error, how);
        // After that: the call shows where the first of them has made it.
        if (how !== 'aborted' && isA(error, PoolError)) showCaller(error, site);
      };
      budget = new Budget(runtime.clock, wait, (by) => {
        if (by === 'signal') return leave(reasonOf(wait.signal), 'aborted');
        const error = call.isUnsent
          ? runtime.queueTimeout(runtime.clock.now() - askedAt)
          : call.timeoutFor(wait.timeoutMs as number, askedAt);
        leave(error, 'timedOut');
      });
      this.#leave = leave;
      // The first has what came; the others have copies, so that nobody sees what another does to it.
      call.promise.then(
        (value) => settle(() => resolve(isFirst ? value : copyOf(value))),
        (error) => settle(() => reject(error)),
      );
      this.parent?.adopt(this);
      refuseIfDeadlocked(this);
    });
  }

  refuse(error: DeadlockError): boolean {
    const { call, sharers } = this.#shared;
    if (call.leavePipe(this)) return true;
    if (sharers.size === 1) return call.refuse(error);
    this.#leave?.(error, 'refused');
    return true;
  }

  waitsFor(): readonly (Child | undefined)[] | undefined {
    return this.#shared.call.waitsFor();
  }

  get queue(): object | undefined {
    return this.#shared.call.queue;
  }
}
