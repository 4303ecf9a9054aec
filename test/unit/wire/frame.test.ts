import { afterEach, describe, expect, it, vi } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { LineReader, writeLine } from '../../../src/wire/frame.js';

const MIB = 1024 * 1024;

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a line', () => {
  it('ends with one newline', () => {
    expect(writeLine('{"a":1}')).toBe('{"a":1}\n');
  });
});

describe('a LineReader', () => {
  it('gives nothing before the newline has come, and says how much it holds', () => {
    const { reader, lines, push } = reading(100);
    push('{"a":');
    expect(lines).toEqual([]);
    expect(reader.heldBytes).toBe(5);
    push('1}\n');
    expect(lines).toEqual(['{"a":1}']);
    expect(reader.heldBytes).toBe(0);
  });

  it('reads 64 MiB in pieces of 64 KiB, looking at each byte once and copying it twice at most', () => {
    const pieces = 1024;
    const piece = Buffer.alloc(64 * 1024, 'x');
    const { lines, reader } = reading(64 * MIB);
    const looked = vi.spyOn(Buffer.prototype, 'indexOf');
    const copied = vi.spyOn(Buffer.prototype, 'copy');
    for (let index = 0; index < pieces; index++) reader.push(piece, (line) => lines.push(line));
    reader.push(Buffer.from('\n'), (line) => lines.push(line));
    expect(lines.map((line) => line.length)).toEqual([64 * MIB]);
    // One search a piece, one more behind the newline, and each within its piece.
    expect(looked).toHaveBeenCalledTimes(pieces + 2);
    expect(sum(copied.mock.results)).toBeLessThanOrEqual(2 * 64 * MIB);
  });

  it('holds no more than the limit, however small the pieces are', () => {
    const { push, reader } = reading(MIB);
    const allocated = vi.spyOn(Buffer, 'allocUnsafeSlow');
    for (let index = 0; index < 300_000; index++) push('x');
    expect(reader.heldBytes).toBe(300_000);
    expect(Math.max(...allocated.mock.calls.map(([bytes]) => bytes))).toBeLessThanOrEqual(MIB);
    expect(allocated.mock.calls.length).toBeLessThan(10);
  });

  it('gives the memory of a long line back when it has come, and keeps that of short ones', () => {
    const { push } = reading(8 * MIB);
    const pieces = ['x'.repeat(2 * MIB), '\n', 'x', '\n', 'x', '\n'].map((text) => Buffer.from(text));
    const allocated = vi.spyOn(Buffer, 'allocUnsafeSlow');
    for (const piece of pieces) push(piece);
    expect(allocated.mock.calls).toEqual([[2 * MIB], [4096]]);
  });

  it('refuses a line over the limit as soon as it is too long, and takes one of just that length', () => {
    const { push, lines } = reading(8);
    push('12345678\n1234');
    push('5678\n');
    expect(lines).toEqual(['12345678', '12345678']);
    push('12345678');
    expect(() => push('9')).toThrow(ProtocolError);
    expect(() => reading(8).push('123456789')).toThrow(/9 bytes or more, and `messageBytesMax` is 8/);
    expect(() => reading(8).push('123456789\n')).toThrow(ProtocolError);
  });

  it('gives the lines before a bad one', () => {
    const { push, lines } = reading(8);
    expect(() => push('1\n22\n123456789\n4\n')).toThrow(ProtocolError);
    expect(lines).toEqual(['1', '22']);
  });

  it('takes a line that is not ASCII after one that is, and the other way round', () => {
    const { push, lines } = reading(100);
    push('"ab');
    push('ü');
    push('c"\n"a');
    push('b"\n');
    push('"ü"\n"a"\n');
    expect(lines).toEqual(['"abüc"', '"ab"', '"ü"', '"a"']);
  });

  it('refuses what is no UTF-8, be it in one piece or in two', () => {
    expect(() => reading(100).push(Buffer.from([0x22, 0xff, 0x22, 0x0a]))).toThrow(/a line of 3 bytes is no UTF-8/);
    const { push } = reading(100);
    push(Buffer.from([0x22, 0xf0, 0x9f]));
    expect(() => push('"\n')).toThrow(ProtocolError);
  });

  it('keeps nothing of a piece, so that its memory may be used again', () => {
    const { push, lines } = reading(100);
    const piece = Buffer.from('"ab');
    push(piece);
    piece.fill('z');
    push('c"\n');
    expect(lines).toEqual(['"abc"']);
  });
});

function reading(messageBytesMax: number) {
  const reader = new LineReader(messageBytesMax);
  const lines: string[] = [];
  const push = (piece: string | Buffer) =>
    reader.push(typeof piece === 'string' ? Buffer.from(piece) : piece, (line) => lines.push(line));
  return { reader, lines, push };
}

function sum(results: readonly { value: unknown }[]): number {
  return results.reduce((total, { value }) => total + (value as number), 0);
}
