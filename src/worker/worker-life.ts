import type { KillReason, WorkerEvent, WorkerRef } from '../../machines/index.js';
import { lookAgain } from '../call/children.js';
import { type PoolError, ProtocolError } from '../errors.js';
import type { ProcessEnd, ProcessListeners, PythonProcess } from '../process/python-process.js';
import { StackDumps } from '../process/stack-dump.js';
import type { Runtime } from '../runtime.js';
import { asNobody } from '../time/turn.js';
import { encodeStop, type FailedMessage, type HelloMessage, type ReadyMessage } from '../wire/message.js';
import { Boot } from './boot.js';
import { WorkerEnd } from './worker-end.js';
import type { WorkerHand } from './worker-hand.js';

/** Whether one that is to be replaced takes no more leases at once, or when it is its turn and another is up. */
export type Replaced = 'at-once' | 'in-turn';

/**
 * One worker's life: its process is started, comes up, and ends, by itself or as the chart has it. What is asked of it in
 * between is its hand's, which is told when it can be asked, is about to end, and has ended.
 */
export class WorkerLife implements ProcessListeners {
  readonly process: PythonProcess;
  readonly boot: Boot;
  readonly end: WorkerEnd;
  pid: number | undefined;
  /** Python's own, which is not the pid of a wrapper that stands between. */
  pythonPid: number | undefined;
  /** The hand's own, so that an answer does not take the way over here. */
  readonly onMessage: WorkerHand['onMessage'];
  readonly resolve: WorkerHand['resolve'];
  readonly #runtime: Runtime;
  readonly #hand: WorkerHand;
  readonly #worker: WorkerRef;
  readonly #startedAt: number;
  /** What it writes of where it stands; absent where no signal lets it. */
  #dumps: StackDumps | undefined;
  /** How it is to be replaced, once it is up, since it was started before its modules changed. */
  #replaced: Replaced | undefined;
  #isKilled = false;

  constructor(runtime: Runtime, hand: WorkerHand, worker: WorkerRef) {
    this.onMessage = hand.onMessage;
    this.resolve = hand.resolve;
    this.#runtime = runtime;
    this.#hand = hand;
    this.#worker = worker;
    this.#startedAt = runtime.clock.now();
    this.process = asNobody(() => runtime.startPython(() => runtime.python.launch(), this));
    this.boot = new Boot(runtime, hand.name, this.process);
    this.end = new WorkerEnd(hand.name, this.boot, runtime.settings.resources.cpuSeconds);
  }

