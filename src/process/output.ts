import { StringDecoder } from 'node:string_decoder';

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

/** The last lines of a stream, for the error that tells of a death. */
export class Tail {
  readonly #lines: string[] = [];

  push(line: string): void {
    this.#lines.push(line.length > LINE_CHARS_MAX ? line.slice(0, LINE_CHARS_MAX) : line);
    if (this.#lines.length > TAIL_LINES) this.#lines.shift();
  }

  get lines(): readonly string[] {
    return this.#lines.slice();
  }
}

const LINE_CHARS_MAX = 64 * 1024;
const TAIL_LINES = 20;
