import { isDeepStrictEqual } from 'node:util';
import type { Actor, AnyActorRef, InspectionEvent } from 'xstate';
import {
  byAge,
  type ClientContext,
  type CoordinatorEvent,
  type coordinatorMachine,
  listWaiters,
  type Waiter,
  type WorkerId,
} from '../../machines/index.js';
import type { Lease, PoolOptions, PoolStats, Session } from '../../src/index.js';
import { checkOptions } from '../../src/options.js';
import { Pool } from '../../src/pool.js';
import { Runtime } from '../../src/runtime.js';
import { busyPoll } from '../../src/time/busy-poll.js';
import { whenPolled } from '../../src/time/polled.js';
import { encodeStop } from '../../src/wire/message.js';
import { type FakeProcess, FakePython, type LineToPython } from '../fake/fake-python.js';
import { heard, TurnedClock } from '../fake/turned-clock.js';

/**
 * A pool on a played Python and a turned clock, with everything that was asked
 * of it and everything that may not happen. The oracles know the promises of
 * the pool, and nothing of how it keeps them.
 */
export class World {
  readonly clock = new TurnedClock();
  readonly python: FakePython;
  readonly runtime: Runtime;
  readonly pool: Pool;
  readonly options: WorldOptions;
  /** All that was asked, in order; the index is the token. */
  readonly asked: Asked[] = [];
  /** Those of them that are not settled yet. */
  readonly pending = new Set<Asked>();
  /** Those that are not over. */
  leases: HeldLease[] = [];
  readonly sessions = new Map<string, SessionSeen>();
  /** How the pool was told to end. */
  readonly ends: { readonly by: 'drain' | 'close' | 'destroy'; readonly at: number; readonly token: number }[] = [];
  readonly endings: Promise<void>[] = [];
  /** What may not happen, and did. */
  readonly faults: string[] = [];
  wasDegraded = false;
  readonly #told: Witness['told'];
  readonly #mark: Witness['mark'];
  /** Since when Python owes an answer that nobody waits for, by who had asked. */
  readonly #givenUp = new Map<Asked, number>();
  readonly #seenByCoordinator = { requests: 0, events: 0 };
  /** What came of the calls. */
  readonly #calls = { asked: 0, pending: 0, answered: 0, aborted: 0 };
  /** How many hold the program; at rest nobody does. */
  #holders = 0;
  /** It was told to replace its workers, and so often it has not done so yet. */
  #hasReloaded = false;
  #reloadsAhead = 0;
  /** Ends that have been asked for and are not over. */
  #endsAhead = 0;
  #coordinator!: Actor<typeof coordinatorMachine>;
  /** By worker, and who has them. */
  readonly #liveLeases = new Map<AnyActorRef, Map<number, Waiter>>();
  readonly #usedLeases = new Set<number>();
  /** What `onLost` was refused with, as those who wait for it are then too. */
  readonly #rebuildErrors = new Set<unknown>();
  readonly #brokenProcesses = new Set<FakeProcess>();
  /** The tickets of those that were sent ahead to a worker which never came to them, and wait again, however many do. */
  readonly #back = new Set<number>();
  /** Of promises that were kept before anybody gave up: others give up by them. */
  readonly #controllers: AbortController[] = [];

  constructor({ sessionIds, joins = false, ...options }: WorldOptions, { told, mark }: Witness = {}) {
    this.options = { sessionIds, joins, ...options };
    this.#told = told;
    this.#mark = mark;
    this.python = new FakePython({
      slots: this.#leasesMax,
      joins,
      now: () => this.clock.now(),
      onLine: (message, process, line) => this.#lineCame(message, process, line),
      onSignal: (signal, process) => this.#signalled(signal, process),
    });
    const settings = checkOptions({
      module: 'played',
      logs: 'events',
      bootTimeoutMs: BOOT_MS,
      cancelGraceMs: GRACE_MS,
      evictGraceMs: EVICT_MS,
      stopGraceMs: STOP_MS,
      termGraceMs: TERM_MS,
      closeTimeoutMs: CLOSE_MS,
      clock: this.clock,
      random: () => 0.5,
      inspect: (event) => this.#listenIn(event),
      ...options,
    });
    this.runtime = new Runtime(settings, this.python.start);
    this.#watchKeepAlive();
    this.pool = new Pool(this.runtime);
    this.pool.on('pool.degraded', () => {
      this.wasDegraded = true;
      this.#mark?.('pool degraded');
    });
  }

  // ---------------------------------------------------------------- what is done to it

  call(wish: Wish): void {
    this.#ask('call', wish, undefined, undefined, (options, token) => this.pool.call('played', [token], options));
  }

  checkout(wish: Wish): void {
    this.#ask('checkout', wish, undefined, undefined, (options) => this.pool.checkout(options));
  }

  /** A lease at once, or none: never somebody else's turn. */
  tryCheckout(): void {
    const { state, waiting } = this.pool.stats();
    let lease: Lease | undefined;
    try {
      lease = this.pool.tryCheckout();
    } catch (error) {
      const { code } = error as { code?: string };
      const isSo = code === 'ERR_POOL_DEGRADED' ? state === 'degraded' : this.ends.length > 0;
      if (!isSo) this.faults.push(`a lease at once was refused with ${error}, and the pool is ${state}`);
      return;
    }
    if (this.pool.stats().waiting !== waiting) this.faults.push('whoever asked for a lease at once waits for it');
    if (lease === undefined) return;
    const why = this.#leaseHeld(undefined, lease);
    if (why !== undefined) this.faults.push(`lease ${lease.id} was had at once, but ${why}`);
  }

