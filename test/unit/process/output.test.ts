import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutputLines, Tail } from '../../../src/process/output.js';

describe('output lines', () => {
  it('come out whole, however the bytes were cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ''))),
        fc.array(fc.nat()),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          expect(linesOf(...cutAt(bytes, cuts))).toEqual(lines);
        },
      ),
    );
  });

  it('end with the stream: what has no newline is a line too', () => {
    expect(linesOf(Buffer.from('one\ntwo'))).toEqual(['one', 'two']);
    expect(linesOf(Buffer.from('one\n'))).toEqual(['one']);
    expect(linesOf()).toEqual([]);
  });

  it('keep empty lines', () => {
    expect(linesOf(Buffer.from('\n\none\n'))).toEqual(['', '', 'one']);
  });

  it('say something of bytes that are no text', () => {
    expect(linesOf(Buffer.from([0x66, 0xff, 0x0a]))).toEqual(['f\ufffd']);
    expect(linesOf(Buffer.from([0xe2, 0x82]))).toEqual(['\ufffd']);
  });

  it('are cut when they never end, so that nothing is kept for ever', () => {
    const seen: string[] = [];
    const output = new OutputLines((line) => seen.push(line));
    for (let chunk = 0; chunk < 40; chunk += 1) output.push(Buffer.alloc(10_000, 'x'));
    expect(seen.length).toBeGreaterThanOrEqual(5);
    output.end();
    expect(seen.join('')).toBe('x'.repeat(400_000));
    expect(Math.max(...seen.map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024);
  });
});

describe('the tail', () => {
  it('keeps the last twenty lines, in order', () => {
    const tail = new Tail();
    for (let line = 1; line <= 30; line += 1) tail.push(`line ${line}`);
    expect(tail.lines).toEqual(Array.from({ length: 20 }, (_, index) => `line ${index + 11}`));
  });

  it('gives a copy that does not change with what comes later', () => {
    const tail = new Tail();
    tail.push('one');
    const { lines } = tail;
    tail.push('two');
    expect(lines).toEqual(['one']);
  });

  it('cuts a line that is far too long', () => {
    const tail = new Tail();
    tail.push('x'.repeat(1_000_000));
    expect(tail.lines[0]?.length).toBe(64 * 1024);
  });
});

function linesOf(...chunks: Buffer[]): string[] {
  const lines: string[] = [];
  const output = new OutputLines((line) => lines.push(line));
  for (const chunk of chunks) output.push(chunk);
  output.end();
  return lines;
}

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((one, other) => one - other);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
}
