import { own } from '../base/own.js';
import { headOf } from '../base/stack.js';
import {
  ArgumentRefusedError,
  MessageTooLargeError,
  NotExposedError,
  type PoolError,
  PythonError,
  ValueRefusedError,
} from '../errors.js';
import type { Fields } from './fields.js';
import type { ThrownErrors } from './thrown.js';

/** An error as it crosses the line. */
export interface WireError {
  readonly code: (typeof CODES)[number];
  readonly type: string;
  readonly module: string;
  readonly message: string;
  readonly traceback: string;
  readonly notes: readonly string[];
  readonly cause: WireError | null;
  /** With `ERR_PYTHON`: its class and the bases of that, `module:Name`. */
  readonly mro?: readonly string[];
  /** With `ERR_PYTHON`: where it came through, the innermost first. */
  readonly frames?: readonly WireFrame[];
  /** How many of them are left out in their middle. */
  readonly framesLeftOut?: number;
  /** The `cause` was being handled, and it was not raised from it. */
  readonly handling?: boolean;
  /** Those of an exception group. */
  readonly errors?: readonly WireError[];
  /** It stands for what a JavaScript function threw, which Node keeps under this number. */
  readonly thrown?: number;
  /** Where the refused value is, with `ERR_VALUE` and `ERR_ARGUMENT`. */
  readonly path?: string;
  /** What was to come, with `ERR_ARGUMENT`. */
  readonly expected?: string;
  /** What came, with `ERR_ARGUMENT`. */
  readonly got?: string;
  /** The size of the message, with `ERR_MESSAGE_TOO_LARGE`. */
  readonly bytes?: number;
  /** The size it may have, with `ERR_MESSAGE_TOO_LARGE`. */
  readonly limit?: number;
  /** The option that sets it, with `ERR_MESSAGE_TOO_LARGE`. */
  readonly option?: MessageTooLargeError['option'];
  /** What of the call it is, with `ERR_MESSAGE_TOO_LARGE`; absent for the answer. */
  readonly what?: string;
  /** The names that can be called, with `ERR_NOT_EXPOSED`. */
  readonly functions?: readonly string[];
}

/** One line of Python that an exception came through. */
interface WireFrame {
  readonly file: string;
  readonly line: number | null;
  readonly function: string;
  readonly source: string | null;
}

/**
 * The error that the caller gets for one that came over the line. Of a chain of causes the first few are kept; the
 * traceback has them all.
 *
 * @param call The function that was called; `undefined` for a worker that did not become ready.
 * @param thrown What JavaScript functions threw at Python in this call.
 */
export function errorFromWire(error: WireError, call?: string | undefined, thrown?: ThrownErrors): PoolError {
  switch (error.code) {
    case 'ERR_PYTHON':
      return pythonError(error, thrown);
    case 'ERR_NOT_EXPOSED':
      return new NotExposedError({ call, functions: error.functions ?? [], detail: error.message });
    case 'ERR_VALUE': {
      const path = error.path ?? 'value';
      // Python begins its sentence with the path, and so does ours.
      const problem = error.message.startsWith(path)
        ? error.message.slice(path.length).trim()
        : `cannot cross: ${error.message}`;
      return new ValueRefusedError({ path, problem, sender: 'python', call });
    }
    case 'ERR_ARGUMENT':
      return new ArgumentRefusedError({
        path: error.path ?? '',
        expected: error.expected ?? '',
        got: error.got ?? '',
        call,
      });
    case 'ERR_MESSAGE_TOO_LARGE':
      return new MessageTooLargeError({
        bytes: error.bytes ?? 0,
        limit: error.limit ?? 0,
        option: error.option,
        sender: 'python',
        call,
        what: error.what,
      });
  }
}

function pythonError(error: WireError, thrown?: ThrownErrors): PythonError {
  const { type, module, message, traceback, notes, mro, frames, framesLeftOut, handling, errors } = error;
  return new PythonError({
    type,
    module,
    pythonMessage: message,
    traceback,
    notes,
    mro,
    frames: frames?.map((frame) => ({
      ...frame,
      line: frame.line ?? undefined,
      source: frame.source ?? undefined,
    })),
    framesLeftOut,
    cause:
      (error.thrown === undefined ? undefined : thrown?.get(error.thrown)) ??
      (error.cause === null ? undefined : part(error.cause)),
    whileHandling: handling,
    errors: errors?.map(part),
  });

  /** A cause or a member. It was not called from anywhere in Node, so its stack ends with Python. */
  function part(inner: WireError): PythonError {
    const told = pythonError(inner, thrown);
    told.stack = headOf(told);
    return told;
  }
}

/**
 * An error of a line, with the first few of its causes.
 *
 * @throws ProtocolError (`ERR_PROTOCOL`) for what is no error of a worker.
 */
export function decodeError(fields: Fields, causesBefore = 0): WireError {
  const code = fields.oneOf('code', CODES);
  const hasCause = fields.value('cause') !== null && causesBefore < CAUSES_MAX;
  return own({
    code,
    type: fields.string('type'),
    module: fields.string('module'),
    message: fields.string('message'),
    traceback: fields.string('traceback'),
    notes: fields.strings('notes'),
    cause: hasCause ? decodeError(fields.object('cause'), causesBefore + 1) : null,
    ...(code === 'ERR_PYTHON' && decodeRaised(fields, causesBefore)),
    ...(code === 'ERR_VALUE' && { path: fields.string('path') }),
    ...(code === 'ERR_ARGUMENT' && {
      path: fields.string('path'),
      expected: fields.string('expected'),
      got: fields.string('got'),
    }),
    ...(code === 'ERR_MESSAGE_TOO_LARGE' && { bytes: fields.integer('bytes'), limit: fields.integer('limit') }),
    ...(fields.has('option') && { option: fields.oneOf('option', LIMIT_OPTIONS) }),
    ...(fields.has('what') && { what: fields.string('what') }),
    ...(code === 'ERR_NOT_EXPOSED' && { functions: fields.strings('functions') }),
  });
}

/** What a worker may say of an exception, and need not. */
function decodeRaised(fields: Fields, causesBefore: number): Partial<WireError> {
  const isDeep = causesBefore >= CAUSES_MAX;
  return {
    ...(fields.has('mro') && { mro: fields.strings('mro') }),
    ...(fields.has('frames') && { frames: fields.objects('frames').map(decodeFrame) }),
    ...(fields.has('framesLeftOut') && { framesLeftOut: fields.id('framesLeftOut') }),
    ...(fields.has('handling') && { handling: fields.boolean('handling') }),
    ...(fields.has('errors') && {
      errors: isDeep ? [] : fields.objects('errors').map((each) => decodeError(each, causesBefore + 1)),
    }),
    ...(fields.has('thrown') && { thrown: fields.id('thrown') }),
  };
}

function decodeFrame(fields: Fields): WireFrame {
  return {
    file: fields.string('file'),
    line: fields.value('line') === null ? null : fields.id('line'),
    function: fields.string('function'),
    source: fields.value('source') === null ? null : fields.string('source'),
  };
}

const CAUSES_MAX = 16;
const LIMIT_OPTIONS: readonly MessageTooLargeError['option'][] = ['messageBytesMax', 'attachmentBytesMax'];
const CODES = ['ERR_PYTHON', 'ERR_NOT_EXPOSED', 'ERR_VALUE', 'ERR_ARGUMENT', 'ERR_MESSAGE_TOO_LARGE'] as const;
