import type { ChildProcess } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { type PoolError, ProtocolError, SpawnError } from '../errors.js';
import { Channel } from '../wire/channel.js';
import { type MessageFromPython, messageOf } from '../wire/message.js';
import type { Resolve } from '../wire/rich.js';
import { requireDescriptors } from './descriptors.js';
import type { Environment } from './environment.js';
import { interrupt, killGroup, signalGroup } from './kill.js';
import type { LiveProcesses } from './live.js';
import { OutputLines } from './output.js';
import { StartMark } from './start-mark.js';

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
  readonly onLoading: () => void;
  readonly onMessage: (message: MessageFromPython) => void;
  /** A line on descriptor 1 or 2, from C code, a subprocess, or a Python that has not said hello. */
  readonly onOutput: (stream: 'stdout' | 'stderr', line: string) => void;
  /** It lives, and its line is broken or closed. */
  readonly onUnfit: (error: PoolError) => void;
  /** No process came to be. */
  readonly onFailed: (error: unknown) => void;
  /** It is gone, and all that it had written before has been told. */
  readonly onExited: (end: ProcessEnd) => void;
  /** One of these listeners threw. */
  readonly onFault: (error: unknown) => void;
  /** Makes something of what stands for an object that stays in Python. */
  readonly resolve?: Resolve;
}

/** A worker's process, real or played by a test. */
export interface PythonProcess {
  /** Whether it shares a page with Node that tells which request it has started. */
  readonly hasStartMark: boolean;
  /** Sends a line, and the raw bytes that follow it. */
  send(line: string, bin?: readonly Uint8Array[]): void;
  /** Signals its group; nothing once its end has been seen. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Lets it see that the caller of the request `id` has given up, and interrupts it if `bySignal`. */
  cancel(id: number, bySignal: boolean): void;
  /** The id of the last request it has started, or `undefined` where it shares no page. */
  lastStarted(): number | undefined;
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
  readonly #live: LiveProcesses;
  readonly #listeners: ProcessListeners;
  readonly #mark = StartMark.create();
  #pid: number | undefined;
  #channel: Channel | undefined;
  /** Its end was wanted before it had begun. */
  #isUnwanted = false;
  #hasExited = false;

  constructor(live: LiveProcesses, launch: () => Promise<Launch>, listeners: ProcessListeners) {
    this.#live = live;
    this.#listeners = listeners;
    this.#start(launch).catch((error: unknown) => this.#fail(error));
  }

  get hasStartMark(): boolean {
    return this.#mark !== undefined;
  }

  send(line: string, bin?: readonly Uint8Array[]): void {
    this.#channel?.send(line, bin);
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#pid !== undefined && !this.#hasExited) signalGroup(this.#pid, signal);
    else this.#isUnwanted = true;
  }

