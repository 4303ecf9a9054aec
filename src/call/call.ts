import { isA } from '../base/instance.js';
import { reasonOf } from '../base/signal.js';
import { CallTimeoutError, type DeadlockError, PoolError, ValueRefusedError } from '../errors.js';
import type { GivenHandles } from '../objects/given-handles.js';
import type { HandleCaller } from '../objects/handle.js';
import type { PoolClock } from '../time/clock.js';
import { type CallbackMessage, encodeCredit, type MessageDuringCall } from '../wire/message.js';
import { type EncodedRequest, lostFrom } from '../wire/request.js';
import type { ThrownErrors } from '../wire/thrown.js';
import type { WorkerHand } from '../worker/worker-hand.js';
import { Budget, isBounded, type WaitOptions } from './budget.js';
import {
  type Child,
  callOf,
  childrenOf,
  deadlockOf,
  lookAgain,
  type Parent,
  parentRun,
  Run,
  refuseIfDeadlocked,
} from './children.js';
import { type Answer, type Exchange, isBegun, type Loss } from './exchange.js';
import { type AskingCall, LiveArguments } from './live-arguments.js';
import type { Attempts, Started } from './retries.js';
import { type Site, showCaller } from './site.js';

/** Where a call is until it is sent: it is told when the call's budget is spent there. */
export interface CallHome {
  /** The call is taken out. */
  withdraw(call: Call): void;
  /** What its caller gets when its time is up there. */
  timeout(waitedMs: number): Error;
  /** What those wait for who hold every slot that could serve a call there; undefined if one is free, or may come up. */
  waitsFor(): readonly (Child | undefined)[] | undefined;
  /** What is the same for all who wait for the same; absent where nobody else does. */
  readonly queue?: object | undefined;
  /** Asks for a worker once more; absent where no other would do. `isBack`: it had one that never came to it. */
  readonly askAgain?: ((isBack?: boolean) => void) | undefined;
}

/** What a call has beside its question and its answer. */
export interface CallExtras {
  /** Who reads the items of its stream. */
  readonly stream?: StreamReader | undefined;
  /** The functions and iterables among its arguments. */
  readonly given?: LiveArguments | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** How long it may give no sign of progress. */
  readonly heartbeatTimeoutMs?: number | undefined;
  /** The objects in Python that it is about. */
  readonly handles?: GivenHandles | undefined;
  /** If there may be more than one. */
  readonly attempts?: Attempts | undefined;
}

/** Who reads the items of a stream. */
interface StreamReader {
  /** Somebody waits for the next item. */
  readonly isWaiting: boolean;
  onItems(values: readonly unknown[], bytes: number): void;
}

/** What is asked, and by whom. */
export interface Question {
  readonly name: string;
  /** Its line but for the id; what crosses was fixed and checked when the caller asked. */
  readonly request: EncodedRequest;
  /** What is to be known of it where it is spoken of. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** Who made it: what is called on the objects that it comes to is called by the same. */
  readonly caller?: HandleCaller | undefined;
}

/** How far a call has come, as Python tells it. */
export interface Progress {
  readonly done: number;
  /** `null` where it is not known. */
  readonly total: number | null;
  readonly note: string | null;
}

/**
 * One request and its reply, as its caller sees it: a promise that settles
 * exactly once, inside its own budget, whatever Python does.
 */
export class Call implements Parent, AskingCall, EncodedRequest {
  readonly name: string;
  // What is asked is not kept as an object of its own, nor anything else that need not be: a hundred thousand may wait.
  readonly text: string;
  readonly bin: EncodedRequest['bin'];
  readonly large: EncodedRequest['large'];
  readonly keyChars: number;
  readonly context: Question['context'];
  readonly caller: HandleCaller | undefined;
  readonly promise: Promise<unknown>;
  /** Absent for a call that has nothing but a question and an answer. */
  readonly #extras: CallExtras | undefined;
  /** What Python may ask for in its name. A plain call has it once Python calls a kept function. */
  #live: LiveArguments | undefined;
  /** Where it was made, for the stack of its error. */
  readonly #site: Site;
  readonly #clock: PoolClock;
  /** Absent for a call that nothing bounds. */
  readonly #budget: Budget | undefined;
  /** When it was made, by the pool's clock. */
  readonly askedAt: number;
  /** Most calls have one. */
  #afterwards: Afterwards | readonly Afterwards[] | undefined;
  #resolve!: (value: unknown) => void;
  /** In which it was made. */
  parent: Run | undefined = parentRun();
  #home: CallHome | undefined;
  /** Where it was before it was sent. */
  #origin: CallHome | undefined;
  /** Python has begun with it, as far as was told. */
  #started = false;
  #exchange: Exchange | undefined;
  #sentAt: number | undefined;
  #isSettled = false;

