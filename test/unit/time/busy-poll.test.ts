import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { PoolOptions } from '../../../src/index.js';
import { BusyPoll, busyPoll } from '../../../src/time/busy-poll.js';
import type { Processors } from '../../../src/time/processors.js';
import { nextTurn } from '../../../src/time/turn.js';
import { PlayedPool } from '../../fake/played-pool.js';

const processors = vi.hoisted(() => vi.fn((): Processors => ({ count: 2, isQuota: false })));
vi.mock('../../../src/time/processors.js', () => ({ processors }));

/** On a loop that is turned by hand, one look each time. */
function polling(processors = 2) {
  const looks: (() => void)[] = [];
  let now = 0;
  const poll = new BusyPoll(
    () => processors,
    () => now,
    (look) => looks.push(look),
  );
  return {
    poll,
    get looks() {
      return looks.length;
    },
    /** How often it looks until it sleeps, if so much time goes by from one look to the next. */
    run(us: number, looksMax = 1_000): number {
      let ran = 0;
      for (; looks.length > 0 && ran < looksMax; ran += 1) {
        looks.shift()?.();
        now += us / 1_000;
      }
      return ran;
    },
  };
}

describe('busy polling', () => {
  it('looks for 50 µs, and then sleeps', () => {
    const { poll, run } = polling();
    poll.atWork = 1;
    poll.soon();
    expect(run(11)).toBe(6);
    expect(run(11)).toBe(0);
  });

  it('looks on for as long again whenever something comes', () => {
    const { poll, run } = polling();
    poll.atWork = 1;
    poll.soon();
    for (let each = 0; each < 10; each += 1) {
      expect(run(11, 4)).toBe(4);
      poll.soon();
    }
    expect(run(11)).toBe(6);
  });

  it('looks for nothing once nothing is owed', () => {
    const { poll, run } = polling();
    poll.soon();
    expect(run(11)).toBe(0);
    poll.atWork = 1;
    poll.soon();
    poll.atWork = 0;
    expect(run(11)).toBe(1);
  });

  it('leaves the processors to the workers that are at work', () => {
    const { poll, run } = polling(4);
    poll.atWork = 4;
    poll.soon();
    expect(run(11)).toBe(0);
    poll.atWork = 3;
    poll.soon();
    expect(run(11, 2)).toBe(2);
    poll.atWork = 4;
    expect(run(11)).toBe(1);
  });

  it('never looks where there is one processor', () => {
    const { poll, run } = polling(1);
    poll.atWork = 1;
    poll.soon();
    expect(run(11)).toBe(0);
  });

  it('is left out the more often the more often nothing came of it, and again less often once something does', () => {
    const { poll, run } = polling();
    poll.atWork = 1;
    const leftOut = (): number => {
      for (let times = 0; ; times += 1) {
        poll.soon();
        if (run(11) > 0) return times;
      }
    };
    expect([0, 1, 2, 3, 4].map(leftOut)).toEqual([0, 1, 3, 7, 15]);
    for (let each = 0; each < 10; each += 1) leftOut();
    expect(leftOut()).toBe(1_023);
    for (let times = 0; times < 1_024; times += 1) poll.soon();
    // As a worker's answer does it: then nothing is owed any more, until the next call.
    for (const _ of Array.from({ length: 9 })) {
      run(11, 2);
      poll.came();
      poll.atWork = 0;
      run(11);
      poll.atWork = 1;
      poll.soon();
    }
    expect(run(11)).toBe(6);
    expect(leftOut()).toBe(3);
  });

  it('takes nothing for worth it that had come before it could look', () => {
    const { poll, run } = polling();
    poll.atWork = 1;
    for (let each = 0; each < 2; each += 1) {
      poll.soon();
      if (each > 0) poll.soon();
      poll.came();
      expect(run(11)).toBe(6);
    }
    for (let each = 0; each < 3; each += 1) poll.soon();
    expect(run(11)).toBe(0);
  });

  it('of the real loop ends by itself, and belongs to nobody', async () => {
    const store = new AsyncLocalStorage<string>();
    const seen = new Set<unknown>();
    let turns = 0;
    const poll = new BusyPoll(
      () => 2,
      () => performance.now(),
      (look) => {
        turns += 1;
        nextTurn(() => {
          seen.add(store.getStore());
          look();
        });
      },
    );
    poll.atWork = 1;
    store.run('whoever sent', () => poll.soon());
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
    for (let before = -1; before !== turns; ) {
      before = turns;
      await turn();
      await turn();
    }
    expect(turns).toBeGreaterThan(1);
    expect([...seen]).toEqual([undefined]);
  });
});

