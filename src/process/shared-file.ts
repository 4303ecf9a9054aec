import { type FileHandle, open, statfs } from 'node:fs/promises';
import { UNNAMED } from './unnamed.js';

/**
 * Bytes in memory that a worker can map, so that they need not go over its line. They are a file without a name: it is
 * gone with the last who has it open or mapped, whoever dies first.
 */
export class SharedFile {
  /** By which the worker opens it, as long as it is open here. */
  readonly descriptor: number;
  /** By which the worker knows that it has opened the right one. */
  readonly inode: number;
  readonly #file: FileHandle;

  private constructor(file: FileHandle, inode: number) {
    this.descriptor = file.fd;
    this.inode = inode;
    this.#file = file;
  }

  /**
   * A file that holds `bytes`, which must not change meanwhile; `undefined` where none can be had: this is not Linux,
   * there is no room for it, too many files are open.
   *
   * @param isWanted Asked before every few megabytes. If it says no, nothing more is written and `undefined` comes back.
   */
  static async holding(bytes: Uint8Array, isWanted: () => boolean): Promise<SharedFile | undefined> {
    // Read now: a view whose memory was given away has no bytes any more.
    const size = bytes.byteLength;
    let file: FileHandle | undefined;
    let shared: SharedFile | undefined;
    try {
      if (!(await hasRoomFor(size))) return undefined;
      file = await open(FOLDER, UNNAMED, 0o600);
      for (let at = 0; at < size && isWanted(); ) {
        const { bytesWritten } = await file.write(bytes, at, Math.min(CHUNK_BYTES, size - at));
        if (bytesWritten === 0) return undefined;
        at += bytesWritten;
      }
      const { ino } = await file.stat();
      if (isWanted() && Number.isSafeInteger(ino)) shared = new SharedFile(file, ino);
      return shared;
    } catch {
      // What it failed for would fail nobody: the bytes go over the line.
      return undefined;
    } finally {
      if (shared === undefined) await file?.close();
    }
  }

  /** Lets go of it. What the worker has mapped stays there. */
  close(): void {
    // The memory of a large file takes a while to be given back, which is not waited for.
    this.#file.close().catch(() => {});
  }
}

/** What is there is not ours alone, and is not used up. */
async function hasRoomFor(bytes: number): Promise<boolean> {
  const { type, bavail, bsize } = await statfs(FOLDER);
  return type === TMPFS && bavail * bsize >= 2 * bytes;
}

const FOLDER = '/dev/shm';
const TMPFS = 0x01021994;
const CHUNK_BYTES = 16 * 1024 * 1024;
