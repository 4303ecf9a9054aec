import { clearLine, cursorTo } from 'node:readline';
import type { SingleBar } from 'cli-progress';
import { printable } from '../base/printable.js';
import type { Progress } from '../call/call.js';

/** One line at the foot of the terminal that says how far something is, on standard error. */
export interface Bar {
  /** Wipes the line, for text that is to stand above it. */
  clear(): void;
  /** Leaves the line as it is then. */
  stop(): void;
}

/** @param line What the line says now; its end is cut off where the terminal ends. */
export function startBar(line: () => string): Bar {
  const { stderr } = process;
  let bar: SingleBar | undefined;
  let isStopped = false;
  // Loaded only where it is shown.
  void import('cli-progress').then(({ SingleBar }) => {
    if (isStopped) return;
    bar = new SingleBar({
      stream: stderr,
      fps: 5,
      // The terminal is left as it is, however the command ends.
      linewrap: true,
      // The time goes on while nothing else does.
      forceRedraw: true,
      format: () => cut(line(), stderr.columns || COLUMNS),
    });
    bar.start(1, 0);
  });
  return {
    clear: () => {
      if (bar === undefined) return;
      cursorTo(stderr, 0);
      clearLine(stderr, 0);
    },
    stop: () => {
      isStopped = true;
      if (bar === undefined) return;
      // The bar ends where it began, which the text above it has moved up: this is where it is now.
      stderr.write(SAVE_CURSOR);
      bar.stop();
    },
  };
}

/** A share of the whole, as a bar and in words. */
export function shareText(share: number): string {
  const within = Math.min(Math.max(share, 0), 1);
  const full = Math.round(within * BAR_CHARS);
  return `${'━'.repeat(full)}${' '.repeat(BAR_CHARS - full)} ${String(Math.floor(within * 100)).padStart(3)} %`;
}

/** What Python tells: `40 of 100`, and its note. */
export function progressText({ done, total, note }: Progress): string {
  const parts = [
    count(done),
    total !== null && `of ${count(total)}`,
    note !== null && printable(note.replace(/\s+/g, ' ')),
  ];
  return parts.filter(Boolean).join(' ');
}

export function secondsSince(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}

export function count(number: number): string {
  return number.toLocaleString('en-US');
}

/** A line that is longer than the terminal would go on in the next one, and be drawn below itself ever after. */
function cut(text: string, columns: number): string {
  let [width, kept] = [0, ''];
  for (const character of text) {
    width += WIDE.test(character) ? 2 : 1;
    // One column is for the sign that there is more.
    if (width >= columns) return `${kept}…`;
    kept += character;
  }
  return kept;
}

const BAR_CHARS = 24;
/** Of a terminal that does not say how wide it is. */
const COLUMNS = 80;
const SAVE_CURSOR = '\x1b7';
/** What may take two columns. */
const WIDE =
  /[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
