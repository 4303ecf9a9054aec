import { printable } from './printable.js';

/** What a stack is made of. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  /** Python's, where it has any. */
  readonly notes?: readonly string[];
  /** Those of Python, the innermost first. */
  readonly frames?: readonly Frame[];
  readonly framesLeftOut?: number;
  stack?: string | undefined;
}

interface Frame {
  readonly file: string;
  readonly line: number | undefined;
  readonly function: string;
  readonly source: string | undefined;
}

/**
 * All of a stack that comes above the frames of JavaScript. Those of Python are written like them, the innermost
 * first, so that one reads them as one trace from where it was raised to where it was called.
 */
export function headOf({ name, message, notes = [], frames = [], framesLeftOut = 0 }: Failure): string {
  const lines = frames.map(({ file, line, function: name, source }) => {
    const place = line === undefined ? file : `${file}:${line}`;
    const shown = `    at ${printable(name)} (${printable(place)})`;
    return source === undefined ? shown : `${shown}\n        ${printable(source)}`;
  });
  if (framesLeftOut > 0) lines.splice(frames.length / 2, 0, `    ... ${framesLeftOut} more of Python ...`);
  return [`${name}: ${message}`, ...notes.map((note) => note.replace(/^(?=.)/gm, '    ')), ...lines].join('\n');
}

/** What `faulthandler` writes of a crash above the calls of the thread that crashed, the innermost first. */
export const CRASHED_THREAD = /^Current thread 0x\w+.* \(most recent call first\):$/;
