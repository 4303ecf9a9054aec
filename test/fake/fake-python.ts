import { type PoolError, ProtocolError, SpawnError } from '../../src/errors.js';
import type { ProcessEnd, ProcessListeners, PythonProcess, StartPython } from '../../src/process/python-process.js';
import type { Mark } from '../../src/process/start-mark.js';
import type { WireError } from '../../src/wire/error.js';
import type { InitMessage, MappedMessage, MessageFromPython } from '../../src/wire/message.js';
import { Trial } from '../../src/worker/trial.js';
import { decodeMessage, meaningOf } from '../support/node-line.js';

/** How the played processes behave. */
export interface Script {
  /** `'itself'`: a process starts, says what it has to say and ends a moment later. Otherwise the test says when. */
  readonly pace?: 'itself' | 'told';
  /** What a start comes to, with `pace: 'itself'`. Default: ready. */
  readonly boot?: (process: FakeProcess) => void;
  /** Told of each request as it is started; answers it, now or later, or never. */
  readonly serve?: (request: PlayedRequest, process: FakeProcess) => void;
  /** Told of each line as it comes, before it is read. */
  readonly onLine?: (message: LineToPython, process: FakeProcess, line: string) => void;
  /** Told of each signal, before it does anything. */
  readonly onSignal?: (signal: 'SIGTERM' | 'SIGKILL', process: FakeProcess) => void;
  /** Told of each request that is to be given up, and whether by signal: it may answer it at once. */
  readonly onCancel?: (id: number, bySignal: boolean, process: FakeProcess) => void;
  /** The names that can be called. */
  readonly functions?: readonly string[];
  readonly hasStartMark?: boolean;
  /** How many requests may be unanswered at a time. Default: 1. */
  readonly slots?: number;
  /** How many answers to calls of a `map` go together. Default: 1. */
  readonly mappedMax?: number;
  /** Whether a reply waits for the next where more calls are there already. */
  readonly joins?: boolean;
  /** The time as Python sees it, in ms. Default: nothing takes any. */
  readonly now?: () => number;
}

/** One request, as Python runs it. */
export interface PlayedRequest {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly session: string | undefined;
  /** Which lease it is of. A call without one is a lease by itself. */
  readonly lease: string;
  /** The first id of the `map` that it came in. */
  readonly batch: number | undefined;
  /** What Python keeps for the session. */
  readonly state: Map<string, unknown>;
}

/**
 * Python as a test plays it, in memory: it speaks the protocol line by line
 * and does what it is told. It watches the other side too: whatever Node does
 * that it may not is in `violations`.
 */
export class FakePython {
  /** All that were ever started, in order. */
  readonly processes: FakeProcess[] = [];
  readonly violations: string[] = [];
  readonly script: Script;
  #living: readonly FakeProcess[] = [];

  constructor(script: Script = {}) {
    this.script = script;
  }

  readonly start: StartPython = (_launch, listeners) => {
    const played = new FakeProcess(this, this.processes.length, listeners);
    this.processes.push(played);
    this.#living = [...this.#living, played];
    if (this.script.pace === 'itself') queueMicrotask(() => (this.script.boot ?? BOOT)(played));
    return played;
  };

  /** Those whose end Node has not been told of. */
  get living(): readonly FakeProcess[] {
    return this.#living;
  }

  /** Those that run a request. */
  get running(): FakeProcess[] {
    return this.living.filter((each) => each.canAct && each.request !== undefined);
  }

  /** Node is told of all who have ended. */
  reap(): void {
    for (const each of this.living) each.tellEnd();
  }

  /** Node has been told of its end. */
  forget(process: FakeProcess): void {
    this.#living = this.#living.filter((each) => each !== process);
  }
}

const BOOT = (process: FakeProcess) => process.boot();

