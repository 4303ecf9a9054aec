import type { Writable } from 'node:stream';
import { nextTurn } from '../time/turn.js';

/**
 * Prints to a stream of this process. Where nobody reads what was printed, what comes once 16 MiB wait is left out, and
 * it is said how often: a stream takes all that it is given, and workers may print faster than anybody reads.
 *
 * A disk that is full, or a reader that has gone, is told to `onFailed`, and is no
 * `'error'` of the stream, which would end a program that has no listener for it: only what others write is theirs to hear of.
 */
export function print(out: Writable, text: string, onFailed: (error: unknown) => void): void {
  const times = leftOut.get(out);
  if (times !== undefined) return void leftOut.set(out, times + 1);
  if (out.writableLength > WAITING_BYTES_MAX) {
    leftOut.set(out, 1);
    out.once('drain', () => {
      const what = `${leftOut.get(out)} times something was printed here and left out`;
      leftOut.delete(out);
      print(out, `[pythonarium] ${what}: nobody had read what came before.\n`, onFailed);
    });
    return;
  }
  try {
    out.write(text, (error) => {
      if (!error) return;
      // The stream says so itself in a moment.
      out.on('error', ignore);
      nextTurn(() => out.off('error', ignore));
      onFailed(error);
    });
  } catch (error) {
    onFailed(error);
  }
}

function ignore(): void {}

/** How often something was left out since there had been room. */
const leftOut = new WeakMap<Writable, number>();
const WAITING_BYTES_MAX = 16 * 1024 * 1024;
