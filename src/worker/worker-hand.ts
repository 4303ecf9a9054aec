import type { Actor } from 'xstate';
import {
  LEASES_THAT_PROVE,
  type LeaseId,
  type WorkerContext,
  type WorkerId,
  type WorkerRef,
  type workerMachine,
} from '../../machines/index.js';
import type { Call } from '../call/call.js';
import { lookAgain, type Run } from '../call/children.js';
import type { Exchange } from '../call/exchange.js';
import { Pipe } from '../call/pipe.js';
import { CallHungError, type EndedLease, type HandleEnd, ProtocolError, type SessionLoss } from '../errors.js';
import type { RunningCall } from '../events.js';
import { type HandleOwner, Handles } from '../objects/handle.js';
import { type Kept, KeptFunctions } from '../objects/keep.js';
import type { Runtime } from '../runtime.js';
import type { WorkerStats } from '../stats.js';
import { busyPoll } from '../time/busy-poll.js';
import { soon } from '../time/turn.js';
import {
  encodeLeaseEnd,
  encodePing,
  encodeSessionEnd,
  type LogMessage,
  type MessageFromPython,
  type ReadyMessage,
} from '../wire/message.js';
import { Pulse } from './pulse.js';
import { hasLimit, Vigil } from './vigil.js';
import { WorkerLife } from './worker-life.js';

/** One worker's hands: the leases of its slots, and what it keeps for them. */
export class WorkerHand {
  readonly id: WorkerId;
  readonly place: number;
  /** `worker-0`; its replacement has the same. */
  readonly name: string;
  readonly runtime: Runtime;
  /** How its process comes up and ends. */
  readonly life: WorkerLife;
  /** What it is asked under its leases, and what it says to that. */
  readonly pipe: Pipe;
  /** By slot: the exchange under the lease that is live there. */
  readonly exchanges: (Exchange | undefined)[] = [];
  /** What its call waits for where it stands, so that no other goes on: a plain function does so on a shared loop. */
  blockedBy: Run | undefined;
  /** A lease of it may be kept by a call that what it runs waits for, and that has no use for it. */
  hasSpurned = false;
  /** It goes with the leases that it has, and takes nobody new. */
  isRetired = false;
  /** When it was last heard of. */
  heardAt: number | undefined;
  readonly #worker: WorkerRef;
  /** It has told the supervisor that its start was good. */
  #hasProven = false;
  /** Absent until the first object came. */
  #handles: Handles | undefined;
  /** Absent until the first function was sent that is kept. */
  #kept: KeptFunctions | undefined;
  /** Absent unless it is to be pinged. */
  #pulse: Pulse | undefined;

  constructor(runtime: Runtime, { worker, place }: WorkerContext, self: WorkerRef) {
    this.id = worker;
    this.place = place;
    this.name = `worker-${place}`;
    this.runtime = runtime;
    this.#worker = self;
    this.life = new WorkerLife(runtime, this, self);
    this.pipe = new Pipe(this, this.life.process);
  }

  /** The state of its chart. */
  get state() {
    return this.#chart().value;
  }

  /** How many of its leases are live, by its chart: on its way out it has none. */
  get liveLeases(): number {
    const { value, context } = this.#chart();
    return value === 'ending' || value === 'dead' ? 0 : context.live;
  }

  /** It can take one lease more. */
  get hasFreeSlot(): boolean {
    this.runtime.linger.end();
    return this.#takesLeases() && this.liveLeases < this.runtime.settings.slots;
  }

  /** Nothing that it does by itself speaks against its start. */
  get isProven(): boolean {
    return this.#chart().context.served >= LEASES_THAT_PROVE;
  }

