import { closeSync, openSync, readSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UNNAMED } from './unnamed.js';

/** Replies that Python has given and not written yet. */
export interface HeldReplies {
  /** The same as long as they are, and never again once others have taken their place. */
  readonly state: bigint;
  readonly lines: readonly string[];
}

/** A start mark as whoever looks after the worker asks it, real or played by a test. */
export type Mark = Pick<StartMark, 'read'> & Partial<Pick<StartMark, 'descriptor' | 'heldReplies'>>;

/**
 * A page shared by Node and one worker: Python writes a request's id there
 * before it starts the request, and Node reads it when the worker has died.
 * So the error that tells of the death can say truly whether the call had
 * been started. The other way, Node writes the ids of calls whose callers
 * have given up, and Python looks there when it is signalled; and that it is
 * about to be killed, so that nothing is begun that was read as not begun. A
 * second page has the replies that Python has given and not written yet.
 *
 * The pages are a file without a name: nothing is left on disk, whoever dies
 * first.
 */
export class StartMark {
  /** The descriptor that the worker inherits. */
  readonly descriptor: number;
  #open = true;

  private constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  /** Fresh pages, or `undefined` where no folder has room for them. */
  static create(): StartMark | undefined {
    for (const folder of ['/dev/shm', tmpdir()]) {
      let descriptor: number | undefined;
      try {
        descriptor = openUnnamed(folder);
        // Written, and not only made so large: to come to a page that there is no room for ends a process (SIGBUS).
        writeFileSync(descriptor, Buffer.alloc(2 * PAGE_BYTES));
        return new StartMark(descriptor);
      } catch {
        if (descriptor !== undefined) closeSync(descriptor);
      }
    }
    return undefined;
  }

  /** The id of the last request that Python has started; 0 before the first, and `undefined` once closed. */
  read(): number | undefined {
    if (!this.#open) return undefined;
    const bytes = Buffer.alloc(8);
    readSync(this.descriptor, bytes, 0, 8, 0);
    return Number(bytes.readBigUInt64LE());
  }

  /** From now on Python begins nothing more: to be called before it is killed, and before the mark is read for that. */
  halt(): void {
    this.#setKilled(1);
  }

  /** Python may begin what it is asked: to be called once the process before has ended, and before the next one. */
  release(): void {
    this.#setKilled(0);
  }

  /**
   * Lets Python see that the caller of the request `id` has given up.
   *
   * @param isItem It is the call of a batch that runs, and the others of it are not given up.
   */
  cancel(id: number, isItem = false): void {
    if (!this.#open) return;
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(id));
    writeSync(this.descriptor, bytes, 0, 8, isItem ? ALONE : 8 * (1 + (id % CANCELLED_MAX)));
  }

  /** What is on the page of the replies. */
  heldReplies(): HeldReplies | undefined {
    if (!this.#open) return undefined;
    const page = Buffer.alloc(PAGE_BYTES);
    readSync(this.descriptor, page, 0, PAGE_BYTES, PAGE_BYTES);
    const state = page.readBigUInt64LE();
    const used = Number(state % USED_BELOW);
    const lines = page.toString('latin1', 8, 8 + used).split('\n');
    return { state, lines: lines.slice(0, -1) };
  }

  #setKilled(isKilled: 0 | 1): void {
    if (this.#open) writeSync(this.descriptor, Buffer.from([isKilled]), 0, 1, KILLED);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.descriptor);
  }
}

/** A file in that folder which has no name, or none any more: then a program that is killed in between leaves it there. */
function openUnnamed(folder: string): number {
  try {
    return openSync(folder, UNNAMED, 0o600);
  } catch {
    const path = join(folder, `pythonarium-${process.pid}-${Math.random().toString(36).slice(2)}`);
    const descriptor = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return descriptor;
  }
}

const PAGE_BYTES = 4096;
/** The last word of the first page. */
const KILLED = PAGE_BYTES - 8;
/** The one before: the call of a batch that runs and is given up by itself. */
const ALONE = KILLED - 8;
/** The words between the mark and that one. Of two calls that share one, the later is seen as given up. */
export const CANCELLED_MAX = PAGE_BYTES / 8 - 3;
/** In the first word of the replies: how many bytes of them there are, below how often the page was emptied. */
const USED_BELOW = 65_536n;
