import type { Writable } from 'node:stream';

/**
 * Prints to a stream of this process. A disk that is full, or a reader that has gone, is told to `onFailed`, and is no
 * `'error'` of the stream, which would end a program that has no listener for it: only what others write is theirs to hear of.
 */
export function print(out: Writable, text: string, onFailed: (error: unknown) => void): void {
  try {
    out.write(text, (error) => {
      if (!error) return;
      // The stream says so itself in a moment.
      out.on('error', ignore);
      setImmediate(() => out.off('error', ignore));
      onFailed(error);
    });
  } catch (error) {
    onFailed(error);
  }
}

function ignore(): void {}
