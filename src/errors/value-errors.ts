import { printable } from '../base/printable.js';
import { PoolError } from './pool-error.js';
import { counted, QUOTED_CHARS_MAX, QUOTED_LINES_MAX, quoted } from './words.js';

/** A value cannot cross faithfully. Its sender refused it, and nothing was changed. */
export class ValueRefusedError extends PoolError<'ERR_VALUE'> {
  /** Where the value is: `args[0].rows[3]` on Node's side, `value['rows'][3]` on Python's. */
  readonly path: string;
  /** The side that refused to send it. */
  readonly sender: 'node' | 'python';

  constructor(seen: {
    path: string;
    sender: 'node' | 'python';
    /** What is there and what to send instead, in whole sentences that begin after the path: `is NaN. Send …`. */
    problem: string;
    /** The function that was called, if the value is not part of the options. */
    call?: string | undefined;
  }) {
    const message = seen.sender === 'node' ? 'call' : 'answer';
    const where = seen.call === undefined ? '' : `In the ${message} of ${quoted(seen.call)}, `;
    super('ValueRefusedError', 'ERR_VALUE', `${where}\`${printable(seen.path)}\` ${printable(seen.problem)}`);
    this.path = seen.path;
    this.sender = seen.sender;
  }
}

/** A message is larger than the line may carry. Its sender did not send it. */
export class MessageTooLargeError extends PoolError<'ERR_MESSAGE_TOO_LARGE'> {
  /** The size of the message in bytes of UTF-8; the least it can be, where counting on would have cost too much. */
  readonly bytes: number;
  /** The greatest size allowed, the option `messageBytesMax` or `attachmentBytesMax`. */
  readonly limit: number;
  /** The option that sets the limit. */
  readonly option: 'messageBytesMax' | 'attachmentBytesMax';
  /** The side that refused to send it. */
  readonly sender: 'node' | 'python';

  constructor(seen: {
    bytes: number;
    limit: number;
    option?: MessageTooLargeError['option'] | undefined;
    sender: 'node' | 'python';
    call?: string | undefined;
    /** What of the call it is; absent for its arguments and for its answer. */
    what?: string | undefined;
    /** Whether there is nobody who could raise the option, as in the command. */
    isFixed?: boolean | undefined;
  }) {
    const { option = 'messageBytesMax', call, what, isFixed = false } = seen;
    const whole = `The ${seen.sender === 'node' ? 'call' : 'answer'}${ofCall(call)}`;
    const subject = what === undefined ? whole : `In the call${ofCall(call)}, ${printable(what)}`;
    super(
      'MessageTooLargeError',
      'ERR_MESSAGE_TOO_LARGE',
      `${subject} takes ${seen.bytes} ${option === 'messageBytesMax' ? 'bytes' : 'raw bytes'}, and a message may have ${seen.limit}. ` +
        `Send it in parts, ${isFixed ? 'or pass the path of a file' : `pass the path of a file, or raise \`${option}\``}.`,
    );
    this.bytes = seen.bytes;
    this.limit = seen.limit;
    this.option = option;
    this.sender = seen.sender;
  }
}

/** An argument is not what the hint of the function says (`validate: true`). The function was not started. */
export class ArgumentRefusedError extends PoolError<'ERR_ARGUMENT'> {
  /** The function that was called. */
  readonly call: string | undefined;
  /** Where the argument is, by the name of its parameter: `items[3].price`. */
  readonly path: string;
  /** What the hint asks for: `a float`. */
  readonly expected: string;
  /** What came, by its kind alone: `a str`. */
  readonly got: string;

  constructor(seen: { path: string; expected: string; got: string; call?: string | undefined }) {
    const path = printable(seen.path);
    super(
      'ArgumentRefusedError',
      'ERR_ARGUMENT',
      `The argument \`${path}\`${ofCall(seen.call)} must be ${printable(seen.expected)}, ` +
        `and ${printable(seen.got)} came. The function was not started. Send what its hint says, or correct the hint.`,
    );
    this.call = seen.call;
    this.path = seen.path;
    this.expected = seen.expected;
    this.got = seen.got;
  }
}

/** One thing that a schema finds wrong. */
export interface ResultIssue {
  readonly message: string;
  /** Where it is in the result. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What Python returned is not what the caller's schema says. The function has run. */
export class ResultRefusedError extends PoolError<'ERR_RESULT'> {
  /** The function that was called. */
  readonly call: string;
  /** What the schema found, at least one. */
  readonly issues: readonly ResultIssue[];

  constructor(seen: { call: string; issues: readonly ResultIssue[] }) {
    const shown = seen.issues.slice(0, QUOTED_LINES_MAX).map((issue) => `\n  ${printable(issueText(issue))}`);
    const more = seen.issues.length - shown.length;
    super(
      'ResultRefusedError',
      'ERR_RESULT',
      `What ${quoted(seen.call)} returned is not what the schema says, in ${counted(seen.issues.length, 'place')}:` +
        `${shown.join('')}${more > 0 ? `\n  and ${more} more` : ''}\nThe function has run. Correct what it returns, or the schema.`,
    );
    this.call = seen.call;
    this.issues = seen.issues;
  }
}

/** Python answered, and the caller's schema had not settled when the call's budget was spent. The function has run. */
export class SchemaTimeoutError extends PoolError<'ERR_SCHEMA_TIMEOUT'> {
  /** The function that was called. */
  readonly call: string;
  /** The whole budget of the call. */
  readonly timeoutMs: number;

  constructor(seen: { call: string; timeoutMs: number }) {
    super(
      'SchemaTimeoutError',
      'ERR_SCHEMA_TIMEOUT',
      `${quoted(seen.call)} was answered, and its schema had not settled when the ${seen.timeoutMs} ms of the call were over. ` +
        'The function has run. Find what the schema waits for, or allow a longer `timeoutMs`.',
    );
    this.call = seen.call;
    this.timeoutMs = seen.timeoutMs;
  }
}

function issueText({ path = [], message }: ResultIssue): string {
  // Not `path.map`: a library's own kind of array may make something else of it.
  const steps = Array.from(path, (step) => (typeof step === 'object' ? step.key : step));
  const where = steps.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return `${where === '' ? '' : `${where.replace(/^\./, '')}: `}${message.slice(0, QUOTED_CHARS_MAX)}`;
}

function ofCall(call: string | undefined): string {
  return call === undefined ? '' : ` of ${quoted(call)}`;
}