  cancel(id: number, bySignal: boolean): void {
    this.#mark?.cancel(id);
    if (bySignal && this.#pid !== undefined && !this.#hasExited) interrupt(this.#pid);
  }

  lastStarted(): number | undefined {
    return this.#mark?.read();
  }

  async #start(launching: () => Promise<Launch>): Promise<void> {
    // Loaded when the first process starts: the import alone takes longer than a Python needs to boot.
    const [{ execa }, launch] = await Promise.all([import('execa'), launching()]);
    if (this.#isUnwanted) return this.#exited({ exitCode: null, signal: 'SIGKILL' });
    const { executable, flags, libraryPath, environment, cwd } = launch;
    requireDescriptors(DESCRIPTORS_PER_START, executable);
    const child = execa(executable, ['-I', ...flags, '-c', BOOTSTRAP, libraryPath], {
      cwd,
      env: environment,
      extendEnv: false,
      // A descriptor of our own is handed on as it is; execa's types know that for the first three only.
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', (this.#mark?.descriptor ?? 'ignore') as 'ignore'],
      // Nothing of what a worker prints in its life may be kept for its end.
      buffer: false,
      reject: false,
      // A group of its own: Ctrl-C at the terminal is for this program to handle, and a kill reaches the grandchildren.
      detached: true,
      // It would install signal handlers that nobody asked for.
      cleanup: false,
    });
    if (child.pid === undefined) {
      const { cause, code } = await child;
      throw new SpawnError({ errno: code ?? errnoOf(cause) ?? 'UNKNOWN', command: executable, cause });
    }
    this.#adopt(child as unknown as Child, launch);
  }

  #adopt(child: Child, { messageBytesMax, attachmentBytesMax }: Launch): void {
    const { pid } = child;
    this.#pid = pid;
    this.#live.add(pid);
    child.unref();

    const socket = child.stdio[3];
    const channel = new Channel(
      socket,
      { messageBytesMax, attachmentBytesMax },
      {
        onMessage: (message) => this.#listeners.onMessage(message),
        onFault: (error) => this.#listeners.onFault(error),
        onEnd: (reason) => this.#lineEnded(reason),
        resolve: this.#listeners.resolve,
      },
      messageOf,
    );
    channel.unref();
    this.#channel = channel;
    for (const stream of ['stdout', 'stderr'] as const) {
      const lines = new OutputLines((line) => this.#listeners.onOutput(stream, line));
      child[stream].on('data', (chunk: Buffer) => lines.push(chunk));
      child[stream].on('end', () => lines.end());
      child[stream].on('error', () => {});
      child[stream].unref?.();
    }

    const streams = [socket, child.stdout, child.stderr];
    const closed = Promise.all(streams.map((stream) => new Promise((resolve) => stream.on('close', resolve))));
    child.on('exit', async (exitCode, signal) => {
      this.#hasExited = true;
      this.#live.delete(pid);
      // What it had started and left in its group goes with it. The number is not given away while any of them lives.
      killGroup(pid);
      // What it wrote is still in the pipes. A grandchild that holds them open is not waited for.
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref())]);
      for (const stream of streams) stream.destroy();
      await closed;
      this.#exited({ exitCode, signal });
    });
    this.#listeners.onSpawned(pid);
  }

  /** A process that ends closes its line first; only one that goes on living without a line is unfit. */
  #lineEnded(reason: Error | undefined): void {
    // Said at once: the process sees its line closed and ends, and that is not what went wrong.
    if (reason instanceof ProtocolError) return this.#listeners.onUnfit(reason);
    if (this.#hasExited) return;
    setTimeout(() => {
      if (this.#hasExited) return;
      const detail = `the line was closed while the process lives${reason === undefined ? '' : ` (${reason.message})`}`;
      this.#listeners.onUnfit(new ProtocolError({ detail }));
    }, LINE_END_MS).unref();
  }

  #fail(error: unknown): void {
    this.#mark?.close();
    this.#listeners.onFailed(error);
  }

  #exited(end: ProcessEnd): void {
    this.#listeners.onExited(end);
    this.#mark?.close();
  }
}

/** What execa returns, with what our `stdio` makes of it. */
interface Child extends Omit<ChildProcess, 'stdio' | 'stdout' | 'stderr' | 'pid'> {
  readonly pid: number;
  readonly stdout: Readable & { unref?(): void };
  readonly stderr: Readable & { unref?(): void };
  readonly stdio: readonly [null, Readable, Readable, Duplex, null];
}

function errnoOf(cause: unknown): string | undefined {
  return cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
}

/** The library folder comes as an argument, so that this text never changes and nothing needs quoting. */
const BOOTSTRAP = 'import sys; sys.path.insert(0, sys.argv[1]); from pythonarium.worker import main; main()';
/** Three socket pairs, and a few that libuv opens on the way. */
const DESCRIPTORS_PER_START = 10;
const DRAIN_MS = 100;
/** How long a process may live after its line has ended. */
export const LINE_END_MS = 250;
