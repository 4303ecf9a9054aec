import { checkNames } from '../base/check-names.js';
import { NO_OPTIONS, own } from '../base/own.js';
import { type Asking, askingFor, type CallAsking, only, preferring } from '../call/asking.js';
import type { WaitOptions } from '../call/budget.js';
import type { Call } from '../call/call.js';
import type { CallOptions } from '../call/call-options.js';
import { Caller } from '../call/caller.js';
import { lookAgain, outside, Run, unlessDeadlocked } from '../call/children.js';
import { within } from '../call/coming.js';
import type { Exchange } from '../call/exchange.js';
import { OptionError, type SessionLoss, SessionLostError } from '../errors.js';
import { Hold } from '../lease/hold.js';
import { CheckoutAsking, type CheckoutOptions, checkoutOptions, type Lease } from '../lease/lease.js';
import type { Runtime } from '../runtime.js';
import { checkLimit, checkMs, isLimit } from '../time/limit.js';
import { encodeSessionEnd } from '../wire/message.js';
import type { ValueLimits } from '../wire/value.js';
import type { WorkerHand } from '../worker/worker-hand.js';
import { Rebuild } from './rebuild.js';
import type { SessionRecord } from './session-record.js';

/** How a session finds its worker, and what becomes of it. */
export interface SessionOptions {
  /**
   * `'strict'` (the default): its calls go to the worker that it has met and wait for it. `'strict-fail-fast'`: they
   * go there and do not wait. `'hint'`: they go there if it is free, and else to any other.
   */
  readonly affinity?: 'strict' | 'strict-fail-fast' | 'hint' | undefined;
  /** The session ends when it was unused for so many milliseconds. Default: never. */
  readonly ttlMs?: number | undefined;
  /**
   * Builds the state anew after it was lost: called with a lease on the worker that the session will go to from now
   * on. The calls that wait go on when it resolves; when it rejects, they reject with the same.
   */
  readonly onLost?: ((lease: Lease, lost: { readonly reason: SessionLoss }) => Promise<unknown> | unknown) | undefined;
  /**
   * How long `onLost` may take once it has its lease, in milliseconds; then the lease is taken back, and the calls that
   * wait reject with `ERR_SESSION_LOST`. `Infinity`: as long as it likes. Default: the pool's `leaseTimeoutMs`, and
   * 30,000 where it has none.
   */
  readonly onLostTimeoutMs?: number | undefined;
}

/**
 * Calls that belong together, by an id. Python keeps a dict for it in the
 * worker that it has met: `from pythonarium import session`.
 */
export class Session<Api = unknown> extends Caller<Api> {
  /** What names it. Two objects with the same id are the same session. */
  readonly id: string;
  readonly #options: SessionOptions;

  /** @internal Use `pool.session`. */
  constructor(runtime: Runtime, id: string, given: SessionOptions, bound: CallOptions = NO_OPTIONS) {
    const options = own(given);
    checkSession(id, options, runtime.settings.limits);
    super(runtime, id, bound);
    this.id = id;
    this.#options = options;
  }

