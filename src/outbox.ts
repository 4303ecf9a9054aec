import { SharedFile } from './process/shared-file.js';
import { callLine } from './wire/request.js';
import { isLost } from './wire/rich.js';
import type { Encoded } from './wire/value.js';

type Send = (line: string, bin?: readonly Uint8Array[], isUrgent?: boolean) => void;

/**
 * What is on its way to one worker. Large arrays of a request are written into shared files before it is sent; what is
 * given after it waits behind it, so that all arrives in the order in which it was given.
 */
export class Outbox {
  readonly #send: Send;
  readonly #onLost: (id: number) => void;
  /** The first is a request whose files are being written. */
  #waiting: (Request | Line)[] = [];
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
    if (this.#waiting.length === 0) this.#send(line, bin);
    // Copied, since what it belongs to may be given up meanwhile, and with that whoever has them may do what they like.
    else this.#waiting.push({ line, bin: bin?.map((bytes) => bytes.slice()) });
  }

  /**
   * @param shares The worker can open files of ours.
   * @param isUrgent It waits for this.
   */
  request(id: number, request: Encoded, shares: boolean, isUrgent = true): void {
    const { text, bin, large } = request;
    if (large === undefined || !shares) {
      if (this.#waiting.length > 0) return void this.#waiting.push({ id, line: callLine(id, text), bin });
      this.#lastSent = id;
      return this.#send(callLine(id, text), bin, isUrgent);
    }
    const waiting: Request = { id, request, files: new Map(), isWanted: true, isWritten: false };
    this.#waiting.push(waiting);
    void this.#write(waiting, large);
  }

  /** A request for several calls, which have the ids from the one to the other. */
  batch(id: number, lastId: number, line: string): void {
    if (this.#waiting.length > 0) return void this.#waiting.push({ id, lastId, line });
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
    const [request] = this.#waiting.splice(at, 1);
    drop(request!);
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

  async #write(waiting: Request, large: readonly number[]): Promise<void> {
    for (const number of large) {
      const bytes = waiting.request.bin[number]!;
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
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if ('request' in first && !first.isWritten) return;
      if (first.id !== undefined && followingBytes(first).some(isLost)) return this.#onLost(first.id);
      this.#waiting.shift();
      if (first.id !== undefined) this.#lastSent = ('lastId' in first ? first.lastId : undefined) ?? first.id;
      if ('line' in first) this.#send(first.line, first.bin);
      else this.#sendShared(first);
    }
  }

  #sendShared(request: Request): void {
    const { id, files } = request;
    const share = [...files].map(([number, { descriptor, inode }]) => [number, descriptor, inode] as const);
    if (files.size > 0) this.#open.set(id, [...files.values()]);
    this.#send(callLine(id, request.request.text, share), followingBytes(request));
  }
}

/** What has nothing to be written, and waits behind what has. */
interface Line {
  readonly id?: number;
  readonly lastId?: number;
  readonly line: string;
  readonly bin?: readonly Uint8Array[] | undefined;
}

interface Request {
  readonly id: number;
  readonly request: Encoded;
  /** By the number of the attachment. One for which there is no file goes over the line. */
  readonly files: Map<number, SharedFile>;
  isWanted: boolean;
  isWritten: boolean;
}

/** The raw bytes that follow its line. */
function followingBytes(waiting: Request | Line): readonly Uint8Array[] {
  if (!('request' in waiting)) return waiting.bin ?? [];
  return waiting.request.bin.filter((_, number) => !waiting.files.has(number));
}

function drop(waiting: Request | Line): void {
  if (!('request' in waiting)) return;
  waiting.isWanted = false;
  for (const file of waiting.files.values()) file.close();
  waiting.files.clear();
}
