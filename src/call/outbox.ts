import { SharedFile } from '../process/shared-file.js';
import { callLine } from '../wire/request.js';
import { isLost } from '../wire/rich.js';
import type { Encoded } from '../wire/value.js';

/** The line that an outbox sends on. */
export interface OutboxLine {
  readonly send: (line: string, bin?: readonly Uint8Array[], isUrgent?: boolean) => void;
  /** Runs `run` once it has taken all that was sent. False: it has, and `run` is not called. */
  readonly whenTaken: (run: () => void) => boolean;
}

/**
 * What is on its way to one worker. Large arrays of a request are written into shared files before it is sent, and what
 * has raw bytes waits until the line has taken all that was sent before: what Node keeps for a line cannot be taken back,
 * and the bytes may be transferred as soon as their call was given up. What is given after it waits behind it, so that
 * all arrives in the order in which it was given.
 */
export class Outbox {
  readonly #line: OutboxLine;
  readonly #onLost: (id: number, isRequest: boolean) => void;
  /** The first is a request whose files are being written, or has raw bytes that the line has no room for. */
  #waiting: Letter[] = [];
  /** The files of the requests that were sent and not answered. */
  readonly #open = new Map<number, readonly SharedFile[]>();
  #lastSent = 0;

  /**
   * @param onLost Told, as its turn comes, of a request of which bytes are lost that were to follow its line: it is to be
   *   withdrawn. Or of one that something was to be said of: that is left out.
   */
  constructor(line: OutboxLine, onLost: (id: number, isRequest: boolean) => void) {
    this.#line = line;
    this.#onLost = onLost;
  }

  /**
   * Sends a line that is no request, and the raw bytes that follow it.
   *
   * @param of The request that it belongs to, if it has bytes.
   */
  send(line: string, bin: readonly Uint8Array[] = NO_BYTES, of?: number): void {
    if (this.#waiting.length === 0 && !this.#waitsForRoom(bin)) return this.#line.send(line, bin);
    this.#waiting.push(letter(() => line, bin, of, undefined));
  }

  /**
   * @param shares The worker can open files of ours.
   * @param isUrgent It waits for this.
   */
  request(id: number, encoded: Encoded, shares: boolean, isUrgent = true): void {
    const { text, bin, large } = encoded;
    const isWhole = large === undefined || !shares;
    if (!isWhole || this.#waiting.length > 0 || this.#waitsForRoom(bin)) return this.#keep(id, encoded, isWhole);
    this.#lastSent = id;
    this.#line.send(callLine(id, text), bin, isUrgent);
  }

  /** In a function of its own: V8 makes room for what a closure may keep with each call of the one that it is in. */
  #keep(id: number, { text, bin, large = [] }: Encoded, isWhole: boolean): void {
    const waiting = letter((share) => callLine(id, text, share), bin, id, id);
    this.#waiting.push(waiting);
    if (!isWhole) void this.#write(waiting, large);
  }

  /** A request for several calls, which have the ids from the one to the other. */
  batch(id: number, lastId: number, line: string): void {
    if (this.#waiting.length > 0) return void this.#waiting.push(letter(() => line, NO_BYTES, id, lastId));
    this.#lastSent = lastId;
    this.#line.send(line);
  }

  /** Whether that request is, or was, on the line. */
  hasSent(id: number): boolean {
    return id <= this.#lastSent;
  }

  /** Takes back a request that was not sent: what waits behind it comes with {@link goOn}. False: it was. */
  withdraw(id: number): boolean {
    const at = this.#waiting.findIndex((each) => each.of === id && each.lastId !== undefined);
    if (at === -1) return false;
    for (const each of this.#waiting.splice(at, 1)) drop(each);
    return true;
  }

  /** The worker needs the files of that request no longer. */
  answered(id: number): void {
    if (this.#open.size === 0) return;
    for (const file of this.#open.get(id) ?? []) file.close();
    this.#open.delete(id);
  }

  /** There is nobody to send to any more. */
  close(): void {
    for (const each of this.#waiting.splice(0)) drop(each);
    for (const id of [...this.#open.keys()]) this.answered(id);
  }

  async #write(waiting: Letter, large: readonly number[]): Promise<void> {
    waiting.isWritten = false;
    for (const number of large) {
      const bytes = waiting.bin[number]!;
      if (isLost(bytes)) break;
      const file = await SharedFile.holding(bytes, () => waiting.isWanted);
      if (file === undefined) continue;
      waiting.files.set(number, file);
      // It was taken back as the last of it was written.
      if (!waiting.isWanted) return drop(waiting);
    }
    waiting.isWritten = true;
    if (waiting.isWanted) this.goOn();
  }

  /** Whether what these bytes belong to has to wait: then it is seen to as soon as there is room. */
  #waitsForRoom(bin: readonly Uint8Array[]): boolean {
    return bin.length > 0 && this.#line.whenTaken(this.goOn);
  }

  /** Sends what waits, as far as it may be sent by now. */
  readonly goOn = (): void => {
    for (let first = this.#waiting[0]; first?.isWritten; first = this.#waiting[0]) {
      const { of, lastId, line, bin, files } = first;
      const following = bin.filter((_, number) => !files.has(number));
      const isRequest = lastId !== undefined;
      if (of !== undefined && following.some(isLost)) {
        if (isRequest) return this.#onLost(of, true);
        this.#waiting.shift();
        this.#onLost(of, false);
        continue;
      }
      if (this.#waitsForRoom(following)) return;
      this.#waiting.shift();
      if (isRequest) this.#lastSent = lastId;
      if (of !== undefined && files.size > 0) this.#open.set(of, [...files.values()]);
      this.#line.send(
        line([...files].map(([number, { descriptor, inode }]) => [number, descriptor, inode])),
        following,
      );
    }
  };
}

/** What waits to be sent. */
interface Letter {
  /** The id of the request that it is, or belongs to. */
  readonly of: number | undefined;
  /** Of a request, the last of its ids: one for several calls has more than one. */
  readonly lastId: number | undefined;
  /** Its line, where those of its attachments are in files. */
  readonly line: (share: NonNullable<Parameters<typeof callLine>[2]>) => string;
  readonly bin: readonly Uint8Array[];
  /** By the number of the attachment. One for which there is no file goes over the line. */
  readonly files: Map<number, SharedFile>;
  isWanted: boolean;
  isWritten: boolean;
}

function letter(line: Letter['line'], bin: Letter['bin'], of: Letter['of'], lastId: Letter['lastId']): Letter {
  return { of, lastId, line, bin, files: new Map(), isWanted: true, isWritten: true };
}

function drop(waiting: Letter): void {
  waiting.isWanted = false;
  for (const file of waiting.files.values()) file.close();
  waiting.files.clear();
}

const NO_BYTES: readonly Uint8Array[] = [];
