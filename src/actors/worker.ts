import type { Actor } from 'xstate';
import {
  type KillReason,
  LEASES_THAT_PROVE,
  type LeaseId,
  type WorkerContext,
  type WorkerEvent,
  type WorkerId,
  type WorkerRef,
  workerMachine,
} from '../../machines/index.js';
import { remove } from '../base/remove.js';
import type { Call } from '../call/call.js';
import { callOf, lookAgain, type Parent, type Run } from '../call/children.js';
import { type Answer, type Exchange, isBegun, type Loss, type Request } from '../call/exchange.js';
import { Outbox } from '../call/outbox.js';
import { Parts } from '../call/parts.js';
import type { Started } from '../call/retries.js';
import { compile } from '../compile.js';
import {
  CallHungError,
  type EndedLease,
  type HandleEnd,
  type PoolError,
  ProtocolError,
  type SessionLoss,
} from '../errors.js';
import type { RunningCall } from '../events.js';
import type { Batch } from '../map/batch.js';
import { type HandleOwner, Handles } from '../objects/handle.js';
import { type Kept, KeptFunctions } from '../objects/keep.js';
import type { PoolSettings } from '../options.js';
import type { PythonProcess } from '../process/python-process.js';
import { CANCELLED_MAX } from '../process/start-mark.js';
import type { Runtime } from '../runtime.js';
import type { WorkerStats } from '../stats.js';
import { busyPoll } from '../time/busy-poll.js';
import { errorFromWire } from '../wire/error.js';
import {
  type ErrorMessage,
  encodeCancel,
  encodeLeaseEnd,
  encodePing,
  encodeSessionEnd,
  type LogMessage,
  type MappedMessage,
  type MessageDuringCall,
  type MessageFromPython,
  type PartMessage,
  type ReadyMessage,
} from '../wire/message.js';
import { HeldReplyWatch, repliesIn } from '../worker/held-replies.js';
import { Pulse } from '../worker/pulse.js';
import { hasLimit, Vigil } from '../worker/vigil.js';
import { WorkerLife } from '../worker/worker-life.js';
import { effect } from './effect.js';

/** The worker's chart with hands: it starts, asks and kills a real process. */
export function workerLogic(settings: PoolSettings) {
  return settings.compile ? compiled : interpreted;
}

interface ActionArgs {
  readonly context: WorkerContext;
  readonly event: WorkerEvent;
  readonly self: WorkerRef;
}

/** One worker's hands: what is asked of it under its leases, what it says to that, and what it keeps for them. */
export class WorkerHand {
  readonly id: WorkerId;
  readonly place: number;
  /** `worker-0`; its replacement has the same. */
  readonly name: string;
  readonly runtime: Runtime;
  /** How its process comes up and ends. */
  readonly life: WorkerLife;
  /** By slot: the exchange under the lease that is live there. */
  readonly exchanges: (Exchange | undefined)[] = [];
  /** What its call waits for where it stands, so that no other goes on: a plain function does so on a shared loop. */
  blockedBy: Run | undefined;
  /** A lease of it may be kept by a call that what it runs waits for, and that has no use for it. */
  hasSpurned = false;
  /** It goes with the leases that it has, and takes nobody new. */
  isRetired = false;
  /** The requests that wait for an answer, in the order in which they were sent. */
  readonly #asked: Request[] = [];
  /** It lives, and owes an answer. */
  #isAtWork = false;
  /** The last that it was sent. */
  #lastId = 0;
  readonly #worker: WorkerRef;
  readonly #process: PythonProcess;
  readonly #outbox: Outbox;
  /** Absent until the first object came. */
  #handles: Handles | undefined;
  /** Absent until the first function was sent that is kept. */
  #kept: KeptFunctions | undefined;
  /** A signal interrupts its call, and is not the end of it. */
  #interrupts = false;
  /** Absent unless it is to be pinged. */
  #pulse: Pulse | undefined;
  #heardAt: number | undefined;
  /** When it last answered a request. */
  #answeredAt = 0;
  /** Absent where every reply is sent at once. */
  #heldReplies: HeldReplyWatch | undefined;
  /** The answers that it had given and not sent at its end, by request. */
  #atEnd: ReadonlyMap<number, Answer> | undefined;
  /** Known once it was asked. */
  #pipes: boolean | undefined;
  /** It can open files of ours. */
  #shares = false;
  /** Nothing comes from it any more. */
  #isClosed = false;

