import { Duplex } from 'node:stream';
import { ProtocolError } from '../errors.js';
import { whenPolled } from '../time/polled.js';
import { type Fields, parseLine } from './fields.js';
import { LineReader, writeLine } from './frame.js';
import { announcedBy, type MessageFromPython } from './message.js';
import type { Resolve } from './rich.js';

/** What a channel tells its owner. */
export interface ChannelListeners<Message = MessageFromPython> {
  /** A message came. */
  readonly onMessage: (message: Message) => void;
  /**
   * Nothing more will come and nothing more can be sent: called once, whatever happens. `reason` is what went wrong (a
   * ProtocolError, an error of the descriptor), and `undefined` if the other side hung up or the descriptor was closed.
   */
  readonly onEnd: (reason: Error | undefined) => void;
  /** A listener threw, which is a fault of its owner. The channel goes on. */
  readonly onFault: (error: unknown) => void;
  /** Makes something of the kinds of `rich` that are no values, such as a handle. */
  readonly resolve?: Resolve | undefined;
}

/** The framed line to one process, over a duplex descriptor of which it is the only user. It has no timers. */
export class Channel<Message = MessageFromPython> {
  readonly #duplex: Line;
  readonly #listeners: ChannelListeners<Message>;
  readonly #decode: Decode<Message>;
  readonly #reader: LineReader;
  readonly #attachmentBytesMax: number;
  #unsent = '';
  #hasFlushAhead = false;
  #state: 'open' | 'ending' | 'ended' = 'open';
  #hasHeard = false;

