import type { ProcessEnd, ProcessListeners, PythonProcess } from '../process/python-process.js';
import type { Runtime } from '../runtime.js';
import { encodeStop, type HelloMessage, type MessageFromPython } from '../wire/message.js';
import { Boot } from './boot.js';

/** One start of Python that serves nobody: it shows whether a worker would come up now, and ends. */
export class Trial implements ProcessListeners {
  /** What it failed by; `undefined` once it has come up. */
  readonly outcome: Promise<Error | undefined>;
  /** Resolves when its process is gone. */
  readonly gone: Promise<void>;
  readonly #runtime: Runtime;
  readonly #process: PythonProcess;
  readonly #boot: Boot;
  #failure: Error | undefined;
  #timer: unknown;
  #tell!: (failure: Error | undefined) => void;
  #vanish!: () => void;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
    this.outcome = new Promise((resolve) => {
      this.#tell = resolve;
    });
    this.gone = new Promise((resolve) => {
      this.#vanish = resolve;
    });
    const { bootTimeoutMs } = runtime.settings;
    this.#timer = runtime.patience.setTimeout(() => this.#fail(this.#boot.error('timeout')), bootTimeoutMs);
    this.#process = runtime.startPython(() => runtime.python.launch(), this);
    this.#boot = new Boot(runtime, NAME, this.#process);
  }

  end(): void {
    this.#process.signal('SIGKILL');
  }

  onSpawned(): void {}

  onLoading(hello: HelloMessage): void {
    this.#boot.onLoading(hello);
  }

  onMessage(message: MessageFromPython): void {
    switch (message.type) {
      case 'hello': {
        const failure = this.#boot.onHello(message, { interrupts: false, stacks: false });
        return failure === undefined ? undefined : this.#fail(failure);
      }
      case 'log':
        if (message.stream !== 'stdout') this.#boot.stderr.push(message.text);
        return this.#runtime.news.log({ worker: NAME, context: undefined, ...message });
      case 'failed':
        return this.#fail(this.#boot.onFailed(message));
      case 'ready':
        // It is being killed already, for having taken too long.
        if (this.#failure !== undefined) return;
        this.#boot.isUp = true;
        this.#tell(undefined);
        this.#process.send(encodeStop());
        this.#runtime.patience.clearTimeout(this.#timer);
        this.#timer = this.#runtime.patience.setTimeout(() => this.end(), this.#runtime.settings.stopGraceMs);
    }
  }

  onOutput(stream: 'stdout' | 'stderr', text: string): void {
    if (stream === 'stderr') this.#boot.stderr.push(text);
    this.#runtime.news.log({ worker: NAME, context: undefined, type: 'log', stream, call: null, text });
  }

  onUnfit(error: unknown): void {
    if (this.#boot.isUp) this.end();
    else this.#fail(this.#boot.error(this.#boot.stage, error));
  }

  onFailed(error: Error): void {
    this.#ended(error);
  }

  onExited(end: ProcessEnd): void {
    const { isUp, stage } = this.#boot;
    this.#ended(this.#failure ?? (isUp ? undefined : this.#boot.error(stage, undefined, end)));
  }

  onFault(error: unknown): void {
    this.#runtime.fault(error);
    this.onUnfit(error);
  }

  /** It is of no use any more. What it failed by is told once it is gone, with its last words. */
  #fail(failure: Error): void {
    this.#failure ??= failure;
    this.end();
  }

  #ended(failure: Error | undefined): void {
    this.#runtime.patience.clearTimeout(this.#timer);
    this.#tell(failure);
    this.#vanish();
  }
}

/** Where a worker has its name. */
const NAME = 'trial';
