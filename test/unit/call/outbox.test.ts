import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Outbox } from '../../../src/call/outbox.js';
import type { Encoded } from '../../../src/wire/value.js';

/** Files as the test has them: each is there, or is not to be had, when the test says so. */
const files = vi.hoisted(() => ({
  asked: [] as { size: number; isWanted: () => boolean; come: (isThere: boolean) => Promise<void> }[],
  open: new Set<number>(),
  closed: [] as number[],
}));

vi.mock('../../../src/process/shared-file.js', () => ({
  SharedFile: {
    holding: (bytes: Uint8Array, isWanted: () => boolean) =>
      new Promise((resolve) => {
        const descriptor = 10 + files.asked.length;
        const come = async (isThere: boolean) => {
          if (isThere) files.open.add(descriptor);
          const close = () => {
            files.closed.push(descriptor);
            files.open.delete(descriptor);
          };
          resolve(isThere ? { descriptor, inode: 7, close } : undefined);
          await new Promise(setImmediate);
        };
        files.asked.push({ size: bytes.byteLength, isWanted, come });
      }),
  },
}));

describe('what is on its way to a worker', () => {
  let sent: [string, number[]][];
  /** Negative: of what was to be said of that request. */
  let lost: number[];
  /** What waits for the line to take what was sent, which it does at once unless it is full. */
  let line: { isFull: boolean; taken: () => void };
  let outbox: Outbox;

  beforeEach(() => {
    files.asked = [];
    files.open.clear();
    files.closed = [];
    sent = [];
    lost = [];
    line = { isFull: false, taken: () => {} };
    outbox = new Outbox(
      {
        send: (line, bin = []) => sent.push([line, bin.map(({ byteLength }) => byteLength)]),
        whenTaken: (run) => {
          if (line.isFull) line.taken = run;
          return line.isFull;
        },
      },
      (id, isRequest) => {
        lost.push(isRequest ? id : -id);
        if (isRequest) withdraw(id);
      },
    );
  });

  function withdraw(id: number): boolean {
    const isWithdrawn = outbox.withdraw(id);
    outbox.goOn();
    return isWithdrawn;
  }

  it('leaves at once where there is nothing to be shared', () => {
    outbox.send('{"type":"stop"}');
    outbox.request(3, plain, true);
    outbox.request(4, large, false);
    expect(sent).toEqual([
      ['{"type":"stop"}', []],
      ['[3,"f",[]]', [1]],
      ['[4,"g",[]]', [1, 2, 3]],
    ]);
    expect([outbox.hasSent(4), outbox.hasSent(5)]).toEqual([true, false]);
  });

  it('may leave with others at the end of the turn where the worker has something to do as it is', () => {
    const urgent: (boolean | undefined)[] = [];
    const other = new Outbox(
      { send: (_line, _bin, isUrgent) => urgent.push(isUrgent), whenTaken: () => false },
      () => {},
    );
    for (const isUrgent of [true, false]) other.request(3, plain, true, isUrgent);
    expect(urgent).toEqual([true, false]);
  });

  it('waits behind a request that is being written, and comes in its order', async () => {
    outbox.request(3, large, true);
    outbox.send('answer', [bytes(9)], 2);
    outbox.request(4, plain, true);
    outbox.request(5, large, true);
    outbox.send('end');
    expect([sent, outbox.hasSent(3), outbox.hasSent(4)]).toEqual([[], false, false]);
    // The second is done first.
    await files.asked[1]!.come(true);
    await files.asked[2]!.come(true);
    expect(sent).toEqual([]);
    await files.asked[0]!.come(true);
    await files.asked[3]!.come(false);
    expect(sent).toEqual([
      ['[3,"g",[],{"share":[[0,10,7]]}]', [2, 3]],
      ['answer', [9]],
      ['[4,"f",[]]', [1]],
      ['[5,"g",[],{"share":[[0,11,7],[2,12,7]]}]', [2]],
      ['end', []],
    ]);
    expect(outbox.hasSent(5)).toBe(true);
    outbox.answered(3);
    expect([...files.open]).toEqual([11, 12]);
    outbox.answered(5);
    expect([...files.open]).toEqual([]);
    outbox.close();
    // Each once: by then its number may be that of another file.
    expect(files.closed).toEqual([10, 11, 12]);
  });

  it('waits as well if it is several calls, which are sent together', async () => {
    outbox.request(3, large, true);
    outbox.batch(4, 9, '{"type":"map"}');
    expect([sent, outbox.hasSent(4)]).toEqual([[], false]);
    await files.asked[0]!.come(false);
    await files.asked[1]!.come(false);
    expect(sent.at(-1)).toEqual(['{"type":"map"}', []]);
    expect([outbox.hasSent(9), outbox.hasSent(10)]).toEqual([true, false]);
    outbox.batch(10, 12, '{"type":"map"}');
    expect([outbox.hasSent(12), outbox.hasSent(13)]).toEqual([true, false]);
  });

  it('waits with raw bytes while the line is full, since what Node keeps for that cannot be taken back', () => {
    line.isFull = true;
    outbox.request(3, bare, true);
    outbox.send('answer', [bytes(9)], 3);
    outbox.request(4, plain, true);
    outbox.send('credit');
    outbox.request(5, bare, true);
    expect([sent, outbox.hasSent(3), outbox.hasSent(4)]).toEqual([[['[3,"h",[]]', []]], true, false]);
    line.taken();
    expect(sent).toHaveLength(1);
    line.isFull = false;
    line.taken();
    expect(sent.slice(1)).toEqual([
      ['answer', [9]],
      ['[4,"f",[]]', [1]],
      ['credit', []],
      ['[5,"h",[]]', []],
    ]);
    outbox.request(6, plain, true);
    expect(outbox.hasSent(6)).toBe(true);
  });

  it('is taken back from a line that is full, or refused if its bytes were transferred, and holds up nobody', () => {
    const given = bytes(1);
    line.isFull = true;
    outbox.request(3, plain, true);
    outbox.request(4, { ...plain, bin: [given] }, true);
    outbox.request(5, plain, true);
    expect(withdraw(3)).toBe(true);
    structuredClone(given, { transfer: [given.buffer] });
    line.isFull = false;
    line.taken();
    expect([lost, sent]).toEqual([[4], [['[5,"f",[]]', [1]]]]);
  });

  it('waits for room, too, with what it found no file for', async () => {
    line.isFull = true;
    outbox.request(3, large, true);
    await files.asked[0]!.come(true);
    await files.asked[1]!.come(false);
    expect(sent).toEqual([]);
    line.isFull = false;
    line.taken();
    expect(sent).toEqual([['[3,"g",[],{"share":[[0,10,7]]}]', [2, 3]]]);
  });

  it('goes over the line where there is no file to be had', async () => {
    outbox.request(3, large, true);
    await files.asked[0]!.come(false);
    await files.asked[1]!.come(false);
    expect(sent).toEqual([['[3,"g",[]]', [1, 2, 3]]]);
  });

  it('is taken back where it was not sent, and holds up nobody', async () => {
    outbox.request(3, large, true);
    outbox.request(4, plain, true);
    outbox.send('end');
    await files.asked[0]!.come(true);
    expect(withdraw(4)).toBe(true);
    // Who takes it back has something to do before what is behind it is sent.
    expect(outbox.withdraw(3)).toBe(true);
    expect(sent).toEqual([]);
    outbox.goOn();
    expect(sent).toEqual([['end', []]]);
    expect([...files.open]).toEqual([]);
    expect(files.asked[1]!.isWanted()).toBe(false);
    // It was done when it was no longer wanted.
    await files.asked[1]!.come(true);
    expect([[...files.open], sent.length]).toEqual([[], 1]);
    outbox.request(5, plain, true);
    expect([outbox.withdraw(5), outbox.withdraw(3)]).toEqual([false, false]);
  });

  it('is to be taken back where bytes were transferred that are not in a file, and holds up nobody', async () => {
    const [array, small] = [bytes(3), bytes(1)];
    const torn = { ...large, bin: [bytes(1), bytes(2), array] };
    outbox.request(3, torn, true);
    outbox.request(4, { ...plain, bin: [small] }, true);
    outbox.request(5, torn, true);
    outbox.send('answer', [small], 2);
    outbox.send('end');
    structuredClone([array, small], { transfer: [array.buffer, small.buffer] });
    await files.asked[0]!.come(true);
    // Nothing is written of what is there no more.
    await files.asked[1]!.come(true);
    expect(files.asked.map(({ size }) => size)).toEqual([1, 1]);
    // What was to be said of another is left out.
    expect(lost).toEqual([3, 4, 5, -2]);
    expect(sent).toEqual([['end', []]]);
    expect([...files.open]).toEqual([]);
  });

  it('leaves as it was written, if it was transferred after that', async () => {
    const array = bytes(3);
    outbox.request(3, { ...large, bin: [bytes(1), bytes(2), array] }, true);
    await files.asked[0]!.come(true);
    structuredClone(array, { transfer: [array.buffer] });
    await files.asked[1]?.come(true);
    expect([lost, sent]).toEqual([[], [['[3,"g",[],{"share":[[0,10,7],[2,11,7]]}]', [2]]]]);
  });

  it('is gone with its worker, whether it was written, sent or waiting', async () => {
    outbox.request(3, large, true);
    await files.asked[0]!.come(true);
    await files.asked[1]!.come(true);
    outbox.request(4, large, true);
    await files.asked[2]!.come(true);
    outbox.send('end');
    expect([...files.open]).toEqual([10, 11, 12]);
    outbox.close();
    await files.asked[3]!.come(true);
    expect([[...files.open], sent.length, outbox.hasSent(4)]).toEqual([[], 1, false]);
  });
});

const bytes = (length: number) => new Uint8Array(length);
const bare: Encoded = { text: '"h",[]]', bin: [] };
const plain: Encoded = { text: '"f",[]]', bin: [bytes(1)] };
const large: Encoded = { text: '"g",[]]', bin: [bytes(1), bytes(2), bytes(3)], large: [0, 2] };
