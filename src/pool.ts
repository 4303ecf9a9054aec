import { NO_OPTIONS, own } from './base/own.js';
import { throwIfAborted } from './base/signal.js';
import { askingFor } from './call/asking.js';
import { checkWait, type WaitOptions } from './call/budget.js';
import type { Call } from './call/call.js';
import type { CallOptions } from './call/call-options.js';
import { Caller } from './call/caller.js';
import { callAbove, parentRun, unlessDeadlocked } from './call/children.js';
import { within } from './call/coming.js';
import type { Site } from './call/site.js';
import { PlatformError, type PoolClosedError, type WaitedFor } from './errors.js';
import { checkEvent, type PoolEvents } from './events.js';
import { Hold } from './lease/hold.js';
import {
  CheckoutAsking,
  type CheckoutOptions,
  checkoutOptions,
  HastyAsking,
  HOLD_OPTIONS,
  type HoldOptions,
  Lease,
} from './lease/lease.js';
import { type Carrier, carrierFor } from './map/carrier.js';
import { checkOptions, type PoolOptions } from './options.js';
import { Runtime } from './runtime.js';
import { Session, type SessionOptions } from './session/session.js';
import type { PoolStats, WorkerStats } from './stats.js';

/**
 * Starts a pool of Python workers and returns at once; they boot in the
 * background, and calls made meanwhile wait.
 *
 * @throws OptionError (`ERR_OPTION`) for a value that an option cannot have, ValueRefusedError (`ERR_VALUE`) for
 * arguments of `setup` or `teardown` that cannot cross, and PlatformError (`ERR_PLATFORM`) on Windows. Whatever goes wrong later is told by `ready()`, by the calls, and by the events `boot.failed` and
 * `pool.degraded`.
 */
export function createPool<Api = unknown>(options: PoolOptions): Pool<Api> {
  if (process.platform === 'win32') throw new PlatformError({ platform: process.platform });
  return new Pool<Api>(new Runtime(checkOptions(options)));
}

/** Warm Python workers, handed out under leases. */
export class Pool<Api = unknown> extends Caller<Api> {
  /** @internal Use {@link createPool}. */
  constructor(runtime: Runtime, bound: CallOptions = NO_OPTIONS) {
    super(runtime, undefined, bound);
  }

  /**
   * Resolves when the first starts are over and a worker is up; `stats().missing` says how many are not. Nobody has to
   * await it.
   *
   * Rejects when all the first starts fail, and as long as the pool is degraded, with the last failure (`ERR_BOOT`,
   * `ERR_SPAWN`, `ERR_PYTHON_NOT_FOUND`, `ERR_WORKER_DIED`), with `ERR_POOL_CLOSED` when the pool is ended before, and
   * with `signal.reason` or `ERR_QUEUE_TIMEOUT` when the wait is given up.
   */
  ready(wait: WaitOptions = NO_OPTIONS): Promise<void> {
    const { runtime } = this;
    const settled = (): Promise<void> | undefined => {
      switch (runtime.state) {
        case 'starting':
          return undefined;
        case 'ready':
          return Promise.resolve();
        case 'degraded':
          return Promise.reject(runtime.lastFailure);
        default:
          return Promise.reject(runtime.refusal('closed'));
      }
    };
    const ready = within(runtime, runtime.changed(settled), wait, 'ready');
    ready.catch(() => {});
    return ready;
  }

