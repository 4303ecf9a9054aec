import { fstatSync } from 'node:fs';
import { Writable } from 'node:stream';
import { printableLines } from '../base/printable.js';
import type { Progress } from '../call/call.js';
import { type Bar, count, progressText, secondsSince, shareText, startBar } from './bar.js';

/** How far `map` is, on standard error, and everything else that is written there meanwhile. */
export interface MapProgress {
  /** Takes text of whole lines and writes it without tearing the bar. */
  readonly notes: Writable;
  /** What the call of a line tells of its progress; nothing, once it is over. Absent where nobody would see it. */
  readonly tell?: (line: number, progress: Progress | undefined) => void;
  /** One more line of the input is done. */
  step(line: { readonly endByte: number }, failed: boolean): void;
  stop(): void;
}

/** A bar if standard error is a terminal that shows nothing else, otherwise nothing but the notes. */
export function startMapProgress(): MapProgress {
  const { stderr, stdout } = process;
  if (!stderr.isTTY || stdout.isTTY) return { notes: notesTo(stderr, () => {}), step: () => {}, stop: () => {} };

  const bytes = inputBytes();
  const startedAt = performance.now();
  const running = new Map<number, Progress>();
  let [lines, failures, endByte] = [0, 0, 0];
  const bar = startBar(() => {
    const seconds = (performance.now() - startedAt) / 1000;
    return [
      ...(bytes === undefined ? [] : [shareText(endByte / bytes)]),
      `${count(lines)} lines${failures === 0 ? '' : `, ${count(failures)} failed`}`,
      `${count(Math.round(lines / seconds))} a second`,
      secondsSince(startedAt),
      ...[...running]
        .sort(([one], [other]) => one - other)
        .map(([line, progress]) => `line ${line}: ${progressText(progress)}`),
    ].join('  ');
  });
  return {
    notes: notesTo(stderr, bar.clear),
    tell: (line, progress) => {
      if (progress === undefined) running.delete(line);
      else running.set(line, progress);
    },
    step: (line, failed) => {
      lines += 1;
      if (failed) failures += 1;
      // Without an order a line may be done long after one that stands behind it.
      endByte = Math.max(endByte, line.endByte);
    },
    stop: bar.stop,
  };
}

/** How far one call is, on standard error. */
export interface CallProgress {
  /** Absent where nobody would see it. */
  readonly onProgress?: (progress: Progress) => void;
  /** Wipes the line, for text that is to stand above it. */
  clear(): void;
  stop(): void;
}

/** A bar from when the call tells how far it is, if standard error is a terminal. */
export function startCallProgress(): CallProgress {
  if (!process.stderr.isTTY) return { clear: () => {}, stop: () => {} };

  const startedAt = performance.now();
  let bar: Bar | undefined;
  let last: Progress;
  const line = () => {
    const share = last.total === null || last.total <= 0 ? [] : [shareText(last.done / last.total)];
    return [...share, secondsSince(startedAt), progressText(last)].join('  ');
  };
  return {
    onProgress: (progress) => {
      last = progress;
      bar ??= startBar(line);
    },
    clear: () => bar?.clear(),
    stop: () => bar?.stop(),
  };
}

function notesTo(stderr: Writable, clear: () => void): Writable {
  return new Writable({
    decodeStrings: false,
    write(text: string | Buffer, _, done) {
      clear();
      // Of what Python has raised, JSON escapes the least; a record in which more is escaped means the same.
      // Its errors are seen to where it is made; what cannot be noted must not stop the work.
      stderr.write(printableLines(String(text)), () => done());
    },
  });
}

/** How many bytes the input has, if it is a file and that is known. */
function inputBytes(): number | undefined {
  const input = fstatSync(0);
  return input.isFile() && input.size > 0 ? input.size : undefined;
}
