import { SharedFile } from '../process/shared-file.js';
import { callLine } from '../wire/request.js';
import { isLost } from '../wire/rich.js';
import type { Encoded } from '../wire/value.js';

type Send = (line: string, bin?: readonly Uint8Array[], isUrgent?: boolean) => void;

/**
 * What is on its way to one worker. Large arrays of a request are written into shared files before it is sent; what is
 * given after it waits behind it, so that all arrives in the order in which it was given.
 */
export class Outbox {
  readonly #send: Send;
  readonly #onLost: (id: number) => void;
  /** The first is a request whose files are being written. */
  #waiting: Letter[] = [];
  /** The files of the requests that were sent and not answered. */
  readonly #open = new Map<number, readonly SharedFile[]>();
  #lastSent = 0;

  /**
   * @param onLost Told, as its turn comes, of a request of which bytes are lost that were to follow its line: it is to be
   *   withdrawn.
   */
  constructor(send: Send, onLost: (id: number) => void) {
    this.#send = send;
    this.#onLost = onLost;
  }

  /** Sends a line, and the raw bytes that follow it. */
  send(line: string, bin?: readonly Uint8Array[]): void {
    if (this.#waiting.length === 0) return this.#send(line, bin);
    // Copied, since what it belongs to may be given up meanwhile, and with that whoever has them may do what they like.
    this.#waiting.push(
      letter(
        () => line,
        bin?.map((bytes) => bytes.slice()),
      ),
    );
  }

  /**
   * @param shares The worker can open files of ours.
   * @param isUrgent It waits for this.
   */
  request(id: number, { text, bin, large }: Encoded, shares: boolean, isUrgent = true): void {
    const isWhole = large === undefined || !shares;
    if (isWhole && this.#waiting.length === 0) {
      this.#lastSent = id;
      return this.#send(callLine(id, text), bin, isUrgent);
    }
    const waiting = letter((share) => callLine(id, text, share), bin, id);
    this.#waiting.push(waiting);
    if (!isWhole) void this.#write(waiting, large);
  }

  /** A request for several calls, which have the ids from the one to the other. */
  batch(id: number, lastId: number, line: string): void {
    if (this.#waiting.length > 0) return void this.#waiting.push(letter(() => line, [], id, lastId));
    this.#lastSent = lastId;
    this.#send(line);
  }

  /** Whether that request is, or was, on the line. */
  hasSent(id: number): boolean {
    return id <= this.#lastSent;
  }

  /** Takes back a request that was not sent. False: it was. */
  withdraw(id: number): boolean {
    const at = this.#waiting.findIndex((each) => each.id === id);
    if (at === -1) return false;
    for (const each of this.#waiting.splice(at, 1)) drop(each);
    this.#flush();
    return true;
  }

  /** The worker needs the files of that request no longer. */
  answered(id: number): void {
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
    if (waiting.isWanted) this.#flush();
  }

  #flush(): void {
    for (let first = this.#waiting[0]; first?.isWritten; first = this.#waiting[0]) {
      const { id, lastId, line, bin, files } = first;
      const following = bin.filter((_, number) => !files.has(number));
      if (id !== undefined && following.some(isLost)) return this.#onLost(id);
      this.#waiting.shift();
      if (lastId !== undefined) this.#lastSent = lastId;
      if (id !== undefined && files.size > 0) this.#open.set(id, [...files.values()]);
      this.#send(line([...files].map(([number, { descriptor, inode }]) => [number, descriptor, inode])), following);
    }
  }
}

/** What waits to be sent; with an id, a request. */
interface Letter {
  readonly id: number | undefined;
  /** The last of its ids, of which a request for several calls has more than one. */
  readonly lastId: number | undefined;
  /** Its line, where those of its attachments are in files. */
  readonly line: (share: NonNullable<Parameters<typeof callLine>[2]>) => string;
  readonly bin: readonly Uint8Array[];
  /** By the number of the attachment. One for which there is no file goes over the line. */
  readonly files: Map<number, SharedFile>;
  isWanted: boolean;
  isWritten: boolean;
}

function letter(line: Letter['line'], bin: Letter['bin'] = [], id?: number, lastId = id): Letter {
  return { id, lastId, line, bin, files: new Map(), isWanted: true, isWritten: true };
}

function drop(waiting: Letter): void {
  waiting.isWanted = false;
  for (const file of waiting.files.values()) file.close();
  waiting.files.clear();
}
