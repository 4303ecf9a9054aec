import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ProtocolError, ValueRefusedError } from '../../src/errors.js';
import { splitArgs } from '../../src/values/kw.js';
import { parseLine } from '../../src/wire/fields.js';
import { LineReader } from '../../src/wire/frame.js';
import {
  type CallMessage,
  encodeAnswer,
  encodeAnswerError,
  encodeCancel,
  encodeCredit,
  encodeHandlesDrop,
  encodeInit,
  encodeItems,
  encodeItemsEnd,
  encodeKeptDrop,
  encodeLeaseEnd,
  encodePing,
  encodeSessionEnd,
  encodeStop,
  type InitMessage,
  messageOf,
  type ReplyMessage,
} from '../../src/wire/message.js';
import { callLine, encodeMap, type MapFrame, mapLine, streamed } from '../../src/wire/request.js';
import { type Encoded, encodeFields, encodePlain } from '../../src/wire/value.js';
import { decodeMessage, encodeAsFields, meaningOf, requestOf } from '../support/node-line.js';

const LIMITS = { depthMax: 200, messageBytesMax: 64 * 1024 * 1024, attachmentBytesMax: 1024 ** 3 };

describe('messages.json', () => {
  const { messages, malformed } = read<MessageVectors>('messages.json');
  const fromPython = messages.filter(({ from }) => from === 'python');
  const fromNode = messages.filter(({ from, name }) => from === 'node' && !name.startsWith('fields nobody knows'));

  it.each(fromPython)('is read as it should be: $name', ({ line, message }) => {
    const size = message.type === 'items' || message.type === 'part' ? { bytes: line.length } : {};
    expect(decodeMessage(line)).toEqual({ ...message, ...size });
  });

  it.each(fromNode)('is written as it should be: $name', ({ message }) => {
    const line = encode(message);
    expect(line).not.toContain('\n');
    expect(meaningOf(line)).toEqual(message);
  });

  it.each(malformed.filter(({ from }) => from === 'python'))('is refused: $name', ({ line }) => {
    expect(() => decodeMessage(line)).toThrow(ProtocolError);
  });
});

describe('frames.json', () => {
  const { cases } = read<FrameVectors>('frames.json');

  it.each(cases)('is cut into lines as it stands: $name', (vector) => {
    const { chunks, ...expected } = vector;
    expect(cut(chunks.map(fromHex), vector)).toEqual({
      lines: expected.lines,
      attachments: expected.attachments,
      heldBytes: expected.refused ? undefined : fromHex(expected.held).length,
      refused: expected.refused !== undefined,
    });
  });

  it.each(cases)('gives the same lines however it is cut: $name', (vector) => {
    const { lines, attachments, refused } = vector;
    const bytes = fromHex(vector.chunks.join(''));
    const cuts: Buffer[][] = [[...bytes].map((byte) => Buffer.of(byte))];
    for (let at = 0; at <= bytes.length; at++) cuts.push([bytes.subarray(0, at), bytes.subarray(at)]);
    for (const pieces of cuts) {
      const got = cut(pieces, vector);
      expect(got.refused).toBe(refused !== undefined);
      expect(got).toMatchObject({ lines, attachments });
    }
  });
});

describe('values.json', () => {
  const { prelude, toPython, toNode, args } = read<ValueVectors>('values.json');
  const evaluate = (js: string): unknown => new Function(`${prelude.js.join('\n')}; return (${js});`)();

  it.each(toPython.filter(isCrossing))('crosses to Python ($column): $name', (vector) => {
    expect(written(encodeFields({ value: evaluate(vector.js) }, undefined, LIMITS))).toEqual(wanted('value', vector));
  });

  it.each(toPython.filter(isRefused))('is refused, naming $path: $name', ({ js, path }) => {
    const refused = refusal(() => encodeFields({ value: evaluate(js) }, undefined, LIMITS));
    expect(refused.path).toBe(path);
  });

  it.each(toNode.filter(isCrossing))('comes from Python ($column): $name', ({ js, json, rich, bin = [] }) => {
    const fields = rich === undefined ? '' : `,"rich":${JSON.stringify(rich)}`;
    const line = parseLine(`{"type":"reply","id":1,"value":${json}${fields}}`);
    const attachments = bin.map((hex) => new Uint8Array(fromHex(hex)));
    const message = messageOf(line, rich === undefined ? undefined : attachments) as ReplyMessage;
    // A deep comparison with Object.is, prototypes and own keys named `constructor` and `__proto__` included.
    expect(isDeepStrictEqual(message.value, evaluate(js))).toBe(true);
  });

  it.each(args.filter(isCrossing))('crosses as arguments ($column): $name', (vector) => {
    const { args } = splitArgs(evaluate(vector.js) as unknown[]);
    expect(written(encodeAsFields({ args }, undefined, LIMITS))).toEqual(wanted('args', vector));
  });

  it.each(args.filter(isRefused))('is refused as an argument, naming $path: $name', ({ js, path }) => {
    const split = splitArgs(evaluate(js) as unknown[]);
    expect(refusal(() => encodeAsFields({ args: split.args }, undefined, LIMITS)).path).toBe(path);
  });
});

