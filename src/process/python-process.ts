import type { ChildProcess } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { type PoolError, ProtocolError } from '../errors.js';
import { wallClock } from '../time/clock.js';
import { patienceOn } from '../time/patience.js';
import { Channel } from '../wire/channel.js';
import { type HelloMessage, type MessageFromPython, messageOf } from '../wire/message.js';
import type { Resolve } from '../wire/rich.js';
import type { Environment } from './environment.js';
import { isEnding, ProcessGroup } from './group.js';
import { lineSocket } from './line-socket.js';
import type { LiveProcesses } from './live.js';
import { OutputLines } from './output.js';
import { PacedReader } from './paced-reader.js';
import { PARENT, spawnGroup } from './spawn.js';
import { type Mark, StartMark } from './start-mark.js';

/** How a process ended, as the kernel tells it. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/** What a process tells the worker's hands. After `onFailed` or `onExited` it tells nothing more. */
export interface ProcessListeners {
  /** It lives. */
  readonly onSpawned: (pid: number) => void;
  /** What it will be forked of is up, and imports the modules. */
  readonly onLoading: (hello: HelloMessage) => void;
  readonly onMessage: (message: MessageFromPython) => void;
  /** A line on descriptor 1 or 2, from C code, a subprocess, or a Python that has not said hello. */
  readonly onOutput: (stream: 'stdout' | 'stderr', line: string) => void;
  /** It lives, and its line is broken or closed. */
  readonly onUnfit: (error: PoolError) => void;
  /** No process came to be. */
  readonly onFailed: (error: Error) => void;
  /** It is gone, and all that it had written has been told. `isBlameless`: it went with others, which is no bad start. */
  readonly onExited: (end: ProcessEnd, isBlameless?: boolean) => void;
  /** One of these listeners threw. */
  readonly onFault: (error: unknown) => void;
  /** Makes something of what stands for an object that stays in Python. */
  readonly resolve?: Resolve;
}

/** A worker's process, real or played by a test. */
export interface PythonProcess {
  /** The pages that it shares with Node; `undefined` where it has none. */
  readonly mark: Mark | undefined;
  /** The modules that it has, or is to have, are those that one has that starts now; absent where nobody can tell. */
  readonly isUpToDate?: boolean;
  /** Sends a line, and the raw bytes that follow it. */
  send(line: string, bin?: readonly Uint8Array[], isUrgent?: boolean): void;
  /** Runs `run` once its line has taken all that was sent. False: it has, and `run` is not called. Absent: it always has. */
  whenTaken?(run: () => void): boolean;
  /** Signals its group; nothing once its end has been seen. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Lets it see that the caller of the request `id`, or of one call of a batch, has given up, and interrupts it if `bySignal`. */
  cancel(id: number, bySignal: boolean, isItem?: boolean): void;
  /** Lets it write to standard error where each of its threads stands. */
  dumpStacks(): void;
}

/** What to start. */
export interface Launch {
  readonly executable: string;
  /** Flags after `-I`. */
  readonly flags: readonly string[];
  readonly libraryPath: string;
  readonly environment: Environment;
  readonly cwd: string;
  readonly messageBytesMax: number;
  readonly attachmentBytesMax: number;
}

/** Starts one Python; a real one asks what to `launch`, a played one need not. Nothing is told before this returns. */
export type StartPython = (launch: () => Promise<Launch>, listeners: ProcessListeners) => PythonProcess;

/** Starts real processes, each known to `live` from the moment it lives until the kernel says that it is gone. */
export function pythonStarter(live: LiveProcesses): StartPython {
  return (launch, listeners) => new RealProcess(live, launch, listeners);
}

class RealProcess implements PythonProcess {
  readonly mark = StartMark.create();
  readonly #live: LiveProcesses;
  readonly #listeners: ProcessListeners;
  #group: ProcessGroup | undefined;
  #channel: Channel | undefined;
  /** Its end was wanted before it had begun. */
  #isUnwanted = false;
  #hasExited = false;
  /** Present once its line has ended: waits for its own end no longer. */
  #stopWaiting: (() => void) | undefined;

  constructor(live: LiveProcesses, launch: () => Promise<Launch>, listeners: ProcessListeners) {
    this.#live = live;
    this.#listeners = listeners;
    this.#start(launch).catch((error: Error) => this.#fail(error));
  }

  send(line: string, bin?: readonly Uint8Array[], isUrgent?: boolean): void {
    this.#channel?.send(line, bin, isUrgent);
  }

