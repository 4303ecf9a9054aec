import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { PacedReader } from '../../../src/process/paced-reader.js';

describe('a paced reader', () => {
  it('hears small chunks as they come', async () => {
    const { stream, heard } = paced();
    for (const chunk of ['one', 'two']) stream.push(chunk);
    await turn();
    expect(heard.map(String)).toEqual(['one', 'two']);
  });

  it('hears much in pieces, one after the other, and nothing more in between', async () => {
    const { stream, heard, ended } = paced();
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
    stream.push(bytes);
    stream.push(null);
    await turn();
    expect(heard.map(({ length }) => length)).toEqual([16_384]);
    await ended;
    expect(Buffer.concat(heard).equals(bytes)).toBe(true);
    expect(Math.max(...heard.map(({ length }) => length))).toBe(16_384);
  });

  it('hears all of it while a test plays the timers, by which whoever writes would stand still for good', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { stream, heard, ended } = paced();
    stream.push(Buffer.alloc(100_000));
    stream.push(null);
    await ended;
    expect(Buffer.concat(heard)).toHaveLength(100_000);
  });

  it('hears all that is left at once when whoever wrote it has ended, and is paced again for the next', async () => {
    const { reader, stream, heard } = paced();
    stream.push(Buffer.alloc(200_000));
    await turn();
    reader.hurry();
    await turn();
    expect(heard.map(({ length }) => length)).toEqual([16_384, 183_616]);
    reader.pace();
    stream.push(Buffer.alloc(200_000));
    await turn();
    expect(heard.at(-1)).toHaveLength(16_384);
  });
});

function paced() {
  const stream = new Readable({ read: () => {}, highWaterMark: 1_000_000 });
  const heard: Buffer[] = [];
  const reader = new PacedReader(stream, (piece) => heard.push(piece));
  return { reader, stream, heard, ended: new Promise((resolve) => stream.on('end', resolve)) };
}

/** What was pushed has been told, as far as it is told at once. */
function turn(): Promise<void> {
  return new Promise((resolve) => process.nextTick(() => process.nextTick(resolve)));
}