  leaseCall(held: HeldLease, wish: Wish): void {
    this.#ask('call', wish, held, held.session, (options, token) => held.lease.call('played', [token], options));
  }

  checkin(held: HeldLease): void {
    held.isCheckedIn = true;
    void held.lease.checkin().then(() => {
      held.isOver = true;
      this.leases = this.leases.filter((each) => each !== held);
    });
  }

  sessionCall(id: SessionId, wish: Wish): void {
    const seen = this.#seen(id);
    this.#ask('call', wish, undefined, seen, (options, token) => this.#session(id).call('played', [token], options));
  }

  sessionCheckout(id: SessionId, wish: Wish): void {
    this.#ask('checkout', wish, undefined, this.#seen(id), (options) => this.#session(id).checkout(options));
  }

  endSession(id: SessionId): void {
    const seen = this.#seen(id);
    seen.endings += 1;
    this.endings.push(
      this.#session(id)
        .end()
        .then(() => {
          seen.endings -= 1;
          this.#startsAnew(seen);
        }),
    );
  }

  abort(asked: Asked): void {
    asked.wasAborted = true;
    asked.reason = new Error('the caller gave up');
    asked.controller?.abort(asked.reason);
  }

  answer(process: FakeProcess): void {
    const { request } = process;
    if (request === undefined || !process.canAct) return;
    const token = request.args[0] as number;
    const seen = [...request.state.keys()].map(Number);
    request.state.set(String(token), true);
    process.answer({ token, seen });
  }

  raise(process: FakeProcess): void {
    const asked = this.asked[process.request?.args[0] as number];
    if (asked !== undefined) asked.wasRaised = true;
    process.raise();
  }

  breakLine(process: FakeProcess, how: 'breakLine' | 'hangUp' | 'answerTwice'): void {
    this.#brokenProcesses.add(process);
    process[how]();
  }

  end(by: 'drain' | 'close' | 'destroy'): void {
    this.ends.push({ by, at: this.clock.now(), token: this.asked.length });
    this.#endsAhead += 1;
    const over = () => {
      this.#endsAhead -= 1;
    };
    this.endings.push(this.pool[by]().then(over));
  }

  /** Once it is over, none of those who were there takes a lease, and another does. */
  reload(): void {
    this.#hasReloaded = true;
    this.#reloadsAhead += 1;
    const before = this.python.processes.length;
    const stale = () =>
      this.python.living.filter((each) => this.python.processes.indexOf(each) < before && this.#takesLeases(each));
    // Looked at before it is heard, too: several ends may be told in one step, and who was up at the first may have died by the next.
    let wasKept = false;
    const look = () => {
      wasKept ||= stale().length === 0 && this.#isSomebodyUp();
      return undefined;
    };
    const looking = this.runtime.changed(look);
    const reload = this.pool.reload().finally(() => looking.leave?.());
    reload.then(
      () => {
        this.#reloadsAhead -= 1;
        this.#mark?.('reloaded');
        look();
        for (const { pid } of stale()) this.faults.push(`process ${pid} is not replaced`);
        if (!wasKept && this.ends.length === 0) this.faults.push('a reload is over, and nobody was up');
      },
      (error: { code?: string }) => {
        this.#reloadsAhead -= 1;
        this.#mark?.(`reload ${error.code}`);
        const isSo = error.code === 'ERR_POOL_CLOSED' ? this.ends.length > 0 : TRIAL_CODES.has(error.code as string);
        if (!isSo) this.faults.push(`a reload came to ${error}`);
      },
    );
  }

  #isSomebodyUp(): boolean {
    const hands = [...this.runtime.hands.values()];
    return hands.some(({ life }) => life.boot.isUp && this.#takesLeases(life.process as FakeProcess));
  }

  /** It was not told to go. */
  #takesLeases(process: FakeProcess): boolean {
    for (const hand of this.runtime.hands.values()) {
      if (hand.life.process === process) return !hand.isRetired && !['ending', 'dead'].includes(hand.state);
    }
    return false;
  }

  async turn(ms: number): Promise<void> {
    let left = ms;
    // Node looks for replies that wait, and takes them once it has heard what was said before them.
    for (; left > 0 && this.python.living.some(({ holds }) => holds); left -= LOOK_MS) {
      await this.clock.turn(Math.min(left, LOOK_MS));
      await new Promise<void>(whenPolled);
    }
    if (left > 0) await this.clock.turn(left);
  }

  // ---------------------------------------------------------------- what must hold after every step

  async check(): Promise<void> {
    if (this.clock.isDue) await this.clock.turn(0);
    await heard();
    const { faults } = this;
    const blame = this.#blame;
    for (const why of this.python.violations) blame(why);
    this.python.violations.length = 0;
    for (const asked of this.pending) this.#checkBudget(asked, blame);
    for (const [asked, since] of this.#givenUp) this.#checkGrace(asked, since, blame);
    const stats = this.pool.stats();
    this.#checkNobodyWaitsInVain(stats, blame);
    this.#checkSums(stats, blame);
    this.#checkDrain(stats, blame);
    if (faults.length > 0) throw new Error(faults.splice(0).join('\n'));
  }

  readonly #blame = (why: string) => {
    this.faults.push(why);
  };

