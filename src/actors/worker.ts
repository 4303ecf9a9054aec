import {
  type KillReason,
  type LeaseId,
  type WorkerContext,
  type WorkerEvent,
  type WorkerId,
  type WorkerRef,
  workerMachine,
} from '../../machines/index.js';
import type { Batch } from '../batch.js';
import { Boot } from '../boot.js';
import { busyPoll } from '../busy-poll.js';
import type { Call } from '../call.js';
import { callOf, type Parent, type Run } from '../children.js';
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
import { type Answer, type Exchange, isBegun, type Loss, type Request } from '../exchange.js';
import { type HandleOwner, Handles } from '../handle.js';
import { HeldReplyWatch, repliesIn } from '../held-replies.js';
import { type Kept, KeptFunctions } from '../keep.js';
import type { PoolSettings } from '../options.js';
import { Outbox } from '../outbox.js';
import { Parts } from '../parts.js';
import type { ProcessEnd, ProcessListeners, PythonProcess } from '../process/python-process.js';
import { StackDumps } from '../process/stack-dump.js';
import { CANCELLED_MAX } from '../process/start-mark.js';
import { Pulse } from '../pulse.js';
import { remove } from '../remove.js';
import type { Started } from '../retries.js';
import type { Runtime } from '../runtime.js';
import type { WorkerStats } from '../stats.js';
import { asNobody } from '../turn.js';
import { hasLimit, Vigil } from '../vigil.js';
import { errorFromWire } from '../wire/error.js';
import {
  type ErrorMessage,
  encodeCancel,
  encodeLeaseEnd,
  encodePing,
  encodeSessionEnd,
  encodeStop,
  type HelloMessage,
  type LogMessage,
  type MappedMessage,
  type MessageDuringCall,
  type MessageFromPython,
  type PartMessage,
  type ReadyMessage,
} from '../wire/message.js';
import { WorkerEnd } from '../worker-end.js';
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

/** One worker's hands for one life: its process, its line, and what is known of its end. */
export class WorkerHand implements ProcessListeners {
  readonly id: WorkerId;
  readonly place: number;
  /** `worker-0`; its replacement has the same. */
  readonly name: string;
  /** By slot: the exchange under the lease that is live there. */
  readonly exchanges: (Exchange | undefined)[] = [];
  /** What its call waits for where it stands, so that no other goes on: a plain function does so on a shared loop. */
  blockedBy: Run | undefined;
  /** A lease of it may be kept by a call that what it runs waits for, and that has no use for it. */
  hasSpurned = false;
  /** The requests that wait for an answer, in the order in which they were sent. */
  readonly #asked: Request[] = [];
  /** It lives, and owes an answer. */
  #isAtWork = false;
  /** The last that it was sent. */
  #lastId = 0;
  readonly runtime: Runtime;
  readonly #worker: WorkerRef;
  readonly #process: PythonProcess;
  readonly #outbox: Outbox;
  readonly #boot: Boot;
  /** Absent until the first object came. */
  #handles: Handles | undefined;
  /** Absent until the first function was sent that is kept. */
  #kept: KeptFunctions | undefined;
  readonly #startedAt: number;
  #pid: number | undefined;
  /** A signal interrupts its call, and is not the end of it. */
  #interrupts = false;
  /** What it writes of where it stands; absent where no signal lets it. */
  #dumps: StackDumps | undefined;
  /** Absent unless it is to be pinged. */
  #pulse: Pulse | undefined;
  #heardAt: number | undefined;
  /** When it last answered a request. */
  #answeredAt = 0;
  /** Absent where every reply is sent at once. */
  #heldReplies: HeldReplyWatch | undefined;
  /** The requests whose replies were taken before Python has sent them. */
  readonly #taken = new Set<number>();
  /** The answers that it had given and not sent at its end, by request. */
  #atEnd: ReadonlyMap<number, Answer> | undefined;
  /** Known once it was asked. */
  #pipes: boolean | undefined;
  /** It can open files of ours. */
  #shares = false;
  readonly #end: WorkerEnd;
  /** It was started before its modules changed, and is replaced as soon as it has come up. */
  #isStale = false;
  #isRetired = false;
  /** Python's own, which is not the pid of a wrapper that stands between. */
  #pythonPid: number | undefined;
  #isKilled = false;

