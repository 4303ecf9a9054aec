import { describe, expect, it, onTestFinished } from 'vitest';
import { PlayedPool } from './played-pool.js';
import { heard } from './turned-clock.js';

describe('an overload of ten times what four workers can do, for a minute', () => {
  it('lets nobody who is served wait for more than twice the target, but for the first moments', {
    timeout: 300_000,
  }, async () => {
    const targetMs = 200;
    const sentAt = new Map<number, number>();
    const waits: number[] = [];
    const due: { at: number; answer: () => void }[] = [];
    const played = new PlayedPool(
      { size: 4, shed: { targetMs }, queueMax: 1_000_000 },
      {
        serve: ({ args }, process) => {
          waits.push(clock.now() - (sentAt.get(args[0] as number) as number));
          due.push({ at: clock.now() + SERVICE_MS, answer: () => process.answer(null) });
        },
      },
    );
    onTestFinished(() => played.destroy());
    const { clock, pool } = played;
    await played.boot();
    let [asked, served, shed, waitingMax] = [0, 0, 0, 0];
    for (let ms = 0; ms < MINUTE_MS; ms += STEP_MS) {
      for (let each = 0; each < CALLERS_EACH; each += 1) {
        asked += 1;
        sentAt.set(asked, clock.now());
        pool.call('serve', [asked]).then(
          () => {
            served += 1;
          },
          ({ code }) => {
            if (code === 'ERR_OVERLOADED') shed += 1;
          },
        );
      }
      clock.jump(STEP_MS);
      while (due.length > 0 && due[0]!.at <= clock.now()) due.shift()?.answer();
      await heard();
      waitingMax = Math.max(waitingMax, pool.stats().waiting);
    }
    const { calls, waiting } = pool.stats();
    expect(calls).toMatchObject({ asked, answered: served, shed, running: waiting + 4, refused: 0 });
    // Nothing is lost of what four workers can do.
    expect(served).toBeGreaterThanOrEqual((4 * MINUTE_MS) / SERVICE_MS - 8);
    waits.sort((one, other) => one - other);
    const p99 = waits[Math.floor(waits.length * 0.99)] as number;
    console.log(
      `asked ${asked}, served ${served}, shed ${shed}; waits of the served: p50 ${waits[waits.length >> 1]} ms, p99 ${p99} ms, longest ${waits.at(-1)} ms; at most ${waitingMax} wait`,
    );
    expect(p99).toBeLessThanOrEqual(2 * targetMs);
    // What comes in while the longest of them waits.
    expect(waitingMax).toBeLessThanOrEqual(((2 * targetMs + 200) / STEP_MS) * CALLERS_EACH);
  });
});

const SERVICE_MS = 20;
const STEP_MS = 5;
/** Ten times what four workers serve in a step. */
const CALLERS_EACH = (10 * 4 * STEP_MS) / SERVICE_MS;
const MINUTE_MS = 60_000;