  constructor(runtime: Runtime, { worker, place }: WorkerContext, self: WorkerRef) {
    this.id = worker;
    this.place = place;
    this.name = `worker-${place}`;
    this.runtime = runtime;
    this.#worker = self;
    this.life = new WorkerLife(runtime, this, self);
    this.#process = this.life.process;
    this.#outbox = new Outbox(
      (line, bin, isUrgent) => {
        this.#process.send(line, bin, isUrgent);
        this.#answersSoon();
      },
      (id) => this.#asker(id)?.call?.refuseForBytes(),
    );
  }

  /** The state of its chart. */
  get state() {
    return this.#chart.value;
  }

  /** How many of its leases are live, by its chart: on its way out it has none. */
  get liveLeases(): number {
    const { value, context } = this.#chart;
    return value === 'ending' || value === 'dead' ? 0 : context.live;
  }

  /** It can take one lease more. */
  get hasFreeSlot(): boolean {
    this.runtime.linger.end();
    return this.#takesLeases && this.liveLeases < this.runtime.settings.slots;
  }

  /** Nothing that it does by itself speaks against its start. */
  get isProven(): boolean {
    return this.#chart.context.served >= LEASES_THAT_PROVE;
  }

  /** It is up, and neither ends nor is about to. */
  get #takesLeases(): boolean {
    const { state } = this;
    return state === 'leased' || state === 'cancelling' || state === 'idle';
  }

  get #chart() {
    return this.#worker.getSnapshot() as ReturnType<Actor<typeof workerMachine>['getSnapshot']>;
  }

  /** A slot of it is leased. */
  get isLeased(): boolean {
    return this.exchanges.some((exchange) => exchange !== undefined);
  }

  /** More of its slots are leased than anybody may have: what is sent now is sent ahead. */
  get isBeyondItsSlots(): boolean {
    return this.#leases > this.runtime.settings.slots;
  }

  /** To how many requests it owes an answer. */
  get owes(): number {
    return this.#asked.length;
  }

  get #leases(): number {
    let leases = 0;
    for (const exchange of this.exchanges) if (exchange !== undefined) leases += 1;
    return leases;
  }

  /** A lease of it may stay for the rest of the turn: nobody waits, and the next call would be granted one of it anyway. */
  get mayLinger(): boolean {
    if (this.runtime.askers.size > 0 || !this.#reusesLeases) return false;
    const leases = this.#leases;
    const { slots } = this.runtime.settings;
    if (leases > slots) return this.runtime.sendsAhead;
    return slots === 1 || !this.runtime.hasFreerThan(leases - 1);
  }

  /** A lease of it may go on to who waits, and the coordinator would not decline that. */
  get mayOffer(): boolean {
    const { askers, settings } = this.runtime;
    if (askers.size === 0 || !this.#reusesLeases) return false;
    // In a crowd all of its slots are granted, and those that are free are granted together.
    const isFull = this.#leases === settings.slots + settings.prefetchMax;
    return isFull || (askers.size <= settings.sizeMax && !this.isBeyondItsSlots);
  }

  /** Its leases may outlast their calls: it takes more of them, and needs to give none back to prove that its start was good. */
  get #reusesLeases(): boolean {
    const { endedBy, recycler, sizer } = this.runtime;
    // Those count leases, or the time between them.
    if (endedBy !== undefined || recycler !== undefined || sizer !== undefined) return false;
    return this.#takesLeases && this.isProven;
  }

  /** The request that is to be sent next. */
  request(call: Call | undefined, batch: Batch | undefined, exchange: Exchange): Request {
    const id = this.#nextId();
    const lastId = batch === undefined ? id : this.runtime.nextRequestId(batch.count - 1);
    this.#lastId = lastId;
    const request = {
      id,
      lastId,
      call,
      batch,
      exchange,
      isAbandoned: false,
      isRevoked: false,
      wasBegun: false,
      isAhead: false,
    };
    this.#asked.push(request);
    this.#noteWork();
    return request;
  }

  /** One whose word on the page of those who are given up is that of no other that is unanswered: of two of them one would be begun. */
  #nextId(): number {
    let id = this.runtime.nextRequestId();
    while (this.#sharesWord(id)) id = this.runtime.nextRequestId();
    return id;
  }

  #sharesWord(id: number): boolean {
    const oldest = this.#asked[0];
    // Most come close behind each other. And where more are unanswered than there are words, some share theirs.
    if (oldest === undefined || id - oldest.id < CANCELLED_MAX || this.#asked.length >= CANCELLED_MAX) return false;
    return this.#asked.some((each) => (id - each.id) % CANCELLED_MAX === 0);
  }

  send({ id, lastId, call, batch }: Request): void {
    const isUrgent = this.#asked.length === 1;
    if (!isUrgent) this.#heldReplies?.begin();
    if (call !== undefined) this.#outbox.request(id, call, this.#shares, isUrgent);
    else if (batch !== undefined) this.#outbox.batch(id, lastId, batch.lineFrom(id));
  }

  /**
   * Requests may follow each other without waiting for answers: Python runs one after the other, and the page that it
   * shares says which it has begun, and tells it which it need not begin.
   */
  get pipes(): boolean {
    this.#pipes ??= this.runtime.settings.lane === 'serial' && this.#process.mark?.read() !== undefined;
    return this.#pipes;
  }

  /** What it does, and when it was heard of. */
  get stats(): WorkerStats {
    const now = this.runtime.clock.now();
    return {
      worker: this.name,
      id: this.id,
      pid: this.life.pid,
      calls: this.#asked.reduce((calls, { batch }) => calls + (batch ? batch.count - batch.answered : 1), 0),
      heardMsAgo: this.#heardAt === undefined ? null : Math.round(now - this.#heardAt),
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
        this.life.whereItStands((stack) => this.runtime.emit('call.slow', this.#told(call, id, ranMs, stack))),
      onHung: (by, ranMs, limitMs) => {
        this.life.whereItStands((stack) => {
          this.runtime.emit('call.hung', { ...this.#told(call, id, ranMs, stack), by });
          // Of two signals in a row, the kernel may give the second to another thread, and the main one sleeps on.
          if (this.#asker(id) !== undefined) this.#process.cancel(id, this.#interrupts);
        });
        call.abandon(new CallHungError({ call: call.name, by, limitMs, ranMs }), 'timedOut');
      },
      isExcused: () => call.isOwed,
    });
  }

  /** Takes back a request that was not sent, since its arrays are still being written. False: it was sent. */
  withdraw(request: Request): boolean {
    if (!this.#outbox.withdraw(request.id)) return false;
    this.answered(request);
    this.goOn();
    return true;
  }

  /** Sends something that belongs to a request under way. */
  say(line: string, bin?: readonly Uint8Array[]): void {
    this.#outbox.send(line, bin);
  }

  /** Python has come to its request. In the lane `serial` those behind the first wait in the pipe. */
  runs(request: Request): boolean {
    return this.runtime.settings.lane !== 'serial' || this.#asked[0] === request;
  }

  /** The calls that it has not come to, the last first. */
  get piped(): Call[] {
    const behind = this.#asked.filter((request) => !this.runs(request));
    return behind.flatMap(({ call }) => call ?? []).reverse();
  }

  /** The call behind which one would wait that were sent now; undefined once Python lets go of that. */
  get inFront(): Parent | undefined {
    if (this.runtime.settings.lane !== 'serial') return callOf(this.blockedBy);
    const [first] = this.#asked;
    return first?.isAbandoned === false ? first.call : undefined;
  }

  /** What it runs was given up, and keeps waiting whatever is behind that for as long as it takes. */
  get isHeldUp(): boolean {
    return this.#asked[0]?.isRevoked ?? false;
  }

  /** The one that Python runs, where `request` waits in the pipe. */
  ahead(request: Request): Request | undefined {
    return this.runs(request) ? undefined : this.#asked[0];
  }

  /** Lets Python see, before it comes to a request in the pipe, that nobody waits for it any more. */
  forestall({ id, batch }: Request): void {
    // Before a batch it looks in any case. Of two signals in a row, a thread that sleeps may not hear the second.
    this.#process.cancel(id, this.#interrupts && batch === undefined);
  }

  /** Asks Python to end the call that nobody waits for any more. */
  interrupt(slot: number): void {
    const id = this.exchanges[slot]?.requestId;
    if (id === undefined) return;
    this.#process.cancel(id, this.#interrupts);
    this.#outbox.send(encodeCancel(id));
  }

  /** What an entry of `rich` stands for that is no value, in a message about the request `id`: a handle of an object, or a part of the answer. */
  readonly resolve = (kind: string, data: readonly unknown[], id: unknown): unknown => {
    const [number, className] = data;
    const request = this.#asker(id as number);
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
    this.#kept ??= new KeptFunctions(this);
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
    const hadHandles = this.#handles?.end(lease, 'lease-ended');
    if (this.#kept?.end(lease) || hadHandles) this.#outbox.send(encodeLeaseEnd(lease));
    // Its slot is for nobody, and those who wait for one of it may be left with the leases of calls that wait for them.
    if (this.isRetired) lookAgain();
  }

  /** Lets Python drop what it keeps for a session. */
  endSession(session: string): void {
    this.#disown('session-ended', session);
    this.#handles?.end(session, 'session-ended');
    this.#kept?.end(session);
    this.#outbox.send(encodeSessionEnd(session));
  }

  /** Python may hold replies back, which are looked for from now on. False: it is to send each at once. */
  looksForReplies(): boolean {
    const { clock, settings } = this.runtime;
    if (settings.lane !== 'serial' || this.#process.mark?.heldReplies === undefined) return false;
    this.#heldReplies = new HeldReplyWatch(clock, {
      hasSeveral: () => this.#asked.length > 1,
      read: () => this.#process.mark?.heldReplies?.(),
      isOwed: (id) => this.#asker(id) !== undefined,
      onReply: this.onMessage,
    });
    return true;
  }

  /** It can be asked from now on. */
  open({ interrupts, shares = false, streams }: ReadyMessage): void {
    this.#interrupts = interrupts;
    this.#shares = shares;
    if (!this.pipes) this.runtime.prefetch.isPossible = false;
    this.runtime.streams = new Set(streams);
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
    this.#isClosed = true;
    this.#noteWork();
    this.#heldReplies?.end();
    this.#kept?.endAll();
    this.#outbox.close();
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
    for (const request of this.#asked) {
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
      canAnswer: () => lane !== 'serial' || this.#asked.length === 0,
      ask: (number) => this.#process.send(encodePing(number)),
      onSilent: () => this.life.onSilent(),
    });
  }

  /** Whether that request is, or was, on the line. */
  hasSent(id: number): boolean {
    return this.#outbox.hasSent(id);
  }

  /** Whether Python has begun with that request. */
  hasStarted(id: number): Started {
    if (!this.hasSent(id)) return false;
    const last = this.#process.mark?.read();
    return last === undefined ? 'unknown' : id <= last;
  }

  /** How a request was lost that will not be answered. */
  loss(request: Request, call: Call): Loss {
    const started = this.hasStarted(request.id);
    if (this.life.end.because === 'stopped') return { error: this.runtime.refusal('closed'), started, isFinal: true };
    // It ended by itself while that request ran.
    if (started !== false && this.life.end.isUnasked && this.runs(request)) {
      this.runtime.prefetch.broke(call);
      const isSpent = call.died();
      // Of what was asked of it, one alone can have run.
      const ranAlone = this.runtime.settings.lane === 'serial' || this.#asked.length === 1;
      this.runtime.poison.died(call, this.id, isSpent && ranAlone);
    } else if (started !== false && request.isRevoked) {
      this.runtime.prefetch.hung(call, this.#asked[1]?.isAhead === true);
    }
    return { error: this.life.end.lossOf(call.name, call.toldAs(started)), started, isFinal: false };
  }

  /** How the call with that id was lost, of a batch that will not be answered. */
  lossOfItem(batch: Batch, id: number): Loss {
    const started = this.hasStarted(id);
    if (this.life.end.because === 'stopped') return { error: this.runtime.refusal('closed'), started, isFinal: true };
    // Those before it were run to their ends, and their answers are lost with it.
    if (this.life.end.isUnasked && id === this.#process.mark?.read()) {
      this.runtime.poison.died({ name: batch.name, ...batch.requestOfNext() }, this.id, false);
    }
    return { error: this.life.end.lossOf(batch.name, { started, attempts: 1 }), started, isFinal: false };
  }

  /** What the caller of a request that was never begun is told, and whoever asks for another under the lost lease. */
  lossOfLease({ lease, isAbandoned }: Exchange): EndedLease {
    const isRevoked = this.life.end.because === 'cancel-grace' && isAbandoned;
    const reason = this.life.end.because === 'stopped' ? 'pool-closed' : isRevoked ? 'revoked' : 'worker-died';
    return { lease, reason };
  }

  readonly onMessage = (message: MessageFromPython): void => {
    this.#heardAt = this.runtime.clock.now();
    this.#pulse?.heard();
    busyPoll.came();
    this.#take(message);
    this.#answersSoon();
  };

  #take(message: MessageFromPython): void {
    switch (message.type) {
      case 'reply':
        return this.#answered(message.id, { value: message.value }, message.tookUs);
      case 'part':
        return this.#partCame(message);
      case 'mapped':
        return this.#mapped(message);
      case 'error':
        return this.#answered(message.id, { error: this.#errorOf(message), started: message.started }, message.tookUs);
      case 'items':
      case 'callback':
      case 'pull':
      case 'progress':
      case 'heartbeat':
        if (this.#heard(message)) return;
        return this.life.broke(`\`${message.type}\` for request ${message.id}, which has no use for it`);
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
    const request = message.call === null ? undefined : this.#asker(message.call);
    const context = request?.batch?.context ?? request?.call?.context;
    this.runtime.log({ worker: this.name, ...message, context });
  }

  /** What has no call's mark on it can be told to belong to one if only that one is unanswered. */
  get onlyRequest(): number | null {
    const [first] = this.#asked;
    return this.#asked.length === 1 && first!.id === first!.lastId ? first!.id : null;
  }

  #told({ name, context }: Call, call: number, ranMs: number, stack: string | null): RunningCall {
    return { worker: this.name, pid: this.life.pid, call, name, ranMs, stack, context };
  }

  #answered(id: number, answer: Answer, tookUs: number | undefined): void {
    const request = this.#asker(id);
    if (request === undefined && this.#heldReplies?.sent(id)) return;
    if (request?.batch !== undefined && request.exchange.answerOne(request, request.batch, id, answer)) return;
    if (request?.call === undefined) return this.life.broke(`an answer to request ${id}, which nobody asked`);
    this.#outbox.answered(id);
    const { poison } = this.runtime;
    // What was never begun has not survived anything.
    if (!poison.isEmpty && isBegun(answer)) poison.survived(request.call);
    this.answered(request);
    this.#measure(request.call, answer, tookUs);
    request.exchange.answer(request, answer);
    this.goOn();
  }

  #mapped(message: MappedMessage): void {
    const request = this.#asker(message.id);
    if (request?.exchange.answerMapped(request, message)) return;
    this.life.broke(`answers to requests from ${message.id} on, which nobody asked in that order`);
  }

  /** To a worker at its end: the answer that Python gave to that request and has not sent, whatever it ends of. */
  heldAnswer({ id }: Request): Answer | undefined {
    this.#atEnd ??= this.#takeAtEnd();
    return this.#atEnd.get(id);
  }

  /** What has been answered is not what it ended of. */
  #takeAtEnd(): ReadonlyMap<number, Answer> {
    const answers = new Map<number, Answer>();
    for (const { id, value } of repliesIn(this.#process.mark?.heldReplies?.()?.lines ?? [])) {
      const request = this.#asker(id);
      if (request?.call === undefined) continue;
      this.answered(request);
      this.runtime.poison.survived(request.call);
      answers.set(id, { value });
    }
    return answers;
  }

  #partCame(message: PartMessage): void {
    const { id } = message;
    const request = this.#asker(id);
    if (request === undefined) return this.life.broke(`\`part\` for request ${id}, which has no use for it`);
    if (request.parts?.id !== id) request.parts = new Parts(id);
    const bytes = request.parts.add(message);
    const { messageBytesMax } = this.runtime.settings.limits;
    if (bytes <= messageBytesMax) return;
    this.life.broke(`parts of ${bytes} bytes for request ${id}, and \`messageBytesMax\` is ${messageBytesMax}`);
  }

  #heard(message: MessageDuringCall): boolean {
    const request = this.#asker(message.id);
    // A thread that the function has left behind may have told so as the answer was on its way.
    const isLate = message.id <= this.#lastId && (message.type === 'progress' || message.type === 'heartbeat');
    return request?.exchange.hear(request, message) ?? isLate;
  }

  /** The request of that id: the first, where Python runs one after the other. */
  #asker(id: number): Request | undefined {
    for (const request of this.#asked) if (request.id <= id && id <= request.lastId) return request;
    return undefined;
  }

  /** It owes no answer to that request any more. */
  answered(request: Request): void {
    remove(this.#asked, request);
    this.#noteWork();
  }

  /** How long it ran: from the answer before it, if it was in the pipe by then. */
  #measure(call: Call, answer: Answer, tookUs: number | undefined): void {
    const now = this.#heardAt as number;
    const since = Math.max(call.sentAt ?? now, this.#answeredAt);
    this.#answeredAt = now;
    // What was given up in the pipe never ran.
    if (!call.isPlain || !isBegun(answer)) return;
    // Of a short one Python says nothing, and one that shares no page with Node never does.
    const tookMs = this.#heldReplies && (tookUs === undefined ? 0 : Math.max(tookUs, 1) / 1000);
    this.runtime.prefetch.ran(call, now - since, tookMs, this.#asked[0]?.isAhead === true);
  }

  #noteWork(): void {
    const isAtWork = this.#asked.length > 0 && !this.#isClosed;
    if (isAtWork === this.#isAtWork) return;
    this.#isAtWork = isAtWork;
    busyPoll.atWork += isAtWork ? 1 : -1;
  }

  /** Something may come from it, if anybody waits for that. */
  #answersSoon(): void {
    if (!busyPoll.hasRoom || !this.runtime.settings.busyPoll) return;
    if (this.#asked.some(({ isAbandoned }) => !isAbandoned)) busyPoll.soon();
  }

  /** Python comes to the next. */
  goOn(): void {
    const next = this.#asked[0];
    next?.exchange.onRunning(next);
    if (this.hasSpurned) this.giveBackSpurned();
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
    for (const { exchange } of [...this.#asked]) exchange.lost();
    for (const exchange of [...this.exchanges]) exchange?.lost();
  }

  #errorOf({ id, error }: ErrorMessage): PoolError {
    const request = this.#asker(id);
    return errorFromWire(error, request?.batch?.name ?? request?.call?.name, request?.call?.thrown);
  }
}

const interpreted = workerMachine.provide({
  actions: {
    startProcess: effect((runtime, { context, self }: ActionArgs) => {
      runtime.hands.set(self, new WorkerHand(runtime, context, self));
    }),
    interruptCall: effect((runtime, { event, self }: ActionArgs) =>
      runtime.hands.get(self)?.interrupt((event as WorkerEvent & { type: 'lease.revoked' }).slot),
    ),
    beginRetirement: effect((runtime, { self }: ActionArgs) => runtime.hands.get(self)?.life.retire()),
    askToStop: effect((runtime, { self }: ActionArgs) => runtime.hands.get(self)?.life.ask()),
    terminateProcess: effect((runtime, { self }: ActionArgs) => runtime.hands.get(self)?.life.terminate()),
    killProcess: effect((runtime, { self }: ActionArgs, { because }: { because: KillReason }) =>
      runtime.hands.get(self)?.life.kill(because),
    ),
  },
});
const compiled = compile(interpreted);