  /** Everything that may happen happens, and then nothing is under way. */
  async comeToRest(): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      for (const process of this.python.living) {
        process.thaw();
        process.boot();
        process.ready();
        for (let times = 0; process.canAct && process.request && times < 1_000; times += 1) this.answer(process);
      }
      this.python.reap();
      await this.check();
      for (const held of this.leases) if (!held.isCheckedIn) this.checkin(held);
      await this.check();
      if (this.#isAtRest) break;
      await this.clock.turnToNext();
      await this.check();
    }
    if (this.pending.size > 0) throw new Error(`Never settled: ${[...this.pending].join(', ')}`);
    const { waiting, calls, workers, state } = this.pool.stats();
    if (waiting !== 0 || calls.running !== 0) throw new Error(`At rest, and ${waiting} wait, ${calls.running} run`);
    if (this.#holders !== 0) throw new Error(`At rest, and ${this.#holders} keep the program running`);
    if (this.#reloadsAhead > 0) throw new Error(`At rest, and ${this.#reloadsAhead} reloads are not over`);
    if (this.#endsAhead > 0) throw new Error(`At rest, and the pool is ${state} without having told of its end`);
    if (this.ends.length === 0) {
      if (state !== 'ready' || workers.idle !== this.options.size) {
        throw new Error(`At rest, and the pool is ${state} with workers ${JSON.stringify(workers)}`);
      }
      await this.#checkSessionsEndForGood();
    }
  }

  /** It was ended, and has come to its end. */
  get isOver(): boolean {
    return this.ends.length > 0 && ['drained', 'closed'].includes(this.pool.stats().state);
  }

  /** Ends it for good, and nothing may be left. */
  async close(): Promise<void> {
    this.end('close');
    for (let round = 0; round < ROUNDS_MAX && this.pool.stats().state !== 'closed'; round += 1) {
      await this.check();
      this.python.reap();
      for (const process of this.python.living) process.boot();
      await this.turn(CLOSE_MS);
    }
    await this.check();
    // One that does not close would be waited for below for ever.
    if (this.pool.stats().state !== 'closed') throw new Error(`It was closed, and is ${this.pool.stats().state}`);
    // A trial may be told of after the last worker.
    this.python.reap();
    await Promise.all(this.endings);
    const { state, workers } = this.pool.stats();
    const left = [
      ...(state === 'closed' ? [] : [`The pool is ${state}`]),
      ...(this.python.living.length === 0 ? [] : [`${this.python.living.length} processes live`]),
      ...(Object.values(workers).every((count) => count === 0) ? [] : [`Workers ${JSON.stringify(workers)}`]),
      ...(this.clock.timers === 0 ? [] : [`${this.clock.timers} timers are set`]),
      ...(this.runtime.hands.size === 0 ? [] : [`${this.runtime.hands.size} hands`]),
      ...(busyPoll.atWork === 0 ? [] : [`${busyPoll.atWork} workers at work`]),
      ...[...this.pending].map((asked) => `${asked} is pending`),
    ];
    if (left.length > 0) throw new Error(`After its end: ${left.join(', ')}`);
  }

  // ---------------------------------------------------------------- asking

  #session(id: SessionId): Session {
    const seen = this.#seen(id);
    const { affinity, ttlMs, hasOnLost } = SESSIONS[id];
    return this.pool.session(id, {
      affinity,
      ttlMs,
      ...(hasOnLost && {
        onLost: (lease: Lease) => {
          this.#startsAnew(seen);
          return lease.call('played', [REBUILD]).catch((error: unknown) => {
            this.#rebuildErrors.add(error);
            throw error;
          });
        },
      }),
    });
  }

  #seen(id: SessionId): SessionSeen {
    const seen = this.sessions.get(id) ?? { id, epoch: 0, floor: 0, known: new Set(), endings: 0 };
    this.sessions.set(id, seen);
    return seen;
  }

