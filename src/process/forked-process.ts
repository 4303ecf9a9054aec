import { ProtocolError } from '../errors.js';
import { wallClock } from '../time/clock.js';
import { patienceOn } from '../time/patience.js';
import { soon } from '../time/turn.js';
import { Channel, type Line } from '../wire/channel.js';
import { messageOf } from '../wire/message.js';
import { isDying, isEnding } from './group.js';
import {
  type Launch,
  lineEnded,
  type ProcessEnd,
  type ProcessListeners,
  type PythonProcess,
  type StartPython,
} from './python-process.js';
import type { Seat } from './seat.js';
import type { Mark } from './start-mark.js';
import type { Template } from './template.js';

/** Where a forked process comes from. */
export interface Templates {
  /** The one to be forked of now. */
  current(launch: Launch): Template;
  /** What `current` has said about why it had better not be forked of. */
  refused(reason: string): void;
  /** How to start a process instead. */
  readonly spawn: StartPython;
}

/** A worker's process that a template forks; or one that is started by itself, where the template had better not. */
export class ForkedProcess implements PythonProcess {
  readonly #templates: Templates;
  readonly #launching: () => Promise<Launch>;
  readonly #listeners: ProcessListeners;
  #template: Template | undefined;
  #seat: Seat | undefined;
  #pid: number | undefined;
  #line: Line | undefined;
  #channel: Channel | undefined;
  #spawned: PythonProcess | undefined;
  #limits!: Pick<Launch, 'messageBytesMax' | 'attachmentBytesMax'>;
  /** It was to end, by signal. */
  #isUnwanted = false;
  /** Its template has told of its end. */
  #isEnding = false;
  #hasExited = false;
  /** Runs out if it is to be killed, or has ended, and nobody tells of its end. */
  #killing: unknown;
  /** Present once its line has ended: waits for its own end no longer. */
  #stopWaiting: (() => void) | undefined;

  constructor(templates: Templates, launching: () => Promise<Launch>, listeners: ProcessListeners) {
    this.#templates = templates;
    this.#launching = launching;
    this.#listeners = listeners;
    this.#begin();
  }

  get mark(): Mark | undefined {
    return this.#spawned === undefined ? this.#seat?.mark : this.#spawned.mark;
  }

  get isUpToDate(): boolean {
    // Until it comes to be, it waits for the template that is current, or is to have that one.
    const hasBegun = this.#seat !== undefined || this.#spawned !== undefined;
    return !hasBegun || this.#template?.isRetired === false;
  }