  /** Tells where its threads stand, as far as it says so within a moment. */
  whereItStands(tell: (stack: string | null) => void): void {
    if (this.#dumps === undefined || this.end.exit !== undefined) return tell(null);
    this.#dumps.ask(tell);
  }

  /**
   * It was started before its modules changed. False: it is on its way out as it is, or has those that there are now,
   * or will have.
   */
  replace(how: Replaced = 'at-once'): boolean {
    if (this.#hand.isRetired || this.end.because !== undefined || this.process.isUpToDate) return false;
    this.#replaced = how;
    if (this.boot.isUp) this.#giveUpPlace(how);
    return true;
  }

  /** It is to be replaced, at once or in its turn, since it was started before its modules changed. */
  get isToGo(): boolean {
    return this.#replaced !== undefined;
  }

  /** It is asked to end once its leases have, and nobody new comes to it. */
  retire(): void {
    const { recycler, counters } = this.#runtime;
    const reason = recycler?.reasonFor(this.#hand) ?? (this.#replaced === undefined ? 'unused' : 'reload');
    counters.retired[reason] += 1;
    this.#runtime.news.emit('worker.retired', { ...this.#who, reason });
    this.#hand.retire();
  }

  /**
   * Asks the process to run its teardown and end; one that does not read its line yet is told by signal at once. A step
   * that has no time is left out.
   */
  ask(): void {
    this.end.because ??= this.#hand.isRetired ? 'retired' : 'stopped';
    if (!this.boot.isUp) this.terminate();
    else if (this.#runtime.settings.stopGraceMs > 0) this.#hand.pipe.say(encodeStop());
    this.#hand.leave();
  }

  /** Tells the process, and what it has started, to end by the signal that may be heeded or not. */
  terminate(): void {
    if (!this.#isKilled && this.#runtime.settings.termGraceMs > 0) this.process.signal('SIGTERM');
  }

  /** Ends the process group at once. */
  kill(because: KillReason): void {
    this.end.because ??= because;
    this.#isKilled = true;
    this.process.signal('SIGKILL');
    this.#hand.leave();
  }

  onSpawned(pid: number): void {
    this.pid = pid;
  }

  onLoading(hello: HelloMessage): void {
    this.boot.onLoading(hello);
  }

  /** Python says how it comes up. */
  onBoot(message: HelloMessage | ReadyMessage | FailedMessage): void {
    switch (message.type) {
      case 'hello':
        if (this.pythonPid !== undefined) return this.broke('a second `hello`');
        return this.#helloed(message);
      case 'ready':
        if (this.pythonPid === undefined || this.boot.isUp) return this.broke('`ready` out of its turn');
        // It was told to end as that was on its way, and never takes a lease.
        if (this.end.because !== undefined) return;
        return this.#readied(message);
      case 'failed':
        if (this.boot.isUp) return this.broke('`failed` out of its turn');
        return this.#failed(this.boot.onFailed(message));
    }
  }

  onOutput(stream: 'stdout' | 'stderr', text: string): void {
    if (stream === 'stderr' && this.#dumps?.take(text)) return;
    this.#hand.log({ type: 'log', stream, call: this.#hand.pipe.onlyRequest, text });
  }

  onUnfit(error: PoolError): void {
    this.end.unfit(error);
    this.#worker.send({ type: 'process.unfit' });
  }

  /** It has said what it may not. */
  broke(detail: string): void {
    this.onUnfit(new ProtocolError({ detail, worker: this.#hand.name }));
  }

  onFault(error: unknown): void {
    this.#runtime.fault(error);
    // An answer may be lost with it, and nobody must wait for ever.
    this.broke('what it said could not be taken in');
  }

  /** It was asked whether it listens, and has said nothing since. */
  onSilent(): void {
    this.end.because ??= 'unresponsive';
    this.#worker.send({ type: 'process.unfit' });
  }

  onFailed(error: Error): void {
    this.#ended({ exitCode: null, signal: null }, error, { type: 'process.failed' });
  }

  onExited(exit: ProcessEnd, isBlameless = false): void {
    this.end.exit = exit;
    const { bootFailure, isByItself } = this.end;
    this.#ended(exit, bootFailure, { type: 'process.exited', byItself: isByItself, isBlameless });
  }

  #helloed(hello: HelloMessage): void {
    this.pythonPid = hello.pid;
    const { shortUs } = this.#runtime.prefetch;
    const { interrupt, lane } = this.#runtime.settings;
    // A wrapper that stands between has no use for the signal, and no other lane than this one is interrupted by it.
    const isDirect = hello.pid === this.pid;
    const interrupts = interrupt && (lane !== 'serial' || isDirect);
    const held = this.#hand.pipe.looksForReplies() && { replyPage: true, ...(shortUs !== undefined && { shortUs }) };
    const failure = this.boot.onHello(hello, { interrupts, stacks: isDirect, ...held });
    if (failure !== undefined) this.#failed(failure);
  }

  #readied(message: ReadyMessage): void {
    this.boot.isUp = true;
    const { clock, settings, reloader } = this.#runtime;
    if (message.stacks) this.#dumps = new StackDumps(clock, settings.libraryPath, () => this.process.dumpStacks());
    this.#hand.open(message);
    this.#runtime.news.emit('worker.ready', { ...this.#who, bootMs: Math.round(clock.now() - this.#startedAt) });
    if (message.files !== undefined) reloader?.follow(message.files);
    this.#worker.send({ type: 'process.ready' });
    if (this.#replaced !== undefined) this.#giveUpPlace(this.#replaced);
  }

  #giveUpPlace(how: Replaced): void {
    if (how === 'at-once') return this.#worker.send({ type: 'worker.retire' });
    this.#runtime.tellSupervisor({ type: 'worker.worn', worker: this.#hand.id, place: this.#hand.place });
  }

  /** It does not come up. */
  #failed(failure: PoolError): void {
    this.end.fault = failure;
    this.#worker.send({ type: 'process.unfit' });
  }

  #ended(exit: ProcessEnd, bootFailure: Error | undefined, event: WorkerEvent): void {
    const { because, reason } = this.end;
    if (because !== 'stopped') {
      if (bootFailure !== undefined) this.#runtime.bootFailed(bootFailure);
      else if (because !== 'retired') this.#runtime.lastFailure = this.end.failure;
    }
    this.#hand.close();
    this.#dumps?.end();
    this.#runtime.news.emit('worker.dead', { ...this.#who, ...exit, reason });
    this.#worker.send(event);
    this.#runtime.hands.delete(this.#worker);
    // Nobody follows one whose replacement is up already, nor a replacement that has not come up.
    lookAgain();
  }

  /** As events name it. */
  get #who() {
    return { worker: this.#hand.name, id: this.#hand.id, pid: this.pid };
  }
}