  /** From now on its state starts from nothing, and nothing may be seen of what was served before. */
  #startsAnew(seen: SessionSeen): void {
    const waiting = first(this.pending, (each) => each.session === seen && !each.process);
    seen.epoch += 1;
    seen.floor = waiting?.token ?? this.asked.length;
    seen.known.clear();
  }

  #ask(
    kind: Asked['kind'],
    wish: Wish,
    via: HeldLease | undefined,
    session: SessionSeen | undefined,
    send: (options: object, token: number) => Promise<unknown>,
  ): void {
    const token = this.asked.length;
    const controller = wish.isAbortable ? (this.#controllers.pop() ?? new AbortController()) : undefined;
    const asked = new Asked(token, kind, wish, via, session, this.clock.now(), this.options, controller);
    this.asked.push(asked);
    this.pending.add(asked);
    via?.asked.push(asked);
    if (kind === 'call') this.#calls.asked += 1;
    if (kind === 'call') this.#calls.pending += 1;
    const { timeoutMs, priority, fairnessKey } = wish;
    send({ timeoutMs, priority, fairnessKey, signal: asked.controller?.signal }, token).then(
      (value) => this.#settled(asked, { value }),
      (error: unknown) => this.#settled(asked, { error }),
    );
  }

  #settled(asked: Asked, outcome: Outcome): void {
    asked.settled = outcome;
    this.pending.delete(asked);
    if (asked.controller?.signal.aborted === false) this.#controllers.push(asked.controller);
    if (asked.kind === 'call') {
      this.#calls.pending -= 1;
      if ('value' in outcome) this.#calls.answered += 1;
      else if (asked.wasAborted && outcome.error === asked.reason) this.#calls.aborted += 1;
    }
    const how = 'value' in outcome ? 'answered' : nameOf(outcome.error, asked);
    this.#mark?.(how);
    this.#told?.(this.clock.now(), asked.token, how);
    if (asked.process?.canAct && !asked.process.answered.includes(asked.id)) this.#givenUp.set(asked, this.clock.now());
    const why = 'value' in outcome ? this.#whyNotValue(asked, outcome.value) : this.#whyNotError(asked, outcome.error);
    if (why !== undefined) this.faults.push(`${asked} came to ${describe(outcome)}, but ${why}`);
  }

  // ---------------------------------------------------------------- oracles: what a promise may come to

  #whyNotValue(asked: Asked, value: unknown): string | undefined {
    const now = this.clock.now();
    if (now > asked.deadline) return `its deadline was at ${asked.deadline}, and it is ${now}`;
    if (asked.kind === 'checkout') return this.#leaseHeld(asked, value as Lease);
    const { token, seen } = value as { token: number; seen: number[] };
    if (token !== asked.token) return 'that is the answer to another question';
    if (asked.process === undefined || !asked.process.answered.includes(asked.id)) return 'Python never answered it';
    if (asked.session === undefined) return seen.length === 0 ? undefined : `it saw the state of a session: ${seen}`;
    return this.#whyNotState(asked, asked.session, seen);
  }

  #leaseHeld(asked: Asked | undefined, lease: Lease): string | undefined {
    const others = this.leases.filter((held) => this.#isHeld(held) && held.lease.worker === lease.worker);
    const process = this.python.living.findLast(({ name }) => name === lease.worker) as FakeProcess;
    const since = this.clock.now();
    const { epoch = 0, floor = 0 } = asked?.session ?? {};
    const session = asked?.session;
    this.leases.push({ lease, process, session, epoch, floor, since, asked: [], isCheckedIn: false, isOver: false });
    const ids = others.map((other) => other.lease.id);
    return ids.length < this.#slots ? undefined : `leases ${ids} have that worker`;
  }

  #whyNotState(asked: Asked, session: SessionSeen, seen: number[]): string | undefined {
    const strange = seen.filter((token) => token !== REBUILD && this.asked[token]?.session !== session);
    if (strange.length > 0) return `it saw the state of another session: ${strange}`;
    const old = seen.filter((token) => token !== REBUILD && token < asked.floor);
    if (old.length > 0) return `it saw state from before the session began anew: ${old}`;
    if (SESSIONS[session.id as SessionId].affinity === 'hint' || asked.epoch !== session.epoch) return undefined;
    const missing = [...asked.known].filter((token) => !seen.includes(token));
    if (missing.length > 0) return `it did not see the state that ${missing} had left, and nobody was told of a loss`;
    session.known.add(asked.token);
    return undefined;
  }

  #whyNotError(asked: Asked, error: unknown): string | undefined {
    if (asked.wasAborted && error === asked.reason) return undefined;
    if (asked.process === undefined && this.#rebuildErrors.has(error)) return undefined;
    const now = this.clock.now();
    const { code } = error as { code?: string };
    const wasSent = asked.process !== undefined && !asked.isBack;
    const strict = asked.session && SESSIONS[asked.session.id as SessionId].affinity !== 'hint';
    switch (code) {
      case 'ERR_PYTHON':
        return asked.wasRaised ? undefined : 'Python did not raise';
      case 'ERR_WORKER_DIED': {
        if (asked.process === undefined) return 'it was never sent';
        if (asked.process.isAlive) return 'its process lives';
        if (asked.process.answered.includes(asked.id)) return 'Python had answered it';
        const { started } = error as { started?: unknown };
        const truth = asked.process.started.includes(asked.id);
        return started === truth ? undefined : `started is ${started} and the truth is ${truth}`;
      }
      case 'ERR_CALL_TIMEOUT':
        if (!wasSent) return 'it had not been sent';
        return now === asked.deadline ? undefined : `its deadline is ${asked.deadline}, and it is ${now}`;
      case 'ERR_QUEUE_TIMEOUT': {
        if (wasSent) return 'it had been sent';
        const isFailFast = asked.session && SESSIONS[asked.session.id as SessionId].affinity === 'strict-fail-fast';
        if (isFailFast || now === asked.deadline || now === asked.queueDeadline) return undefined;
        // Its time was up in the pipe already.
        if (asked.isBack && now > asked.queueDeadline) return undefined;
        // What `onLost` waits for has a queue budget of its own, and those who wait for it share its end.
        if (asked.session?.id === 'rebuilt' && this.options.queueTimeoutMs !== undefined) return undefined;
        return `its time is up at ${asked.queueDeadline} or ${asked.deadline}, and it is ${now}`;
      }
      case 'ERR_QUEUE_FULL':
        return wasSent || (this.options.queueMax ?? this.options.queueMaxPerKey) === undefined
          ? 'there was room'
          : undefined;
      case 'ERR_POOL_CLOSED':
        return this.#whyNotClosed(asked);
      case 'ERR_POOL_DEGRADED':
        if (wasSent) return 'it had been sent';
        // A pool that drains is not called degraded, but it does not wait for ever either.
        return this.wasDegraded || (this.ends.length > 0 && this.pool.stats().failures >= 3) ? undefined : 'it is not';
      case 'ERR_SESSION_LOST':
        if (!strict) return 'it is of no strict session';
        if (wasSent) return 'it had been sent';
        if (asked.session) this.#startsAnew(asked.session);
        return undefined;
      case 'ERR_SESSION_LIMIT':
        return asked.session && !wasSent ? undefined : 'it is of no session';
      case 'ERR_LEASE_ENDED':
        if (asked.via === undefined) return 'it is of no lease';
        if ((error as { reason?: string }).reason === 'expired') return this.#whyNotExpired(asked.via);
        // In the pipe behind another it may be, but Python has not come to it.
        return asked.process?.started.includes(asked.id) ? 'it had been begun' : undefined;
      case 'ERR_PROTOCOL':
        return asked.process && this.#brokenProcesses.has(asked.process) ? undefined : 'nothing broke its line';
      default:
        return 'that is no way to end';
    }
  }

  #whyNotExpired({ since }: HeldLease): string | undefined {
    const { leaseTimeoutMs } = this.options;
    if (leaseTimeoutMs === undefined) return 'leases may be held for ever';
    return this.clock.now() >= since + leaseTimeoutMs ? undefined : `it was had at ${since}`;
  }

  /** Those who were there before a drain are served; only a `destroy`, or a `close` that takes too long, refuses them. */
  #whyNotClosed(asked: Asked): string | undefined {
    const [first] = this.ends;
    if (first === undefined) return 'nobody has ended the pool';
    if (asked.token >= first.token) return undefined;
    const isDestroyed = this.ends.some(({ by, at }) => {
      return by === 'destroy' || (by === 'close' && this.clock.now() >= at + CLOSE_MS);
    });
    // One whose worker died meanwhile would need another lease to build its state anew.
    return isDestroyed || asked.session?.id === 'rebuilt' ? undefined : 'it was there before the pool began to drain';
  }

  // ---------------------------------------------------------------- oracles: what may happen on the way

  #lineCame(message: LineToPython, process: FakeProcess, line: string): void {
    this.#told?.(this.clock.now(), process.pid, `< ${line}`);
    if (message.type !== 'call' || message.args[0] === REBUILD) return;
    const asked = this.asked[message.args[0] as number] as Asked;
    if (asked.process !== undefined && !asked.isBack) this.faults.push(`${asked} was sent twice`);
    if (asked.process !== undefined) this.#mark?.('sent to another');
    if (asked.settled !== undefined) this.faults.push(`${asked} was sent although it had been settled`);
    asked.process = process;
    asked.id = message.id;
    const earlier = asked.via?.asked.find((each) => !each.settled && !each.process);
    if (earlier && earlier.token < asked.token) this.faults.push(`${asked} was sent before ${earlier}`);
    if (asked.via && asked.via.process !== process) this.faults.push(`${asked} was sent to ${process.name}`);
    const held = this.leases.filter((each) => each !== asked.via && each.process === process && this.#isHeld(each));
    if (held.length >= this.#slots) {
      const ids = held.map((each) => each.lease.id);
      this.faults.push(`${asked} was sent to ${process.name}, which leases ${ids} have`);
    }
  }

  /** Nobody is killed without need. */
  #signalled(signal: 'SIGTERM' | 'SIGKILL', process: FakeProcess): void {
    this.#told?.(this.clock.now(), process.pid, signal);
    this.#mark?.(signal);
    const isNeeded =
      !process.isReady ||
      process.owesAnswer ||
      this.#brokenProcesses.has(process) ||
      this.ends.length > 0 ||
      // It was to be replaced, and does not end when it is asked to.
      ((this.options.recycle !== undefined || this.#hasReloaded) && process.lines.at(-1) === STOP);
    if (!isNeeded) this.faults.push(`process ${process.pid} was sent ${signal} and owed nothing`);
  }

  /** A lease that was checked in is over with the answer to its last call, even before anybody has heard of it. */
  #isHeld(held: HeldLease): boolean {
    if (held.isOver || held.lease.ended !== undefined) return false;
    const isOwed = ({ process, id, settled }: Asked) =>
      process ? !process.answered.includes(id) : settled === undefined;
    return !held.isCheckedIn || held.asked.some(isOwed);
  }

  #watchKeepAlive(): void {
    const { keepAlive } = this.runtime;
    const [hold, release] = [keepAlive.hold.bind(keepAlive), keepAlive.release.bind(keepAlive)];
    keepAlive.hold = () => {
      this.#holders += 1;
      hold();
    };
    keepAlive.release = () => {
      this.#holders -= 1;
      release();
    };
  }

  /**
   * At the first that XState tells, which is of the root actor. From then on its system tells nobody but us, and only of
   * actors and how they begin; of what is sent to them we are told where it comes in. Who inspects makes XState take
   * another and longer way than it does for the pools of others.
   */
  #listenIn({ actorRef: root }: InspectionEvent): void {
    const { system } = root as unknown as { readonly system: object };
    const hearActor = (actorRef: Listening) => {
      const take = actorRef._send;
      actorRef._send = (event) => {
        this.#observe(actorRef, event);
        take.call(actorRef, event);
      };
      if (actorRef.id === 'coordinator') this.#coordinator = actorRef as unknown as Actor<typeof coordinatorMachine>;
    };
    hearActor(root as Listening);
    const hear = (told: Told) => {
      // There is none where it is only asked whether anybody listens.
      if (told.actorRef === undefined) return;
      if (told.type === '@xstate.actor') hearActor(told.actorRef);
      else if (told.event?.type === 'xstate.init' && told.type === '@xstate.event')
        this.#observe(told.actorRef, told.event);
    };
    // The pool finds that nobody inspects, and has XState tell nobody: we go on hearing.
    Object.defineProperty(system, '_sendInspectionEvent', { get: () => hear, set: () => {} });
  }

  #observe(actorRef: AnyActorRef, event: { readonly type: string }): void {
    this.#told?.(this.clock.now(), actorRef.id, event.type);
    if (actorRef === (this.#coordinator as unknown)) {
      this.#seenByCoordinator.events += 1;
      if (event.type !== 'lease.request') return;
      this.#seenByCoordinator.requests += 1;
      const { waiter, isBack } = event as CoordinatorEvent & { type: 'lease.request' };
      if (isBack) this.#back.add(waiter.ticket);
    } else if (event.type === 'lease.granted') {
      if (actorRef.id.startsWith('worker-')) this.#granted(actorRef, event as unknown as Granted);
    } else if (event.type === 'lease.accepted') {
      this.#accepted(actorRef, event as unknown as Granted);
    } else if (event.type === 'lease.released') {
      this.#liveLeases.get(actorRef)?.delete((event as unknown as Granted).lease);
    }
  }

  #granted(worker: AnyActorRef, { lease, waiter }: Granted): void {
    const live = this.#liveLeases.get(worker) ?? new Map();
    if (live.size >= this.#slots) {
      this.#mark?.('sent ahead');
      const areShort = waiter.isShort && [...live.values()].every(({ isShort }) => isShort);
      if (live.size >= this.#leasesMax || !areShort) {
        this.faults.push(`lease ${lease} was granted while ${[...live.keys()]} live`);
      }
    }
    if (this.#usedLeases.has(lease)) this.faults.push(`lease ${lease} was used before`);
    this.#liveLeases.set(worker, live.set(lease, waiter));
    this.#usedLeases.add(lease);
    this.#checkTurn(worker, waiter);
  }

  /** A lease goes on to another caller. */
  #accepted(client: AnyActorRef, { lease, waiter }: Granted): void {
    this.#mark?.('lease passed on');
    const { held } = (client.getSnapshot() as { context: ClientContext }).context;
    const live = held === null ? undefined : this.#liveLeases.get(held.worker);
    if (live?.has(lease) !== true) return void this.faults.push(`lease ${lease} was passed on and is not live`);
    live.set(lease, waiter);
    if (live.size > this.#slots && ![...live.values()].every(({ isShort }) => isShort)) {
      this.faults.push(`lease ${lease} was passed on to wait behind others while ${[...live.keys()]} live`);
    }
    this.#checkTurn((held as NonNullable<typeof held>).worker, waiter);
  }

  /** Nobody whom that worker could have served has waited for longer. */
  #checkTurn(worker: AnyActorRef, waiter: Waiter): void {
    const id = (worker.getSnapshot() as { context: { worker: WorkerId } }).context.worker;
    const { queue, rules } = this.#coordinator.getSnapshot().context;
    const waiters = listWaiters(queue);
    // What keys do to the order is told by the model of the queue. Of one key and priority it is as without them.
    const isKeyed = [waiter, ...waiters].some(({ fairnessKey }) => fairnessKey !== null);
    for (const other of waiters) {
      const isAlike = other.fairnessKey === waiter.fairnessKey && other.priority === waiter.priority;
      if (mayHave(other, id) && (!isKeyed || isAlike) && byAge(rules)(other, waiter) < 0) {
        this.faults.push(`ticket ${waiter.ticket} was served before ticket ${other.ticket}`);
      }
    }
  }

  #checkBudget(asked: Asked, blame: (why: string) => void): void {
    if (asked.settled !== undefined) return;
    const now = this.clock.now();
    if (asked.wasAborted) blame(`${asked} was aborted and is pending`);
    if (now >= asked.deadline) blame(`${asked} is pending at ${now}, past its deadline ${asked.deadline}`);
    const isInQueue = (asked.process === undefined || asked.isBack) && asked.via === undefined;
    if (isInQueue && now >= asked.queueDeadline) blame(`${asked} waits at ${now}, past ${asked.queueDeadline}`);
  }

  /** What nobody waits for any more is answered within its grace time, or its worker is told to end. */
  #checkGrace(asked: Asked, since: number, blame: (why: string) => void): void {
    const process = asked.process as FakeProcess;
    if (!process.isAlive || process.signals.length > 0 || process.answered.includes(asked.id)) {
      this.#givenUp.delete(asked);
    } else if (process.request?.id !== asked.id) {
      // It waits in the pipe behind another: its time begins when Python comes to it.
      this.#givenUp.set(asked, this.clock.now());
    } else if (this.clock.now() > since + GRACE_MS + (this.#slots > 1 ? EVICT_MS : 0) + this.#hearsAfterMs) {
      blame(`${asked} was given up at ${since}, and at ${this.clock.now()} its worker is neither done nor ended`);
    }
  }

  #checkNobodyWaitsInVain({ workers }: PoolStats, blame: (why: string) => void): void {
    const { value, context } = this.#coordinator.getSnapshot();
    const { queue, workers: served, free } = context;
    const waiters = listWaiters(queue);
    if (value === 'closed') return waiters.length > 0 ? void blame(`${waiters.length} wait for nothing`) : undefined;
    const open = waiters.length === 0 ? [] : free.flatMap((place) => served[place]?.worker ?? []);
    for (const waiter of waiters) {
      if (open.some((worker) => mayHave(waiter, worker))) blame(`ticket ${waiter.ticket} waits while a slot is free`);
      const { affinity } = waiter;
      if (affinity?.strict && !served.some((each) => each?.worker === affinity.worker)) {
        blame(`ticket ${waiter.ticket} waits for a worker that is gone`);
      }
    }
    let idle = 0;
    for (const each of served) if (each?.grants.every((grant) => grant === null)) idle += 1;
    if (workers.idle !== idle) blame(`${workers.idle} workers are idle, and ${idle} are free`);
    const { queueMax = Number.POSITIVE_INFINITY } = this.options;
    const newcomers = waiters.filter(({ ticket }) => !this.#back.has(ticket));
    if (newcomers.length > queueMax) blame(`${newcomers.length} wait, and ${queueMax} may`);
    if (waiters.length > 0 && sum(workers) === 0 && this.clock.timers === 0) {
      blame(`${waiters.length} wait, and nothing is on its way`);
    }
  }

  #checkSums({ calls, workers, leases, size, missing, waiting }: PoolStats, blame: (why: string) => void): void {
    const { asked, running } = calls;
    // All that is there but the number of those asked, under whatever name.
    if (asked !== sum(calls) - asked) blame(`calls do not add up: ${JSON.stringify(calls)}`);
    const seen = this.#calls;
    if (!this.sessions.has('rebuilt')) {
      // Without the calls that `onLost` makes these are all.
      if (asked !== seen.asked) blame(`${seen.asked} calls were asked, and stats say ${asked}`);
      if (calls.answered !== seen.answered) blame(`${seen.answered} were answered, and stats say ${calls.answered}`);
      if (calls.aborted !== seen.aborted) blame(`${seen.aborted} were aborted, and stats say ${calls.aborted}`);
    }
    if (running < seen.pending) blame(`${seen.pending} calls are pending, and stats say ${running}`);
    const living = sum(workers);
    const trials = this.python.living.filter(({ isTrial }) => isTrial).length;
    const processes = this.python.living.length - trials;
    if (living !== processes) blame(`${living} workers, ${processes} processes`);
    if (trials > 1) blame(`${trials} trials at once`);
    // One more may boot for one that is about to be replaced.
    const most = size + Number(this.options.recycle !== undefined || this.#hasReloaded);
    if (living > most) blame(`${living} workers, and there may be ${most}`);
    let [live, unserved] = [0, 0];
    for (const asked of this.pending) {
      const { process, via } = asked;
      if (via === undefined && (process === undefined || asked.isBack)) unserved += 1;
      else if (via === undefined) live += 1;
    }
    if (leases < live) blame(`${live} calls run, and stats say that ${leases} slots are leased`);
    if (leases > most * this.#leasesMax) blame(`${leases} slots are leased`);
    if (missing !== Math.max(0, size - workers.idle - workers.leased - workers.cancelling))
      blame(`missing is ${missing}`);
    let owing = 0;
    for (const each of this.python.living) if (each.owesAnswer && each.isReady && each.signals.length === 0) owing += 1;
    if (owing > workers.leased + workers.cancelling + workers.retiring + workers.evicting)
      blame(`${owing} processes owe an answer`);
    // What `onLost` waits for is waited for by nobody whom this test knows.
    if (waiting > unserved && !this.sessions.has('rebuilt')) blame(`${waiting} wait, and ${unserved} should`);
    // A lease is asked for, given back, and perhaps given up; a worker joins, leaves, stays and has left.
    const { events, requests } = this.#seenByCoordinator;
    const eventsMax = 3 * requests + 5 * this.python.processes.length + 5;
    if (events > eventsMax) blame(`the coordinator handled ${events} events for ${requests} leases`);
  }

  /** A pool that drains and has nothing left to do is done. */
  #checkDrain({ state, waiting, leases }: PoolStats, blame: (why: string) => void): void {
    if (state !== 'draining' && state !== 'closing') return;
    if (waiting + leases === 0) blame(`nothing is left to do, and the pool is ${state}`);
  }

  async #checkSessionsEndForGood(): Promise<void> {
    for (const id of this.sessions.keys()) await this.#session(id as SessionId).end();
    // One that was replaced may not have ended yet; it takes with it what it has.
    const staying = this.python.living.filter(({ isAlive, lines }) => isAlive && lines.at(-1) !== STOP);
    const kept = staying.flatMap(({ states }) => [...states.keys()]);
    if (kept.length > 0) throw new Error(`Every session has ended, and Python keeps ${kept}`);
    const { sessions } = this.pool.stats();
    if (sessions !== 0) throw new Error(`Every session has ended, and ${sessions} live`);
  }

  get #slots(): number {
    return this.options.slots ?? 1;
  }

  /** So long Node may take a call for waiting in the pipe that Python has begun: the reply to the one before waits. */
  get #hearsAfterMs(): number {
    return this.options.joins ? 3 * LOOK_MS : 0;
  }

  /** Of one worker, those included that wait in its pipe. */
  get #leasesMax(): number {
    return this.#slots + (this.options.prefetchMax ?? 3);
  }

  get #isAtRest(): boolean {
    const { state, workers, waiting } = this.pool.stats();
    // A session may be built anew although those who wanted it have given up.
    if (waiting > 0) return false;
    if (this.pending.size > 0 || this.#reloadsAhead > 0) return false;
    if (this.ends.length > 0) return state === 'drained' || state === 'closed';
    return state === 'ready' && workers.idle === this.options.size;
  }
}

