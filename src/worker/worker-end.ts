import type { KillReason } from '../../machines/index.js';
import type { Started } from '../call/retries.js';
import { type PoolError, ProtocolError, WorkerDiedError } from '../errors.js';
import type { PoolEvents } from '../events.js';
import type { ProcessEnd } from '../process/python-process.js';
import type { Boot } from './boot.js';

/** How a worker ends: what for, how its process went, and what is told of that. */
export class WorkerEnd {
  readonly #name: string;
  readonly #boot: Boot;
  readonly #cpuSeconds: number | undefined;
  /** Why it was asked to end, or killed: for the first that there was. */
  because: KillReason | 'retired' | 'unresponsive' | undefined;
  /** What made it unfit. */
  fault: PoolError | undefined;
  /** How its process went, once it has. */
  exit: ProcessEnd | undefined;

  constructor(name: string, boot: Boot, cpuSeconds: number | undefined) {
    this.#name = name;
    this.#boot = boot;
    this.#cpuSeconds = cpuSeconds;
  }

  /** Nobody asked it to end, and nobody killed it for what it had not done. */
  get isUnasked(): boolean {
    return this.because === undefined || this.because === 'unfit';
  }

  /** It exited, crashed or broke its line, and neither the pool nor anybody outside had ended it. */
  get isByItself(): boolean {
    if (this.because !== undefined) return this.because === 'unfit';
    return !SENT_SIGNALS.has(this.exit?.signal ?? '');
  }

  get reason(): PoolEvents['worker.dead'][0]['reason'] {
    if (this.because !== undefined && this.because !== 'unfit') return this.because;
    if (!this.#boot.isUp) return 'boot';
    return this.because === undefined ? 'exited' : 'protocol';
  }

  /** It lives, and cannot serve. */
  unfit(error: PoolError): void {
    this.fault ??= this.#boot.isUp ? error : this.#bootError(error);
  }

  /** What it did not come up by; undefined if it did. */
  get bootFailure(): PoolError | undefined {
    return this.#boot.isUp ? undefined : (this.fault ?? this.#bootError());
  }

  /** What it died of, whoever had a call there. */
  get failure(): PoolError {
    return this.fault ?? this.#died({ started: 'unknown', attempts: 1 }, undefined);
  }

  /** What the caller is told of a call that is lost, whose attempts stand like that. */
  lossOf(call: string, told: { started: Started; attempts: number }): PoolError {
    const { fault } = this;
    if (fault === undefined) return this.#died(told, call);
    // Each caller gets one of its own, which says how its own call stands.
    const { detail } = fault as ProtocolError;
    return fault instanceof ProtocolError ? new ProtocolError({ detail, worker: this.#name, ...told }) : fault;
  }

  #died(told: { started: Started; attempts: number }, call: string | undefined): WorkerDiedError {
    const { exitCode = null, signal = null } = this.exit ?? {};
    return new WorkerDiedError({
      worker: this.#name,
      exitCode,
      signal,
      stderr: this.#boot.stderr.lines,
      ...told,
      call,
      evicted: this.because === 'cancel-grace',
      cpuSeconds: this.#cpuSeconds,
      silent: this.because === 'unresponsive',
    });
  }

  #bootError(cause?: unknown): PoolError {
    const stage = this.because === 'boot-timeout' ? 'timeout' : this.#boot.stage;
    return this.#boot.error(stage, cause, this.exit);
  }
}

/** Signals that come from outside, the kernel's for want of memory included. A crash has others. */
const SENT_SIGNALS: ReadonlySet<string> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);
