import { describe, expect, it } from 'vitest';
import { Pulse } from '../../../src/worker/pulse.js';
import { TurnedClock } from '../../fake/turned-clock.js';

function pulse() {
  const clock = new TurnedClock();
  const asked: number[] = [];
  const silences: string[] = [];
  const worker = { canAnswer: true };
  const watching = new Pulse(
    clock,
    { everyMs: 1_000, timeoutMs: 200 },
    {
      canAnswer: () => worker.canAnswer,
      ask: (number) => asked.push(number),
      onSilent: () => silences.push('silent'),
    },
  );
  return { clock, asked, silences, worker, watching };
}

describe('a pulse', () => {
  it('asks a worker that has said nothing for a while, again and again', async () => {
    const { clock, asked, silences, watching } = pulse();
    await clock.turn(999);
    expect(asked).toEqual([]);
    await clock.turn(1);
    expect(asked).toEqual([1]);
    await clock.turn(50);
    watching.heard();
    watching.answered(1);
    expect(watching.state).toEqual({ answeredMsAgo: 0, tookMs: 50, isUnanswered: false });
    await clock.turn(1_000);
    expect(asked).toEqual([1, 2]);
    expect(watching.state).toEqual({ answeredMsAgo: 1_000, tookMs: 50, isUnanswered: true });
    expect(silences).toEqual([]);
  });

  it('says that a worker is silent when its answer does not come in time', async () => {
    const { clock, silences, watching } = pulse();
    expect(watching.state).toEqual({ answeredMsAgo: null, tookMs: null, isUnanswered: false });
    await clock.turn(1_199);
    expect(silences).toEqual([]);
    await clock.turn(1);
    expect(silences).toEqual(['silent']);
  });

  it('takes whatever a worker says for a sign, so that a busy one is asked nothing', async () => {
    const { clock, asked, watching } = pulse();
    for (let times = 0; times < 20; times += 1) {
      await clock.turn(900);
      watching.heard();
    }
    expect(asked).toEqual([]);
    await clock.turn(1_000);
    expect(asked).toEqual([1]);
  });

  it('takes whatever it says after it was asked for an answer, and asks anew after as long a silence as ever', async () => {
    const { clock, asked, silences, watching } = pulse();
    await clock.turn(1_100);
    watching.heard();
    await clock.turn(999);
    expect([asked, silences]).toEqual([[1], []]);
    expect(watching.state).toEqual({ answeredMsAgo: null, tookMs: null, isUnanswered: false });
    await clock.turn(1);
    expect(asked).toEqual([1, 2]);
    await clock.turn(200);
    expect(silences).toEqual(['silent']);
  });

  it('knows how long an answer took that comes behind something else', async () => {
    const { clock, asked, watching } = pulse();
    await clock.turn(1_020);
    watching.heard();
    await clock.turn(30);
    watching.heard();
    watching.answered(1);
    expect(watching.state).toEqual({ answeredMsAgo: 0, tookMs: 50, isUnanswered: false });
    await clock.turn(999);
    expect(asked).toEqual([1]);
    await clock.turn(1);
    expect(asked).toEqual([1, 2]);
  });

  it('asks nothing of a worker that cannot answer now', async () => {
    const { clock, asked, silences, worker } = pulse();
    worker.canAnswer = false;
    await clock.turn(5_500);
    expect(asked).toEqual([]);
    worker.canAnswer = true;
    await clock.turn(500);
    expect(asked).toEqual([1]);
    expect(silences).toEqual([]);
  });

  it('takes the answer to another question for none', async () => {
    const { clock, silences, watching } = pulse();
    watching.answered(1);
    await clock.turn(1_000);
    watching.answered(7);
    await clock.turn(200);
    expect(silences).toEqual(['silent']);
  });

  it('is over when the worker is', async () => {
    const { clock, asked, silences, watching } = pulse();
    await clock.turn(1_100);
    watching.end();
    watching.heard();
    watching.answered(1);
    await clock.turn(10_000);
    expect([asked, silences]).toEqual([[1], []]);
    expect(clock.timers).toBe(0);
  });
});