/** Who is told of what goes on. */
export interface Witness {
  /** Every message between the actors, every line to Python, every signal and every settlement, with its moment. */
  readonly told?: (at: number, whom: string | number, what: string) => void;
  /** What has come about, by name. */
  readonly mark?: (what: string) => void;
}

export interface WorldOptions {
  readonly size: number;
  /** Whether Python has replies wait for each other. */
  readonly joins?: boolean;
  readonly prefetchMax?: PoolOptions['prefetchMax'];
  readonly prefetchBelowMs?: PoolOptions['prefetchBelowMs'];
  readonly slots?: PoolOptions['slots'];
  readonly sessionIds: readonly SessionId[];
  readonly queueMax?: PoolOptions['queueMax'];
  readonly queueTimeoutMs?: PoolOptions['queueTimeoutMs'];
  readonly timeoutMs?: PoolOptions['timeoutMs'];
  readonly sessionsMax?: PoolOptions['sessionsMax'];
  readonly leaseTimeoutMs?: PoolOptions['leaseTimeoutMs'];
  readonly queueMaxPerKey?: PoolOptions['queueMaxPerKey'];
  readonly recycle?: PoolOptions['recycle'];
}

/** How something is asked. */
export interface Wish {
  readonly priority?: number | undefined;
  readonly fairnessKey?: string | undefined;
  readonly timeoutMs?: number | undefined;
  readonly isAbortable?: boolean | undefined;
}