/** One played process. */
export class FakeProcess implements PythonProcess {
  readonly mark: Mark | undefined;
  readonly pid: number;
  /** Node's first message, once it has come. */
  init: InitMessage | undefined;
  /** Every line that came, whether it was read or not. */
  readonly lines: string[] = [];
  readonly signals: string[] = [];
  /** The ids of the requests that were started. */
  readonly started: number[] = [];
  /** Ids of the answers that were given. */
  readonly answered: number[] = [];
  /** The ids of the requests whose callers have given up. */
  readonly cancelled: number[] = [];
  /** The calls of batches that were given up by themselves. */
  readonly cancelledAlone: number[] = [];
  /** It does not end by SIGTERM. */
  ignoresTerm = false;
  /** It does not end when it is asked to. */
  ignoresStop = false;
  readonly #python: FakePython;
  readonly #listeners: ProcessListeners;
  readonly #inbox: LineToPython[] = [];
  readonly #states = new Map<string, Map<string, unknown>>();
  #phase: 'launching' | 'spawned' | 'greeted' | 'loading' | 'ready' = 'launching';
  #request: PlayedRequest | undefined;
  /** When that was begun. */
  #begunAt = 0;
  /** Given up before its turn came, and not yet answered. */
  #declined: CallLine | undefined;
  /** Replies that wait for the next; they outlive it. */
  readonly #held: string[] = [];
  /** How often they were said. */
  #turns = 0n;
  /** Answers that were not said yet. */
  #mapped: Omit<MappedMessage, 'type'> | undefined;
  /** The last request that came, whether it was started or not. */
  #lastId = 0;
  #isFrozen = false;
  #wasAsked = false;
  #isStopping = false;
  /** It cannot speak any more. */
  #isUnfit = false;
  #end: ProcessEnd | undefined;
  #failure: SpawnError | undefined;
  #hasBeenTold = false;