  /** It is up, and neither ends nor is about to. */
  #takesLeases(): boolean {
    const { state } = this;
    return state === 'leased' || state === 'cancelling' || state === 'idle';
  }

  #chart() {
    return this.#worker.getSnapshot() as ReturnType<Actor<typeof workerMachine>['getSnapshot']>;
  }

  /** A slot of it is leased. */
  get isLeased(): boolean {
    return this.exchanges.some((exchange) => exchange !== undefined);
  }

  /** More of its slots are leased than anybody may have: what is sent now is sent ahead. */
  get isBeyondItsSlots(): boolean {
    return this.#countLeases() > this.runtime.settings.slots;
  }

  #countLeases(): number {
    let leases = 0;
    for (const exchange of this.exchanges) if (exchange !== undefined) leases += 1;
    return leases;
  }

  /** A lease of it may stay for the rest of the turn: nobody waits, and the next call would be granted one of it anyway. */
  get mayLinger(): boolean {
    if (this.runtime.askers.size > 0 || !this.#reusesLeases()) return false;
    const leases = this.#countLeases();
    const { slots } = this.runtime.settings;
    if (leases > slots) return this.runtime.sendsAhead;
    return slots === 1 || !this.runtime.hasFreerThan(leases - 1);
  }

  /** A lease of it may go on to who waits, and the coordinator would not decline that. */
  get mayOffer(): boolean {
    const { askers, settings } = this.runtime;
    if (askers.size === 0 || !this.#reusesLeases()) return false;
    // In a crowd all of its slots are granted, and those that are free are granted together.
    const isFull = this.#countLeases() === settings.slots + settings.prefetchMax;
    return isFull || (askers.size <= settings.sizeMax && !this.isBeyondItsSlots);
  }

  /** Its leases may outlast their calls: it takes more of them, and needs to give none back to prove that its start was good. */
  #reusesLeases(): boolean {
    const { endedBy, recycler, sizer } = this.runtime;
    // Those count leases, or the time between them.
    if (endedBy !== undefined || recycler !== undefined || sizer !== undefined) return false;
    return this.#takesLeases() && this.isProven;
  }

  /** What it does, and when it was heard of. */
  get stats(): WorkerStats {
    const now = this.runtime.clock.now();
    return {
      worker: this.name,
      id: this.id,
      pid: this.life.pid,
      calls: this.pipe.calls,
      heardMsAgo: this.heardAt === undefined ? null : Math.round(now - this.heardAt),
      ping: this.#pulse?.state ?? null,
      state: this.state,
      leases: this.liveLeases,
    };
  }

  /** Watches a call that Python has come to, if it has limits. */
  watch(call: Call, id: number): Vigil | undefined {
    const { softLimitMs, hardLimitMs } = this.runtime.settings;
    const limits = { softLimitMs, hardLimitMs, heartbeatTimeoutMs: call.heartbeatTimeoutMs };
    if (!hasLimit(limits)) return undefined;
    return new Vigil(this.runtime.patience, limits, {
      onSlow: (ranMs) =>
        this.life.whereItStands((stack) => this.runtime.news.emit('call.slow', this.#told(call, id, ranMs, stack))),
      onHung: (by, ranMs, limitMs) => {
        this.life.whereItStands((stack) => {
          this.runtime.news.emit('call.hung', { ...this.#told(call, id, ranMs, stack), by });
          // Of two signals in a row, the kernel may give the second to another thread, and the main one sleeps on.
          this.pipe.signal(id);
        });
        call.abandon(new CallHungError({ call: call.name, by, limitMs, ranMs }), 'timedOut');
      },
      isExcused: () => call.isOwed,
    });
  }

  /** Asks Python to end what it runs under the lease of that slot, for which nobody waits any more. */
  interrupt(slot: number): void {
    const exchange = this.exchanges[slot];
    if (exchange?.lateItem !== undefined) this.pipe.interrupt(exchange.lateItem, true);
    else if (exchange?.requestId !== undefined) this.pipe.interrupt(exchange.requestId);
  }

  /** What an entry of `rich` stands for that is no value, in a message about the request `id`: a handle of an object, or a part of the answer. */
  readonly resolve = (kind: string, data: readonly unknown[], id: unknown): unknown => {
    const [number, className] = data;
    const request = this.pipe.requestOf(id as number);
    const parts = request?.parts;
    if (kind === 'part' && parts !== undefined && parts.id === id) return parts.take(number);
    const caller = request?.call?.caller;
    const isHandle = kind === 'handle' && Number.isSafeInteger(number) && typeof className === 'string';
    if (!isHandle || caller?.owner === undefined) throw new ProtocolError({ detail: `there is no use for a ${kind}` });
    this.#handles ??= new Handles(this);
    // Where that was given up nobody gets the handle, and a session may go on for days.
    const because = request?.isAbandoned ? 'closed' : request?.ownerEnd;
    if (because === undefined) return this.#handles.came(number as number, className, caller.owner, caller);
    return this.#handles.cameLate(number as number, className, caller.owner, caller, because);
  };

  /** Whether Node has a handle of any object that came by that lease or session. */
  hasObjectsOf(owner: HandleOwner): boolean {
    return this.#handles?.has(owner) ?? false;
  }

  /** Python has a kept function from now on, by that lease or session. */
  keep(kept: Kept, owner: HandleOwner): void {
    this.#kept ??= new KeptFunctions(this.pipe);
    this.#kept.add(kept, owner);
  }

  /** The kept function of that number; `undefined` if it was released. */
  kept(owner: HandleOwner, number: number): Kept | undefined {
    return this.#kept?.get(owner, number);
  }

  /** What the sessions that it keeps are lost by, once they are. */
  get sessionLoss(): SessionLoss {
    return this.isRetired ? 'worker-recycled' : 'worker-died';
  }

  /**
   * Lets Python drop the objects that came by a lease, and the functions that went by it, if any did.
   *
   * @param isUnused It has served nobody.
   */
  endLease(lease: LeaseId, isUnused = false): void {
    if (!isUnused) this.runtime.recycler?.returned(this);
    this.runtime.sizer?.returned(this);
    if (!this.#hasProven) this.#prove();
    const hadHandles = this.#handles?.end(lease, 'lease-ended');
    if (this.#kept?.end(lease) || hadHandles) this.pipe.say(encodeLeaseEnd(lease));
    // Its slot is for nobody, and those who wait for one of it may be left with the leases of calls that wait for them.
    if (this.isRetired) lookAgain();
  }

  /** A lease of it is given back, of which its chart has not heard yet. */
  #prove(): void {
    this.#hasProven = this.#chart().context.served + 1 >= LEASES_THAT_PROVE;
    if (!this.#hasProven) return;
    // Not in the middle of what a client does: nobody waits for that.
    soon(() => this.runtime.tellSupervisor({ type: 'worker.proven', worker: this.id, place: this.place }));
  }

  /** Lets Python drop what it keeps for a session. */
  endSession(session: string): void {
    this.#disown('session-ended', session);
    this.#handles?.end(session, 'session-ended');
    this.#kept?.end(session);
    this.pipe.say(encodeSessionEnd(session));
  }

  /** It can be asked from now on. */
  open(ready: ReadyMessage): void {
    this.pipe.open(ready);
    if (!this.pipe.takesSeveral) this.runtime.prefetch.isPossible = false;
    this.runtime.streams = new Set(ready.streams);
    this.#beginPulse();
    this.runtime.recycler?.joined(this);
    this.runtime.sizer?.joined(this);
  }

  /** It goes with the leases that it has, which keep the objects that came by them, and nobody new comes to it. */
  retire(): void {
    this.isRetired = true;
    this.#handles?.endSessions();
    this.#leaveSessions();
    this.runtime.refuseBoundTo(this.id);
  }

  /** It is told to end, or has ended. */
  leave(): void {
    this.#pulse?.end();
    this.#handles?.endAll();
    this.#leaveSessions();
  }

  /** Its process is gone: nothing comes from it any more, and nobody reads what is sent. */
  close(): void {
    this.pipe.close();
    this.#kept?.endAll();
    this.leave();
  }

  /** What it keeps for sessions is lost, unless the pool itself is at its end. */
  #leaveSessions(): void {
    this.runtime.recycler?.left(this);
    this.runtime.sizer?.left(this);
    this.#disown('worker-died');
    if (this.life.end.because !== 'stopped') this.runtime.sessions.workerLeft(this, this.sessionLoss);
  }

  /** What still comes by that session, or by any, comes too late. */
  #disown(because: HandleEnd, session?: string): void {
    for (const request of this.pipe.requests) {
      const owner = request.call?.caller?.owner;
      if (typeof owner === 'string' && owner === (session ?? owner)) request.ownerEnd ??= because;
    }
  }

  #beginPulse(): void {
    const { pingEveryMs, pingTimeoutMs, lane } = this.runtime.settings;
    if (pingEveryMs === undefined) return;
    const times = { everyMs: pingEveryMs, timeoutMs: pingTimeoutMs };
    this.#pulse = new Pulse(this.runtime.patience, times, {
      // In the lane `serial` it listens between calls alone.
      canAnswer: () => lane !== 'serial' || this.pipe.owes === 0,
      ask: (number) => this.life.process.send(encodePing(number)),
      onSilent: () => this.life.onSilent(),
    });
  }

  /** What the caller of a request that was never begun is told, and whoever asks for another under the lost lease. */
  lossOfLease({ lease, isAbandoned }: Exchange): EndedLease {
    const isRevoked = this.life.end.because === 'cancel-grace' && isAbandoned;
    const reason = this.life.end.because === 'stopped' ? 'pool-closed' : isRevoked ? 'revoked' : 'worker-died';
    return { lease, reason };
  }

  readonly onMessage = (message: MessageFromPython): void => {
    this.heardAt = this.runtime.clock.now();
    this.#pulse?.heard();
    busyPoll.came();
    this.#take(message);
    this.pipe.answersSoon();
  };

  #take(message: MessageFromPython): void {
    switch (message.type) {
      case 'reply':
        return this.pipe.onAnswer(message.id, message, message.tookUs);
      case 'part':
        return this.pipe.onPart(message);
      case 'mapped':
        return this.pipe.onMapped(message);
      case 'error':
        return this.pipe.onError(message);
      case 'items':
      case 'callback':
      case 'pull':
      case 'progress':
      case 'heartbeat':
        return this.pipe.onSaid(message);
      case 'pong':
        return this.#pulse?.answered(message.number);
      case 'log':
        return this.log(message);
      default:
        return this.life.onBoot(message);
    }
  }

  /** It has printed something. */
  log(message: LogMessage): void {
    if (message.stream !== 'stdout') this.life.boot.stderr.push(message.text);
    const request = message.call === null ? undefined : this.pipe.requestOf(message.call);
    const context = request?.batch?.context ?? request?.call?.context;
    this.runtime.news.log({ worker: this.name, ...message, context });
  }

  #told({ name, context }: Call, call: number, ranMs: number, stack: string | null): RunningCall {
    return { worker: this.name, pid: this.life.pid, call, name, ranMs, stack, context };
  }

  /** The call behind which they are kept was given up: they go as soon as that is answered, or with the worker. */
  revokeSpurned(): void {
    for (const exchange of this.exchanges) if (exchange?.isSpurned) exchange.revokeSpurned();
  }

  /** Now they are of use, to whoever is next. */
  giveBackSpurned(): void {
    this.hasSpurned = false;
    for (const exchange of [...this.exchanges]) if (exchange?.isSpurned) exchange.end();
  }

  /** Its leases are lost: in the order of what it was asked under them, in which those that go elsewhere are to ask there. */
  loseLeases(): void {
    for (const { exchange } of [...this.pipe.requests]) exchange.lost();
    for (const exchange of [...this.exchanges]) exchange?.lost();
  }
}