/** The sessions that there are. */
export const SESSIONS = {
  hinted: { affinity: 'hint', ttlMs: undefined, hasOnLost: false },
  kept: { affinity: 'strict', ttlMs: undefined, hasOnLost: false },
  brief: { affinity: 'strict', ttlMs: 120, hasOnLost: false },
  hasty: { affinity: 'strict-fail-fast', ttlMs: undefined, hasOnLost: false },
  rebuilt: { affinity: 'strict', ttlMs: 300, hasOnLost: true },
} as const;

export type SessionId = keyof typeof SESSIONS;

interface SessionSeen {
  readonly id: string;
  /** How often it began anew. */
  epoch: number;
  /** Tokens below are from before it began. */
  floor: number;
  /** Tokens whose state it is known to have. */
  readonly known: Set<number>;
  endings: number;
}

export interface HeldLease {
  readonly lease: Lease;
  readonly process: FakeProcess;
  readonly session: SessionSeen | undefined;
  /** What its session was when it was had. It may begin anew elsewhere while the lease is held on a worker that is to be replaced. */
  readonly epoch: number;
  readonly floor: number;
  readonly since: number;
  /** What was asked under it. */
  readonly asked: Asked[];
  isCheckedIn: boolean;
  isOver: boolean;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** One promise that the pool gave. */
export class Asked {
  readonly token: number;
  readonly kind: 'call' | 'checkout';
  readonly via: HeldLease | undefined;
  readonly session: SessionSeen | undefined;
  readonly deadline: number;
  readonly queueDeadline: number;
  readonly controller: AbortController | undefined;
  /** What it is aborted with, once it is. */
  reason: Error | undefined;
  /** What its session was when it was asked. */
  readonly epoch: number;
  readonly floor: number;
  readonly known: ReadonlySet<number>;
  /** Where it was sent, and as what. */
  process: FakeProcess | undefined;
  id = 0;
  wasAborted = false;
  wasRaised = false;
  settled: Outcome | undefined;