  whenTaken(run: () => void): boolean {
    return this.#channel?.whenTaken(run) ?? false;
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (signal === 'SIGKILL') this.mark?.halt();
    if (this.#group !== undefined && !this.#hasExited) this.#group.signal(signal);
    else this.#isUnwanted = true;
  }

  cancel(id: number, bySignal: boolean, isItem?: boolean): void {
    this.mark?.cancel(id, isItem);
    if (bySignal && !this.#hasExited) this.#group?.interrupt();
  }

  dumpStacks(): void {
    if (!this.#hasExited) this.#group?.dumpStacks();
  }

  async #start(launching: () => Promise<Launch>): Promise<void> {
    const launch = await launching();
    if (this.#isUnwanted) return this.#exited({ exitCode: null, signal: 'SIGKILL' });
    const { executable, flags, libraryPath, environment, cwd } = launch;
    this.#live.expect(launch);
    const child = spawnGroup(executable, ['-I', ...flags, '-c', BOOTSTRAP, libraryPath, PARENT], {
      cwd,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', this.mark?.descriptor ?? 'ignore'],
    });
    if (child instanceof Promise) throw await child;
    this.#adopt(child as unknown as Child, launch);
  }

  #adopt(child: Child, { messageBytesMax, attachmentBytesMax }: Launch): void {
    const { pid } = child;
    const group = new ProcessGroup(pid);
    this.#group = group;
    this.#live.add(group);

    const socket = lineSocket(child.stdio[3]);
    const channel = new Channel(
      socket,
      { messageBytesMax, attachmentBytesMax },
      {
        onMessage: (message) => this.#listeners.onMessage(message),
        onFault: (error) => this.#listeners.onFault(error),
        onEnd: (reason) => {
          const hasEnded = () => this.#hasExited;
          this.#stopWaiting = lineEnded(reason, hasEnded, this.#listeners, () => isEnding(pid));
        },
        resolve: this.#listeners.resolve,
      },
      messageOf,
    );
    channel.unref();
    this.#channel = channel;
    const readers = (['stdout', 'stderr'] as const).map((stream) => {
      const lines = new OutputLines((line) => this.#listeners.onOutput(stream, line));
      // Not at its end, which does not come where something that the worker has started holds it open.
      child[stream].on('close', () => lines.end());
      child[stream].on('error', () => {});
      child[stream].unref?.();
      return new PacedReader(child[stream], (piece) => lines.push(piece));
    });

    const streams = [socket, child.stdout, child.stderr];
    const closed = Promise.all(streams.map((stream) => new Promise((resolve) => stream.on('close', resolve))));
    child.on('exit', async (exitCode, signal) => {
      this.#hasExited = true;
      this.#stopWaiting?.();
      this.#live.delete(group);
      // What it had started and left in its group goes with it. The number is not given away while any of them lives.
      group.killRest();
      for (const reader of readers) reader.hurry();
      // What it wrote is still in the pipes. A grandchild that holds them open is not waited for.
      let draining: unknown;
      const spent = new Promise<void>((resolve) => {
        draining = patience.setTimeout(() => resolve(), DRAIN_MS);
      });
      await Promise.race([closed, spent]);
      patience.clearTimeout(draining);
      for (const stream of streams) stream.destroy();
      await closed;
      this.#exited({ exitCode, signal });
    });
    this.#listeners.onSpawned(pid);
  }

  #fail(error: Error): void {
    this.mark?.close();
    this.#listeners.onFailed(error);
  }

  #exited(end: ProcessEnd): void {
    this.#listeners.onExited(end);
    this.mark?.close();
  }
}

/**
 * A line has ended. A process that ends closes its line first; only one that goes on living without a line is unfit.
 *
 * @param hasEnded Whether the process is known to have ended.
 * @param isEnding Whether the kernel says that it ends. It may get no processor for that, and is waited for.
 * @returns What is to be called once its end has come: that is waited for no longer.
 */
export function lineEnded(
  reason: Error | undefined,
  hasEnded: () => boolean,
  listeners: Pick<ProcessListeners, 'onUnfit'>,
  isEnding: () => boolean,
): () => void {
  let timer: unknown;
  const look = (looks: number) => {
    timer = patience.setTimeout(() => {
      if (hasEnded()) return;
      if (isEnding() && looks < LINE_END_LOOKS_MAX) return look(looks + 1);
      const detail = `the line was closed while the process lives${reason === undefined ? '' : ` (${reason.message})`}`;
      listeners.onUnfit(new ProtocolError({ detail }));
    }, LINE_END_MS);
  };
  // Said at once: the process sees its line closed and ends, and that is not what went wrong.
  if (reason instanceof ProtocolError) listeners.onUnfit(reason);
  else if (!hasEnded()) look(1);
  return () => patience.clearTimeout(timer);
}

/** What Node returns, with what our `stdio` makes of it. */
interface Child extends Omit<ChildProcess, 'stdio' | 'stdout' | 'stderr' | 'pid'> {
  readonly pid: number;
  readonly stdout: Readable & { unref?(): void };
  readonly stderr: Readable & { unref?(): void };
  readonly stdio: readonly [null, Readable, Readable, Duplex, null];
}

/** The library folder and the pid of Node come as arguments, so that this text never changes and nothing needs quoting. */
const BOOTSTRAP = 'import sys; sys.path.insert(0, sys.argv[1]); from pythonarium.worker import main; main()';
/** These are waits for the kernel, whatever clock the pool was given. */
const patience = patienceOn(wallClock);
const DRAIN_MS = 100;
/** How long a process may live after its line has ended. */
const LINE_END_MS = 250;
/** Where the kernel does not come to the end of one for so many times as long, those who have calls there are told. */
const LINE_END_LOOKS_MAX = 20;
