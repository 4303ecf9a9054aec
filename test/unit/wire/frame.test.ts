import { afterEach, describe, expect, it, vi } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { LineReader, writeLine } from '../../../src/wire/frame.js';
import { isMutated } from '../../support/mutated.js';

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

  it.skipIf(isMutated)(
    'reads 64 MiB in pieces of 64 KiB, looking at each byte once and copying it twice at most',
    () => {
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
    },
  );

  it('holds no more than the limit, however small the pieces are', () => {
    const { push, reader } = reading(MIB);
    const pieces = isMutated ? 3_000 : 300_000;
    const allocated = vi.spyOn(Buffer, 'allocUnsafeSlow');
    for (let index = 0; index < pieces; index++) push('x');
    expect(reader.heldBytes).toBe(pieces);
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

  it('doubles its memory as a line grows, from 4 KiB to the limit, and copies no more than it holds', () => {
    const { push } = reading(20_000);
    const pieces = [10, 4_086, 1, 4_095, 1, 10_000].map((bytes) => Buffer.alloc(bytes, 'x'));
    const large = Buffer.alloc(15_000, 'x');
    const allocated = vi.spyOn(Buffer, 'allocUnsafeSlow');
    const copied = vi.spyOn(Buffer.prototype, 'copy');
    for (const piece of pieces) push(piece);
    expect(allocated.mock.calls).toEqual([[4_096], [8_192], [16_384], [20_000]]);
    // Each piece once, and what is held with each growth.
    expect(sum(copied.mock.results)).toBe(18_193 + 4_096 + 8_192 + 8_193);
    const { push: pushOther } = reading(20_000);
    allocated.mockClear();
    pushOther(large);
    expect(allocated.mock.calls).toEqual([[15_000]]);
  });

  it('keeps the memory of a line of 64 KiB, and leaves that of a longer one to the next, whoever reads it', () => {
    const [kept, long, end] = [Buffer.alloc(64 * 1024, 'x'), Buffer.alloc(12 * MIB, 'x'), Buffer.from('\n')];
    const readers = [reading(64 * MIB), reading(64 * MIB)];
    const allocated = vi.spyOn(Buffer, 'allocUnsafeSlow');
    const allocations = (...pieces: Buffer[]) => {
      allocated.mockClear();
      for (const { push } of readers) for (const each of pieces) push(each);
      return allocated.mock.calls.flat();
    };
    expect(allocations(kept, end, kept, end)).toEqual([64 * 1024, 64 * 1024]);
    expect(allocations(long, end, long, end)).toEqual([12 * MIB]);
    expect(allocations(kept, end)).toEqual([64 * 1024, 64 * 1024]);
    expect(readers.flatMap(({ lines }) => lines.map((line) => line.length))).toEqual(
      [0, 1].flatMap(() => [kept, kept, long, long, kept].map(({ length }) => length)),
    );
    vi.restoreAllMocks();
  });

  it('keeps no memory of a line of more than 16 MiB', () => {
    const { push } = reading(64 * MIB);
    const [long, end] = [Buffer.alloc(17 * MIB, 'x'), Buffer.from('\n')];
    const allocated = vi.spyOn(Buffer, 'allocUnsafeSlow');
    for (const each of [long, end, long, end]) push(each);
    expect(allocated.mock.calls.flat()).toEqual([17 * MIB, 17 * MIB]);
    vi.restoreAllMocks();
  });

  it('copies nothing of lines that come whole', () => {
    const { push, lines } = reading(100);
    const pieces = ['a\nb\n', 'ü\n'].map((text) => Buffer.from(text));
    const copied = vi.spyOn(Buffer.prototype, 'copy');
    for (const piece of pieces) push(piece);
    expect([lines, copied.mock.calls]).toEqual([['a', 'b', 'ü'], []]);
  });

  it('does nothing for no bytes', () => {
    const { push, reader, lines } = reading(100);
    push('');
    push('ab');
    push('');
    expect([reader.heldBytes, lines]).toEqual([2, []]);
  });

  it('takes a byte order mark for a part of its line', () => {
    const { push, lines } = reading(100);
    push('\uFEFF{}\n');
    expect(lines).toEqual(['\uFEFF{}']);
  });

  it('asks once for all lines of a piece whether they are ASCII, and decodes such without looking at their characters', () => {
    const { push, lines } = reading(100);
    const decoded = vi.spyOn(TextDecoder.prototype, 'decode');
    push('"a"\n"b"\n"c');
    push('d"\n');
    expect(decoded).not.toHaveBeenCalled();
    push('"e');
    push('ü"\n');
    push('"f"\n"g');
    push('h"\n');
    expect(decoded).toHaveBeenCalledTimes(1);
    expect(lines).toEqual(['"a"', '"b"', '"cd"', '"eü"', '"f"', '"gh"']);
  });

  it('names the length of a line that is no UTF-8, be it held or not', () => {
    const { push } = reading(100);
    push(Buffer.from([0x22, 0xff]));
    expect(() => push('"\n')).toThrow('a line of 3 bytes is no UTF-8');
    const behind = Buffer.concat([Buffer.from('1\n'), Buffer.from([0x22, 0xff, 0x0a])]);
    expect(() => reading(100).push(behind)).toThrow('a line of 2 bytes is no UTF-8');
    expect(() => reading(8).push('12345\n123456789\n')).toThrow(
      'a line has 9 bytes or more, and `messageBytesMax` is 8',
    );
  });

  it('counts the bytes of a line and not those before it against the limit', () => {
    const { push, lines } = reading(4);
    push('1\n1234\n123');
    push('4\n1234\n');
    expect(lines).toEqual(['1', '1234', '1234', '1234']);
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

describe('raw bytes behind a line', () => {
  it('are taken off before the next line, each attachment into memory of its own', () => {
    for (const size of [1, 2, 3, 5, 100]) {
      const reader = new LineReader(100);
      const seen: unknown[] = [];
      const onLine = (line: string) => {
        seen.push(line);
        if (line === 'bytes') reader.expect([3, 0, 2], (all) => seen.push(all.map((each) => [...each])));
      };
      const bytes = Buffer.concat([
        Buffer.from('before\nbytes\n'),
        Buffer.from([1, 10, 3, 255, 10]),
        Buffer.from('after\nbytes\n'),
        Buffer.from([1, 2, 3, 4, 5]),
        Buffer.from('last\n'),
      ]);
      for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size), onLine);
      expect(seen).toEqual([
        'before',
        'bytes',
        [[1, 10, 3], [], [255, 10]],
        'after',
        'bytes',
        [[1, 2, 3], [], [4, 5]],
        'last',
      ]);
      expect(reader.heldBytes).toBe(0);
    }
  });

  it('are taken off in a piece of whole lines, be they ASCII as well and end as a line does', () => {
    const reader = new LineReader(100);
    const seen: unknown[] = [];
    const onLine = (line: string) => {
      seen.push(line);
      if (line === 'bytes') reader.expect([3, 2], (all) => seen.push(all.map((each) => String.fromCharCode(...each))));
    };
    reader.push(Buffer.from('a\nbytes\nb\ncd\nbytes\nxyzuvlast\nbytes\n12\n3\n'), onLine);
    expect(seen).toEqual(['a', 'bytes', ['b\nc', 'd\n'], 'bytes', ['xyz', 'uv'], 'last', 'bytes', ['12\n', '3\n']]);
    expect(reader.heldBytes).toBe(0);
  });

  it('are given as soon as the last of them has come, and are as large as they were said to be', () => {
    const reader = new LineReader(100);
    let given: readonly Uint8Array[] | undefined;
    reader.push(Buffer.from('x\n\x01\x02'), () => reader.expect([4], (all) => (given = all)));
    expect(given).toBeUndefined();
    reader.push(Buffer.from('\x03\x04'), () => {});
    expect(given).toEqual([new Uint8Array([1, 2, 3, 4])]);
    expect(given![0]!.buffer.byteLength).toBe(4);
  });

  it('may be read into their place while many of them are to come', () => {
    const reader = new LineReader(100);
    let given: readonly Uint8Array[] | undefined;
    expect(reader.place).toBeUndefined();
    reader.push(Buffer.from('x\n\x01\x02'), () => reader.expect([200_000, 3], (all) => (given = all)));
    expect(reader.place?.length).toBe(199_998);
    const read = reader.place!.fill(7).subarray(0, 150_000);
    reader.push(read, () => {});
    // A few are read with what follows them.
    expect(reader.place).toBeUndefined();
    reader.push(Buffer.concat([Buffer.alloc(49_998, 8), Buffer.from('abc')]), () => {});
    const [long, short] = given!;
    expect([...long!.subarray(0, 3), long![150_001], long![150_002], long![199_999]]).toEqual([1, 2, 7, 7, 8, 8]);
    expect(String(Buffer.from(short!))).toBe('abc');
    expect(reader.place).toBeUndefined();
  });

  it('are never asked for by more at once than any system reads', () => {
    const reader = new LineReader(100);
    reader.push(Buffer.from('x\n'), () => reader.expect([20 * 1024 * 1024], () => {}));
    expect(reader.place?.length).toBe(16 * 1024 * 1024);
  });

  it('of no length at all are there at once', () => {
    const reader = new LineReader(100);
    const seen: unknown[] = [];
    const onLine = (line: string) => {
      seen.push(line);
      if (line === 'x') reader.expect([], (all) => seen.push(all));
    };
    reader.push(Buffer.from('x\ny\n'), onLine);
    expect(seen).toEqual(['x', [], 'y']);
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
