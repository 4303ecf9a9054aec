import { printableLines } from '../base/printable.js';
import { BootError, type PoolError, PythonError } from '../errors.js';

/** A failure for people: the code, what happened and what to try, then Python's traceback if there is one. */
export function failureText(error: PoolError, where?: string): string {
  const place = where === undefined ? '' : `${where}: `;
  const traceback = tracebackOf(error);
  const seen = traceback === undefined ? 'See above' : 'See below';
  const message = error instanceof BootError ? error.messageTo(seen) : error.message;
  // What Python raised may say anything, and this may be a terminal.
  const said = `${message}\n${traceback === undefined ? '' : ended(traceback)}`;
  return `pythonarium: ${place}${error.code}: ${printableLines(said)}`;
}

/** A failure, and what else to write on the command line, which it cannot know itself. */
export class AdvisedFailure extends Error {
  readonly failure: PoolError;

  constructor(failure: PoolError, advice: string) {
    super(advice);
    this.failure = failure;
  }
}

/** A failure for programs: one object for a line of NDJSON. */
export function failureRecord(error: PoolError, line: number): FailureRecord {
  return { line, code: error.code, message: error.message, traceback: tracebackOf(error) };
}

/** What is written for a line that failed. */
export interface FailureRecord {
  /** The line of the input, 1 for the first. */
  readonly line: number;
  readonly code: PoolError['code'];
  readonly message: string;
  /** What Python would have printed, if it was Python that failed. */
  readonly traceback: string | undefined;
}

function tracebackOf(error: PoolError): string | undefined {
  if (error instanceof PythonError) return error.traceback;
  return error instanceof BootError && error.cause instanceof PythonError ? error.cause.traceback : undefined;
}

function ended(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