  /**
   * Takes one worker and holds it: state that Python keeps there is met by every call of the lease. The worker goes
   * back with `lease.checkin()`, or at the end of the block with `await using`.
   *
   * Rejects with `signal.reason`, `ERR_QUEUE_TIMEOUT`, `ERR_QUEUE_FULL`, `ERR_OVERLOADED`, `ERR_DEADLOCK`,
   * `ERR_POOL_CLOSED`, `ERR_POOL_DEGRADED` or `ERR_OPTION`.
   */
  checkout(options: CheckoutOptions = NO_OPTIONS): Promise<Lease<Api>> {
    try {
      const { wait, terms } = checkoutOptions(this.runtime, options);
      const hold = new Hold(this.runtime, terms);
      const asking = new CheckoutAsking<Api>(this.runtime, this.mergedWith(wait), hold, undefined, this.bound);
      return asking.lease(() => asking.ask());
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * As {@link checkout}, if a worker is free at this moment: `undefined` if none is. It never waits, and goes before
   * nobody who does.
   *
   * @throws OptionError (`ERR_OPTION`), `ERR_POOL_CLOSED` and `ERR_POOL_DEGRADED`.
   */
  tryCheckout(options: HoldOptions = NO_OPTIONS): Lease<Api> | undefined {
    const { terms } = checkoutOptions(this.runtime, options, HOLD_OPTIONS);
    const hold = new Hold(this.runtime, terms);
    const asking = new HastyAsking(this.runtime, hold);
    asking.ask();
    if (asking.isGranted) return new Lease<Api>(hold, undefined, this.bound);
    // Asked in the middle of a step of the charts, it may still be under way.
    asking.withdraw();
    if (!asking.isSettled) asking.fail(undefined);
    if (asking.error !== undefined) throw asking.error;
    return undefined;
  }

  /**
   * The session of that id, which begins with its first call.
   *
   * @throws OptionError (`ERR_OPTION`).
   */
  session(id: string, options: SessionOptions = NO_OPTIONS): Session<Api> {
    return new Session<Api>(this.runtime, id, options, this.bound);
  }

  with(options: CallOptions): Pool<Api> {
    return boundPool(this.runtime, this.mergedWith(options));
  }

  /** @internal Whether that function is a generator. Known once a worker is up. */
  isStream(name: string): boolean {
    return this.runtime.streams.has(name);
  }

  /** The pool in plain numbers, now. */
  stats(): PoolStats {
    const { runtime } = this;
    const workers = runtime.workerStates();
    const { size } = runtime;
    const { slots } = runtime.settings;
    return {
      state: runtime.state,
      size,
      missing: Math.max(0, size - workers.idle - workers.leased - workers.cancelling),
      workers,
      slots: size * slots,
      leases: runtime.leases,
      waiting: runtime.waiting,
      sessions: runtime.sessions.size,
      failures: runtime.hasProvenWorker ? 0 : runtime.failures,
      retired: { ...runtime.counters.retired },
      cancelled: { ...runtime.counters.cancelled },
      attempts: {
        retried: runtime.retries.made,
        moved: runtime.retries.moved,
        overBudget: runtime.retries.overBudget,
      },
      poison: { active: runtime.poison.active, refused: runtime.poison.refused },
      duplicates: runtime.shared.duplicates,
      prefetch: { ...runtime.prefetch.counts },
      calls: runtime.counters.calls,
    };
  }

  /** The workers in plain numbers, now; those on their way out included. */
  workers(): readonly WorkerStats[] {
    return this.runtime.workers();
  }

  /**
   * Calls `listener` with each event of that name. One that throws disturbs nobody: the process is warned.
   *
   * @throws OptionError (`ERR_OPTION`) for a name that no event has.
   */
  on<Name extends keyof PoolEvents>(name: Name, listener: (...args: PoolEvents[Name]) => void): this {
    checkEvent(name);
    this.runtime.news.listeners.on(name, listener as never);
    return this;
  }

  /** As {@link on}, for the next event only. */
  once<Name extends keyof PoolEvents>(name: Name, listener: (...args: PoolEvents[Name]) => void): this {
    checkEvent(name);
    this.runtime.news.listeners.once(name, listener as never);
    return this;
  }

  /** Calls `listener` no more with events of that name. */
  off<Name extends keyof PoolEvents>(name: Name, listener: (...args: PoolEvents[Name]) => void): this {
    this.runtime.news.listeners.off(name, listener as never);
    return this;
  }

  /** @internal As {@link off}: what `once` and `on` of `node:events` take their listeners back by. */
  removeListener<Name extends keyof PoolEvents>(name: Name, listener: (...args: PoolEvents[Name]) => void): this {
    return this.off(name, listener);
  }

  /**
   * Has all workers replaced by such as load the modules and run `setup` anew, one after the other, each once another is up:
   * nobody waits for it, and no call is lost. A trial shows first whether they would come up. Resolves when none of those
   * that were there takes a lease any more, and another does.
   *
   * Rejects with what the trial failed by (`ERR_BOOT`, `ERR_SPAWN`, `ERR_PYTHON_NOT_FOUND`), where all stay, and with
   * `ERR_POOL_CLOSED`. Giving up the wait (`signal.reason`, `ERR_QUEUE_TIMEOUT`) does not undo it, and neither does that it
   * rejects with `ERR_DEADLOCK`, as it does where a function awaits it that a call which is there waits for.
   */
  reload(wait: WaitOptions = NO_OPTIONS): Promise<void> {
    return this.#unlessDeadlocked('reload()', () => this.#reload(wait));
  }

  /**
   * Refuses new callers, for good, and resolves when those who are there have been served and every lease is back.
   * Workers stay; `close` ends them. Giving up the wait (`signal.reason`, `ERR_QUEUE_TIMEOUT`) does not undo it, and neither
   * does that it rejects with `ERR_DEADLOCK`, as it does where a function awaits it that a call which is there waits for.
   */
  drain(wait: WaitOptions = NO_OPTIONS): Promise<void> {
    return this.#unlessDeadlocked('drain()', () =>
      this.#end('drain', ['drained', 'stopping', 'closed'], wait, 'drained'),
    );
  }

  /**
   * Drains for up to `closeTimeoutMs`, asks the workers to end, and resolves when the last of them is gone. Nothing is
   * left then: no process, descriptor, timer or listener. Giving up the wait (`signal.reason`, `ERR_QUEUE_TIMEOUT`) does
   * not undo it.
   */
  close(wait: WaitOptions = NO_OPTIONS): Promise<void> {
    return this.#end('close', ['closed'], wait, 'closed');
  }

  /** As {@link close}, at once: calls that wait or run reject with `ERR_POOL_CLOSED`, and workers are killed. */
  destroy(wait: WaitOptions = NO_OPTIONS): Promise<void> {
    return this.#end('destroy', ['closed'], wait, 'closed');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  protected override place(call: Call, options: CallOptions): void {
    const { runtime } = this;
    const isShort = runtime.prefetch.isShort(call);
    const exchange = runtime.linger.take(call, isShort);
    if (exchange?.worker.isBeyondItsSlots === false) return exchange.send(call);
    // What waits in a pipe may have to ask elsewhere, as if it had asked now.
    const asking = askingFor(runtime, call, options, isShort);
    if (exchange === undefined) asking.ask();
    else asking.onGranted(exchange);
  }

  protected override get canShare(): boolean {
    return true;
  }

  protected override get concurrency(): number {
    return 2 * this.runtime.settings.sizeMax * this.runtime.settings.slots;
  }

  protected override carrier(
    name: string,
    options: CallOptions,
    concurrency: number | undefined,
    keepGoing: boolean,
    site: Site,
  ): Carrier | undefined {
    return carrierFor(this.runtime, name, options, concurrency, keepGoing, site);
  }

  async #reload(given: WaitOptions): Promise<void> {
    const { runtime } = this;
    const wait = own(given);
    checkWait(wait);
    throwIfAborted(wait.signal);
    if (runtime.endedBy !== undefined) throw runtime.refusal('closed');
    await within(runtime, { outcome: runtime.renewal.inTurn() }, wait, 'reloaded');
  }

  /** What comes to its end only after the calls that are there. */
  #unlessDeadlocked(name: string, work: () => Promise<void>): Promise<void> {
    const { runtime } = this;
    const above = callAbove(parentRun(), ({ worker }) => worker?.runtime === runtime);
    return unlessDeadlocked(work(), name, () => [above, ...runtime.unserved]);
  }

  async #end(
    by: PoolClosedError['by'],
    states: readonly string[],
    given: WaitOptions,
    waitedFor: WaitedFor,
  ): Promise<void> {
    const { runtime } = this;
    const wait = own(given);
    const over = () => (states.includes(runtime.state) ? runtime.released() : undefined);
    // Before anything is done: a pool that was drained by mistake stays drained.
    checkWait(wait);
    throwIfAborted(wait.signal);
    runtime.end(by);
    await within(runtime, runtime.changed(over), wait, waitedFor);
  }
}

/** Made outside of the class: esbuild would rename one that names itself. */
function boundPool<Api>(runtime: Runtime, bound: CallOptions): Pool<Api> {
  return new Pool(runtime, bound);
}
