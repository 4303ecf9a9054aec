import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type PoolError, ProtocolError } from '../../../src/index.js';
import { lineEnded } from '../../../src/process/python-process.js';

describe('a line that has ended', () => {
  it('says nothing against a process whose end was told late, since Node was held up meanwhile', async () => {
    const unfit: PoolError[] = [];
    let hasEnded = false;
    lineEnded(
      undefined,
      () => hasEnded,
      { onUnfit: (error) => unfit.push(error) },
      () => false,
    );
    const until = performance.now() + 400;
    while (performance.now() < until);
    // The loop hears of it where it looks after its timers: between this immediate and the next.
    globalThis.setImmediate(() =>
      globalThis.setImmediate(() => {
        hasEnded = true;
      }),
    );
    await setTimeout(500);
    expect(unfit).toEqual([]);
  });

  it('says that a process is unfit which lives on without it', async () => {
    const lives = () => false;
    const unfit = new Promise<PoolError>((resolve) => lineEnded(undefined, lives, { onUnfit: resolve }, lives));
    const alive = setInterval(() => {}, 1_000);
    expect(await unfit).toMatchObject({ code: 'ERR_PROTOCOL', detail: 'the line was closed while the process lives' });
    clearInterval(alive);
  });

  it('says at once what was wrong with what came over it', () => {
    const reason = { detail: 'no message' };
    const unfit: PoolError[] = [];
    const isSo = () => true;
    lineEnded(new ProtocolError(reason), isSo, { onUnfit: (error) => unfit.push(error) }, isSo);
    expect(unfit).toMatchObject([reason]);
  });

  describe('of a process that the kernel winds up, and that gets no processor for it,', () => {
    function winding() {
      vi.useFakeTimers();
      onTestFinished(() => void vi.useRealTimers());
      const unfit: PoolError[] = [];
      const process = { isEnding: true };
      const onUnfit = (error: PoolError) => void unfit.push(error);
      const stop = lineEnded(
        undefined,
        () => false,
        { onUnfit },
        () => process.isEnding,
      );
      return { unfit, process, stop };
    }

    it('says nothing, since the end is on its way', async () => {
      const { unfit, stop } = winding();
      for (let time = 0; time < 4_000; time += 500) await goOn(500);
      stop();
      for (let time = 0; time < 4_000; time += 500) await goOn(500);
      expect(unfit).toEqual([]);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('says that it is unfit once it lives after all, as one whose first thread alone has ended', async () => {
      const { unfit, process } = winding();
      await goOn(500);
      process.isEnding = false;
      await goOn(300);
      expect(unfit).toMatchObject([{ code: 'ERR_PROTOCOL' }]);
    });

    it('says so after five seconds, since nobody is to wait for ever for what the kernel does not end', async () => {
      const { unfit } = winding();
      for (let time = 0; time < 6_000; time += 250) await goOn(250);
      expect(unfit).toMatchObject([{ code: 'ERR_PROTOCOL' }]);
    });
  });
});

/** So much later, what had been said by then has been told. */
async function goOn(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  for (let turns = 0; turns < 4; turns++) await setImmediate();
}
