import type { Duplex, Readable } from 'node:stream';
import { whenPolled } from '../time/polled.js';
import { soon } from '../time/turn.js';
import type { Line, Place } from '../wire/channel.js';
import { OutputLines } from './output.js';
import { PacedReader } from './paced-reader.js';
import type { StartMark } from './start-mark.js';

/** What whoever has a seat hears of it. */
export interface SeatListeners {
  /** The worker of this epoch is on the line: what comes from here on is its own. */
  readonly onBegun: (line: Line) => void;
  readonly onOutput: (stream: 'stdout' | 'stderr', line: string) => void;
}

/**
 * The descriptors that the workers of one place have, one after the other: a template holds the other ends for as long
 * as it lives, so that a dead worker's line is not closed. Whatever one of them left there, either way, is read away:
 * here up to the epoch that its successor says first, and by the successor up to the same epoch.
 */
export class Seat {
  readonly number: number;
  readonly mark: StartMark | undefined;
  readonly #line: Duplex;
  #listeners: SeatListeners | undefined;
  #outputs: readonly OutputLines[] = [];
  readonly #readers: readonly PacedReader[];
  /** What the line begins with, as long as it has not come. */
  #epoch: Buffer | undefined;
  /** The end of what has come of the line without the epoch, which may have come in part. */
  #unread: Buffer = NOTHING;
  #seatLine: SeatLine | undefined;
  #hasHeard = false;
  #isBroken = false;

  constructor(
    number: number,
    mark: StartMark | undefined,
    line: Duplex,
    outputs: Record<'stdout' | 'stderr', Readable>,
  ) {
    this.number = number;
    this.mark = mark;
    this.#line = line;
    line.on('data', (chunk: Buffer) => this.#hear(chunk));
    line.on('error', () => {});
    // Nobody can hang up a line that the template holds, but for who shuts it down for all.
    line.on('close', () => {
      this.#isBroken = true;
      this.#seatLine?.destroy();
    });
    this.#readers = (['stdout', 'stderr'] as const).map((stream, index) => {
      outputs[stream].on('error', () => {});
      return new PacedReader(outputs[stream], (piece) => {
        this.#hasHeard = true;
        this.#outputs[index]?.push(piece);
      });
    });
  }

  get isTaken(): boolean {
    return this.#listeners !== undefined;
  }

  /** Its line is closed, for whoever has it and whoever would come. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Somebody new is about to be forked for it. */
  begin(epoch: string, listeners: SeatListeners): void {
    this.#listeners = listeners;
    this.mark?.release();
    this.#outputs = (['stdout', 'stderr'] as const).map(
      (stream) => new OutputLines((line) => listeners.onOutput(stream, line)),
    );
    for (const reader of this.#readers) reader.pace();
    this.#epoch = Buffer.from(`${epoch}\n`);
    this.#unread = NOTHING;
    // Behind all that its predecessor was sent and has not read.
    this.#line.write(this.#epoch);
  }

  /** Resolves once all has been told that the one who has it, and has ended, had written. Then it is free. */
  async end(): Promise<void> {
    for (const reader of this.#readers) reader.hurry();
    for (let polls = 0; polls < POLLS_MAX; polls += 1) {
      this.#hasHeard = false;
      await new Promise<void>(whenPolled);
      if (!this.#hasHeard) break;
    }
    for (const lines of this.#outputs) lines.end();
    this.#outputs = [];
    this.#seatLine?.destroy();
    this.#seatLine = undefined;
    this.#epoch = undefined;
    this.#unread = NOTHING;
    this.#listeners = undefined;
  }

  #hear(chunk: Buffer): void {
    this.#hasHeard = true;
    if (this.#seatLine !== undefined) return this.#seatLine.hear(chunk);
    if (this.#epoch === undefined) return;
    const unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    const at = unread.indexOf(this.#epoch);
    if (at === -1) {
      // A copy: the next read comes into the same buffer.
      this.#unread = Buffer.from(unread.subarray(-this.#epoch.length));
      return;
    }
    const rest = unread.subarray(at + this.#epoch.length);
    this.#unread = NOTHING;
    this.#epoch = undefined;
    this.#seatLine = new SeatLine(this.#line);
    this.#listeners?.onBegun(this.#seatLine);
    if (rest.length > 0) this.#seatLine.hear(rest);
  }
}

/** The line of one worker on a seat: over when the worker is, though the descriptor stays open. */
class SeatLine implements Line {
  readonly #line: Duplex;
  #onData: ((chunk: Buffer) => void) | undefined;
  #onClose: (() => void) | undefined;
  /** What has come before anybody listened. */
  #early: Buffer[] = [];
  #isOver = false;

  constructor(line: Duplex) {
    this.#line = line;
  }

  write(data: string | Uint8Array, onTaken?: (error?: Error | null) => void): void {
    if (!this.#isOver) this.#line.write(data, onTaken);
  }

  get writableLength(): number {
    return this.#line.writableLength;
  }

  cork(): void {
    this.#line.cork();
  }

  uncork(): void {
    this.#line.uncork();
  }

  on(event: string, listener: (...told: never[]) => void): void {
    if (event === 'close') this.#onClose = listener as () => void;
    if (event !== 'data') return;
    // As a stream does: not before whoever listens is done with what it is doing.
    soon(() => {
      this.#onData = listener as (chunk: Buffer) => void;
      for (const chunk of this.#early.splice(0)) this.hear(chunk);
    });
  }

  readInto(place: Place): void {
    // What its successor says belongs nowhere of its own.
    (this.#line as Line).readInto?.(() => (this.#isOver ? undefined : place()));
  }

  hear(chunk: Buffer): void {
    if (this.#isOver) return;
    // A copy: the next read comes into the same buffer.
    if (this.#onData === undefined) this.#early.push(Buffer.from(chunk));
    else this.#onData(chunk);
  }

  /** The descriptor stays open for whoever comes next. */
  destroy(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onClose?.();
  }
}

const NOTHING = Buffer.alloc(0);
/** Few are needed to read what a descriptor holds. Somebody else may have it and go on writing. */
const POLLS_MAX = 50;
