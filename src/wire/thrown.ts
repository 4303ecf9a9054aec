import { types } from 'node:util';
import { isA } from '../base/instance.js';
import { jsonOf } from './plain.js';

/** What JavaScript threw at Python, as it crosses the line: text alone, for whoever catches or logs it there. */
export interface WireJavaScriptError {
  readonly name: string;
  readonly message: string;
  /** The whole of `error.stack`. */
  readonly stack: string;
  readonly code: string | null;
  readonly cause: WireJavaScriptError | null;
  /** What Python sends back if it lets the exception escape. */
  readonly thrown?: number;
}

/**
 * What JavaScript functions threw at Python in one call. Python knows them by number; if it lets one escape, the
 * caller gets the object itself.
 */
export class ThrownErrors {
  readonly #errors = new Map<number, Error>();

  /** As {@link tell}, as JSON; over `bytesMax`, without what makes it long. */
  encode(thrown: unknown, bytesMax: number): string {
    const told = this.tell(thrown);
    const text = jsonOf(told);
    if (Buffer.byteLength(text) <= bytesMax) return text;
    const [name, message] = [cut(told.name, BRIEF_CHARS_MAX), cut(told.message, BRIEF_CHARS_MAX)];
    return jsonOf({
      ...told,
      name,
      message,
      code: told.code && cut(told.code, BRIEF_CHARS_MAX),
      stack: '',
      cause: null,
    });
  }

  /** Keeps what was thrown, and returns it as it crosses. */
  tell(thrown: unknown): WireJavaScriptError {
    const told = describe(thrown, 0);
    if (!isError(thrown)) return told;
    // Never the same in two calls: Python may raise an old one again in another.
    lastNumber += 1;
    this.#errors.set(lastNumber, thrown);
    if (this.#errors.size > KEPT_MAX) this.#errors.delete(this.#errors.keys().next().value as number);
    return { ...told, thrown: lastNumber };
  }

  get(number: number): Error | undefined {
    return this.#errors.get(number);
  }
}

function describe(thrown: unknown, causesBefore: number): WireJavaScriptError {
  if (!isError(thrown)) {
    return { name: 'Error', message: cut(textOf(thrown), MESSAGE_CHARS_MAX), stack: '', code: null, cause: null };
  }
  const code = read(thrown, 'code');
  const cause = causesBefore < CAUSES_MAX ? read(thrown, 'cause') : undefined;
  return {
    name: cut(textOf(read(thrown, 'name') || 'Error'), NAME_CHARS_MAX),
    message: cut(textOf(read(thrown, 'message') ?? ''), MESSAGE_CHARS_MAX),
    stack: cut(textOf(read(thrown, 'stack') ?? ''), STACK_CHARS_MAX),
    code: typeof code === 'string' || typeof code === 'number' ? cut(`${code}`, NAME_CHARS_MAX) : null,
    cause: isError(cause) ? describe(cause, causesBefore + 1) : null,
  };
}

/** Those of other realms (a `vm` context, a test runner's sandbox) too. */
function isError(value: unknown): value is Error {
  return types.isNativeError(value) || isA(value, Error);
}

/** A getter of somebody else's may throw, and what it throws is not what is to be told. */
function read(error: Error, name: string): unknown {
  try {
    return (error as unknown as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return '(no text can be had of it)';
  }
}

function cut(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  const half = charsMax / 2;
  return `${text.slice(0, half)}\n... ${text.length - charsMax} characters left out ...\n${text.slice(-half)}`;
}

let lastNumber = 0;
/** A function that throws for ever is called by code that catches: the last few are those that can escape. */
const KEPT_MAX = 64;
const CAUSES_MAX = 16;
const NAME_CHARS_MAX = 200;
const MESSAGE_CHARS_MAX = 16_384;
const STACK_CHARS_MAX = 65_536;
const BRIEF_CHARS_MAX = 40;