  constructor(duplex: Line, limits: Limits, listeners: ChannelListeners<Message>, decode: Decode<Message>) {
    this.#duplex = duplex;
    this.#listeners = listeners;
    this.#decode = decode;
    this.#reader = new LineReader(limits.messageBytesMax);
    this.#attachmentBytesMax = limits.attachmentBytesMax;
    if (duplex instanceof Duplex) {
      watchWrites(duplex, (error) => this.#writeFailed(error));
    }
    duplex.readInto?.(() => this.#reader.place);
    duplex.on('data', (chunk: Buffer) => this.#receive(chunk));
    duplex.on('end', () => this.#finish(undefined));
    duplex.on('close', () => this.#finish(undefined));
    // It stays for good: a descriptor fails whenever it likes, and an error that nobody hears ends Node.
    duplex.on('error', (error) => this.#finish(error));
  }

  /**
   * Sends one line, given without its newline, and the raw bytes that follow it. The first of a turn leaves at once, so
   * that Python works while the turn goes on; the others leave together at its end. That they arrive nobody promises:
   * only an answer says so. After the end it does nothing, of which `onEnd` has told. Raw bytes are not copied: what they
   * are in is not to be transferred before they have been taken.
   *
   * @param isUrgent False: Python has something to do as it is, so that this leaves with the others at the end of the turn.
   */
  send(line: string, bin: readonly Uint8Array[] = NO_BYTES, isUrgent = true): void {
    if (this.#state !== 'open') return;
    if (bin.length > 0) return this.#sendWithBytes(line, bin);
    if (!this.#hasFlushAhead) {
      this.#hasFlushAhead = true;
      // For less than `queueMicrotask`, which makes a resource of it that can be traced.
      void NOW.then(this.#flush);
      if (isUrgent) return void this.#duplex.write(writeLine(line));
    }
    this.#unsent += writeLine(line);
    if (this.#unsent.length >= JOINED_CHARS_MAX) this.#write();
  }

  /** Runs `run` once the descriptor has taken all that it was given. False: it has, or takes no more, and `run` is not called. */
  whenTaken(run: () => void): boolean {
    if (this.#state !== 'open' || this.#duplex.writableLength === 0) return false;
    // It is told once it has been taken, behind all that. To be told of every write would take time with each.
    this.#duplex.write('', (error) => {
      if (!error) run();
    });
    return true;
  }

  /** Lets Node exit although the channel is open. */
  unref(): void {
    this.#duplex.unref?.();
  }

  #sendWithBytes(line: string, bin: readonly Uint8Array[]): void {
    this.#duplex.cork();
    this.#write();
    this.#duplex.write(writeLine(line));
    for (const bytes of bin) if (bytes.byteLength > 0) this.#duplex.write(bytes);
    this.#duplex.uncork();
  }

  readonly #flush = (): void => {
    this.#hasFlushAhead = false;
    this.#write();
  };

  #write(): void {
    if (this.#unsent === '' || this.#state !== 'open') return;
    const lines = this.#unsent;
    this.#unsent = '';
    this.#duplex.write(lines);
  }

  #receive(chunk: Buffer): void {
    if (this.#state === 'ended') return;
    this.#hasHeard = true;
    try {
      this.#reader.push(chunk, (line) => this.#tell(line));
    } catch (error) {
      this.#finish(error as Error);
    }
  }

  #tell(line: string): void {
    // The descriptor may have been closed in the middle of a chunk.
    if (this.#state === 'ended') return;
    const parsed = parseLine(line);
    const lengths = announcedBy(parsed);
    if (lengths === undefined) return this.#tellMessage(parsed);
    const bytes = lengths.reduce((sum, length) => sum + length, 0);
    if (bytes > this.#attachmentBytesMax) {
      const detail = `a line announces ${bytes} raw bytes, and \`attachmentBytesMax\` is ${this.#attachmentBytesMax}`;
      throw new ProtocolError({ detail });
    }
    this.#reader.expect(lengths, (attachments) => this.#tellMessage(parsed, attachments));
  }

  #tellMessage(parsed: Fields, attachments?: readonly Uint8Array[]): void {
    if (this.#state === 'ended') return;
    const message = this.#decode(parsed, attachments, this.#listeners.resolve);
    try {
      this.#listeners.onMessage(message);
    } catch (error) {
      this.#listeners.onFault(error);
    }
  }

  /** A worker that answers and dies leaves its answer in the descriptor: it is read before the end is told. */
  #writeFailed(error: Error): void {
    if (this.#state === 'ended') return;
    this.#state = 'ending';
    this.#hasHeard = true;
    const finishWhenSilent = () => {
      if (!this.#hasHeard) return this.#finish(error);
      this.#hasHeard = false;
      whenPolled(finishWhenSilent);
    };
    finishWhenSilent();
  }

  #finish(reason: Error | undefined): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#unsent = '';
    this.#duplex.destroy();
    try {
      this.#listeners.onEnd(reason);
    } catch (error) {
      this.#listeners.onFault(error);
    }
  }
}

/** A stream that hears of a failed write closes itself, and what the other side had sent before is lost. */
function watchWrites(duplex: Duplex, onFailure: (error: Error) => void): void {
  let done: (() => void) | undefined;
  const heard = (error?: Error | null) => {
    if (error) onFailure(error);
    done?.();
  };
  // There is one write at a time, and what a stream is to be told after it is one function for all.
  const { _write: write, _writev: writev } = duplex;
  duplex._write = (chunk, encoding, written) => {
    done = written;
    write.call(duplex, chunk, encoding, heard);
  };
  if (writev) {
    duplex._writev = (chunks, written) => {
      done = written;
      writev.call(duplex, chunks, heard);
    };
  }
}

/** What a line means that came with these raw bytes. */
type Decode<Message> = (line: Fields, bin?: readonly Uint8Array[], resolve?: Resolve) => Message;

/** Where the next bytes belong, if that is known already and worth a read of their own. */
export type Place = () => Buffer | undefined;

/** What is needed of a duplex stream. */
export interface Line {
  /** @param onTaken Called once it has been taken. */
  write(data: string | Uint8Array, onTaken?: (error?: Error | null) => void): unknown;
  /** How much of what was written has not been taken. */
  readonly writableLength: number;
  cork(): void;
  uncork(): void;
  destroy(): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  /** Lets each read go straight to where it is to be. */
  readInto?(place: Place): void;
  unref?(): unknown;
}

interface Limits {
  readonly messageBytesMax: number;
  readonly attachmentBytesMax: number;
}

const NOW = Promise.resolve();
const NO_BYTES: readonly Uint8Array[] = [];
/** A turn's lines are joined up to this length and then written, for the sake of memory. */
const JOINED_CHARS_MAX = 64 * 1024;
