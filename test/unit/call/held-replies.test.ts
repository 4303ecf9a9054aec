import { describe, expect, it } from 'vitest';
import { HeldReplyWatch } from '../../../src/call/held-replies.js';
import type { HeldReplies } from '../../../src/process/start-mark.js';
import { whenPolled } from '../../../src/time/polled.js';
import { TurnedClock } from '../../fake/turned-clock.js';

describe('the watch over replies that wait', () => {
  it('takes those that it has seen twice', async () => {
    const { clock, taken, hold } = watching();
    hold({ state: 65_538n, lines: [A] });
    await clock.turn(5);
    await new Promise<void>(whenPolled);
    expect(taken).toEqual([]);
    await clock.turn(5);
    await new Promise<void>(whenPolled);
    expect(taken).toEqual([1]);
  });

  it('takes each that is owed once, and knows which of those that are sent it has taken', async () => {
    const { clock, watch, taken, hold } = watching();
    hold({ state: 65_540n, lines: [A, C, B, 'what a crash has left'] });
    await clock.turn(20);
    await new Promise<void>(whenPolled);
    expect(taken).toEqual([1, 2]);
    expect([1, 2, 3, 1].map((id) => watch.sent(id))).toEqual([true, true, false, false]);
  });

  it('lets alone what changes from one look to the next, and an empty page', async () => {
    const { clock, taken, hold } = watching();
    for (const state of [2n, 65_538n, 131_074n]) {
      hold({ state, lines: [A] });
      await clock.turn(5);
      await new Promise<void>(whenPolled);
    }
    hold({ state: 196_608n, lines: [] });
    await clock.turn(50);
    await new Promise<void>(whenPolled);
    expect(taken).toEqual([]);
  });

  it('hears what was written before them first, and leaves them if they were written too', async () => {
    const { clock, taken, hold } = watching();
    hold({ state: 2n, lines: [A] });
    await clock.turn(10);
    hold({ state: 65_536n, lines: [] });
    await new Promise<void>(whenPolled);
    expect(taken).toEqual([]);
  });

  it('has no timer once no reply can wait for another, and one however often it begins', async () => {
    const { clock, watch, seen } = watching();
    watch.begin();
    expect(clock.timers).toBe(1);
    seen.several = false;
    await clock.turn(5);
    expect(clock.timers).toBe(0);
    watch.begin();
    expect(clock.timers).toBe(1);
  });

  it('has none after its end, and does not begin again', () => {
    const { clock, watch } = watching();
    watch.end();
    expect(clock.timers).toBe(0);
    watch.begin();
    expect(clock.timers).toBe(0);
    watch.end();
  });
});

const [A, B, C] = [1, 2, 3].map((id) => `{"type":"reply","id":${id},"value":null}`) as [string, string, string];

function watching() {
  const clock = new TurnedClock();
  const taken: number[] = [];
  const owed = new Set([1, 2]);
  const seen: { several: boolean; held: HeldReplies | undefined } = { several: true, held: undefined };
  const watch = new HeldReplyWatch(clock, {
    hasSeveral: () => seen.several,
    read: () => seen.held,
    isOwed: (id) => owed.has(id),
    onReply: ({ id }) => {
      owed.delete(id);
      taken.push(id);
    },
  });
  watch.begin();
  const hold = (held: HeldReplies) => {
    seen.held = held;
  };
  return { clock, watch, taken, seen, hold };
}