function encode(message: Record<string, unknown>): string {
  const id = message.id as number;
  switch (message.type) {
    case 'init':
      return encodeInit(message as unknown as InitMessage);
    case 'call': {
      const { stream, ...asked } = message as unknown as CallMessage;
      const request = requestOf(asked, LIMITS);
      return callLine(id, (stream === undefined ? request : streamed(request, stream, LIMITS)).text);
    }
    case 'map': {
      const frame = encodeMap(message as unknown as CallMessage, LIMITS) as MapFrame;
      const items = (message.items as unknown[]).map((item) => encodePlain(item, LIMITS) as string);
      return mapLine(id, frame, items);
    }
    case 'answer':
      return encodeAnswer(id, message.number as number, encodeFields({ value: message.value }, undefined, LIMITS).text);
    case 'answer.error':
      return encodeAnswerError(id, message.number as number, JSON.stringify(message.error));
    case 'items': {
      const { text } = encodeFields({ values: message.values as unknown[] }, undefined, LIMITS);
      return encodeItems(id, message.input as number, text);
    }
    case 'items.end': {
      const error = message.error === undefined ? undefined : JSON.stringify(message.error);
      return encodeItemsEnd(id, message.input as number, error);
    }
    case 'credit':
      return encodeCredit(message.id as number, message.items as number, message.bytes as number);
    case 'cancel':
      return encodeCancel(message.id as number);
    case 'session.end':
      return encodeSessionEnd(message.session as string);
    case 'lease.end':
      return encodeLeaseEnd(message.lease as number);
    case 'handles.drop':
      return encodeHandlesDrop(message.handles as [number, number][]);
    case 'ping':
      return encodePing(message.number as number);
    case 'kept.drop':
      return encodeKeptDrop(message.kept as number);
    case 'stop':
      return encodeStop();
    default:
      throw new Error(`Node sends no ${String(message.type)}`);
  }
}

/** What Node has written, with the bytes of its attachments. */
function written({ text, bin }: Encoded): unknown {
  const { bin: lengths = [], ...fields } = JSON.parse(`{${text}}`);
  expect(bin.map(({ byteLength }) => byteLength)).toEqual(lengths);
  return { fields, bin: bin.map((bytes) => Buffer.from(bytes).toString('hex')) };
}

function wanted(name: string, { json, rich, bin = [] }: ValueVector & { json: string }): unknown {
  return { fields: { [name]: JSON.parse(json), ...(rich !== undefined && { rich }) }, bin };
}

function cut(pieces: Buffer[], { attachments: announced, messageBytesMax = LIMITS.messageBytesMax }: FrameVector) {
  const reader = new LineReader(messageBytesMax);
  const lines: string[] = [];
  const attachments = announced?.map((): string[] | null => null);
  const onLine = (line: string) => {
    const at = lines.push(line) - 1;
    const lengths = announced?.[at]?.map((hex) => hex.length / 2);
    if (lengths === undefined) return;
    reader.expect(lengths, (came) => {
      attachments![at] = came.map((bytes) => Buffer.from(bytes).toString('hex'));
    });
  };
  try {
    for (const piece of pieces) reader.push(piece, onLine);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return { lines, attachments, heldBytes: undefined, refused: true };
  }
  return { lines, attachments, heldBytes: reader.heldBytes, refused: false };
}

function refusal(act: () => unknown): ValueRefusedError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(ValueRefusedError);
    return error as ValueRefusedError;
  }
  throw new Error('nothing was refused');
}

function fromHex(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

function isCrossing<T extends { column: string }>(vector: T): vector is T & { json: string; js: string } {
  return vector.column !== 'refused';
}

function isRefused<T extends { column: string }>(vector: T): vector is T & { path: string; js: string } {
  return vector.column === 'refused';
}

function read<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`./vectors/${file}`, import.meta.url), 'utf8')) as T;
}

interface MessageVectors {
  messages: { name: string; from: 'node' | 'python'; line: string; message: Record<string, unknown> }[];
  malformed: { name: string; from: 'node' | 'python'; line: string; why: string }[];
}

interface FrameVectors {
  cases: FrameVector[];
}

interface FrameVector {
  name: string;
  chunks: string[];
  lines: string[];
  attachments?: (string[] | null)[];
  held: string;
  messageBytesMax?: number;
  refused?: 'too-long' | 'utf-8';
}

interface ValueVector {
  name: string;
  column: 'same' | 'converted' | 'refused';
  js?: string;
  json?: string;
  rich?: unknown[];
  bin?: string[];
  path?: string;
}

interface ValueVectors {
  prelude: { js: string[]; python: string[] };
  toPython: ValueVector[];
  toNode: ValueVector[];
  args: ValueVector[];
}
