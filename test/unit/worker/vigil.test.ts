import { describe, expect, it } from 'vitest';
import { hasLimit, type RunLimits, Vigil } from '../../../src/worker/vigil.js';
import { TurnedClock } from '../../fake/turned-clock.js';

const NONE: RunLimits = { softLimitMs: undefined, hardLimitMs: undefined, heartbeatTimeoutMs: undefined };

function vigil(limits: Partial<RunLimits>, clock = new TurnedClock()) {
  const told: string[] = [];
  const excuse = { is: false };
  const watching = new Vigil(
    clock,
    { ...NONE, ...limits },
    {
      onSlow: (ranMs) => told.push(`slow after ${ranMs}`),
      onHung: (by, ranMs) => told.push(`hung by ${by} after ${ranMs}`),
      isExcused: () => excuse.is,
    },
  );
  return { clock, told, excuse, watching };
}

describe('a vigil', () => {
  it('says once that a call is slow, and once that it hangs', async () => {
    const { clock, told } = vigil({ softLimitMs: 100, hardLimitMs: 300 });
    await clock.turn(99);
    expect(told).toEqual([]);
    await clock.turn(1_000);
    expect(told).toEqual(['slow after 100', 'hung by hard-limit after 300']);
    expect(clock.timers).toBe(0);
  });

  it('never says that a call ran for less than the limit that it ran over, though timers of Node ring early', async () => {
    const early = new EarlyClock();
    const { told } = vigil({ softLimitMs: 100, hardLimitMs: 300 }, early);
    await early.turn(300);
    expect(told).toEqual(['slow after 100', 'hung by hard-limit after 300']);
  });

  it('counts the time since the last beat, however many there were', async () => {
    const { clock, told, watching } = vigil({ heartbeatTimeoutMs: 100 });
    for (let beat = 0; beat < 10; beat += 1) {
      await clock.turn(90);
      watching.beat();
    }
    await clock.turn(99);
    expect(told).toEqual([]);
    await clock.turn(1);
    expect(told).toEqual(['hung by heartbeat after 1000']);
    expect(clock.timers).toBe(0);
  });

  it('begins anew with a call that is excused when its time is up', async () => {
    const { clock, told, excuse } = vigil({ heartbeatTimeoutMs: 100 });
    excuse.is = true;
    await clock.turn(350);
    excuse.is = false;
    await clock.turn(49);
    expect(told).toEqual([]);
    await clock.turn(1);
    expect(told).toEqual(['hung by heartbeat after 400']);
  });

  it('is over when the call is', async () => {
    const { clock, told, watching } = vigil({ softLimitMs: 100, hardLimitMs: 300, heartbeatTimeoutMs: 200 });
    await clock.turn(50);
    watching.end();
    expect(clock.timers).toBe(0);
    await clock.turn(1_000);
    expect(told).toEqual([]);
  });

  it('takes Infinity for no limit', () => {
    expect(vigil({ heartbeatTimeoutMs: Number.POSITIVE_INFINITY }).clock.timers).toBe(0);
  });

  it.each([
    [{}, false],
    [{ heartbeatTimeoutMs: Number.POSITIVE_INFINITY }, false],
    [{ softLimitMs: 0 }, true],
    [{ hardLimitMs: 1 }, true],
    [{ heartbeatTimeoutMs: 1 }, true],
  ])('is kept for %o: %s', (limits, isKept) => {
    expect(hasLimit({ ...NONE, ...limits })).toBe(isKept);
  });
});

/** As Node's own, whose timers count whole milliseconds. */
class EarlyClock extends TurnedClock {
  override setTimeout(run: () => void, ms: number): number {
    return super.setTimeout(run, ms - 0.6);
  }
}
