import { describe, expect, it } from 'vitest';
import type { Call } from '../../../src/call/call.js';
import { Prefetch } from '../../../src/lease/prefetch.js';

describe('a function', () => {
  it('is short once it ran twenty times, each for less than the limit', () => {
    const { prefetch, ran, isShort } = begin();
    ran(19, 0.9);
    expect(isShort()).toBe(false);
    ran(1, 0.9);
    expect(isShort()).toBe(true);
    expect(prefetch.isShort(called('g'))).toBe(false);
  });

  it('is not with one that was too long among fewer than a hundred, and is with one in a hundred', () => {
    const { ran, isShort } = begin();
    ran(1, 1);
    ran(98, 0);
    expect(isShort()).toBe(false);
    ran(1, 0);
    expect(isShort()).toBe(true);
    ran(1, 5);
    // The first is the hundred and first by now, and forgotten.
    expect(isShort()).toBe(true);
    ran(1, 5);
    expect(isShort()).toBe(false);
    ran(98, 0);
    expect(isShort()).toBe(false);
    ran(1, 0);
    expect(isShort()).toBe(true);
  });

  it('is what Python finds, however much later Node hears of it, unless it had much to read', () => {
    const { prefetch, isShort } = begin();
    for (let time = 0; time < 20; time += 1) prefetch.ran(called('f'), 50, 0, true);
    expect(isShort()).toBe(true);
    expect(prefetch.counts.overruns).toBe(0);
    prefetch.ran(called('f', { bytes: 65_536 }), 50, 0, true);
    expect(isShort()).toBe(true);
    prefetch.ran(called('f', { bytes: 65_537 }), 50, 0, true);
    expect(isShort()).toBe(false);
    expect(prefetch.counts.overruns).toBe(1);
  });

  it('is not where Python finds it too long, though Node heard of it together with the call before', () => {
    const { prefetch, ran, isShort } = begin();
    ran(20, 0);
    prefetch.ran(called('f'), 0, 1, true);
    expect(isShort()).toBe(false);
    expect(prefetch.counts.overruns).toBe(1);
  });

  it('is not where Python finds it too long, however much there was to read', () => {
    const { prefetch, ran, isShort } = begin();
    ran(20, 0);
    prefetch.ran(called('f', { bytes: 65_537 }), 0, 1, false);
    expect(isShort()).toBe(false);
  });

  it('is not if it was killed since it did not end, and that is counted if another waited behind it', () => {
    const { prefetch, ran, isShort } = begin();
    ran(20, 0);
    prefetch.hung(called('f', { isPlain: false }), true);
    expect(isShort()).toBe(true);
    prefetch.hung(called('f'), true);
    expect(isShort()).toBe(false);
    expect(prefetch.counts.overruns).toBe(1);
  });

  it('is what Node finds where Python tells the time of a large answer that was short', () => {
    const { prefetch, ran, isShort } = begin();
    ran(19, 0);
    prefetch.ran(called('f'), 0.9, 0.5, true);
    expect(isShort()).toBe(true);
    prefetch.ran(called('f'), 1, 0.5, true);
    expect(isShort()).toBe(false);
  });

  it('is not if it ended its worker, however short it was, for the next thousand runs', () => {
    const { prefetch, ran, isShort } = begin();
    ran(20, 0);
    prefetch.broke(called('f', { isPlain: false }));
    expect(isShort()).toBe(true);
    prefetch.broke(called('f'));
    expect(isShort()).toBe(false);
    expect(prefetch.counts.overruns).toBe(0);
    ran(999, 0);
    expect(isShort()).toBe(false);
    ran(1, 0);
    expect(isShort()).toBe(true);
  });

  it('is remembered as long as a thousand others are', () => {
    const { prefetch, ran, isShort } = begin();
    ran(20, 0);
    for (let each = 0; each < 999; each += 1) prefetch.ran(called(`other ${each}`), 0, undefined, false);
    expect(isShort()).toBe(true);
    prefetch.ran(called('one more'), 0, undefined, false);
    expect(isShort()).toBe(false);
  });
});

describe('a call', () => {
  it('of such a function may not wait in a pipe if it says more than its answer, or was made in a function of another', () => {
    const { prefetch, ran } = begin();
    ran(20, 0);
    expect(prefetch.isShort(called('f', { isPlain: false }))).toBe(false);
    expect(prefetch.isShort(called('f', { parent: called('g') }))).toBe(false);
  });

  it('of such a function may not wait in a pipe with more raw bytes than the line takes for certain', () => {
    const { prefetch, ran } = begin();
    ran(20, 0);
    expect(prefetch.isShort(called('f', { bytes: 65_536 }))).toBe(true);
    expect(prefetch.isShort(called('f', { bytes: 65_537 }))).toBe(false);
    // Of text Node has a copy.
    expect(prefetch.isShort(called('f', { text: 'x'.repeat(65_537) }))).toBe(true);
  });

  it('that was short when it asked is not by now if its function has been too long since, or ended its worker', () => {
    for (const turns of ['ran', 'broke'] as const) {
      const { prefetch, ran, nextTicket } = begin();
      ran(20, 0);
      const early = nextTicket();
      expect(prefetch.isLongSince(called('f'), early)).toBe(false);
      if (turns === 'ran') ran(1, 5);
      else prefetch.broke(called('f'));
      expect(prefetch.isLongSince(called('f'), early)).toBe(true);
      // Who asks now knows.
      expect(prefetch.isLongSince(called('f'), nextTicket())).toBe(false);
    }
  });

  it('that was too long is counted if another waited behind it', () => {
    const { prefetch } = begin();
    prefetch.ran(called('f'), 1, undefined, true);
    prefetch.ran(called('f'), 1, undefined, false);
    prefetch.ran(called('f'), 0.9, undefined, true);
    expect(prefetch.counts).toEqual({ ahead: 0, overruns: 1, moved: 0 });
  });
});

it('where nobody may wait in a pipe, nothing is short and nothing is remembered', () => {
  const { prefetch, ran, isShort } = begin(0);
  ran(20, 0);
  prefetch.ran(called('f'), 10, undefined, true);
  expect(isShort()).toBe(false);
  expect(prefetch.counts.overruns).toBe(0);
});

function begin(prefetchMax = 3) {
  let tickets = 0;
  const prefetch = new Prefetch({ prefetchMax, prefetchBelowMs: 1 } as never, () => tickets);
  return {
    prefetch,
    ran: (times: number, ms: number) => {
      for (let time = 0; time < times; time += 1) prefetch.ran(called('f'), ms, undefined, false);
    },
    isShort: () => prefetch.isShort(called('f')),
    nextTicket: () => {
      tickets += 1;
      return tickets;
    },
  };
}

function called(
  name: string,
  { bytes = 0, ...more }: { isPlain?: boolean; parent?: Call; bytes?: number; text?: string } = {},
): Call {
  const request = { text: 'x', bin: bytes > 0 ? [new Uint8Array(bytes - 1)] : [] };
  return { name, isPlain: true, parent: undefined, ...request, ...more } as unknown as Call;
}
