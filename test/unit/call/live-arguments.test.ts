import { describe, expect, it, vi } from 'vitest';
import { type AskingCall, LiveArguments } from '../../../src/call/live-arguments.js';
import type { ValueLimits } from '../../../src/wire/value.js';

describe('the items of an iterable', () => {
  it('go many in one message, those too that JSON has no word for, each as it was when it was yielded', () => {
    const row = { n: 0n };
    function* items() {
      for (; row.n < 3n; row.n += 1n) yield row;
      yield 'text';
      yield new Date(5);
    }
    expect(saidOf(items())).toEqual([
      // The first by itself, so that Python has something to do.
      { values: [{ n: '0' }], rich: [[['values', 0, 'n'], 'int']] },
      {
        values: [{ n: '1' }, { n: '2' }, 'text', 5],
        rich: [
          [['values', 0, 'n'], 'int'],
          [['values', 1, 'n'], 'int'],
          [['values', 3], 'datetime'],
        ],
      },
      END,
    ]);
  });

  it('have a message each where they have raw bytes, and what comes before them goes before', () => {
    expect(saidOf([0, 1n, new Uint8Array(2), 7n].values())).toEqual([
      { values: [0] },
      { values: ['1'], rich: [[['values', 0], 'int']] },
      { values: [null], rich: [[['values', 0], 'bytes', 0]], bin: [2] },
      { values: ['7'], rich: [[['values', 0], 'int']] },
      END,
    ]);
  });

  it('go as far as there are any while their source takes its time over the next', async () => {
    let go = () => {};
    async function* items() {
      yield* [0, 1, 2];
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      yield 3;
    }
    const said = saidOf(items());
    await vi.waitFor(() => expect(said).toEqual([{ values: [0] }, { values: [1, 2] }]));
    go();
    await vi.waitFor(() => expect(said.slice(2)).toEqual([{ values: [3] }, END]));
  });

  it('go before one that is refused', () => {
    const [first, second, end] = saidOf([0, 1n, 2n, undefined, 3n].values());
    expect([first?.values, second?.values]).toEqual([[0], ['1', '2']]);
    expect(end).toMatchObject({ error: { message: expect.stringContaining('`values[0]` is undefined') } });
  });

  it('are read no further than one that is refused, and their source is closed', () => {
    let isClosed = false;
    function* items() {
      try {
        yield 0;
        yield undefined;
      } finally {
        isClosed = true;
      }
    }
    saidOf(items());
    expect(isClosed).toBe(true);
  });

  it('go in as many messages as it takes for none of them to be too large', () => {
    const dates = Array.from({ length: 100 }, (_, number) => new Date(number));
    const said = saidOf(dates.values(), { ...LIMITS, messageBytesMax: 1_000 });
    expect(said.flatMap(({ values = [] }) => values)).toEqual(dates.map(Number));
    for (const { values = [], rich = [] } of said) {
      expect(rich).toEqual(values.map((_, index) => [['values', index], 'datetime']));
      expect(JSON.stringify({ values, rich }).length).toBeLessThan(1_000);
    }
    expect(said.length).toBeLessThan(dates.length / 2);
  });

  it('are at the most a megabyte and one batch ahead of what Python has read, and go on as it reads', () => {
    let ended = 0;
    const sent: number[] = [];
    const large = 'x'.repeat(300_000);
    const call = callThatSays(({ values }) => {
      if (values === undefined) ended += 1;
      else sent.push(values.length);
    });
    const given = new LiveArguments({ ...LIMITS, messageBytesMax: 1_000_000 });
    const input = given.onIterable(Array.from({ length: 9 }, () => large).values());
    const pull = (items: number) => given.pull({ type: 'pull', id: 1, input, items }, call, () => () => {});
    const counts = [256, 1, 1, 4].map((items) => {
      pull(items);
      return sent.length;
    });
    // The fourth goes with 900 kB unread.
    expect([counts, ended]).toEqual([[4, 5, 6, 9], 1]);
  });
});

interface Said {
  readonly values?: readonly unknown[];
  readonly rich?: readonly unknown[];
  readonly bin?: readonly number[];
  readonly error?: object;
}

/** What Python is told that has room for all of them, without what each message has. */
function saidOf(iterable: Iterable<unknown> | AsyncIterable<unknown>, limits: ValueLimits = LIMITS): Said[] {
  const said: Said[] = [];
  const given = new LiveArguments(limits);
  const input = given.onIterable(iterable);
  const call = callThatSays((each) => void said.push(each));
  given.pull({ type: 'pull', id: 1, input, items: 256 }, call, () => () => {});
  return said;
}

/** @param say Gets each message without what all have. */
function callThatSays(say: (said: Said) => void): AskingCall {
  return {
    name: 'total',
    worker: undefined,
    run: async <T>(run: () => T): Promise<Awaited<T>> => await run(),
    say: (encode) => {
      const { type: _type, id: _id, input: _input, ...rest } = JSON.parse(encode(1));
      say(rest);
    },
  };
}

const END: Said = {};
const LIMITS: ValueLimits = { depthMax: 10, messageBytesMax: 100_000, attachmentBytesMax: 1_000 };
