import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Duplex, Readable } from 'node:stream';
import { crypto } from '../base/crypto.js';
import { ProtocolError } from '../errors.js';
import { whenPolled } from '../time/polled.js';
import { Channel } from '../wire/channel.js';
import {
  encodeFork,
  encodeSignal,
  type FailedMessage,
  type HelloMessage,
  type MessageFromTemplate,
  otherProtocol,
  PROTOCOL,
  templateMessageOf,
} from '../wire/message.js';
import { ProcessGroup } from './group.js';
import { lineSocket } from './line-socket.js';
import type { LiveProcesses } from './live.js';
import { OutputLines } from './output.js';
import { PacedReader } from './paced-reader.js';
import type { Launch, ProcessEnd, ProcessListeners } from './python-process.js';
import { Seat } from './seat.js';
import { PARENT, spawnGroup } from './spawn.js';
import { StartMark } from './start-mark.js';

/** What has come of a template. */
export type TemplateOutcome =
  | { readonly is: 'loaded' }
  /** It had better not fork. */
  | { readonly is: 'refused'; readonly reason: string }
  /** It could not import the modules. */
  | { readonly is: 'failed'; readonly message: FailedMessage }
  /** It was retired, or given up, before it had imported them: whoever waits for it is to have another one. */
  | { readonly is: 'retired' }
  /** It ended by itself before it had imported them. */
  | { readonly is: 'ended'; readonly end: ProcessEnd };

/** Who was forked, or is about to be. */
export interface ForkListeners {
  readonly onForked: (pid: number) => void;
  /** It has ended, which the template has not told: it is about to, or hangs. */
  readonly onUnreaped: () => void;
  /** Resolves once all has been told that it had written. `withTemplate`: that has ended, and all that it had forked. */
  readonly onExited: (end: ProcessEnd, withTemplate: boolean) => Promise<void>;
}

/** One Python that imports the modules, forks workers of itself, and alone signals them. */
export class Template {
  /**
   * Rejects with a SpawnError (`ERR_SPAWN`) if there is no process, and with a ProtocolError (`ERR_PROTOCOL`) if it is of
   * another release.
   */
  readonly outcome: Promise<TemplateOutcome>;
  /** Resolves when its process is gone. */
  readonly gone: Promise<void>;
  readonly #live: LiveProcesses;
  readonly #marks: readonly (StartMark | undefined)[];
  readonly #loadLine: () => string;
  readonly #seats: Seat[] = [];
  /** By seat, in the order in which they came to be. */
  readonly #forks = new Map<number, Fork>();
  /** Who waits for it to have imported the modules. */
  readonly #waiting = new Set<ProcessListeners>();
  #channel: Channel<MessageFromTemplate> | undefined;
  #group: ProcessGroup | undefined;
  #hello: HelloMessage | undefined;
  #isLoading = true;
  #isOver = false;
  #isRetired = false;
  #isRefused = false;
  #isHung = false;
  #isBlamed = false;
  #settle!: (outcome: TemplateOutcome | Promise<TemplateOutcome>) => void;
  #vanish!: () => void;

