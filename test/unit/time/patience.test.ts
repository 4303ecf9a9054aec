import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { wallClock } from '../../../src/time/clock.js';
import { PatientClock, patienceOn } from '../../../src/time/patience.js';
import { TurnedClock } from '../../fake/turned-clock.js';
import { temporaryFolder } from '../../support/folder.js';

/** A wait of a second on a clock that is turned by hand. */
function oneSecond(whenHeard: (run: () => void) => void = (run) => run()) {
  const clock = new TurnedClock();
  const patience = new PatientClock(clock, whenHeard);
  const ran: number[] = [];
  const wait = patience.setTimeout(() => ran.push(clock.now()), 1_000);
  return { clock, patience, ran, wait };
}

describe('a wait', () => {
  it('ends on the moment where nobody slept', async () => {
    const { clock, ran } = oneSecond();
    await clock.turn(999);
    expect(ran).toEqual([]);
    await clock.turn(1);
    expect(ran).toEqual([1_000]);
    expect(clock.timers).toBe(0);
  });

  it.each([0, 1, 249, 250, 500, 999])('is not over because its watcher slept from %d ms on', async (from) => {
    const { clock, ran } = oneSecond();
    await clock.turn(from);
    clock.sleep(30_000);
    await clock.turn(999 - from);
    expect(ran).toEqual([]);
    await clock.turn(1_000);
    expect(ran).toHaveLength(1);
  });

  it('loses no more than a part to a sleep that nobody could see, since it ended before the part did', async () => {
    const { clock, ran } = oneSecond();
    await clock.turn(10);
    clock.sleep(230);
    await clock.turn(759);
    expect(ran).toEqual([]);
    await clock.turn(1);
    expect(ran).toEqual([1_000]);
  });

  it('comes to its end in twice its length, however often its watcher is held up', async () => {
    const { clock, ran } = oneSecond();
    for (let part = 0; part < 8; part += 1) {
      expect(ran).toEqual([]);
      clock.sleep(5_000);
      await clock.turn(0);
    }
    expect(ran).toEqual([40_000]);
    expect(clock.timers).toBe(0);
  });

  it('is not put off by the lateness of a loop under load', async () => {
    const { clock, ran } = oneSecond();
    for (let part = 0; part < 4; part += 1) {
      clock.sleep(350);
      await clock.turn(0);
    }
    expect(ran).toEqual([1_400]);
  });

  it('is over only when what was said before its end has been told, and never if that has ended it', async () => {
    const heard: (() => void)[] = [];
    const { clock, patience, ran, wait } = oneSecond((run) => heard.push(run));
    await clock.turn(1_000);
    expect(ran).toEqual([]);
    patience.clearTimeout(wait);
    for (const run of heard) run();
    expect(ran).toEqual([]);
  });

  it('is over for good once it is cleared, in whichever part', async () => {
    const { clock, patience, ran, wait } = oneSecond();
    await clock.turn(600);
    patience.clearTimeout(wait);
    await clock.turn(10_000);
    expect(ran).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it('is not divided when it is short', async () => {
    const { clock, patience } = oneSecond();
    const ran: number[] = [];
    patience.setTimeout(() => ran.push(clock.now()), 10);
    clock.sleep(200);
    await clock.turn(9);
    expect(ran).toEqual([]);
    await clock.turn(1);
    expect(ran).toEqual([210]);
  });
});

describe('a patient clock', () => {
  it('tells the time of the clock that it is made of', async () => {
    const { clock, patience } = oneSecond();
    await clock.turn(123);
    expect(patience.now()).toBe(123);
  });

  it('clears nothing where there is nothing to clear', () => {
    const { patience } = oneSecond();
    expect(() => patience.clearTimeout(undefined)).not.toThrow();
  });

  it.each([
    [39, 1],
    [40, 4],
  ])('keeps a wait of %d ms in %d parts', (ms, parts) => {
    const clock = new TurnedClock();
    const set = vi.spyOn(clock, 'setTimeout');
    new PatientClock(clock, (run) => run()).setTimeout(() => {}, ms);
    clock.jump(ms);
    expect(set.mock.calls.map(([, each]) => each)).toEqual(Array.from({ length: parts }, () => ms / parts));
  });

  it('forgives a part that ends more than 100 ms late, and none that is less so', () => {
    for (const [late, isOver] of [
      [100, true],
      [101, false],
    ] as const) {
      const { clock, ran } = oneSecond();
      clock.jump(750);
      clock.sleep(250 + late);
      clock.jump(0);
      expect(ran.length === 1).toBe(isOver);
    }
  });

  it('lets go of a wait whose timer is running already as it is cleared', () => {
    const runs: (() => void)[] = [];
    const clock = { now: () => 0, setTimeout: (run: () => void) => runs.push(run), clearTimeout: () => {} };
    const ran: number[] = [];
    const patience = new PatientClock(clock, (run) => run());
    for (const ms of [10, 1_000]) {
      const wait = patience.setTimeout(() => ran.push(ms), ms);
      patience.clearTimeout(wait);
      for (const run of runs.splice(0)) run();
      // Nor is another part begun.
      expect([ran, runs]).toEqual([[], []]);
    }
  });
});

describe('patience', () => {
  it('is had with the clock on the wall: what came while the loop was held up is heard before the wait is over', async () => {
    const [near, far] = await connected();
    const order: string[] = [];
    const over = new Promise<void>((resolve) => {
      far.on('data', () => order.push('heard'));
      patienceOn(wallClock).setTimeout(() => {
        order.push('over');
        resolve();
      }, 20);
    });
    near.write('x');
    const until = performance.now() + 60;
    while (performance.now() < until);
    await over;
    expect(order).toEqual(['heard', 'over']);
  });

  it('is not had with a clock that was given: a test that turns it does not sleep', () => {
    const clock = new TurnedClock();
    expect(patienceOn(clock)).toBe(clock);
  });
});

/** Both ends of a line: what is written to the one lies in the other as soon as it is written. */
async function connected(): Promise<[Socket, Socket]> {
  const path = join(temporaryFolder(), 'line');
  const server = createServer().listen(path);
  await once(server, 'listening');
  const near = connect(path);
  const [far] = (await once(server, 'connection')) as [Socket];
  await once(near, 'connect');
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}
