import { BootError, type BootStage, ProtocolError } from '../errors.js';
import { Tail } from '../process/output.js';
import type { ProcessEnd, PythonProcess } from '../process/python-process.js';
import type { Mark } from '../process/start-mark.js';
import type { Runtime } from '../runtime.js';
import { errorFromWire } from '../wire/error.js';
import { type FailedMessage, type HelloMessage, type InitMessage, otherProtocol, PROTOCOL } from '../wire/message.js';

/** How one Python process comes up: the handshake, and what it failed by if it does not. */
export class Boot {
  readonly #runtime: Runtime;
  readonly #name: string;
  readonly #process: PythonProcess;
  /** What it has said last on standard error. */
  readonly stderr = new Tail();
  /** It is ready. */
  isUp = false;
  /** How far it has come. */
  stage: 'start' | 'load' = 'start';
  /** What it runs on, as that has said. */
  #hello: HelloMessage | undefined;

  constructor(runtime: Runtime, name: string, process: PythonProcess) {
    this.#runtime = runtime;
    this.#name = name;
    this.#process = process;
  }

  /** It has been started, and goes on to load what it is told to. */
  onLoading(hello: HelloMessage): void {
    this.stage = 'load';
    this.#hello = hello;
  }

  /** Python is there: it is told what to load. Returns why it cannot be, if so. */
  onHello(
    hello: HelloMessage,
    wanted: Pick<InitMessage, 'interrupts' | 'stacks' | 'replyPage' | 'shortUs'>,
  ): BootError | undefined {
    this.onLoading(hello);
    let line: string;
    try {
      const { mark } = this.#process;
      const share = shareOf(mark);
      line = this.#runtime.python.initLine(this.#name, {
        startMark: mark !== undefined,
        ...wanted,
        ...(share && { share }),
      });
    } catch (error) {
      // What differs from pool to pool in that line is `setup`.
      return this.error('setup', error);
    }
    if (hello.protocol !== PROTOCOL) {
      return this.error('protocol', new ProtocolError({ detail: otherProtocol(hello), worker: this.#name }));
    }
    this.#process.send(line);
    return undefined;
  }

  /** Python says itself what it failed by. */
  onFailed({ stage, error, files }: FailedMessage): BootError {
    // One of them is to be mended, and may be the first of its folder.
    if (files !== undefined) this.#runtime.reloader?.follow(files);
    return this.error(stage, errorFromWire(error));
  }

  error(stage: BootStage, cause?: unknown, end: ProcessEnd = { exitCode: null, signal: null }): BootError {
    const { bootTimeoutMs } = this.#runtime.settings;
    return new BootError({
      worker: this.#name,
      stage,
      ...end,
      stderr: this.stderr.lines,
      python: this.#hello,
      ...(stage === 'timeout' && { bootTimeoutMs }),
      ...(cause !== undefined && { cause }),
    });
  }
}

/** By what a worker with that mark can find out whether it can open files of this process; `undefined` where there are none to be shared. */
function shareOf(mark: Mark | undefined): InitMessage['share'] {
  const descriptor = process.platform === 'linux' ? mark?.descriptor : undefined;
  return descriptor === undefined ? undefined : { pid: process.pid, mark: descriptor };
}