  constructor(live: LiveProcesses, launch: Launch, seats: number, loadLine: () => string) {
    this.#live = live;
    this.#loadLine = loadLine;
    this.#marks = Array.from({ length: seats }, () => StartMark.create());
    this.gone = new Promise((resolve) => {
      this.#vanish = resolve;
    });
    const settled = new Promise<TemplateOutcome>((resolve) => {
      this.#settle = resolve;
    });
    this.outcome = this.#start(launch).then(
      () => settled,
      (error) => {
        this.#leave();
        throw error;
      },
    );
    this.outcome.catch(() => {});
  }

  /** Another one is to be made. One that had better not fork goes on to say so. */
  get isOver(): boolean {
    return (this.#isOver || this.#isRetired || this.#seats.some(({ isBroken }) => isBroken)) && !this.#isRefused;
  }

  /** Nobody new is forked of it, as when its modules have changed. Those that were live on. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** It was killed since it hung: whom it has not forked is to be forked of another, once it is gone. */
  get isHung(): boolean {
    return this.#isHung;
  }

  /** To be asked by whoever goes with it, or waits for it in vain. True: its end is a bad start of that one, and no other's. */
  takeBlame(): boolean {
    const isFirst = !this.#isBlamed;
    this.#isBlamed = true;
    return isFirst;
  }

  /** What it says until it has imported the modules, the first of those who wait hears. */
  wait(listeners: ProcessListeners): void {
    this.#waiting.add(listeners);
    if (this.#hello !== undefined) listeners.onLoading(this.#hello);
  }

  /**
   * As nobody waits for it any more, it is given up: ended where it stands. Whoever comes then has another one, and not
   * before this one is gone: where the kernel does not let go of it, they would pile up.
   */
  waitNoLonger(listeners: ProcessListeners): void {
    this.#waiting.delete(listeners);
    if (this.#waiting.size > 0 || !this.#isLoading) return;
    this.#endLoading(this.gone.then(() => ({ is: 'retired' })));
    this.kill();
  }

  /** The seat that nobody has, if there is one. */
  freeSeat(): Seat | undefined {
    return this.#seats.find((seat) => !seat.isTaken);
  }

  /** Forks a worker for a seat, which says the epoch that this returns before all else. */
  fork(seat: Seat, listeners: ForkListeners): string {
    const epoch = crypto().randomBytes(16).toString('hex');
    // Of the one before it may not have been told all.
    this.#forks.delete(seat.number);
    this.#forks.set(seat.number, { listeners, group: undefined, ending: undefined });
    this.#channel?.send(encodeFork(seat.number, epoch));
    return epoch;
  }

  /** Signals a worker of its own, which it has not reaped. */
  signal(pid: number, signal: 'SIGTERM' | 'SIGKILL' | 'SIGUSR1' | 'SIGUSR2'): void {
    this.#channel?.send(encodeSignal(pid, constants.signals[signal], signal === 'SIGTERM' || signal === 'SIGKILL'));
  }

  /** It is ended with the last of its workers. That it ends is no fault of those who still wait for it. */
  retire(): void {
    this.#isRetired = true;
    // One that has ended by itself has yet to say so.
    if (this.#isLoading && !this.#isOver) this.#endLoading({ is: 'retired' });
    this.#endIfIdle();
  }

  /** Ends it at once, and all workers with it, since it hangs: whom it has not forked is to be forked of another. */
  killHung(): void {
    if (!this.#isOver) this.#isHung = true;
    this.kill();
  }

  /** Ends it at once, and all workers with it. */
  kill(): void {
    if (this.#group === undefined) this.#isRetired = true;
    else if (!this.#isOver) this.#group.signal('SIGKILL');
  }

  async #start({ executable, flags, libraryPath, environment, cwd, ...limits }: Launch): Promise<void> {
    const seats = this.#marks.flatMap((mark) => ['pipe', 'pipe', 'pipe', mark?.descriptor ?? 'ignore'] as const);
    const args = ['-I', ...flags, '-c', BOOTSTRAP, libraryPath, PARENT, String(this.#marks.length)];
    this.#live.expect({ executable, libraryPath, environment });
    const child = spawnGroup(executable, args, {
      cwd,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', ...seats],
    });
    if (child instanceof Promise) throw await child;
    this.#adopt(child as unknown as Child, limits);
    if (this.#isRetired) this.kill();
  }

  #adopt(child: Child, limits: { messageBytesMax: number; attachmentBytesMax: number }): void {
    const group = new ProcessGroup(child.pid);
    this.#group = group;
    this.#live.add(group);
    const [, stdout, stderr, control, ...rest] = child.stdio;
    // Of each seat, its line comes first.
    const others = rest.map((stream, at) => (at % 4 === 0 ? lineSocket(stream as Duplex) : stream));
    this.#channel = new Channel(
      control as Duplex,
      limits,
      {
        onMessage: (message) => this.#hear(message),
        // None of what is called back there throws, and a line to a template that cannot be understood is none.
        onFault: () => this.kill(),
        onEnd: () => this.kill(),
      },
      templateMessageOf,
    );
    const outputs = Object.entries({ stdout, stderr } as Record<'stdout' | 'stderr', Readable>);
    const readers = outputs.map(([name, stream]) => {
      const lines = new OutputLines((line) => this.#first?.onOutput(name as 'stdout' | 'stderr', line));
      stream.on('end', () => lines.end());
      stream.on('error', () => {});
      return { paced: new PacedReader(stream, (piece) => lines.push(piece)), lines };
    });
    for (const [number, mark] of this.#marks.entries()) {
      const [line, out, err] = others.slice(4 * number) as [Duplex, Readable, Readable];
      this.#seats.push(new Seat(number, mark, line, { stdout: out, stderr: err }));
    }
    const streams = [stdout, stderr, control, ...others].filter((stream) => stream !== null);
    for (const stream of streams) (stream as { unref?(): void }).unref?.();
    child.on('exit', async (exitCode, signal) => {
      this.#isOver = true;
      this.#live.delete(group);
      group.killRest();
      for (const { paced } of readers) paced.hurry();
      await new Promise<void>(whenPolled);
      // Something that it has started may hold its outputs open.
      for (const { lines } of readers) lines.end();
      this.#settle({ is: 'ended', end: { exitCode, signal } });
      // Its workers die with it, and what they had started does not.
      for (const { group } of this.#forks.values()) group?.killRest();
      // Nobody else can tell how they ended.
      const end = { exitCode: null, signal: 'SIGKILL' };
      // The last one first, which is asked first for the blame: whoever has served long is no bad start.
      await Promise.all([...this.#forks.keys()].reverse().map((seat) => this.#forkEnded(seat, end, true)));
      for (const stream of streams) stream.destroy();
      this.#leave();
    });
  }

  get #first(): ProcessListeners | undefined {
    return this.#waiting.values().next().value;
  }

  #hear(message: MessageFromTemplate): void {
    switch (message.type) {
      case 'hello':
        // It was given up, or retired, before that was heard.
        if (!this.#isLoading) return;
        if (message.protocol === PROTOCOL) {
          this.#hello = message;
          for (const listeners of this.#waiting) listeners.onLoading(message);
          return this.#channel?.send(this.#loadLine());
        }
        this.#settle(Promise.reject(new ProtocolError({ detail: otherProtocol(message) })));
        return this.kill();
      case 'log':
        return this.#first?.onMessage(message);
      case 'loaded':
        return this.#loaded({ is: 'loaded' });
      case 'refused':
        return this.#loaded({ is: 'refused', reason: message.reason });
      case 'failed':
        return this.#loaded({ is: 'failed', message });
      case 'forked': {
        const fork = this.#forks.get(message.seat);
        if (fork === undefined) return;
        fork.group = new ProcessGroup(message.pid);
        this.#live.watchOver(fork.group, fork.listeners.onUnreaped);
        return fork.listeners.onForked(message.pid);
      }
      case 'exited':
        return void this.#forkEnded(message.seat, endOf(message.code), false).then(() => this.#endIfIdle());
    }
  }

  /** Resolves once its end has been told. Until then its seat is here, with the page that says what it had started. */
  async #forkEnded(seat: number, end: ProcessEnd, withTemplate: boolean): Promise<void> {
    const fork = this.#forks.get(seat);
    if (fork === undefined) return;
    if (fork.ending === undefined) {
      if (fork.group !== undefined) this.#live.forget(fork.group);
      fork.ending = fork.listeners.onExited(end, withTemplate);
    }
    await fork.ending;
    // Somebody else may have the seat by now.
    if (this.#forks.get(seat) === fork) this.#forks.delete(seat);
  }

  #loaded(outcome: TemplateOutcome): void {
    if (!this.#isLoading) return;
    this.#endLoading(outcome);
    this.#isRefused = outcome.is === 'refused';
    if (outcome.is === 'failed') this.retire();
  }

  #endLoading(outcome: TemplateOutcome | Promise<TemplateOutcome>): void {
    this.#isLoading = false;
    this.#waiting.clear();
    this.#settle(outcome);
  }

  #endIfIdle(): void {
    if (this.#isRetired && this.#forks.size === 0) this.kill();
  }

  #leave(): void {
    this.#isOver = true;
    for (const mark of this.#marks) mark?.close();
    this.#vanish();
  }
}

function endOf(code: number): ProcessEnd {
  if (code >= 0) return { exitCode: code, signal: null };
  const [signal = String(-code)] = Object.entries(constants.signals).find(([, number]) => number === -code) ?? [];
  return { exitCode: null, signal };
}

interface Fork {
  readonly listeners: ForkListeners;
  /** Absent until its pid is known. */
  group: ProcessGroup | undefined;
  /** Settles once its end has been told; absent until it has ended. */
  ending: Promise<void> | undefined;
}

interface Child extends Omit<ChildProcess, 'stdio' | 'pid'> {
  readonly pid: number;
  readonly stdio: readonly [null, Readable, Readable, Duplex, ...(Duplex | Readable | null)[]];
}

const BOOTSTRAP = 'import sys; sys.path.insert(0, sys.argv[1]); from pythonarium.template import main; main()';
