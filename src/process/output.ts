import { StringDecoder } from 'node:string_decoder';
import { CRASHED_THREAD } from '../base/stack.js';

/**
 * What arrives on descriptor 1 or 2, as lines: the output of C code, of
 * subprocesses, and of Python before it could speak over the line. Text that
 * never ends its line is cut, so that nothing is kept for ever.
 */
export class OutputLines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    this.#take(this.#decoder.write(chunk));
  }

  end(): void {
    this.#take(this.#decoder.end());
    if (this.#rest !== '') this.#onLine(this.#rest);
    this.#rest = '';
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    let rest = lines.pop() as string;
    for (const line of lines) this.#onLine(line);
    for (; rest.length > LINE_CHARS_MAX; rest = rest.slice(LINE_CHARS_MAX)) this.#onLine(rest.slice(0, LINE_CHARS_MAX));
    this.#rest = rest;
  }
}

/** The last lines of a stream, for the error that tells of a death. Of a crash, those from its innermost call on. */
export class Tail {
  readonly #lines: string[] = [];
  /** What comes is what `faulthandler` writes of the thread that crashed, and behind that. */
  #isCrash = false;

  push(line: string): void {
    if (CRASHED_THREAD.test(line)) this.#isCrash = true;
    // It may have been a process that the worker has started, and the worker lives on.
    else if (this.#isCrash && !OF_CRASH.test(line)) this.#isCrash = false;
    this.#lines.push(line.length > LINE_CHARS_MAX ? line.slice(0, LINE_CHARS_MAX) : line);
    if (this.#lines.length <= TAIL_LINES) return;
    if (this.#isCrash && CRASHED_THREAD.test(this.#lines[0] as string)) this.#lines.pop();
    else this.#lines.shift();
  }

  get lines(): readonly string[] {
    return this.#lines.slice();
  }
}

/** Below the line that names the thread: calls, those of C from Python 3.14 on, other threads, and the extensions that were loaded. */
const OF_CRASH = /^$|^ {2}|^(Current thread|Thread 0x|Extension modules:)/;
const LINE_CHARS_MAX = 64 * 1024;
const TAIL_LINES = 20;
