import { isAscii } from 'node:buffer';
import { ProtocolError } from '../errors.js';

/** One message as it goes over the line: its JSON, which holds no newline, and the newline that ends it. */
export function writeLine(json: string): string {
  return `${json}\n`;
}

/**
 * Makes lines of the bytes that arrive, in whatever pieces they arrive. The work is linear in the bytes, and no more
 * than one line of `messageBytesMax` bytes is ever held.
 */
export class LineReader {
  readonly #messageBytesMax: number;
  /** The beginning of a line whose end has not arrived: the first `#heldBytes` bytes. */
  #held = EMPTY;
  #heldBytes = 0;
  #heldIsAscii = true;
  /** The raw bytes that follow the last line. */
  #attachments: Attachments | undefined;

  /** @param messageBytesMax The most bytes that a line may have, without its newline. */
  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  /** Bytes of a line that has not ended yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Where the next bytes belong, if they are many and no line: read there, they need not be copied. */
  get place(): Buffer | undefined {
    if (this.#attachments === undefined) return undefined;
    const { stores, at, filled } = this.#attachments;
    const store = stores[at]!;
    const place = store.subarray(filled, filled + IN_PLACE_BYTES_MAX);
    return place.length < IN_PLACE_BYTES_MIN ? undefined : place;
  }

  /**
   * Takes in the next bytes and calls `onLine` for every line that ends in them, without its newline. Nothing refers
   * to `chunk` afterwards, unless it is of the {@link place}.
   *
   * @throws ProtocolError (`ERR_PROTOCOL`) for a line that is too long or no UTF-8. The reader is of no use after it.
   */
  push(chunk: Buffer, onLine: (line: string) => void): void {
    let start = this.#attachments === undefined ? 0 : this.#fill(chunk, 0);
    if (start === chunk.length) return;
    if (this.#heldBytes === 0 && chunk[chunk.length - 1] === NEWLINE) {
      const text = asciiOf(chunk, start);
      if (text !== undefined) start = this.#pushLines(chunk, start, text, onLine);
      if (start === chunk.length) return;
    }
    const chunkIsAscii = isAscii(chunk);
    for (let end = chunk.indexOf(NEWLINE, start); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      onLine(this.#finish(chunk, start, end, chunkIsAscii));
      start = end + 1;
      if (this.#attachments !== undefined) start = this.#fill(chunk, start);
    }
    if (start < chunk.length) this.#hold(chunk, start, chunk.length, chunkIsAscii);
  }

  /** Of a chunk of whole lines, which is that text from `start` on. Returns how far it came: raw bytes may follow a line. */
  #pushLines(chunk: Buffer, start: number, text: string, onLine: (line: string) => void): number {
    let from = 0;
    while (from < text.length) {
      const end = text.indexOf('\n', from);
      this.#limit(end - from);
      onLine(text.slice(from, end));
      from = end + 1;
      if (this.#attachments !== undefined) return this.#fill(chunk, start + from);
    }
    return start + from;
  }

  /**
   * Called by `onLine` for a line that raw bytes follow: they are taken off before the next line, each attachment into
   * memory of its own, and given to `onAttachments` when all are there.
   */
  expect(lengths: readonly number[], onAttachments: (attachments: readonly Uint8Array[]) => void): void {
    this.#attachments = {
      stores: lengths.map((length) => Buffer.allocUnsafeSlow(length)),
      at: 0,
      filled: 0,
      onAttachments,
    };
  }

  #fill(chunk: Buffer, from: number): number {
    const attachments = this.#attachments!;
    const { stores } = attachments;
    let start = from;
    for (; attachments.at < stores.length; attachments.at++, attachments.filled = 0) {
      const store = stores[attachments.at]!;
      const isInPlace = chunk.buffer === store.buffer;
      const taken = isInPlace ? chunk.length : chunk.copy(store, attachments.filled, start);
      start += taken;
      attachments.filled += taken;
      if (attachments.filled < store.length) return start;
    }
    this.#attachments = undefined;
    attachments.onAttachments(stores.map(({ buffer }) => new Uint8Array(buffer)));
    return start;
  }

  #finish(chunk: Buffer, start: number, end: number, chunkIsAscii: boolean): string {
    if (this.#heldBytes === 0) {
      this.#limit(end - start);
      return decode(chunk, start, end, chunkIsAscii);
    }
    this.#hold(chunk, start, end, chunkIsAscii);
    const line = decode(this.#held, 0, this.#heldBytes, this.#heldIsAscii);
    if (this.#held.length > KEPT_BYTES_MAX) {
      spare.give(this.#held);
      this.#held = EMPTY;
    }
    this.#heldBytes = 0;
    this.#heldIsAscii = true;
    return line;
  }

  #hold(chunk: Buffer, start: number, end: number, chunkIsAscii: boolean): void {
    const bytes = this.#heldBytes + (end - start);
    this.#limit(bytes);
    if (bytes > this.#held.length) this.#grow(bytes);
    chunk.copy(this.#held, this.#heldBytes, start, end);
    this.#heldBytes = bytes;
    this.#heldIsAscii &&= chunkIsAscii;
  }

  /** Doubles, so that a line of many small pieces is copied twice at most, and not once for each piece. */
  #grow(bytes: number): void {
    const doubled = Math.min(Math.max(2 * this.#held.length, HELD_BYTES_MIN), this.#messageBytesMax);
    const wanted = Math.max(bytes, doubled);
    const grown = (wanted > KEPT_BYTES_MAX && spare.take(wanted)) || Buffer.allocUnsafeSlow(wanted);
    this.#held.copy(grown, 0, 0, this.#heldBytes);
    this.#held = grown;
  }

  #limit(bytes: number): void {
    if (bytes <= this.#messageBytesMax) return;
    throw new ProtocolError({
      detail: `a line has ${bytes} bytes or more, and \`messageBytesMax\` is ${this.#messageBytesMax}`,
    });
  }
}

/**
 * The largest store that a line has left, for the next line that is as long, whichever worker sends it. To make one
 * anew for each line takes as long as to read the line, most of it in the garbage collector.
 */
class Spare {
  #store: Buffer<ArrayBuffer> | undefined;

  give(store: Buffer<ArrayBuffer>): void {
    if (store.length > SPARE_BYTES_MAX || store.length <= (this.#store?.length ?? 0)) return;
    this.#store = store;
  }

  take(bytes: number): Buffer<ArrayBuffer> | undefined {
    const store = this.#store;
    if (store === undefined || store.length < bytes) return undefined;
    this.#store = undefined;
    return store;
  }
}

const spare = new Spare();

interface Attachments {
  readonly stores: readonly Buffer[];
  /** The one that is being filled, and how far it is. */
  at: number;
  filled: number;
  readonly onAttachments: (attachments: readonly Uint8Array[]) => void;
}

/**
 * The text from `start` on, if all of it is ASCII; else `undefined`. Python writes nothing else, and to decode all lines of a
 * chunk together is cheaper than to decode each as UTF-8.
 */
function asciiOf(chunk: Buffer, start: number): string | undefined {
  if (start > 0 || chunk.length > ASKED_BYTES_MIN) return isAscii(chunk) ? chunk.toString('latin1', start) : undefined;
  // Without an encoding that takes no longer, and saves asking. What is no UTF-8 has become a replacement character.
  const text = chunk.toString();
  return text.length === chunk.length && !text.includes(REPLACEMENT) ? text : undefined;
}

function decode(bytes: Buffer, start: number, end: number, areAscii: boolean): string {
  if (areAscii) return bytes.toString('latin1', start, end);
  try {
    return STRICT_UTF8.decode(bytes.subarray(start, end));
  } catch {
    throw new ProtocolError({ detail: `a line of ${end - start} bytes is no UTF-8` });
  }
}

const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);
const HELD_BYTES_MIN = 4096;
const REPLACEMENT = '\ufffd';
/** From here on to decode UTF-8 takes longer than to ask whether it is ASCII and to decode that. */
const ASKED_BYTES_MIN = 512;
/** A larger store is not kept for the next line of that worker. */
const KEPT_BYTES_MAX = 64 * 1024;
const SPARE_BYTES_MAX = 16 * 1024 * 1024;
/** Fewer bytes are read with what follows them. */
const IN_PLACE_BYTES_MIN = 64 * 1024;
/** More than any line has at once. macOS refuses to read 2 GiB or more. */
const IN_PLACE_BYTES_MAX = 16 * 1024 * 1024;
const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