  /** Its process has ended without coming to it, so that it waits for another as if it had never been sent. */
  get isBack(): boolean {
    const { process, via, session } = this;
    if (process === undefined || via !== undefined || session !== undefined) return false;
    const isLost = process.hasBeenTold || process.signals.includes('SIGKILL');
    return isLost && !process.started.includes(this.id);
  }

  constructor(
    token: number,
    kind: Asked['kind'],
    { timeoutMs }: Wish,
    via: HeldLease | undefined,
    session: SessionSeen | undefined,
    now: number,
    options: WorldOptions,
    controller: AbortController | undefined,
  ) {
    this.token = token;
    this.kind = kind;
    this.via = via;
    this.session = session;
    const budget = timeoutMs ?? (kind === 'call' ? options.timeoutMs : undefined) ?? Number.POSITIVE_INFINITY;
    this.deadline = now + budget;
    this.queueDeadline = via ? Number.POSITIVE_INFINITY : now + (options.queueTimeoutMs ?? Number.POSITIVE_INFINITY);
    this.controller = controller;
    this.epoch = via?.epoch ?? session?.epoch ?? 0;
    this.floor = via?.floor ?? session?.floor ?? 0;
    this.known = new Set(session?.known);
  }

  toString(): string {
    const where = this.session ? ` of session ${this.session.id}` : '';
    return `${this.kind} ${this.token}${where}${this.via ? ` under lease ${this.via.lease.id}` : ''}`;
  }
}

/** What XState tells of a system. */
interface Told {
  readonly type: string;
  readonly actorRef?: Listening;
  readonly event?: { readonly type: string } | undefined;
}

/** An actor, where everything that is sent to it comes in. */
type Listening = AnyActorRef & { _send(event: { readonly type: string }): void };

interface Granted {
  readonly lease: number;
  readonly waiter: Waiter;
}

function mayHave({ affinity }: Waiter, worker: WorkerId): boolean {
  return affinity === null || !affinity.strict || affinity.worker === worker;
}

function nameOf(error: unknown, asked: Asked): string {
  return asked.wasAborted && error === asked.reason ? 'aborted' : String((error as { code?: unknown }).code ?? error);
}

function describe(outcome: Outcome): string {
  if ('error' in outcome) return String(outcome.error);
  return isDeepStrictEqual(Object.keys(Object(outcome.value)), ['token', 'seen'])
    ? JSON.stringify(outcome.value)
    : 'a lease';
}

function first<T>(items: Iterable<T>, isIt: (item: T) => boolean): T | undefined {
  for (const item of items) if (isIt(item)) return item;
  return undefined;
}

function sum(counts: Readonly<Record<string, number>>): number {
  let all = 0;
  for (const count of Object.values(counts)) all += count;
  return all;
}

/** What a trial may fail by. */
const TRIAL_CODES: ReadonlySet<string> = new Set(['ERR_BOOT', 'ERR_SPAWN']);
/** What `onLost` calls Python with. */
const REBUILD = -1;
export const BOOT_MS = 1_000;
export const GRACE_MS = 50;
export const EVICT_MS = 130;
export const STOP_MS = 40;
const TERM_MS = 20;
export const CLOSE_MS = 150;
const LOOK_MS = 5;
const ROUNDS_MAX = 1_000;
const STOP = encodeStop();
