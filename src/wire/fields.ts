import { ProtocolError } from '../errors.js';
import type { ReplyMessage } from './message.js';
import { type Resolve, restore } from './rich.js';

/**
 * One line, parsed. What it means can be had once the raw bytes that it announces have come.
 *
 * @throws ProtocolError (`ERR_PROTOCOL`), with the beginning of the line, for what is no message.
 */
export function parseLine(line: string): Fields {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    throw malformed('a line is not JSON', line);
  }
  if (Array.isArray(parsed)) return fieldsOfReply(parsed, line);
  if (!isObject(parsed)) throw malformed('a line is JSON, but no object', line);
  return new Fields(parsed, line);
}

/** Most lines are as short as that. */
function fieldsOfReply(parsed: readonly unknown[], line: string): Fields {
  const isLong = parsed.length === 3;
  if (parsed.length !== 2 && !isLong)
    throw malformed('a line is an array, but not of an id, a value and perhaps a time', line);
  const tookUs = isLong ? (parsed[2] as number) : undefined;
  const reply: ReplyMessage = { type: 'reply', id: parsed[0] as number, value: parsed[1], tookUs };
  const fields = new Fields(reply, line, reply);
  // It is taken as it is, so that what is no id is refused here.
  fields.id('id');
  if (isLong) fields.integer('tookUs');
  return fields;
}

/**
 * One object of a line, read field by field. Only its own properties count: what hangs on Object.prototype is no part
 * of a message.
 */
export class Fields {
  readonly #object: object;
  readonly #line: string;
  /** All that it is, for a line that is as short as most. */
  readonly reply: ReplyMessage | undefined;

  constructor(object: object, line: string, reply?: ReplyMessage) {
    this.#object = object;
    this.#line = line;
    this.reply = reply;
  }

  /** Of the line alone. A worker in another language may need several for a character. */
  get bytes(): number {
    return Buffer.byteLength(this.#line);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name);
  }

  value(name: string): unknown {
    if (!this.has(name)) return this.refuse(`\`${name}\` is missing`);
    return (this.#object as Record<string, unknown>)[name];
  }

  string(name: string): string {
    const value = this.value(name);
    return typeof value === 'string' ? value : this.refuse(`\`${name}\` is no string`);
  }

  list(name: string): readonly unknown[] {
    const value = this.value(name);
    return Array.isArray(value) ? value : this.refuse(`\`${name}\` is no array`);
  }

  strings(name: string): readonly string[] {
    const value = this.value(name);
    const areStrings = Array.isArray(value) && value.every((item) => typeof item === 'string');
    return areStrings ? value : this.refuse(`\`${name}\` is no list of strings`);
  }

  oneOf<T extends string>(name: string, words: readonly T[]): T {
    const value = this.value(name);
    return words.find((word) => word === value) ?? this.refuse(`\`${name}\` is none of ${words.join(', ')}`);
  }

  number(name: string): number {
    const value = this.value(name);
    return typeof value === 'number' ? value : this.refuse(`\`${name}\` is no number`);
  }

  record(name: string): Readonly<Record<string, unknown>> {
    const value = this.value(name);
    return isObject(value) ? (value as Record<string, unknown>) : this.refuse(`\`${name}\` is no object`);
  }

  boolean(name: string): boolean {
    const value = this.value(name);
    return typeof value === 'boolean' ? value : this.refuse(`\`${name}\` is no boolean`);
  }

  lengths(name: string): readonly number[] {
    const value = this.value(name);
    const areLengths = Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
    return areLengths ? value : this.refuse(`\`${name}\` is no list of lengths`);
  }

  restore(bin: readonly Uint8Array[], resolve: Resolve | undefined): void {
    restore(this.#object, this.value('rich'), bin, resolve);
  }

  /** An integer that need not be there. */
  optional(name: string): number | undefined {
    return this.has(name) ? this.integer(name) : undefined;
  }

  integer(name: string): number {
    const value = this.value(name);
    return Number.isSafeInteger(value) ? (value as number) : this.refuse(`\`${name}\` is no safe integer`);
  }

  id(name: string): number {
    const value = this.integer(name);
    return value > 0 ? value : this.refuse(`\`${name}\` is not positive`);
  }

  count(name: string): number {
    const value = this.integer(name);
    return value >= 0 ? value : this.refuse(`\`${name}\` is negative`);
  }

  object(name: string): Fields {
    const value = this.value(name);
    return isObject(value) ? new Fields(value, this.#line) : this.refuse(`\`${name}\` is no object`);
  }

  objects(name: string): readonly Fields[] {
    const value = this.value(name);
    const areObjects = Array.isArray(value) && value.every(isObject);
    return areObjects
      ? value.map((each) => new Fields(each, this.#line))
      : this.refuse(`\`${name}\` is no list of objects`);
  }

  refuse(why: string): never {
    throw malformed(why, this.#line);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(why: string, line: string): ProtocolError {
  return new ProtocolError({ detail: `${why}, in ${excerptOf(line)}` });
}

/** A text as JSON, and of a long one the beginning: it may be as long as a line. */
export function excerptOf(text: string): string {
  return JSON.stringify(text.length > EXCERPT_CHARS ? `${text.slice(0, EXCERPT_CHARS)}…` : text);
}

const EXCERPT_CHARS = 80;
