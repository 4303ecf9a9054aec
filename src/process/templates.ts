import { ForkedProcess, type Templates } from './forked-process.js';
import type { LiveProcesses } from './live.js';
import type { Launch, StartPython } from './python-process.js';
import { Template } from './template.js';

/**
 * The templates of one pool: the one that workers are forked of, and older ones that still have workers.
 */
export class PoolTemplates implements Templates {
  readonly spawn: StartPython;
  readonly start: StartPython = (launch, listeners) => new ForkedProcess(this, launch, listeners);
  readonly #live: LiveProcesses;
  readonly #seats: number;
  readonly #loadLine: () => string;
  readonly #onRefused: (reason: string) => void;
  #current: Template | undefined;
  /** The one before, until it is known whether the current one is of use. */
  #previous: Template | undefined;
  /** Of which it has been told that it had better not fork. */
  #said: Template | undefined;
  readonly #living = new Set<Template>();

  /**
   * @param seats How many processes may live at a time.
   * @param loadLine The first line to a template. Called after the interpreter has been found.
   * @param onRefused Called with the reason why processes are started by themselves, once for each template.
   */
  constructor(options: {
    live: LiveProcesses;
    spawn: StartPython;
    seats: number;
    loadLine: () => string;
    onRefused: (reason: string) => void;
  }) {
    this.spawn = options.spawn;
    this.#live = options.live;
    this.#seats = options.seats;
    this.#loadLine = options.loadLine;
    this.#onRefused = options.onRefused;
  }

  current(launch: Launch): Template {
    if (this.#current === undefined || this.#current.isOver) {
      this.#current?.retire();
      const template = new Template(this.#live, launch, this.#seats, this.#loadLine);
      this.#current = template;
      this.#living.add(template);
      void template.gone.then(() => this.#living.delete(template));
    }
    return this.#current;
  }

  refused(reason: string): void {
    if (this.#said === this.#current) return;
    this.#said = this.#current;
    this.#onRefused(reason);
  }

  /** The modules have changed: the next start has a new template. */
  renew(): void {
    this.#previous = this.#current;
    this.#current = undefined;
  }

  /** The new one is of use, and the one before ends with its last worker; or it is not, and that one stays. */
  renewed(isOfUse: boolean): void {
    const old = isOfUse ? this.#previous : this.#current;
    if (!isOfUse) this.#current = this.#previous;
    this.#previous = undefined;
    old?.retire();
  }

  /** Ends all of them, and resolves when none is left. */
  async close(): Promise<void> {
    const living = [...this.#living];
    for (const template of living) template.kill();
    await Promise.all(living.map(({ gone }) => gone));
  }
}
