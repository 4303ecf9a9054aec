import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers';
import { nextTurn } from '../time/turn.js';

/**
 * Reads a stream a piece at a time where much has come: whoever writes without end then has to wait, and keeps nobody
 * else waiting. Node would read up to 2 MiB in one turn of the loop, which may be a million lines.
 */
export class PacedReader {
  readonly #stream: Readable;
  /** What is left was written by somebody who has ended: it is read at once. */
  #isHurried = false;

  constructor(stream: Readable, hear: (piece: Buffer) => void) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      if (this.#isHurried || chunk.length <= PIECE_BYTES) return hear(chunk);
      stream.pause();
      // Once it is paused: it would be told at once otherwise.
      stream.unshift(chunk.subarray(PIECE_BYTES));
      // An immediate alone would keep the program running, or, if it were to keep it no more than the stream does, might never
      // come. After the timer there is one all the same: of timers that are due at once, Node runs several in a turn.
      // And the timer is not that of a test that plays them: what is paused would be so until the test turns its clock.
      setTimeout(() => nextTurn(() => stream.resume()), PIECE_MS).unref();
      hear(chunk.subarray(0, PIECE_BYTES));
    });
  }

  /** Somebody new writes to it. */
  pace(): void {
    this.#isHurried = false;
  }

  /** Whoever wrote to it has ended. */
  hurry(): void {
    this.#isHurried = true;
    this.#stream.resume();
  }
}

const PIECE_BYTES = 16 * 1024;
const PIECE_MS = 1;
