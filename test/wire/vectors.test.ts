import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ProtocolError, ValueRefusedError } from '../../src/errors.js';
import { splitArgs } from '../../src/kw.js';
import { LineReader } from '../../src/wire/frame.js';
import {
  type CallMessage,
  callLine,
  decodeMessage,
  encodeCancel,
  encodeCredit,
  encodeInit,
  encodeRequest,
  encodeSessionEnd,
  encodeStop,
  type InitMessage,
  type ReplyMessage,
} from '../../src/wire/message.js';
import { encodeArguments, encodeValue } from '../../src/wire/value.js';

const LIMITS = { depthMax: 200, messageBytesMax: 64 * 1024 * 1024 };

describe('messages.json', () => {
  const { messages, malformed } = read<MessageVectors>('messages.json');
  const fromPython = messages.filter(({ from }) => from === 'python');
  const fromNode = messages.filter(({ from, name }) => from === 'node' && !name.startsWith('fields nobody knows'));

  it.each(fromPython)('is read as it should be: $name', ({ line, message }) => {
    const size = message.type === 'items' ? { bytes: line.length } : {};
    expect(decodeMessage(line)).toEqual({ ...message, ...size });
  });

  it.each(fromNode)('is written as it should be: $name', ({ message }) => {
    const line = encode(message);
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toEqual(message);
  });

  it.each(malformed.filter(({ from }) => from === 'python'))('is refused: $name', ({ line }) => {
    expect(() => decodeMessage(line)).toThrow(ProtocolError);
  });
});

describe('frames.json', () => {
  const { cases } = read<FrameVectors>('frames.json');

  it.each(cases)('is cut into lines as it stands: $name', ({ chunks, ...expected }) => {
    expect(cut(chunks.map(fromHex), expected.messageBytesMax)).toEqual({
      lines: expected.lines,
      heldBytes: expected.refused ? undefined : fromHex(expected.held).length,
      refused: expected.refused !== undefined,
    });
  });

  it.each(cases)('gives the same lines however it is cut: $name', ({ chunks, lines, refused, messageBytesMax }) => {
    const bytes = fromHex(chunks.join(''));
    const cuts: Buffer[][] = [[...bytes].map((byte) => Buffer.of(byte))];
    for (let at = 0; at <= bytes.length; at++) cuts.push([bytes.subarray(0, at), bytes.subarray(at)]);
    for (const pieces of cuts) {
      const got = cut(pieces, messageBytesMax);
      expect(got.refused).toBe(refused !== undefined);
      expect(got.lines).toEqual(lines);
    }
  });
});

describe('values.json', () => {
  const { prelude, toPython, toNode, args } = read<ValueVectors>('values.json');
  const evaluate = (js: string): unknown => new Function(`${prelude.js.join('\n')}; return (${js});`)();

  it.each(toPython.filter(isCrossing))('crosses to Python ($column): $name', ({ js, json }) => {
    expect(JSON.parse(encodeValue(evaluate(js), { root: 'value' }, LIMITS))).toEqual(JSON.parse(json));
  });

  it.each(toPython.filter(isRefused))('is refused, naming $path: $name', ({ js, path }) => {
    const refused = refusal(() => encodeValue(evaluate(js), { root: 'value' }, LIMITS));
    expect(refused.path).toBe(path);
  });

  it.each(toNode.filter(isCrossing))('comes from Python ($column): $name', ({ js, json }) => {
    const message = decodeMessage(`{"type":"reply","id":1,"value":${json}}`) as ReplyMessage;
    // A deep comparison with Object.is, prototypes and own keys named `constructor` and `__proto__` included.
    expect(isDeepStrictEqual(message.value, evaluate(js))).toBe(true);
  });

  it.each(args.filter(isCrossing))('crosses as arguments ($column): $name', ({ js, json }) => {
    const split = splitArgs(evaluate(js) as unknown[]);
    expect(JSON.parse(encodeArguments(split.args, { root: 'args' }, LIMITS))).toEqual(JSON.parse(json));
  });

  it.each(args.filter(isRefused))('is refused as an argument, naming $path: $name', ({ js, path }) => {
    const split = splitArgs(evaluate(js) as unknown[]);
    expect(refusal(() => encodeArguments(split.args, { root: 'args' }, LIMITS)).path).toBe(path);
  });
});

function encode(message: Record<string, unknown>): string {
  switch (message.type) {
    case 'init':
      return encodeInit(message as unknown as InitMessage);
    case 'call':
      return callLine(message.id as number, encodeRequest(message as unknown as CallMessage, LIMITS));
    case 'credit':
      return encodeCredit(message.id as number, message.items as number, message.bytes as number);
    case 'cancel':
      return encodeCancel(message.id as number);
    case 'session.end':
      return encodeSessionEnd(message.session as string);
    case 'stop':
      return encodeStop();
    default:
      throw new Error(`Node sends no ${String(message.type)}`);
  }
}

function cut(pieces: Buffer[], messageBytesMax = LIMITS.messageBytesMax) {
  const reader = new LineReader(messageBytesMax);
  const lines: string[] = [];
  try {
    for (const piece of pieces) reader.push(piece, (line) => lines.push(line));
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return { lines, heldBytes: undefined, refused: true };
  }
  return { lines, heldBytes: reader.heldBytes, refused: false };
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
  cases: {
    name: string;
    chunks: string[];
    lines: string[];
    held: string;
    messageBytesMax?: number;
    refused?: 'too-long' | 'utf-8';
  }[];
}

interface ValueVector {
  name: string;
  column: 'same' | 'converted' | 'refused';
  js?: string;
  json?: string;
  path?: string;
}

interface ValueVectors {
  prelude: { js: string[]; python: string[] };
  toPython: ValueVector[];
  toNode: ValueVector[];
  args: ValueVector[];
}
