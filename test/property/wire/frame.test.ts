import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { LineReader, writeLine } from '../../../src/wire/frame.js';

describe('lines', () => {
  it('come out as they went in, however their bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(line()), cuts(), (lines, sizes) => {
        const pieces = cut(Buffer.from(lines.map(writeLine).join('')), sizes);
        expect(read(pieces, 1 << 20)).toEqual({ lines, heldBytes: 0 });
      }),
    );
  });

  it('come out as they went in when each byte comes alone', () => {
    fc.assert(
      fc.property(fc.array(line()), (lines) => {
        expect(read(cut(Buffer.from(lines.map(writeLine).join('')), [1]), 1 << 20)).toEqual({ lines, heldBytes: 0 });
      }),
    );
  });

  it('keep a character of four bytes whole at every place a cut can have', () => {
    const bytes = Buffer.from(writeLine('"x🐍ü世"'.repeat(3)));
    for (let at = 0; at <= bytes.length; at++) {
      for (let next = at; next <= bytes.length; next++) {
        const pieces = [bytes.subarray(0, at), bytes.subarray(at, next), bytes.subarray(next)];
        expect(read(pieces, 1 << 20).lines).toEqual(['"x🐍ü世"'.repeat(3)]);
      }
    }
  });

  it('are the same of any bytes at all, cut or whole, up to the one that is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), cuts(), fc.integer({ min: 1, max: 40 }), (bytes, sizes, limit) => {
        expect(read(cut(Buffer.from(bytes), sizes), limit)).toEqual(read([Buffer.from(bytes)], limit));
      }),
    );
  });

  it('are never longer than the limit, and what is held is not either', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), cuts(), fc.integer({ min: 1, max: 40 }), (bytes, sizes, limit) => {
        const { lines, heldBytes } = read(cut(Buffer.from(bytes), sizes), limit);
        for (const text of lines) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(limit);
        expect(heldBytes ?? 0).toBeLessThanOrEqual(limit);
      }),
    );
  });
});

/** Any text that can be UTF-8 and is one line, ASCII or not. */
function line(): fc.Arbitrary<string> {
  const characters = fc.oneof(fc.string({ unit: 'binary-ascii' }), fc.string({ unit: 'binary' }));
  return characters.map((text) => Buffer.from(text).toString().replaceAll('\n', ' '));
}

/** The sizes of the pieces, over and over. */
function cuts(): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 });
}

function cut(bytes: Buffer, sizes: number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let start = 0, turn = 0; start < bytes.length; turn++) {
    const end = start + sizes[turn % sizes.length]!;
    pieces.push(bytes.subarray(start, end));
    start = end;
  }
  return pieces;
}

/** The lines, and what is held at the end: `undefined` once the reader has refused. */
function read(pieces: Buffer[], messageBytesMax: number): { lines: string[]; heldBytes: number | undefined } {
  const reader = new LineReader(messageBytesMax);
  const lines: string[] = [];
  try {
    for (const piece of pieces) reader.push(piece, (text) => lines.push(text));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { lines, heldBytes: undefined };
  }
  return { lines, heldBytes: reader.heldBytes };
}
