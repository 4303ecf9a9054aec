import { sep } from 'node:path';

/**
 * What Python's `faulthandler` writes to standard error when a worker is asked where it stands: every thread's stack,
 * the innermost call first. It is written by C code, so it comes from a worker that runs no Python either.
 */
export class StackDump {
  /** How many lines have come. */
  lines = 0;
  readonly #threads: string[][] = [];

  /** True if that line belongs to it. */
  take(line: string): boolean {
    const thread = this.#threads.at(-1);
    if (THREAD.test(line)) this.#threads.push([line]);
    else if (thread === undefined || !(line === '' || FRAME.test(line))) return false;
    else if (line !== '') thread.push(line);
    this.lines += 1;
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
const FRAME = /^ {2}(?:File ".*", line |\.\.\.|<)/;
const BOOTSTRAP = /^ {2}File "<string>", line 1 in <module>$/;
