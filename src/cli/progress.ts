import { fstatSync } from 'node:fs';
import { clearLine, cursorTo } from 'node:readline';
import { Writable } from 'node:stream';

/** How far `map` is, on standard error, and everything else that is written there meanwhile. */
export interface Progress {
  /** Takes text of whole lines and writes it without tearing the bar. */
  readonly notes: Writable;
  /** One more line of the input is done. */
  step(line: { readonly endByte: number }, failed: boolean): void;
  stop(): void;
}

/** A bar if standard error is a terminal that shows nothing else, otherwise nothing but the notes. */
export async function startProgress(): Promise<Progress> {
  const { stderr, stdout } = process;
  if (!stderr.isTTY || stdout.isTTY) return { notes: notesTo(stderr, () => {}), step: () => {}, stop: () => {} };

  // Loaded only where it is shown.
  const { SingleBar } = await import('cli-progress');
  const bytes = inputBytes();
  const startedAt = performance.now();
  let [lines, failures] = [0, 0];
  const bar = new SingleBar({
    stream: stderr,
    fps: 5,
    // The terminal is left as it is, however the command ends.
    linewrap: true,
    // The time goes on while no line is finished.
    forceRedraw: true,
    format: (_, { progress }) => {
      const full = Math.round(Math.min(progress, 1) * BAR_CHARS);
      const share = `${'━'.repeat(full)}${' '.repeat(BAR_CHARS - full)} ${String(Math.floor(progress * 100)).padStart(3)} %  `;
      const seconds = (performance.now() - startedAt) / 1000;
      const failed = failures === 0 ? '' : `, ${count(failures)} failed`;
      const speed = `${count(Math.round(lines / seconds))} a second`;
      return `${bytes === undefined ? '' : share}${count(lines)} lines${failed}  ${speed}  ${seconds.toFixed(1)} s`;
    },
  });
  bar.start(bytes ?? 1, 0);
  return {
    notes: notesTo(stderr, () => {
      cursorTo(stderr, 0);
      clearLine(stderr, 0);
    }),
    step: ({ endByte }, failed) => {
      lines += 1;
      if (failed) failures += 1;
      if (bytes !== undefined) bar.update(Math.min(endByte, bytes));
    },
    stop: () => {
      // The bar ends where it began, which the notes have moved up: this is where it is now.
      stderr.write(SAVE_CURSOR);
      bar.stop();
    },
  };
}

function notesTo(stderr: Writable, clear: () => void): Writable {
  return new Writable({
    decodeStrings: false,
    write(text: string | Buffer, _, done) {
      clear();
      // Its errors are seen to where it is made; what cannot be noted must not stop the work.
      stderr.write(text, () => done());
    },
  });
}

/** How many bytes the input has, if it is a file and that is known. */
function inputBytes(): number | undefined {
  const input = fstatSync(0);
  return input.isFile() && input.size > 0 ? input.size : undefined;
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}

const BAR_CHARS = 24;
const SAVE_CURSOR = '\x1b7';
