import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Line, readLines } from '../../../src/cli/lines.js';

describe('reading lines', () => {
  it('gives the same lines however the bytes are cut', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '🐍', '\n', '\r', '"') });
    await fc.assert(
      fc.asyncProperty(text, fc.infiniteStream(fc.integer({ min: 1, max: 5 })), async (input, cuts) => {
        const lines = await collect(pieces(Buffer.from(input), cuts), 1000);
        const expected = input.split('\n');
        if (expected.at(-1) === '') expected.pop();
        expect(lines.map((line) => String(line.bytes))).toEqual(expected);
        expect(lines.map((line) => line.number)).toEqual(expected.map((_, index) => index + 1));
      }),
    );
  });

  it('counts the bytes of the input up to the end of each line, newline included', async () => {
    const lines = await collect([Buffer.from('ab\n\nlong'), Buffer.from('er\nlast')], 1000);
    expect(lines.map((line) => line.endByte)).toEqual([3, 4, 11, 15]);
  });

  it('passes over a line that is too long, says how long it is at the least, and reads on after it', async () => {
    const chunks = ['12345678\n12345', '6789', '01234567890', '1\n\n12\n123456789\n1'].map((text) => Buffer.from(text));
    const lines = await collect(chunks, 8);
    expect(lines.map((line) => [line.number, line.bytes?.toString(), line.byteLength])).toEqual([
      [1, '12345678', 8],
      [2, undefined, 9],
      [3, '', 0],
      [4, '12', 2],
      [5, undefined, 9],
      [6, '1', 1],
    ]);
  });

  it('gives a line that is too long without waiting for its end, which may never come', async () => {
    async function* zeros(): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.alloc(3);
    }
    const lines = readLines(zeros(), 8);
    expect((await lines.next()).value).toEqual({ number: 1, bytes: undefined, byteLength: 9, endByte: 9 });
  });

  it('gives a line before the next chunk is asked for, so that a slow input is answered at once', async () => {
    let asked = 0;
    async function* slow(): AsyncGenerator<Buffer> {
      asked += 1;
      yield Buffer.from('1\n2\n');
      asked += 1;
      yield Buffer.from('3\n');
    }
    const lines = readLines(slow(), 100);
    await lines.next();
    await lines.next();
    expect(asked).toBe(1);
  });
});

async function collect(chunks: Iterable<Buffer>, lineBytesMax: number): Promise<Line[]> {
  async function* source(): AsyncGenerator<Buffer> {
    yield* chunks;
  }
  const lines: Line[] = [];
  for await (const line of readLines(source(), lineBytesMax)) lines.push(line);
  return lines;
}

function* pieces(bytes: Buffer, lengths: Iterator<number>): Generator<Buffer> {
  for (let start = 0; start < bytes.length; ) {
    const end = start + (lengths.next().value as number);
    yield bytes.subarray(start, end);
    start = end;
  }
}