  /**
   * One worker for this session, held. Its calls meet the session's state.
   *
   * Rejects as `pool.checkout` does, and with `ERR_SESSION_LOST` or `ERR_SESSION_LIMIT`.
   */
  checkout(options: CheckoutOptions = NO_OPTIONS): Promise<Lease<Api>> {
    try {
      const { wait, terms } = checkoutOptions(this.runtime, options);
      const hold = new Hold(this.runtime, terms);
      const asking = new CheckoutAsking<Api>(this.runtime, this.mergedWith(wait), hold, this.id, this.bound);
      return asking.lease(() => this.#submit(asking));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Ends the session once nothing of it runs or waits, calls that are made
   * meanwhile included: Python drops what it keeps for it. The id may be used
   * again, for a session that starts from nothing. Giving up the wait (`signal.reason`, `ERR_QUEUE_TIMEOUT`) leaves the
   * session as it is. Where a function awaits it that a call of its own waits for, or its `onLost`, it rejects with
   * `ERR_DEADLOCK`, and the session ends all the same after that.
   */
  end(wait: WaitOptions = NO_OPTIONS): Promise<void> {
    return unlessDeadlocked(this.#end(wait), 'session.end()', () => this.runtime.sessions.childrenOf(this.id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  with(options: CallOptions): Session<Api> {
    return boundSession(this.runtime, this.id, this.#options, this.mergedWith(options));
  }

  protected override place(call: Call, options: CallOptions): void {
    this.#submit(askingFor(this.runtime, call, options));
  }

  protected override get unrepeatable(): string | undefined {
    return this.#isStrict ? 'a strict session, whose state is in its worker' : undefined;
  }

  protected override get concurrency(): number {
    return 1;
  }

  async #end(wait: WaitOptions): Promise<void> {
    const { sessions, clock } = this.runtime;
    const startedAt = clock.now();
    // Another call may have begun since the last one settled, and then another: they share the one budget.
    do await within(this.runtime, sessions.unused(this.id), wait, 'session-end', startedAt);
    while (!sessions.end(this.id));
  }

  #submit(asking: CallAsking | CheckoutAsking<Api>): void {
    if (asking.isSettled) return;
    if (asking.isLate) return asking.onRefused('closed');
    const { sessions } = this.runtime;
    const loss = this.#isStrict ? sessions.takeLoss(this.id) : undefined;
    if (loss !== undefined && this.#options.onLost === undefined) {
      return asking.fail(this.#lost(loss));
    }
    let record: SessionRecord;
    try {
      record = sessions.enter(this.id);
    } catch (error) {
      if (loss !== undefined) sessions.putLossBack(this.id, loss);
      return asking.fail(error, 'refused');
    }
    sessions.limit(record, this.#options.ttlMs);
    // Whoever awaits its end in a function waits for this as well.
    if (record.onUnused.length > 0) lookAgain();
    let isIn = true;
    const leave = () => {
      if (!isIn) return;
      isIn = false;
      record.letGo(asking);
      sessions.leave(record);
    };
    asking.onOver(leave);
    if (!this.#isStrict) {
      // State that others count on stays where it is, wherever this one goes.
      const onGranted = ({ worker }: Exchange) => {
        if (record.isStrict) sessions.visit(record, worker);
        else record.meet(worker);
        return true;
      };
      const { boundTo } = asking;
      const onWorkerLeft = boundTo && (() => asking.fail(this.#lost(boundTo.sessionLoss)));
      asking.session = { id: this.id, mayWait: true, onGranted, onWorkerLeft };
      if (boundTo === undefined) return asking.ask(preferring(record.met ?? sessions.leastMet()));
      // A lease there still has its objects, and this would wait for its end in vain.
      if (boundTo.isRetired) return asking.onRefused('worker-left');
      return asking.ask(only(boundTo));
    }
    asking.session = {
      id: this.id,
      mayWait: this.#options.affinity !== 'strict-fail-fast',
      onGranted: (exchange) => record.granted(asking, exchange),
      onWorkerLeft: () => {
        leave();
        this.#workerLeft(asking, record.met);
      },
      // Before there is a lease for that, it is as if each of them waited for one.
      waitsBehind: () => {
        const { held, rebuild } = record;
        return rebuild?.worker !== undefined && held.has(asking) ? rebuild : undefined;
      },
    };
    if (loss === undefined) record.place(asking);
    else this.#beginRebuild(record, asking, loss);
  }

  /** The state is built anew first: the one that has been told of its loss waits for that, and so do all who come meanwhile. */
  #beginRebuild(record: SessionRecord, asking: Asking, loss: SessionLoss): void {
    const { sessions } = this.runtime;
    // Where a worker is free it would wait for nobody, but for its own state.
    const isLetIn = sessions.leastMet() !== undefined || asking.letIn();
    if (!isLetIn) return sessions.putLossBack(this.id, loss);
    const { priority, fairnessKey } = this.bound;
    const rebuild = new Rebuild(own({ priority, fairnessKey }));
    record.beginRebuild(rebuild, asking);
    void outside(() => this.#rebuild(record, rebuild, loss));
    asking.waitBehind();
  }

  get #isStrict(): boolean {
    return this.#options.affinity !== 'hint';
  }

  /** Lets the user's `onLost` build the state anew on some worker, which the session goes to from then on. */
  async #rebuild(record: SessionRecord, rebuild: Rebuild, loss: SessionLoss): Promise<void> {
    const { runtime } = this;
    const { sessions } = runtime;
    // In use until its state is built, even if nobody waits for it any more.
    sessions.enter(this.id);
    try {
      const { onLostTimeoutMs = runtime.settings.leaseTimeoutMs ?? ON_LOST_MS } = this.#options;
      const { lease, lost } = await this.#leaseToRebuild(record, rebuild, onLostTimeoutMs);
      const run = new Run(rebuild, () => rebuild.isSettled);
      const built = run.of(() => this.#options.onLost?.(lease, { reason: loss })).then(() => false as const);
      // One that has given its lease back may hang as well.
      let timer: unknown;
      const late = new Promise<true>((resolve) => {
        if (!isLimit(onLostTimeoutMs)) return;
        timer = runtime.patience.setTimeout(() => resolve(true), onLostTimeoutMs);
      });
      let isLate: boolean;
      try {
        isLate = await Promise.race([built, lost, late, rebuild.poolClosed]);
      } finally {
        if (timer !== undefined) runtime.patience.clearTimeout(timer);
        rebuild.isSettled = true;
        // What it has left there may be behind a call that waits for this session.
        lookAgain();
        await lease.checkin();
      }
      if (runtime.state === 'closed' || lease.ended === 'pool-closed') throw runtime.refusal('closed');
      if (isLate || lease.ended === 'expired') throw this.#lost(loss, onLostTimeoutMs);
      const { worker } = rebuild;
      if (worker === undefined || !record.visited.has(worker)) {
        throw this.#lost(worker?.sessionLoss ?? 'worker-died');
      }
      record.meet(worker);
    } catch (error) {
      sessions.unbuilt(record, loss);
      record.failRebuild(error);
    } finally {
      rebuild.isSettled = true;
      sessions.leave(record);
    }
  }

  /** A lease on the worker that the session is to meet, and what resolves if that ends before it is given back. */
  async #leaseToRebuild(
    record: SessionRecord,
    rebuild: Rebuild,
    leaseTimeoutMs: number,
  ): Promise<{ lease: Lease; lost: Promise<false> }> {
    const { runtime } = this;
    const hold = new Hold(runtime, checkoutOptions(runtime, { leaseTimeoutMs }).terms, rebuild);
    const asking = new CheckoutAsking(runtime, rebuild.standing, hold, this.id);
    asking.session = {
      id: this.id,
      mayWait: true,
      onGranted: (exchange) => {
        if (record.spurns(asking, exchange)) return false;
        record.rebuildOn(rebuild, exchange.worker);
        return true;
      },
      onWorkerLeft: undefined,
    };
    // Code that hangs must not keep those who wait, nor the worker. The lease may be over before anybody has heard of it.
    const lost = new Promise<false>((resolve) => {
      hold.onEnd(() => hold.ended?.reason !== 'checked-in' && resolve(false));
    });
    asking.standIn();
    const lease = await asking.lease(() => asking.ask(record.wish));
    rebuild.hold = hold;
    if (record.visited.has(rebuild.worker as WorkerHand) || runtime.endedBy !== undefined) return { lease, lost };
    // It has left since, and what would be built there would be lost with it.
    record.rebuildOn(rebuild, undefined);
    void lease.checkin();
    return this.#leaseToRebuild(record, rebuild, leaseTimeoutMs);
  }

  /** Its worker left before it was served, so nothing was started: it is told, or goes on with the state built anew. */
  #workerLeft(asking: CallAsking | CheckoutAsking<Api>, worker: WorkerHand | undefined): void {
    const { sessions, endedBy } = this.runtime;
    // Only one of all who waited finds it untold.
    const untold = sessions.takeLoss(this.id);
    const loss = untold ?? worker?.sessionLoss ?? 'worker-died';
    // A pool that is at its end gives nobody a worker to build anything on.
    if (this.#options.onLost === undefined || endedBy !== undefined) return asking.fail(this.#lost(loss));
    // Whoever was told may have had no `onLost`, so that nobody builds anything anew.
    if (untold !== undefined || !sessions.isBusy(this.id)) sessions.putLossBack(this.id, loss);
    this.#submit(asking);
  }

  #lost(reason: SessionLoss, onLostTimeoutMs?: number): SessionLostError {
    return new SessionLostError({ session: this.id, reason, onLostTimeoutMs });
  }
}

/** Made outside of the class: esbuild would rename one that names itself. */
function boundSession<Api>(runtime: Runtime, id: string, options: SessionOptions, bound: CallOptions): Session<Api> {
  return new Session(runtime, id, options, bound);
}

/** @throws OptionError (`ERR_OPTION`) for what is no id, and for options that a session cannot have. */
function checkSession(id: unknown, options: SessionOptions, { messageBytesMax }: ValueLimits): void {
  checkNames(options, SESSION_OPTIONS);
  const { affinity = 'strict', ttlMs, onLost, onLostTimeoutMs } = options;
  if (typeof id !== 'string' || id === '') {
    throw new OptionError({
      option: 'session',
      expected: 'an id, which is a string of one character or more',
      got: id,
    });
  }
  // Python is told of its end, and a longer line than it may have would end the worker.
  const bytes = Buffer.byteLength(encodeSessionEnd(id));
  if (bytes > messageBytesMax) {
    const expected = `an id that fits into a message of ${messageBytesMax} bytes (\`messageBytesMax\`), which has ${bytes} with this one`;
    throw new OptionError({ option: 'session', expected, got: id });
  }
  if (!AFFINITIES.has(affinity)) {
    throw new OptionError({ option: 'affinity', expected: "'strict', 'strict-fail-fast' or 'hint'", got: affinity });
  }
  if (ttlMs !== undefined) checkMs('ttlMs', ttlMs);
  checkLimit('onLostTimeoutMs', onLostTimeoutMs);
  if (onLost !== undefined && typeof onLost !== 'function') {
    throw new OptionError({ option: 'onLost', expected: 'a function', got: onLost });
  }
}

const SESSION_OPTIONS: ReadonlySet<string> = new Set([
  'affinity',
  'ttlMs',
  'onLost',
  'onLostTimeoutMs',
] satisfies (keyof SessionOptions)[]);
/** The same as a worker has to boot: both build what later calls stand on. */
const ON_LOST_MS = 30_000;
const AFFINITIES: ReadonlySet<string> = new Set(['strict', 'strict-fail-fast', 'hint']);
