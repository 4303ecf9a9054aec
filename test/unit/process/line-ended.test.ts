import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type PoolError, ProtocolError } from '../../../src/index.js';
import { lineEnded } from '../../../src/process/python-process.js';

describe('a line that has ended', () => {
  it('says nothing against a process whose end was told late, since Node was held up meanwhile', async () => {
    const unfit: PoolError[] = [];
    let hasEnded = false;
    lineEnded(undefined, () => hasEnded, { onUnfit: (error) => unfit.push(error) });
    const until = performance.now() + 400;
    while (performance.now() < until);
    // The loop hears of it where it looks after its timers: between this immediate and the next.
    setImmediate(() =>
      setImmediate(() => {
        hasEnded = true;
      }),
    );
    await setTimeout(500);
    expect(unfit).toEqual([]);
  });

  it('says that a process is unfit which lives on without it', async () => {
    const unfit = new Promise<PoolError>((resolve) => lineEnded(undefined, () => false, { onUnfit: resolve }));
    const alive = setInterval(() => {}, 1_000);
    expect(await unfit).toMatchObject({ code: 'ERR_PROTOCOL', detail: 'the line was closed while the process lives' });
    clearInterval(alive);
  });

  it('says at once what was wrong with what came over it', () => {
    const reason = { detail: 'no message' };
    const unfit: PoolError[] = [];
    lineEnded(new ProtocolError(reason), () => true, { onUnfit: (error) => unfit.push(error) });
    expect(unfit).toMatchObject([reason]);
  });
});