  /** @param askedAt The moment it is, by that clock. */
  constructor(
    question: Question,
    site: Site,
    clock: PoolClock,
    askedAt: number,
    wait: WaitOptions,
    extras?: CallExtras,
  ) {
    this.parent?.adopt(this);
    this.#site = site;
    this.name = question.name;
    this.text = question.request.text;
    this.bin = question.request.bin;
    this.large = question.request.large;
    this.keyChars = question.request.keyChars;
    this.context = question.context;
    this.caller = question.caller;
    this.#extras = extras;
    this.#live = extras?.given;
    this.#clock = clock;
    this.askedAt = askedAt;
    // The function that rejects would be one more: a promise can be rejected by its resolver.
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    if (isBounded(wait)) this.#budget = new Budget(clock, wait, (by) => this.#giveUp(by));
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Runs `run` once the call has ended, before its caller goes on: with how, and what it failed by. */
  onSettled(run: Afterwards): void {
    const before = this.#afterwards;
    this.#afterwards = before === undefined ? run : [before, run].flat();
  }

  /** It belongs to all who share it, and each waits for it by itself: whoever made it, it is no child of that one. */
  share(): void {
    const run = this.parent;
    if (run === undefined) return;
    run.release(this);
    this.parent = new Run(run.call, () => true);
  }

  /** It waits there from now on. */
  waitAt(home: CallHome): void {
    this.#home = home;
    this.#origin = home;
  }

  refuse(error: DeadlockError): boolean {
    // Python runs it: if anybody is to be told, it is one below.
    if (this.#home === undefined && this.#ahead === undefined) return false;
    // What Python has begun with may have done a part of its work, and is not told that it was refused.
    if (this.#exchange?.hasStarted(this) === true) return false;
    // It may be in the pipe behind the very call that waits for it.
    this.abandon(error, 'refused');
    return true;
  }

  waitsFor(): readonly (Child | undefined)[] | undefined {
    // Nobody waits for it: Python lets go of it, or is ended.
    if (this.#isSettled) return undefined;
    if (this.#home !== undefined) return this.#home.waitsFor();
    const ahead = this.#ahead;
    return ahead === undefined ? childrenOf(this) : [ahead];
  }

  get queue(): object | undefined {
    return this.#isSettled ? undefined : this.#home?.queue;
  }

  /** The call before which Python does not go on with this one, though it was sent. */
  get #ahead(): Child | undefined {
    const ahead = this.#exchange?.before(this);
    return ahead === this ? undefined : ahead;
  }

  onSent(exchange: Exchange): void {
    this.#home = undefined;
    this.#exchange = exchange;
    this.#sentAt = this.#clock.now();
    const attempts = this.#extras?.attempts;
    const ms = attempts?.terms.attemptTimeoutMs;
    if (attempts !== undefined && ms !== undefined) {
      attempts.timer = this.#clock.setTimeout(() => this.#attemptSpent(ms), ms);
    }
    this.#live?.onSent(exchange.worker, this.caller?.owner);
    refuseIfDeadlocked(this);
  }

  onAnswered(answer: Answer, from: Exchange): void {
    // An attempt that was given up is answered, too.
    if (from !== this.#exchange) return;
    this.#started ||= isBegun(answer);
    if ('error' in answer) this.fail(answer.error);
    else if (this.#settle('answered')) this.#resolve(answer.value);
  }

  /** Its worker will not answer. */
  onLost({ error, started, isFinal }: Loss, from: Exchange): void {
    if (from !== this.#exchange) return;
    this.#started ||= started !== false;
    if (isFinal || !this.#tryAgain(error, started)) this.fail(error);
  }

  /** Its worker never came to it, or is not to, and it waits for another as if it had never been sent. False: it cannot. */
  goElsewhere(from: Exchange): boolean {
    const origin = this.#origin;
    if (this.#isSettled || from !== this.#exchange || origin?.askAgain === undefined) return false;
    this.#exchange = undefined;
    this.#home = origin;
    origin.askAgain(true);
    return true;
  }

  /**
   * It waits in the pipe behind a call that waits for it by that child: goes to another worker, if one may come to serve it and
   * it may be begun twice. Whether it is begun there all the same, nobody can promise. False: it stays.
   */
  leavePipe(child: Child): boolean {
    const [exchange, origin, attempts] = [this.#exchange, this.#origin, this.#extras?.attempts];
    if (exchange?.isPiped(this) !== true) return false;
    if (attempts?.terms.idempotent !== true || origin?.askAgain === undefined) return false;
    if (deadlockOf(child, origin.waitsFor() ?? []) !== undefined) return false;
    this.#clock.clearTimeout(attempts.timer);
    exchange.abandon(this);
    return this.goElsewhere(exchange);
  }

  /** When it was sent, by the pool's clock; `undefined` before. */
  get sentAt(): number | undefined {
    return this.#sentAt;
  }

  /** How it is told of, if the attempt under way fails now. */
  toldAs(started: Started): { started: Started; attempts: number } {
    const before = this.#extras?.attempts?.started ?? false;
    const attempts = this.#extras?.attempts?.count ?? 1;
    return { started: started === true || before === false ? started : before, attempts };
  }

  /** Its worker ended of it. True: so it did in every attempt that there may be. */
  died(): boolean {
    return this.#extras?.attempts?.died() ?? false;
  }

  /** Python has begun with it, or may before it hears that nobody waits for it any more. */
  get mayHaveStarted(): boolean {
    const before = this.#extras?.attempts?.started ?? false;
    return this.#started || before !== false || (this.#exchange?.hasSent(this) ?? false);
  }

  /** Why it cannot be sent to that worker, now that its turn has come. */
  refusalBy(worker: WorkerHand): PoolError | undefined {
    const refusal = this.handles?.refusalBy(worker) ?? this.#live?.refusal(this.name) ?? this.#refusalOfBytes();
    const blocker = callOf(worker.blockedBy);
    // It is not sent, so that it costs nobody the time in which a call that was given up has to be answered.
    return refusal ?? (blocker && deadlockOf(this, [blocker]));
  }

  /** Bytes of its are lost that were to follow its line, or one that belongs to it, which was not sent. */
  failForBytes(isItsLine: boolean): void {
    if (isItsLine) return this.abandon(this.#refusalOfBytes(), 'refused');
    this.abandon(
      new ValueRefusedError({ path: 'value', problem: LOST_ON_CALL, sender: 'node', call: this.name }),
      'failed',
    );
  }

  /** Bytes that it was made with are there no more. */
  #refusalOfBytes(): PoolError | undefined {
    const path = this.bin.length === 0 ? undefined : lostFrom(this);
    if (path === undefined) return undefined;
    // After an attempt that failed, that is what its caller has to know.
    return this.#failedBefore ?? new ValueRefusedError({ path, problem: LOST, sender: 'node', call: this.name });
  }

  /** Nothing belongs to it but a question and an answer. */
  get isPlain(): boolean {
    return this.#extras === undefined && this.large === undefined;
  }

  /** The objects in Python that it is about, which are in one worker. */
  get handles(): GivenHandles | undefined {
    return this.#extras?.handles;
  }

  /** The worker that runs it. */
  get worker(): WorkerHand | undefined {
    return this.#exchange?.worker;
  }

  get blocks(): boolean {
    return callOf(this.worker?.blockedBy) === this || (this.#live?.hasBlocked ?? false);
  }

  /** What its functions threw at Python. */
  get thrown(): ThrownErrors | undefined {
    return this.#live?.thrown;
  }

  /** Python says something of it before the answer. False: it was not asked for. */
  hear(message: MessageDuringCall, from: Exchange): boolean {
    const [stream, onProgress] = [this.#extras?.stream, this.#extras?.onProgress];
    switch (message.type) {
      case 'items':
        if (!this.#isSettled) stream?.onItems(message.values, message.bytes);
        return stream !== undefined;
      case 'callback':
        // What an attempt asked that was given up is nobody's: Python hears of that, and waits for no answer.
        return from !== this.#exchange || this.#hearCallback(message, from);
      case 'pull':
        if (from !== this.#exchange) return true;
        return this.#live?.pull(message, this, () => this.#standStill(from.worker)) ?? false;
      case 'progress':
        if (!this.#isSettled && from === this.#exchange) {
          onProgress?.({ done: message.done, total: message.total, note: message.note });
        }
        return onProgress !== undefined || this.heartbeatTimeoutMs !== undefined;
      case 'heartbeat':
        return this.heartbeatTimeoutMs !== undefined;
    }
  }

  /** It has not been sent, not even once. */
  get isUnsent(): boolean {
    return this.#exchange === undefined && this.#failedBefore === undefined;
  }

  /** What somebody is told who has asked for it then, once their budget, or that of one attempt, is spent. */
  timeoutFor(timeoutMs: number, askedAt: number, isOfAttempt = false): CallTimeoutError {
    // What waits for another attempt, or is in a pipe, waits as well.
    const isWaiting = this.#exchange?.isPiped(this) ?? true;
    const sentAt = isWaiting ? this.#clock.now() : Math.max(this.#sentAt ?? 0, askedAt);
    return new CallTimeoutError({
      call: this.name,
      timeoutMs,
      waitedMs: Math.round(sentAt - askedAt),
      ranMs: Math.round(this.#clock.now() - sentAt),
      attempts: this.#extras?.attempts?.count ?? 1,
      isOfAttempt,
      cause: this.#failedBefore,
    });
  }

  /** How long it may give no sign of progress, if it is to give any. */
  get heartbeatTimeoutMs(): number | undefined {
    return this.#extras?.heartbeatTimeoutMs;
  }

  /** Python may have to wait for this side: for a reader, a function, or an iterable. */
  get isOwed(): boolean {
    return this.#extras?.stream?.isWaiting === false || (this.#live?.isOwing ?? false);
  }

  #hearCallback({ function: index, kept, number, blocks, args, kwargs }: CallbackMessage, from: Exchange): boolean {
    const given = Object.keys(kwargs).length === 0 ? args : [...args, kwargs];
    const asking = this.#askingFrom(from, blocks);
    if (index !== undefined) return this.#live?.call(index, number, given, asking) ?? false;
    const { caller } = this;
    if (kept === undefined || caller?.owner === undefined) return false;
    if (this.#isSettled) return true;
    const { worker } = from;
    this.#live ??= new LiveArguments(worker.runtime.settings.limits);
    this.#live.callKept(worker.kept(caller.owner, kept), number, given, asking);
    return true;
  }

  /** What asks in the name of one attempt: an answer that comes after it is not for the next, which asks anew. */
  #askingFrom(from: Exchange, blocks = false): AskingCall {
    return {
      name: this.name,
      worker: from.worker,
      run: (run) => (blocks ? this.#runBlocking(from.worker, run) : this.run(run)),
      say: (encode, bin) => {
        if (from === this.#exchange) this.say(encode, bin);
      },
    };
  }

  /** Tells Python that there is room for so much more of its stream. */
  credit(items: number, bytes: number): void {
    this.say((id) => encodeCredit(id, items, bytes));
  }

  run<T>(run: () => T): Promise<Awaited<T>> {
    return this.#newRun().of(run);
  }

  /** Runs what all calls of that worker wait for. */
  #runBlocking<T>(worker: WorkerHand, run: () => T): Promise<Awaited<T>> {
    const blocking = this.#newRun();
    const unblock = block(worker, blocking);
    return blocking.of(run).finally(unblock);
  }

  /** Python waits for items where it stands, and what was sent there as it did not waits behind that. */
  #standStill(worker: WorkerHand): () => void {
    lookAgain();
    return block(worker, this.#newRun());
  }

  /** One for the attempt under way: nobody waits for what it comes to in another. */
  #newRun(): Run {
    const exchange = this.#exchange;
    return new Run(this, () => this.#isSettled || this.#exchange !== exchange);
  }

  say(encode: (id: number) => string, bin?: readonly Uint8Array[]): void {
    if (!this.#isSettled) this.#exchange?.say(this, encode, bin);
  }

  /** Its caller has what it wanted, and waits for no more. */
  leave(): void {
    if (!this.#isSettled) this.abandon(undefined, 'aborted');
  }

  /** Nobody waits for it any more, for that reason. */
  abandon(error: unknown, how: CallOutcome): void {
    const exchange = this.#exchange;
    this.#home?.withdraw(this);
    this.fail(error, how);
    exchange?.abandon(this);
  }

  /** It gets no worker. After an attempt that failed, that is what its caller has to know. */
  failToBeSent(error: unknown, how?: CallOutcome): void {
    const before = this.#failedBefore;
    if (before === undefined) this.fail(error, how);
    else this.fail(before);
  }

  fail(error: unknown, how: CallOutcome = 'failed'): void {
    if (!this.#settle(how, error)) return;
    // The reason of a signal is somebody else's, and may be the error of another call.
    if (how !== 'aborted' && isA(error, PoolError)) showCaller(error, this.#site);
    this.#resolve(rejection(error));
  }

  #giveUp(by: 'timeout' | 'signal'): void {
    if (by === 'signal') return this.abandon(reasonOf(this.#budget?.signal), 'aborted');
    // The last first: of those in a pipe Python finds all given up when the one that runs is interrupted.
    for (const call of this.#exchange?.worker.pipe.behind ?? []) if (call.#isLate) call.#timedOut();
    if (!this.#isSettled) this.#timedOut();
  }

  /** Its time is up. In whole ms, as timers are: so is that of all whose timers run with this one's. */
  get #isLate(): boolean {
    const timeoutMs = this.#budget?.timeoutMs ?? Number.POSITIVE_INFINITY;
    return !this.#isSettled && this.askedAt + timeoutMs <= Math.ceil(this.#clock.now());
  }

  #timedOut(): void {
    // What was sent once is no matter of the queue any more.
    const late = this.#failedBefore === undefined ? this.#home?.timeout(this.#clock.now() - this.askedAt) : undefined;
    this.abandon(late ?? this.timeoutFor(this.#budget?.timeoutMs as number, this.askedAt), 'timedOut');
  }

  get #failedBefore(): PoolError | undefined {
    return this.#extras?.attempts?.failure;
  }

  /** One attempt has run as long as it may. */
  #attemptSpent(ms: number): void {
    const exchange = this.#exchange;
    if (exchange === undefined || this.#isSettled) return;
    const error = this.timeoutFor(ms, this.askedAt, true);
    if (!this.#tryAgain(error, exchange.hasStarted(this))) this.fail(error, 'timedOut');
    exchange.abandon(this);
  }

  /** Makes another attempt if there may be one. */
  #tryAgain(failure: PoolError, started: Started): boolean {
    const attempts = this.#extras?.attempts;
    const origin = this.#origin;
    if (this.#isSettled || attempts === undefined || origin?.askAgain === undefined) return false;
    const ms = attempts.next(this, failure, started);
    if (ms === undefined) return false;
    this.#clock.clearTimeout(attempts.timer);
    this.#exchange = undefined;
    // Functions that still run do so for that attempt: the other one does not wait for them.
    this.#live = undefined;
    const cancel = attempts.wait(ms, () => {
      this.#home = origin;
      origin.askAgain?.();
    });
    this.#home = {
      withdraw: () => cancel(),
      timeout: (waitedMs) => origin.timeout(waitedMs),
      waitsFor: () => undefined,
    };
    return true;
  }

  #settle(how: CallOutcome, error?: unknown): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.parent?.release(this);
    this.#budget?.close();
    const timer = this.#extras?.attempts?.timer;
    if (timer !== undefined) this.#clock.clearTimeout(timer);
    this.#live?.close();
    if (typeof this.#afterwards === 'function') this.#afterwards(how, error);
    else for (const run of this.#afterwards ?? []) run(how, error);
    return true;
  }
}

/** Takes note that no other call of that worker goes on. @returns What ends that. */
function block(worker: WorkerHand, run: Run): () => void {
  worker.blockedBy = run;
  return () => {
    if (worker.blockedBy !== run) return;
    worker.blockedBy = undefined;
    if (worker.hasSpurned) worker.giveBackSpurned();
    // Those whom it held up wait for those in their own functions again.
    lookAgain();
  };
}

/** What a promise that is resolved with it rejects by. */
function rejection(error: unknown): PromiseLike<never> {
  // biome-ignore lint/suspicious/noThenProperty: it is to be adopted.
  return { then: (_, reject) => reject?.(error) as never };
}

const LOST =
  'has lost bytes since the call was made: their buffer was transferred as it waited. ' +
  'Send a copy, or keep them until the call has settled.';

const LOST_ON_CALL =
  'has lost bytes before Python had read them: the buffer of what a function answered, or an iterable yielded, was ' +
  'transferred. Send a copy, or keep them until the call has settled.';

type Afterwards = (how: CallOutcome, error: unknown) => void;

/**
 * How a call ended, as `stats()` counts it. `timedOut`: its budget, or a limit on how long it runs, was spent. `aborted`: by
 * its signal, or since the loop over its results was left. `refused`: by the pool, before Python had begun with it.
 * `shed`: in an overload. `failed`: by any other error.
 */
export type CallOutcome = 'answered' | 'failed' | 'timedOut' | 'aborted' | 'refused' | 'shed';