describe('a worker', () => {
  it('is at work from its first request until it owes no answer', async () => {
    const { pool, process } = await playedPool();
    expect(busyPoll.atWork).toBe(0);
    const calls = [pool.call('one'), pool.call('two')];
    for (const name of ['one', 'two']) {
      expect(busyPoll.atWork).toBe(1);
      process.answer(name);
    }
    expect(await Promise.all(calls)).toEqual(['one', 'two']);
    expect(busyPoll.atWork).toBe(0);
  });

  it('is at work no longer once it has ended', async () => {
    const { pool, process, python } = await playedPool();
    const call = pool.call('one');
    expect(busyPoll.atWork).toBe(1);
    process.die();
    python.reap();
    await expect(call).rejects.toMatchObject({ code: 'ERR_WORKER_DIED' });
    expect(busyPoll.atWork).toBe(0);
  });

  it('is looked for when it was sent something and when it says something, as long as anybody waits for it', async () => {
    const { pool, process } = await playedPool();
    const soon = vi.spyOn(busyPoll, 'soon');
    onTestFinished(() => soon.mockRestore());
    // Of as many workers as are at work here, there is always one processor more.
    const room = vi.spyOn(busyPoll, 'hasRoom', 'get').mockImplementation(() => busyPoll.atWork > 0);
    onTestFinished(() => room.mockRestore());
    const giveUp = new AbortController();
    const call = pool.call('one', [], { signal: giveUp.signal });
    expect(soon).toHaveBeenCalledTimes(1);
    process.print('what it prints');
    expect(soon).toHaveBeenCalledTimes(2);
    giveUp.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    process.print('what it prints');
    process.answer('late');
    expect(soon).toHaveBeenCalledTimes(2);
  });

  it.each<[PoolOptions['lane'] & string, Partial<PoolOptions>, Processors, true | undefined]>([
    ['serial', {}, { count: 2, isQuota: false }, true],
    ['serial', {}, { count: 1, isQuota: false }, undefined],
    ['serial', { size: 2 }, { count: 2, isQuota: false }, true],
    ['serial', { size: 2 }, { count: 3, isQuota: true }, true],
    ['serial', { size: 2 }, { count: 2, isQuota: true }, undefined],
    ['serial', { busyPoll: false }, { count: 2, isQuota: false }, undefined],
    ['serial', { limits: { cpuSeconds: 60 } }, { count: 2, isQuota: false }, undefined],
    ['asyncio', {}, { count: 2, isQuota: false }, undefined],
  ])('in the lane %s with %j and %j is told to look: %s', async (lane, options, there, told) => {
    thereAre(there);
    const { process } = await playedPool({ lane, ...options });
    expect(process.init?.busyPoll).toBe(told);
  });

  it.each<[Processors, boolean]>([
    [{ count: 2, isQuota: false }, true],
    [{ count: 1, isQuota: false }, false],
    [{ count: 3, isQuota: true }, true],
    [{ count: 2, isQuota: true }, false],
  ])('that is alone at work is looked for where there are %j: %s', (there, isLookedFor) => {
    thereAre(there);
    busyPoll.atWork = 1;
    onTestFinished(() => {
      busyPoll.atWork = 0;
    });
    expect(busyPoll.hasRoom).toBe(isLookedFor);
  });
});

async function playedPool(options: Partial<PoolOptions> = {}): Promise<PlayedPool> {
  const played = new PlayedPool(options);
  onTestFinished(() => played.destroy());
  await played.boot();
  return played;
}

/** As long as the test runs. */
function thereAre(there: Processors): void {
  processors.mockReturnValue(there);
  onTestFinished(() => void processors.mockReturnValue({ count: 2, isQuota: false }));
}
