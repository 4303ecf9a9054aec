import type { PoolSettings } from '../options.js';
import { findInterpreter, type Interpreter, isReplaced, workerPath } from '../process/interpreter.js';
import type { Launch } from '../process/python-process.js';
import { processors } from '../time/processors.js';
import { encodeInit, encodeLoad, type InitMessage } from '../wire/message.js';

/** The Python of a pool: the interpreter that was found for it, and what its processes are told first. */
export class PoolPython {
  readonly #settings: PoolSettings;
  #found: Promise<Interpreter> | undefined;
  /** The one that was found last. */
  #last: Interpreter | undefined;
  readonly #search = new AbortController();

  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  /**
   * What the next process needs to be started; the interpreter is looked for once, and again after a failure. One that was
   * found is asked anew once another has taken its place: after an upgrade its library is elsewhere.
   */
  async launch(): Promise<Launch> {
    const settings = this.#settings;
    const { signal } = this.#search;
    const known = this.#last;
    if (known !== undefined && isReplaced(known)) {
      // One that does not work says so as it is started.
      this.#found = findInterpreter({ ...settings, python: known.command, signal }).catch(() => known);
    }
    this.#found ??= findInterpreter({ ...settings, signal });
    try {
      const python = await this.#found;
      this.#last = python;
      return {
        executable: python.executable,
        flags: python.flags,
        libraryPath: settings.libraryPath,
        environment: python.environment,
        cwd: settings.cwd,
        ...settings.limits,
      };
    } catch (error) {
      this.#found = undefined;
      throw error;
    }
  }

  /** Workers are wanted no more, and no search for Python is to outlive the pool. */
  giveUp(reason: unknown): void {
    this.#search.abort(reason);
  }

  /** The first line to a template. */
  loadLine(): string {
    return encodeLoad(this.#imports());
  }

  /** What is to be imported, and from where. */
  #imports() {
    const settings = this.#settings;
    const python = this.#last;
    return {
      path: python === undefined ? null : workerPath(python, settings),
      userSite: settings.isolated ? null : (python?.userSite ?? null),
      modules: settings.modules,
      ...(settings.watch && { watch: [...settings.moduleFolders, ...settings.pythonPath] }),
    };
  }

  /** The first line to a worker. */
  initLine(
    worker: string,
    can: Pick<InitMessage, 'startMark' | 'replyPage' | 'shortUs' | 'interrupts' | 'stacks' | 'share'>,
  ): string {
    const settings = this.#settings;
    return encodeInit({
      worker,
      ...this.#imports(),
      expose: settings.expose,
      setup: settings.setup,
      teardown: settings.teardown,
      limits: settings.limits,
      resources: settings.resources,
      validate: settings.validate,
      lane: settings.lane,
      ...(this.#busyPolls && { busyPoll: true }),
      ...(this.#isBatchWork && { batchScheduling: true }),
      ...(this.#sharesProcessors && { sharesProcessors: true }),
      ...can,
    });
  }

  /** Its workers are to look before they sleep, which counts as time that `cpuSeconds` gives, and as a quota's. */
  get #busyPolls(): boolean {
    const { busyPoll, lane, resources, sizeMax } = this.#settings;
    const { count, isQuota } = processors();
    return busyPoll && lane === 'serial' && resources.cpuSeconds === undefined && count > (isQuota ? sizeMax : 1);
  }

  /** Several workers may want the processors at the same time, and there is one besides Node's. */
  get #isBatchWork(): boolean {
    const { batchScheduling, lane, sizeMax } = this.#settings;
    return batchScheduling && lane === 'serial' && sizeMax > 1 && processors().count > 1;
  }

  /** There may be as many workers as processors, so that Node has none to itself. */
  get #sharesProcessors(): boolean {
    return this.#settings.sizeMax >= processors().count;
  }
}
