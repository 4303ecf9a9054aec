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

  it('keeps of a crash its innermost calls, however many there are and whatever is written behind them', () => {
    const before = ['Fatal Python error: Segmentation fault', '', ...threadOf(4), ''];
    const crash = ['Current thread 0x00007f878e7b22c0 [python3] (most recent call first):', ...callsOf(40)];
    const behind = [
      '  ...',
      '',
      "Current thread's C stack trace (most recent call first):",
      ...Array.from({ length: 32 }, (_, at) => `  Binary file "/usr/bin/python3", at +0x${at} [0x${at}]`),
      '',
      ...threadOf(4),
      '',
      'Extension modules: numpy.core._multiarray_umath (total: 1)',
    ];
    const tail = new Tail();
    for (const line of [...before, ...crash, ...behind]) tail.push(line);
    expect(tail.lines).toEqual(crash.slice(0, 20));
  });

  it('lets go of a crash that was not the end, as of a process that the worker had started', () => {
    const tail = new Tail();
    const crash = ['Current thread 0x00007f878e7b22c0 (most recent call first):', ...callsOf(40)];
    const later = Array.from({ length: 20 }, (_, index) => `line ${index}`);
    for (const line of [...crash, '', ...later.slice(0, 5)]) tail.push(line);
    expect(tail.lines.slice(-5)).toEqual(later.slice(0, 5));
    for (const line of later.slice(5)) tail.push(line);
    expect(tail.lines).toEqual(later);
    for (const line of crash) tail.push(line);
    expect(tail.lines).toEqual(crash.slice(0, 20));
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

/** What `faulthandler` writes of so many calls, the innermost first. */
function callsOf(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `  File "/home/ann/model.py", line ${at + 1} in load`);
}

function threadOf(calls: number): string[] {
  return ['Thread 0x00007f878e3a06c0 (most recent call first):', ...callsOf(calls)];
}

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
