import { BootError, type BootStage, ProtocolError } from './errors.js';
import { Tail } from './process/output.js';
import type { ProcessEnd, ProcessListeners, PythonProcess } from './process/python-process.js';
import type { Runtime } from './runtime.js';
import { encodeStop, errorFromWire, type MessageFromPython } from './wire/message.js';

/** One start of Python that serves nobody: it shows whether a worker would come up now, and ends. */
export class Trial implements ProcessListeners {
  /** What it failed by; `undefined` once it has come up. */
  readonly outcome: Promise<unknown>;
  /** Resolves when its process is gone. */
  readonly gone: Promise<void>;
  readonly #runtime: Runtime;
  readonly #process: PythonProcess;
  readonly #stderr = new Tail();
  #phase: 'start' | 'load' | 'up' = 'start';
  #failure: unknown;
  #timer: unknown;
  #tell!: (failure: unknown) => void;
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
    this.#timer = runtime.patience.setTimeout(() => this.#fail('timeout'), bootTimeoutMs);
    this.#process = runtime.startPython(() => runtime.launch(), this);
  }

  end(): void {
    this.#process.signal('SIGKILL');
  }

  onSpawned(): void {}

  onMessage(message: MessageFromPython): void {
    switch (message.type) {
      case 'hello':
        return this.#helloed(message.protocol);
      case 'log':
        if (message.stream !== 'stdout') this.#stderr.push(message.text);
        return this.#runtime.log({ worker: NAME, context: undefined, ...message });
      case 'failed':
        return this.#fail(message.stage, errorFromWire(message.error));
      case 'ready':
        this.#phase = 'up';
        this.#tell(undefined);
        this.#process.send(encodeStop());
        return this.#within(this.#runtime.settings.stopGraceMs, () => this.end());
    }
  }

  onOutput(stream: 'stdout' | 'stderr', text: string): void {
    if (stream === 'stderr') this.#stderr.push(text);
    this.#runtime.log({ worker: NAME, context: undefined, type: 'log', stream, call: null, text });
  }

  onUnfit(error: unknown): void {
    if (this.#phase !== 'up') this.#fail(this.#phase, error);
    else this.end();
  }

  onFailed(error: unknown): void {
    this.#ended(error);
  }

  onExited(end: ProcessEnd): void {
    this.#ended(this.#failure ?? (this.#phase === 'up' ? undefined : this.#error(this.#phase, undefined, end)));
  }

  onFault(error: unknown): void {
    this.#runtime.fault(error);
    this.onUnfit(error);
  }

  #helloed(protocol: number): void {
    this.#phase = 'load';
    const can = { startMark: this.#process.hasStartMark, interrupts: false, stacks: false };
    const init = this.#runtime.initLine(NAME, can);
    if (protocol === init.protocol) return this.#process.send(init.line);
    const detail = `Python speaks protocol ${protocol}, and this side speaks ${init.protocol}`;
    this.#fail('protocol', new ProtocolError({ detail, worker: NAME }));
  }

  /** It is of no use any more. What it failed by is told once it is gone, with its last words. */
  #fail(stage: BootStage, cause?: unknown): void {
    this.#failure ??= this.#error(stage, cause, { exitCode: null, signal: null });
    this.end();
  }

  #error(stage: BootStage, cause: unknown, end: ProcessEnd): BootError {
    const { bootTimeoutMs } = this.#runtime.settings;
    return new BootError({
      worker: NAME,
      stage,
      ...end,
      stderr: this.#stderr.lines,
      ...(stage === 'timeout' && { bootTimeoutMs }),
      ...(cause !== undefined && { cause }),
    });
  }

  #ended(failure: unknown): void {
    this.#runtime.patience.clearTimeout(this.#timer);
    this.#tell(failure);
    this.#vanish();
  }

  #within(ms: number, otherwise: () => void): void {
    this.#runtime.patience.clearTimeout(this.#timer);
    this.#timer = this.#runtime.patience.setTimeout(otherwise, ms);
  }
}

/** Where a worker has its name. */
const NAME = 'trial';