  send(line: string, bin?: readonly Uint8Array[], isUrgent?: boolean): void {
    (this.#spawned ?? this.#channel)?.send(line, bin, isUrgent);
  }

  whenTaken(run: () => void): boolean {
    return (this.#spawned ?? this.#channel)?.whenTaken?.(run) ?? false;
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#spawned !== undefined) return this.#spawned.signal(signal);
    if (this.#hasExited) return;
    this.#isUnwanted = true;
    if (signal === 'SIGKILL' && this.#seat !== undefined) this.#halt(this.#seat);
    if (this.#pid !== undefined) return this.#template?.signal(this.#pid, signal);
    // Once it is being forked, its pid is on the way.
    if (this.#seat === undefined) soon(() => this.#exited(NEVER_LIVED));
  }

  cancel(id: number, bySignal: boolean, isItem?: boolean): void {
    if (this.#spawned !== undefined) return this.#spawned.cancel(id, bySignal, isItem);
    this.#seat?.mark?.cancel(id, isItem);
    if (bySignal) this.#signal('SIGUSR1');
  }

  dumpStacks(): void {
    if (this.#spawned !== undefined) return this.#spawned.dumpStacks();
    this.#signal('SIGUSR2');
  }

  #begin(): void {
    this.#start().catch((error: Error) => {
      if (this.#hasExited) return;
      this.#hasExited = true;
      this.#listeners.onFailed(error);
    });
  }

  async #start(): Promise<void> {
    const launch = await this.#launching();
    if (this.#isUnwanted) return this.#exited(NEVER_LIVED);
    this.#limits = launch;
    const template = this.#templates.current(launch);
    this.#template = template;
    template.wait(this.#listeners);
    const outcome = await template.outcome;
    // Its end has been told, or is about to be.
    if (this.#isUnwanted) return;
    switch (outcome.is) {
      case 'refused':
        // It is asked at each start as long as the pool lives, and would keep all who have ever asked.
        template.waitNoLonger(this.#listeners);
        this.#templates.refused(outcome.reason);
        this.#spawned = this.#templates.spawn(this.#launching, this.#listeners);
        return;
      case 'failed':
        this.#listeners.onMessage(outcome.message);
        return this.#exited({ exitCode: 1, signal: null });
      case 'retired':
        return this.#start();
      case 'ended':
        return this.#exited(outcome.end, !template.takeBlame());
      case 'loaded':
        // Whoever comes as it goes waits for that: where the kernel keeps them, templates would pile up.
        if (template.isHung) await template.gone;
        // One that was retired since is about to end, unless somebody else was forked of it.
        else if (!template.isRetired) return this.#fork(template);
        return this.#start();
    }
  }

  #fork(template: Template): void {
    const seat = template.freeSeat();
    if (seat === undefined) throw new ProtocolError({ detail: 'its template has no seat that is free' });
    this.#seat = seat;
    const epoch = template.fork(seat, {
      onForked: (pid) => this.#forked(pid),
      onUnreaped: () => this.#unreaped(),
      onExited: (end, withTemplate) => this.#ended(end, withTemplate ? template : undefined),
    });
    seat.begin(epoch, {
      onBegun: (line) => {
        this.#line = line;
        this.#open();
      },
      onOutput: (stream, line) => this.#listeners.onOutput(stream, line),
    });
  }

  #forked(pid: number): void {
    this.#pid = pid;
    this.#listeners.onSpawned(pid);
    if (this.#isUnwanted) this.#template?.signal(pid, 'SIGKILL');
    this.#open();
  }

  /** The worker's first words may come before the template's. */
  #open(): void {
    const pid = this.#pid;
    if (this.#line === undefined || pid === undefined || this.#channel !== undefined) return;
    this.#channel = new Channel(
      this.#line,
      this.#limits,
      {
        onMessage: (message) => this.#listeners.onMessage(message),
        onFault: (error) => this.#listeners.onFault(error),
        // Its template keeps the line open: it ends with the worker, or was shut down by the worker's own code.
        onEnd: (reason) => {
          const hasEnded = () => this.#isEnding;
          this.#stopWaiting = lineEnded(reason, hasEnded, this.#listeners, () => isEnding(pid));
        },
        resolve: this.#listeners.resolve,
      },
      messageOf,
    );
  }

  #unreaped(): void {
    const hasEnded = this.#pid !== undefined && isEnding(this.#pid);
    if (hasEnded && !this.#isEnding) this.#killing ??= this.#awaitEnd();
  }

  #halt({ mark }: Seat): void {
    mark?.halt();
    if (!this.#isEnding) this.#killing ??= this.#awaitEnd();
  }

  /**
   * A template that tells of no end for so long is taken to hang: that one is killed then, and all that it has forked.
   * Those would die for nothing where it is the kernel that has not let go of this one.
   */
  #awaitEnd(): unknown {
    return patience.setTimeout(() => {
      if (this.#pid !== undefined && isDying(this.#pid)) this.#killing = this.#awaitEnd();
      else this.#template?.killHung();
    }, KILL_MS);
  }

  /** @param template With which it went, if it did. */
  async #ended(end: ProcessEnd, template: Template | undefined): Promise<void> {
    this.#isEnding = true;
    patience.clearTimeout(this.#killing);
    this.#stopWaiting?.();
    // Whoever was to end anyhow has an end of its own. That a template hung speaks against the start of nobody who went with
    // it, and that it ended by itself against one: in the order in which they are told, and not in which they have ended.
    const isHung = template?.isHung ?? false;
    const isBlameless = template !== undefined && !this.#isUnwanted && (isHung || !template.takeBlame());
    await this.#seat?.end();
    if (template === undefined || this.#isUnwanted) return this.#exited(end);
    if (this.#pid !== undefined || !isHung) return this.#exited(end, isBlameless);
    // Its template was killed for the sake of another worker, and had not come to this one.
    this.#seat = undefined;
    this.#line = undefined;
    this.#isEnding = false;
    this.#begin();
  }

  #signal(signal: 'SIGUSR1' | 'SIGUSR2'): void {
    if (this.#pid !== undefined && !this.#hasExited) this.#template?.signal(this.#pid, signal);
  }

  #exited(end: ProcessEnd, isBlameless = false): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    this.#template?.waitNoLonger(this.#listeners);
    this.#listeners.onExited(end, isBlameless);
  }
}

const NEVER_LIVED: ProcessEnd = { exitCode: null, signal: 'SIGKILL' };
/** This is a wait for the template and the kernel, whatever clock the pool was given. */
const patience = patienceOn(wallClock);
/** How long a worker may live once it is to be killed. */
const KILL_MS = 5_000;
