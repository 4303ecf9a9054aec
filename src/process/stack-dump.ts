import { sep } from 'node:path';
import type { PoolClock } from '../time/clock.js';

/** What one worker writes of where it stands: one dump at a time, for all who ask while it is written. */
export class StackDumps {
  readonly #clock: PoolClock;
  readonly #libraryPath: string;
  readonly #begin: () => void;
  #dump: StackDump | undefined;
  #timer: unknown;
  readonly #tells: ((stack: string | null) => void)[] = [];

  /**
   * @param libraryPath The folder of the Python package.
   * @param begin Has the worker write.
   */
  constructor(clock: PoolClock, libraryPath: string, begin: () => void) {
    this.#clock = clock;
    this.#libraryPath = libraryPath;
    this.#begin = begin;
  }

  /** Tells where its threads stand, as far as it says so within a moment. */
  ask(tell: (stack: string | null) => void): void {
    this.#tells.push(tell);
    if (this.#dump !== undefined) return;
    this.#dump = new StackDump();
    this.#begin();
    this.#lookLater(this.#dump, 0, 0);
  }

  /** True if that line belongs to it. */
  take(line: string): boolean {
    const dump = this.#dump;
    if (dump === undefined || !dump.take(line)) return false;
    if (dump.end === 'here') this.end();
    return true;
  }

  /** There is no more than what it has written: that was all, or the worker has ended. */
  end(): void {
    this.#clock.clearTimeout(this.#timer);
    if (this.#dump !== undefined) this.#tell(this.#dump);
  }

  /** Where its end cannot be known, it is there when nothing more has come for a while. */
  #lookLater(dump: StackDump, lines: number, looks: number): void {
    this.#timer = this.#clock.setTimeout(() => {
      const isOver = dump.lines === lines && dump.end === 'here, perhaps';
      const looksMax = dump.lines === 0 ? BEGINNING_LOOKS_MAX : LOOKS_MAX;
      if (!isOver && looks < looksMax) this.#lookLater(dump, dump.lines, looks + 1);
      else this.#tell(dump);
    }, LOOK_MS);
  }

  #tell(dump: StackDump): void {
    this.#dump = undefined;
    const stack = dump.text(this.#libraryPath);
    for (const tell of this.#tells.splice(0)) tell(stack);
  }
}

/**
 * What Python's `faulthandler` writes to standard error when a worker is asked where it stands: every thread's stack,
 * the innermost call first. It is written by C code, so it comes from a worker that runs no Python either.
 */
export class StackDump {
  /** How many lines have come. */
  lines = 0;
  /** Whether more is to come: Python writes the main thread last, of each its outermost call last, and of a deep one not all. */
  end: 'to come' | 'here' | 'here, perhaps' = 'to come';
  readonly #threads: string[][] = [];

  /** True if that line belongs to it. */
  take(line: string): boolean {
    const thread = this.#threads.at(-1);
    const isOutermost = BOOTSTRAP.test(line) && MAIN.test(thread?.at(-1) ?? '');
    if (THREAD.test(line)) this.#threads.push([line]);
    else if (thread === undefined || !(line === '' || line === MORE_THREADS || FRAME.test(line))) return false;
    else if (line !== '' && line !== MORE_THREADS) thread.push(line);
    this.lines += 1;
    const isCut = (this.#threads.at(-1)?.length ?? 0) > FRAMES_MAX;
    this.end = isOutermost || line === MORE_THREADS ? 'here' : isCut ? 'here, perhaps' : 'to come';
    return true;
  }

  /**
   * Its text, less what is this library's own and threads that have nothing else; null if nothing has come.
   *
   * @param libraryPath The folder of the Python package.
   */
  text(libraryPath: string): string | null {
    const own = `  File "${escaped(libraryPath)}${sep}pythonarium${sep}`;
    const threads = this.#threads.flatMap(([head, ...frames]) => {
      const theirs = frames.filter((frame) => !frame.startsWith(own) && !BOOTSTRAP.test(frame));
      return theirs.length === 0 ? [] : [[head, ...theirs].join('\n')];
    });
    if (this.#threads.length === 0) return null;
    return threads.length === 0 ? 'No code but the library’s own runs.' : threads.join('\n\n');
  }
}

/** As `faulthandler` writes what is no ASCII. */
function escaped(path: string): string {
  return path.replace(/[^ -~]/gu, (character) => {
    const code = character.codePointAt(0) as number;
    const hex = code.toString(16);
    if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
    return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
  });
}

const THREAD = /^(?:Current thread|Thread) 0x[0-9a-f]+/;
const FRAME = /^ {2}(?:File ".*", line |\.\.\.|<|Garbage-collecting$)/;
const BOOTSTRAP = /^ {2}File "<string>", line 1 in <module>$/;
/** What that calls, in this library. */
const MAIN = /\/pythonarium\/(?:worker|template)\.py", line \d+ in main$/;
/** Of so many calls in each other the outermost are left out, which Python 3.13 does without a word. */
const FRAMES_MAX = 100;
const MORE_THREADS = '...';
/** It has a second to come to its end, and no more than one look after what may be that. */
const LOOK_MS = 100;
const LOOKS_MAX = 10;
/** It has half a second to begin: on a busy machine it may get no processor for longer than one look. */
const BEGINNING_LOOKS_MAX = 4;