  constructor(runtime: Runtime, { worker, place }: WorkerContext, self: WorkerRef) {
    this.id = worker;
    this.place = place;
    this.name = `worker-${place}`;
    this.runtime = runtime;
    this.#worker = self;
    this.#startedAt = runtime.clock.now();
    this.#process = asNobody(() => runtime.startPython(() => runtime.python.launch(), this));
    this.#boot = new Boot(runtime, this.name, this.#process);
    this.#end = new WorkerEnd(this.name, this.#boot, runtime.settings.resources.cpuSeconds);
    this.#outbox = new Outbox((line, bin, isUrgent) => {
      this.#process.send(line, bin, isUrgent);
      this.#answersSoon();
    });
  }

  get pythonPid(): number | undefined {
    return this.#pythonPid;
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
    if (this.runtime.asking > 0 || !this.#reusesLeases) return false;
    const leases = this.#leases;
    const { slots } = this.runtime.settings;
    if (leases > slots) return this.runtime.sendsAhead;
    return slots === 1 || !this.runtime.hasFreerThan(leases - 1);
  }

  /** A lease of it may go on to who waits, and the coordinator would not decline that. */
  get mayOffer(): boolean {
    const { asking, settings } = this.runtime;
    if (asking === 0 || !this.#reusesLeases) return false;
    // In a crowd all of its slots are granted, and those that are free are granted together.
    const isFull = this.#leases === settings.slots + settings.prefetchMax;
    return isFull || (asking <= settings.sizeMax && !this.isBeyondItsSlots);
  }

  /** Its leases may outlast their calls: it takes more of them, and needs to give none back to prove that its start was good. */
  get #reusesLeases(): boolean {
    const runtime = this.runtime;
    return runtime.reusesLeases && runtime.takesLeases(this.#worker) && runtime.isProven(this.#worker);
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
    this.#pipes ??= this.runtime.settings.lane === 'serial' && this.#process.lastStarted() !== undefined;
    return this.#pipes;
  }

  /** What of it is known here. */
  get stats(): Omit<WorkerStats, 'state' | 'leases'> {
    const now = this.runtime.clock.now();
    return {
      worker: this.name,
      id: this.id,
      pid: this.#pid,
      calls: this.#asked.reduce(
        (calls, { batch }) => calls + (batch === undefined ? 1 : batch.count - batch.answered),
        0,
      ),
      heardMsAgo: this.#heardAt === undefined ? null : Math.round(now - this.#heardAt),
      ping: this.#pulse?.state ?? null,
    };
  }

  /** Watches a call that Python has come to, if it has limits. */
  watch(call: Call, id: number): Vigil | undefined {
    const { softLimitMs, hardLimitMs } = this.runtime.settings;
    const limits = { softLimitMs, hardLimitMs, heartbeatTimeoutMs: call.heartbeatTimeoutMs };
    if (!hasLimit(limits)) return undefined;
    return new Vigil(this.runtime.patience, limits, {
      onSlow: (ranMs) =>
        this.#whereItStands((stack) => this.runtime.emit('call.slow', this.#told(call, id, ranMs, stack))),
      onHung: (by, ranMs, limitMs) => {
        this.#whereItStands((stack) => {
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

  /** It goes with the leases that it has, and takes nobody new. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** What the sessions that it keeps are lost by, once they are. */
  get sessionLoss(): SessionLoss {
    return this.#isRetired ? 'worker-recycled' : 'worker-died';
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
    if (this.#isRetired) this.runtime.lookForDeadlocks();
  }

  /** Lets Python drop what it keeps for a session. */
  endSession(session: string): void {
    this.#disown('session-ended', session);
    this.#handles?.end(session, 'session-ended');
    this.#kept?.end(session);
    this.#outbox.send(encodeSessionEnd(session));
  }

  /**
   * Asks the process to run its teardown and end; one that does not read its line yet is told by signal at once. A step
   * that has no time is left out.
   */
  ask(): void {
    this.#end.because ??= this.#isRetired ? 'retired' : 'stopped';
    if (!this.#boot.isUp) this.terminate();
    else if (this.runtime.settings.stopGraceMs > 0) this.#outbox.send(encodeStop());
    this.#pulse?.end();
    this.#leaveSessions();
  }

  /** Tells the process, and what it has started, to end by the signal that may be heeded or not. */
  terminate(): void {
    if (!this.#isKilled && this.runtime.settings.termGraceMs > 0) this.#process.signal('SIGTERM');
  }

  /**
   * It was started before its modules changed. False: it is on its way out as it is, or has those that there are now,
   * or will have.
   */
  replace(): boolean {
    if (this.#isRetired || this.#end.because !== undefined || this.#process.isUpToDate) return false;
    this.#isStale = true;
    if (this.#boot.isUp) this.#worker.send({ type: 'worker.retire' });
    return true;
  }

  /** It is asked to end once its leases have, and nobody new comes to it. */
  retire(): void {
    const reason = this.runtime.recycler?.reasonFor(this) ?? (this.#isStale ? 'reload' : 'unused');
    this.runtime.counters.retired[reason] += 1;
    this.runtime.emit('worker.retired', { worker: this.name, id: this.id, pid: this.#pid, reason });
    this.#isRetired = true;
    this.#leaveSessions();
    this.runtime.refuseBoundTo(this.id);
  }

  /** Ends the process group at once. */
  kill(because: KillReason): void {
    this.#end.because ??= because;
    this.#isKilled = true;
    this.#process.signal('SIGKILL');
    this.#pulse?.end();
    this.#leaveSessions();
  }

  /** Whether that request is, or was, on the line. */
  hasSent(id: number): boolean {
    return this.#outbox.hasSent(id);
  }

  /** Whether Python has begun with that request. */
  hasStarted(id: number): Started {
    if (!this.hasSent(id)) return false;
    const last = this.#process.lastStarted();
    return last === undefined ? 'unknown' : id <= last;
  }

  /** How a request was lost that will not be answered. */
  loss(request: Request, call: Call): Loss {
    const started = this.hasStarted(request.id);
    if (this.#end.because === 'stopped') return { error: this.runtime.refusal('closed'), started, isFinal: true };
    // It ended by itself while that request ran.
    if (started !== false && this.#end.isUnasked && this.runs(request)) {
      this.runtime.prefetch.broke(call);
      const isSpent = call.died();
      this.runtime.poison.died(call, this.id, isSpent && this.#ranAlone);
    } else if (started !== false && request.isRevoked) {
      this.runtime.prefetch.hung(call, this.#asked[1]?.isAhead === true);
    }
    return { error: this.#end.lossOf(call.name, call.toldAs(started)), started, isFinal: false };
  }

  /** How the call with that id was lost, of a batch that will not be answered. */
  lossOfItem(batch: Batch, id: number): Loss {
    const started = this.hasStarted(id);
    if (this.#end.because === 'stopped') return { error: this.runtime.refusal('closed'), started, isFinal: true };
    // Those before it were run to their ends, and their answers are lost with it.
    if (this.#end.isUnasked && id === this.#process.lastStarted()) {
      this.runtime.poison.died({ name: batch.name, ...batch.requestOfNext() }, this.id, false);
    }
    return { error: this.#end.lossOf(batch.name, { started, attempts: 1 }), started, isFinal: false };
  }

  /** What the caller of a request that was never begun is told, and whoever asks for another under the lost lease. */
  lossOfLease({ lease, isAbandoned }: Exchange): EndedLease {
    const isRevoked = this.#end.because === 'cancel-grace' && isAbandoned;
    const reason = this.#end.because === 'stopped' ? 'pool-closed' : isRevoked ? 'revoked' : 'worker-died';
    return { lease, reason };
  }

  onSpawned(pid: number): void {
    this.#pid = pid;
  }

  onLoading(): void {
    this.#boot.onLoading();
  }

  onMessage(message: MessageFromPython): void {
    this.#heardAt = this.runtime.clock.now();
    this.#pulse?.heard();
    busyPoll.came();
    this.#take(message);
    this.#answersSoon();
  }

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
        return this.#unasked(`\`${message.type}\` for request ${message.id}, which has no use for it`);
      case 'pong':
        return this.#pulse?.answered(message.number);
      case 'log':
        if (message.stream !== 'stdout') this.#boot.stderr.push(message.text);
        return this.#log(message);
      case 'hello':
        if (this.#pythonPid !== undefined) return this.#unasked('a second `hello`');
        return this.#helloed(message);
      case 'ready':
        if (this.#pythonPid === undefined || this.#boot.isUp) return this.#unasked('`ready` out of its turn');
        // It was told to end as that was on its way, and never takes a lease.
        if (this.#end.because !== undefined) return;
        return this.#readied(message);
      case 'failed':
        if (this.#boot.isUp) return this.#unasked('`failed` out of its turn');
        this.#end.fault = this.#boot.onFailed(message);
        return this.#worker.send({ type: 'process.unfit' });
    }
  }

  onOutput(stream: 'stdout' | 'stderr', text: string): void {
    if (stream === 'stderr' && this.#dumps?.take(text)) return;
    if (stream === 'stderr') this.#boot.stderr.push(text);
    this.#log({ type: 'log', stream, call: this.#onlyRequest(), text });
  }

  onUnfit(error: PoolError): void {
    this.#end.unfit(error);
    this.#worker.send({ type: 'process.unfit' });
  }

  onFailed(error: unknown): void {
    this.#ended({ exitCode: null, signal: null }, error);
    this.#worker.send({ type: 'process.failed' });
    this.runtime.hands.delete(this.#worker);
    this.runtime.lookForDeadlocks();
  }

  onExited(exit: ProcessEnd, isBlameless = false): void {
    this.#end.exit = exit;
    this.#ended(exit, this.#end.bootFailure);
    this.#worker.send({ type: 'process.exited', byItself: this.#end.isByItself, isBlameless });
    this.runtime.hands.delete(this.#worker);
    // Nobody follows one whose replacement is up already, nor a replacement that has not come up.
    this.runtime.lookForDeadlocks();
  }

  onFault(error: unknown): void {
    this.runtime.fault(error);
    // An answer may be lost with it, and nobody must wait for ever.
    this.onUnfit(new ProtocolError({ detail: 'what it said could not be taken in', worker: this.name }));
  }

  #log(message: LogMessage): void {
    const request = message.call === null ? undefined : this.#asker(message.call);
    const context = request?.batch?.context ?? request?.call?.context;
    this.runtime.log({ worker: this.name, ...message, context });
  }

  #helloed(hello: HelloMessage): void {
    this.#pythonPid = hello.pid;
    const { interrupt, lane } = this.runtime.settings;
    // A wrapper that stands between has no use for the signal, and no other lane than this one is interrupted by it.
    const isDirect = hello.pid === this.#pid;
    const interrupts = interrupt && (lane !== 'serial' || isDirect);
    const holds = lane === 'serial' && this.#process.hasStartMark && this.#process.heldReplies !== undefined;
    if (holds) {
      this.#heldReplies = new HeldReplyWatch(this.runtime.clock, {
        hasSeveral: () => this.#asked.length > 1,
        read: () => this.#process.heldReplies?.(),
        take: (lines) => this.#takeHeld(lines),
      });
    }
    const { shortUs } = this.runtime.prefetch;
    const held = holds && { replyPage: true, ...(shortUs !== undefined && { shortUs }) };
    const wanted = { interrupts, stacks: isDirect, ...held };
    const failure = this.#boot.onHello(hello, wanted);
    if (failure === undefined) return;
    this.#end.fault = failure;
    this.#worker.send({ type: 'process.unfit' });
  }

  #readied(message: ReadyMessage): void {
    this.#boot.isUp = true;
    this.#interrupts = message.interrupts;
    const { clock, settings } = this.runtime;
    if (message.stacks) this.#dumps = new StackDumps(clock, settings.libraryPath, () => this.#process.dumpStacks());
    this.#beginPulse();
    this.#shares = message.shares ?? false;
    if (!this.pipes) this.runtime.prefetch.isPossible = false;
    this.runtime.streams = new Set(message.streams);
    this.runtime.emit('worker.ready', {
      worker: this.name,
      id: this.id,
      pid: this.#pid,
      bootMs: Math.round(clock.now() - this.#startedAt),
    });
    if (message.files !== undefined) this.runtime.reloader?.follow(message.files);
    this.runtime.recycler?.joined(this);
    this.runtime.sizer?.joined(this);
    this.#worker.send({ type: 'process.ready' });
    if (this.#isStale) this.#worker.send({ type: 'worker.retire' });
  }

  #beginPulse(): void {
    const { pingEveryMs, pingTimeoutMs, lane } = this.runtime.settings;
    if (pingEveryMs === undefined) return;
    this.#pulse = new Pulse(
      this.runtime.patience,
      { everyMs: pingEveryMs, timeoutMs: pingTimeoutMs },
      {
        // In the lane `serial` it listens between calls alone.
        canAnswer: () => lane !== 'serial' || this.#asked.length === 0,
        ask: (number) => this.#process.send(encodePing(number)),
        onSilent: () => {
          this.#end.because ??= 'unresponsive';
          this.#worker.send({ type: 'process.unfit' });
        },
      },
    );
  }

  /** Tells where its threads stand, as far as it says so within a moment. */
  #whereItStands(tell: (stack: string | null) => void): void {
    if (this.#dumps === undefined || this.#end.exit !== undefined) return tell(null);
    this.#dumps.ask(tell);
  }

  #told({ name, context }: Call, call: number, ranMs: number, stack: string | null): RunningCall {
    return { worker: this.name, pid: this.#pid, call, name, ranMs, stack, context };
  }

  #answered(id: number, answer: Answer, tookUs: number | undefined): void {
    const request = this.#asker(id);
    if (request === undefined && this.#taken.delete(id)) return;
    if (request?.batch !== undefined && request.exchange.answerOne(request, request.batch, id, answer)) return;
    if (request?.call === undefined) return this.#unasked(`an answer to request ${id}, which nobody asked`);
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
    this.#unasked(`answers to requests from ${message.id} on, which nobody asked in that order`);
  }

  /** Takes replies that Python has given and not sent yet. */
  #takeHeld(lines: readonly string[]): void {
    for (const reply of repliesIn(lines)) {
      if (this.#asker(reply.id) === undefined) continue;
      this.onMessage(reply);
      this.#taken.add(reply.id);
    }
  }

  /** To a worker at its end: the answer that Python gave to that request and has not sent, whatever it ends of. */
  heldAnswer({ id }: Request): Answer | undefined {
    this.#atEnd ??= this.#takeAtEnd();
    return this.#atEnd.get(id);
  }

  /** What has been answered is not what it ended of. */
  #takeAtEnd(): ReadonlyMap<number, Answer> {
    const answers = new Map<number, Answer>();
    for (const { id, value } of repliesIn(this.#process.heldReplies?.()?.lines ?? [])) {
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
    if (request === undefined) return this.#unasked(`\`part\` for request ${id}, which has no use for it`);
    if (request.parts?.id !== id) request.parts = new Parts(id);
    const bytes = request.parts.add(message);
    const { messageBytesMax } = this.runtime.settings.limits;
    if (bytes <= messageBytesMax) return;
    this.#unasked(`parts of ${bytes} bytes for request ${id}, and \`messageBytesMax\` is ${messageBytesMax}`);
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
    const isFollowed = this.#asked[0]?.isAhead === true;
    this.runtime.prefetch.ran(call, now - since, this.#tookMs(tookUs), isFollowed);
  }

  /** Of a call that was short Python says nothing, and one that shares no page with Node never does. */
  #tookMs(toldUs: number | undefined): number | undefined {
    if (this.#heldReplies === undefined) return undefined;
    return toldUs === undefined ? 0 : Math.max(toldUs, 1) / 1000;
  }

  #noteWork(): void {
    const isAtWork = this.#asked.length > 0 && this.#end.exit === undefined;
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

  #unasked(detail: string): void {
    this.onUnfit(new ProtocolError({ detail, worker: this.name }));
  }

  /** What has no call's mark on it can be told to belong to one if only that one is unanswered. */
  #onlyRequest(): number | null {
    const [first] = this.#asked;
    return this.#asked.length === 1 && first!.id === first!.lastId ? first!.id : null;
  }

  #ended(exit: ProcessEnd, bootFailure: unknown): void {
    this.#noteWork();
    this.#pulse?.end();
    this.#heldReplies?.end();
    this.#kept?.endAll();
    if (this.#end.because !== 'stopped') {
      if (bootFailure !== undefined) this.runtime.bootFailed(bootFailure);
      else if (this.#end.because !== 'retired') this.runtime.lastFailure = this.#end.failure;
    }
    this.#outbox.close();
    this.#leaveSessions();
    this.runtime.emit('worker.dead', {
      worker: this.name,
      id: this.id,
      pid: this.#pid,
      ...exit,
      reason: this.#end.reason,
    });
  }

  /** What it keeps for sessions is lost, unless the pool itself is at its end. */
  #leaveSessions(): void {
    this.runtime.recycler?.left(this);
    this.runtime.sizer?.left(this);
    this.#disown('worker-died');
    // One that goes with its last lease still has that lease's objects.
    if (this.#end.because === undefined && this.#end.exit === undefined) this.#handles?.endSessions();
    else this.#handles?.endAll();
    if (this.#end.because === 'stopped') return;
    this.runtime.sessions.workerLeft(this.id, this.sessionLoss);
  }

  /** What still comes by that session, or by any, comes too late. */
  #disown(because: HandleEnd, session?: string): void {
    for (const request of this.#asked) {
      const owner = request.call?.caller?.owner;
      if (typeof owner === 'string' && owner === (session ?? owner)) request.ownerEnd ??= because;
    }
  }

  /** Of what was asked of it, one alone can have run. */
  get #ranAlone(): boolean {
    return this.runtime.settings.lane === 'serial' || this.#asked.length === 1;
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
    beginRetirement: effect((runtime, { self }: ActionArgs) => runtime.hands.get(self)?.retire()),
    askToStop: effect((runtime, { self }: ActionArgs) => runtime.hands.get(self)?.ask()),
    terminateProcess: effect((runtime, { self }: ActionArgs) => runtime.hands.get(self)?.terminate()),
    killProcess: effect((runtime, { self }: ActionArgs, { because }: { because: KillReason }) =>
      runtime.hands.get(self)?.kill(because),
    ),
  },
});
const compiled = compile(interpreted);
