import { describe, expect, it } from 'vitest';
import type { Pipe } from '../../../src/call/pipe.js';
import { type Kept, KeptFunctions, keep, keptOf } from '../../../src/objects/keep.js';
import { encodeKeptDrop } from '../../../src/wire/message.js';

describe('a function that is kept', () => {
  it('is dropped by each worker that has it, once, when it is released, whatever it came by', () => {
    const { fn, kept, dropped, one, other } = keeping();
    one.add(kept, 7);
    one.add(kept, 'ann');
    other.add(kept, 8);
    expect([one.get(7, kept.number), one.get('ann', kept.number)]).toEqual([kept, kept]);
    fn.release();
    fn.release();
    expect(dropped).toEqual(['one', 'other']);
    expect([one.get(7, kept.number), one.get('ann', kept.number), other.get(8, kept.number)]).toEqual(
      Array(3).fill(undefined),
    );
    // Nothing is left that Python is to be told of as these end.
    expect([one.end(7), one.end('ann'), other.end(8)]).toEqual([false, false, false]);
  });

  it('is dropped by no worker where all that it came by has ended, since it is forgotten there', () => {
    const { fn, kept, dropped, one, other } = keeping();
    one.add(kept, 7);
    one.add(kept, 'ann');
    other.add(kept, 8);
    expect([one.end(7), one.get(7, kept.number), one.get('ann', kept.number)]).toEqual([true, undefined, kept]);
    other.endAll();
    expect(other.get(8, kept.number)).toBeUndefined();
    fn.release();
    expect(dropped).toEqual(['one']);
  });

  it('is the one that was released, and none that came by the same', () => {
    const { fn, kept, dropped, one } = keeping();
    const another = keptOf(keep(() => {})) as Kept;
    one.add(kept, 7);
    one.add(another, 7);
    fn.release();
    expect([one.get(7, kept.number), one.get(7, another.number)]).toEqual([undefined, another]);
    expect([dropped, one.end(7)]).toEqual([['one'], true]);
  });
});

/** One that is kept, and two workers, of which is noted which of them is told to drop it. */
function keeping() {
  const fn = keep(() => {});
  const kept = keptOf(fn) as Kept;
  const dropped: string[] = [];
  const workerOf = (name: string) =>
    new KeptFunctions({
      say: (line: string) => {
        expect(line).toBe(encodeKeptDrop(kept.number));
        dropped.push(name);
      },
    } as unknown as Pipe);
  return { fn, kept, dropped, one: workerOf('one'), other: workerOf('other') };
}