  constructor(python: FakePython, index: number, listeners: ProcessListeners) {
    this.#python = python;
    this.#listeners = listeners;
    this.pid = 1_000 + index;
    const { hasStartMark = true, joins } = python.script;
    const heldReplies = () => ({ state: this.#turns * 65_536n + BigInt(this.#held.length), lines: [...this.#held] });
    if (hasStartMark) this.mark = { read: () => this.started.at(-1) ?? 0, ...(joins && { heldReplies }) };
  }

  // ---------------------------------------------------------------- what a test looks at

  /** What the pool calls it, such as `worker-0`, once it has been told. */
  get name(): string | undefined {
    return this.init?.worker;
  }

  /** It shows whether a worker would come up, and serves nobody. */
  get isTrial(): boolean {
    return this.#listeners instanceof Trial;
  }

  get isAlive(): boolean {
    return this.#end === undefined && this.#failure === undefined;
  }

  get isReady(): boolean {
    return this.isAlive && this.#phase === 'ready';
  }

  /** It lives and can speak. */
  get canAct(): boolean {
    return this.isAlive && !this.#isFrozen && !this.#isUnfit;
  }

  /** It has neither said that it is ready nor that it will not be. */
  get isBooting(): boolean {
    return this.canAct && this.#phase !== 'ready';
  }

  get hasBeenTold(): boolean {
    return this.#hasBeenTold;
  }

  /** The request that it runs. */
  get request(): PlayedRequest | undefined {
    return this.#request;
  }

  /** A request came that it has not answered. */
  get owesAnswer(): boolean {
    return this.owed > 0;
  }

  /** How many requests it has not answered, those included that wait in the pipe. */
  get owed(): number {
    let owed = this.#isBusy ? 1 : 0;
    for (const { type } of this.#inbox) if (type === 'call') owed += 1;
    return owed;
  }

  /** What it keeps, by session. */
  get states(): ReadonlyMap<string, ReadonlyMap<string, unknown>> {
    return this.#states;
  }

  /** A reply waits for the next. */
  get holds(): boolean {
    return this.#held.length > 0;
  }

  get #isBusy(): boolean {
    return this.#request !== undefined || this.#declined !== undefined;
  }

  // ---------------------------------------------------------------- what Node does

  send(line: string): void {
    this.lines.push(line);
    const message = meaningOf(line) as LineToPython;
    this.#check(message, line);
    if (message.type === 'init') this.init = message;
    this.#python.script.onLine?.(message, this, line);
    if (message.type === 'map') this.#inbox.push(...callsOf(message));
    else this.#inbox.push(message);
    this.#read();
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#python.script.onSignal?.(signal, this);
    this.signals.push(signal);
    if (signal === 'SIGTERM' && this.ignoresTerm) return;
    this.die({ exitCode: null, signal });
  }

  cancel(id: number, bySignal: boolean, isItem = false): void {
    (isItem ? this.cancelledAlone : this.cancelled).push(id);
    if (isItem && this.canAct && id !== this.request?.id)
      this.#python.violations.push(`call ${id} was interrupted and did not run`);
    if (bySignal && !this.init?.interrupts) this.#python.violations.push(`process ${this.pid} was signalled unasked`);
    this.#python.script.onCancel?.(id, bySignal, this);
  }

  dumpStacks(): void {}

  // ---------------------------------------------------------------- what a test makes it do

  /** All of a start, up to the word that it is ready. */
  boot(): void {
    this.spawn();
    this.hello();
    this.ready();
  }

  spawn(): void {
    if (!this.isAlive || this.#phase !== 'launching') return;
    this.#phase = 'spawned';
    this.#listeners.onSpawned(this.pid);
  }

  /** It waits for `init` from now on. */
  hello(protocol = 1): void {
    if (!this.canAct || this.#phase !== 'spawned') return;
    this.#phase = 'greeted';
    const [python, executable] = ['3.11.2', '/played/python3'];
    this.#say({ type: 'hello', protocol, library: '0.1.0', python, executable, pid: this.pid });
  }

  ready(): void {
    if (!this.canAct || this.#phase !== 'loading') return;
    this.#phase = 'ready';
    this.#say({
      type: 'ready',
      functions: this.#functions,
      streams: [],
      interrupts: this.init?.interrupts ?? false,
      stacks: false,
    });
  }

  /** Its module does not load, or whatever else `stage` says; it ends. */
  refuse(stage: 'import' | 'setup' | 'expose' | 'protocol', error: Partial<WireError> = {}): void {
    if (!this.canAct || this.#phase !== 'loading') return;
    this.#say({ type: 'failed', stage, error: { ...RAISED, ...error } });
    this.#isUnfit = true;
    this.die({ exitCode: 1, signal: null });
  }

  /** No process comes to be. */
  failToSpawn(): void {
    if (!this.isAlive || this.#phase !== 'launching') return;
    this.#failure = new SpawnError({ errno: 'EAGAIN', command: '/played/python3' });
    this.#endSoon();
  }

  /** Answers the request that it runs, which took so long. Of a `map`, as many answers go together as `mappedMax` allows. */
  answer(value: unknown, tookUs = this.#ranUs): void {
    const batch = this.#request?.batch;
    const id = this.#finishRequest();
    if (id !== undefined && batch !== undefined) this.#answerMapped(id, batch, value, tookUs);
    else if (id !== undefined) this.#reply({ type: 'reply', id, value, tookUs: this.#unlessShort(tookUs) });
    this.#read();
  }

  /** Answers the request that it runs with an error. */
  raise(error: Partial<WireError> = {}): void {
    const id = this.#finishRequest();
    if (id !== undefined) this.#sayMapped();
    const tookUs = this.#unlessShort(this.#ranUs);
    if (id !== undefined) this.#say({ type: 'error', id, error: { ...RAISED, ...error }, tookUs });
    this.#read();
  }

  /** How long the request runs, or ran. */
  get #ranUs(): number {
    return Math.round(1_000 * (this.#now() - this.#begunAt));
  }

  #now(): number {
    return this.#python.script.now?.() ?? 0;
  }

  #unlessShort(tookUs: number): number | undefined {
    return tookUs < (this.init?.shortUs ?? Number.POSITIVE_INFINITY) ? undefined : tookUs;
  }

  #answerMapped(id: number, batch: number, value: unknown, tookUs: number): void {
    const before = this.#mapped ?? { id, values: [], tookUs: 0, longestUs: 0 };
    const values = [...before.values, value];
    const longestUs = Math.max(before.longestUs, tookUs);
    this.#mapped = { id: before.id, values, tookUs: before.tookUs + tookUs, longestUs };
    const [next] = this.#inbox;
    const isLast = next?.type !== 'call' || next.batch !== batch;
    if (isLast || values.length >= (this.#python.script.mappedMax ?? 1)) this.#sayMapped();
  }

  #sayMapped(): void {
    const mapped = this.#mapped;
    this.#mapped = undefined;
    if (mapped !== undefined) this.#say({ type: 'mapped', ...mapped });
  }

  /** Prints a line. */
  print(text: string): void {
    this.#say({ type: 'log', stream: 'stdout', call: this.#request?.id ?? null, text });
  }

  /** Writes a line to standard error. */
  complain(text: string): void {
    if (this.isAlive) this.#listeners.onOutput('stderr', text);
  }

  /** Answers what nobody asked. */
  answerTwice(): void {
    if (this.isReady && this.canAct)
      this.#say({ type: 'reply', id: Number.MAX_SAFE_INTEGER, value: null, tookUs: undefined });
  }

  /** Writes something to its line that is no message. */
  breakLine(): void {
    if (!this.isReady || !this.canAct) return;
    this.#isUnfit = true;
    try {
      decodeMessage('This is no message.');
    } catch (error) {
      this.#listeners.onUnfit(error as PoolError);
    }
  }

  /** Writes a line of the test's own making, about the request that it runs if it names no other. */
  tell(message: { readonly type: string; readonly id?: number; readonly [field: string]: unknown }): void {
    if (!this.isReady || !this.canAct) return;
    const told = { id: this.#request?.id, ...message };
    if (told.type === 'reply' && told.id === this.#request?.id) this.#finishRequest();
    this.#sayMapped();
    try {
      this.#write(JSON.stringify(told));
    } catch (error) {
      this.#isUnfit = true;
      this.#listeners.onUnfit(error as PoolError);
    }
    this.#read();
  }

  /** Closes its line and lives on. */
  hangUp(): void {
    if (!this.isReady || !this.canAct) return;
    this.#isUnfit = true;
    this.#listeners.onUnfit(new ProtocolError({ detail: 'the line was closed while the process lives' }));
  }

  /** It reads and says nothing more, as by SIGSTOP, until `thaw`. */
  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    if (this.#declined !== undefined) this.#decline(this.#declined);
    this.#read();
  }

  /** It is gone. Node is told by `tellEnd`, or a moment later with `pace: 'itself'`. */
  die(end: ProcessEnd = { exitCode: null, signal: 'SIGKILL' }): void {
    if (!this.isAlive) return;
    this.#end = end;
    this.#endSoon();
  }

  /** Node is told of its end, if it has ended. */
  tellEnd(): void {
    if (this.isAlive || this.#hasBeenTold) return;
    this.#hasBeenTold = true;
    this.#python.forget(this);
    if (this.#end !== undefined) this.#listeners.onExited(this.#end);
    else this.#listeners.onFailed(this.#failure as SpawnError);
  }

  // ---------------------------------------------------------------- Python's own side

  get #functions(): readonly string[] {
    return this.#python.script.functions ?? [];
  }

  #read(): void {
    while (this.isAlive && !this.#isFrozen && !this.#isBusy && !this.#isStopping) {
      const message = this.#inbox.shift();
      if (message === undefined) return;
      if (message.type === 'init') this.#load();
      else if (message.type === 'call') this.#run(message);
      else if (message.type === 'session.end') this.#states.delete(message.session);
      else if (message.type === 'ping') this.#say({ type: 'pong', number: message.number });
      else if (message.type === 'stop') this.#stop();
    }
  }

  #load(): void {
    this.#phase = 'loading';
  }

  #run(call: CallLine): void {
    const { id, name, args, kwargs = {}, session, batch = id } = call;
    if (this.mark !== undefined && this.cancelled.includes(batch)) return this.#decline(call);
    this.started.push(id);
    this.#begunAt = this.#now();
    if (session !== undefined && !this.#states.has(session)) this.#states.set(session, new Map());
    const state = this.#states.get(session ?? '') ?? new Map();
    this.#request = { id, name, args, kwargs, session, lease: leaseOf(call), batch: call.batch, state };
    this.#python.script.serve?.(this.#request, this);
  }

  /** Given up in the pipe, it is never begun. Said a moment later: no process answers while Node is still writing. */
  #decline(call: CallLine): void {
    this.#declined = call;
    queueMicrotask(() => {
      if (this.#declined === undefined || !this.canAct) return;
      this.#declined = undefined;
      this.#sayMapped();
      this.answered.push(call.id);
      this.#say({ type: 'error', id: call.id, error: RAISED, started: false, tookUs: undefined });
      this.#read();
    });
  }

  #stop(): void {
    this.#isStopping = true;
    if (!this.ignoresStop) this.die({ exitCode: 0, signal: null });
  }

  #finishRequest(): number | undefined {
    if (!this.canAct || this.#request === undefined) return undefined;
    const { id } = this.#request;
    this.#request = undefined;
    this.answered.push(id);
    return id;
  }

  #reply(message: MessageFromPython): void {
    if (this.mark?.heldReplies === undefined || this.#inbox[0]?.type !== 'call') return this.#say(message);
    this.#held.push(JSON.stringify(message));
  }

  #say(message: MessageFromPython): void {
    if (!this.canAct) return;
    this.#turns += 1n;
    for (const line of this.#held.splice(0)) this.#write(line);
    this.#write(JSON.stringify(message));
  }

  /** Over the line as text, so that nothing is said here that a real Python could not say. */
  #write(line: string): void {
    const told = decodeMessage(line, this.#listeners.resolve);
    try {
      this.#listeners.onMessage(told);
    } catch (error) {
      this.#listeners.onFault(error);
    }
  }

  #endSoon(): void {
    this.#request = undefined;
    if (this.#python.script.pace === 'itself') queueMicrotask(() => this.tellEnd());
  }

  /** How many leases have requests here that are not answered, with that of `asked`. */
  #leasesWith(asked: CallLine): number {
    const calls = [this.#declined, ...this.#inbox, asked].filter((message) => message?.type === 'call');
    const leases = calls.map(leaseOf);
    if (this.#request !== undefined) leases.push(this.#request.lease);
    return new Set(leases).size;
  }

  /** What Node may not do, whatever happens. */
  #check(message: LineToPython, line: string): void {
    const blame = (why: string) => this.#python.violations.push(`process ${this.pid} ${why}: ${line}`);
    if (message.type === 'init') {
      if (this.#phase !== 'greeted') blame('was sent init before its hello, or twice');
    } else if (this.#phase !== 'ready') blame('was sent something before it was ready');
    if (message.type === 'stop') this.#wasAsked = true;
    if (message.type === 'call' || message.type === 'map') {
      const calls = callsOf(message);
      if (this.#hasBeenTold) blame('was sent a request after its end had been told');
      if (this.signals.includes('SIGKILL')) blame('was sent a request after it had been killed');
      if (this.#wasAsked) blame('was sent a request after it had been asked to stop');
      if (this.#leasesWith(calls[0] as CallLine) > (this.#python.script.slots ?? 1))
        blame('was sent requests of more leases than it has slots');
      if (message.id <= this.#lastId) blame('was sent an id that does not increase');
      this.#lastId = (calls.at(-1) as CallLine).id;
    }
  }
}

/** What Node says, decoded. */
export type LineToPython =
  | InitMessage
  | {
      readonly type: 'call';
      readonly id: number;
      readonly name: string;
      readonly args: readonly unknown[];
      readonly kwargs?: Readonly<Record<string, unknown>>;
      readonly session?: string;
      readonly lease?: number;
      /** The first id of the `map` that it came in: it is given up with the others there. */
      readonly batch?: number;
    }
  | MapLine
  | { readonly type: 'cancel'; readonly id: number }
  | { readonly type: 'ping'; readonly number: number }
  | { readonly type: 'session.end'; readonly session: string }
  | { readonly type: 'stop' };

/** Several calls in one line. */
interface MapLine {
  readonly type: 'map';
  readonly id: number;
  readonly name: string;
  readonly items: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

type CallLine = LineToPython & { readonly type: 'call' };

function leaseOf({ id, lease, batch }: CallLine): string {
  // A lease that is not named there, and of which there is one at a time.
  if (batch !== undefined) return 'a map';
  return lease === undefined ? `call ${id}` : `lease ${lease}`;
}

/** The calls of one line. */
function callsOf(message: CallLine | MapLine): CallLine[] {
  if (message.type === 'call') return [message];
  const { id, name, items, kwargs } = message;
  return items.map((item, index) => ({
    type: 'call',
    id: id + index,
    name,
    args: [item],
    batch: id,
    ...(kwargs && { kwargs }),
  }));
}

const RAISED: WireError = {
  code: 'ERR_PYTHON',
  type: 'ValueError',
  module: 'builtins',
  message: 'played',
  traceback: 'Traceback (most recent call last):\nValueError: played\n',
  notes: [],
  cause: null,
};
